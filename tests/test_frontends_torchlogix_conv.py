"""Convolutions, pooling and residual blocks: files by torchlogix itself, judged by torchlogix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_torchlogix import check_image_net, save_module, torchlogix, trained
from torch import nn

from gatec import compile as compile_net
from gatec.bits import from_integers, pack, unpack
from gatec.blocks_conv import LutConv
from gatec.errors import DifferentError, ModelError
from gatec.frontends import ReadOptions, from_module, inspect_model, read_model, write_neutral
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering
from gatec.verify import verify_folder


@pytest.fixture(autouse=True)
def _same_wiring() -> None:
    torch.manual_seed(0)


def conv(**changes: Any) -> nn.Module:
    """Return a convolution over 3x5x6 images; keywords change it."""
    kind = changes.pop("kind", "LogicConv2d")
    options = {
        "in_dim": (5, 6),
        "channels": 3,
        "num_kernels": 4,
        "tree_depth": 2,
        "receptive_field_size": 3,
        "padding": 1,
    }
    return getattr(torchlogix(), kind)(**(options | changes))


CONVOLUTIONS = {
    "plain": {},
    "one level": {"tree_depth": 1},
    "stride": {"stride": 2, "tree_depth": 3},
    "no padding": {"padding": 0, "receptive_field_size": (3, 2)},
    "unique": {"connections_kwargs": {"init_method": "random-unique"}},
    "groups": {"connections_kwargs": {"channel_group_size": 2}},
    "light": {"parametrization": "light"},
    "light 4": {"parametrization": "light", "lut_rank": 4},
    "warp": {"parametrization": "warp"},
    "warp 4": {"parametrization": "warp", "lut_rank": 4},
    "warp 6": {"parametrization": "warp", "lut_rank": 6, "tree_depth": 1},
    "light 6": {"parametrization": "light", "lut_rank": 6, "tree_depth": 1},
    "volume": {"kind": "LogicConv3d", "in_dim": (3, 4, 5), "channels": 2, "stride": 2},
    "transposed": {
        "kind": "LogicConvTranspose2d",
        "in_dim": (4, 5),
        "stride": 2,
        "output_padding": 1,
    },
    "transposed volume": {
        "kind": "LogicConvTranspose3d",
        "in_dim": 2,
        "channels": 2,
        "stride": 2,
        "padding": 0,
    },
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(tmp_path: Path, name: str) -> None:
    layer = conv(**CONVOLUTIONS[name])
    net = trained(layer, seed=3)
    model = read_model(save_module(net, tmp_path / "net.pt"))
    shape = (layer.channels, *layer.in_dim)
    check_image_net(model, net, shape)
    check_lowering(model, lower(model))
    (block,) = model.blocks[1:]
    assert isinstance(block, LutConv)
    # Weights are there once, however many positions they serve.
    assert sum(level.size for level in block.tables) < block.num_gates
    write_neutral(model, tmp_path / "copy.npz")
    again = read_model(tmp_path / "copy.npz", ReadOptions(name="net"))
    assert list(again.lines()) == list(model.lines())
    check_image_net(again, net, shape)


def pooled_net(seed: int = 0, classes: int = 3, tau: float = 2.0, beta: float = 1.5) -> Any:
    layers = torchlogix()
    return trained(
        conv(in_dim=8, channels=2, num_kernels=6),
        layers.OrPooling2d(kernel_size=2, stride=2, padding=0),
        conv(in_dim=4, channels=6, num_kernels=9),
        layers.OrPooling2d(kernel_size=2, stride=2, padding=1),
        nn.Flatten(),
        layers.LogicDense(81, 60),
        layers.LogicDense(
            60, 30, connections="learnable", connections_kwargs={"num_candidates": 4}
        ),
        layers.GroupSum(classes, tau=tau, beta=beta),
        seed=seed,
    )


def test_pooling_dense_layers_and_group_sum(tmp_path: Path) -> None:
    net = pooled_net()
    model = read_model(save_module(net, tmp_path / "net.pt"))
    check_image_net(model, net, (2, 8, 8))
    check_image_net(from_module(net), net, (2, 8, 8))
    facts = check_lowering(model, lower(model))
    assert "layer1: 96 windows are joined by OR, each bit once" in facts


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 2, 1), ((2, 3), 1, 0), (4, 4, 2)])
def test_pooling_windows(tmp_path: Path, kernel: Any, stride: Any, padding: Any) -> None:
    net = trained(conv(), torchlogix().OrPooling2d(kernel, stride, padding), seed=9)
    # Inverted, so that pooling does not saturate.
    with torch.no_grad():
        for weights in net[0].tree_weights:
            weights[..., 1] += 4
    model = read_model(save_module(net, tmp_path / "net.pt"))
    check_image_net(model, net, (3, 5, 6))
    check_lowering(model, lower(model))


def test_pooling_of_volumes(tmp_path: Path) -> None:
    volume = conv(kind="LogicConv3d", in_dim=(4, 4, 5), channels=2, num_kernels=3)
    with torch.no_grad():
        volume.tree_weights[-1][..., 1] += 6
    net = trained(volume, torchlogix().OrPooling3d(2, 2), seed=1)
    model = read_model(save_module(net, tmp_path / "net.pt"))
    check_image_net(model, net, (2, 4, 4, 5))


@pytest.mark.parametrize("first", [False, True])
def test_residual_block(tmp_path: Path, first: bool) -> None:
    block = torchlogix("modules").ResidualLogicBlock(6, 4, 4, tree_depth=2)
    front = [] if first else [conv(in_dim=6, channels=2, num_kernels=4)]
    net = trained(*front, block, nn.Flatten(), torchlogix().GroupSum(4), seed=2)
    model = read_model(save_module(net, tmp_path / "net.pt"))
    check_image_net(model, net, (4 if first else 2, 6, 6))
    check_lowering(model, lower(model))
    write_neutral(model, tmp_path / "copy.npz")
    again = read_model(tmp_path / "copy.npz", ReadOptions(name="net"))
    check_image_net(again, net, (4 if first else 2, 6, 6))
    assert again.reads == model.reads
    assert len(model.with_output("bits").blocks) == len(model.blocks) - 1


def binarized(kind: str, thresholds: torch.Tensor, feature_dim: int, in_dim: Any) -> nn.Sequential:
    layers = torchlogix()
    channels = 6 if feature_dim == 1 else 2
    return trained(
        getattr(layers, kind)(thresholds, feature_dim=feature_dim),
        conv(in_dim=in_dim, channels=channels),
        nn.Flatten(),
        seed=4,
    )


PER_CHANNEL = torch.tensor([[0.1, 0.3, 0.7], [0.2, 0.5, 0.9]])
PER_PIXEL = torch.linspace(0, 0.0913, 40).reshape(2, 4, 5, 1)


@pytest.mark.parametrize("kind", ["FixedBinarization", "SoftBinarization", "LearnableBinarization"])
@pytest.mark.parametrize(
    ("thresholds", "feature_dim", "in_dim"),
    [
        (PER_CHANNEL, 1, (4, 5)),
        (PER_CHANNEL[0], 1, (4, 5)),
        (PER_CHANNEL[:, None, None] + PER_PIXEL, 1, (4, 5)),
        (PER_CHANNEL, -2, (4, 15)),
        (PER_CHANNEL, 2, (12, 5)),
    ],
)
def test_binarised_images(
    tmp_path: Path, kind: str, thresholds: torch.Tensor, feature_dim: int, in_dim: Any
) -> None:
    net = binarized(kind, thresholds.sort(-1)[0], feature_dim, in_dim)
    path = save_module(net, tmp_path / "net.pt")
    model = read_model(path, ReadOptions(features="uint8,scale=1/255"))
    codes = np.random.default_rng(0).integers(0, 256, size=(50, 2, 4, 5))
    planes = from_integers(codes.reshape(50, -1), 8).reshape(50, -1)
    with torch.no_grad():
        expected = net(torch.from_numpy(codes.astype(np.uint8)).float() / 255).numpy()
    found = unpack(model.evaluate(pack(planes), 50).bits, 50)
    np.testing.assert_array_equal(found, expected)
    check_lowering(model, lower(model))
    outside = read_model(path, ReadOptions(features="bits"))
    check_image_net(outside, net[1:], (6 if feature_dim == 1 else 2, *in_dim))


def test_export_mode_changes_nothing(tmp_path: Path) -> None:
    net = pooled_net(seed=7)
    before = read_model(save_module(net, tmp_path / "net.pt"))
    with torch.no_grad():
        for part in net:
            if hasattr(part, "set_export_mode"):
                part.set_export_mode(True)
    after = read_model(save_module(net, tmp_path / "net.pt"))
    bits = np.random.default_rng(0).integers(0, 2, size=(99, 128))
    np.testing.assert_array_equal(before.output_bits(bits), after.output_bits(bits))
    with torch.no_grad():
        counts = net(torch.from_numpy(bits).bool().reshape(-1, 2, 8, 8))
    np.testing.assert_array_equal(counts.argmax(1).numpy(), after.predict(bits))


def test_from_file_to_proved_ice40_netlist(tmp_path: Path) -> None:
    net = pooled_net(seed=11)
    path = save_module(net, tmp_path / "net.pt")
    result = compile_net(path, "ice40", output_dir=tmp_path / "out", place_and_route=False)
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    facts = list(verify_folder(tmp_path / "out"))
    assert "layer0: 1152 truth tables are the model's" in facts
    text = str(inspect_model(path))
    assert "conv 6 kernels of 2+1 gates, 2x8x8 to 8x8, padding 1x1" in text
    assert "or-pool 2x2" in text


def test_a_wrong_lowering_is_found() -> None:
    model = from_module(pooled_net())
    lowering = lower(model)
    net = lowering.netlist
    rng = np.random.default_rng(0)
    for name, count in (("layer0", 40), ("layer1", 40), ("layer2", 20)):
        for nets in lowering.claims[name][0 if name != "layer1" else 1 :]:
            for number in rng.choice(nets.reshape(-1), count):
                gate = number - net.first_gate
                tables, fanin = net.tables.copy(), net.fanin.copy()
                if number % 2:
                    tables[gate] ^= np.uint64(0x1111_1111_1111_1111)
                else:
                    fanin[gate, 1] = fanin[gate, 1] != 1
                broken = lowering.netlist.replace(tables=tables, fanin=fanin)
                with pytest.raises(DifferentError, match=name):
                    check_lowering(model, lowering_with(lowering, broken))


def lowering_with(lowering: Any, netlist: Any) -> Any:
    return type(lowering)(
        netlist, lowering.block_nets, lowering.compressors, lowering.selects, lowering.claims
    )


REFUSED = {
    "no Flatten": (lambda m: [m.LogicConv2d(4, 1, 2, 1), m.LogicDense(18, 18)], "reads an image"),
    "no image": (lambda m: [m.LogicDense(8, 8), m.OrPooling2d(2, 2)], "does not follow an image"),
    "other image": (
        lambda m: [conv(in_dim=8, channels=2), conv(in_dim=6, channels=4)],
        r"reads an image \[4, 8, 8\]; expected an image \[4, 6, 6\]",
    ),
    "relu": (lambda m: [conv(), nn.ReLU()], "unknown layer"),
    "flatten": (lambda m: [conv(), nn.Flatten(2), m.LogicDense(30, 30)], "flattens from 2 to -1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_torch_would_not_run_is_refused(tmp_path: Path, name: str) -> None:
    parts, message = REFUSED[name]
    path = save_module(nn.Sequential(*parts(torchlogix())), tmp_path / "net.pt")
    with pytest.raises(ModelError, match=message):
        read_model(path)


def test_positions_with_wiring_of_their_own_are_refused(tmp_path: Path) -> None:
    net = trained(conv())
    net[0].connections._indices_L0[1, 2, 7, 1, 0] += 1
    with pytest.raises(ModelError, match="positions do not share one kernel"):
        read_model(save_module(net, tmp_path / "net.pt"))


def test_state_dict_lacks_sizes(tmp_path: Path) -> None:
    torch.save(pooled_net().state_dict(), tmp_path / "net.pt")
    with pytest.raises(ModelError, match="not in a state dict; expected the whole module"):
        read_model(tmp_path / "net.pt")

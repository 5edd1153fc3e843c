"""Forks of difflogic: convolutions, input-wise weights, GroupSum extras, checkpoints."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_forks import Conv, ExtraGroupSum, Logic, LogicLayerIWP, trained_head
from helpers_frontends import GroupSum, check_same, difflogic_net, save
from helpers_torchlogix import check_image_net, save_module, torchlogix, trained
from torch import nn

from gatec import compile as compile_net
from gatec.errors import ModelError, UsageError
from gatec.frontends import ReadOptions, from_module, inspect_model, read_model
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    torch.manual_seed(1)


def conv_net() -> nn.Sequential:
    return nn.Sequential(
        Conv(1, 3, depth=3, kernel_size=3, padding=0),
        nn.MaxPool2d(kernel_size=2, stride=2),
        Conv(3, 4, depth=2, kernel_size=2, padding=1, stride=1),
        nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        Logic(16, 24),
        GroupSum(4, tau=6.5),
    ).eval()


ARCHITECTURE: list[dict[str, Any]] = [
    {"Conv": {"in_channels": 1, "kernel_size": 3, "padding": 0}},
    {"MaxPool2d": {"kernel_size": 2, "stride": 2}},
    {"Conv": {"in_channels": 3, "kernel_size": 2}},
    {"MaxPool2d": {"kernel_size": 2, "stride": 2}},
    {"Flatten": {}},
    {"Logic": {"in_dim": 16}},
    {"GroupSum": {"k": 4, "tau": 6.5}},
]


def test_convolutions_of_a_module(tmp_path: Path) -> None:
    net = conv_net()
    path = save(net, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"size of the image .* expected --image CHANNELS"):
        read_model(path)
    model = read_model(path, ReadOptions(image="1x8x8"))
    check_image_net(model, net, (1, 8, 8))
    check_lowering(model, lower(model))
    with pytest.raises(ModelError, match=r"reads an image \[2, 8, 8\]; expected .* 1 channels"):
        read_model(path, ReadOptions(image="2x8x8"))
    with pytest.raises(UsageError, match="--image 8; expected such as 1x28x28"):
        ReadOptions(image="8")


def test_convolutions_of_a_state_dict_with_an_architecture(tmp_path: Path) -> None:
    net = conv_net()
    path = save({"model_state_dict": net.state_dict(), "epoch": 3}, tmp_path / "net.pt")
    with pytest.raises(
        ModelError, match=r"filters.0.tree.0.weights: a convolution's .*--architecture"
    ):
        read_model(path)
    listed = tmp_path / "net.json"
    listed.write_text(json.dumps(ARCHITECTURE))
    options = ReadOptions(image="1x8x8", architecture=listed)
    check_image_net(read_model(path, options), net, (1, 8, 8))
    assert "conv 3 kernels of 4+2+1 gates" in str(inspect_model(path, options))
    out = compile_net(path, reading=options, place_and_route=False)
    assert out.manifest["proof"]["equivalence"] == "equivalent"


def test_architecture_of_torchlogix(tmp_path: Path) -> None:
    layers = torchlogix()
    net = trained(
        layers.LogicConv2d(6, 2, 5, 2, 3, stride=2, parametrization="light"),
        layers.OrPooling2d(2, 1),
        nn.Flatten(),
        layers.LogicDense(5, 12, parametrization="warp"),
        layers.GroupSum(3, tau=2.0, beta=1.0),
    )
    torch.save(net.state_dict(), tmp_path / "net.pt")
    listed = tmp_path / "net.json"
    size = {"in_dim": 6, "channels": 2, "receptive_field_size": 3, "stride": 2}
    entries: list[Any] = [
        {"LogicConv2d": size | {"parametrization": "light"}},
        {"OrPooling2d": {"kernel_size": 2, "stride": 1}},
        {"Flatten": {}},
        {"LogicDense": {"in_dim": 5, "parametrization": "warp"}},
        {"GroupSum": {"k": 3, "tau": 2.0, "beta": 1.0}},
    ]
    listed.write_text(json.dumps(entries))
    model = read_model(tmp_path / "net.pt", ReadOptions(architecture=listed))
    check_image_net(model, net, (2, 6, 6))
    for change, message in (
        (entries[:3], "belong to no layer of net.json"),
        ([{"Linear": {}}], r"layer 0: not a layer; expected .*LogicConv2d"),
        ({"a": 1}, "is no list of layers"),
        ([*entries[:1], *entries[2:]], "in_dim"),
    ):
        listed.write_text(json.dumps(change))
        if message != "in_dim":
            with pytest.raises(ModelError, match=message):
                read_model(tmp_path / "net.pt", ReadOptions(architecture=listed))
    listed.write_text("[")
    with pytest.raises(ModelError, match="is no JSON"):
        read_model(tmp_path / "net.pt", ReadOptions(architecture=listed))
    with pytest.raises(UsageError, match="the file is no state dict"):
        read_model(save_module(net, tmp_path / "m.pt"), ReadOptions(architecture=listed))


@pytest.mark.parametrize("activation", ["sigmoid", "sigmoid-st", "SIN01", "sin-st", "linear"])
@pytest.mark.parametrize("implementation", ["python", "cuda"])
def test_input_wise_weights(tmp_path: Path, activation: str, implementation: str) -> None:
    first = LogicLayerIWP(9, 20, activation, implementation)
    with torch.no_grad():
        # Ties: exactly one half, and what rounds to it.
        first.weights[0] = 0.5 if activation == "linear" else 0.0
        first.weights[1] = torch.tensor([1e-9, -1e-9, 1e-7, -1e-7])
    net = nn.Sequential(first, LogicLayerIWP(20, 12, activation, implementation), GroupSum(3))
    model = read_model(save(net.eval(), tmp_path / "net.pt"))
    check_same(model, net)
    if activation != "linear":
        assert "hang on the rounding" in model.notes["rounding"]


def test_input_wise_state_dict(tmp_path: Path) -> None:
    net = nn.Sequential(LogicLayerIWP(9, 20, "SIN01", "cuda"), GroupSum(4))
    path = save(net.state_dict(), tmp_path / "net.pt")
    with pytest.raises(ModelError, match="whose activation is not in a state dict"):
        read_model(path)
    listed = tmp_path / "net.json"
    layer = {"in_dim": 9, "act_fn": "SIN01", "implementation": "cuda"}
    listed.write_text(json.dumps([{"LogicLayerIWP": layer}, {"GroupSum": {"k": 4}}]))
    assert "wiring is not in the file" in str(inspect_model(path, ReadOptions(architecture=listed)))
    fanin = torch.stack(net[0].indices, 1).numpy()
    np.savez(tmp_path / "w.npz", **{"layers.0.fanin": fanin})
    options = ReadOptions(architecture=listed, wiring=tmp_path / "w.npz")
    check_same(read_model(path, options), net)
    np.savez(tmp_path / "w.npz", **{"layers.0.fanin": fanin[:, :1]})
    with pytest.raises(ModelError, match="wiring of 1 inputs; expected 2"):
        read_model(path, options)


def test_input_wise_weights_of_six_inputs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights, fanin = rng.normal(size=(7, 64)).astype(np.float32), rng.integers(0, 9, (7, 6))
    path = save({"0.weights": torch.from_numpy(weights)}, tmp_path / "net.pt")
    np.savez(tmp_path / "w.npz", **{"layers.0.fanin": fanin})
    listed = tmp_path / "net.json"
    layer = {"in_dim": 9, "act_fn": "sigmoid", "implementation": "python"}
    listed.write_text(json.dumps([{"LogicLayerIWP": layer}]))
    model = read_model(path, ReadOptions(architecture=listed, wiring=tmp_path / "w.npz"))
    samples = rng.integers(0, 2, size=(100, 9))
    rows = (samples[:, fanin] << np.arange(6)[::-1]).sum(-1)
    expected = np.take_along_axis(weights.T >= 0, rows, axis=0)
    np.testing.assert_array_equal(model.output_bits(samples), expected)


def test_an_activation_that_is_not_known(tmp_path: Path) -> None:
    net = nn.Sequential(LogicLayerIWP(9, 20, "tanh", "python"), GroupSum(4))
    with pytest.raises(ModelError, match="activation 'tanh'; expected one of sigmoid"):
        read_model(save(net, tmp_path / "net.pt"))


@pytest.mark.parametrize("flip", [0, 3])
@pytest.mark.parametrize("splits", [1, 2])
def test_group_sum_that_flips_and_splits(tmp_path: Path, flip: int, splits: int) -> None:
    head = ExtraGroupSum(3, 2.0, n_splits=splits, gs_flip=flip, in_dim=24)
    net = nn.Sequential(LogicLayerIWP(9, 24, "sigmoid", "python"), head).eval()
    model = read_model(save(net, tmp_path / "net.pt"))
    samples = np.random.default_rng(0).integers(0, 2, size=(200, 9))
    with torch.no_grad():
        logits = net(torch.from_numpy(samples).float())
    np.testing.assert_array_equal(model.predict(samples), logits.argmax(1).numpy())
    counts = model.with_output("scores").output_bits(samples).reshape(200, 3, -1)
    np.testing.assert_array_equal(counts @ (1 << np.arange(counts.shape[2])), logits.numpy() * 2)
    check_lowering(model, lower(model))


@pytest.mark.parametrize("said", [0, None, False])
def test_group_sum_with_a_mask_that_its_code_would_not_use(tmp_path: Path, said: Any) -> None:
    head = ExtraGroupSum(3, 2.0, gs_flip=2, in_dim=24)
    head.gs_flip = said
    net = nn.Sequential(LogicLayerIWP(6, 24, "sigmoid", "python"), head)
    with pytest.raises(ModelError, match=r"flip_mask where gs_flip is (0|None|False); expected"):
        read_model(save(net, tmp_path / "net.pt"))


@pytest.mark.parametrize("flip", [0, 3])
@pytest.mark.parametrize("what", ["bias", "weights", "bias weights"])
def test_group_sum_with_trained_floats(what: str, flip: int) -> None:
    head = trained_head(what, 3, 24, n_splits=2, gs_flip=flip)
    net = nn.Sequential(LogicLayerIWP(9, 24, "sigmoid", "python"), head).eval()
    model = from_module(net)
    samples = np.random.default_rng(0).integers(0, 2, size=(400, 9))
    with torch.no_grad():
        logits = net(torch.from_numpy(samples).float()).numpy()
    np.testing.assert_array_equal(model.predict(samples), logits.argmax(1))
    whole = model.with_output("argmax")
    check_lowering(whole, lower(whole))


def test_group_sum_of_small_fractions_is_exact() -> None:
    head = ExtraGroupSum(3, 2.0, in_dim=24, use_weights=True)
    with torch.no_grad():
        head.weights[:] = torch.arange(24) % 7 / 4 - 0.5
    net = nn.Sequential(LogicLayerIWP(9, 24, "sigmoid", "python"), head).eval()
    model = from_module(net)
    assert "values" not in model.notes
    samples = np.random.default_rng(0).integers(0, 2, size=(400, 9))
    with torch.no_grad():
        logits = net(torch.from_numpy(samples).float()).numpy()
    counts = model.with_output("scores").output_bits(samples).reshape(400, 3, -1)
    scores = counts @ (1 << np.arange(counts.shape[2]))
    np.testing.assert_array_equal(scores - scores[:, :1], (logits - logits[:, :1]) * 8)


def test_group_sum_with_weights_that_do_not_fit() -> None:
    head = trained_head("weights", 3, 24)
    net = nn.Sequential(LogicLayerIWP(9, 24, "sigmoid", "python"), head).eval()
    head.weights = nn.Parameter(torch.full((24,), torch.nan))
    with pytest.raises(ModelError, match=r"GroupSum with weights float32\[24\]; expected finite"):
        from_module(net)
    head.weights = nn.Parameter(torch.zeros(20))
    with pytest.raises(ModelError, match=r"GroupSum with weights float32\[20\]"):
        from_module(net)


class DictConfig:
    """Pickles as OmegaConf's trees do."""

    def __init__(self, content: Any) -> None:
        self.__dict__["_content"] = content


class AnyNode:
    def __init__(self, value: Any) -> None:
        self._val = value


def test_checkpoint_with_connections_and_a_foreign_config(tmp_path: Path) -> None:
    net = difflogic_net()
    layers = [part for part in net if hasattr(part, "indices")]
    sizes = DictConfig({"LogicLayer001": DictConfig({"in_dim": AnyNode(12)})})
    modules = {"omegaconf.dictconfig": DictConfig, "omegaconf.nodes": AnyNode}
    for home, kind in modules.items():
        kind.__module__ = home
        sys.modules[home] = types.SimpleNamespace(**{kind.__name__: kind})  # type: ignore[assignment]
    sys.modules["omegaconf"] = types.ModuleType("omegaconf")
    try:
        value = {
            "model_state_dict": {f"logic_layers.{i}.weights": p.weights
                                 for i, p in enumerate(layers)},
            "connections": [p.indices for p in layers],
            "model_config": {"layers_config": sizes, "output_size": 3, "tau": 2.5},
        }  # fmt: skip
        path = save(value, tmp_path / "net.pth")
    finally:
        for home in ("omegaconf", *modules):
            del sys.modules[home]
    model = read_model(path)
    assert (model.num_inputs, model.head and model.head.classes) == (12, 3)
    check_same(model, net)
    value["connections"] = value["connections"][:2]
    value.pop("model_config")
    with pytest.raises(ModelError, match="connections of 2 layers; expected 3"):
        read_model(save(value, path), ReadOptions(inputs=12))


def test_gumbel_checkpoint_names_its_seed(tmp_path: Path) -> None:
    net = difflogic_net()
    state = {key: value for key, value in net.state_dict().items() if "weights" in key}
    value = {
        "model_state": state,
        "optim_state": {"state": {}, "param_groups": [{"lr": 0.01}]},
        "iteration": 100_000,
        "config": {"seed": 42, "tau": 20, "num_neurons": 20},
    }
    path = save(value, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"seed 42: try --replay seed=42,connections=unique"):
        read_model(path)
    replay = "seed=42,connections=unique,device=cuda"
    model = read_model(path, ReadOptions(inputs=12, classes=3, replay=replay))
    assert model.head is not None
    assert model.head.tau == 20
    # The trainer draws the weights on the GPU, so the wiring comes first from the CPU's generator.
    torch.manual_seed(42)
    pairs_in_order = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (1, 2), (3, 4), (5, 6),
                      (7, 8), (9, 10)]  # fmt: skip
    more = [(i, i + offset) for offset in range(2, 11) for i in range(12 - offset)]
    drawn = torch.tensor([*pairs_in_order, *more][:20])[torch.randperm(20)]
    np.testing.assert_array_equal(model.layers[0].fanin, drawn.numpy())

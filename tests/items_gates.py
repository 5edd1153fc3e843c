"""Items of `test_end_to_end`: logic gates of difflogic, its forks and torchlogix, and codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers_end_to_end import Item, told
from helpers_forks import LogicLayerIWP, trained_head
from helpers_frontends import GroupSum, LogicLayer, difflogic_net, save
from helpers_matrix import VECTORS, Reference, random_bits
from helpers_torchlogix import save_module, torchlogix, trained
from helpers_trees import as_bits
from torch import nn

from gatec.frontends import ReadOptions

PIXELS = ReadOptions(features="uint8,scale=1/255")


def on_bits(net: nn.Sequential, *shape: int) -> Reference:
    bits = random_bits(int(np.prod(shape)))
    return told(net, torch.from_numpy(bits).float().reshape(-1, *shape), bits)


def redrawn(connections: str, seed: int) -> nn.Sequential:
    """Return a net wired as difflogic draws it, weights on the GPU."""
    net = difflogic_net(1, inputs=12, widths=(20, 16, 12))
    torch.manual_seed(seed)
    for layer in (part for part in net if isinstance(part, LogicLayer)):
        inputs, gates = layer.in_dim, layer.out_dim
        if connections == "random":
            draw = torch.randperm(2 * gates) % inputs
            pairs = torch.randperm(inputs)[draw].reshape(2, gates)
        else:
            every = [(i, i + 1) for i in (*range(0, inputs - 1, 2), *range(1, inputs - 1, 2))]
            every += [(i, i + k) for k in range(2, inputs) for i in range(inputs - k)]
            pairs = torch.tensor(every[:gates])[torch.randperm(gates)].T
        layer.indices = (pairs[0], pairs[1])
    return net


def replayed() -> Reference:
    net = redrawn("random", 11)
    save(net.state_dict(), Path("net.pt"))
    return on_bits(net, 12)


def gumbel() -> Reference:
    """What gumbel-lgn saves: weights under `model_state`, and the seed of all else."""
    net = redrawn("unique", 42)
    state = {key: value for key, value in net.state_dict().items() if "weights" in key}
    save({"model_state": state, "optim_state": {"state": {}}, "iteration": 9,
          "config": {"seed": 42, "tau": 2.5, "num_neurons": 20}}, Path("net.pt"))  # fmt: skip
    return on_bits(net, 12)


def with_connections() -> Reference:
    """What DiffLogicVisualizer saves, but for the config's classes: a test of its own has them."""
    net = difflogic_net(3)
    layers = [part for part in net if isinstance(part, LogicLayer)]
    state = {f"logic_layers.{i}.weights": part.weights for i, part in enumerate(layers)}
    save({"model_state_dict": state, "connections": [part.indices for part in layers]},
         Path("net.pth"))  # fmt: skip
    return on_bits(net, 12)


def torchlogix_dense(
    rank: int, kind: str, connections: str = "fixed", *, state: bool = True
) -> Any:
    """torchlogix's own dense layers, and its GroupSum with tau and beta."""

    def write() -> Reference:
        layers = torchlogix()
        torch.manual_seed(rank)
        given = {"lut_rank": rank, "parametrization": kind, "connections": connections}
        net = trained(layers.LogicDense(12, 16, **given), layers.LogicDense(16, 12, **given),
                      layers.GroupSum(4, tau=3.0, beta=1.5), seed=rank)  # fmt: skip
        if state:
            torch.save(net.state_dict(), "net.pt")
        else:
            save_module(net, Path("net.pt"))
        return on_bits(net, 12)

    return write


def convolution(kind: str, in_dim: Any, **more: Any) -> Any:
    def write() -> Reference:
        torch.manual_seed(0)
        layer = getattr(torchlogix(), kind)(
            in_dim=in_dim, channels=2, num_kernels=3, tree_depth=2, receptive_field_size=2, **more
        )
        net = trained(layer, nn.Flatten(), seed=3)
        save_module(net, Path("net.pt"))
        return on_bits(net, 2, *layer.in_dim)

    return write


def pooled_volume() -> Reference:
    layers = torchlogix()
    torch.manual_seed(0)
    volume = layers.LogicConv3d(in_dim=(2, 3, 3), channels=2, num_kernels=3, tree_depth=2,
                                receptive_field_size=2, padding=1)  # fmt: skip
    net = trained(volume, layers.OrPooling3d(2, 2), nn.Flatten(), seed=1)
    with torch.no_grad():
        volume.tree_weights[-1][..., 1] += 6
    save_module(net, Path("net.pt"))
    return on_bits(net, 2, 2, 3, 3)


def residual() -> Reference:
    torch.manual_seed(0)
    block = torchlogix("modules").ResidualLogicBlock(4, 2, 2, tree_depth=2)
    net = trained(block, nn.Flatten(), torchlogix().GroupSum(4), seed=2)
    save_module(net, Path("net.pt"))
    return on_bits(net, 2, 4, 4)


def export_mode() -> Reference:
    layers = torchlogix()
    torch.manual_seed(0)
    net = trained(layers.LogicDense(9, 12), layers.LogicDense(12, 12), layers.GroupSum(3), seed=7)
    wanted = on_bits(net, 9)
    with torch.no_grad():
        for part in net:
            part.set_export_mode(True)
    save_module(net, Path("net.pt"))
    return wanted


def binarised(kind: str) -> Any:
    """An encoder of torchlogix, in the circuit: 8-bit pixels in, the last layer's bits out."""

    def write() -> Reference:
        layers = torchlogix()
        torch.manual_seed(0)
        thresholds = torch.tensor([[0.1, 0.3, 0.7], [0.2, 0.5, 0.9], [0.4, 0.5, 0.6]])
        net = trained(getattr(layers, kind)(thresholds, feature_dim=-2), layers.LogicDense(9, 12),
                      layers.GroupSum(3), seed=5)  # fmt: skip
        save_module(net, Path("net.pt"))
        codes = np.random.default_rng(0).integers(0, 256, size=(VECTORS, 3))
        return told(net, torch.from_numpy(codes.astype(np.uint8)).float() / 255, as_bits(codes))

    return write


def input_wise(activation: str, implementation: str) -> Any:
    """Weights `[out, 4]`, with some exactly on a tie."""

    def write() -> Reference:
        torch.manual_seed(2)
        layer = LogicLayerIWP(9, 24, activation, implementation)
        with torch.no_grad():
            layer.weights[0] = 0.5 if activation == "linear" else 0.0
        net = nn.Sequential(layer, GroupSum(3)).eval()
        save(net, Path("net.pt"))
        return on_bits(net, 9)

    return write


def input_wise_six() -> Reference:
    """Weights `[out, 64]` with a file of connections and an architecture."""
    rng = np.random.default_rng(0)
    weights, fanin = rng.normal(size=(8, 64)).astype(np.float32), rng.integers(0, 9, (8, 6))
    save({"0.weights": torch.from_numpy(weights)}, Path("net.pt"))
    np.savez("w.npz", **{"layers.0.fanin": fanin})
    layer = {"in_dim": 9, "act_fn": "sigmoid", "implementation": "python"}
    Path("net.json").write_text(json.dumps([{"LogicLayerIWP": layer}]))
    bits = random_bits(9)
    rows = (bits[:, fanin] << np.arange(6)[::-1]).sum(-1)
    found = np.take_along_axis(weights.T >= 0, rows, axis=0)
    return Reference(bits, found.astype(np.uint8))


def group_sum_bias() -> Reference:
    torch.manual_seed(10)
    head = trained_head("bias", 3, 24, gs_flip=3)
    net = nn.Sequential(LogicLayerIWP(9, 24, "sigmoid", "python"), head).eval()
    save(net, Path("net.pt"))
    bits = random_bits(9)
    with torch.no_grad():
        return Reference(bits, classes=net(torch.from_numpy(bits).float()).numpy().argmax(1))


def many_classes() -> Reference:
    """Two votes for each of 2,000 classes."""
    net = difflogic_net(4, inputs=40, widths=(4000,), classes=2000)
    save(net, Path("net.pt"))
    return on_bits(net, 40)


def items() -> Iterator[Item]:
    """Yield the items."""
    yield Item("2,000 classes", "difflogic", "net.pt", many_classes)
    drawn = "seed={},connections={},device=cuda"
    replay = ReadOptions(inputs=12, classes=3, tau=2.5, replay=drawn.format(11, "random"))
    yield Item("replay, random", "difflogic", "net.pt", replayed, replay)
    unique = ReadOptions(inputs=12, classes=3, replay=drawn.format(42, "unique"))
    yield Item("Gumbel LGN, model_state, unique", "difflogic", "net.pt", gumbel, unique)
    given = ReadOptions(inputs=12, classes=3)
    yield Item("connections in the file", "difflogic", "net.pth", with_connections, given)
    # Four inputs and light weights are in the matrix.
    for rank, kind in (
        (2, "raw"),
        (2, "warp"),
        (4, "warp"),
        (6, "warp"),
        (2, "light"),
        (6, "light"),
    ):
        named = None if kind == "raw" else kind
        read = ReadOptions(inputs=12, classes=4, tau=3.0, beta=1.5, parametrization=named)  # type: ignore[arg-type]
        write = torchlogix_dense(rank, kind)
        yield Item(f"LogicDense {kind} {rank}", "torchlogix", "net.pt", write, read)
    write = torchlogix_dense(2, "raw", "learnable", state=False)
    yield Item("learnable connections", "torchlogix", "net.pt", write)
    for kind, in_dim, more in (
        ("LogicConv3d", (2, 2, 3), {"padding": 1}),
        ("LogicConvTranspose2d", (2, 3), {"stride": 2, "output_padding": 1}),
        ("LogicConvTranspose3d", (2, 2, 2), {"stride": 2}),
    ):
        yield Item(kind, "torchlogix", "net.pt", convolution(kind, in_dim, **more))
    yield Item("OrPooling3d", "torchlogix", "net.pt", pooled_volume)
    yield Item("ResidualLogicBlock", "torchlogix", "net.pt", residual)
    yield Item("export mode", "torchlogix", "net.pt", export_mode)
    for kind in ("FixedBinarization", "SoftBinarization", "LearnableBinarization"):
        yield Item(kind, "torchlogix", "net.pt", binarised(kind), PIXELS)
    for activation, how in (("SIN01", "cuda"), ("linear", "python")):
        write = input_wise(activation, how)
        yield Item(f"[out, 4], {activation}, {how}", "difflogic", "net.pt", write)
    listed = ReadOptions(architecture=Path("net.json"), wiring=Path("w.npz"))
    yield Item("[out, 2**6]", "difflogic", "net.pt", input_wise_six, listed)
    yield Item("GroupSum with biases and a flip mask", "difflogic", "net.pt", group_sum_bias)

"""Rows of the matrix: difflogic, torchlogix and their relatives, and gatec's own forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from helpers import random_layers_model
from helpers_forks import Conv, ExtraGroupSum, Logic, LogicLayerIWP
from helpers_frontends import GroupSum, difflogic_net, gate, save, torchlogix_net
from helpers_matrix import VECTORS, ClockedFamily, Family, Reference, random_bits
from helpers_torchlogix import save_module, torchlogix, trained
from test_frontends_recurrent import SHAPE, apply_rule, automaton, lively_rule
from torch import nn

from gatec.frontends import ReadOptions, neutral_bytes


def judged(net: nn.Module, shape: tuple[int, ...], classes: int | None = None) -> Reference:
    """Return what torch makes of random bits: the classes, where there are any."""
    bits = random_bits(int(np.prod(shape)))
    with torch.no_grad():
        found = net(torch.from_numpy(bits).float().reshape(-1, *shape)).flatten(1).numpy()
    if classes is None:
        return Reference(bits, found.astype(np.uint8))
    assert found.shape == (VECTORS, classes)
    return Reference(bits, classes=found.argmax(1))


def whole_module(_: Path) -> Reference:
    net = difflogic_net()
    save(net, Path("net.pt"))
    return judged(net, (12,), 3)


def state_dict(_: Path) -> Reference:
    net = difflogic_net()
    save(net.state_dict(), Path("net.pt"))
    layers = [part for part in net if hasattr(part, "indices")]
    wiring = {f"layers.{i}.fanin": torch.stack(p.indices, 1).numpy() for i, p in enumerate(layers)}
    np.savez("wiring.npz", **wiring)
    return judged(net, (12,), 3)


def conv_fork(_: Path) -> Reference:
    torch.manual_seed(1)
    parts = (Conv(1, 3, 2, padding=0), nn.MaxPool2d(2, 2), nn.Flatten(), Logic(12, 24))
    net = nn.Sequential(*parts, GroupSum(4)).eval()
    save(net.state_dict(), Path("net.pt"))
    layers = [{"Conv": {"in_channels": 1, "kernel_size": 3, "padding": 0}},
              {"MaxPool2d": {"kernel_size": 2, "stride": 2}}, {"Flatten": {}},
              {"Logic": {"in_dim": 12}}, {"GroupSum": {"k": 4}}]  # fmt: skip
    Path("net.json").write_text(json.dumps(layers))
    return judged(net, (1, 6, 6), 4)


def input_wise(_: Path) -> Reference:
    torch.manual_seed(2)
    head = ExtraGroupSum(3, 2.0, n_splits=2, gs_flip=3, in_dim=24)
    net = nn.Sequential(LogicLayerIWP(9, 24, "SIN01", "cuda"), head).eval()
    save(net, Path("net.pt"))
    return judged(net, (9,), 3)


def dense_light(_: Path) -> Reference:
    net = torchlogix_net(rank=4, parametrization="light", connections="learnable")
    save(net.state_dict(), Path("net.pt"))
    return judged(net, (12,), 4)


def conv_torchlogix(_: Path) -> Reference:
    layers = torchlogix()
    torch.manual_seed(4)
    net = trained(
        layers.LogicConv2d(6, 2, 5, 2, 3, stride=2), layers.OrPooling2d(2, 1), nn.Flatten(),
        layers.LogicDense(5, 12, parametrization="warp"), layers.GroupSum(3, tau=2.0),
    )  # fmt: skip
    save_module(net, Path("net.pt"))
    return judged(net, (2, 6, 6), 3)


def gate_lists(_: Path) -> Reference:
    rng = np.random.default_rng(3)
    sides = rng.integers(0, [[[9]], [[12]]], size=(2, 2, 12)).swapaxes(0, 1)
    kinds = rng.integers(1, 16, size=(2, 12))
    np.savez("net.npz", **{"gate_types": kinds, "connections.A": sides[0],
                           "connections.B": sides[1]})  # fmt: skip
    bits = random_bits(9)
    x = torch.from_numpy(bits)
    for layer, numbers in enumerate(kinds):
        a, b = (x[:, torch.from_numpy(side[layer])] for side in sides)
        x = torch.stack([gate(a[:, i], b[:, i], n) for i, n in enumerate(numbers)], 1)
    return Reference(bits, classes=x.reshape(VECTORS, 4, 3).sum(2).numpy().argmax(1))


def hamming_code(_: Path) -> Reference:
    net = random_layers_model(np.random.default_rng(7), 8, [20, 7], None)
    rows = np.array([[1, 0, 0, 0, 1, 1, 0], [0, 1, 0, 0, 1, 0, 1], [0, 0, 1, 0, 0, 1, 1],
                     [0, 0, 0, 1, 1, 1, 1]])  # fmt: skip
    code = (np.arange(16)[:, None] >> np.arange(4) & 1) @ rows % 2
    Path("net.npz").write_bytes(neutral_bytes(net))
    np.savez("code.npz", codebook=code)
    bits = random_bits(8)
    found = net.output_bits(bits)
    return Reference(bits, classes=(found[:, None] != code).sum(2).argmin(1))


def recurrent(_: Path) -> Reference:
    inputs, state, steps = 5, 4, 3
    cell = random_layers_model(np.random.default_rng(3), inputs + state, [14, 10], None)
    Path("net.npz").write_bytes(neutral_bytes(cell))
    with np.load("net.npz") as stored:
        keys = dict(stored) | {"inputs": inputs, "state": state, "classes": 3}
    np.savez("net.npz", **keys)
    bits = random_bits(inputs * steps)
    now = np.zeros((VECTORS, state), dtype=np.uint8)
    for step in range(steps):
        out = cell.output_bits(np.hstack([bits[:, step * inputs : (step + 1) * inputs], now]))
        now = out[:, 6:]
    return Reference(bits, classes=out[:, :6].reshape(VECTORS, 3, 2).sum(2).argmax(1))


def latches(_: Path) -> Reference:
    text = ".model count\n.inputs up clear\n.outputs a b\n.latch na a 1\n.latch nb b 0\n"
    text += ".names up a clear na\n100 1\n010 1\n.names up a b clear nb\n1100 1\n0-10 1\n-010 1\n"
    Path("count.blif").write_text(text + ".end\n")
    bits = random_bits(8).reshape(VECTORS, 4, 2)
    value, said = np.ones(VECTORS, dtype=np.int64), []
    for step in range(4):
        said += [value & 1, value >> 1]
        value = np.where(bits[:, step, 1], 0, (value + bits[:, step, 0]) % 4)
    return Reference(bits.reshape(VECTORS, 8), np.stack(said, 1).astype(np.uint8))


def cellular(_: Path) -> Reference:
    values = automaton(Path(), 1, **lively_rule())[1]
    bits = random_bits(int(np.prod(SHAPE)))[:64]
    grids = bits.reshape(-1, *SHAPE)
    for _step in range(3):
        grids = np.array([apply_rule(values, grid) for grid in grids])
    return Reference(bits, grids.reshape(len(bits), -1))


FAMILIES = (
    Family("difflogic, whole module", "net.pt", whole_module),
    Family(
        "difflogic, state dict", "net.pt", state_dict,
        ReadOptions(inputs=12, classes=3, wiring=Path("wiring.npz")),
    ),
    Family(
        "difflogic, convolutions", "net.pt", conv_fork,
        ReadOptions(image="1x6x6", architecture=Path("net.json")),
    ),
    Family("input-wise weights", "net.pt", input_wise),
    Family(
        "torchlogix, dense", "net.pt", dense_light,
        ReadOptions(inputs=12, classes=4, parametrization="light"),
    ),
    Family("torchlogix, convolutions", "net.pt", conv_torchlogix),
    Family("gate lists", "net.npz", gate_lists, ReadOptions(inputs=9, classes=4)),
    Family(
        "output codes", "net.npz", hamming_code, ReadOptions(codebook="code.npz")
    ),
    Family("recurrent nets", "net.npz", recurrent, ReadOptions(steps=3)),
    Family(
        "BLIF with latches", "count.blif", latches, ReadOptions(steps=4), ("--output", "bits")
    ),
    ClockedFamily("recurrent nets, clocked", "net.npz", recurrent, more=("--clocked",), length=3),
    ClockedFamily(
        "BLIF with latches, clocked", "count.blif", latches, ReadOptions(steps=4),
        ("--clocked", "--output", "bits"),
    ),
    Family("cellular nets", "ca.npz", cellular, ReadOptions(steps=3), ("--output", "bits")),
    ClockedFamily(
        "cellular nets, clocked", "ca.npz", cellular, ReadOptions(steps=3),
        ("--clocked", "--output", "bits"),
    ),
)  # fmt: skip

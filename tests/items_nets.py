"""Items of `test_end_to_end`: weightless and binary nets, LUT networks, circuits, trees, codes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers import random_layers_model
from helpers_binary import write_boolean_conv
from helpers_circuits import as_text, evaluate, random_aig
from helpers_end_to_end import Item
from helpers_frontends import gate, save
from helpers_luts import Thermometer, dwn_net, random_neurons, write_logicnets
from helpers_matrix import VECTORS, Reference, random_bits
from helpers_onnx import node, write
from helpers_trees import DATA, as_bits, stored

from gatec.frontends import ReadOptions, neutral_bytes

QONNX = "qonnx.custom_op.general"


def dwn(n: int) -> Any:
    """torch-dwn's state dict with a learned mapping, and the parameter that is not the wiring."""

    def written() -> Reference:
        net = dwn_net(n)
        assert "0._LUTLayer__dummy_mapping" in net.state_dict()
        save(net.state_dict(), Path("net.pt"))
        bits = random_bits(12)
        x = torch.from_numpy(bits).float()
        # The last group is filled up with zeros.
        last = net[:-1](x).numpy().astype(np.uint8)
        return Reference(bits, np.pad(last, ((0, 0), (0, 2))), net(x).argmax(1).numpy())

    return written


def dwn_scaler() -> Reference:
    """dwn2rtl's pickled form: the module, its thermometer and a scaler in front of that."""
    net, mean, scale = dwn_net(inputs=12), np.array([100.0, 90.0, 7.0]), np.array([31.0, 12.5, 77])
    encoder = Thermometer(torch.tensor([[-1.3, -0.2, 0.21, 1.4], [-2.01, -0.51, 0.3, 1.1],
                                        [-0.01, 0.4, 0.9, 1.99]]))  # fmt: skip
    scaler = {"mean": mean.tolist(), "scale": scale.tolist()}
    save({"model": net, "thermometer": encoder, "scaler": scaler}, Path("net.pt"))
    codes = np.random.default_rng(0).integers(0, 256, size=(VECTORS, 3))
    x = encoder.binarize(torch.from_numpy((codes - mean) / scale)).flatten(1)
    return Reference(as_bits(codes), classes=net(x).argmax(1).numpy())


def interconnect() -> Reference:
    """LILogicNet: logits `[16, W]`, and a score for each wire from each input."""
    torch.manual_seed(3)
    state: dict[str, Any] = {}
    bits = random_bits(9)
    x = torch.from_numpy(bits)
    for i, (inputs, gates) in enumerate(((9, 15), (15, 12))):
        state |= {f"layers.{i}.c": torch.randn(inputs, 2 * gates),
                  f"layers.{i}.w": torch.randn(16, gates)}  # fmt: skip
        pairs = x[:, state[f"layers.{i}.c"].argmax(0)].reshape(VECTORS, gates, 2)
        numbers = state[f"layers.{i}.w"].argmax(0)
        x = torch.stack([gate(*pairs[:, g].T, n) for g, n in enumerate(numbers)], 1)
    torch.save(state, "net.pth")
    found = x.numpy().astype(np.uint8)
    return Reference(bits, found, found.reshape(VECTORS, 3, 4).sum(2).argmax(1))


def case_tables(top: str, names: tuple[str, ...]) -> Any:
    """The files of LogicNets' successors: other names, and PolyLUT-Add's layers of adders."""

    def written() -> Reference:
        sizes = [(6, 2), (8, 3), (4, 2), (3, 2)][: len(names) + 1]
        layers = random_neurons(np.random.default_rng(2), sizes, fan_in=2)
        bits = random_bits(12)
        judge = write_logicnets(Path(), layers, top=top, names=names)
        return Reference(bits, judge(bits).astype(np.uint8))

    return written


def bench_neuron() -> Reference:
    lines = [f"INPUT(M0[{n}])" for n in range(4)] + ["OUTPUT(M1[0])", "OUTPUT(M1[1])"]
    lines += [f"M1[{n}]       = LUT {table} ( M0[0], M0[1], M0[2], M0[3] )"
              for n, table in enumerate(("0xcafe", "0x1234"))]  # fmt: skip
    Path("layer0_N0.bench").write_text("\n".join(lines))
    bits = random_bits(4)
    address = bits @ (1 << np.arange(4))
    return Reference(bits, np.stack([0xCAFE >> address & 1, 0x1234 >> address & 1], axis=1))


def multi_threshold() -> Reference:
    """Sums of +1 and -1 against thresholds on and between them, pooled, and counted again."""
    first = np.array([[[[1, -1], [1, 1]]], [[[-1, 1], [1, -1]]]], dtype=np.float32)
    last = np.random.default_rng(1).choice([-1.0, 1.0], size=(8, 3)).astype(np.float32)
    levels = np.array([[0, 2, 4], [-1, 3, 4]], dtype=np.float32)
    nodes = [
        node("BipolarQuant", "x one", "b", QONNX),
        node("Conv", "b first", "s", kernel_shape=(2, 2), strides=(1, 1)),
        node("MultiThreshold", "s levels", "a", QONNX, out_scale=1.0, out_bias=-1.5),
        node("MaxPool", "a", "p", kernel_shape=(2, 2), strides=(2, 2)),
        node("Flatten", "p", "f"),
        node("MatMul", "f last", "y"),
    ]
    one = np.array(1.0, dtype=np.float32)
    constants = {"one": one, "first": first, "last": last, "levels": levels}
    write(Path("net.onnx"), nodes, constants, (1, 1, 5, 5))
    bits = random_bits(25)
    x = torch.from_numpy(bits * 2.0 - 1).float().reshape(-1, 1, 5, 5)
    sums = torch.nn.functional.conv2d(x, torch.from_numpy(first)).numpy()
    reached = (sums[..., None] >= levels[:, None, None]).sum(-1)
    pooled = (reached - 1.5).reshape(VECTORS, 2, 2, 2, 2, 2).max(axis=(3, 5))
    return Reference(bits, classes=(pooled.reshape(VECTORS, 8) @ last).argmax(1))


def first_layers() -> Reference:
    """CNV's first layers, narrow: 8-bit pixels, convolutions with batch norms, max pooling.

    Its quantiser of `2 * pixel / 255 - 1` leaves out 0 and clips the last code: 255 codes, uneven.
    """
    rng = np.random.default_rng(5)
    constants = {"one": 1.0, "two": 2.0, "zero": 0.0, "step": 1 / 128, "eight": 8.0}
    arrays = {name: np.array(value, dtype=np.float32) for name, value in constants.items()}
    nodes = [node("Mul", "x two", "d", ""), node("Sub", "d one", "e", ""),
             node("Quant", "e step zero eight", "a", QONNX, signed=1, narrow=0)]  # fmt: skip
    for i, shape in enumerate(((2, 1, 3, 3), (2, 2, 2, 2))):
        sign = rng.choice([-1.0, 1.0], size=shape).astype(np.float32)
        norm = (rng.normal(size=2), rng.normal(size=2) / 9, rng.normal(size=2) / 9, np.ones(2))
        arrays |= {f"w{i}": sign} | {f"{k}{i}": v.astype(np.float32)
                                     for k, v in zip("gbmv", norm, strict=True)}  # fmt: skip
        kernel = shape[2:]
        nodes += [node("BipolarQuant", f"w{i} one", f"q{i}", QONNX),
                  node("Conv", f"a{i or ''} q{i}", f"s{i}", kernel_shape=kernel, strides=(1, 1)),
                  node("BatchNormalization", f"s{i} g{i} b{i} m{i} v{i}", f"n{i}"),
                  node("BipolarQuant", f"n{i} one", f"a{i + 1}", QONNX)]  # fmt: skip
    last = np.array([[1, -1, 1], [1, 1, -1]], dtype=np.float32).repeat(2, axis=0)
    last[1::2] *= -1
    arrays["last"] = last
    nodes += [node("MaxPool", "a2", "p", kernel_shape=(2, 1), strides=(2, 1)),
              node("Flatten", "p", "f"), node("MatMul", "f last", "y")]  # fmt: skip
    write(Path("net.onnx"), nodes, arrays, (1, 1, 5, 5))
    codes = rng.integers(0, 256, size=(VECTORS, 25))
    codes[:40] = rng.choice([0, 126, 127, 128, 129, 254, 255], size=(40, 25))
    pixels = codes.astype(np.float32) / np.float32(255)
    x = np.clip(np.round((pixels * 2 - 1) * 128), -128, 127) / 128
    signal = torch.from_numpy(x).double().reshape(-1, 1, 5, 5)
    for i in range(2):
        g, b, m, v = (torch.from_numpy(arrays[f"{k}{i}"]).double() for k in "gbmv")
        sums = torch.nn.functional.conv2d(signal, torch.from_numpy(arrays[f"w{i}"]).double())
        found = torch.nn.functional.batch_norm(sums, m, v, g, b)
        signal = torch.where(found >= 0, 1.0, -1.0).double()
    pooled = torch.nn.functional.max_pool2d(signal, (2, 1)).flatten(1).numpy()
    return Reference(as_bits(codes), classes=(pooled @ last).argmax(1))


def boolean_convolution() -> Reference:
    bits = random_bits(2 * 4 * 4)
    return Reference(bits, classes=write_boolean_conv(Path(), bits).argmax(1))


def xgboost_json() -> Reference:
    shutil.copy(DATA / "xgb_binary.json", "net.json")
    return Reference(as_bits(stored("cancer"))[:VECTORS], classes=stored("xgb_binary")[:VECTORS])


def sequence_out() -> Reference:
    """A recurrent net that answers after every step."""
    cell = random_layers_model(np.random.default_rng(3), 5 + 4, [14, 10], None)
    Path("net.npz").write_bytes(neutral_bytes(cell))
    with np.load("net.npz") as arrays:
        keys = dict(arrays) | {"inputs": 5, "state": 4, "every_step": 1}
    np.savez("net.npz", **keys)
    bits, now, said = random_bits(15), np.zeros((VECTORS, 4), dtype=np.uint8), []
    for step in range(3):
        out = cell.output_bits(np.hstack([bits[:, 5 * step : 5 * step + 5], now]))
        said, now = [*said, out[:, :6]], out[:, 6:]
    return Reference(bits, np.hstack(said))


def code(words: list[str]) -> Any:
    """Each class has a codeword, each bit of which two outputs vote for."""

    def written() -> Reference:
        book = np.array([[int(bit) for bit in word] for word in words])
        net = random_layers_model(np.random.default_rng(7), 8, [20, 2 * book.shape[1]], None)
        Path("net.npz").write_bytes(neutral_bytes(net))
        bits = random_bits(8)
        votes = net.output_bits(bits).reshape(VECTORS, 1, -1, 2)
        return Reference(bits, classes=(votes != book[..., None]).sum((2, 3)).argmin(1))

    return written


def blif() -> Reference:
    text = ".model sum\n.inputs a b c\n.outputs s t\n.names a b c s\n100 1\n010 1\n001 1\n111 1\n"
    Path("sum.blif").write_text(text + ".names a b c t\n11- 1\n1-1 1\n-11 1\n.end\n")
    bits = random_bits(3)
    return Reference(bits, np.stack([bits.sum(1) % 2, bits.sum(1) > 1], 1).astype(np.uint8))


def aiger_text() -> Reference:
    aig, bits = random_aig(np.random.default_rng(4), 8, 60, 4), random_bits(8)
    Path("net.aag").write_bytes(as_text(aig, 0, [], binary=False))
    return Reference(bits, evaluate(aig, bits))


def items() -> Iterator[Item]:
    """Yield the items."""
    for n in (2, 3, 5):
        yield Item(f"DWN of LUT{n}", "dwn", "net.pt", dwn(n), ReadOptions(classes=3))
    codes = ReadOptions(features="uint8")
    yield Item("DWN with thermometer and scaler", "dwn", "net.pt", dwn_scaler, codes)
    given = ReadOptions(classes=3)
    yield Item("LILogicNet, [16, W] and c", "gate-lists", "net.pth", interconnect, given)
    for top, names in (
        ("neuralut", ("layer0", "layer1")),
        ("polylut_add", ("layer0", "adder0", "layer1")),
    ):
        yield Item(top, "verilog", f"{top}.v", case_tables(top, names))
    yield Item("a neuron in .bench", "circuits", "layer0_N0.bench", bench_neuron)
    bipolar = ReadOptions(features="bits")
    yield Item("MultiThreshold, conv, pooling", "onnx", "net.onnx", multi_threshold, bipolar)
    pixels = ReadOptions(features="uint8,scale=1/255")
    yield Item("CNV's first layers", "onnx", "net.onnx", first_layers, pixels)
    listed = ReadOptions(architecture=Path("net.json"), image="2x4x4")
    yield Item("Boolean convolution", "binary", "net.pth", boolean_convolution, listed)
    yield Item("XGBoost, json", "xgboost", "net.json", xgboost_json, pixels)
    yield Item("sequence out", "neutral", "net.npz", sequence_out, ReadOptions(steps=3))
    binary = ReadOptions(codebook="binary", classes=5)
    words = ["000", "001", "010", "011", "100"]
    yield Item("binary code", "neutral", "net.npz", code(words), binary)
    hot = ReadOptions(codebook="one-hot", classes=3)
    yield Item("one-hot code", "neutral", "net.npz", code(["100", "010", "001"]), hot)
    yield Item("BLIF without latches", "blif", "sum.blif", blif)
    yield Item("AIGER, ASCII", "circuits", "net.aag", aiger_text)

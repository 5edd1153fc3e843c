"""Operators of quantised ONNX nets one by one, on every input, against NumPy's arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers_onnx import node, write

from gatec import compile as compile_net
from gatec.bits import pack
from gatec.errors import ModelError
from gatec.frontends import ReadOptions, neutral_bytes, read_model
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering
from gatec.simulation import simulate

DATA = Path(__file__).parent / "data"
BITS = ReadOptions(features="bits")
QONNX = "qonnx.custom_op.general"
ONE = np.array(1.0, dtype=np.float32)
FIRST = np.array([[1, -1, 1], [1, 1, -1], [-1, 1, 1], [1, 1, 1]], dtype=np.float32)
LAST = np.array([[1, -1], [-1, 1], [1, 1]], dtype=np.float32)
# Sums of four bipolar numbers are -4, -2, 0, 2, 4: thresholds on them and between them.
LEVELS = np.array([[-2, 0, 2], [-3, -1, 4], [0, 0.5, 2]], dtype=np.float32)


def every_input(bits: int) -> np.ndarray:
    return (np.arange(1 << bits)[:, None] >> np.arange(bits) & 1).astype(np.uint8)


def check(path: Path, bits: np.ndarray, expected: np.ndarray) -> None:
    """Assert that class scores are in the order of the expected ones, and that they lower."""
    net = read_model(path, BITS)
    found = net.evaluate(pack(bits), len(bits)).scores
    assert found is not None
    order = np.sign(found.T[:, :, None] - found.T[:, None])
    assert np.array_equal(order, np.sign(expected[:, :, None] - expected[:, None]))
    assert len({tuple(row) for row in expected}) > 2
    check_lowering(net, lower(net))


@pytest.mark.parametrize(("scale", "bias"), [(1.0, 0.0), (1.0, -1.0), (0.5, -0.5), (-1.0, 1.0)])
def test_multi_threshold_counts_the_thresholds_that_are_reached(
    tmp_path: Path, scale: float, bias: float
) -> None:
    nodes = [
        node("BipolarQuant", "x one", "b", QONNX),
        node("MatMul", "b first", "s"),
        node("MultiThreshold", "s levels", "a", QONNX, out_scale=scale, out_bias=bias),
        node("MatMul", "a last", "y"),
    ]
    constants = {"one": ONE, "first": FIRST, "last": LAST, "levels": LEVELS}
    bits = every_input(4)
    sums = (2.0 * bits - 1) @ FIRST
    reached = (sums[:, :, None] >= LEVELS).sum(2)
    check(write(tmp_path / "m.onnx", nodes, constants), bits, (reached * scale + bias) @ LAST)


def test_a_sum_of_zero_is_plus_one(tmp_path: Path) -> None:
    nodes = [
        node("BipolarQuant", "x one", "b", QONNX),
        node("MatMul", "b first", "s"),
        node("BipolarQuant", "s one", "a", QONNX),
        node("MatMul", "a last", "y"),
    ]
    constants = {"one": ONE, "first": FIRST, "last": LAST}
    bits = every_input(4)
    sums = (2.0 * bits - 1) @ FIRST
    assert (sums == 0).any()
    path = write(tmp_path / "m.onnx", nodes, constants)
    check(path, bits, np.where(sums >= 0, 1, -1) @ LAST)


def test_classes_too_far_apart_for_integers_are_refused(tmp_path: Path) -> None:
    nodes = [
        node("BipolarQuant", "x one", "b", QONNX),
        node("MatMul", "b first", "s"),
        node("Add", "s far", "y"),
    ]
    far = np.array([0, -3e31, 0], dtype=np.float32)
    path = write(tmp_path / "m.onnx", nodes, {"one": ONE, "first": FIRST, "far": far})
    with pytest.raises(ModelError, match="no integers of 20 bits"):
        read_model(path, BITS)


def test_max_pooling_of_signs_is_or(tmp_path: Path) -> None:
    nodes = [
        node("BipolarQuant", "x one", "b", QONNX),
        node("MaxPool", "b", "p", kernel_shape=(2, 2), strides=(2, 2)),
        node("Flatten", "p", "f"),
        node("MatMul", "f last", "y"),
    ]
    last = np.array([[1, -1], [-1, 1], [1, 1], [1, -1]], dtype=np.float32)
    path = write(tmp_path / "m.onnx", nodes, {"one": ONE, "last": last}, (1, 1, 4, 4))
    bits = np.random.default_rng(0).integers(0, 4, size=(300, 16)) == 0
    blocks = bits.reshape(-1, 2, 2, 2, 2).any(axis=(2, 4)).reshape(-1, 4)
    check(path, bits.astype(np.uint8), (2.0 * blocks - 1) @ last)
    text = [type(block).__name__ for block in read_model(path, BITS).blocks]
    assert any("Pool" in name for name in text), text


@pytest.mark.parametrize("name", ["dense_1w2a", "conv_1w1a"])
def test_two_bits_and_convolutions_end_in_a_proved_netlist(name: str) -> None:
    result = compile_net(DATA / f"{name}.onnx", reading=BITS, optimise=1, place_and_route=False)
    assert result.manifest["proof"]["equivalence"] == "equivalent"


def test_pixels_of_eight_bits_go_through_sim_and_the_neutral_form(tmp_path: Path) -> None:
    """A net that reads the bits of its codes takes codes as data; this one has no other layer."""
    nodes = [
        node("Quant", "x step zero eight", "q", QONNX, signed=0),
        node("MatMul", "q last", "y"),
    ]
    eight, zero, step = (np.array(n, dtype=np.float32) for n in (8.0, 0.0, 1 / 255))
    constants = {"step": step, "zero": zero, "eight": eight, "last": LAST}
    path = write(tmp_path / "m.onnx", nodes, constants, (1, 3))
    codes = np.random.default_rng(0).integers(0, 256, size=(50, 3))
    expected = (codes @ LAST).argmax(1)
    assert len(np.unique(expected)) > 1
    np.save(tmp_path / "x.npy", codes)
    pixels = ReadOptions(features="uint8,scale=1/255")
    found = simulate(path, data=tmp_path / "x.npy", reading=pixels)
    assert np.array_equal(found.outputs, expected)
    copy = tmp_path / "copy.npz"
    copy.write_bytes(neutral_bytes(read_model(path, pixels)))
    assert np.array_equal(simulate(copy, data=tmp_path / "x.npy").outputs, found.outputs)
    np.savez(copy, **dict(np.load(copy)) | {"code_bits": 7})
    with pytest.raises(ModelError, match="24 bits as codes of 7; expected codes of 1 to 16 bits"):
        read_model(copy)


def test_branches_that_are_not_the_output_are_refused(tmp_path: Path) -> None:
    """They were taken for layers in front of it."""
    nodes = [
        node("BipolarQuant", "x one", "b", QONNX), node("MatMul", "b first", "s"),
        node("BipolarQuant", "s one", "a", QONNX), node("MatMul", "a square", "t"),
        node("BipolarQuant", "t one", "c", QONNX), node("MatMul", "c last", "dead"),
    ]  # fmt: skip
    square = np.array([[1, -1, 1], [1, 1, -1], [-1, 1, 1]], dtype=np.float32)
    constants = {"one": ONE, "first": FIRST, "last": LAST, "square": square}
    beside = [*nodes, node("MatMul", "b first", "y")]
    path = write(tmp_path / "m.onnx", beside, constants)
    with pytest.raises(ModelError, match="reads the input a second time; expected one quantiser"):
        read_model(path, BITS)
    end = [node("Identity", "s", "z"), node("BipolarQuant", "z one", "y", QONNX)]
    path = write(tmp_path / "m.onnx", [*nodes, *end], constants)
    with pytest.raises(ModelError, match="output: does not read what node 5 .* gives"):
        read_model(path, BITS)

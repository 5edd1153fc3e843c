"""Learned circuits as models: AIGER, PLA, truth tables, .bench, and parameters that are bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import random_layers_model
from helpers_circuits import as_text, evaluate, random_aig
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.aiger import write_aiger
from gatec.bits import all_inputs, unpack
from gatec.errors import GatecError, ModelError
from gatec.frontends import ReadOptions, inspect_model, neutral_bytes, read_model
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering

EVERY = unpack(all_inputs(5), 32)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.booleans())
def test_aiger(tmp_path_factory: pytest.TempPathFactory, seed: int, latches: int,
               binary: bool) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    aig = random_aig(rng, 3 + latches, 12, 2 + latches)
    first = list(rng.choice(["", " 0", " 1"], latches))
    path = tmp_path_factory.getbasetemp() / "any.aig"
    path.write_bytes(as_text(aig, latches, first, binary=binary))
    steps = 3 if latches else None
    model = read_model(path, ReadOptions(steps=steps))
    bits = rng.integers(0, 2, size=(40, steps or 1, 3))
    state = np.tile([int(value == " 1") for value in first], (40, 1)).reshape(40, latches)
    said = []
    for step in range(steps or 1):
        out = evaluate(aig, np.hstack([bits[:, step], state]).astype(int))
        said.append(out[:, :2])
        state = out[:, 2:]
    np.testing.assert_array_equal(model.output_bits(bits.reshape(40, -1)), np.hstack(said))
    check_lowering(model, lower(model))


def test_pla_and_its_open_outputs(tmp_path: Path) -> None:
    path = tmp_path / "net.pla"
    path.write_text("# learned\n.i 3\n.o 2\n11- 1-\n0-1 01\n.e\n")
    model = read_model(path)
    a, b, c = EVERY[:8, :3].T
    expected = np.stack([a & b, (1 - a) & c], axis=1)
    np.testing.assert_array_equal(model.output_bits(EVERY[:8, :3]), expected)
    assert "note: don't-cares: taken as 0" in str(inspect_model(path))


def test_truth_table(tmp_path: Path) -> None:
    path = tmp_path / "net.truth"
    path.write_text("11101000\n10010110\n")
    found = read_model(path).output_bits(EVERY[:8, :3])
    sums = EVERY[:8, :3].sum(axis=1)
    np.testing.assert_array_equal(found, np.stack([sums > 1, sums % 2], axis=1))


def test_a_circuit_without_gates(tmp_path: Path) -> None:
    path = tmp_path / "net.aag"
    path.write_text("aag 2 2 0 3 0\n2\n4\n4\n0\n1\n")
    model = read_model(path)
    check_lowering(model, lower(model))
    expected = [[second, 0, 1] for second in (0, 0, 1, 1)]
    np.testing.assert_array_equal(model.output_bits(EVERY[:4, :2]), expected)


def test_bench_of_a_logicnets_neuron(tmp_path: Path) -> None:
    path = tmp_path / "layer0_N0.bench"
    lines = [f"INPUT(M0[{n}])" for n in range(4)] + ["OUTPUT(M1[0])", "OUTPUT(M1[1])"]
    lines += ["M1[0]       = LUT 0xcafe ( M0[0], M0[1], M0[2], M0[3] )",
              "M1[1]       = LUT 0x1234 ( M0[0], M0[1], M0[2], M0[3] )"]  # fmt: skip
    path.write_text("\n".join(lines))
    address = np.arange(16)
    expected = np.stack([0xCAFE >> address & 1, 0x1234 >> address & 1], axis=1)
    np.testing.assert_array_equal(read_model(path).output_bits(EVERY[:16, :4]), expected)


@pytest.mark.parametrize("form", ["text", "npz"])
def test_parameters_that_are_bits(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(4)
    aig = random_aig(rng, 9, 40, 3)
    (tmp_path / "net.aig").write_bytes(write_aiger(aig))
    parameters = rng.integers(0, 2, 4)
    given_ = tmp_path / "bits"
    if form == "text":
        given_.write_text("".join(str(bit) for bit in parameters) + "\n")
    else:
        with given_.open("wb") as stream:
            np.savez(stream, parameters=parameters)
    model = read_model(tmp_path / "net.aig", ReadOptions(parameters=given_))
    assert model.num_inputs == 5
    expected = evaluate(aig, np.hstack([EVERY, np.tile(parameters, (32, 1))]).astype(int))
    np.testing.assert_array_equal(model.output_bits(EVERY), expected)
    check_lowering(model, lower(model))


@pytest.mark.parametrize("state", [0, 3])
def test_parameters_of_the_neutral_form(tmp_path: Path, state: int) -> None:
    cell = random_layers_model(np.random.default_rng(1), 5 + 4 + state, [14, 6 + state], None)
    path = tmp_path / "net.npz"
    path.write_bytes(neutral_bytes(cell))
    bits = np.array([1, 0, 1, 1])
    values = dict(np.load(path)) | {"inputs": 5, "parameters": bits}
    values |= {"state": state, "every_step": 1} if state else {}
    np.savez(path, **values)
    model = read_model(path, ReadOptions(steps=1 if state else None))
    zeros = np.zeros((32, state), dtype=int)
    expected = cell.output_bits(np.hstack([EVERY, np.tile(bits, (32, 1)), zeros]))
    np.testing.assert_array_equal(model.output_bits(EVERY), expected[:, :6])
    check_lowering(model, lower(model))
    (tmp_path / "copy.npz").write_bytes(neutral_bytes(model))
    np.testing.assert_array_equal(
        read_model(tmp_path / "copy.npz").output_bits(EVERY), expected[:, :6]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aag 2 1 1 1 0\n2\n4 2\n4\n", "a recurrent net; expected --steps N"),
        ("aag 1 1 0 0 0\n2\n", "no outputs"),
        ("aag 0 0 0 1 0\n1\n", "no inputs"),
        (".i 2\n.o 1\n12 1\n1x 1\n", "line 4: cube '1x 1'"),
        ("101\n", "line 1: 3 values; expected a power of two"),
        ("INPUT(a)\nOUTPUT(b)\nb = DFF(a)\n", "line 3: gate dff of 1 inputs; expected a comb"),
    ],
)
def test_circuits_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "net.txt"
    path.write_text(text)
    with pytest.raises(GatecError, match=f"net.txt: .*{message}"):
        read_model(path)


def test_parameters_that_are_refused(tmp_path: Path) -> None:
    path, given_ = tmp_path / "net.aag", tmp_path / "p.npz"
    path.write_text("aag 1 1 0 1 0\n2\n3\n")
    options = ReadOptions(parameters=given_)
    for values, message in (
        ({"parameters": np.array([1])}, "net.aag: 1 parameters for 1 inputs; expected fewer"),
        ({"parameters": np.array([2, 0])}, "p.npz: parameters: neither 0 nor 1"),
        ({"weights": np.array([1])}, "p.npz: parameters: missing, or no row of bits"),
    ):
        np.savez(given_, **values)
        with pytest.raises(ModelError, match=message):
            read_model(path, options)

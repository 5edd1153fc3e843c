"""Truth tables, covers and gate lists, read as functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers_synth import random_aigs, same_function, tables
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.aig import to_netlist
from gatec.bits import all_inputs
from gatec.blif import write_blif
from gatec.errors import GatecError
from gatec.synth.files import read_function
from gatec.synth.function import Function, all_care
from gatec.synth.read_gates import read_bench, read_blif_circuit
from gatec.synth.read_tables import read_pla, read_truth

TEXT_READERS: dict[str, Callable[[str], object]] = {
    "truth": lambda text: read_truth(text, "f", "f"),
    "pla": lambda text: read_pla(text, "f", "f"),
    "blif": lambda text: read_blif_circuit(text, "f"),
    "bench": lambda text: read_bench(text, "f"),
}


def values(function: Function, output: int = 0) -> str:
    """Return an output as text: address 0 first, `-` where it does not count."""
    count = 1 << function.aig.num_inputs
    word, cares = tables(function.aig)[output], all_care(function)[output]

    def bit(words: np.ndarray, address: int) -> int:
        return int(words[address // 64]) >> (address % 64) & 1

    return "".join(
        str(bit(word, address)) if bit(cares, address) else "-" for address in range(count)
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8), st.data())
def test_truth_tables_read_back(inputs: int, data: st.DataObject) -> None:
    count = 1 << inputs
    rows = data.draw(st.lists(st.integers(0, (1 << count) - 1), min_size=1, max_size=3))
    text = "".join(f"{row:0{count}b}\n" for row in rows)
    function = read_truth(text, "f", "f")
    assert function.aig.num_inputs == inputs
    for number, row in enumerate(rows):
        assert values(function, number) == f"{row:0{count}b}"[::-1]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("f", "0010"), ("fd", "-010"), ("fr", "-011"), ("fdr", "-010")],
)
def test_pla_types(kind: str, expected: str) -> None:
    cubes = {"f": "01 1\n00 0", "fd": "01 1\n00 -", "fr": "01 1\n10 0\n11 1", "fdr": "01 1\n00 -"}
    text = f".i 2\n.o 1\n.type {kind}\n.ilb a b\n.ob y\n{cubes[kind]}\n.e\n"
    function = read_pla(text, "f", "f")
    assert values(function) == expected
    assert (function.aig.input_names, function.aig.output_names) == (("a", "b"), ("y",))


def test_pla_of_many_inputs_is_a_sum_of_cubes() -> None:
    wide = "1" * 20 + " 1\n" + "0" * 19 + "1 1\n"
    aig = read_pla(f".i 20\n.o 1\n{wide}", "f", "f").aig
    netlist = to_netlist(aig)
    assert (netlist.num_inputs, aig.num_ands) == (20, 39)
    with pytest.raises(GatecError, match="don't-cares of 20 inputs"):
        read_pla(f".i 20\n.o 1\n.type fr\n{wide}", "f", "f")


def test_blif_of_any_order_with_wide_covers_and_constants() -> None:
    text = (
        "# c\n.model m\n.inputs a b \\\n c\n.outputs y z one\n.names n c y\n1- 1\n-1 1\n"
        ".names a b n\n11 0\n.names a b c q0 q1 q2 q3 z\n111---- 1\n.names q0\n.names q1\n"
        ".names q2\n.names q3\n.names one\n 1\n.end\n"
    )
    aig = read_blif_circuit(text, "f")
    a, b, c = all_inputs(3)
    assert np.array_equal(tables(aig), [~(a & b) | c, a & b & c, ~(a & ~a)])
    assert aig.input_names == ("a", "b", "c")


def test_blif_round_trip() -> None:
    for aig in random_aigs(40):
        inputs = [f"g{n}" for n in range(aig.num_inputs)]
        outputs = [f"_out[{n}]" for n in range(aig.num_outputs)]
        back = read_blif_circuit(write_blif(to_netlist(aig), ports=(inputs, outputs)), "f")
        assert same_function(back, aig)
        assert (list(back.input_names), list(back.output_names)) == (inputs, outputs)


def test_bench_gates() -> None:
    text = (
        "# c\nINPUT(a)\nINPUT(b)\nOUTPUT(x)\nOUTPUT(y)\nOUTPUT(z)\nOUTPUT(l)\nz = vdd\n"
        "y = NOT(n)\nn = nand(a, b)\nx = XNOR(a, b, n)\nl = LUT 0x9 (a, b)\n"
    )
    a, b = all_inputs(2)
    nand = ~(a & b)
    assert np.array_equal(tables(read_bench(text, "f")), [~(a ^ b ^ nand), a & b, a | ~a, ~(a ^ b)])


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        ("truth", "", "is empty"),
        ("truth", "011\n", "line 1: 3 values"),
        ("truth", "01\n0111\n", "line 2: 4 values"),
        ("truth", "0x\n", "line 1: is not made of 0 and 1"),
        ("truth", "0" * (1 << 17), "inputs of a truth table: 17; expected at most 16"),
        ("pla", "", ".i; expected .i and a number"),
        ("pla", ".i 2\n.o 1\n111 1\n", "line 3: cube '111 1'"),
        ("pla", ".i 999999999\n.o 1\n", "inputs: 999999999"),
        ("pla", ".i 2\n.o 1\n.type q\n", ".type q"),
        ("pla", ".i 2\n.o 1\n.kiss\n", "statement .kiss"),
        ("pla", ".i 2\n.o 1\n.ilb a a\n", ".ilb of 2 names"),
        ("blif", "", "has no outputs"),
        ("blif", ".model m\n.latch a b\n", "statement .latch"),
        ("blif", ".outputs y\n.names y y\n1 1\n", "a combinational cycle through y"),
        ("blif", ".outputs y\n", "nothing drives y"),
        ("blif", ".outputs y\n.names y\n2\n", "y: cover row '2'"),
        ("blif", ".outputs y\n.names y\n.names y\n", "y is driven twice"),
        ("blif", ".inputs a\n.outputs y\n.names a y\n1 1\n0 0\n", "both on- and off-set"),
        ("blif", "11 1\n", "outside of a gate"),
        ("bench", "OUTPUT(y)\ny = DFF(y)\n", "gate dff of 1 inputs"),
        ("bench", "OUTPUT(y)\ny = NOT(a, b)\n", "gate not of 2 inputs"),
        ("bench", "OUTPUT(y)\ny = LUT 0x10 (a, b)\n", "table of 2 inputs"),
        ("bench", "nonsense\n", "line 1: 'nonsense'"),
    ],
)
def test_damaged_files_end_in_one_line(reader: str, text: str, message: str) -> None:
    with pytest.raises(GatecError) as caught:
        TEXT_READERS[reader](text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("f: ")


_PIECES = st.sampled_from(
    [".i 2\n", ".o 1\n", ".names", ".inputs", ".outputs", ".end\n", " a", " b", "\n", "01 1", "-",
     "1", "0", "INPUT(a)\n", "OUTPUT(b)\n", "b = AND(a, a)\n", "=", "(", ")", "\\\n", "#", "\x00"]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(_PIECES, max_size=12).map("".join), st.sampled_from(sorted(TEXT_READERS)))
def test_any_text_is_a_function_or_an_error(text: str, reader: str) -> None:
    try:
        TEXT_READERS[reader](text)
    except GatecError as error:
        assert "\n" not in str(error)


def test_files_are_read_by_suffix(tmp_path: Path) -> None:
    (tmp_path / "9-x.truth").write_text("1000\n")
    assert read_function(tmp_path / "9-x.truth").name == "_9_x"
    (tmp_path / "x.pla").write_bytes(b"\xff")
    for name, message in (
        ("x.pla", "byte 0 is no text"),
        ("no.aig", "cannot be read"),
        ("x.q", "suffix"),
    ):
        with pytest.raises(GatecError, match=message):
            read_function(tmp_path / name)

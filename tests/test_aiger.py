"""AIGER: round trips, ABC as the second reader, and damaged files."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_synth import random_aigs, same_function
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.aig import Aig
from gatec.aiger import read_aiger, write_aiger
from gatec.errors import GatecError
from gatec.tools.abc import run_abc

AND = Aig(2, [[2, 5]], [6, 7, 1], ("a", "b"), ("x", "y", "z"))


def test_both_forms_are_what_the_format_says() -> None:
    symbols = "i0 a\ni1 b\no0 x\no1 y\no2 z\n"
    assert write_aiger(AND, binary=False).decode() == (
        "aag 3 2 0 3 1\n2\n4\n6\n7\n1\n6 5 2\n" + symbols
    )
    assert write_aiger(AND) == b"aig 3 2 0 3 1\n6\n7\n1\n\x01\x03" + symbols.encode()


@pytest.mark.parametrize("binary", [True, False])
def test_round_trip(binary: bool) -> None:
    for aig in [AND, Aig(0, [], [0, 1]), Aig(3, [], []), *random_aigs(60)]:
        back = read_aiger(write_aiger(aig, binary=binary))
        assert np.array_equal(back.fanin.max(axis=1, initial=0), aig.fanin.max(axis=1, initial=0))
        assert np.array_equal(back.outputs, aig.outputs)
        assert (back.input_names, back.output_names) == (aig.input_names, aig.output_names)
        assert same_function(back, aig)


def test_ascii_gates_may_come_in_any_order() -> None:
    found = read_aiger(b"aag 9 2 0 1 2\n6\n2\n18\n18 4 2\n4 6 3\nc\nanything \xff")
    assert same_function(found, read_aiger(b"aag 4 2 0 1 2\n2\n4\n8\n6 2 5\n8 6 4\n"))


def test_abc_reads_what_is_written_and_writes_what_is_read() -> None:
    for aig in random_aigs(5):
        commands = ["&r in.aig", "&put", "write_aiger -s out.aig", "cec -n in.aig out.aig"]
        run = run_abc(commands, inputs={"in.aig": write_aiger(aig)}, outputs=["out.aig"])
        assert "Networks are equivalent" in run.log
        assert same_function(read_aiger(run.files["out.aig"]), aig)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected aig or aag"),
        (b"aig 1 2 3\n", "expected aig M I L O A"),
        (b"aig 1 x 0 0 0\n", "expected aig M I L O A"),
        (b"aig 3 1 1 1 1\n2\n6\n\x02\x02", "1 latches"),
        (b"aig 3 1 1 1 1\n2 4\n6\n\x02\x02", "latch 0: starts with an unknown value"),
        (b"aag 3 1 1 1 1\n2\n4 2 7\n6\n6 4 2\n", "latch 0: starts with 7; expected 0 or 1"),
        (b"aag 3 1 1 1 1\n2\n4\n6\n6 4 2\n", "latch 0: line b''"),
        (b"aag 3 1 1 1 1\n2\n", "latch 0: is not a literal"),
        (b"aig 3 1 1 1 1\n", "latch 0: line"),
        (b"aig 3 1 1 1 1\n2\n", "ends before output 0"),
        (b"aig 1 1 0 1 0 1\n2\n", "properties or constraints"),
        (b"aig 9 1 0 1 1\n2\n", "maximum variable 9; expected 2"),
        (b"aig 99999999999 99999999999 0 0 0\n", "99999999999"),
        (b"aig 1 1 0 2 0\n2\n", "ends before output 1"),
        (b"aig 1 1 0 1 0\n4\n", "output 0: literal 4; expected 0..3"),
        (b"aig 1 1 0 1 0\n-2\n", "output 0: is not a number"),
        (b"aig 1 1 0 2 0\n2 2\n2\n", "3 numbers in 2 lines"),
        (b"aig 3 1 0 1 2\n2\n\x01\x01", "ends in gate 1"),
        (b"aig 2 1 0 1 1\n2\n\x00\x01", "gate 0: differences 0 and 1"),
        (b"aig 2 1 0 1 1\n2\n\x01\x7f", "gate 0: differences 1 and 127"),
        (b"aig 2 1 0 1 1\n2\n\xff\xff\xff\xff\xff\x01\x00", "more than 5 bytes"),
        (b"aag 2 1 0 1 1\n2\n4\n4 6 2\n", "reads 6, which nothing drives"),
        (b"aag 3 1 0 1 2\n2\n4\n4 6 2\n6 4 2\n", "a combinational cycle"),
        (b"aag 2 2 0 0 0\n2\n2\n", "twice defined"),
        (b"aig 1 1 0 1 0\n2\nq0 x\n", "symbol 'q0'"),
    ],
)
def test_damaged_files_end_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(GatecError) as caught:
        read_aiger(data, "x.aig")
    assert message in str(caught.value)
    assert str(caught.value).startswith("x.aig: ")


@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(0, 60), st.booleans())
def test_any_bytes_are_a_circuit_or_an_error(noise: bytes, place: int, binary: bool) -> None:
    good = write_aiger(AND, binary=binary)
    for data in (noise, b"aig " + noise, good[:place] + noise, good[:place] + good[place + 1 :]):
        try:
            aig = read_aiger(data)
        except GatecError as error:
            assert "\n" not in str(error)
        else:
            own = aig.first_and + np.arange(aig.num_ands)
            assert ((aig.fanin >> 1).max(axis=1, initial=0) < own).all()

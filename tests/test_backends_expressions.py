"""Every table is written as an expression that reads back as the table."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_tables

from gatec.backends.expressions import expression
from gatec.backends.readback.formula import read_formula
from gatec.errors import DifferentError
from gatec.tables import AND2, MAJ3, MUX, VARIABLE, XOR2, XOR3, expand, flip, swap

NAMES = ["a", "b", "c", "d", "e", "f"]


def write(table: int) -> str:
    template, slots = expression(int(table))
    return template % tuple(NAMES[slot] for slot in slots)


def read(text: str) -> int:
    """Return the table of `text` with `a` in slot 0, `b` in slot 1 and so on."""
    table, slots = read_formula(text)
    slots = list(slots)
    out = np.array([table], dtype=np.uint64)
    for target, name in enumerate(NAMES):
        if name in slots:
            source = slots.index(name)
            out = swap(out, source, target)
            rest = slots[target] if target < len(slots) else ""
            slots += [""] * (target + 1 - len(slots))
            slots[source], slots[target] = rest, name
    return int(out[0])


@pytest.mark.parametrize("fanin", [0, 1, 2, 3])
def test_every_small_table(fanin: int) -> None:
    for table in expand(np.arange(1 << (1 << fanin), dtype=np.uint64), fanin):
        assert read(write(table)) == int(table)


@pytest.mark.parametrize(("fanin", "count"), [(4, 4000), (5, 1000), (6, 1000)])
def test_random_tables(fanin: int, count: int) -> None:
    for table in random_tables(np.random.default_rng(fanin), fanin, count):
        assert read(write(table)) == int(table)


def test_known_functions_are_readable() -> None:
    a, b = VARIABLE[0], VARIABLE[1]
    assert write(AND2) == "a & b"
    assert write(~AND2) == "~a | ~b"
    assert write(XOR2) == "a ^ b"
    assert write(~XOR2) == "~(a ^ b)"
    assert write(XOR3) == "a ^ b ^ c"
    assert write(MUX) == "c ? b : a"
    assert write(MAJ3) == "a ? (b | c) : (b & c)"
    assert write(a & ~b) == "a & ~b"
    assert write(np.uint64(0)) == "1'b0"


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("a | b & c", VARIABLE[0] | (VARIABLE[1] & VARIABLE[2])),
        ("a ^ b & c", VARIABLE[0] ^ (VARIABLE[1] & VARIABLE[2])),
        ("a | b ^ c", VARIABLE[0] | (VARIABLE[1] ^ VARIABLE[2])),
        ("~a & b", ~VARIABLE[0] & VARIABLE[1]),
        ("~(a & b) | 1'b0", ~(VARIABLE[0] & VARIABLE[1])),
        ("a ? b : c ? d : 1'b1", None),
    ],
)
def test_reader_knows_precedence(text: str, table: np.uint64 | None) -> None:
    if table is None:
        a, b, c, d = VARIABLE[:4]
        table = (a & b) | (~a & ((c & d) | ~c))
    assert read(text) == int(table)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a &",
        "a && b",
        "(a",
        "a)",
        "a ? b",
        "1'b2",
        "a + b",
        "a[0]",
        "2'b01",
        "~",
        "a0 a1",
    ],
)
def test_reader_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises(DifferentError):
        read_formula(text)


def test_reader_refuses_seven_inputs() -> None:
    with pytest.raises(DifferentError, match="too many inputs"):
        read_formula("a & b & c & d & e & f & g")


def test_flipping_an_input_flips_its_literal() -> None:
    assert write(flip(np.array([AND2]), 1)[0]) == "a & ~b"

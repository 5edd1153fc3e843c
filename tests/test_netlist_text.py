"""The text form of netlists: goldens, round trips, and errors with their line."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_passes import random_netlists

from gatec.errors import LimitError, ModelError
from gatec.netlist import Netlist, Port, make_ports
from gatec.tables import AND2, CONST1, XOR2, XOR3
from gatec.text import from_text, to_text

ADDER = """\
netlist adder k=3
input a[2] unsigned
input b[2] unsigned
g0 = lut2:6 a[0] b[0]
g1 = lut2:8 a[0] b[0]
g2 = lut3:96 a[1] b[1] g1
cut carry[1] bits = g1
output sum[2] unsigned = g0 g2
output ones[4] bits = 1 0 a[1] r0
"""
ADDER = ADDER.replace("g0 = lut", "r0 = g2 init 1\ng0 = lut", 1)


def adder() -> Netlist:
    return Netlist(
        "adder",
        make_ports(("a", 2, "unsigned"), ("b", 2, "unsigned")),
        (Port("sum", [7, 9], "unsigned"), Port("ones", [1, 0, 3, 6])),
        [[2, 4, 0], [2, 4, 0], [3, 5, 8]],
        [XOR2, AND2, XOR3],
        register_d=[9],
        register_init=[True],
        cuts=(Port("carry", [8]),),
    )


def assert_same(one: Netlist, other: Netlist) -> None:
    for key in ("fanin", "tables", "register_d", "register_init"):
        assert np.array_equal(getattr(one, key), getattr(other, key)), key
        assert getattr(one, key).dtype == getattr(other, key).dtype
    for kind in ("inputs", "outputs", "cuts"):
        for mine, yours in zip(getattr(one, kind), getattr(other, kind), strict=True):
            assert (mine.name, mine.encoding) == (yours.name, yours.encoding)
            assert np.array_equal(mine.nets, yours.nets)
    assert one.name == other.name
    assert (one.stage is None) == (other.stage is None)
    assert one.stage is None or np.array_equal(one.stage, other.stage)


def test_text_of_an_adder() -> None:
    assert to_text(adder()) == ADDER


def test_reading_gives_the_same_netlist() -> None:
    assert_same(from_text(ADDER), adder())


def test_runs_of_nets_and_stages_are_short() -> None:
    net = Netlist(
        "run",
        make_ports(("x", 4), ("y", 4, "unsigned x2")),
        (Port("all", [*range(10), 10, 11]), Port("mixed", [11, 4, 5, 6, 7, 2])),
        [[2], [3]],
        [CONST1, CONST1],
        stage=[0, 1],
    )
    expected = """\
netlist run k=1 stages=2
input x[4] bits
input y[4] unsigned x2
g0 = lut1:3 x[0] @0
g1 = lut1:3 x[1] @1
output all[12] bits = 0 1 x[0..3] y[0..3] g0 g1
output mixed[6] bits = g1 x[2] x[3] y[0] y[1] x[0]
"""
    assert to_text(net) == expected
    assert_same(from_text(expected), net)


def test_a_limit_shortens_gates_and_ports() -> None:
    net = Netlist(
        "wide",
        make_ports(("x", 40)),
        (Port("y", np.arange(2, 42, 2)),),
        np.full((70, 1), 2),
        np.full(70, CONST1),
    )
    lines = to_text(net, limit=2).splitlines()
    assert lines[2:] == [
        "g0 = lut1:3 x[0]",
        "g1 = lut1:3 x[0]",
        "... 68 more gates",
        "output y[20] bits = x[0] x[2] x[4] x[6] x[8] x[10] x[12] x[14] ... 12 more runs",
    ]
    assert "... 6 more gates" in repr(net)
    with pytest.raises(ModelError, match="line 5"):
        from_text("\n".join(lines))


@pytest.mark.parametrize("name", ["a b", 'quo"te', "line\nbreak", "", "k=3", "ünï", "\u2028"])
def test_any_netlist_name_survives(name: str) -> None:
    net = adder().replace(name=name)
    assert len(to_text(net).splitlines()) == len(ADDER.splitlines())
    assert_same(from_text(to_text(net)), net)


def test_round_trip_of_random_netlists() -> None:
    for seed, net in enumerate(random_netlists(150, registers=True)):
        assert_same(from_text(to_text(net)), net)
        if net.num_registers == 0:
            rng = np.random.default_rng(seed)
            staged = net.replace(stage=net.levels[net.first_gate :] + rng.integers(0, 3))
            assert_same(from_text(to_text(staged)), staged)


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, "netlist adder", "expected netlist NAME k="),
        (1, "netlist adder k=7", "expected netlist NAME k="),
        (2, "netlist again k=3", "expected one of input"),
        (2, "input a[2] = g0", "expected one of input"),
        (4, "r1 = g2 init 1", "register 1; expected number 0"),
        (4, "r0 = g0..1 init 1", "2 next states"),
        (5, "g0 = lut2:6 a[0] c[0]", "'c[0]'; expected the name of a net"),
        (5, "g0 = lut2:6 a[0] b[2]", "'b[2]'; expected one of 2 nets"),
        (5, "g0 = lut2:6 a[0]", "lut2 of 1 nets"),
        (5, "g0 = lut4:6 a[0] a[0] a[0] a[0]", "at most k=3"),
        (5, "g0 = lut2:16 a[0] b[0]", "table 16; expected 4 bits"),
        (5, "g0 = lut2:6 a[0] b[0] @1", "what the header says"),
        (6, "g7 = lut2:6 a[0] b[0]", "gate 7; expected number 1"),
        (8, "cut carry[2] bits = g1", "1 nets in carry; expected 2"),
        (8, "nonsense", "'nonsense'; expected one of input"),
        (9, "output sum[2] unsigned = g1..0", "'g1..0'"),
    ],
)
def test_errors_name_the_line(line: int, text: str, message: str) -> None:
    lines = ADDER.splitlines()
    lines[line - 1] = text
    with pytest.raises(ModelError) as error:
        from_text("\n".join(lines))
    assert str(error.value).startswith(f"line {line}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty netlist text"),
        ("netlist a k=1 stages=2\ninput x[1] bits\ng0 = lut1:1 x[0] @0", "line 1: stages=2"),
        ("netlist a k=1\ninput x[1] bits\ng0 = lut1:1 g0", "reads a net that is not before it"),
        ("netlist a k=1\ninput x[1] bits\ninput x[1] bits", "two ports have one name"),
    ],
)
def test_errors_of_the_whole(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        from_text(text)


def test_a_huge_input_is_refused_before_it_is_made() -> None:
    with pytest.raises(LimitError, match="line 2: input bits"):
        from_text("netlist a k=0\ninput x[999999999] bits\n")

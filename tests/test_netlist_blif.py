"""BLIF to ABC and back."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_passes import assert_equivalent, random_netlists

from gatec.blif import read_blif, write_blif
from gatec.errors import ToolError
from gatec.netlist import Netlist, Port, make_ports
from gatec.tables import AND2, CONST1, XOR2
from gatec.text import to_text
from gatec.tools.abc import run_abc

GATES = Netlist(
    "gates",
    make_ports(("x", 3)),
    (Port("y", [5, 0, 7]),),
    [[2, 3], [5, 2], [0, 4]],
    [XOR2, CONST1, ~AND2],
    cuts=(Port("c", [6]),),
)


def test_covers_take_the_smaller_set_and_read_slots_only() -> None:
    assert write_blif(GATES) == (
        ".model gatec\n.inputs i0 i1 i2\n.outputs o0 o1 o2\n"
        ".names zero\n.names one\n1\n"
        ".names i0 i1 g0\n10 1\n01 1\n"
        ".names g1\n1\n"
        ".names zero i2 g2\n11 0\n"
        ".names g0 o0\n1 1\n.names zero o1\n1 1\n.names g2 o2\n1 1\n.end\n"
    )
    assert ".outputs o0 o1 o2 c0\n" in write_blif(GATES, cuts=True)


def test_reading_drops_buffers_and_constants() -> None:
    back = read_blif(write_blif(GATES, cuts=True), GATES)
    assert to_text(back).splitlines()[2:] == [
        "g0 = lut2:6 x[0] x[1]",
        "g1 = lut2:7 0 x[2]",
        "cut c[1] bits = 1",
        "output y[3] bits = g0 0 g1",
    ]


def test_round_trip_of_random_netlists() -> None:
    for net in random_netlists(100):
        back = read_blif(write_blif(net, cuts=True), net)
        back.verify()
        assert_equivalent(net, back)
        assert back.num_gates <= net.num_gates
        levels = back.levels[back.first_gate :]
        assert np.array_equal(levels, np.sort(levels))


def test_round_trip_through_abc() -> None:
    for net in random_netlists(8):
        commands = ["read_blif a.blif", "strash", "if -K 4", "write_blif b.blif"]
        inputs = {"a.blif": write_blif(net, cuts=True)}
        text = run_abc(commands, inputs=inputs, outputs=["b.blif"]).files["b.blif"].decode()
        back = read_blif(text, net)
        back.verify()
        assert_equivalent(net, back)


def test_dont_cares_off_sets_and_any_order_are_read() -> None:
    text = (
        "# by hand\n.model m\n.inputs i0 \\\n i1 i2\n.outputs o0\n"
        ".names n2 n1 o0\n11 1\n"
        ".names n3 i0 n1\n0- 0\n-1 0\n"
        ".names i1 i2 n3\n1- 1\n-1 1\n"
        ".names n3 n2\n0 1\n.end\n"
    )
    like = Netlist("m", make_ports(("x", 3)), (Port("y", [2]),), np.zeros((0, 0)), [])
    assert to_text(read_blif(text, like)).splitlines()[2:] == [
        "g0 = lut2:e x[1] x[2]",
        "g1 = lut2:2 g0 x[0]",
        "g2 = lut1:1 g0",
        "g3 = lut2:8 g2 g1",
        "output y[1] bits = g3",
    ]


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (".latch i0 o0 0", "statement .latch"),
        (".gate nand a=i0 O=o0", "statement .gate"),
        (".names i0 n", "nothing drives o0"),
        (".names i0 n o0\n11 1", "nothing drives n"),
        (".names o1 o0\n1 1\n.names o0 o1\n1 1", "nothing drives"),
        (".names o0 i0 o0\n11 1", "a combinational cycle"),
        (".names i0 o0\n1 1\n.names i1 o0\n1 1", "o0 is driven twice"),
        (".names i1 i0\n1 1\n.names i1 o0\n1 1", "i0 is driven twice"),
        (".names i0 o0\n2 1", "cover row '2 1'"),
        (".names i0 o0\n11 1", "cover row '11 1'"),
        (".names i0 o0\n1 x", "cover row '1 x'"),
        (".names i0 i1 o0\n11 1\n00 0", "both on- and off-set"),
        (".names i0 i0 i0 i0 i0 i0 i0 o0\n1111111 1", "a gate of 7 inputs"),
        ("\n\x00\x01 garbage", "cover row|nothing drives"),
    ],
)
def test_garbage_is_a_tool_error(statements: str, message: str) -> None:
    like = Netlist("m", make_ports(("x", 2)), (Port("y", [2]),), np.zeros((0, 0)), [])
    text = f".model m\n.inputs i0 i1\n.outputs o0\n{statements}\n.end\n"
    with pytest.raises(ToolError, match=message):
        read_blif(text, like)


def test_every_truncation_is_an_error() -> None:
    text = write_blif(GATES, cuts=True)
    assert text.endswith(".end\n")
    for end in range(len(text) - 2):
        with pytest.raises(ToolError):
            read_blif(text[:end], GATES)
    with pytest.raises(ToolError, match="begins with"):
        read_blif("garbage\n" + text, GATES)

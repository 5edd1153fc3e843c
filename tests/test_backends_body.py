"""Stage bodies: what is written is what is read, and is what the netlist says."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_netlist
from helpers_backends import staged

from gatec.backends.body import MAX_PORT_BITS, write_stages
from gatec.backends.readback.subset import read_body, split_modules
from gatec.bits import random_words
from gatec.devices.fabrics import STYLE_FANIN, STYLES, Style
from gatec.errors import DifferentError, LimitError
from gatec.evaluate import evaluate_outputs
from gatec.netlist import Netlist, NetlistError, Port, make_ports
from gatec.tables import AND2, expand

TINY = """\
module tiny_stage0 (
  input  wire [1:0] i,
  output wire [2:0] o
);
  wire x0 = i[0];
  wire x1 = i[1];
  wire n0; SB_LUT4 #(.LUT_INIT(16'h8888)) g0 (.O(n0), .I0(x1), .I1(x0), .I2(1'b0), .I3(1'b0));
  wire n1; SB_LUT4 #(.LUT_INIT(16'h5555)) g1 (.O(n1), .I0(n0), .I1(1'b0), .I2(1'b0), .I3(1'b0));
  assign o[0] = n1;
  assign o[1] = x1;
  assign o[2] = 1'b1;
endmodule
"""


def tiny() -> Netlist:
    tables = np.array([AND2, 0x5555_5555_5555_5555], dtype=np.uint64)
    fanin = [[3, 2], [4, 0]]
    return Netlist(
        "tiny", make_ports(("x", 2)), (Port("y", [5, 3, 1]),), fanin, tables, stage=[0, 0]
    )


def test_ice40_text() -> None:
    (stage,) = write_stages(tiny(), [tiny().output_nets], top="tiny", style="ice40")
    assert stage.text == TINY
    assert (stage.name, stage.inputs, stage.outputs) == ("tiny_stage0", 2, 3)


def test_generic_text() -> None:
    (stage,) = write_stages(tiny(), [tiny().output_nets], top="tiny", style="generic")
    lines = stage.text.splitlines()
    assert lines[6:8] == ["  wire n0 = x1 & x0;", "  wire n1 = ~n0;"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", range(10))
def test_one_stage_reads_back_as_the_netlist(seed: int, style: Style) -> None:
    rng = np.random.default_rng(seed)
    fanin = STYLE_FANIN[style]
    net = staged(random_netlist(rng, 9, 60, 12, max_fanin=fanin), 1)
    (stage,) = write_stages(net, [net.output_nets], top="t", style=style)
    body = read_body(stage.name, stage.text)
    assert body.inputs == net.num_inputs
    back = Netlist("back", net.inputs, (Port("y", body.outputs),), body.fanin, body.tables)
    back.verify()
    words = random_words(rng, net.num_inputs, 16)
    assert np.array_equal(evaluate_outputs(net, words), evaluate_outputs(back, words))


def test_every_init_of_a_lut_is_read_in_the_same_order() -> None:
    tables = expand(np.arange(0, 1 << 16, 37, dtype=np.uint64), 4)
    fanin = np.tile([2, 3, 4, 5], (len(tables), 1))
    outputs = (Port("y", 6 + np.arange(len(tables))),)
    net = Netlist("luts", make_ports(("x", 4)), outputs, fanin, tables, stage=[0] * len(tables))
    (stage,) = write_stages(net, [net.output_nets], top="luts", style="ice40")
    assert np.array_equal(read_body("luts_stage0", stage.text).tables, tables)


def test_too_many_inputs_for_the_style_is_a_bug_of_the_mapper() -> None:
    net = staged(random_netlist(np.random.default_rng(0), 9, 60, 4, max_fanin=5), 1)
    with pytest.raises(NetlistError, match="too many for ice40"):
        write_stages(net, [net.output_nets], top="t", style="ice40")


def test_a_rank_that_is_too_wide() -> None:
    net = tiny()
    wide = np.full(MAX_PORT_BITS + 1, 5, dtype=np.int32)
    with pytest.raises(LimitError, match=r"65535 nets cross a register rank; expected at most"):
        write_stages(net, [wide], top="t", style="ice40")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("x0 = i[0]", "x0 = i[2]", "beyond i"),
        ("wire x0", "wire x1", "declared twice"),
        ("wire x0", "wire i", "declared twice"),
        (".I0(x1)", ".I0(x7)", "undeclared name x7"),
        (".I0(x1)", ".I0(n1)", "later"),
        (".I0(x1)", ".I0(n0)", "later"),
        (".O(n0)", ".O(n1)", "another wire"),
        (" g1 ", " g0 ", "declared twice"),
        (" g1 ", " n0 ", "declared twice"),
        ("16'h8888", "16'hx888", "unexpected text"),
        ("16'h8888", "16'h88888", "unexpected text"),
        ("o[1] = x1", "o[0] = x1", "not driven once each"),
        ("  assign o[1] = x1;\n", "", "not driven once each"),
        ("  assign o[1] = x1;\n", "  assign o[1] = x1; // pragma\n", "unexpected text"),
        ("  assign o[1]", "  initial $finish;\n  assign o[1]", "unexpected text"),
        ("[1:0] i,", "[1:0] i, input clk,", "unexpected ports"),
        ("(.O(n0)", "(.O(n0), .CE(x0)", "unexpected text"),
    ],
)
def test_the_reader_refuses(old: str, new: str, message: str) -> None:
    assert old in TINY
    with pytest.raises(DifferentError, match=message):
        read_body("tiny_stage0", TINY.replace(old, new, 1))


@pytest.mark.parametrize(
    "text",
    [
        "// synopsys translate_off\n" + TINY,
        "`define x0 x1\n" + TINY,
        "/* hidden */\n" + TINY,
        TINY + "bind tiny_stage0 other u ();\n",
        TINY + TINY,
    ],
)
def test_the_outline_refuses(text: str) -> None:
    with pytest.raises(DifferentError):
        split_modules(text)

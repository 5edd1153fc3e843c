"""Texts that a simulator and a careless reader would understand differently are refused."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_netlist

from gatec.backends.readback.core import read_back
from gatec.backends.readback.formula import read_formula
from gatec.backends.verilog import Emitted, emit
from gatec.errors import DifferentError
from gatec.netlist import Netlist, Port, make_ports
from gatec.passes.pipeline import pipeline
from gatec.tables import AND2

# One more register for the constant bits of the result.
DECLARED = "  wire [2:0] stage0_o;\n  wire [2:0] mixed;\n  reg [2:0] late = 3'h0;\n"
REGISTER = """  always @(posedge clk)
    if (advance) late <= stage0_o;
  assign mixed = { late[2:1], stage0_o[0] };
"""


def emitted() -> Emitted:
    net = random_netlist(np.random.default_rng(11), 6, 30, 4)
    return emit(pipeline(net, levels_per_stage=3), style="ice40")


def test_the_text_below_is_accepted_as_it_is() -> None:
    core = emitted()
    read_back(core.text, core.shape)


@pytest.mark.parametrize("formula", ["~(a & 1) ? b : c", "a & 0", "1", "0"])
def test_a_bare_digit_has_32_bits_and_is_no_operand(formula: str) -> None:
    with pytest.raises(DifferentError):
        read_formula(formula)


@pytest.mark.parametrize(
    "line",
    [
        "  assign rst = 1'b0;",
        "  assign i_payload[0] = o_ready;",
        "  assign i_valid = 1'b1;",
        "  assign clk = o_ready;",
    ],
)
def test_driving_an_input_is_refused(line: str) -> None:
    core = emitted()
    wrong = core.text.replace("endmodule", f"{line}\nendmodule", 1)
    assert wrong != core.text
    with pytest.raises(DifferentError):
        read_back(wrong, core.shape)


def test_a_carriage_return_ends_a_comment_for_some() -> None:
    core = emitted()
    with pytest.raises(DifferentError):
        read_back(f"// a\r`ifdef NOPE\n{core.text}// b\r`endif\n", core.shape)


def test_a_constant_output_has_its_registers_too() -> None:
    ports = make_ports(("x", 2))
    tables = np.array([AND2, 0], dtype=np.uint64)
    net = Netlist("constant", ports, (Port("y", [4, 5, 1]),), np.array([[2, 3], [2, 3]]), tables)
    core = emit(pipeline(net, stages=1), style="ice40")
    back = read_back(core.text, core.shape)
    assert back.netlist.num_outputs == 3
    late = core.text.replace("  wire [2:0] stage0_o;\n", DECLARED, 1)
    late = late.replace("if (advance) o_payload <= stage0_o;", "if (advance) o_payload <= mixed;")
    late = late.replace("endmodule", f"{REGISTER}endmodule", 1)
    with pytest.raises(DifferentError, match="output bit 1 has 2 ranks"):
        read_back(late, core.shape)

"""Behavioural models of the vendor cells in emitted text, so that it simulates on its own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from gatec.backends.body import Style
from gatec.errors import ToolError

_ICE40 = """\
// A look-up table of four inputs: I0 is the least significant address bit.
module SB_LUT4 #(
  parameter [15:0] LUT_INIT = 16'h0000
) (
  output wire O,
  input  wire I0,
  input  wire I1,
  input  wire I2,
  input  wire I3
);
  assign O = LUT_INIT[{I3, I2, I1, I0}];
endmodule

// The carry of a logic cell.
module SB_CARRY (
  output wire CO,
  input  wire I0,
  input  wire I1,
  input  wire CI
);
  assign CO = (I0 & I1) | (CI & (I0 | I1));
endmodule
"""

_MODELS: dict[Style, str] = {"generic": "", "ice40": _ICE40}


def cells_model(style: Style) -> str:
    """Return Verilog models of the cells that the style instantiates, empty if it has none."""
    return _MODELS[style]


def ice40_library() -> str:
    """Return Yosys' models of all iCE40 cells, for netlists after synthesis."""
    spec = find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("not found", file="pyosys", expected="pip install pyosys")
    root = Path(spec.submodule_search_locations[0])
    text = (root / "share" / "ice40" / "cells_sim.v").read_text()
    # Icarus 11 knows no default values of ports; a netlist connects them all.
    return f"`define NO_ICE40_DEFAULT_ASSIGNMENTS\n{text}"

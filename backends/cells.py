"""Behavioural models of the vendor cells in emitted text, so that it simulates on its own."""

from __future__ import annotations

from gatec.backends.body import Style

_SB_LUT4 = """\
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
"""

_MODELS: dict[Style, str] = {"generic": "", "ice40": _SB_LUT4}


def cells_model(style: Style) -> str:
    """Return Verilog models of the cells that the style instantiates, empty if it has none."""
    return _MODELS[style]

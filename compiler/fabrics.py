"""How the fabrics write their look-up tables: cell, parameter and pin names, as data.

Sources: the vendors' primitive libraries as Yosys models them (`share/*/cells_sim.v`), which the
tests compare with by simulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

# What stage bodies are made of: Boolean expressions, or one fabric's primitives.
Style = Literal[
    "generic", "ice40", "lattice", "nexus", "gowin", "xilinx", "cyclonev", "cycloneive", "max10"
]
STYLES: tuple[Style, ...] = get_args(Style)


@dataclass(frozen=True)
class LutCell:
    """A look-up table as a vendor's primitive.

    Attributes
    ----------
    cell
        Its name.
    parameter
        The parameter that holds its table.
    value
        How the table is written, as a format of one number.
    output
        The output pin.
    inputs
        The input pins, the least significant address bit first.
    """

    cell: str
    parameter: str
    value: str
    output: str
    inputs: tuple[str, ...]

    @property
    def fanin(self) -> int:
        """Number of inputs."""
        return len(self.inputs)

    @property
    def line(self) -> str:
        """An instance as a template of net, table, number, net, and the nets of the inputs."""
        pins = ", ".join(f".{pin}(%s)" for pin in (self.output, *self.inputs))
        return f"  wire %s; {self.cell} #(.{self.parameter}({self.value})) g%d ({pins});\n"


_ABCD = ("A", "B", "C", "D")
_DATA = tuple(f"data{slot}" for slot in "abcdef")
_I0_TO_5 = tuple(f"I{slot}" for slot in range(6))

LUT_CELLS: Mapping[Style, LutCell] = {
    "ice40": LutCell("SB_LUT4", "LUT_INIT", "16'h%04x", "O", _I0_TO_5[:4]),
    "lattice": LutCell("LUT4", "INIT", "16'h%04x", "Z", _ABCD),
    # Its table is a text.
    "nexus": LutCell("LUT4", "INIT", '"0x%04x"', "Z", _ABCD),
    "gowin": LutCell("LUT4", "INIT", "16'h%04x", "F", _I0_TO_5[:4]),
    # The largest; `gatec.backends.body_dual` writes the smaller ones, and two in one.
    "xilinx": LutCell("LUT6", "INIT", "64'h%016x", "O", _I0_TO_5),
    "cyclonev": LutCell("cyclonev_lcell_comb", "lut_mask", "64'h%016x", "combout", _DATA),
    "cycloneive": LutCell("cycloneive_lcell_comb", "lut_mask", "16'h%04x", "combout", _DATA[:4]),
    "max10": LutCell("fiftyfivenm_lcell_comb", "lut_mask", "16'h%04x", "combout", _DATA[:4]),
}
# Of a table with two outputs, both are functions of the first five inputs.
DUAL_CELL = "LUT6_2"
# The largest fan-in of each style's gates.
STYLE_FANIN: Mapping[Style, int] = {
    style: LUT_CELLS[style].fanin if style in LUT_CELLS else 6 for style in STYLES
}

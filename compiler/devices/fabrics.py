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


@dataclass(frozen=True)
class BlockRam:
    """A family's block RAM, as a read-only memory.

    Attributes
    ----------
    shapes
        The widths that it can have: (address bits, data bits).
    ports
        Reads in a cycle, all of the same contents.
    read_levels
        The time from the clock to a data bit, in levels of look-up tables.
    """

    shapes: tuple[tuple[int, int], ...]
    ports: int
    read_levels: int

    def holds(self, address_bits: int, data_bits: int) -> bool:
        """Return whether one has so many address and data bits."""
        return any(a >= address_bits and d >= data_bits for a, d in self.shapes)


# By target. Sources: Lattice, ECP5 and ECP5-5G sysMEM usage guide and iCE40 memory usage guide; the
# read times are what nextpnr reports, over that of a level. A target without devices has those of
# most vendors' 18 kbit blocks.
_BLOCK_18K = ((10, 18), (11, 9), (12, 4), (13, 2), (14, 1))
BLOCK_RAMS: Mapping[str, BlockRam] = {
    "ecp5": BlockRam(_BLOCK_18K, 2, 4),
    "ice40": BlockRam(((8, 16), (9, 8), (10, 4), (11, 2)), 1, 2),
    "generic": BlockRam(_BLOCK_18K, 2, 4),
}

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
# Styles of fabrics whose flip-flops have a way in beside the look-up table in front of them. In the
# others one that stores what no table drives takes a table's place.
BYPASSING: frozenset[Style] = frozenset({"lattice", "nexus", "xilinx", "cyclonev"})
# Of a table with two outputs, both are functions of the first five inputs.
DUAL_CELL = "LUT6_2"
# The largest fan-in of each style's gates.
STYLE_FANIN: Mapping[Style, int] = {
    style: LUT_CELLS[style].fanin if style in LUT_CELLS else 6 for style in STYLES
}

"""Behavioural models of the vendor cells in emitted text, so that it simulates on its own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from gatec.backends.cells_ram import dp16kd_model
from gatec.devices.fabrics import LUT_CELLS, LutCell, Style
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

_LUT6_2 = """\
// Two functions of I0 to I4, I5 at 1 for both: O5 is the lower half of the table.
module LUT6_2 #(
  parameter [63:0] INIT = 64'h0000000000000000
) (
  output wire O6,
  output wire O5,
  input  wire I0,
  input  wire I1,
  input  wire I2,
  input  wire I3,
  input  wire I4,
  input  wire I5
);
  wire [31:0] low = INIT[31:0];
  wire [63:0] bits = INIT;
  assign O5 = low[{I4, I3, I2, I1, I0}];
  assign O6 = bits[{I5, I4, I3, I2, I1, I0}];
endmodule
"""

# Intel's flip-flop, of what gatec uses. Yosys' own model of it looks at no enable.
FLIP_FLOP = """\
// A flip-flop: clear at once while clrn is 0; else at clk, if ena, 0 for sclr or d.
module dffeas #(
  parameter power_up = "low",
  parameter is_wysiwyg = "false"
) (
  output reg q,
  input wire d,
  input wire clk,
  input wire clrn,
  input wire prn,
  input wire ena,
  input wire asdata,
  input wire aload,
  input wire sclr,
  input wire sload
);
  initial q = 1'b0;
  always @(posedge clk or negedge clrn)
    if (!clrn) q <= 1'b0;
    else if (ena) q <= sclr ? 1'b0 : d;
endmodule
"""


def cells_model(style: Style) -> str:
    """Return Verilog models of the cells that the style instantiates, empty if it has none."""
    if style == "ice40":
        return _ICE40
    cell = LUT_CELLS.get(style)
    if style == "xilinx" and cell is not None:
        sizes = [replace(cell, cell=f"LUT{k}", inputs=cell.inputs[:k]) for k in range(1, 7)]
        return "\n".join([*map(lut_model, sizes), _LUT6_2])
    return "" if cell is None else lut_model(cell)


def lut_model(cell: LutCell, name: str | None = None) -> str:
    """Return a model of a look-up table, as a module of another `name` where one is given."""
    ports = [f"  output wire {cell.output}", *(f"  input  wire {pin}" for pin in cell.inputs)]
    size = 1 << cell.fanin
    address = ", ".join(reversed(cell.inputs))
    if cell.value.startswith('"'):
        digits = size // 4
        low = ", ".join(f"digit(text[{8 * k + 7}:{8 * k}])" for k in reversed(range(digits)))
        declared = f'parameter {cell.parameter} = "0x{"0" * digits}"'
        table = _FROM_TEXT.format(
            text=8 * digits - 1, value=cell.parameter, table=size - 1, low=low
        )
    else:
        declared = f"parameter [{size - 1}:0] {cell.parameter} = {size}'h{'0' * max(1, size // 4)}"
        table = f"  wire [{size - 1}:0] bits = {cell.parameter};\n"
    first, last = cell.inputs[0], cell.fanin
    return (
        f"// A look-up table of {last} inputs: {first} is the least significant address bit.\n"
        f"module {name or cell.cell} #(\n  {declared}\n) (\n"
        + ",\n".join(ports)
        + f"\n);\n{table}  assign {cell.output} = bits[{{{address}}}];\nendmodule\n"
    )


# A table that is written as a text, `"0x8000"`.
_FROM_TEXT = """\
  function [3:0] digit(input [7:0] letter);
    digit = letter[6] ? letter[3:0] + 4'd9 : letter[3:0];
  endfunction
  wire [{text}:0] text = {value};
  wire [{table}:0] bits = {{{low}}};
"""

# Yosys' models of all cells of a family, and what they need defined. Icarus 11 knows no default
# values of ports; netlists after synthesis connect them all.
_LIBRARIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ice40": ("`define NO_ICE40_DEFAULT_ASSIGNMENTS\n", ("ice40/cells_sim.v",)),
    "ecp5": ("", ("lattice/cells_sim_ecp5.v",)),
    "machxo2": ("", ("lattice/cells_sim_xo2.v",)),
    "nexus": ("", ("lattice/cells_sim_nexus.v",)),
    "gowin": ("", ("gowin/cells_sim.v",)),
    "gatemate": ("", ("gatemate/cells_sim.v",)),
    "xilinx": ("", ("xilinx/cells_sim.v",)),
}
_MODULE = re.compile(r"^[ \t]*module\s+(\w+)\b.*?^[ \t]*endmodule", re.MULTILINE | re.DOTALL)
_INCLUDE = re.compile(r'^\s*`include "([^"/]+)"', re.MULTILINE)


def vendor_models(family: str, cells: Collection[str] | None = None) -> str:
    """Return Yosys' models of a family's cells, for netlists after synthesis.

    Its block RAM of ECP5 has no function: where that is wanted by name, it is gatec's own.

    Parameters
    ----------
    cells
        The cells whose models are wanted; all when None. Some models of others are none to Icarus.
    """
    spec = find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("not found", file="pyosys", expected="pip install pyosys")
    share = Path(spec.submodule_search_locations[0]) / "share"
    defines, files = _LIBRARIES[family]
    text = "".join(_included(share / name) for name in files)
    if cells is None:
        return defines + text
    own = {"DP16KD": dp16kd_model()} if family == "ecp5" else {}
    models = [_modules(text, [cell for cell in cells if cell not in own])]
    return defines + "\n".join(models + [own[cell] for cell in cells if cell in own])


def _modules(text: str, cells: Collection[str]) -> str:
    """Return the modules of `cells` and of what these instantiate."""
    known = {match[1]: match[0] for match in reversed(list(_MODULE.finditer(text)))}
    wanted, found = list(cells), dict[str, str]()
    while wanted:
        name = wanted.pop()
        if name in known and name not in found:
            found[name] = known[name]
            wanted += set(re.findall(r"\w+", known[name])) & known.keys()
    return "\n".join(found[name] for name in sorted(found))


def _included(path: Path) -> str:
    """Return a file with what it includes from beside it."""
    text = path.read_text()
    return _INCLUDE.sub(lambda match: _included(path.parent / match[1]), text)

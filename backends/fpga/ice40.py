"""Synthesis for iCE40: Yosys maps the shell and leaves the stage bodies' LUTs alone.

`synth_ice40` would map all of it again, which takes minutes where this takes seconds and undoes
what gatec's own passes decided. The script here is its steps for carries, flip-flops and LUTs,
without those that look at LUT primitives (`opt_lut`) or that a shell does not need (`share`, `fsm`,
DSPs, and block RAMs where it has no memories).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gatec.backends.fpga.synthesised import (
    WRITE_JSON,
    WRITE_VERILOG,
    Synthesised,
    check_rams,
    kept_cells,
)
from gatec.tables import depends, expand
from gatec.tools.yosys import run_yosys, without_banner

# Kept from merging and cleaning, also where a net without optimisation has equal or dead gates.
_BODY_CELLS = "t:SB_LUT4 t:SB_CARRY %u a:keep %i"

# The shapes of flip-flop that the fabric has, as in synth_ice40.
_FLIP_FLOPS = (
    "dfflegalize -cell $_DFF_?_ 0 -cell $_DFFE_?P_ 0 -cell $_DFF_?P?_ 0 -cell $_DFFE_?P?P_ 0 "
    "-cell $_SDFF_?P?_ 0 -cell $_SDFFCE_?P?P_ 0 -mince -1"
)

_SCRIPT = (
    "hierarchy -check -top {top}",
    "setattr -set keep 1 t:SB_LUT4 t:SB_CARRY",
    "proc",
    "flatten",
    f"tee -q -o before.txt select -count {_BODY_CELLS}",
    "opt_expr",
    "opt_clean",
    "opt -nodffe -nosdff",
    "wreduce",
    "peepopt",
    "opt_clean",
    "alumacc",
    "opt",
    # A shell with a memory (`backends/board/stored_vectors.py`): block RAM, or flip-flops if small.
    "memory -nomap",
    "memory_libmap -lib +/ice40/brams.txt",
    "techmap -map +/ice40/brams_map.v",
    "ice40_braminit",
    "memory_map",
    "opt -fast -undriven -fine",
    "ice40_wrapcarry",
    "techmap -map +/techmap.v -map +/ice40/arith_map.v",
    "opt -fast",
    "ice40_opt",
    _FLIP_FLOPS,
    "techmap -map +/ice40/ff_map.v",
    "opt_expr -mux_undef",
    "simplemap",
    "ice40_opt",
    # Logic only: to ABC, LUT primitives and flip-flops are inputs and outputs.
    "abc -lut 4",
    "ice40_wrapcarry -unwrap",
    "techmap -map +/ice40/ff_map.v",
    "clean",
    "techmap -map +/ice40/cells_map.v",
    "clean -purge",
    f"tee -q -o after.txt select -count {_BODY_CELLS}",
    "setattr -unset keep t:SB_LUT4 t:SB_CARRY",
    "hierarchy -check",
    "check -noinit -assert",
    "blackbox =A:whitebox",
    *WRITE_JSON,
    *WRITE_VERILOG,
)


@dataclass(frozen=True)
class Synthesis(Synthesised):
    """A design in iCE40 primitives.

    Attributes
    ----------
    top
        The name of its one module.
    json
        For nextpnr.
    verilog
        The post-synthesis netlist; simulate it with `gatec.backends.cells.vendor_models`.
    body_cells
        How many LUTs and carries came in as primitives, all of which are still there.
    """

    @property
    def luts(self) -> int:
        """Number of LUT4."""
        return self.cells.get("SB_LUT4", 0)

    @property
    def ffs(self) -> int:
        """Number of flip-flops."""
        return self._count("SB_DFF")

    @property
    def carries(self) -> int:
        """Number of carry cells."""
        return self.cells.get("SB_CARRY", 0)

    @property
    def rams(self) -> int:
        """Number of block RAMs."""
        return self._count("SB_RAM")

    @property
    def plls(self) -> int:
        """Number of PLLs."""
        return self._count("SB_PLL")

    @property
    def global_buffers(self) -> int:
        """Number of explicit global buffers; nextpnr adds others as far as there are any."""
        return self._count("SB_GB")

    @cached_property
    def logic_cells(self) -> int:
        """Number of logic cells after packing, not counting carries that find no LUT.

        A flip-flop shares the cell of the LUT in front of it when the LUT has no other reader.
        """
        cells = self.module["cells"].values()
        lut_outputs = {c["connections"]["O"][0] for c in cells if c["type"] == "SB_LUT4"}
        readers = Counter(
            bit
            for cell in cells
            for port, bits in cell["connections"].items()
            if cell["port_directions"][port] == "input"
            for bit in bits
        )
        readers.update(bit for port in self.module["ports"].values() for bit in port["bits"])
        data = [c["connections"]["D"][0] for c in cells if c["type"].startswith("SB_DFF")]
        packed = sum(1 for bit in data if bit in lut_outputs and readers[bit] == 1)
        return self.luts + self.ffs - packed

    def _count(self, prefix: str) -> int:
        return sum(count for cell, count in self.cells.items() if cell.startswith(prefix))


def synthesise(
    texts: Mapping[str, str], top: str, *, rams: int = 0, timeout: float = 3600.0
) -> Synthesis:
    """Synthesise Verilog for iCE40.

    Parameters
    ----------
    texts
        Verilog files by plain name; `SB_LUT4` and other primitives may be instances, and must not
        be defined.
    top
        The top module.
    rams
        How many memories there are, each to become a block RAM.
    timeout
        Seconds for Yosys.

    Raises
    ------
    ToolError
        Yosys failed, changed the number of `SB_LUT4` and `SB_CARRY` that came in, or made another
        number of block RAMs.
    """
    commands = ["read_verilog -lib +/ice40/cells_sim.v"]
    commands += [f"read_verilog {name}" for name in texts]
    commands += [command.format(top=top) for command in _SCRIPT]
    outputs = ["design.json", "design.v", "before.txt", "after.txt"]
    run = run_yosys(commands, inputs=texts, outputs=outputs, timeout=timeout)
    count = kept_cells(run.files)
    design = json.loads(run.files["design.json"])
    _mark_cells(design["modules"][top]["cells"].values())
    text = json.dumps(design).encode()
    made = Synthesis(top, text, without_banner(run.files["design.v"]), count)
    check_rams(made.rams, rams)
    return made


def _mark_cells(cells: Iterable[dict[str, Any]]) -> None:
    """Connect inputs that a LUT ignores so that nextpnr sees which carry it shares a cell with.

    It puts a LUT and a carry into one logic cell when the LUT's I1, I2 and I3 are the carry's I0,
    I1 and CI. A LUT that only takes a carry out has nothing at I1 and I2.
    """
    cells = list(cells)
    carries = [cell["connections"] for cell in cells if cell["type"] == "SB_CARRY"]
    arrives = {tuple(pins["CI"]): pins for pins in carries}
    driven = {tuple(pins["CO"]) for pins in carries}
    for cell in cells:
        if cell["type"] != "SB_LUT4":
            continue
        pins = cell["connections"]
        carry = tuple(pins["I3"])
        if carry not in driven or carry not in arrives:
            continue
        table = int(cell["parameters"]["LUT_INIT"], 2)
        for slot, pin, other in ((1, "I1", "I0"), (2, "I2", "I1")):
            if not depends(expand(np.array([table], dtype=np.uint64), 4), slot)[0]:
                pins[pin] = arrives[carry][other]

"""Synthesis by a vendor family's own Yosys script, with gatec's look-up tables kept or given up.

Kept, the script sees the shell only: the stage bodies are black boxes, and join what it made of the
shell afterwards, primitives as they are. Given up, it sees one flat design whose tables it may
merge, split and map again as it likes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatec.backends.body import Stage
from gatec.backends.cells import lut_model
from gatec.backends.fpga.family import Family
from gatec.backends.fpga.synthesised import (
    WRITE_JSON,
    WRITE_VERILOG,
    Synthesised,
    check_rams,
    kept_cells,
)
from gatec.devices.device import Device
from gatec.devices.fabrics import LUT_CELLS, LutCell, Style
from gatec.tools.yosys import run_yosys, without_banner

# What a kept table is called where Yosys shall see through it.
_OPEN = "gatec_lut"
# The table of Nexus' CCU2 that puts its first operand on the carry, whatever came in.
_BEGINS_CHAIN = "0xFFFF"


@dataclass(frozen=True)
class Source:
    """What is synthesised.

    Attributes
    ----------
    top
        The top module.
    shells
        Verilog files by plain name, without the stage bodies.
    stages, style
        The stage bodies and what they are made of.
    rams
        How many memories there are, each a block RAM.
    """

    top: str
    shells: Mapping[str, str]
    stages: Sequence[Stage]
    style: Style
    rams: int = 0


@dataclass(frozen=True)
class VendorSynthesis(Synthesised):
    """A design in a family's primitives.

    Attributes
    ----------
    top
        The name of its one module.
    json
        For nextpnr.
    verilog
        The netlist after synthesis; simulate it with `gatec.backends.cells.vendor_models`.
    body_cells
        How many tables came in as primitives and are still there; 0 where they were given up.
    """

    @property
    def ports(self) -> Mapping[str, int]:
        """Width of each port."""
        return {name: len(port["bits"]) for name, port in self.module["ports"].items()}

    def used(self, family: Family) -> dict[str, int]:
        """Return how many cells there are of each of the family's resources."""
        return {
            resource: sum(n for cell, n in self.cells.items() if re.fullmatch(pattern, cell))
            for resource, pattern in family.resources.items()
        }


def synthesise(
    family: Family,
    device: Device,
    source: Source,
    *,
    keep: bool = True,
    timeout: float = 3600.0,
) -> VendorSynthesis:
    """Synthesise a design.

    Parameters
    ----------
    keep
        Leave the tables of the bodies as they are; Boolean expressions are mapped in any case.
    timeout
        Seconds for Yosys.

    Raises
    ------
    ToolError
        Yosys failed, lost primitives that it was to keep, or put a memory elsewhere than into a
        block RAM.
    """
    cell, stages, top = LUT_CELLS.get(source.style), source.stages, source.top
    kept = keep and cell is not None
    inputs = {**source.shells, "bodies.v": "\n".join(stage.text for stage in stages)}
    if kept:
        inputs["boxes.v"] = "".join(map(stage_box, stages))
    if cell is not None:
        inputs["bodies.v"] = _opened(inputs["bodies.v"], cell, keep=kept)
    commands = [
        f"read_verilog {name}" for name in [*source.shells, "boxes.v" if kept else "bodies.v"]
    ]
    commands.append(family.synth.format(top=top, family=_gowin_family(device)))
    if kept:
        commands += _join(family, stages)
    commands += [
        "delete t:$scopeinfo",
        "hierarchy -check",
        "check -noinit -assert",
        "blackbox =A:whitebox",
        *WRITE_JSON,
        *WRITE_VERILOG,
    ]
    outputs = ["design.json", "design.v", *(["before.txt", "after.txt"] if kept else [])]
    run = run_yosys(commands, inputs=inputs, outputs=outputs, timeout=timeout)
    design = json.loads(run.files["design.json"])
    design["modules"] = {top: design["modules"][top]}
    _free_first_carries(design["modules"][top])
    text = json.dumps(design).encode()
    count = kept_cells(run.files) if kept else 0
    made = VendorSynthesis(top, text, without_banner(run.files["design.v"]), count)
    check_rams(made.used(family)["BRAM"], source.rams)
    return made


def _free_first_carries(module: dict[str, Any]) -> None:
    """Leave the carry inputs of cells that begin a chain of Nexus unconnected.

    Yosys ties them to a constant, which these cells ignore; nextpnr-nexus wants a carry or nothing.
    """
    for cell in module["cells"].values():
        if cell["type"] == "CCU2" and cell["parameters"]["INIT0"] == _BEGINS_CHAIN:
            cell["connections"].pop("CIN", None)


def stage_box(stage: Stage) -> str:
    """Return a stage's module without what is in it."""
    ports = f"input wire [{stage.inputs - 1}:0] i, output wire [{stage.outputs - 1}:0] o"
    return f"(* blackbox *) module {stage.name}({ports}); endmodule\n"


def _opened(bodies: str, cell: LutCell, *, keep: bool) -> str:
    """Return bodies whose primitives are instances of a module that is put beside them.

    It is Yosys' own cell for a look-up table where these are to be kept, else a Boolean function.
    """
    text = re.sub(r'"0x([0-9a-f]+)"', r"16'h\1", bodies)
    text = text.replace(f" {cell.cell} #(.{cell.parameter}(", f" {_OPEN} #(.TABLE(")
    plain = LutCell(cell.cell, "TABLE", "", cell.output, cell.inputs)
    if not keep:
        return text + lut_model(plain, _OPEN)
    ports = ", ".join([f"output {cell.output}", *(f"input {pin}" for pin in cell.inputs)])
    pins = f".A({{{', '.join(reversed(cell.inputs))}}}), .Y({cell.output})"
    return (
        f"{text}module {_OPEN} #(parameter TABLE = 0) ({ports});\n"
        f"  \\$lut #(.WIDTH({cell.fanin}), .LUT(TABLE)) l ({pins});\nendmodule\n"
    )


def _join(family: Family, stages: Sequence[Stage]) -> list[str]:
    """Return the commands that put the bodies into what the script made of the shell.

    Each table becomes a primitive by the family's own rules, as wide as the inputs it reads.
    """
    names = [stage.name for stage in stages]
    commands = [f"delete {name}" for name in names]
    bodies = " ".join(f"{name}/t:{_OPEN}" for name in names)
    return [
        *commands,
        "read_verilog -icells bodies.v",
        f"tee -q -o before.txt select -count {bodies}",
        "hierarchy",
        "flatten -noscopeinfo",
        "tee -q -o after.txt select -count t:$lut",
        "opt_lut_ins",
        f"techmap -map {family.lut_map}",
        *family.finish,
    ]


def _gowin_family(device: Device) -> str:
    """Return the generation of a Gowin die, as Yosys calls it; of other dies, something unused."""
    return "gw2a" if device.die.startswith("GW2A") else "gw1n"

"""What is mapped to cells: Yosys' gates of the shell, with gatec's own stage bodies between them.

Yosys sees the shell alone, which is small whatever the net; enables and the synchronous reset
become gates in front of plain flip-flops. Registers stay as they are in the text, one for one, so
that the proof finds them by name. Nothing here is trusted: the mapped text is proved against
`gatec.backends.asic.reference`, which goes another way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gatec.backends.asic.machine import CLOCK, Machine, Wiring, live_registers, name_bits
from gatec.backends.shell_text import stubs
from gatec.backends.subset import read_body
from gatec.backends.verilog import Emitted
from gatec.errors import ToolError
from gatec.tools.yosys import run_yosys

_AND = 0x8888_8888_8888_8888
_NOT = 0x5555_5555_5555_5555
_COMMANDS = (
    "proc",
    "opt_expr",
    "opt_clean",
    "dffunmap",
    "techmap",
    "simplemap",
    "opt_expr",
    "opt_merge",
    "opt_clean",
    "aigmap",
    "opt_clean",
    "write_json gates.json",
)


def source_machine(emitted: Emitted) -> Machine:
    """Return the gates and plain registers of an emitted core.

    Raises `ToolError` when Yosys' gates are not such.
    """
    shape = emitted.shape
    bodies = {stage.name: read_body(stage.name, stage.text) for stage in emitted.stages}
    widths = {stage.name: (stage.inputs, stage.outputs) for stage in emitted.stages}
    commands = ["read_verilog shell.v", f"hierarchy -check -top {shape.top}", *_COMMANDS]
    text = emitted.shell + stubs(widths)
    run = run_yosys(commands, inputs={"shell.v": text}, outputs=["gates.json"], timeout=600)
    module = json.loads(run.files["gates.json"])["modules"][shape.top]
    bits = [bit for wire in module["netnames"].values() for bit in wire["bits"]]
    free = 2 + max(int(bit) for bit in bits)
    wiring = Wiring()
    registers: dict[int, int] = {}
    for cell in module["cells"].values():
        pins = {pin: list(map(int, bits)) for pin, bits in cell["connections"].items()}
        kind = cell["type"]
        if kind in bodies:
            free = wiring.add_body(bodies[kind], pins["i"], pins["o"], free)
        elif kind == "$_AND_":
            wiring.add(pins["Y"][0], _AND, pins["A"][0], pins["B"][0])
        elif kind == "$_NOT_":
            wiring.add(pins["Y"][0], _NOT, pins["A"][0])
        elif kind == "$_DFF_P_":
            registers[pins["Q"][0]] = pins["D"][0]
        else:
            raise ToolError(f"left a {kind}", file="yosys", expected="AND, NOT and flip-flops")
    wires = {name: wire["bits"] for name, wire in module["netnames"].items()}
    names = name_bits(wires, registers)
    ports = module["ports"]
    machine = wiring.machine(
        shape.top,
        _ports(ports, "input"),
        _ports(ports, "output"),
        {names[q]: (q, d) for q, d in sorted(registers.items())},
    )
    return live_registers(machine)


def _ports(ports: Mapping[str, Any], way: str) -> dict[str, Sequence[int]]:
    return {
        name: [int(bit) for bit in port["bits"]]
        for name, port in ports.items()
        if port["direction"] == way and name != CLOCK
    }

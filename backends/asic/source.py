"""What is mapped to cells: Yosys' gates of the shell, with gatec's own stage bodies between them.

Yosys sees the shell alone, which is small whatever the net; the synchronous reset becomes gates in
front of plain flip-flops, and so do enables, unless a clock gate shall do it for all registers of
one enable. Registers stay as they are in the text, one for one, so that the proof finds them by
name. Nothing here is trusted: the mapped text is proved against
`gatec.backends.asic.reference`, which goes another way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from gatec.backends.asic.machine import (
    CLOCK,
    ENABLES,
    Machine,
    Wiring,
    live_registers,
    name_bits,
)
from gatec.backends.readback.shell_text import stubs
from gatec.backends.readback.subset import read_body
from gatec.backends.verilog import Emitted
from gatec.errors import ToolError
from gatec.tables import MUX
from gatec.tools.yosys import run_yosys

_AND = 0x8888_8888_8888_8888
_NOT = 0x5555_5555_5555_5555
_SAME = 0xAAAA_AAAA_AAAA_AAAA
# Flip-flops that take their data while their enable is high, and while it is low.
_HIGH, _LOW = "$_DFFE_PP_", "$_DFFE_PN_"
_PLAIN = "dffunmap"
# What is not taken may be anything: 0 is simplest.
_ENABLED = "opt_dff -nosdff -simple-dffe; setundef -zero; dffunmap -srst-only"
_COMMANDS = (
    "proc",
    "opt_expr",
    "opt_clean",
    "{flip_flops}",
    "techmap",
    "simplemap",
    "opt_expr",
    "opt_merge",
    "opt_clean",
    "aigmap",
    "opt_clean",
    "write_json gates.json",
)


def source_machine(emitted: Emitted, *, gate_from: int | None = None) -> Machine:
    """Return the gates and plain registers of an emitted core.

    Parameters
    ----------
    gate_from
        The fewest registers of one enable that a clock gate is worth (`Machine.groups`); None for
        no clock gates.

    Raises
    ------
    ToolError
        Yosys' gates are not such.
    """
    shape = emitted.shape
    bodies = {stage.name: read_body(stage.name, stage.text) for stage in emitted.stages}
    widths = {stage.name: (stage.inputs, stage.outputs) for stage in emitted.stages}
    flip_flops = _PLAIN if gate_from is None else _ENABLED
    commands = ["read_verilog shell.v", f"hierarchy -check -top {shape.top}"]
    commands += [command.format(flip_flops=flip_flops) for command in _COMMANDS]
    text = emitted.shell + stubs(widths)
    run = run_yosys(commands, inputs={"shell.v": text}, outputs=["gates.json"], timeout=600)
    module = json.loads(run.files["gates.json"])["modules"][shape.top]
    bits = [bit for wire in module["netnames"].values() for bit in wire["bits"]]
    free = 2 + max(int(bit) for bit in bits)
    wiring = Wiring()
    registers: dict[int, int] = {}
    enables: dict[int, tuple[str, int]] = {}
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
        elif kind in (_HIGH, _LOW):
            registers[pins["Q"][0]] = pins["D"][0]
            enables[pins["Q"][0]] = (kind, pins["E"][0])
        else:
            raise ToolError(f"left a {kind}", file="yosys", expected="AND, NOT and flip-flops")
    wires = {name: wire["bits"] for name, wire in module["netnames"].items()}
    names = name_bits(wires, registers)
    ports = module["ports"]
    sizes = Counter(enables.values())
    gated = [e for e in sorted(sizes) if gate_from is not None and sizes[e] >= gate_from]
    for q, (kind, enable) in enables.items():
        if (kind, enable) not in gated:
            low, high = (q, registers[q]) if kind == _HIGH else (registers[q], q)
            registers[q] = wiring.add(free, int(MUX), low, high, enable)
            free += 1
    outputs = dict(_ports(ports, "output"))
    if gated:
        outputs[ENABLES] = []
        for kind, enable in gated:
            outputs[ENABLES].append(wiring.add(free, _SAME if kind == _HIGH else _NOT, enable))
            free += 1
    machine = wiring.machine(
        shape.top,
        _ports(ports, "input"),
        outputs,
        {names[q]: (q, d) for q, d in sorted(registers.items())},
    )
    groups = tuple(
        gated.index(enables[q]) if enables.get(q) in gated else -1 for q in sorted(registers)
    )
    return live_registers(Machine(machine.netlist, machine.registers, groups if gated else ()))


def _ports(ports: Mapping[str, Any], way: str) -> dict[str, list[int]]:
    return {
        name: [int(bit) for bit in port["bits"]]
        for name, port in ports.items()
        if port["direction"] == way and name != CLOCK
    }

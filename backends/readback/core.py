"""The independent reader of emitted text, on which the proof rests.

`read_back` turns the text of a core into the combinational netlist that it computes, and proves
that around it the text is the machine that its header describes. What is *proved* of the text:

1. The file holds the top module, stage modules and memories, and plain comments. Stage modules are
   purely combinational (`gatec.backends.readback.subset`), memories are their contents behind a
   register of the address (`gatec.backends.readback.rom_text`).
2. The control is, function by function and on every assignment, the machine in
   `gatec.backends.control.stall`; its registers start at 0 and are cleared by `rst`; every register
   of the top module has the rising edge of `clk`.
3. Each data path from `i_payload` to `o_payload` passes the input register, which collects accepted
   beats in order, and one register or memory for each stage, all enabled by `advance`; several
   beats out leave lowest first (`gatec.backends.control.datapath`).

Together: vectors leave in the order in which they entered, each as the netlist's function of
itself, `latency` cycles after its last beat when nothing holds it up. That the machine of (2) does
this is argued in words there, and simulated by the tests. Trusted: Yosys' parser for the top module
(it reads no stage), and this reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatec.backends.control.credit_path import CreditPath
from gatec.backends.control.credits import CreditControl
from gatec.backends.control.datapath import DataPath
from gatec.backends.control.stall import Control
from gatec.backends.control.stall_path import StallPath
from gatec.backends.core import CoreShape
from gatec.backends.credit_core import CreditShape
from gatec.backends.readback.rom_text import is_rom, read_rom
from gatec.backends.readback.shell_text import read_shell
from gatec.backends.readback.subset import read_body, split_modules
from gatec.blocks import IntArray
from gatec.errors import DifferentError
from gatec.netlist import Netlist


@dataclass(frozen=True, eq=False)
class ReadBack:
    """What a text was found to be.

    Attributes
    ----------
    netlist
        Its function: one input port `x`, one output port `y`, no stages.
    latency
        Cycles from the one that takes the last input beat to the first with `o_valid`.
    facts
        What was proved, one sentence each.
    stage_inputs
        The net of each bit of `i` of each stage module.
    first_gates
        The net of the first gate of each stage module. Of a core with a sequence, these are nets
        of one phase.
    phases
        With a sequence, `int32[phases, nets]`: where they are in the netlist.
    """

    netlist: Netlist
    latency: int
    facts: list[str]
    stage_inputs: Mapping[str, IntArray]
    first_gates: Mapping[str, int]
    phases: IntArray | None = None


def read_back(text: str, shape: CoreShape) -> ReadBack:
    """Read an emitted core, and prove its structure.

    Parameters
    ----------
    text
        The Verilog file.
    shape
        What it is claimed to be.

    Raises
    ------
    DifferentError
        The text is not such a core. Whether it computes the right function is left to a comparison
        of the netlists.
    """
    modules = split_modules(text)
    if shape.top not in modules:
        raise DifferentError(f"no module {shape.top}")
    top = modules.pop(shape.top)
    roms = {name: read_rom(name, text) for name, text in modules.items() if is_rom(text)}
    bodies = {name: read_body(name, body) for name, body in modules.items() if name not in roms}
    widths = {name: (body.inputs, len(body.outputs)) for name, body in bodies.items()}
    memories = {
        name: (rom.ports * rom.address_bits, rom.ports * rom.data_bits)
        for name, rom in roms.items()
    }
    shell = read_shell(shape.top, top, widths, memories)
    path: DataPath
    if isinstance(shape, CreditShape):
        credits = CreditControl(shell, shape)
        credits.check()
        path = CreditPath(credits, bodies, roms)
    else:
        control = Control(shell, shape)
        control.check()
        path = StallPath(control, bodies, roms)
    netlist = path.netlist()
    netlist.verify()
    facts = _facts(shape, netlist.num_gates - path.looked_up, path.num_roms)
    return ReadBack(netlist, shape.latency, facts, path.stage_inputs, path.first_gates, path.phases)


def _facts(shape: CoreShape, gates: int, roms: int) -> list[str]:
    beats = f"{shape.beats_in} beat(s) in, {shape.beats_out} out"
    memories = f", and the contents of {roms} memories" if roms else ""
    enables = "one enable" if shape.sequence is None else "the enables of that machine"
    more = []
    if isinstance(shape, CreditShape):
        enables = "no enable"
        more = [f"text: {shape.depth} credits for a queue of {shape.depth} words: no result is lost"
                ", by induction over their counts"]  # fmt: skip
    return [
        f"text: {gates} gates read back from {shape.num_stages} combinational stages{memories}",
        "text: valid chain, counters and handshakes are the stated machine on every assignment,"
        " cleared by rst and at power-up",
        f"text: every data path has the input register and {shape.num_stages} ranks on one clock"
        f" and {enables}: latency {shape.latency} cycles, {beats}",
        *more,
    ]

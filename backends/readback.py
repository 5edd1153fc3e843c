"""The independent reader of emitted text, on which the proof rests.

`read_back` turns the text of a core into the combinational netlist that it computes, and proves
that around it the text is the machine that its header describes. What is *proved* of the text:

1. The file holds the top module and stage modules, and plain comments. Stage modules are purely
   combinational (`gatec.backends.subset`).
2. The control is, function by function and on every assignment, the machine in
   `gatec.backends.control`; its registers start at 0 and are cleared by `rst`; every register of
   the top module has the rising edge of `clk`.
3. Each data path from `i_payload` to `o_payload` passes the input register, which collects accepted
   beats in order, and one register for each stage, all enabled by `advance`; several beats out
   leave lowest first (`gatec.backends.datapath`).

Together: vectors leave in the order in which they entered, each as the netlist's function of
itself, `latency` cycles after its last beat when nothing holds it up. That the machine of (2) does
this is argued in words there, and simulated by the tests. Trusted: Yosys' parser for the top module
(it reads no stage), and this reader.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatec.backends.control import Control
from gatec.backends.core import CoreShape
from gatec.backends.datapath import DataPath
from gatec.backends.shell_text import read_shell
from gatec.backends.subset import read_body, split_modules
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
    """

    netlist: Netlist
    latency: int
    facts: list[str]


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
    bodies = {name: read_body(name, body) for name, body in modules.items() if name != shape.top}
    widths = {name: (body.inputs, len(body.outputs)) for name, body in bodies.items()}
    shell = read_shell(shape.top, modules[shape.top], widths)
    control = Control(shell, shape)
    control.check()
    netlist = DataPath(control, bodies).netlist()
    netlist.verify()
    return ReadBack(netlist, shape.latency, _facts(shape, netlist))


def _facts(shape: CoreShape, netlist: Netlist) -> list[str]:
    beats = f"{shape.beats_in} beat(s) in, {shape.beats_out} out"
    return [
        f"text: {netlist.num_gates} gates read back from {shape.num_stages} combinational stages",
        "text: valid chain, counters and handshakes are the stated machine on every assignment,"
        " cleared by rst and at power-up",
        f"text: every data path has the input register and {shape.num_stages} ranks on one clock"
        f" and one enable: latency {shape.latency} cycles, {beats}",
    ]

"""The independent reader of a clocked core's text, on which its proof rests.

What is *proved* of the text, for a core of a step, registers and a head:

1. It holds the top module, the step, and the head with its stages, and no other module.
2. The top module is, function by function and on every assignment, the machine in
   `gatec.backends.control.clocked`, with these initial values of the state.
3. The head is a stream core (`gatec.backends.readback.core`).

What remains is to compare two combinational netlists with the model: that of the step (what leaves
it, and the next state) and that of the head. Then, by induction over the steps, the answers are
those of the model on every sequence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.backends.clocked_core import ClockedShape
from gatec.backends.control.clocked import ClockedControl
from gatec.backends.readback.core import ReadBack, read_back
from gatec.backends.readback.shell_text import read_shell
from gatec.backends.readback.subset import read_body, split_modules
from gatec.errors import DifferentError
from gatec.netlist import Netlist, Port, make_ports


@dataclass(frozen=True, eq=False)
class ClockedBack:
    """What a text was found to be.

    Attributes
    ----------
    step
        From inputs and state to what leaves the step and the next state, ports `x` and `y`.
    head
        From what leaves a step to the answer.
    facts
        What was proved, one sentence each.
    """

    step: Netlist
    head: ReadBack
    facts: list[str]


def read_clocked_back(text: str, shape: ClockedShape) -> ClockedBack:
    """Read an emitted clocked core, and prove its structure.

    Raises
    ------
    DifferentError
        The text is not such a core. Whether it computes the right functions is left to a comparison
        of the netlists.
    """
    modules, head = split_modules(text), shape.head
    for name in (shape.top, shape.step_name):
        if name not in modules:
            raise DifferentError(f"no module {name}")
    top, body = modules.pop(shape.top), modules.pop(shape.step_name)
    # All others are the head and its stages.
    back = read_back("\n".join(modules.values()), head)
    step = _read_step(body, shape)
    boxes = {shape.step_name: (step.num_inputs, step.num_outputs)}
    cores = {head.top: (head.beat_bits, head.out_beat_bits)}
    shell = read_shell(shape.top, top, boxes, cores=cores)
    ClockedControl(shell, shape).check()
    return ClockedBack(step, back, [*_facts(shape, step), *back.facts])


def _read_step(text: str, shape: ClockedShape) -> Netlist:
    body = read_body(shape.step_name, text)
    outputs = shape.leaving_bits + shape.state_bits
    if (body.inputs, len(body.outputs)) != (shape.step_inputs, outputs):
        raise DifferentError("has other widths than stated", place=f"module {shape.step_name}")
    step = Netlist(
        shape.step_name,
        make_ports(("x", body.inputs)),
        (Port("y", body.outputs.astype(np.int32)),),
        body.fanin,
        body.tables,
    )
    step.verify()
    return step


def _facts(shape: ClockedShape, step: Netlist) -> list[str]:
    ends = "i_last" if shape.steps is None else f"a count of {shape.steps} steps"
    start = "the model's bits, at power-up, after rst and after the end of a sequence"
    if shape.from_input:
        start = "the input of each sequence"
    return [
        f"text: {step.num_gates} gates read back from the combinational step",
        f"text: initial state: {start}; {ends} says where that is",
        f"text: registers around the step: each of {shape.state_bits} state bits becomes its bit of"
        " the next state with each step, on every assignment of the control",
        "text: handshake: a step is taken once, with its own inputs, and what leaves "
        f"{'every' if shape.every_step else 'the last'} step enters the head once",
    ]

"""From a mapped step and an emitted head to the Verilog of a clocked core, one file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatec.backends.body import write_stages
from gatec.backends.clocked_core import ClockedCore, ClockedShape
from gatec.backends.dual_luts import pair_gates
from gatec.backends.verilog import (
    Emitted,
    check_beats,
    component_text,
    describe_beats,
    header_text,
    identifier,
    stream_signals,
)
from gatec.netlist import Netlist

# Names of modules have at most 64 characters, and those inside get a suffix.
_MAX_TOP = 48


def clocked_name(name: str) -> str:
    """Return the name of the core's module for a net's name."""
    return identifier(name)[:_MAX_TOP]


def emit_clocked(
    step: Netlist,
    head: Emitted,
    *,
    inputs: int,
    init: Sequence[int],
    steps: int | None,
    every_step: bool,
    from_input: bool,
    beat_bits: int | None,
    header: Sequence[str] = (),
) -> Emitted:
    """Write a clocked core.

    Parameters
    ----------
    step
        Mapped: from inputs and state (or the state alone) to what leaves the step and the next
        state. All of it lies between two registers.
    head
        The core that makes answers of what leaves a step, called `<top>_head`.
    inputs, init, steps, every_step, from_input
        As of `ClockedShape`.
    beat_bits
        Width of the input stream; all inputs of a step when None.
    header
        Lines of the comment block to put first.

    Raises
    ------
    LimitError
        A port of a module would be too wide.
    UsageError
        A beat of less than one bit.
    """
    top = head.top.removesuffix("_head")
    staged = step.replace(stage=np.zeros(step.num_gates, dtype=np.int32))
    partner = pair_gates(staged) if head.style == "xilinx" else None
    (stage,) = write_stages(
        staged, [step.output_nets], top=f"{top}_step", style=head.style, partner=partner
    )
    shape = ClockedShape(
        top,
        inputs,
        head.shape.output_bits,
        head.shape.rank_bits,
        inputs if beat_bits is None else beat_bits,
        head.shape.out_beat_bits,
        init=tuple(int(bit) for bit in init),
        leaving_bits=head.shape.input_bits,
        steps=steps,
        every_step=every_step,
        from_input=from_input,
    )
    check_beats(shape)
    comment = header_text([*header, "", *_describe(shape, step, head)])
    shell = f"{write_clocked_shell(shape)}\n{head.shell}"
    return Emitted(shape, head.style, comment, shell, (stage, *head.stages), head.order, head.roms)


def write_clocked_shell(shape: ClockedShape) -> str:
    """Return the top module as Verilog."""
    core = ClockedCore(shape)
    signals = stream_signals(core)
    if shape.steps is None:
        signals["i_last"] = core.i_last
    return component_text(core, shape.top, signals)


def _describe(shape: ClockedShape, step: Netlist, head: Emitted) -> list[str]:
    """Return the lines that document the ports and the timing."""
    a_step = "a first state" if shape.from_input else "a step's inputs"
    inputs = describe_beats(f"{a_step}: {shape.input_bits} bits", shape.beats_in, shape.beat_bits)
    answer = describe_beats(
        f"an answer: {shape.output_bits} bits", shape.beats_out, shape.out_beat_bits
    )
    return [
        f"Clocked: {shape.state_bits} state bits in registers; a step of {step.num_gates} gates"
        f" ({head.style}) in a cycle,",
        f"and behind it {len(shape.rank_bits)} pipeline stages for the answer.",
        "",
        "Clock clk, rising edge. Reset rst, synchronous, active high: drops all that is under way.",
        f"Input  i_payload[{shape.beat_bits - 1}:0], i_valid, i_ready"
        f"{', i_last' if shape.steps is None else ''}.",
        f"Output o_payload[{shape.out_beat_bits - 1}:0], o_valid, o_ready.",
        "A beat moves in each cycle in which valid and ready are both high.",
        f"Input  {inputs}",
        f"Output {answer}",
        *_sequence_lines(shape),
        f"Latency: {shape.latency} cycles from the cycle that takes the last beat before an answer",
        "to the first cycle with o_valid, as long as o_ready stays high.",
    ]


def _sequence_lines(shape: ClockedShape) -> list[str]:
    """Return the lines that say what a sequence is, when it is answered, and how fast it goes."""
    answered = "After each step" if shape.every_step else "After the last step"
    if shape.from_input:
        return [
            f"The state goes on by itself for {shape.steps} steps. {answered} there is an answer.",
            "The next first state may come in with the last step.",
            f"Initiation interval: at most {shape.interval} cycle(s) an answer.",
        ]
    ends = "i_last with the last beat of its last step ends a sequence;"
    if shape.steps is not None:
        ends = f"A sequence has {shape.steps} steps;"
    return [
        f"{ends} the state then starts anew.",
        f"{answered} there is an answer.",
        f"Initiation interval: {shape.step_interval} cycle(s) a step.",
    ]

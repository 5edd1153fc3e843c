"""Recurrent nets: a cell with state bits, unrolled over the steps of a sequence.

Keys of the neutral form, beside the layers of the cell:

==================  ================================================================================
`inputs`            integer: number of bits that come in at each step
`state`             integer: number of state bits; the first layer reads `inputs + state` bits, the
                    state after the input
`next_state`        optional integers `[state]`: outputs of the last layer that are the next state;
                    when absent, its last `state` ones
`outputs`           optional integers: outputs of the last layer that leave a step; when absent, all
                    that are no state
`state_init`        optional 0/1 `[state]`: the state before the first step; 0 when absent
`every_step`        optional 0 or 1: 1 puts out what leaves every step, 0 what leaves the last one
`state_from_input`  optional 0 or 1: 1 when steps read the state alone, and the state before the
                    first one is the input, as in a cellular net; `inputs` is then `state`
==================  ================================================================================

`--steps N` says for how many steps the unrolled circuit runs. It reads all steps' inputs at once,
step 0 first. With `--clocked` the state is in registers, and a step takes a clock cycle
(`gatec.frontends.clocked`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gatec import limits
from gatec.blocks import Block, InputBits
from gatec.blocks_bits import ALWAYS, NOTHING, Wires
from gatec.errors import ModelError
from gatec.frontends.files.tensors import Array

RECURRENT_KEYS = ("next_state", "outputs", "state_init")
RECURRENT_FLAGS = ("every_step", "state_from_input")
LACKS_STEPS = "a recurrent net; expected --steps N, or compile --clocked for any number of steps"
LACKS_TIMES = "how often the rule is applied is not in the file; expected --steps N"


@dataclass(frozen=True, eq=False)
class Recurrence:
    """How the steps of a recurrent net hang together.

    Attributes
    ----------
    state
        Number of state bits.
    next_state, outputs
        Integers: outputs of the last layer; None for the defaults above.
    init
        0/1 `[state]`.
    every_step
        Whether each step's outputs are put out.
    from_input
        Whether the cell reads the state alone, which is the input before the first step.
    """

    state: int
    next_state: Array | None
    outputs: Array | None
    init: Array
    every_step: bool
    from_input: bool = False

    def cell_inputs(self, inputs: int) -> int:
        """Return how many bits the first layer reads, where `inputs` bits come in."""
        return self.state if self.from_input else inputs + self.state

    @property
    def lacks_steps(self) -> str:
        """What to say when nobody says how many steps there are."""
        return LACKS_TIMES if self.from_input else LACKS_STEPS


def read_recurrence(
    tensors: Mapping[str, Array], state: int | None, flags: Mapping[str, float | None], file: str
) -> Recurrence | None:
    """Return the recurrence that keys of the neutral form describe; None where there is none.

    Parameters
    ----------
    flags
        The numbers under `RECURRENT_FLAGS`.
    """
    if state is None:
        for key in RECURRENT_KEYS:
            if key in tensors:
                raise ModelError("without state", file=file, place=key, expected="state")
        return None
    limits.check_limit(state, limits.MAX_GATES, "state bits", file=file)
    for key in RECURRENT_KEYS:
        value = tensors.get(key)
        if value is not None and (value.ndim != 1 or value.dtype.kind not in "biu"):
            raise ModelError(
                f"{value.dtype}{list(value.shape)}", file=file, place=key, expected="integers"
            )
    init = tensors.get("state_init")
    init = np.zeros(state, dtype=np.uint8) if init is None else init
    if init.shape != (state,) or not np.isin(init, (0, 1)).all():
        raise ModelError(
            "is not the state", file=file, place="state_init", expected=f"0/1 [{state}]"
        )
    for key, flag in flags.items():
        if flag not in (None, 0, 1):
            raise ModelError(f"is {flag:g}", file=file, place=key, expected="0 or 1")
    every_step, from_input = (flags[key] == 1 for key in RECURRENT_FLAGS)
    if from_input and "state_init" in tensors:
        raise ModelError(
            "with state_from_input", file=file, place="state_init", expected="one of them"
        )
    return Recurrence(
        state, tensors.get("next_state"), tensors.get("outputs"), init, every_step, from_input
    )


def unroll(
    cell: Sequence[Block],
    reads: Mapping[str, tuple[str, ...]],
    recurrence: Recurrence,
    *,
    inputs: int,
    steps: int,
    file: str,
) -> tuple[list[Block], dict[str, tuple[str, ...]]]:
    """Return the blocks of all steps, the input in front, and what they read.

    Parameters
    ----------
    cell
        Blocks of one step.
    reads
        What some of them read; what is no block of the cell is the cell's input.
    inputs
        Number of input bits of a step.
    """
    width = cell[-1].out_width
    following, leaving = ends_of(recurrence, width, file)
    total = inputs if recurrence.from_input else inputs * steps
    blocks: list[Block] = [InputBits("input", total)]
    joined: dict[str, tuple[str, ...]] = {}
    names = {block.name for block in cell}
    ends: list[str] = []
    for step in range(steps):
        start = f"step{step}_in"
        before: tuple[str, ...] = ("input", *ends[-1:])
        state: Array = total + following if step else np.where(recurrence.init, ALWAYS, NOTHING)
        source: Array = np.concatenate([np.arange(inputs) + step * inputs, state])
        if recurrence.from_input:
            before = before[-1:]
            source = following if step else np.arange(total)
        widths = tuple(total if name == "input" else width for name in before)
        joined[start] = before
        blocks.append(Wires(start, widths, source.astype(np.int32)))
        for block in cell:
            name = f"step{step}_{block.name}"
            blocks.append(replace(block, name=name))
            if block.name in reads:
                joined[name] = tuple(
                    f"step{step}_{n}" if n in names else start for n in reads[block.name]
                )
        ends.append(blocks[-1].name)
    shown = ends if recurrence.every_step else ends[-1:]
    offsets = np.arange(len(shown))[:, None] * width
    source = (offsets + leaving).reshape(-1).astype(np.int32)
    blocks.append(Wires("outputs", (width,) * len(shown), source))
    joined["outputs"] = tuple(shown)
    return blocks, joined


def ends_of(recurrence: Recurrence, width: int, file: str) -> tuple[Array, Array]:
    """Return which outputs of the last layer are the next state, and which leave a step."""
    following = recurrence.next_state
    if following is None:
        following = np.arange(width - recurrence.state, width)
    leaving = recurrence.outputs
    if leaving is None:
        leaving = np.setdiff1d(np.arange(width), following)
    for key, value in (("next_state", following), ("outputs", leaving)):
        bad = value.size == 0 or value.min() < 0 or value.max() >= width
        if bad or (key == "next_state" and len(value) != recurrence.state):
            raise ModelError(
                f"{value.size} numbers that do not fit",
                file=file,
                place=key,
                expected=f"outputs 0..{width - 1} of the last layer"
                + (f", {recurrence.state} of them" if key == "next_state" else ""),
            )
    return following.astype(np.int64), leaving.astype(np.int64)

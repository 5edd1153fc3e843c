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
==================  ================================================================================

`--steps N` says for how many steps the circuit runs. It reads all steps' inputs at once, step 0
first. A circuit that takes a step in each clock cycle needs state registers around the pipeline,
which gatec does not emit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gatec import limits
from gatec.blocks import Block, InputBits
from gatec.blocks_bits import ALWAYS, NOTHING, Wires
from gatec.errors import ModelError
from gatec.frontends.tensors import Array

RECURRENT_KEYS = ("next_state", "outputs", "state_init")
LACKS_STEPS = (
    "a recurrent net; expected --steps N to unroll it over (a clocked circuit with state registers "
    "is not emitted)"
)


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
    """

    state: int
    next_state: Array | None
    outputs: Array | None
    init: Array
    every_step: bool


def read_recurrence(
    tensors: Mapping[str, Array], state: int | None, every_step: float | None, file: str
) -> Recurrence | None:
    """Return the recurrence that keys of the neutral form describe; None where there is none."""
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
    if every_step not in (None, 0, 1):
        raise ModelError(f"is {every_step:g}", file=file, place="every_step", expected="0 or 1")
    return Recurrence(
        state, tensors.get("next_state"), tensors.get("outputs"), init, every_step == 1
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
    blocks: list[Block] = [InputBits("input", inputs * steps)]
    joined: dict[str, tuple[str, ...]] = {}
    names = {block.name for block in cell}
    ends: list[str] = []
    for step in range(steps):
        here = np.arange(inputs) + step * inputs
        start = f"step{step}_in"
        if step:
            source = np.concatenate([here, inputs * steps + following])
            blocks.append(Wires(start, (inputs * steps, width), source.astype(np.int32)))
            joined[start] = ("input", ends[-1])
        else:
            source = np.concatenate([here, np.where(recurrence.init, ALWAYS, NOTHING)])
            blocks.append(Wires(start, (inputs * steps,), source.astype(np.int32)))
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

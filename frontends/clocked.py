"""Recurrent nets as clocked circuits: one step, whose state bits are registers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gatec.blocks import InputBits, IntArray
from gatec.blocks_bits import Wires
from gatec.errors import ModelError, UsageError
from gatec.frontends.draft import Draft, DraftBlock, complete, head_blocks, input_width
from gatec.frontends.options import ReadOptions
from gatec.frontends.recurrence import LACKS_STEPS, ends_of
from gatec.frontends.registry import read_draft
from gatec.lower import OUTPUT_PORT, lower
from gatec.model import ModelGraph
from gatec.netlist import Netlist, Port


@dataclass(frozen=True, eq=False)
class ClockedModel:
    """A net that takes a step of a sequence in each clock cycle.

    Attributes
    ----------
    netlist
        One step; its state bits are registers.
    steps
        Cycles of a sequence.
    every_step
        Whether what leaves every step is put out, step 0 first, or only what leaves the last.
    tail
        What becomes of that: a model that reads it, with a head where the net has classes.
    """

    netlist: Netlist
    steps: int
    every_step: bool
    tail: ModelGraph


def read_clocked(path: str | Path, options: ReadOptions) -> ClockedModel:
    """Read a recurrent net from a file, without unrolling it.

    It computes what `gatec.frontends.read_model` with the same `steps` computes.

    Raises
    ------
    ModelError
        As `read_model`, and when the net is not recurrent.
    """
    draft, file, stem = read_draft(path, options)
    recurrence = draft.recurrence
    if recurrence is None:
        raise UsageError("--clocked, but the net is not recurrent", file=path)
    if options.steps is None:
        raise ModelError(LACKS_STEPS, file=file)
    width = input_width(draft, options)
    if width is None:
        # This says how to give it.
        complete(draft, options, file=file, stem=stem)
    assert width is not None
    following, leaving = ends_of(recurrence, draft.layers[-1].width, file)
    ends = np.concatenate([leaving, following]).astype(np.int32)
    step = _step_model(draft, options, width, ends, file=file, stem=stem)
    whole = lower(step).netlist
    nets = whole.outputs[0].nets
    inputs = whole.inputs[0]
    netlist = whole.replace(
        inputs=(Port(inputs.name, inputs.nets[:width]),),
        outputs=(Port(OUTPUT_PORT, nets[: len(leaving)]),),
        cuts=(),
        register_d=nets[len(leaving) :],
        register_init=recurrence.init.astype(np.bool_),
    )
    netlist.verify()
    shown = len(leaving) * (options.steps if recurrence.every_step else 1)
    head = head_blocks(draft, options, shown, {}, file)
    through = Wires("outputs", (shown,), np.arange(shown, dtype=np.int32))
    tail = ModelGraph.chain([InputBits("input", shown), through, *head], step.name)
    return ClockedModel(netlist, options.steps, recurrence.every_step, tail)


def _step_model(
    draft: Draft, options: ReadOptions, width: int, ends: IntArray, *, file: str, stem: str
) -> ModelGraph:
    """Return a step: it reads inputs and state, and puts out `ends` of its last layer."""
    assert draft.recurrence is not None
    wires = DraftBlock("its ends", Wires("ends", (draft.layers[-1].width,), ends))
    step = replace(
        draft,
        layers=[*draft.layers, wires],
        inputs=width + draft.recurrence.state,
        recurrence=None,
        classes=None,
        head=None,
        codebook=None,
    )
    return complete(step, ReadOptions(name=options.name), file=file, stem=stem)

"""Recurrent nets as clocked circuits: one step, whose state bits are registers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from gatec.bits import Bits
from gatec.blocks import InputBits
from gatec.blocks_bits import Wires
from gatec.errors import ModelError, UsageError
from gatec.frontends.codebook import find_codebook
from gatec.frontends.draft import Draft, DraftBlock, complete, head_blocks, input_width
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import ReadOptions
from gatec.frontends.recurrence import Recurrence, ends_of
from gatec.frontends.registry import read_draft
from gatec.lowering.model import INPUT_PORT, OUTPUT_PORT, lower
from gatec.model import ModelGraph
from gatec.netlist import CONST0_NET, FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import VARIABLE


@dataclass(frozen=True, eq=False)
class ClockedModel:
    """A net that takes a step of a sequence in each clock cycle.

    Attributes
    ----------
    step
        From the inputs of a step and then the state to what leaves the step and then the next
        state; without the inputs where `from_input`.
    inputs
        Bits that come in at each step; where `from_input`, at the first one only.
    init
        0/1 `[state]`: the state before the first step.
    steps
        Of a sequence; None where its length is open.
    every_step
        Whether what leaves every step is put out, step 0 first, or only what leaves the last.
    from_input
        Whether the state before the first step is the input (a cellular net).
    apart
        Whether `tail` reads what leaves one step, or what leaves all those that are put out.
    tail
        A model of what becomes of that, with a head where the net has classes.
    codebook
        0/1 `[classes, bits]` where the head decides for the nearest codeword.
    """

    step: ModelGraph
    inputs: int
    init: Bits
    steps: int | None
    every_step: bool
    from_input: bool
    apart: bool
    tail: ModelGraph
    codebook: Array | None = None

    @property
    def name(self) -> str:
        """What reports and modules are called after."""
        return self.step.name

    @property
    def state(self) -> int:
        """Number of state bits."""
        return len(self.init)

    @property
    def answers_apart(self) -> bool:
        """Whether there is more than one answer to a sequence."""
        return self.apart and self.every_step

    @property
    def leaving(self) -> int:
        """Number of bits that leave a step."""
        return int(self.step.blocks[-1].out_width) - self.state

    @cached_property
    def netlist(self) -> Netlist:
        """One step; its state bits are registers.

        Where the first state is the input, one more register says whether this is the first step.
        """
        return self.registered(lower(self.step).netlist)

    def registered(self, step: Netlist) -> Netlist:
        """Return `netlist` with another netlist in place of that of `step`."""
        if self.from_input:
            step = _loading(step, self.state)
        nets = step.outputs[0].nets
        netlist = step.replace(
            inputs=(Port(INPUT_PORT, step.inputs[0].nets[: self.inputs]),),
            outputs=(Port(OUTPUT_PORT, nets[: self.leaving]),),
            cuts=(),
            register_d=nets[self.leaving :],
            register_init=np.append(self.init, 1)[: len(nets) - self.leaving].astype(np.bool_),
        )
        netlist.verify()
        return netlist


def _loading(step: Netlist, state: int) -> Netlist:
    """Return a step of a state that is the input in the first step.

    Inputs: the first state, the state, and whether this is the first step; outputs: those of
    `step`, and 0 as the next value of the last.
    """
    first_gate = FIRST_INPUT + 2 * state + 1
    now, held = np.arange(FIRST_INPUT, FIRST_INPUT + 2 * state).reshape(2, state)
    chosen = np.full((state, max(3, step.fanin.shape[1])), CONST0_NET)
    chosen[:, :3] = np.stack([np.full(state, first_gate - 1), now, held], axis=1)
    table = (VARIABLE[0] & VARIABLE[1]) | (~VARIABLE[0] & VARIABLE[2])
    renamed = np.concatenate([[0, 1], first_gate + np.arange(step.num_nets - FIRST_INPUT)])
    fanin = np.pad(renamed[step.fanin], ((0, 0), (0, chosen.shape[1] - step.fanin.shape[1])))
    ends = np.append(renamed[step.outputs[0].nets], CONST0_NET)
    return Netlist(
        step.name,
        make_ports((INPUT_PORT, 2 * state + 1)),
        (Port(OUTPUT_PORT, ends.astype(np.int32)),),
        np.concatenate([chosen, fanin]).astype(np.int32),
        np.concatenate([np.full(state, table, dtype=np.uint64), step.tables]),
    )


def read_clocked(
    path: str | Path,
    options: ReadOptions,
    *,
    apart: bool = False,
    every_step: bool | None = None,
) -> ClockedModel:
    """Read a recurrent net from a file, without unrolling it.

    Parameters
    ----------
    apart
        Whether each answer is made of what leaves one step, as a clocked circuit does. If not, the
        net computes what `gatec.frontends.read_model` with the same `steps` computes.
    every_step
        Whether every step is answered; as the file says when None.

    Raises
    ------
    ModelError
        As `read_model`, and when the net is not recurrent. `steps` may only be absent with `apart`,
        and where each step has inputs.
    """
    draft, file, stem = read_draft(path, options)
    recurrence = draft.recurrence
    if recurrence is None:
        raise UsageError("--clocked, but the net is not recurrent", file=path)
    if options.steps is None and (recurrence.from_input or not apart):
        raise ModelError(recurrence.lacks_steps, file=file)
    width = input_width(draft, options)
    if width is None:
        # This says how to give it.
        complete(draft, replace(options, steps=options.steps or 1), file=file, stem=stem)
    assert width is not None
    if draft.thresholds is not None or draft.levels is not None:
        raise ModelError("an encoder in front of a recurrent net", file=file, expected="bits")
    every_step = recurrence.every_step if every_step is None else every_step
    step = _step_model(draft, recurrence, options, width, file=file, stem=stem)
    leaving = step.blocks[-1].out_width - recurrence.state
    shown = leaving * (1 if apart or not every_step else options.steps or 1)
    head = head_blocks(draft, options, shown, step.notes, file)
    classes = options.classes or draft.classes
    through = Wires("outputs", (shown,), np.arange(shown, dtype=np.int32))
    tail = ModelGraph.chain([InputBits("input", shown), through, *head], step.name)
    return ClockedModel(
        step,
        width,
        recurrence.init.astype(np.uint8),
        options.steps,
        every_step,
        recurrence.from_input,
        apart,
        tail,
        find_codebook(draft.codebook, options, classes, file=file),
    )


def _step_model(
    draft: Draft,
    recurrence: Recurrence,
    options: ReadOptions,
    width: int,
    *,
    file: str,
    stem: str,
) -> ModelGraph:
    """Return a step: it reads inputs and state, and puts out what leaves it and the next state."""
    if recurrence.from_input and recurrence.state != width:
        # This says that they must be as many.
        complete(draft, replace(options, steps=1), file=file, stem=stem)
    before = draft.layers[-1].width
    following, leaving = ends_of(recurrence, before, file)
    ends = np.concatenate([leaving, following]).astype(np.int32)
    layers = list(draft.layers)
    if not np.array_equal(ends, np.arange(before)):
        layers.append(DraftBlock("its ends", Wires("ends", (before,), ends)))
    step = replace(
        draft,
        layers=layers,
        inputs=recurrence.cell_inputs(width),
        recurrence=None,
        classes=None,
        head=None,
        codebook=None,
    )
    return complete(step, ReadOptions(name=options.name), file=file, stem=stem)

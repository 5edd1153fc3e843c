"""Class sums that are counted in steps, where a result is wanted only every few cycles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gatec.backends.core import CoreShape, SequenceShape
from gatec.blocks import GroupSum, IntArray
from gatec.blocks_threshold import ThresholdLayer
from gatec.cone import cone
from gatec.console import Progress
from gatec.errors import UsageError
from gatec.heads.by_class import ClassCircuit
from gatec.heads.carry import MOST_ADDS
from gatec.heads.picking import MAX_PHASES, decode_steps, pick, signals_of
from gatec.heads.sequence import (
    StepCircuit,
    Timing,
    count_in_tables,
    count_on_chains,
    join_sequence,
)
from gatec.heads.steps import absorbable, plan_picking
from gatec.interval import asked_interval
from gatec.lower import lower
from gatec.mapping import Mapped, mapping_steps, run_mapping
from gatec.model import ModelGraph
from gatec.netlist import Netlist, Port
from gatec.options import CompileOptions
from gatec.passes import PIPELINES, tidy
from gatec.passes.pipeline import pipeline
from gatec.passes.prune import prune
from gatec.passes.runner import run_passes
from gatec.proof.arithmetic import check_lowering
from gatec.stages import packed_cells

if TYPE_CHECKING:
    from gatec.flow import Flow

# The chains' tables have so many inputs.
_TABLE_INPUTS = 4
_LEAST_STEPS = 2
# From this effort on they are tried where nobody asks.
_EFFORT = 2


@dataclass(frozen=True)
class StepChoice:
    """Whether and how class sums are counted in steps.

    Attributes
    ----------
    mapper
        Of the model.
    beats_in, beats_out
        Beats of a vector on each side.
    interval
        Cycles from vector to vector.
    forced
        In steps even if that is larger.
    """

    mapper: SequenceMapper
    beats_in: int
    beats_out: int
    interval: int
    forced: bool

    def smallest(self, stages: int | None, levels: int | None) -> Staged | None:
        """Return the choice of the fewest logic cells, None where there is none.

        Raises `UsageError` where there has to be one.
        """
        wanted = Pipelining(
            stages, levels, self.beats_in, self.beats_out, self.interval, self.forced
        )
        found = self.mapper.smallest(wanted)
        if found is None and self.forced:
            raise UsageError(
                f"--head sequential with one result every {self.interval} cycle(s)",
                expected="a larger --interval",
            )
        return found

    def better(self, staged: Staged, parallel: Netlist) -> bool:
        """Return whether to take a sequence, and not a circuit that counts all at once."""
        return self.forced or packed_cells(staged.netlist) < packed_cells(parallel)

    def mapped(self, staged: Staged) -> Mapped:
        """Return the circuit of a choice."""
        return self.mapper.mapped(staged)


def step_choice(
    mapped: Mapped, flow: Flow, options: CompileOptions, progress: Progress
) -> StepChoice | None:
    """Return how class sums may be counted in steps; None where they may not.

    Raises
    ------
    UsageError
        The options ask for an interval that the beats do not allow, or for steps without sums.
    """
    model = mapped.model
    asked = asked_interval(mapped.lowering.netlist, flow, options)
    (beats_in, beats_out), interval = asked.beats, asked.interval
    forced = options.head == "sequential"
    if forced and options.block_rams:
        raise UsageError("--head sequential and --block-rams together", expected="one of them")
    able = flow.counts_in_steps and can_count_in_steps(model, flow.lut_inputs)
    if forced and not able:
        raise UsageError("--head sequential for a model without class sums")
    # Without carries a running total is as deep as it is wide: there only who asks gets it.
    alike = options.head is None and not options.block_rams and options.optimise >= _EFFORT
    wanted = flow.chains and alike and interval > 1
    if not able or not (forced or wanted):
        return None
    with progress.step("map for class sums in steps"):
        mapper = SequenceMapper(model, flow.lut_inputs, options, chains=flow.chains)
    return StepChoice(mapper, beats_in, beats_out, interval, forced)


@dataclass(frozen=True)
class Pipelining:
    """What decides how a circuit is pipelined, and how many cycles it has.

    Attributes
    ----------
    stages, levels
        Exactly one: the number of stages, or of levels in each.
    beats_in, beats_out
        Beats of a vector on each side.
    interval
        Cycles from vector to vector.
    forced
        More levels in the sequence's stage are better than none.
    """

    stages: int | None
    levels: int | None
    beats_in: int
    beats_out: int
    interval: int
    forced: bool


@dataclass(frozen=True)
class Staged:
    """A sequence with stages.

    Attributes
    ----------
    sequence
        Where it comes from.
    netlist
        With stages.
    """

    sequence: StepCircuit | ClassCircuit
    netlist: Netlist


class Steps(Protocol):
    """Whether and how a circuit takes several cycles, as `build_design` asks for it."""

    def smallest(self, stages: int | None, levels: int | None) -> Staged | None:
        """Return the smallest choice with so many stages, or levels in each."""

    def better(self, staged: Staged, parallel: Netlist) -> bool:
        """Return whether to take it, and not a circuit that counts all at once."""

    def mapped(self, staged: Staged) -> Mapped:
        """Return its circuit."""


def can_count_in_steps(model: ModelGraph, lut_inputs: int) -> bool:
    """Return whether a model, ending as the circuit does, has class sums that steps can count."""
    sums = [block for block in model.blocks if isinstance(block, GroupSum)]
    plain = not any(isinstance(block, ThresholdLayer) for block in model.blocks)
    return len(sums) == 1 and plain and lut_inputs >= _TABLE_INPUTS


class SequenceMapper:
    """Maps one model's class sums for any number of steps.

    Parameters
    ----------
    model
        Ends as the circuit does.
    chains
        Whether to use carry chains.
    """

    def __init__(
        self, model: ModelGraph, lut_inputs: int, options: CompileOptions, *, chains: bool
    ) -> None:
        self.model = model
        self.lut_inputs = lut_inputs
        self.chains = chains
        steps = mapping_steps(options, lut_inputs, chains=chains)
        (self._sums,) = (block for block in model.blocks if isinstance(block, GroupSum))
        bits = lower(model.with_output("bits")).netlist
        plain = mapping_steps(options, lut_inputs)
        found = [run_mapping(bits, plain, options, "gates")]
        if plain != steps:
            found.append(run_mapping(bits, steps, options, "gates, again"))
        self._bits, self.reports = min(found, key=lambda one: _picked_cells(one[0]))
        self._reference = lower(model).netlist
        self._back: Netlist | None = None
        scores = [port.nets for port in self._reference.cuts if port.name == "scores"]
        if scores:
            back = cone(self._reference, scores[0], self._reference.output_nets)
            self._back, more = run_mapping(back, steps, options, "argmax")
            self.reports += more

    def smallest(self, wanted: Pipelining) -> Staged | None:
        """Return the choice that takes the fewest logic cells; None where there is none."""
        found = [
            self._staged(sequence, wanted)
            for timing in self._timings(wanted)
            for at_inputs in (True, False)
            for sequence in self._sequences(timing, wanted, at_inputs=at_inputs)
        ]
        return min(found, key=lambda one: packed_cells(one.netlist), default=None)

    def mapped(self, staged: Staged) -> Mapped:
        """Return the circuit with its reference netlist, which adds in the same order."""
        sequence = staged.sequence
        assert isinstance(sequence, StepCircuit)
        plan = sequence.picking.plan
        lowering = lower(self.model, plan)
        facts = check_lowering(self.model, lowering)
        inverted = np.concatenate(
            [
                np.tile(sequence.inverted.reshape(-1), plan.steps),
                np.zeros(sum(p.width for p in lowering.netlist.cuts[1:]), dtype=bool),
            ]
        )
        return Mapped(
            self.model,
            lowering,
            sequence.netlist,
            self.reports,
            facts,
            inverted,
            "sequential",
            plan,
            sequence=sequence,
        )

    def _timings(self, wanted: Pipelining) -> Iterator[Timing]:
        for held in (True, False):
            yield Timing(wanted.stages != 1, held)

    def _sequences(
        self, timing: Timing, wanted: Pipelining, *, at_inputs: bool
    ) -> Iterator[StepCircuit]:
        """Yield the sequences with as many steps as the interval allows, if it allows two.

        Where levels are limited, with as many as a chain of so many tables can pick, too.
        """
        before, behind = self._depths(timing, wanted)
        if not before and not at_inputs:
            return
        for phases in range(min(MAX_PHASES, wanted.interval), 1, -1):
            shape = CoreShape(
                "core",
                wanted.beats_in,
                wanted.beats_out,
                (1,) * (before + 1 + behind),
                1,
                1,
                sequence=SequenceShape(before, phases, "0"),
            )
            if shape.interval <= wanted.interval:
                break
        else:
            return
        most = phases - timing.extra
        short = most if wanted.levels is None else min(most, 2 * wanted.levels)
        for steps in {most, short}:
            if steps >= _LEAST_STEPS:
                found = self._build(steps, timing, at_inputs=at_inputs)
                levels = found.levels + (0 if before else self._bits.depth)
                if wanted.forced or wanted.levels is None or levels <= wanted.levels:
                    yield found

    def _build(self, steps: int, timing: Timing, *, at_inputs: bool) -> StepCircuit:
        picking = plan_picking(self._bits, self._sums.classes, steps, at_inputs=at_inputs)
        plan = picking.plan
        phase_bits = (plan.steps + timing.extra - 1).bit_length()
        decoder = decode_steps(signals_of(picking), phase_bits, early=timing.rank)
        decoder, _ = run_passes(decoder, PIPELINES[2](self.lut_inputs))
        picked = pick(picking, self._bits)
        front = prune(self._bits.replace(outputs=(Port("y", picked.sources),), cuts=()))
        if self.chains:
            count = count_on_chains(plan, 1 if timing.rank else MOST_ADDS)
        else:
            adders, turned = count_in_tables(plan)
            count = run_passes(adders, tidy(self.lut_inputs))[0], turned
        return join_sequence(
            picking,
            timing,
            front=front,
            decoder=decoder,
            chains=picked.netlist,
            count=count,
            back=self._back,
            like=self._reference,
        )

    def _depths(self, timing: Timing, wanted: Pipelining) -> tuple[int, int]:
        """Return the number of stages before and behind that of the sequence."""
        deep = [self._bits.depth, 0 if self._back is None else self._back.depth]
        if wanted.levels is not None:
            before, behind = (-(-depth // wanted.levels) for depth in deep)
            # What reads held totals begins in the sequence's own stage.
            return before, behind - (timing.held and behind > 0)
        assert wanted.stages is not None
        left = wanted.stages - 1
        behind = 0
        if deep[1] and left:
            behind = max(1, round(left * deep[1] / sum(deep)))
        return left - behind, behind

    def _staged(self, sequence: StepCircuit, wanted: Pipelining) -> Staged:
        before, behind = self._depths(sequence.timing, wanted)
        net = sequence.netlist
        stage = np.full(net.num_gates, before, dtype=np.int32)
        if before:
            front = _first_gates(net, sequence.front)
            stage[: sequence.front] = _stages_of(front, before)
        if self._back is not None:
            own = before + (not sequence.timing.held and behind > 0)
            count = behind + (sequence.timing.held or not behind)
            first = sequence.front + sequence.body
            stage[first:] = own + _stages_of(self._back, count)
        staged = net.replace(stage=stage)
        staged.verify()
        return Staged(sequence, staged)


def _stages_of(net: Netlist, stages: int) -> IntArray:
    """Return the stages of gates in at most so many; empty ones may follow."""
    staged = pipeline(net, stages=min(stages, max(1, net.depth)))
    assert staged.stage is not None
    return staged.stage


def _picked_cells(bits: Netlist) -> float:
    """Return what tables and chains take: half a table for a bit, a gate of two inputs for one."""
    return bits.num_gates + (bits.num_outputs - absorbable(bits).sum()) / 2


def _first_gates(net: Netlist, count: int) -> Netlist:
    """Return the netlist of the first gates, whose outputs are what the others read of it."""
    ends = net.first_gate + count
    read = np.unique(net.fanin[count:])
    read = read[(read < ends) & ((read >= net.first_gate) | (read <= net.inputs[0].nets[-1]))]
    moved = np.arange(ends, dtype=np.int32)
    inputs = net.inputs[:1]
    first = inputs[0].nets[-1] + 1
    moved[net.first_gate :] = first + np.arange(count)
    return Netlist(
        net.name,
        inputs,
        (Port("y", moved[read[read > 1]]),),
        moved[net.fanin[:count]],
        net.tables[:count],
    )

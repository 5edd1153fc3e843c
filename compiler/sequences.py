"""Class sums that are counted in steps, where a result is wanted only every few cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product, repeat
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from gatec.assumptions import stated_care
from gatec.blocks import GroupSum, IntArray
from gatec.blocks_threshold import ThresholdLayer
from gatec.cone import cone
from gatec.console import Progress
from gatec.errors import UsageError
from gatec.heads.by_class import ClassCircuit
from gatec.heads.carry import MOST_ADDS
from gatec.heads.in_turn import count_in_turn, join_in_turn
from gatec.heads.picking import decode_steps, pick, signals_of
from gatec.heads.sequence import (
    StepCircuit,
    Timing,
    count_in_tables,
    count_on_chains,
    join_sequence,
)
from gatec.heads.steps import absorbable, plan_picking
from gatec.heads.turns import plan_turns
from gatec.interval import asked_interval
from gatec.lowering.model import lower
from gatec.mapping import Mapped
from gatec.mapping_steps import mapping_steps, run_mapping
from gatec.model import ModelGraph
from gatec.netlist import Netlist, Port
from gatec.options import CompileOptions
from gatec.passes import PIPELINES, tidy
from gatec.passes.prune import prune
from gatec.passes.runner import run_passes
from gatec.proof.arithmetic import check_lowering
from gatec.sequence_stages import Pipelining, first_gates, stages_of
from gatec.stages import packed_cells

if TYPE_CHECKING:
    from gatec.flows.base import Flow

# The chains' tables have so many inputs.
_TABLE_INPUTS = 4
_LEAST_STEPS = 2
# From this effort on they are tried where nobody asks.
_EFFORT = 2
# Classes one after the other are tried with as many steps each as there can be, and with so many:
# of 1 to 6 these were the best for two trained nets. With 4 the class is read off the phase.
_FEW_STEPS = (3, 4)
# And with segments of so many bits of the phase: of 2 to 5 these were the best, or next to it, for
# all numbers of steps on two trained nets.
_SEGMENTS = (3, 4)
# Narrower counts take no more in look-up tables than on chains: of a trained net with 80 bits a
# class, those of 5 bits 1 to 5 logic cells fewer and those of 40 bits 8 more.
_WIDE = 24


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
    size
        What a netlist with stages takes of the target.
    """

    mapper: SequenceMapper
    beats_in: int
    beats_out: int
    interval: int
    forced: bool
    size: Callable[[Netlist], float]

    def smallest(self, stages: int | None, levels: int | None) -> Staged | None:
        """Return the choice of the fewest logic cells, None where there is none.

        Raises `UsageError` where there has to be one.
        """
        wanted = Pipelining(
            stages, levels, self.beats_in, self.beats_out, self.interval, self.forced
        )
        found = self.mapper.smallest(wanted, self.size)
        if found is None and self.forced:
            raise UsageError(
                f"--head sequential with one result every {self.interval} cycle(s)",
                expected="a larger --interval",
            )
        return found

    def better(self, staged: Staged, parallel: Netlist) -> bool:
        """Return whether to take a sequence, and not a circuit that counts all at once."""
        return self.forced or self.size(staged.netlist) < self.size(parallel)

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
    alike = options.head is None and not options.block_rams and options.optimise >= _EFFORT
    credits = options.flow_control == "credits"
    if not able or not (forced or (alike and interval > 1 and not credits)):
        return None
    with progress.step("map for class sums in steps"):
        mapper = SequenceMapper(model, flow.lut_inputs, options, chains=flow.chains)
    return StepChoice(mapper, beats_in, beats_out, interval, forced, flow.size)


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

    Attributes
    ----------
    bits
        The gates in look-up tables; its outputs are the bits, class by class.
    """

    def __init__(
        self, model: ModelGraph, lut_inputs: int, options: CompileOptions, *, chains: bool
    ) -> None:
        self.model = model
        self.lut_inputs = lut_inputs
        self.chains = chains
        self.care = stated_care(options.assume, model.num_inputs)
        steps = mapping_steps(options, lut_inputs, chains=chains)
        (self._sums,) = (block for block in model.blocks if isinstance(block, GroupSum))
        bits = lower(model.with_output("bits")).netlist
        plain = mapping_steps(options, lut_inputs)
        found = [run_mapping(bits, plain, options, "gates")]
        if plain != steps:
            found.append(run_mapping(bits, steps, options, "gates, again"))
        self.bits, self.reports = min(found, key=lambda one: _picked_cells(one[0]))
        self._reference = lower(model).netlist
        self._built: dict[tuple[object, ...], StepCircuit] = {}
        self._counters: dict[tuple[int, bool], tuple[Netlist, npt.NDArray[np.bool_]]] = {}
        self._back: Netlist | None = None
        scores = [port.nets for port in self._reference.cuts if port.name == "scores"]
        if scores:
            back = cone(self._reference, scores[0], self._reference.output_nets)
            self._back, more = run_mapping(back, steps, options, "argmax")
            self.reports += more

    def smallest(
        self, wanted: Pipelining, size: Callable[[Netlist], float] = packed_cells
    ) -> Staged | None:
        """Return the choice that takes the least; None where there is none."""
        found = [
            self._staged(sequence, wanted)
            for timing in self._timings(wanted)
            for at_inputs in (True, False)
            for sequences in (self._sequences, self._in_turn)
            for sequence in sequences(timing, wanted, at_inputs=at_inputs)
        ]
        return min(found, key=lambda one: size(one.netlist), default=None)

    def mapped(self, staged: Staged) -> Mapped:
        """Return the circuit with its reference netlist, which adds in the same order."""
        sequence = staged.sequence
        assert isinstance(sequence, StepCircuit)
        plan = sequence.plan
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
            care=self.care,
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
        before, behind = self._depths(timing, wanted, self._back)
        if not before and not at_inputs:
            return
        phases = wanted.most_phases(before, behind)
        most = phases - timing.extra
        short = most if wanted.levels is None else min(most, 2 * wanted.levels)
        for steps in {most, short}:
            if steps >= _LEAST_STEPS:
                found = self._once(self._build, steps, timing, at_inputs)
                if self._flat_enough(found, wanted, before):
                    yield found

    def _in_turn(
        self, timing: Timing, wanted: Pipelining, *, at_inputs: bool
    ) -> Iterator[StepCircuit]:
        """Yield sequences of one class after the other, if the interval allows that."""
        before, _ = self._depths(timing, wanted, None)
        if self._back is None or (not before and not at_inputs):
            return
        most = (wanted.most_phases(before, 0) - timing.extra) // self._sums.classes
        for steps, low in product(sorted({most, *map(min, _FEW_STEPS, repeat(most))}), _SEGMENTS):
            if timing.held and steps > 0:
                found = self._once(self._build_in_turn, steps, low, timing, at_inputs)
                if self._flat_enough(found, wanted, before):
                    yield found

    def _once(self, build: Callable[..., StepCircuit], *choice: object) -> StepCircuit:
        """Return what is built of a choice: in a search for a clock it comes again and again."""
        key = (build.__name__, *choice)
        if key not in self._built:
            self._built[key] = build(*choice)
        return self._built[key]

    def _flat_enough(self, found: StepCircuit, wanted: Pipelining, before: int) -> bool:
        levels = found.levels + (0 if before else self.bits.depth)
        return wanted.forced or wanted.levels is None or levels <= wanted.levels

    def _build_in_turn(self, steps: int, low: int, timing: Timing, at_inputs: bool) -> StepCircuit:
        turns = plan_turns(self.bits, self._sums.classes, steps, low, at_inputs=at_inputs)
        key = turns.plan.steps, timing.rank
        if key not in self._counters:
            phase_bits = (turns.phases + timing.extra - 1).bit_length()
            chains = self.chains and turns.plan.width > _WIDE
            self._counters[key] = count_in_turn(
                turns.plan, timing, phase_bits, self.map_tables, chains=chains
            )
        return join_in_turn(
            turns,
            timing,
            self.bits,
            front=self.front,
            map_tables=self.map_tables,
            count=self._counters[key],
            like=self._reference,
        )

    def map_tables(self, net: Netlist) -> Netlist:
        """Return small control and arithmetic as look-up tables."""
        return run_passes(net, PIPELINES[2](self.lut_inputs))[0]

    def front(self, sources: IntArray) -> Netlist:
        """Return the gates in front of some nets of the bits' netlist."""
        return prune(self.bits.replace(outputs=(Port("y", sources),), cuts=()))

    def _build(self, steps: int, timing: Timing, at_inputs: bool) -> StepCircuit:
        picking = plan_picking(self.bits, self._sums.classes, steps, at_inputs=at_inputs)
        plan = picking.plan
        phase_bits = (plan.steps + timing.extra - 1).bit_length()
        decoder = decode_steps(signals_of(picking), phase_bits, early=timing.rank)
        decoder, _ = run_passes(decoder, PIPELINES[2](self.lut_inputs))
        picked = pick(picking, self.bits)
        if self.chains:
            count = count_on_chains(plan, 1 if timing.rank else MOST_ADDS)
        else:
            adders, turned = count_in_tables(plan)
            count = run_passes(adders, tidy(self.lut_inputs))[0], turned
        return join_sequence(
            picking,
            timing,
            front=self.front(picked.sources),
            decoder=decoder,
            chains=picked.netlist,
            count=count,
            back=self._back,
            like=self._reference,
        )

    def _depths(self, timing: Timing, wanted: Pipelining, back: Netlist | None) -> tuple[int, int]:
        """Return the number of stages before and behind that of the sequence."""
        deep = [self.bits.depth, 0 if back is None else back.depth]
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
        before, behind = self._depths(sequence.timing, wanted, sequence.back)
        net = sequence.netlist
        stage = np.full(net.num_gates, before, dtype=np.int32)
        if before:
            front = first_gates(net, sequence.front)
            stage[: sequence.front] = stages_of(front, before)
        if sequence.back is not None:
            own = before + (not sequence.timing.held and behind > 0)
            count = behind + (sequence.timing.held or not behind)
            first = sequence.front + sequence.body
            stage[first:] = own + stages_of(sequence.back, count)
        staged = net.replace(stage=stage)
        staged.verify()
        return Staged(sequence, staged)


def _picked_cells(bits: Netlist) -> float:
    """Return what tables and chains take: half a table for a bit, a gate of two inputs for one."""
    return bits.num_gates + (bits.num_outputs - absorbable(bits).sum()) / 2

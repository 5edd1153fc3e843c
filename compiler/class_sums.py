"""Class sums one after the other in standard cells, where a vector takes several cycles anyway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gatec.backends.core import CoreShape, SequenceShape
from gatec.blocks import Argmax, GroupSum
from gatec.errors import UsageError
from gatec.heads.by_class import ClassCircuit, by_class, can_count
from gatec.interval import Wanted, asked_interval
from gatec.lowering.model import lower
from gatec.mapping import Mapped
from gatec.mapping_steps import run_mapping
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.passes import tidy
from gatec.passes.runner import run_passes
from gatec.sequences import Staged
from gatec.tables import MAX_FANIN

if TYPE_CHECKING:
    from gatec.flows.base import Flow

# From this effort on they are tried where nobody asks.
_EFFORT = 1
# The area of a netlist with stages, and of so many bits more that keep their value.
Area = Callable[[Netlist, int], float]


@dataclass(frozen=True)
class ClassChoice:
    """Whether and how classes are counted one after the other.

    Attributes
    ----------
    parallel
        The circuit that counts all at once.
    choices
        What else there is: for other numbers of classes at once.
    forced
        One after the other even if that is larger.
    interval
        Cycles from vector to vector, for messages.
    area
        The estimate by which to choose.
    """

    parallel: Mapped
    choices: tuple[tuple[ClassCircuit, CoreShape], ...]
    forced: bool
    interval: int
    area: Area

    def smallest(self, stages: int | None, levels: int | None) -> Staged | None:
        """Return the smallest choice, in one stage; None where that is not wanted or too deep.

        Raises `UsageError` where there has to be one.
        """
        fitting = [
            circuit
            for circuit, _ in self.choices
            if self.forced or stages == 1 or (levels is not None and circuit.levels <= levels)
        ]
        if stages not in (None, 1):
            fitting = []
        if not fitting and self.forced:
            raise UsageError(
                f"--head sequential with one result every {self.interval} cycle(s)",
                expected="a larger --interval, and --stages 1",
            )
        staged = [_staged(circuit) for circuit in fitting]
        return min(staged, key=self._area, default=None)

    def better(self, staged: Staged, parallel: Netlist) -> bool:
        """Return whether to take a sequence, and not a circuit that counts all at once."""
        beside = self.area(parallel, parallel.inputs[0].width)
        return self.forced or self._area(staged) < beside

    def mapped(self, staged: Staged) -> Mapped:
        """Return the circuit of a choice."""
        assert isinstance(staged.sequence, ClassCircuit)
        scores = len(self.parallel.lowering.netlist.cut_nets)
        return replace(
            self.parallel,
            netlist=staged.sequence.netlist,
            inverted=np.zeros(scores, dtype=bool),
            head="sequential",
            others=(),
            route=(),
            sequence=staged.sequence,
        )

    def _area(self, staged: Staged) -> float:
        (shape,) = (shape for circuit, shape in self.choices if circuit is staged.sequence)
        early = (shape.early or 0) * shape.beat_bits
        return self.area(staged.netlist, shape.input_bits + early)


def class_choice(
    mapped: Mapped, flow: Flow, options: CompileOptions, area: Area
) -> ClassChoice | None:
    """Return how classes may be counted one after the other; None where they may not.

    Raises
    ------
    UsageError
        The options ask for an interval that the beats do not allow, or for steps without classes.
    """
    model, net = mapped.model, mapped.lowering.netlist
    wanted = asked_interval(net, flow, options)
    forced = options.head == "sequential"
    able = isinstance(model.blocks[-1], Argmax) and len(net.cuts) == 1
    sums = [block for block in model.blocks if isinstance(block, GroupSum)]
    if forced and not (able and len(sums) == 1):
        raise UsageError("--head sequential for a model without class sums and argmax")
    alike = options.head is None and options.optimise >= _EFFORT and wanted.interval > 1
    if not able or len(sums) != 1 or not (forced or alike):
        return None
    bits, _ = run_mapping(
        lower(model.with_output("bits")).netlist, tidy(MAX_FANIN), options, "bits"
    )
    choices = [
        (by_class(bits, sums[0].classes, at_once, net, _cleaned), shape)
        for at_once, shape in _shapes(model, sums[0].classes, wanted)
    ]
    return ClassChoice(mapped, tuple(choices), forced, wanted.interval, area)


def fewest_early(
    bits: tuple[int, int], beats: tuple[int, int], phases: int, interval: int
) -> CoreShape | None:
    """Return the core with the fewest early words that takes a vector every `interval` cycles.

    Parameters
    ----------
    bits, beats
        Widths of the vectors, and of their beats, in and out.
    phases
        Cycles that its one stage takes.

    Returns None where none does.
    """
    sequence = SequenceShape(0, phases, "0")
    shape = CoreShape("core", *bits, (bits[1],), *beats, sequence=sequence)
    places = [None] if shape.beats_in == 1 else range(min(phases, shape.beats_in))
    for early in places:
        found = replace(shape, early=early)
        if found.interval <= interval:
            return found
    return None


def _shapes(model: ModelGraph, classes: int, wanted: Wanted) -> list[tuple[int, CoreShape]]:
    """Return numbers of classes at once that the interval allows, one for each number of phases."""
    found: dict[int, tuple[int, CoreShape]] = {}
    bits = (model.num_inputs, (classes - 1).bit_length())
    for at_once in range(1, classes):
        phases = -(-classes // at_once)
        if phases not in found and can_count(classes, at_once):
            shape = fewest_early(bits, wanted.beat_bits, phases, wanted.interval)
            if shape is not None:
                found[phases] = at_once, shape
    return list(found.values())


def _cleaned(net: Netlist) -> Netlist:
    return run_passes(net, tidy(MAX_FANIN))[0]


def _staged(circuit: ClassCircuit) -> Staged:
    net = circuit.netlist
    return Staged(circuit, net.replace(stage=np.zeros(net.num_gates, dtype=np.int32)))

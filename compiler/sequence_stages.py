"""Where the gates of a circuit with a sequence lie: in which stage, and in how many phases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.backends.core import CoreShape, SequenceShape
from gatec.blocks import IntArray
from gatec.heads.picking import MAX_PHASES
from gatec.netlist import Netlist, Port
from gatec.passes.pipeline import pipeline


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

    def most_phases(self, before: int, behind: int) -> int:
        """Return the most phases that the interval allows between so many stages; 0 for none."""
        for phases in range(min(MAX_PHASES, self.interval), 1, -1):
            shape = CoreShape(
                "core",
                self.beats_in,
                self.beats_out,
                (1,) * (before + 1 + behind),
                1,
                1,
                sequence=SequenceShape(before, phases, "0"),
            )
            if shape.interval <= self.interval:
                return phases
        return 0


def stages_of(net: Netlist, stages: int) -> IntArray:
    """Return the stages of gates in at most so many; empty ones may follow."""
    staged = pipeline(net, stages=min(stages, max(1, net.depth)))
    assert staged.stage is not None
    return staged.stage


def first_gates(net: Netlist, count: int) -> Netlist:
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

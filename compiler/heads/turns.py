"""Choose which bits are counted in which step where the classes come one after the other.

A class has so many steps, and each of its steps counts `width` bits, which come along as many
lanes. A lane is cut into segments of `2**low` phases: each segment is a chain of look-up tables
(`gatec.heads.picking`) that looks at the low bits of the phase, so that all segments share what
calls upon their tables; the high bits choose a segment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.heads.picking import signals_of
from gatec.heads.steps import NO_BIT, OPEN, Picking, absorbable
from gatec.heads.tree import StepPlan, plan_tree
from gatec.netlist import Netlist

# Gates of two inputs in a column of tables save one each; what calls upon them takes two more.
_SIGNALS = 2

Steps = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Turns:
    """In which phase each bit is counted, and along which lane it comes.

    Attributes
    ----------
    plan
        The steps of each class.
    picking
        The segments of all lanes, lane by lane, as chains of one class that has all bits.
    low
        Bits of the phase within a segment.
    """

    plan: StepPlan
    picking: Picking
    low: int

    @property
    def phases(self) -> int:
        """Phases in which bits are picked."""
        return self.plan.classes * self.plan.steps

    @property
    def segments(self) -> int:
        """Segments of a lane."""
        return -(-self.phases >> self.low)

    @property
    def num_calls(self) -> int:
        """Signals that the chains read."""
        return len(signals_of(self.picking))

    def signals(self, phase_bits: int) -> list[Steps]:
        """Return the phases that each signal is for.

        First those of the chains; behind them, with several segments, whether the segment is the
        second of its pair; and with more than two which pair, an odd last one being alone.
        """
        every = np.arange(1 << phase_bits)
        low, high = every & (1 << self.low) - 1, every >> self.low
        found = [np.isin(low, steps) for steps in signals_of(self.picking)]
        if self.segments > 1:
            found.append(high % 2 == 1)
        if self.segments > 2:
            pairs = (self.segments + 1) // 2
            found += [high >> 1 == pair for pair in range(pairs)]
        return [tuple(every[rows].tolist()) for rows in found]


def plan_turns(
    bits: Netlist, classes: int, steps: int, low: int, *, at_inputs: bool = True
) -> Turns:
    """Return how to count the bits of each class in `steps` steps, one class after the other.

    Parameters
    ----------
    bits
        In look-up tables; its outputs are the bits, class by class.
    low
        Bits of the phase within a segment.
    at_inputs
        As for `gatec.heads.steps.plan_picking`.
    """
    outputs = bits.output_nets.reshape(classes, -1)
    group = outputs.shape[1]
    width = -(-group // steps)
    steps = -(-group // width)
    alone = absorbable(bits, at_inputs=at_inputs).reshape(classes, group)
    free = [np.flatnonzero(row).tolist() for row in alone]
    slots, absorbed = _absorb(free, steps, width, 1 << low)
    for each in range(classes):
        own = slots[each * steps : (each + 1) * steps].reshape(-1)
        left = sorted(set(range(group)) - set(own.tolist()))
        # Early steps first: what is left open are the last ones.
        own[np.flatnonzero(own == NO_BIT)[: len(left)]] = left
    leaves, adds = plan_tree(width)
    plan = StepPlan(slots.reshape(classes, steps, width), leaves, adds, in_turn=True)
    first = np.repeat(np.arange(classes) * group, steps)[:, None]
    chains = _as_chains(np.where(slots == NO_BIT, NO_BIT, slots + first), OPEN, low)
    picking = Picking(StepPlan(chains, (), ()), _as_chains(absorbed, 0, low).astype(bool))
    return Turns(plan, picking, low)


def _absorb(
    free: list[list[int]], steps: int, width: int, length: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Give gates that chains may take to pairs of phases, as long as it pays.

    Returns `int64[phases, width]` bits of each phase's class, -1 where still open, and which are
    such gates. All segments of `length` phases share a signal for each phase.
    """
    phases = len(free) * steps
    slots = np.full((phases, width), NO_BIT, dtype=np.int64)
    absorbed = np.zeros(slots.shape, dtype=bool)
    for column in range(0, length, 2):
        taken: list[tuple[int, int, int]] = []
        left = [len(row) for row in free]
        for phase in range(column, phases - 1, length):
            one, other = phase // steps, (phase + 1) // steps
            lanes = min(width, left[one] // 2 if one == other else min(left[one], left[other]))
            left[one] -= lanes
            left[other] -= lanes
            taken += [(phase, one, lanes), (phase + 1, other, lanes)]
        if sum(lanes for _, _, lanes in taken) <= 2 * _SIGNALS:
            break
        for phase, each, lanes in taken:
            slots[phase, :lanes] = [free[each].pop() for _ in range(lanes)]
            absorbed[phase, :lanes] = True
    return slots, absorbed


def _as_chains(slots: npt.NDArray[np.generic], nothing: int, low: int) -> npt.NDArray[np.int64]:
    """Return `[phases, lanes]` as `[1, steps of a segment, lanes * segments]`."""
    phases, lanes = slots.shape
    length = min(1 << low, phases)
    segments = -(-phases // length)
    padded = np.full((segments * length, lanes), nothing, dtype=np.int64)
    padded[:phases] = slots
    cut = padded.reshape(segments, length, lanes).transpose(1, 2, 0)
    return cut.reshape(1, length, lanes * segments)

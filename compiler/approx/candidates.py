"""Find what signals could be replaced by: a constant, or an earlier signal or its complement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.approx.rows import Rows
from gatec.approx.stack import FIRST_SOURCE, LayerStack, Signals
from gatec.approx.statistics import (
    Counts,
    Profile,
    RowWeights,
    distances,
    profile,
    row_weights,
)

# A signal that is wrong in more of the rows than this is not a candidate. Within a drop of 0.1 % of
# accuracy the nets tried took none beyond 4 %.
_MOST_WRONG = 0.05


@dataclass(frozen=True, eq=False)
class Candidates:
    """Replacements in the order in which to make them, at most one for each signal.

    Attributes
    ----------
    signal
        `int64[n]`: what to replace.
    literal
        `int64[n]`: by what; the literal of an earlier signal, or 0 or 1.
    rows
        `int64[n]`: in how many of the rows that it was chosen on the signal then has another value.
    """

    signal: Signals
    literal: Signals
    rows: Counts

    def __len__(self) -> int:
        return len(self.signal)

    def first(self, count: int) -> Candidates:
        """Return the first of them."""
        return Candidates(self.signal[:count], self.literal[:count], self.rows[:count])


def find_candidates(stack: LayerStack, rows: Rows) -> Candidates:
    """Return the replacements for the live gates of a stack, the least harmful first.

    A gate is compared with constants, with its own inputs, and with the first signal that does the
    same in all rows or in one of several draws of them. Gates that are constant or a wire already
    are left alone, and the bits that the stack reads are only replaced where they are constant.
    """
    weights = row_weights(stack, rows)
    found = profile(stack, rows, weights)
    gates = real_gates(stack)
    best = _Best(stack.num_signals)
    sources = stack.signals(0)[stack.live[stack.signals(0)]]
    for value, wrong, cost in _constants(found, rows, weights):
        best.offer(gates, np.full(len(gates), value), wrong[gates], cost[gates])
        never = sources[wrong[sources] == 0]
        best.offer(never, np.full(len(never), value), wrong[never], cost[never])
    one, other = _pairs(stack, found, gates, rows.count)
    apart = distances(stack, rows, weights, one, other)
    best.offer(one, 2 * other, apart.rows, apart.cost)
    total = weights.all_wrong(rows.count)
    best.offer(one, 2 * other + 1, rows.count - apart.rows, total - apart.cost)
    return best.sorted(int(_MOST_WRONG * rows.count))


def real_gates(stack: LayerStack) -> Signals:
    """Return the live gates that depend on at least two inputs."""
    parts = []
    for depth in range(1, len(stack.layers) + 1):
        signals = stack.signals(depth)
        parts.append(signals[stack.live[signals] & (stack.used(depth).sum(axis=1) > 1)])
    return np.concatenate(parts)


def _constants(found: Profile, rows: Rows, weights: RowWeights) -> list[tuple[int, Counts, Counts]]:
    """Return for each constant how often, and how gravely, each signal differs from it."""
    total = weights.all_wrong(rows.count)
    return [
        (0, found.ones, found.cost_of_ones),
        (1, rows.count - found.ones, total - found.cost_of_ones),
    ]


def _pairs(stack: LayerStack, found: Profile, gates: Signals, rows: int) -> tuple[Signals, Signals]:
    """Return the pairs of gates and earlier signals to compare, each once."""
    parts = []
    for depth in range(1, len(stack.layers) + 1):
        slots = stack.used(depth) & np.isin(stack.signals(depth), gates)[:, None]
        own = np.broadcast_to(stack.signals(depth)[:, None], slots.shape)
        parts.append(np.stack([own[slots], stack.reads(depth)[slots]]))
    rare = np.minimum(found.ones, rows - found.ones) <= _MOST_WRONG * rows
    moving = np.flatnonzero(stack.live & ~rare)
    for key in found.keys.T:
        _, first, which = np.unique(key[moving], return_index=True, return_inverse=True)
        parts.append(np.stack([moving, moving[first][which]]))
    one, other = np.unique(np.concatenate(parts, axis=1), axis=1)
    # Sources come first; a gate is replaced only by what is before it.
    kept = (other < one) & (other >= FIRST_SOURCE) & np.isin(one, gates)
    return one[kept], other[kept]


class _Best:
    """The least harmful replacement of each signal so far."""

    def __init__(self, signals: int) -> None:
        self._literal = np.zeros(signals, dtype=np.int64)
        self._rows = np.zeros(signals, dtype=np.int64)
        self._cost = np.full(signals, np.iinfo(np.int64).max)

    def offer(self, signal: Signals, literal: Signals, rows: Counts, cost: Counts) -> None:
        """Take the offers that cost less; the first of equals stays."""
        order = np.lexsort((literal, cost, signal))
        fresh = np.concatenate([[True], np.diff(signal[order]) != 0])[: len(order)]
        chosen = order[fresh]
        chosen = chosen[cost[chosen] < self._cost[signal[chosen]]]
        self._literal[signal[chosen]] = literal[chosen]
        self._rows[signal[chosen]] = rows[chosen]
        self._cost[signal[chosen]] = cost[chosen]

    def sorted(self, most_rows: int) -> Candidates:
        """Return all that differ in at most `most_rows` rows, the least harmful first."""
        found = np.flatnonzero((self._cost < np.iinfo(np.int64).max) & (self._rows <= most_rows))
        chosen = found[np.argsort(self._cost[found], kind="stable")]
        return Candidates(chosen, self._literal[chosen], self._rows[chosen])

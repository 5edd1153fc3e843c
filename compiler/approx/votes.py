"""Which gates of the last layer a class sum can do without.

A class sum is linear, so what a vote is worth can be computed: dropping gate `g` of class `c`, and
adding its mean to the class instead, changes the cross-entropy of softmax(scores / tau) to second
order by mean(-(p_c - y_c) b + p_c (1 - p_c) b^2 / (2 tau)) / tau, where `b` is the gate's output
less its mean, `p` the probabilities and `y` the labels (optimal brain damage, LeCun et al. 1990).
The cheapest votes go first, some at a time; after each step the biases are fitted again. What a
class gets in place of its votes is a number of constant ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.approx.rows import Rows
from gatec.approx.stack import Flags, LayerStack
from gatec.bits import unpack
from gatec.blocks import GroupSum

Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

# A step drops a 48th of all votes; the path ends where a quarter is left.
_STEPS = 48
_LEAST_LEFT = 0.25
_BIAS_STEPS = 8
# The path is computed on so many of the rows: enough for means of thousands of votes.
_MOST_ROWS = 12_288


@dataclass(frozen=True, eq=False)
class Votes:
    """Which votes are left, and what stands for the others.

    Attributes
    ----------
    alive
        `bool[votes]`.
    ones
        `int64[classes]`: how many of the dropped votes of a class become constant 1.
    """

    alive: Flags
    ones: npt.NDArray[np.int64]

    def literals(self, head: GroupSum, first: int) -> npt.NDArray[np.int64]:
        """Return the literal of each vote, whose signals start at `first`."""
        dropped = (~self.alive).reshape(head.classes, head.group)
        number = np.cumsum(dropped, axis=1)
        constant = (number <= self.ones[:, None]).reshape(-1).astype(np.int64)
        own = 2 * np.arange(first, first + head.in_width)
        return np.where(self.alive, own, constant)


def vote_path(stack: LayerStack, rows: Rows, labels: Labels) -> list[Votes]:
    """Return ever fewer votes, from all of them on, as `rows` with their `labels` choose."""
    head = stack.model.group_sum
    assert head is not None
    votes = _Bits(stack, rows, head)
    labels = labels[: votes.rows]
    tau = _fit_tau(votes, labels)
    mean = np.concatenate([votes.of_class(c).mean(axis=0) for c in range(head.classes)])
    state = Votes(np.ones(head.in_width, dtype=np.bool_), np.zeros(head.classes, dtype=np.int64))
    path, step = [state], max(1, head.in_width // _STEPS)
    sums = votes.sums(state.alive)
    while state.alive.sum() - step >= _LEAST_LEFT * head.in_width:
        scores = sums + state.ones[:, None].astype(np.float32)
        cost = np.where(state.alive, _costs(votes, scores, labels, mean, tau), np.inf)
        alive = state.alive.copy()
        alive[np.argsort(cost, kind="stable")[:step]] = False
        sums = votes.sums(alive)
        state = _with_bias(head, alive, sums, labels, mean=mean, tau=tau)
        path.append(state)
    return path


class _Bits:
    """The votes' outputs on rows, packed.

    Attributes
    ----------
    rows
        Number of rows.
    head
        The class sums.
    """

    def __init__(self, stack: LayerStack, rows: Rows, head: GroupSum) -> None:
        self.rows = min(rows.count, _MOST_ROWS)
        self.head = head
        parts = []
        for part, words, count in rows.batches():
            if part.start * 64 < self.rows:
                parts.append(stack.model.bit_values(words, count)[stack.layers[-1].name])
        self._words = np.concatenate(parts, axis=1)

    def of_class(self, number: int) -> Matrix:
        """Return the outputs of a class' votes, `[rows, group]`."""
        first = number * self.head.group
        bits = unpack(self._words[first : first + self.head.group], self.rows)
        return bits.astype(np.float32)

    def sums(self, alive: Flags) -> Matrix:
        """Return the class sums of the votes that are left, `[classes, rows]`."""
        left = alive.reshape(self.head.classes, -1).astype(np.float32)
        return np.stack([self.of_class(c) @ left[c] for c in range(self.head.classes)])


def _softmax(scores: Matrix, tau: float) -> Matrix:
    powers = np.exp((scores - scores.max(axis=0)) / np.float32(tau))
    return powers / powers.sum(axis=0)


def _fit_tau(votes: _Bits, labels: Labels) -> float:
    """Return the temperature, of some, with the least cross-entropy."""
    scores = votes.sums(np.ones(votes.head.in_width, dtype=np.bool_))
    known = np.arange(votes.rows)
    best = [
        (-float(np.log(_softmax(scores, tau)[labels, known] + 1e-12).mean()), tau)
        for tau in 2.0 ** np.arange(-2, 9, 0.5)
    ]
    return min(best)[1]


def _costs(
    votes: _Bits, scores: Matrix, labels: Labels, mean: Matrix, tau: float
) -> npt.NDArray[np.float64]:
    """Return what dropping each vote costs, `[votes]`; see the top of the file."""
    head, known = votes.head, _softmax(scores, tau)
    slope = known.copy()
    slope[labels, np.arange(votes.rows)] -= 1
    bend = known * (1 - known)
    costs = []
    for c, centre in enumerate(np.split(mean, head.classes)):
        along, across = np.stack([slope[c], bend[c]]) @ votes.of_class(c)
        # A bit is its own square, so (b - m)^2 = (1 - 2m) b + m^2.
        along = along - centre * slope[c].sum()
        across = (1 - 2 * centre) * across + centre**2 * bend[c].sum()
        costs.append((across / (2 * tau) - along) / (tau * votes.rows))
    return np.concatenate(costs).astype(np.float64)


def _with_bias(
    head: GroupSum, alive: Flags, sums: Matrix, labels: Labels, *, mean: Matrix, tau: float
) -> Votes:
    """Return the votes with the numbers of constant ones that suit the rows best (Newton)."""
    dropped = (~alive).reshape(head.classes, head.group)
    ones = np.where(dropped, mean.reshape(dropped.shape), 0).sum(axis=1)
    share = np.bincount(labels, minlength=head.classes) / len(labels)
    for _ in range(_BIAS_STEPS):
        known = _softmax(sums + ones[:, None].astype(np.float32), tau)
        slope = known.mean(axis=1) - share
        bend = (known * (1 - known)).mean(axis=1) + 1e-6
        ones = ones - 0.5 * np.clip(slope / bend, -1, 1) * tau
    return Votes(alive, np.clip(np.rint(ones), 0, dropped.sum(axis=1)).astype(np.int64))

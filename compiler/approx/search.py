"""Give up as much of a net as a budget of accuracy on held-out rows allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gatec.approx.candidates import Candidates, find_candidates
from gatec.approx.rewrite import replaced, resolved
from gatec.approx.rows import Judge, Split
from gatec.approx.stack import LayerStack, Signals
from gatec.approx.votes import Votes, vote_path
from gatec.model import ModelGraph

# Votes may take this share of the budget, merges the rest. On the nets tried, votes gain far more
# and hardly touch the budget until they fall off a cliff.
_VOTES_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Approximation:
    """An approximated model, and what was given up for it.

    Attributes
    ----------
    model
        The specification from now on.
    stack
        The trained layers.
    literal
        `int64[signals]`: what each signal of the stack has become (`replaced`).
    sorted_votes
        Whether constant votes were sorted behind the others.
    dropped_votes
        How many gates of the last layer became constant as votes.
    merges
        The other replacements that something still reads.
    accuracy
        Share of rows that are right, `(before, after)`, by `fit` and `held_out`.
    by_labels
        Whether right is the label, or else what the trained net says.
    """

    model: ModelGraph
    stack: LayerStack
    literal: Signals
    sorted_votes: bool
    dropped_votes: int
    merges: Candidates
    accuracy: dict[str, tuple[float, float]]
    by_labels: bool


def approximate(
    model: ModelGraph, split: Split, max_drop: float, *, drop_votes: bool
) -> Approximation:
    """Return the smallest model found that is within `max_drop` of the trained one's accuracy.

    Parameters
    ----------
    split
        Candidates come from its fit rows; the budget is of its held-out rows.
    max_drop
        Share of the held-out rows, such as 0.001.
    drop_votes
        Also drop gates of the last layer that the class sums can do without. Scores are then
        others; only their order is kept.
    """
    stack = LayerStack.of(model)
    judge = Judge(model, split.held_out, split.held_out_labels)
    literal = 2 * np.arange(stack.num_signals)
    last = stack.signals(len(stack.layers))
    votes: Votes | None = None
    head = model.group_sum
    drop_votes = drop_votes and head is not None and head.classes > 1
    if drop_votes:
        votes = _fewest_votes(stack, split, judge, judge.least(_VOTES_SHARE * max_drop))
        assert head is not None
        literal[last] = votes.literals(head, int(last[0]))
    fewer = LayerStack.of(replaced(stack, literal))
    candidates = find_candidates(fewer, split.fit)

    def merged(count: int) -> Signals:
        chosen = literal.copy()
        chosen[candidates.signal[:count]] = candidates.literal[:count]
        return chosen

    least = judge.least(max_drop)
    taken = _most(len(candidates), lambda n: judge(replaced(stack, merged(n))) >= least)
    merges = _still_read(stack, merged(taken), candidates.first(taken))
    literal[merges.signal] = merges.literal
    result = replaced(stack, literal, sort_votes=drop_votes)
    fit = Judge(model, split.fit, split.fit_labels)
    return Approximation(
        result,
        stack,
        literal,
        drop_votes,
        0 if votes is None else int((~votes.alive).sum()),
        merges,
        {"fit": _shares(fit, result), "held_out": _shares(judge, result)},
        judge.by_labels,
    )


def _shares(judge: Judge, model: ModelGraph) -> tuple[float, float]:
    return judge.share(judge.trained), judge.share(judge(model))


def _fewest_votes(stack: LayerStack, split: Split, judge: Judge, least: int) -> Votes:
    """Return the fewest votes on the path that get `least` rows right."""
    labels = split.fit_labels
    if labels is None:
        parts = [stack.model.evaluate(words, n).classes for _, words, n in split.fit.batches()]
        labels = np.concatenate([part for part in parts if part is not None])
    path = vote_path(stack, split.fit, labels)
    head, last = stack.model.group_sum, stack.signals(len(stack.layers))
    assert head is not None

    def fits(step: int) -> bool:
        literal = 2 * np.arange(stack.num_signals)
        literal[last] = path[step].literals(head, int(last[0]))
        return judge(replaced(stack, literal)) >= least

    return path[_most(len(path) - 1, fits)]


def _most(count: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number up to `count` that fits, by bisection; 0 always does."""
    low, high = 0, count + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _still_read(stack: LayerStack, literal: Signals, merges: Candidates) -> Candidates:
    """Return the merges of signals that something still reads after all of them."""
    target = resolved(literal)
    needed = np.zeros(stack.num_signals, dtype=np.bool_)
    needed[stack.signals(len(stack.layers))] = True
    for depth in range(len(stack.layers), 0, -1):
        own = stack.signals(depth)
        needed[target[own[needed[own]]] >> 1] = True
        kept = needed[own] & (target[own] == 2 * own)
        needed[stack.reads(depth)[kept[:, None] & stack.used(depth)]] = True
    read = merges.signal[needed[merges.signal]]
    return Candidates(read, target[read], merges.rows[needed[merges.signal]])

"""Threshold functions of up to six inputs, exactly: which they are, and their smallest weights.

f is a threshold function when there are weights with f(x) = 1 exactly where the sum of the weights
of the inputs that are 1 reaches a threshold. It is then unate; with all inputs positive and sorted
by their Chow parameters (how often each is 1 together with f) it has weights in descending order,
and inputs with equal parameters are interchangeable (Chow 1961, Muroga 1971). So a table of all
positive functions with descending weights decides. Weights up to 9 suffice for six inputs: the
table's functions, with all permutations and complements of inputs, number 15,028,134, which is how
many threshold functions of six variables there are (OEIS A000609).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement

import numpy as np

from gatec.tables import MAX_FANIN, VARIABLE, Tables, cofactor, depends, flip

_MAX_WEIGHT = 9


@dataclass(frozen=True)
class Threshold:
    """Weights of a threshold function.

    Attributes
    ----------
    weights
        Of each slot; 0 where the function does not depend on it, negative where it falls with it.
    threshold
        The function is 1 where the sum of the weights of the inputs that are 1 reaches it.
    """

    weights: tuple[int, ...]
    threshold: int

    @property
    def weight_sum(self) -> int:
        """Sum of the weights without their signs: what a cell of threshold logic is sized by."""
        return sum(abs(weight) for weight in self.weights)


@cache
def positive_functions() -> dict[int, tuple[tuple[int, ...], int]]:
    """Return, by expanded table, weights and threshold of every threshold function of six inputs
    with descending weights that are not negative, constants left out.

    Of several weights those of the least sum, then the first.
    """
    vectors = np.array(
        [row[::-1] for row in combinations_with_replacement(range(_MAX_WEIGHT + 1), MAX_FANIN)]
    )
    order = np.lexsort((*vectors.T[::-1], vectors.sum(axis=1)))
    vectors = vectors[order]
    address = np.arange(64)
    ones = (address[:, None] >> np.arange(MAX_FANIN)) & 1
    sums = vectors @ ones.T
    powers = np.left_shift(np.uint64(1), address.astype(np.uint64))
    found: dict[int, tuple[tuple[int, ...], int]] = {}
    best: dict[int, int] = {}
    for threshold in range(1, _MAX_WEIGHT * MAX_FANIN + 1):
        reached = sums >= threshold
        tables = (reached * powers).sum(axis=1, dtype=np.uint64)
        rows = np.flatnonzero(reached.any(axis=1))
        kept, first = np.unique(tables[rows], return_index=True)
        for table, at in zip(kept.tolist(), rows[first].tolist(), strict=True):
            total = int(vectors[at].sum())
            if table not in best or total < best[table]:
                best[table] = total
                found[table] = (tuple(vectors[at].tolist()), threshold)
    return found


def find_threshold(table: int) -> Threshold | None:
    """Return the weights of an expanded table; None when it is no threshold function.

    Constants are none: they have no inputs to weigh.
    """
    tables: Tables = np.array([table], dtype=np.uint64)
    negative = []
    for slot in range(MAX_FANIN):
        if not depends(tables, slot)[0]:
            continue
        low, high = cofactor(tables, slot, 0), cofactor(tables, slot, 1)
        falls, rises = (low & ~high)[0] != 0, (high & ~low)[0] != 0
        if falls and rises:
            return None
        if falls:
            negative.append(slot)
            tables = flip(tables, slot)
    chow = [_ones(tables & VARIABLE[slot]) for slot in range(MAX_FANIN)]
    order = sorted(range(MAX_FANIN), key=lambda slot: (-chow[slot], slot))
    known = positive_functions().get(_permuted(int(tables[0]), order))
    if known is None:
        return None
    weights = [0] * MAX_FANIN
    threshold = known[1]
    for slot, weight in zip(order, known[0], strict=True):
        weights[slot] = -weight if slot in negative else weight
        threshold -= weight if slot in negative else 0
    return Threshold(tuple(weights), threshold)


def _ones(tables: Tables) -> int:
    return int(np.bitwise_count(tables)[0])


def _permuted(table: int, order: list[int]) -> int:
    """Return the table whose slot j is slot `order[j]` of the given one."""
    address = np.arange(64)
    source = np.zeros(64, dtype=np.int64)
    for j, slot in enumerate(order):
        source |= (address >> j & 1) << slot
    bits = (np.uint64(table) >> source.astype(np.uint64)) & np.uint64(1)
    powers = np.left_shift(np.uint64(1), address.astype(np.uint64))
    return int((bits * powers).sum(dtype=np.uint64))


def weighted_table(weights: Sequence[int], threshold: int) -> int:
    """Return the expanded table of a threshold function: slot j has the j-th weight."""
    address = np.arange(64)
    ones = (address[:, None] >> np.arange(len(weights))) & 1
    reached = ones @ np.array(weights, dtype=np.int64) >= threshold
    powers = np.left_shift(np.uint64(1), address.astype(np.uint64))
    return int((reached * powers).sum(dtype=np.uint64))

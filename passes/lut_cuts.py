"""Priority cuts: the kernels of the LUT mapper that find them.

A *cut* of a gate is a set of at most K nets, its leaves, such that every path from the sources to
the gate passes one of them: one LUT can compute the gate from them. Each gate keeps its few best
cuts, made by merging those of its fan-in (A. Mishchenko, S. Cho, S. Chatterjee, R. Brayton,
"Combinational and sequential mapping with priority cuts", ICCAD 2007).

Arrays that the kernels share:

- `leaves` `int32[gates, cuts, K]`, ascending, `sizes` `int8[gates, cuts]`: the cuts of each gate,
  best first; a size of 0 ends the list. Cut 0 is the one that the mapping uses.
- `level` `int32[nets]`: LUTs on the longest path; `flow` `float32[nets]`: the LUTs that a net
  costs, shared among its readers; `readers` `float32[nets]`: how many these are expected to be.
- `required` `int32[nets]`: the latest level that a net may have.
"""

# ruff: noqa: PLR0917, PLR0912  compiled code has no keywords, and its loops are not split

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.synth.jit import kernel

Sizes = npt.NDArray[np.int8]
Costs = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

DEPTH, AREA = 0, 1
# Below this two sums of shares are equal.
_EPSILON = np.float32(0.001)
# Cuts of the first fan-ins that are kept while those of a third or later one are merged with them.
_PARTIAL = 32


@kernel
def _union(a: IntArray, size_a: int, b: IntArray, size_b: int, out: IntArray, k: int) -> int:
    """Write the union of two ascending leaf lists; return its size, or k + 1 if larger than k."""
    i = j = n = 0
    while i < size_a or j < size_b:
        if n == k:
            return k + 1
        if j == size_b or (i < size_a and a[i] < b[j]):
            out[n] = a[i]
            i += 1
        else:
            if i < size_a and a[i] == b[j]:
                i += 1
            out[n] = b[j]
            j += 1
        n += 1
    return n


@kernel
def _within(a: IntArray, size_a: int, b: IntArray, size_b: int) -> bool:
    """Return whether all of ascending list `a` is in `b`."""
    j = 0
    for i in range(size_a):
        while j < size_b and b[j] < a[i]:
            j += 1
        if j == size_b or b[j] != a[i]:
            return False
    return True


@kernel
def _better(mode: int, one: tuple[int, float, int], other: tuple[int, float, int]) -> bool:
    """Return whether a cut of one level, flow and size comes before another."""
    if mode == DEPTH and one[0] != other[0]:
        return one[0] < other[0]
    if abs(one[1] - other[1]) > _EPSILON:
        return one[1] < other[1]
    if one[2] != other[2]:
        return one[2] < other[2]
    return one[0] < other[0]


@kernel
def _insert(
    mode: int,
    new: IntArray,
    size: int,
    high: int,
    cost: float,
    best: IntArray,
    best_size: Numbers,
    best_level: Numbers,
    best_flow: Costs,
    count: int,
) -> int:
    """Insert a cut in order unless another lies within it; drop those that it lies within.

    Returns how many there are now. The arrays have room for one more than are kept.
    """
    for c in range(count):
        if best_size[c] <= size and _within(best[c], best_size[c], new, size):
            return count
    kept = 0
    for c in range(count):
        if best_size[c] < size or not _within(new, size, best[c], best_size[c]):
            if kept < c:
                best[kept], best_size[kept] = best[c], best_size[c]
                best_level[kept], best_flow[kept] = best_level[c], best_flow[c]
            kept += 1
    at = kept
    while at > 0 and _better(
        mode, (high, cost, size), (best_level[at - 1], best_flow[at - 1], best_size[at - 1])
    ):
        best[at], best_size[at] = best[at - 1], best_size[at - 1]
        best_level[at], best_flow[at] = best_level[at - 1], best_flow[at - 1]
        at -= 1
    best[at], best_size[at], best_level[at], best_flow[at] = new, size, high, cost
    return min(kept + 1, len(best) - 1)


@kernel
def _cost(leaves: IntArray, size: int, level: IntArray, flow: Costs) -> tuple[int, float]:
    """Return the level and the flow of a LUT over leaves."""
    high, cost = 0, np.float32(1.0)
    for i in range(size):
        high = max(high, level[leaves[i]])
        cost += flow[leaves[i]]
    return high + 1, float(cost)


@kernel
def find_cuts(
    fanin: IntArray,
    arity: Sizes,
    first_gate: int,
    barrier: npt.NDArray[np.bool_],
    mode: int,
    leaves: IntArray,
    sizes: Sizes,
    level: IntArray,
    flow: Costs,
    readers: Costs,
    required: IntArray,
) -> None:
    """Make the cuts of all gates anew, in topological order, best first.

    No cut reaches through a net that is a `barrier`. With `mode` `DEPTH` the lowest level is best
    and then the least flow; with `AREA` the least flow among those that are in time.
    """
    gates, keep, k = leaves.shape
    partial, partial_size = np.empty((2, _PARTIAL, k), np.int32), np.zeros((2, _PARTIAL), np.int64)
    best, best_size = np.zeros((keep + 1, k), np.int32), np.zeros(keep + 1, np.int64)
    best_level, best_flow = np.zeros(keep + 1, np.int64), np.zeros(keep + 1, np.float32)
    new, single = np.zeros(k, np.int32), np.empty(1, np.int32)
    for gate in range(gates):
        count = 0
        # The cut in use stays a candidate: it is in time.
        if mode == AREA:
            best[0], best_size[0] = leaves[gate, 0], sizes[gate, 0]
            best_level[0], best_flow[0] = _cost(best[0], best_size[0], level, flow)
            count = 1
        side, pooled = 0, 1
        partial_size[0, 0] = 0
        for slot in range(arity[gate]):
            last = slot == arity[gate] - 1
            inner = fanin[gate, slot] - first_gate
            single[0] = fanin[gate, slot]
            choices = 1
            if inner >= 0 and not barrier[single[0]]:
                while choices <= keep and sizes[inner, choices - 1] > 0:
                    choices += 1
            made = 0
            for p in range(pooled):
                base, base_size = partial[side, p], partial_size[side, p]
                for c in range(choices):
                    if c == 0:
                        size = _union(base, base_size, single, 1, new, k)
                    else:
                        size = _union(
                            base, base_size, leaves[inner, c - 1], sizes[inner, c - 1], new, k
                        )
                    if size > k:
                        continue
                    if not last:
                        if made < _PARTIAL:
                            partial[1 - side, made], partial_size[1 - side, made] = new, size
                            made += 1
                        continue
                    high, cost = _cost(new, size, level, flow)
                    if mode == AREA and high > required[first_gate + gate]:
                        continue
                    if count < keep or _better(
                        mode,
                        (high, cost, size),
                        (best_level[count - 1], best_flow[count - 1], best_size[count - 1]),
                    ):
                        count = _insert(
                            mode, new, size, high, cost, best, best_size, best_level, best_flow,
                            count,
                        )  # fmt: skip
            side, pooled = 1 - side, made
        sizes[gate] = 0
        for c in range(count):
            leaves[gate, c], sizes[gate, c] = best[c], best_size[c]
        level[first_gate + gate] = best_level[0]
        flow[first_gate + gate] = best_flow[0] / max(readers[first_gate + gate], np.float32(1.0))

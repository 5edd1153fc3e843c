"""Which cuts the mapping uses: counting, timing, recovery of area, and the tables of its LUTs.

The arrays are those of `gatec.passes.lut_cuts`. A gate is *in use* when a root or the first cut of
a gate in use reads it; `uses` `int32[nets]` counts how often.
"""

# ruff: noqa: PLR0917  compiled code has no keywords, and its loops are not split

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.tables import VARIABLE, Tables

Sizes = npt.NDArray[np.int8]
Trail = npt.NDArray[np.int64]

# Nets that are looked through to count what a cut brings into use. Where gates share their inputs
# it is a handful; a tree would else be walked again from every gate.
_TRAIL = 256
_VARIABLE = VARIABLE.copy()


@kernel
def count_uses(
    first_gate: int, leaves: IntArray, sizes: Sizes, roots: IntArray, uses: IntArray
) -> int:
    """Count the readers of each net into `uses`; return the number of LUTs."""
    uses[:] = 0
    for root in roots:
        uses[root] += 1
    luts = 0
    for gate in range(len(leaves) - 1, -1, -1):
        if uses[first_gate + gate]:
            luts += 1
            for i in range(sizes[gate, 0]):
                uses[leaves[gate, 0, i]] += 1
    return luts


@kernel
def require_levels(
    first_gate: int, leaves: IntArray, sizes: Sizes, uses: IntArray, required: IntArray
) -> None:
    """Lower `required`, which holds the latest levels of the roots, for all that is in use."""
    for gate in range(len(leaves) - 1, -1, -1):
        if uses[first_gate + gate]:
            for i in range(sizes[gate, 0]):
                net = leaves[gate, 0, i]
                required[net] = min(required[net], required[first_gate + gate] - 1)


@kernel
def _walk(
    first_gate: int,
    leaves: IntArray,
    sizes: Sizes,
    uses: IntArray,
    gate: int,
    cut: int,
    step: int,
    trail: Trail,
) -> tuple[int, int]:
    """Add `step` to the uses of a cut's leaves, and on through the LUTs that this brings in or out.

    Returns how many LUTs these are, the cut's own included, and how many nets are in `trail`: all
    whose uses changed, once for each time. It ends early where the trail is full.
    """
    turn = 1 if step > 0 else 0
    luts, count, done = 1, 0, 0
    for i in range(sizes[gate, cut]):
        trail[count] = leaves[gate, cut, i]
        count += 1
    while done < count:
        net = trail[done]
        done += 1
        uses[net] += step
        if uses[net] == turn and net >= first_gate:
            inner = net - first_gate
            luts += 1
            if count + sizes[inner, 0] <= _TRAIL:
                for i in range(sizes[inner, 0]):
                    trail[count] = leaves[inner, 0, i]
                    count += 1
    return luts, count


@kernel
def recover_area(
    first_gate: int,
    leaves: IntArray,
    sizes: Sizes,
    uses: IntArray,
    level: IntArray,
    required: IntArray,
) -> None:
    """Choose for each gate, in order, the cut that brings the fewest LUTs into use, in time."""
    gates, keep, k = leaves.shape
    given, tried = np.empty(_TRAIL, np.int64), np.empty(_TRAIL, np.int64)
    held = np.empty(k, np.int32)
    for gate in range(gates):
        net = first_gate + gate
        used = uses[net] > 0
        dropped = 0
        if used:
            dropped = _walk(first_gate, leaves, sizes, uses, gate, 0, -1, given)[1]
        chosen, fewest, soonest = -1, 0, 0
        for cut in range(keep):
            if sizes[gate, cut] == 0:
                break
            high = 0
            for i in range(sizes[gate, cut]):
                high = max(high, level[leaves[gate, cut, i]])
            high += 1
            # Cut 0 is in time where it counts.
            if cut and high > required[net]:
                continue
            luts, count = _walk(first_gate, leaves, sizes, uses, gate, cut, 1, tried)
            for i in range(count):
                uses[tried[i]] -= 1
            if chosen < 0 or luts < fewest or (luts == fewest and high < soonest):
                chosen, fewest, soonest = cut, luts, high
        level[net] = soonest
        if chosen > 0:
            held[:] = leaves[gate, 0]
            leaves[gate, 0] = leaves[gate, chosen]
            leaves[gate, chosen] = held
            sizes[gate, 0], sizes[gate, chosen] = sizes[gate, chosen], sizes[gate, 0]
            if used:
                _walk(first_gate, leaves, sizes, uses, gate, 0, 1, tried)
        else:
            for i in range(dropped):
                uses[given[i]] += 1


@kernel
def cut_tables(
    fanin: IntArray,
    tables: Tables,
    arity: Sizes,
    first_gate: int,
    leaves: IntArray,
    sizes: Sizes,
    chosen: Trail,
    result: Tables,
) -> None:
    """Write the table of each chosen gate over its first cut, slot j being leaf j."""
    zero, ones = np.uint64(0), ~np.uint64(0)
    place = np.full(first_gate + len(tables), -1, np.int32)
    cone, words = np.empty(64, np.int64), np.empty(64, np.uint64)
    rows = np.empty(64, np.uint64)
    for row in range(len(chosen)):
        root = chosen[row]
        # Leaves are marked below -1 and then the cone's gates as they are found.
        for i in range(sizes[root, 0]):
            place[leaves[root, 0, i]] = -2 - i
        cone[0] = root
        count, done = 1, 0
        while done < count:
            gate = cone[done]
            done += 1
            if count + arity[gate] > len(cone):
                cone = np.concatenate((cone, np.empty(len(cone), np.int64)))
                words = np.empty(len(cone), np.uint64)
            for slot in range(arity[gate]):
                net = fanin[gate, slot]
                if place[net] == -1 and net >= first_gate:
                    place[net] = 0
                    cone[count] = net - first_gate
                    count += 1
        cone[:count].sort()
        for i in range(count):
            gate = cone[i]
            place[first_gate + gate] = i
            for address in range(1 << arity[gate]):
                rows[address] = ones if tables[gate] >> np.uint64(address) & np.uint64(1) else zero
            for slot in range(arity[gate] - 1, -1, -1):
                at = place[fanin[gate, slot]]
                value = words[at] if at >= 0 else _VARIABLE[-2 - at]
                for address in range(1 << slot):
                    low = rows[address]
                    rows[address] = low ^ ((low ^ rows[address + (1 << slot)]) & value)
            words[i] = rows[0]
        result[row] = words[count - 1]
        for i in range(count):
            place[first_gate + cone[i]] = -1
        for i in range(sizes[root, 0]):
            place[leaves[root, 0, i]] = -1

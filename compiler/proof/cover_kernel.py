"""The kernel of `gatec.proof.cover`: compare each gate with a cone of another netlist."""

# ruff: noqa: PLR0917  compiled code has no keywords

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.tables import VARIABLE, Tables

Flags = npt.NDArray[np.bool_]

# All cones together may have so many times the gates of both circuits: it bounds what wrong claims
# cost. A mapper's cones rarely have a dozen gates; but of a circuit with no more inputs than a
# look-up table, each is all that is in front of it.
MAX_WORK = 1024
_OUTSIDE = -1
_VARIABLE = VARIABLE.copy()


@kernel
def _word(table: np.uint64, reads: Tables, slots: int, rows: Tables) -> np.uint64:
    """Return the 64 outputs of a table for the 64 values that each slot has in `reads`."""
    ones, zero, one = ~np.uint64(0), np.uint64(0), np.uint64(1)
    for address in range(1 << slots):
        rows[address] = ones if table >> np.uint64(address) & one else zero
    for slot in range(slots - 1, -1, -1):
        for address in range(1 << slot):
            low, high = rows[address], rows[address + (1 << slot)]
            rows[address] = low ^ ((low ^ high) & reads[slot])
    return rows[0]


@kernel
def _collect(
    root: int,
    fanin: IntArray,
    slots: IntArray,
    first_gate: int,
    place: IntArray,
    cone: IntArray,
    most: int,
) -> tuple[int, bool]:
    """List the gates from net `root` back to nets with a `place`, in topological order.

    Returns how many were listed, and whether these are all: not where a path ends at an input
    instead, or there are more than `most`. If so, all nets that are listed have a place afterwards.
    """
    if place[root] != _OUTSIDE:
        return 0, True
    count, done = 0, 0
    if root < first_gate or most == 0:
        return 0, False
    place[root] = 0
    cone[0] = root
    count = 1
    closed = True
    while done < count:
        gate = cone[done] - first_gate
        done += 1
        for slot in range(slots[gate]):
            net = fanin[gate, slot]
            if place[net] != _OUTSIDE:
                continue
            if net < first_gate or count == most:
                closed = False
                continue
            place[net] = 0
            cone[count] = net
            count += 1
    # A net is larger than all that its gate reads.
    cone[:count].sort()
    if not closed:
        for i in range(count):
            place[cone[i]] = _OUTSIDE
    return count, closed


@kernel
def check_cones(
    fanin: IntArray,
    tables: Tables,
    claims: IntArray,
    fine_fanin: IntArray,
    fine_tables: Tables,
    fine_slots: IntArray,
    first_gate: int,
    proved: Flags,
) -> None:
    """Enter into `proved`, which is true for sources, which nets compute what is claimed of them.

    Net `n` is said to compute net `claims[n]` of the other circuit, the `fine` one. All that a gate
    reads are leaves, also what its table does not depend on: a mapper's cut may have such. Of the
    fine gates, slots from `fine_slots[gate]` on are not looked at.
    """
    place = np.full(first_gate + len(fine_tables), _OUTSIDE, np.int32)
    cone = np.empty(len(fine_tables), np.int32)
    left = MAX_WORK * (len(tables) + len(fine_tables))
    reads, rows = np.empty(6, np.uint64), np.empty(64, np.uint64)
    # What a net with a place holds: constants at 0 and 1, then the leaves, then the cone.
    values = np.empty(8 + len(fine_tables), np.uint64)
    values[0], values[1] = np.uint64(0), ~np.uint64(0)
    place[0], place[1] = 0, 1
    slots = fanin.shape[1]
    for gate in range(len(tables)):
        known = True
        leaves = 2
        for slot in range(slots):
            net = fanin[gate, slot]
            known = known and proved[net]
            leaf = claims[net]
            if place[leaf] == _OUTSIDE:
                place[leaf] = leaves
                values[leaves] = _VARIABLE[leaves - 2]
                leaves += 1
            reads[slot] = values[place[leaf]]
        root = claims[first_gate + gate]
        count, closed = 0, False
        if known:
            count, closed = _collect(
                root, fine_fanin, fine_slots, first_gate, place, cone, min(left, len(cone))
            )
            left -= count
        if closed:
            wanted = _word(tables[gate], reads, slots, rows)
            for i in range(count):
                inner = cone[i] - first_gate
                for slot in range(fine_slots[inner]):
                    reads[slot] = values[place[fine_fanin[inner, slot]]]
                value = _word(fine_tables[inner], reads, fine_slots[inner], rows)
                place[cone[i]] = leaves + i
                values[leaves + i] = value
            proved[first_gate + gate] = values[place[root]] == wanted
            for i in range(count):
                place[cone[i]] = _OUTSIDE
        for slot in range(slots):
            leaf = claims[fanin[gate, slot]]
            if leaf > 1:
                place[leaf] = _OUTSIDE

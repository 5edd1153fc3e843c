"""Merge gates that compute the same, up to the order of inputs and a complement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.passes.sweep import Literals, sweep
from gatec.rewire import sort_by_level
from gatec.tables import Tables, swap


def merge(net: Netlist) -> Netlist:
    """Return the netlist in which no two gates have the same inputs and table or its complement.

    The first of equal gates stays. Duplicates have the same level, so after sorting by level each
    block of the sweep holds all of its gates' duplicates.
    """
    return sweep(sort_by_level(net), _rule)


def _rule(fanin: IntArray, tables: Tables, own: Literals) -> tuple[IntArray, Tables, Literals]:
    nets, key = _sort_slots(fanin, tables)
    inverted = (key & np.uint64(1)).astype(np.int32)
    key = np.where(inverted, ~key, key)
    first = _first_equal([key, *_packed(nets)])
    return fanin, tables, own[first] + (inverted ^ inverted[first])


def _sort_slots(fanin: IntArray, tables: Tables) -> tuple[IntArray, Tables]:
    """Return the gates with their slots sorted by net."""
    fanin, tables = fanin.copy(), tables.copy()
    for end in range(fanin.shape[1] - 1, 0, -1):
        for slot in range(end):
            rows = np.flatnonzero(fanin[:, slot] > fanin[:, slot + 1])
            if len(rows):
                tables[rows] = swap(tables[rows], slot, slot + 1)
                fanin[rows, slot : slot + 2] = fanin[rows, slot : slot + 2][:, ::-1]
    return fanin, tables


def _packed(nets: IntArray) -> list[npt.NDArray[np.uint64]]:
    """Return the columns, two to a word: fewer keys to sort by."""
    wide = nets.astype(np.uint64)
    pairs = [wide[:, slot : slot + 2] for slot in range(0, nets.shape[1], 2)]
    return [
        pair[:, 0] << np.uint64(32) | pair[:, 1] if pair.shape[1] == 2 else pair[:, 0]
        for pair in pairs
    ]


def _first_equal(keys: list[npt.NDArray[np.uint64]]) -> npt.NDArray[np.intp]:
    """Return for each row the first row with the same keys."""
    order = np.lexsort(keys)
    fresh = np.zeros(len(order), dtype=np.bool_)
    fresh[:1] = True
    for key in keys:
        fresh[1:] |= key[order[1:]] != key[order[:-1]]
    group = np.cumsum(fresh) - 1
    first = np.empty_like(order)
    first[order] = order[fresh][group]
    return first

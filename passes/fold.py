"""Fold constants, and drop the inputs that a gate does not need."""

from __future__ import annotations

import numpy as np

from gatec.blocks import IntArray
from gatec.netlist import CONST0_NET, Netlist
from gatec.passes.sweep import CONST0, CONST1, Literals, sweep
from gatec.tables import VARIABLE, Tables, cofactor, depends, swap


def fold(net: Netlist) -> Netlist:
    """Return the netlist in which no gate is constant, reads one, or reads a net twice or in vain.

    The slots that remain are the first ones, in their old order. Gates that became buffers or
    inverters stay (`absorb` takes them).
    """
    return sweep(net, _rule)


def _rule(fanin: IntArray, tables: Tables, own: Literals) -> tuple[IntArray, Tables, Literals]:
    tables = _join_equal_slots(fanin, _fix_constants(fanin, tables))
    fanin, tables = _drop_unread_slots(fanin, tables)
    becomes = np.where(tables == 0, CONST0, own)
    return fanin, tables, np.where(~tables == 0, CONST1, becomes).astype(np.int32)


def _fix_constants(fanin: IntArray, tables: Tables) -> Tables:
    """Return the tables with the slots on constant 0 (the sweep's only constant) fixed."""
    for slot in range(fanin.shape[1]):
        tables = np.where(fanin[:, slot] == CONST0_NET, cofactor(tables, slot, 0), tables)
    return tables


def _join_equal_slots(fanin: IntArray, tables: Tables) -> Tables:
    """Return the tables with the later of two slots on one net no longer read."""
    for later in range(1, fanin.shape[1]):
        for slot in range(later):
            rows = np.flatnonzero((fanin[:, slot] == fanin[:, later]) & (fanin[:, slot] != 0))
            if len(rows):
                both, mask = tables[rows], VARIABLE[slot]
                tables[rows] = cofactor(both, later, 0) & ~mask | cofactor(both, later, 1) & mask
    return tables


def _drop_unread_slots(fanin: IntArray, tables: Tables) -> tuple[IntArray, Tables]:
    """Return the gates with the slots that their tables read moved to the front."""
    slots = fanin.shape[1]
    fanin, tables = fanin.copy(), tables.copy()
    used = [depends(tables, slot) for slot in range(slots)]
    for slot in range(slots):
        fanin[~used[slot], slot] = CONST0_NET
    for free in range(slots):
        for slot in range(free + 1, slots):
            rows = np.flatnonzero(~used[free] & used[slot])
            if len(rows):
                tables[rows] = swap(tables[rows], free, slot)
                fanin[rows, free], fanin[rows, slot] = fanin[rows, slot], CONST0_NET
                used[free][rows], used[slot][rows] = True, False
    return fanin, tables

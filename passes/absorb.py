"""Absorb buffers and inverters into the gates that read them."""

from __future__ import annotations

import numpy as np

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.passes.sweep import Literals, sweep
from gatec.tables import VARIABLE, Tables


def absorb(net: Netlist) -> Netlist:
    """Return the netlist in which buffers are wires and inverters part of the tables behind them.

    An output that needs the complement of an input keeps an inverter; one that needs the complement
    of a gate gets a copy of the gate with the complemented table.
    """
    return sweep(net, _rule)


def _rule(fanin: IntArray, tables: Tables, own: Literals) -> tuple[IntArray, Tables, Literals]:
    becomes = own.copy()
    for slot in range(fanin.shape[1]):
        for table, inverted in ((VARIABLE[slot], 0), (~VARIABLE[slot], 1)):
            rows = np.flatnonzero(tables == table)
            becomes[rows] = 2 * fanin[rows, slot] + inverted
    return fanin, tables, becomes

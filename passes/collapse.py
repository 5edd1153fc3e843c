"""Collapse gates that a single gate reads into that gate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.evaluate import lookup
from gatec.netlist import Netlist
from gatec.passes.prune import prune
from gatec.tables import VARIABLE, Tables

_Rows = npt.NDArray[np.intp]


def collapse(net: Netlist, k: int = 3) -> Netlist:
    """Return the netlist in which gates with one reader are part of it, up to `k` inputs.

    One walk from the inputs; a gate that could take in several of its operands takes the first that
    fits, then the next. No gate is computed twice, so there are never more.
    """
    assert net.stage is None, "passes come before pipelining"
    width = max(k, net.fanin.shape[1])
    fanin = np.pad(net.fanin, ((0, 0), (0, width - net.fanin.shape[1])))
    tables = net.tables.copy()
    alone = np.bincount(net.fanin.ravel(), minlength=net.num_nets) == 1
    alone[net.root_nets] = False
    alone[: net.first_gate] = False
    for start, stop in net.blocks:
        for _ in range(k):
            if not _take_in(fanin, tables, alone, (start, stop), first_gate=net.first_gate, k=k):
                break
    return prune(net.replace(fanin=fanin, tables=tables))


def _take_in(
    fanin: IntArray,
    tables: Tables,
    alone: npt.NDArray[np.bool_],
    block: tuple[int, int],
    *,
    first_gate: int,
    k: int,
) -> bool:
    """Collapse at most one operand into each gate of a block; return whether there was any."""
    pending = alone[fanin[block[0] : block[1]]]
    changed = False
    for slot in range(fanin.shape[1]):
        rows = block[0] + np.flatnonzero(pending[:, slot])
        drivers = fanin[rows, slot] - first_gate
        nets, fits = _union(fanin, rows, slot, drivers, k)
        rows, drivers, nets = rows[fits], drivers[fits], nets[fits]
        if len(rows):
            inner = lookup(tables[drivers], _variables(fanin[drivers], nets))
            outer = _variables(fanin[rows], nets)
            outer[slot] = inner
            tables[rows] = lookup(tables[rows], outer)[:, 0]
            fanin[rows, : nets.shape[1]] = nets
            fanin[rows, nets.shape[1] :] = 0
            pending[rows - block[0]] = False
            changed = True
    return changed


def _union(
    fanin: IntArray, rows: _Rows, slot: int, drivers: IntArray, k: int
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Return the nets that reader and driver read together, `k` of them, and where `k` suffice."""
    others = np.delete(fanin[rows], slot, axis=1)
    nets = -np.sort(-np.concatenate([others, fanin[drivers]], axis=1), axis=1)
    again = np.zeros(nets.shape, dtype=np.bool_)
    again[:, 1:] = nets[:, 1:] == nets[:, :-1]
    nets = -np.sort(-np.where(again, 0, nets), axis=1)
    return nets[:, :k], (nets[:, k:] == 0).all(axis=1)


def _variables(fanin: IntArray, nets: IntArray) -> list[Tables]:
    """Return for each slot the table, over `nets`, of what it reads: `uint64[gates, 1]` each."""
    columns = []
    for column in fanin.T:
        table = np.zeros(len(column), dtype=np.uint64)
        for j, net in enumerate(nets.T):
            table[(net == column) & (column != 0)] = VARIABLE[j]
        columns.append(table[:, None])
    return columns

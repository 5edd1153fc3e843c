"""When the LLVM engine computes which node: what is read soon is still in a near cache.

Level by level, a wide net's values come back from the third cache: the second has let go of them.
In the order in which values are read soon after they are computed (`kernel_order`), every node is
an operation of its own, while the engine decides once for a run of nodes that have one operation.
So that order is cut into *windows*, whose values fit into the second cache, and nodes are sorted by
level and operation within each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.blocks import IntArray
from gatec.sim.kernel_order import load_walk
from gatec.sim.nodes import Nodes
from gatec.sim.operations import OPERANDS

# Nodes of a window: they touch about three lines of 64 bytes each.
WINDOW = 4096
# Fewer nodes than this have values that fit into the second cache in any order.
_WIDE = 24_000
# Shorter runs than this, on average, cost more than near values gain.
_RUN = 10


@dataclass(frozen=True, eq=False)
class Schedule:
    """An order of nodes.

    Attributes
    ----------
    order
        `int32[nodes]`, numbers of nodes.
    steps, windows
        `int32[nodes]`, ascending from 0: the step and the window of each node in this order. Nodes
        of one step do not read one another, a window is some steps.
    """

    order: IntArray
    steps: IntArray
    windows: IntArray


def make_schedule(nodes: Nodes) -> Schedule:
    """Return the order by windows for nets that are wide enough to gain, else by level."""
    if len(nodes.results) < _WIDE:
        return by_level(nodes)
    found = by_window(nodes, WINDOW)
    ops = nodes.ops[found.order]
    runs = np.count_nonzero((np.diff(ops) != 0) | (np.diff(found.steps) != 0))
    return found if runs * _RUN <= len(ops) else by_level(nodes)


def by_level(nodes: Nodes) -> Schedule:
    """Return the order by level and operation; a level is a step and a window."""
    order = np.arange(len(nodes.results), dtype=np.int32)
    return Schedule(order, nodes.levels, nodes.levels)


def by_window(nodes: Nodes, size: int) -> Schedule:
    """Return the order by windows of `size` nodes, by level and operation in each."""
    fanin = _fanin(nodes)
    near = near_readers(fanin)
    window = np.empty(len(near), dtype=np.int32)
    window[near] = np.arange(len(near)) // size
    level = _levels_within(nodes, fanin, window)
    order = near[np.lexsort((nodes.ops[near], level[near], window[near]))]
    window, level = window[order], level[order]
    fresh = (np.diff(window) != 0) | (np.diff(level) != 0)
    steps = np.concatenate([np.zeros(min(1, len(order)), dtype=np.int32), np.cumsum(fresh)])
    return Schedule(order, steps.astype(np.int32), window)


def near_readers(fanin: IntArray) -> IntArray:
    """Return an order, `int32[nodes]`, in which nodes are near to those that they read.

    `fanin` is `int32[nodes, 3]`, the nodes that a node reads or -1. See `load_walk`.
    """
    count = len(fanin)
    reader, slot = np.nonzero(fanin >= 0)
    read = fanin[reader, slot]
    by_read = np.argsort(read, kind="stable")
    starts = np.searchsorted(read[by_read], np.arange(count + 1)).astype(np.int32)
    order = np.empty(count, dtype=np.int32)
    arrays = [
        np.ascontiguousarray(fanin, dtype=np.int32),
        starts,
        reader[by_read].astype(np.int32),
        starts[:-1].copy(),
        (fanin >= 0).sum(axis=1, dtype=np.int32),
        np.zeros(count, dtype=np.uint8),
        # A node is put there by its readers, by its last operand, by the trail and by itself.
        np.empty(2 * (OPERANDS + 1) * count + 1, dtype=np.int32),
        np.empty(count, dtype=np.int32),
        order,
    ]
    load_walk()(count, *(array.ctypes.data for array in arrays))
    return order


def _fanin(nodes: Nodes) -> IntArray:
    """Return `int32[nodes, 3]`: the number of the node that computes each operand, or -1."""
    computes = np.full(nodes.num_nets, -1, dtype=np.int32)
    computes[nodes.results] = np.arange(len(nodes.results))
    return computes[nodes.operands]


def _levels_within(nodes: Nodes, fanin: IntArray, window: IntArray) -> IntArray:
    """Return `int32[nodes]`: the level of each node among those of its window."""
    level = np.zeros(len(fanin), dtype=np.int32)
    bounds = np.searchsorted(nodes.levels, np.arange(nodes.levels.max(initial=-1) + 2))
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        read = fanin[start:stop]
        inside = (read >= 0) & (window[read] == window[start:stop, None])
        level[start:stop] = np.where(inside, level[read] + 1, 0).max(axis=1)
    return level

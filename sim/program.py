"""A netlist as the program that the LLVM engine interprets: few operations, few slots.

The netlist is optimised as `compile` does it, then put into gates of up to three inputs, each of
which the engine computes from three cache lines in a few instructions. Nodes of one operation that
do not read one another form a run, which the engine decides once. Class sums are runs, too: bits
are counted while they are near, and their slots are free again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.blocks import GroupSum, IntArray
from gatec.netlist import Netlist
from gatec.sim.nodes import Nodes, make_nodes
from gatec.sim.operations import OPS
from gatec.sim.schedule import Schedule, make_schedule
from gatec.sim.summands import ROUND, Summands, sum_up

Rows = npt.NDArray[np.uint16] | IntArray

_ROW = 4
_MANY_SLOTS = 1 << 16


@dataclass(frozen=True, eq=False)
class Program:
    """What the LLVM engine runs. Slot 0 is constant 0, slots 1, 2, ... are loaded with inputs.

    Attributes
    ----------
    rows
        `int32[loads]`: the input (then state) bit in slot 1, 2, ...
    nodes
        `[rows, 4]`, `uint16`, or `int32` where there are more slots than that can count. A node is
        one row: the slots of the operands (0 where there are fewer) and of the result, which may
        be that of an operand. A round of a class sum is four rows: 16 slots to count.
    ops, ends
        `int32[runs]`: what each run of rows is, and its end: an index into `OPS` or, from
        `len(OPS)` on, `len(OPS)` plus the count that the run adds to (see `Summands`).
    refs
        `int32[outputs]`: twice the slot of each output (then next-state) bit, plus one where it is
        the complement of what the slot holds; none where outputs are only counted.
    initial
        `int32[2 * classes]`: what the counts begin at; none where nothing is counted.
    num_nodes
        Without class sums.
    num_slots
        Lines of 512 samples that the values take.
    """

    rows: IntArray
    nodes: Rows
    ops: IntArray
    ends: IntArray
    refs: IntArray
    initial: IntArray
    num_nodes: int
    num_slots: int


def make_program(net: Netlist, head: GroupSum | None = None) -> Program:
    """Return the program of a netlist, whose outputs a head counts or which are put out.

    Registers' values are further inputs and outputs.
    """
    nodes = make_nodes(net)
    schedule = make_schedule(nodes)
    window_of = np.zeros(nodes.num_nets, dtype=np.int32)
    window_of[nodes.results[schedule.order]] = schedule.windows
    sums = sum_up(nodes.refs, head, window_of)
    kept = nodes.refs if head is None else nodes.refs[:0]
    slots = _Slots(nodes, schedule, sums, kept >> 1)
    table, ops, ends = _rows(nodes, schedule, sums, slots.of)
    return Program(
        rows=slots.rows,
        nodes=table.astype(np.uint16) if slots.count <= _MANY_SLOTS else table,
        ops=ops,
        ends=ends,
        refs=2 * slots.of[kept >> 1] + (kept & 1),
        initial=sums.initial,
        num_nodes=len(nodes.results),
        num_slots=slots.count,
    )


def _rows(
    nodes: Nodes, schedule: Schedule, sums: Summands, slot_of: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Return the rows, and what each run is and where it ends."""
    order = schedule.order
    computing = np.column_stack([slot_of[nodes.operands[order]], slot_of[nodes.results[order]]])
    rows_of_sums = ROUND // _ROW
    counting = slot_of[sums.nets].reshape(-1, _ROW)
    what = np.concatenate(
        [nodes.ops[order], np.repeat(len(OPS) + sums.counts, rows_of_sums)], dtype=np.int32
    )
    # Sums come after the nodes of their window.
    last = np.searchsorted(schedule.windows, sums.windows, side="right") - 1
    steps = np.append(schedule.steps, -1)
    when = np.concatenate([2 * schedule.steps, np.repeat(2 * steps[last] + 1, rows_of_sums)])
    sequence = np.lexsort((what, when))
    what, when = what[sequence], when[sequence]
    stops = np.flatnonzero((np.diff(what) != 0) | (np.diff(when) != 0)) + 1
    ends = np.append(stops, len(what)).astype(np.int32) if len(what) else stops.astype(np.int32)
    return np.concatenate([computing, counting])[sequence], what[ends - 1], ends


class _Slots:
    """Where each net's line is.

    A node writes over an operand that it is the last to read: that line is in the nearest cache.
    Lines that become free beyond that go to the nodes of later steps that end no life, those that
    became free last first.

    Attributes
    ----------
    of
        `int32[nets]`; 0 for nets without.
    rows
        As in `Program`.
    count
        Number of slots.
    """

    def __init__(self, nodes: Nodes, schedule: Schedule, sums: Summands, kept: IntArray) -> None:
        operands, results = nodes.operands[schedule.order], nodes.results[schedule.order]
        # When a net is read last: by the node at place `p` at `2 p + 1`, by a sum at an even time.
        read = np.full(nodes.num_nets, -1, dtype=np.int64)
        time = 2 * np.arange(len(results)) + 1
        for column in operands.T:
            np.maximum.at(read, column, time)
        summed = 2 * np.searchsorted(schedule.windows, sums.windows, side="right")
        np.maximum.at(read, sums.nets, summed[:, None])
        read[kept] = 2 * len(results) + 1
        read[0] = 2 * len(results) + 1
        sources = np.flatnonzero(read[2 : nodes.first_gate] >= 0)
        self.rows = sources.astype(np.int32)
        self.of = np.zeros(nodes.num_nets, dtype=np.int32)
        self.of[2 + sources] = 1 + np.arange(len(sources))
        self.count = 1 + len(sources)
        self._free = np.zeros(0, dtype=np.int32)
        even = np.flatnonzero(read % 2 == 0)
        released = even[np.argsort(read[even], kind="stable")]
        stops = np.append(np.flatnonzero(np.diff(schedule.steps)) + 1, len(results))
        bounds = np.searchsorted(read[released], 2 * stops, side="right")
        start, begin = 0, 0
        for stop, bound in zip(stops.tolist(), bounds.tolist(), strict=True):
            part = operands[start:stop]
            ends = read[part] == time[start:stop, None]
            ends[:, 1] &= part[:, 1] != part[:, 0]
            ends[:, 2] &= (part[:, 2] != part[:, 1]) & (part[:, 2] != part[:, 0])
            self._place(results[start:stop], self.of[part], ends)
            self._free = np.concatenate([self._free, self.of[released[begin:bound]]])
            start, begin = stop, bound

    def _place(self, results: IntArray, slots: IntArray, ends: npt.NDArray[np.bool_]) -> None:
        """Give a step's results their slots."""
        inherits = ends.any(axis=1)
        heir = ends.argmax(axis=1)
        rows = np.flatnonzero(inherits)
        self.of[results[rows]] = slots[rows, heir[rows]]
        left = ends.copy()
        left[rows, heir[rows]] = False
        others = results[~inherits]
        reused = min(len(others), len(self._free))
        kept = len(self._free) - reused
        fresh = np.arange(self.count, self.count + len(others) - reused, dtype=np.int32)
        self.of[others] = np.concatenate([self._free[kept:], fresh])
        self.count += len(fresh)
        self._free = np.concatenate([self._free[:kept], slots[left]])

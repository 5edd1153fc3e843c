"""A netlist as the program that the LLVM engine interprets: few operations, few slots.

The netlist is optimised as `compile` does it, then put into gates of up to three inputs, each of
which the engine computes from three cache lines in a few instructions. Every net is kept in the
polarity in which it is 0 when its operands are, and operands are sorted: that leaves a few dozen
different operations. Gates of one level and operation form a run, which the engine decides once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.passes.absorb import absorb
from gatec.passes.collapse import collapse
from gatec.passes.fold import fold
from gatec.passes.merge import merge
from gatec.passes.prune import prune
from gatec.passes.split import split
from gatec.rewire import combinational, sort_by_level

OPERANDS = 3
_ROWS = 1 << OPERANDS
_MASK = (1 << _ROWS) - 1


@dataclass(frozen=True, eq=False)
class Program:
    """What the LLVM engine runs. Slot 0 is constant 0, slots 1, 2, ... are loaded with inputs.

    Attributes
    ----------
    rows
        `int32[loads]`: the input (then state) bit in slot 1, 2, ...
    nodes
        `int32[nodes, 4]`: the slots of the operands (0 where there are fewer) and of the result. A
        result may take the slot of an operand.
    ops, ends
        `int32[runs]`: the operation (index into `OPS`) and the end of each run of nodes.
    refs
        `int32[outputs]`: twice the slot of each output (then next-state) bit, plus one where it is
        the complement of what the slot holds.
    num_slots
        Lines of 512 samples that the values take.
    """

    rows: IntArray
    nodes: IntArray
    ops: IntArray
    ends: IntArray
    refs: IntArray
    num_slots: int


def _permuted(table: int, order: tuple[int, ...]) -> int:
    """Return the table whose slot `j` is slot `order[j]` of `table`."""
    rows = (sum((row >> j & 1) << old for j, old in enumerate(order)) for row in range(_ROWS))
    return sum((table >> row & 1) << new for new, row in enumerate(rows))


def _arity(table: int) -> int:
    """Return one more than the highest slot that a table reads; 0 for a constant."""
    reads = [j for j in range(OPERANDS) if _flipped(table, j) != table]
    return max(reads, default=-1) + 1


def _flipped(table: int, slot: int) -> int:
    """Return the table that reads the complement of a slot."""
    return sum((table >> (row ^ 1 << slot) & 1) << row for row in range(_ROWS))


def _classify() -> tuple[tuple[tuple[int, int], ...], IntArray, IntArray]:
    """Return the operations, and for every table its operation and the order of its operands.

    Of the tables that a permutation of operands makes of one, the operation is the one that reads
    the fewest slots, then the smallest. Only tables that are 0 in row 0 have an operation.
    """
    best = {}
    for table in range(0, _MASK + 1, 2):
        orders = list(permutations(range(OPERANDS)))
        found = [(_arity(_permuted(table, order)), _permuted(table, order)) for order in orders]
        best[table] = min(zip(found, orders, strict=True))
    ops = sorted({(arity, table) for (arity, table), _ in best.values()})
    op_of = np.full(_MASK + 1, -1, dtype=np.int32)
    order_of = np.zeros((_MASK + 1, OPERANDS), dtype=np.int32)
    for table, (key, order) in best.items():
        op_of[table], order_of[table] = ops.index(key), order
    return tuple((table & (1 << (1 << arity)) - 1, arity) for arity, table in ops), op_of, order_of


# Each operation: its truth table of `2**arity` bits, and its arity. 0 is constant 0, 1 a buffer.
OPS, _OP_OF, _ORDER_OF = _classify()
_FLIP = np.array(
    [[_flipped(table, j) for table in range(_MASK + 1)] for j in range(OPERANDS)], dtype=np.int32
)
_FIRST_REAL_OP = 2


def optimised(net: Netlist) -> Netlist:
    """Return a combinational netlist of gates of at most three inputs for the engine.

    Registers have become ports; cuts and stages are gone. One round of the local passes: on trained
    nets a second finds 0.01 % and takes half as long again.
    """
    core = _cleaned(combinational(net.replace(stage=None)).replace(cuts=()))
    if core.fanin.shape[1] > OPERANDS:
        core = _cleaned(split(core, OPERANDS))
    return collapse(core, OPERANDS)


def _cleaned(net: Netlist) -> Netlist:
    """Return the netlist after a round of the local passes, which walk it level by level."""
    net = sort_by_level(net)
    for step in (fold, absorb, merge, prune):
        net = step(net)
    return net


def make_program(net: Netlist) -> Program:
    """Return the program of a netlist; registers' values are further inputs and outputs."""
    core = sort_by_level(optimised(net))
    order = _Order(core)
    slots = _Slots(core, order)
    return Program(
        rows=slots.rows,
        nodes=np.concatenate(
            [slots.of[order.operands], slots.of[order.results][:, None]], axis=1, dtype=np.int32
        ),
        ops=order.ops,
        ends=order.ends,
        refs=2 * slots.of[order.stands[core.output_nets]] + order.inverted[core.output_nets],
        num_slots=slots.count,
    )


class _Order:
    """The nodes in the order in which they run.

    Attributes
    ----------
    stands, inverted
        `int32[nets]` and `int32[nets]` (0 or 1): the net that is computed for each net, and
        whether it is the complement. Buffers, inverters and constants stand for others.
    operands, results
        `int32[nodes, 3]` and `int32[nodes]`, nets.
    levels
        Ranges of nodes that do not read one another.
    ops, ends
        As in `Program`.
    """

    def __init__(self, net: Netlist) -> None:
        self.stands = np.arange(net.num_nets, dtype=np.int32)
        self.inverted = np.zeros(net.num_nets, dtype=np.int32)
        self.stands[1], self.inverted[1] = 0, 1
        parts = [self._level(net, start, stop) for start, stop in net.blocks]
        empty = np.zeros((0, OPERANDS + 2), dtype=np.int32)
        nodes = np.concatenate([empty, *parts])
        stops = np.cumsum([0, *map(len, parts)])
        self.levels = [(int(a), int(b)) for a, b in pairwise(stops)]
        self.operands, self.results = nodes[:, :OPERANDS], nodes[:, OPERANDS]
        changes = np.zeros(len(nodes) + 1, dtype=np.bool_)
        changes[stops[1:]] = True
        changes[1:-1] |= nodes[1:, -1] != nodes[:-1, -1]
        changes[0] = False
        self.ends = np.flatnonzero(changes).astype(np.int32)
        self.ops: IntArray = nodes[self.ends - 1, -1]

    def _level(self, net: Netlist, start: int, stop: int) -> IntArray:
        """Return `int32[nodes, 5]` operands, result and operation of a level, by operation."""
        fanin = np.pad(net.fanin[start:stop], ((0, 0), (0, OPERANDS - net.fanin.shape[1])))
        table = (net.tables[start:stop] & np.uint64(_MASK)).astype(np.int32)
        for slot in range(OPERANDS):
            table = np.where(self.inverted[fanin[:, slot]], _FLIP[slot][table], table)
        inverted = table & 1
        table ^= inverted * _MASK
        operands = np.take_along_axis(self.stands[fanin], _ORDER_OF[table], axis=1)
        op = _OP_OF[table]
        own = np.arange(net.first_gate + start, net.first_gate + stop, dtype=np.int32)
        self.inverted[own] = inverted
        trivial = op < _FIRST_REAL_OP
        self.stands[own[trivial]] = np.where(op == 0, 0, operands[:, 0])[trivial]
        chosen = np.flatnonzero(~trivial)
        chosen = chosen[np.argsort(op[chosen], kind="stable")]
        return np.concatenate([operands, own[:, None], op[:, None]], axis=1)[chosen]


class _Slots:
    """Where each net's line is.

    A node writes over an operand that it is the last to read: that line is in the nearest cache.
    Lines that become free beyond that go to the nodes of later levels that end no life.

    Attributes
    ----------
    of
        `int32[nets]`; 0 for nets without.
    rows
        As in `Program`.
    count
        Number of slots.
    """

    def __init__(self, net: Netlist, order: _Order) -> None:
        reader = np.full(net.num_nets, -1, dtype=np.int64)
        position = np.arange(len(order.results))
        for column in order.operands.T:
            np.maximum.at(reader, column, position)
        reader[order.stands[net.output_nets]] = len(order.results)
        reader[0] = len(order.results)
        sources = np.flatnonzero(reader[2 : net.first_gate] >= 0)
        self.rows = sources.astype(np.int32)
        self.of = np.zeros(net.num_nets, dtype=np.int32)
        self.of[2 + sources] = 1 + np.arange(len(sources))
        self.count = 1 + len(sources)
        free = np.zeros(0, dtype=np.int32)
        for start, stop in order.levels:
            operands = order.operands[start:stop]
            ends = reader[operands] == position[start:stop, None]
            ends[:, 1] &= operands[:, 1] != operands[:, 0]
            ends[:, 2] &= (operands[:, 2] != operands[:, 1]) & (operands[:, 2] != operands[:, 0])
            free = self._place(order.results[start:stop], self.of[operands], ends, free)

    def _place(
        self, results: IntArray, slots: IntArray, ends: npt.NDArray[np.bool_], free: IntArray
    ) -> IntArray:
        """Give a level's results their slots; return the slots that are free after it."""
        inherits = ends.any(axis=1)
        heir = ends.argmax(axis=1)
        rows = np.flatnonzero(inherits)
        self.of[results[rows]] = slots[rows, heir[rows]]
        left = ends.copy()
        left[rows, heir[rows]] = False
        others = results[~inherits]
        reused = min(len(others), len(free))
        kept = len(free) - reused
        fresh = np.arange(self.count, self.count + len(others) - reused, dtype=np.int32)
        self.of[others] = np.concatenate([free[kept:], fresh])
        self.count += len(fresh)
        return np.concatenate([free[:kept], slots[left]])

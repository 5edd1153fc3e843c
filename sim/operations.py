"""The operations of the LLVM engine: what is left of truth tables when trivial differences are.

Every net is kept in the polarity in which it is 0 when its operands are, and operands are sorted:
of the 256 functions of three inputs that leaves a few dozen.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from gatec.blocks import IntArray

OPERANDS = 3
_ROWS = 1 << OPERANDS
MASK = (1 << _ROWS) - 1


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
    for table in range(0, MASK + 1, 2):
        orders = list(permutations(range(OPERANDS)))
        found = [(_arity(_permuted(table, order)), _permuted(table, order)) for order in orders]
        best[table] = min(zip(found, orders, strict=True))
    ops = sorted({(arity, table) for (arity, table), _ in best.values()})
    op_of = np.full(MASK + 1, -1, dtype=np.int32)
    order_of = np.zeros((MASK + 1, OPERANDS), dtype=np.int32)
    for table, (key, order) in best.items():
        op_of[table], order_of[table] = ops.index(key), order
    return tuple((table & (1 << (1 << arity)) - 1, arity) for arity, table in ops), op_of, order_of


# Each operation: its truth table of `2**arity` bits, and its arity. 0 is constant 0, 1 a buffer.
OPS, OP_OF, ORDER_OF = _classify()
FIRST_REAL_OP = 2
# `int32[slot, table]`: the table that reads the complement of a slot.
FLIP = np.array(
    [[_flipped(table, j) for table in range(MASK + 1)] for j in range(OPERANDS)], dtype=np.int32
)

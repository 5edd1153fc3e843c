"""Popcounts as trees of full and half adders, all classes at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from gatec.blocks import IntArray
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import AND2, MAJ3, XOR2, XOR3


@dataclass(frozen=True)
class Compressors:
    """One adder cell in each class: it keeps the weighted sum of its bits.

    Attributes
    ----------
    inputs
        `int32[classes, 2 or 3]`: nets of weight `2**weight`.
    total, carry
        `int32[classes]`: the result's bits, of weight `2**weight` and `2**(weight + 1)`.
    weight
        Logarithm of the inputs' weight.
    """

    inputs: IntArray
    total: IntArray
    carry: IntArray
    weight: int


def lower_sums(builder: NetlistBuilder, bits: IntArray) -> tuple[IntArray, list[Compressors]]:
    """Add adder trees that count the ones of each row of `bits`.

    Parameters
    ----------
    bits
        `int32[classes, group]` nets.

    Returns
    -------
    tuple
        The sums, `int32[classes, score_bits]` nets with bit 0 first, and the adder cells.

    Each column is a queue: three of its oldest bits go through a full adder, whose sum joins the
    queue's end and whose carry the next column's. Oldest first keeps the tree shallow; a half adder
    is used only for a column's last two bits, which makes the count of cells the least there is for
    full adders: `group - ones(group)` of them.
    """
    group = bits.shape[1]
    columns: list[deque[IntArray]] = [deque(bits.T)]
    cells: list[Compressors] = []
    sums: list[IntArray] = []
    for weight in range(group.bit_length()):
        column = columns[weight]
        columns.append(deque())
        while len(column) > 1:
            size = min(3, len(column))
            inputs = np.stack([column.popleft() for _ in range(size)], axis=1)
            total = builder.add(XOR3 if size == 3 else XOR2, inputs)
            carry = builder.add(MAJ3 if size == 3 else AND2, inputs)
            column.append(total)
            columns[weight + 1].append(carry)
            cells.append(Compressors(inputs, total, carry, weight))
        sums.append(column[0])
    return np.stack(sums, axis=1), cells

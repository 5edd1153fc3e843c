"""Lower a popcount by a plan: adders among the gates first, then the additions of the chains."""

from __future__ import annotations

import numpy as np

from gatec.blocks import IntArray
from gatec.heads.tree import NONE, HeadPlan
from gatec.lower_sum import Compressors
from gatec.netlist import CONST0_NET
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import AND2, MAJ3, XOR2, XOR3

# A number: its bits, lowest first, each `int32[classes]` nets.
Number = list[IntArray]


def lower_planned(
    builder: NetlistBuilder, bits: IntArray, plan: HeadPlan
) -> tuple[IntArray, list[Compressors], IntArray]:
    """Add adders that count the ones of each row of `bits` (`int32[classes, group]` nets).

    Returns the sums, `int32[classes, score_bits]` nets with bit 0 first, the adder cells, and the
    leaves' bits, `int32[leaf bits, classes]` nets, in the order of the plan.
    """
    cells: list[Compressors] = []
    numbers = _leaves(builder, np.take_along_axis(bits, plan.order, axis=1), plan, cells)
    leaf_bits = np.stack([bit for number in numbers for bit in number])
    nothing = np.full(len(bits), CONST0_NET, dtype=np.int32)
    for add in plan.adds:
        carry = nothing if add.carry_in == NONE else numbers[add.carry_in][0]
        total: Number = []
        for weight in range(add.width):
            b = numbers[add.b]
            other = b[weight] if weight < len(b) else nothing
            inputs = np.stack([numbers[add.a][weight], other, carry], axis=1)
            total.append(builder.add(XOR3, inputs))
            carry = builder.add(MAJ3, inputs)
            cells.append(Compressors(inputs, total[-1], carry, weight))
        numbers.append([*total, carry])
    return np.stack(numbers[-1], axis=1), cells, leaf_bits


def _leaves(
    builder: NetlistBuilder, bits: IntArray, plan: HeadPlan, cells: list[Compressors]
) -> list[Number]:
    numbers: list[Number] = []
    taken = 0
    for size in plan.leaves:
        inputs = bits[:, taken : taken + size]
        taken += size
        if size == 1:
            numbers.append([inputs[:, 0]])
            continue
        total = builder.add(XOR3 if size == 3 else XOR2, inputs)
        carry = builder.add(MAJ3 if size == 3 else AND2, inputs)
        cells.append(Compressors(inputs, total, carry, 0))
        numbers.append([total, carry])
    return numbers

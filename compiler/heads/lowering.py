"""Lower a popcount by a plan: adders among the gates first, then the additions of the chains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.heads.tree import NONE, Add, HeadPlan, StepPlan
from gatec.lowering.sums import Compressors
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
    numbers = _leaves(builder, np.take_along_axis(bits, plan.order, axis=1), plan.leaves, cells)
    leaf_bits = np.stack([bit for number in numbers for bit in number])
    _add_up(builder, numbers, plan.adds, cells)
    return np.stack(numbers[-1], axis=1), cells, leaf_bits


def lower_stepped(
    builder: NetlistBuilder, bits: IntArray, plan: StepPlan
) -> tuple[IntArray, list[Compressors], IntArray]:
    """Add adders as `lower_planned`, step by step.

    In place of the leaves' bits it returns those that the steps count, `int32[steps, width,
    classes]` nets, constant 0 where a step counts none.
    """
    cells: list[Compressors] = []
    nothing = np.full((len(bits), 1), CONST0_NET, dtype=np.int32)
    rows = np.arange(len(bits))[:, None, None]
    # The last column stands for -1.
    picked = np.concatenate([bits, nothing], axis=1)[rows, plan.order]
    score_bits = bits.shape[1].bit_length()
    total: Number = []
    for step in range(plan.steps):
        numbers = _leaves(builder, picked[:, step], plan.leaves, cells)
        _add_up(builder, numbers, plan.adds, cells)
        total = (
            _added(builder, [total, numbers[-1], []], score_bits, cells) if step else numbers[-1]
        )
    total += [nothing[:, 0]] * (score_bits - len(total))
    return np.stack(total, axis=1), cells, np.moveaxis(picked, 0, 2)


def count_step(
    builder: NetlistBuilder, picked: IntArray, total: Number, plan: StepPlan
) -> IntArray:
    """Add the adders of one step: the count of `picked` (`int32[classes, width]`), and the total.

    Returns the new total, `int32[classes, score_bits]` nets.
    """
    numbers = _leaves(builder, picked, plan.leaves, [])
    _add_up(builder, numbers, plan.adds, [])
    return np.stack(_added(builder, [total, numbers[-1], []], len(total), []), axis=1)


def leaf_adders(
    builder: NetlistBuilder, rows: IntArray, leaves: Sequence[int], turned: npt.NDArray[np.bool_]
) -> tuple[list[IntArray], npt.NDArray[np.bool_]]:
    """Add the leaves' adders alone.

    Parameters
    ----------
    rows
        `int32[width, classes]`: the bits that they take in order.
    turned
        `bool[leaf bits]`: which of their bits are to be inverted.

    Returns
    -------
    tuple
        The leaves' bits, each `int32[classes]`, and `bool[width]`: the bits that have to come
        inverted because no adder takes them.
    """
    found: list[IntArray] = []
    inverted = np.zeros(len(rows), dtype=bool)
    taken = 0
    for size in leaves:
        inputs = rows[taken : taken + size].T
        if size == 1:
            inverted[taken] = turned[len(found)]
            found.append(inputs[:, 0])
        else:
            for table in (XOR3, MAJ3) if size == 3 else (XOR2, AND2):
                found.append(builder.add(~table if turned[len(found)] else table, inputs))
        taken += size
    return found, inverted


def _add_up(
    builder: NetlistBuilder, numbers: list[Number], adds: Sequence[Add], cells: list[Compressors]
) -> None:
    """Append the sum of each addition to `numbers`."""
    for add in adds:
        carry = [] if add.carry_in == NONE else numbers[add.carry_in]
        operands = [numbers[add.a], numbers[add.b], carry]
        numbers.append(_added(builder, operands, add.width + 1, cells))


def _added(
    builder: NetlistBuilder, operands: Sequence[Number], most: int, cells: list[Compressors]
) -> Number:
    """Return the sum of two numbers and a third of one bit, in at most `most` bits."""
    a, b, extra = operands
    nothing = np.full_like([*a, *b][0], CONST0_NET)
    carry = extra[0] if extra else nothing
    total: Number = []
    for weight in range(min(most, max(len(a), len(b)))):
        one, other = (number[weight] if weight < len(number) else nothing for number in (a, b))
        inputs = np.stack([one, other, carry], axis=1)
        total.append(builder.add(XOR3, inputs))
        carry = builder.add(MAJ3, inputs)
        cells.append(Compressors(inputs, total[-1], carry, weight))
    return [*total, carry][:most]


def _leaves(
    builder: NetlistBuilder, bits: IntArray, leaves: Sequence[int], cells: list[Compressors]
) -> list[Number]:
    numbers: list[Number] = []
    taken = 0
    for size in leaves:
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

"""Adder trees for carry chains: how a count of many bits is put together from small numbers.

The leaves are single bits and half and full adders of two and three bits, which look-up tables do
best: they absorb the gates in front of them. Above them, chains add two numbers and a third bit of
weight 1. A number of k bits that takes every value up to `2**k - 1` wastes no cell of a chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

# What a chain costs beside one logic cell for each bit of its operands: the cell that takes the
# last carry out. A carry from outside costs as much again where a chain begins; chains that follow
# one another in one column share that cell (`gatec.heads.carry`).
_TAKE_OUT = 1.0
_BRING_IN = 0.35
# A full adder among the gates costs two tables and saves one in front of it.
_FULL_ADDER = 1.0
# Splits that are tried beside the most even one, and beside full numbers.
_NEAR = 12

NONE = -1


@dataclass(frozen=True)
class Add:
    """One addition; numbers are leaves first, then additions in order.

    Attributes
    ----------
    a, b
        The numbers added; `a` has `width` bits and `b` at most as many.
    carry_in
        A leaf of one bit that is added too, or -1.
    width
        Bits of `a`; the sum has one more.
    height
        Additions on the longest way from a leaf, this one included.
    """

    a: int
    b: int
    carry_in: int
    width: int
    height: int


@dataclass(frozen=True)
class HeadPlan:
    """How the bits of each class are counted.

    Attributes
    ----------
    order
        `int64[classes, group]`: the bits of each class in the order in which leaves take them.
    leaves
        How many bits each leaf takes: 1, 2 or 3.
    adds
        The additions by height.
    running
        Bits of a running total, the last of the leaves, which the last addition adds the others to;
        0 without one. That sum has no more bits than the total.
    """

    order: npt.NDArray[np.int64]
    leaves: tuple[int, ...]
    adds: tuple[Add, ...]
    running: int = 0

    @property
    def height(self) -> int:
        """The most additions on a way."""
        return max((add.height for add in self.adds), default=0)

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of each leaf, a running total included."""
        total = (self.running,) if self.running else ()
        return (*(min(size, 2) for size in self.leaves), *total)

    def takes_inverted(self, height: int) -> bool:
        """Return whether the additions of a height take inverted bits: the last ones give true
        sums. To a running total they add true bits.
        """
        return (self.height - height) % 2 == (1 if self.running else 0)

    @property
    def wanted_inverted(self) -> list[bool]:
        """Whether each number, leaves first, is read inverted, where it is read on carry chains."""
        wanted = [False] * (len(self.widths) + len(self.adds))
        for add in self.adds:
            for operand in (add.a, add.b, add.carry_in):
                if operand != NONE:
                    wanted[operand] = self.takes_inverted(add.height)
        return wanted


@dataclass(frozen=True)
class StepPlan:
    """How the bits of each class are counted in steps, and added up.

    Attributes
    ----------
    order
        `int64[classes, steps, width]`: the bits of each class that a step counts; -1 for none.
    leaves, adds
        Of the count of a step, as in `HeadPlan`.
    in_turn
        All steps of one class come before those of the next, and each class is compared with the
        best of those before it.
    """

    order: npt.NDArray[np.int64]
    leaves: tuple[int, ...]
    adds: tuple[Add, ...]
    in_turn: bool = False

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.order.shape[0]

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.order.shape[1]

    @property
    def width(self) -> int:
        """Bits of each class in a step."""
        return self.order.shape[2]

    @property
    def score_bits(self) -> int:
        """Bits of the whole count."""
        return int((self.order[0] >= 0).sum()).bit_length()

    def one_step(self) -> HeadPlan:
        """Return the additions of one step: its count, then that and the running total."""
        leaves = len(self.leaves)

        def moved(number: int) -> int:
            return number + (number >= leaves)

        adds = [
            Add(moved(add.a), moved(add.b), add.carry_in, add.width, add.height)
            for add in self.adds
        ]
        count = leaves + len(adds) if adds else 0
        height = max((add.height for add in adds), default=0) + 1
        adds.append(Add(leaves, count, NONE, self.score_bits, height))
        nothing = np.zeros((self.classes, 0), dtype=np.int64)
        return HeadPlan(nothing, self.leaves, tuple(adds), self.score_bits)


def plan_tree(group: int) -> tuple[tuple[int, ...], tuple[Add, ...]]:
    """Return the leaves and additions for the count of `group` bits that cost the fewest cells."""
    leaves: list[int] = []
    # Operands of each addition, as (is a leaf, index), before they are sorted by height.
    found: list[tuple[tuple[bool, int], tuple[bool, int], int, int, int]] = []

    def build(bits: int) -> tuple[tuple[bool, int], int]:
        split = _best(bits)[1]
        if split is None:
            leaves.append(bits)
            return (True, len(leaves) - 1), 0
        first, second, extra = split
        a, height_a = build(first)
        b, height_b = build(second)
        carry = build(1)[0][1] if extra else NONE
        height = 1 + max(height_a, height_b)
        found.append((a, b, carry, first.bit_length(), height))
        return (False, len(found) - 1), height

    build(group)
    rank = sorted(range(len(found)), key=lambda index: found[index][4])
    place = {index: len(leaves) + position for position, index in enumerate(rank)}

    def number(operand: tuple[bool, int]) -> int:
        return operand[1] if operand[0] else place[operand[1]]

    adds = tuple(
        Add(number(a), number(b), carry, width, height)
        for a, b, carry, width, height in (found[index] for index in rank)
    )
    return tuple(leaves), adds


def chain_cost(group: int) -> float:
    """Return about how many logic cells chains take to count the bits of a class."""
    return _best(group)[0]


@cache
def _best(bits: int) -> tuple[float, tuple[int, int, int] | None]:
    """Return the least cost of counting so many bits, and how to split them: a, b, carry."""
    if bits <= 2:
        return 0.0, None
    best: tuple[float, tuple[int, int, int] | None] = (_FULL_ADDER if bits == 3 else np.inf, None)
    # Only sums with a bit more than `a`: the last carry then always is that bit.
    most = (1 << (bits.bit_length() - 1)) - 1
    for extra in (0, 1):
        rest = bits - extra
        even = -(-rest // 2)
        choices = {min(most, rest - 1), *range(even, min(even + _NEAR, most, rest - 1) + 1)}
        for first in sorted(choices):
            second = rest - first
            if not 1 <= second <= first <= most:
                continue
            chain = first.bit_length() + _TAKE_OUT + extra * _BRING_IN
            cost = _best(first)[0] + _best(second)[0] + chain
            if cost < best[0]:
                best = (cost, (first, second, extra))
    return best

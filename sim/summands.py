"""What the class sums of the LLVM engine add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.blocks import GroupSum, IntArray

# Rows that one round of full adders takes: sums are padded to a multiple with constant 0.
ROUND = 16
# The planes that a round keeps in registers: a count has at least as many.
MIN_PLANES = ROUND.bit_length() - 1


@dataclass(frozen=True, eq=False)
class Summands:
    """For each class, the slots to count and those to count and take away.

    A class's score is the number of its bits that are 1. Where a slot holds the complement of a
    bit, the bit counts `1 - slot`: so the first count begins at the number of complements, and the
    second, of these, is taken from it. Constants go into the beginning, too.

    Attributes
    ----------
    slots
        `int32[summands]`, each part padded with slot 0; ascending, so that lines are read in order.
    starts
        `int32[2 * classes + 1]`: where the first and the second part of each class begin.
    initial
        `int32[2 * classes]`: what the counts begin at.
    """

    slots: IntArray
    starts: IntArray
    initial: IntArray


def sum_up(refs: IntArray, head: GroupSum) -> Summands:
    """Return the summands for `int32[classes * group]` refs (see `Program`)."""
    parts: list[IntArray] = []
    initial = []
    for group in refs.reshape(head.classes, head.group):
        ordered = np.sort(group)
        constant_ones = int((ordered == 1).sum())
        ordered = ordered[ordered > 1]
        complement = (ordered & 1).astype(np.bool_)
        parts += [ordered[~complement] >> 1, ordered[complement] >> 1]
        initial += [constant_ones + int(complement.sum()), 0]
    padded = [np.pad(part, (0, -len(part) % ROUND)) for part in parts]
    starts = np.cumsum([0, *map(len, padded)])
    return Summands(
        np.concatenate(padded), starts.astype(np.int32), np.array(initial, dtype=np.int32)
    )

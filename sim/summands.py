"""What the class sums of the LLVM engine add up, and when."""

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
    """For each class, the nets to count and those to count and take away, in rounds of 16.

    A class's score is the number of its bits that are 1. Where a net is the complement of a bit,
    the bit counts `1 - net`: so the first count begins at the number of complements, and the
    second, of these, is taken from it. Constants go into the beginning, too.

    Attributes
    ----------
    nets
        `int32[rounds, 16]`, padded with net 0.
    counts
        `int32[rounds]`: which count a round adds to, `2 * class` or, of complements, one more.
    windows
        `int32[rounds]`, ascending: the window at whose end all of a round's nets are computed.
    initial
        `int32[2 * classes]`: what the counts begin at.
    """

    nets: IntArray
    counts: IntArray
    windows: IntArray
    initial: IntArray


def sum_up(refs: IntArray, head: GroupSum | None, windows: IntArray) -> Summands:
    """Return the summands for `int32[classes * group]` refs (see `Nodes`); none without a head.

    `windows` is `int32[nets]`, the window in which each net is computed. Nets are taken up in that
    order, so that few wait for a round to be full.
    """
    if head is None:
        none = np.zeros(0, dtype=np.int32)
        return Summands(none.reshape(0, ROUND), none, none, none)
    ones = np.bincount(np.flatnonzero(refs == 1) // head.group, minlength=head.classes)
    bits = np.flatnonzero(refs > 1)
    count = 2 * (bits // head.group) + (refs[bits] & 1)
    nets = refs[bits] >> 1
    sizes = np.bincount(count, minlength=2 * head.classes)
    order = np.lexsort((nets, windows[nets], count))
    rounds = -(-sizes // ROUND)
    # Where the nets of each count begin, among all and in whole rounds.
    begins, places = (np.cumsum(part) - part for part in (sizes, rounds * ROUND))
    padded = np.zeros(int(rounds.sum()) * ROUND, dtype=np.int32)
    padded[np.arange(len(order)) + np.repeat(places - begins, sizes)] = nets[order]
    by_round = padded.reshape(-1, ROUND)
    ready = windows[by_round].max(axis=1, initial=0)
    sequence = np.argsort(ready, kind="stable")
    initial = np.zeros(2 * head.classes, dtype=np.int32)
    initial[::2] = ones + sizes[1::2]
    return Summands(
        nets=by_round[sequence],
        counts=np.repeat(np.arange(2 * head.classes, dtype=np.int32), rounds)[sequence],
        windows=ready[sequence],
        initial=initial,
    )

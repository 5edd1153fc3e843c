"""Counters in ones and the queue between them, proved by induction over their codes.

A counter of n bits holds a count of 0 to n as so many ones, from bit 0 on. The text is evaluated
from every code at once: if each is followed by the code of the count that should follow, and the
first is a code, then the counter always holds one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.backends.control.checker import Checker, Values
from gatec.bits import ALL_ONES, Words, pack
from gatec.errors import DifferentError

Flags = npt.NDArray[np.bool_]
# What the registers of a word may hold beside each other.
_COPIES = 8


class Counts:
    """Every code of a counter, under all values of the two bits that move it.

    Parameters
    ----------
    bits
        Of the counter, bit 0 first.
    first, second
        What moves it.

    Attributes
    ----------
    count
        `int64[rows]`: each count from 0 to the width, in 32 rows.
    first, second
        `bool[rows]`: the two bits.
    spare
        `bool[rows, 3]`: all values of three bits more.
    """

    def __init__(self, bits: Sequence[int], first: int, second: int) -> None:
        self.bits, self.movers = list(bits), (first, second)
        rows = np.arange((len(bits) + 1) * 4 * _COPIES)
        self.count = rows // (4 * _COPIES)
        self.first, self.second = (rows & 1) == 1, (rows & 2) == 2
        self.spare = (rows[:, None] >> np.array([2, 3, 4])) & 1 == 1

    def codes(self, counts: npt.NDArray[np.int64]) -> Flags:
        """Return the code of each count, `bool[rows, width]`."""
        return counts[:, None] > np.arange(len(self.bits))

    def columns(self) -> dict[int, Flags]:
        """Return what counter and movers are in each row."""
        codes = self.codes(self.count).T
        columns = [*codes, self.first, self.second]
        return dict(zip([*self.bits, *self.movers], columns, strict=True))


def _packed(columns: Mapping[int, Flags]) -> Values:
    """Return columns of rows as values; constants too."""
    rows = pack(np.array(list(columns.values())).T)
    zero = np.zeros(rows.shape[1], dtype=np.uint64)
    return {**dict(zip(columns, rows, strict=True)), 0: zero, 1: zero | ALL_ONES}


def check_counter(
    checker: Checker,
    name: str,
    counts: Counts,
    up: Flags,
    down: Flags,
    *,
    more: Mapping[int, Flags] | None = None,
) -> None:
    """Prove that a counter counts.

    `up` and `down` say how it moves, in each row of `counts`, and `more` what other bits are there.
    Rows in which it would leave its range are left out.

    Raises
    ------
    DifferentError
        It counts otherwise.
    """
    after = counts.count + up - down
    known = counts.columns() | dict(more or {})
    kept = pack(((after >= 0) & (after <= len(counts.bits)))[:, None])[0]
    codes = pack(counts.codes(after))
    values = _packed(known)
    for row, bit in enumerate(counts.bits):
        found = _next(checker, f"{name}[{row}]", bit, values)
        if ((found ^ codes[row]) & kept).any():
            raise DifferentError(f"{name}[{row}] does not count", place=checker.place)


@dataclass(frozen=True)
class Queue:
    """The data of a queue.

    Attributes
    ----------
    name
        What each word's name begins with.
    words
        The bits of each, the lowest first.
    data
        The bits of what is pushed.
    """

    name: str
    words: Sequence[Sequence[int]]
    data: Sequence[int]


def check_words(
    checker: Checker, held: Queue, queue: Counts, leaves: Flags, known: Mapping[int, Flags]
) -> None:
    """Prove that words are a queue: what is filled moves down by one when the lowest leaves.

    `queue` counts the words that are filled, `queue.first` says that one is pushed, `leaves` that
    the lowest leaves, in each row; the words may depend on the bits in `known`.

    Raises
    ------
    DifferentError
        A word that is filled in the next cycle takes another bit.
    """
    words = held.words
    after = queue.count + queue.first - leaves
    own, above, new = pack(queue.spare)
    moves = pack(leaves[:, None])[0]
    values = _packed(known)
    for number, word in enumerate(words):
        stays = pack((number + leaves < queue.count)[:, None])[0]
        filled = pack(((number < after) & (after <= len(words)))[:, None])[0]
        expected = (((above & moves) | (own & ~moves)) & stays) | (new & ~stays)
        upper = words[number + 1] if number + 1 < len(words) else [0] * len(word)
        for row, (bit, higher, pushed) in enumerate(zip(word, upper, held.data, strict=True)):
            place = f"{held.name}{number}[{row}]"
            mine = dict(values)
            mine |= {bit: own, pushed: new} | ({higher: above} if higher else {})
            found = _next(checker, place, bit, mine)
            if ((found ^ expected) & filled).any():
                raise DifferentError(f"{place} takes another bit", place=checker.place)


def _next(checker: Checker, name: str, bit: int, values: Values) -> Words:
    """Return the next value of a register where only the bits in `values` matter."""
    flip_flop = checker.flip_flop(name, bit)
    sources = flip_flop.sources()
    others = [leaf for leaf in checker.shell.support(sources) if leaf not in values]
    if others:
        raise DifferentError(f"{name} depends on {len(others)} other bits", place=checker.place)
    for source in sources:
        checker.shell.evaluate(source, values)
    return flip_flop.next_value(values)

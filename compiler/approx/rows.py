"""Rows of data: split into those to learn from and those to judge by, and how a model does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.bits import WORD_BITS, Bits, Words, pack, unpack
from gatec.blocks import Scores
from gatec.errors import UsageError
from gatec.model import ModelGraph

# Words of rows at a time: all values of a net of a million signals are then half a gigabyte.
_BATCH_WORDS = 64
# Of three rows one is held out: enough to see a tenth of a per cent in 60,000 rows.
_HELD_OUT = 1 / 3
_LEAST_ROWS = 10


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of data as a model takes them.

    Attributes
    ----------
    words
        `[inputs, words]`, a bit for each row (`gatec.bits`).
    count
        Number of rows.
    """

    words: Words
    count: int

    def batches(self) -> Iterator[tuple[slice, Words, int]]:
        """Yield ranges of words, their inputs and how many rows they hold."""
        for start in range(0, self.words.shape[1], _BATCH_WORDS):
            part = slice(start, start + _BATCH_WORDS)
            count = min(_BATCH_WORDS * WORD_BITS, self.count - start * WORD_BITS)
            yield part, self.words[:, part], count


@dataclass(frozen=True, eq=False)
class Split:
    """Data in two parts.

    Attributes
    ----------
    fit, held_out
        Rows to learn from, and rows to judge by.
    fit_labels, held_out_labels
        The class of each row; None without labels.
    """

    fit: Rows
    held_out: Rows
    fit_labels: npt.NDArray[np.int64] | None
    held_out_labels: npt.NDArray[np.int64] | None


def split_rows(bits: Bits, labels: npt.NDArray[np.int64] | None, seed: int) -> Split:
    """Return `bits` (`[rows, inputs]`) shuffled by `seed` and split, the same for the same seed.

    Raises `UsageError` when there are too few rows to judge anything by.
    """
    if len(bits) < _LEAST_ROWS:
        raise UsageError(f"--data of {len(bits)} rows", expected=f"at least {_LEAST_ROWS}")
    order = np.random.default_rng(seed).permutation(len(bits))
    cut = len(bits) - max(1, round(len(bits) * _HELD_OUT))
    parts = (order[:cut], order[cut:])
    fit, held_out = (Rows(pack(bits[part]), len(part)) for part in parts)
    found = [None if labels is None else labels[part] for part in parts]
    return Split(fit, held_out, *found)


def scores_of(model: ModelGraph, rows: Rows) -> Scores:
    """Return the class scores `[classes, rows]` of a model with a head."""
    parts = []
    for _, words, count in rows.batches():
        scores = model.evaluate(words, count).scores
        assert scores is not None
        parts.append(scores)
    return np.concatenate(parts, axis=1)


class Judge:
    """Counts the rows that a model gets right.

    Without labels, right is what the trained net says; of a model without classes, its bits.

    Parameters
    ----------
    trained
        The net before any approximation.
    rows, labels
        What to judge by.
    """

    def __init__(
        self, trained: ModelGraph, rows: Rows, labels: npt.NDArray[np.int64] | None
    ) -> None:
        self._rows = rows
        self._wanted: list[npt.NDArray[np.generic]] = []
        self.by_labels = labels is not None and trained.head is not None
        for part, words, count in rows.batches():
            first = part.start * WORD_BITS
            own = labels[first : first + count] if self.by_labels and labels is not None else None
            self._wanted.append(_answer(trained, words, count) if own is None else own)
        self.trained = self(trained)

    def least(self, max_drop: float) -> int:
        """Return how many rows a model must get right to be within `max_drop`, a share of them."""
        # What a decimal share loses in binary must not cost a row.
        return self.trained - int(max_drop * self._rows.count + 1e-6)

    def share(self, right: int) -> float:
        """Return so many rows as a share of all."""
        return right / self._rows.count

    def __call__(self, model: ModelGraph) -> int:
        """Return the number of rows that a model gets right."""
        right = 0
        for wanted, (_, words, count) in zip(self._wanted, self._rows.batches(), strict=True):
            equal = _answer(model, words, count) == wanted
            right += int(equal.reshape(count, -1).all(axis=1).sum())
        return right


def _answer(model: ModelGraph, words: Words, count: int) -> npt.NDArray[np.generic]:
    """Return the class of each row, or its bits `[rows, width]` where there are no classes."""
    result = model.evaluate(words, count)
    return unpack(result.bits, count) if result.classes is None else result.classes

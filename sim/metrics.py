"""How good predictions are: accuracy, confusion matrix, and a report for each class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass
class Confusion:
    """Counts of labels and predictions, added up chunk by chunk.

    Attributes
    ----------
    classes
        Number of classes.
    counts
        `int64[classes, classes]`: samples of the row's class that were called the column's.
    """

    classes: int
    counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((self.classes, self.classes), dtype=np.int64)

    def add(self, labels: Counts, predicted: Counts) -> None:
        """Count `[samples]` class numbers below `classes`."""
        pairs = np.bincount(labels * self.classes + predicted, minlength=self.classes**2)
        self.counts += pairs.reshape(self.counts.shape)

    @property
    def total(self) -> int:
        """Number of samples."""
        return int(self.counts.sum())

    @property
    def accuracy(self) -> float | None:
        """Share of samples whose prediction is the label; None without samples."""
        return int(self.counts.trace()) / self.total if self.total else None

    def report(self) -> list[dict[str, Any]]:
        """Return precision, recall, F1 and number of samples of each class.

        A share of nothing (a class that has no samples, or is never predicted) is None.
        """
        right, actual = self.counts.diagonal(), self.counts.sum(axis=1)
        predicted = self.counts.sum(axis=0)
        return [
            {
                "class": c,
                "precision": _share(right[c], predicted[c]),
                "recall": _share(right[c], actual[c]),
                "f1": _share(2 * right[c], predicted[c] + actual[c]),
                "samples": int(actual[c]),
            }
            for c in range(self.classes)
        ]

    def lines(self) -> list[str]:
        """Return the report and the matrix as text."""
        rows = self.report()
        lines = [f"{'class':>5}  {'precision':>9}  {'recall':>6}  {'f1':>6}  {'samples':>7}"]
        lines += [
            f"{row['class']:>5}  {_text(row['precision']):>9}  {_text(row['recall']):>6}  "
            f"{_text(row['f1']):>6}  {row['samples']:>7}"
            for row in rows
        ]
        width = max(len(str(self.counts.max(initial=0))), len(str(self.classes)), 4)
        lines += ["", "confusion: a row for each label, a column for each prediction"]
        lines += [" " * 5 + "".join(f"{c:>{width + 1}}" for c in range(self.classes))]
        lines += [
            f"{c:>5}" + "".join(f"{count:>{width + 1}}" for count in row)
            for c, row in enumerate(self.counts.tolist())
        ]
        return lines


def _share(part: int, whole: int) -> float | None:
    return round(int(part) / int(whole), 6) if whole else None


def _text(share: float | None) -> str:
    return "-" if share is None else f"{share:.4f}"

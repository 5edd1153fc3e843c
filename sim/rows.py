"""A data file as rows of numbers, read in order, some at a time, in constant memory."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gatec.errors import LimitError, ModelError
from gatec.frontends.files.tensors import MAX_DIMENSIONS, Array, decode
from gatec.sim.opening import Opened, reading

MAX_ROW_BYTES = 64 << 20
Batch = tuple[Array, Array | None]


class Rows(ABC):
    """Rows of a file.

    Parameters
    ----------
    path
        For messages.
    item_shape
        Shape of one row's values; empty for a column of single numbers.
    count
        Number of rows; None where only the end tells.
    """

    def __init__(self, path: Path, item_shape: Sequence[int], count: int | None) -> None:
        self.path = path
        self.item_shape = tuple(item_shape)
        self.count = count

    @property
    def width(self) -> int:
        """Values in a row."""
        return math.prod(self.item_shape)

    @property
    def shape(self) -> str:
        """The shape of all rows, for messages."""
        sizes = ["?" if self.count is None else str(self.count), *map(str, self.item_shape)]
        return f"[{', '.join(sizes)}]"

    def read(self, rows: int) -> Batch:
        """Return the next `rows` rows, `[n, width]`, and their labels `[n]` if the file has any.

        `n` is smaller only at the end, and 0 behind it. Raises `ModelError` where the file is cut
        off or broken.
        """
        with reading(self.path):
            return self._read(rows)

    @abstractmethod
    def _read(self, rows: int) -> Batch: ...


class ArrayRows(Rows):
    """Rows of an array in memory, `[rows, ...]`."""

    def __init__(self, path: Path, values: Array) -> None:
        super().__init__(path, values.shape[1:], len(values))
        self._values = values.reshape(len(values), self.width)
        self._next = 0

    def _read(self, rows: int) -> Batch:
        part = slice(self._next, self._next + rows)
        self._next += rows
        return self._values[part], None


class BinaryRows(Rows):
    """Rows of elements of one size, one after the other: what `.npy` and idx files hold.

    Parameters
    ----------
    opened
        Stands at the first element.
    dtype
        Of the elements, in the file's byte order.
    shape
        As declared.
    header_bytes
        Bytes in front of the elements.

    Raises `LimitError` where one row would not fit memory, and `ModelError` where a plain file's
    size does not go with the shape.
    """

    def __init__(
        self, opened: Opened, dtype: np.dtype[np.generic], shape: Sequence[int], header_bytes: int
    ) -> None:
        check_rows(shape, dtype.itemsize, opened.path)
        super().__init__(opened.path, shape[1:], shape[0])
        self._stream = opened.stream
        self._dtype = dtype
        self._declared = list(shape)
        self._row_bytes = self.width * dtype.itemsize
        self._left = shape[0]
        if opened.size is not None and opened.size - header_bytes != shape[0] * self._row_bytes:
            more = opened.size - header_bytes > shape[0] * self._row_bytes
            raise self._wrong_size("more" if more else str(opened.size - header_bytes))

    def _read(self, rows: int) -> Batch:
        rows = min(rows, self._left)
        content = self._stream.read(rows * self._row_bytes)
        if len(content) != rows * self._row_bytes:
            before = (self._declared[0] - self._left) * self._row_bytes
            raise self._wrong_size(str(before + len(content)))
        self._left -= rows
        if not self._left and self._stream.read(1):
            raise self._wrong_size("more")
        return decode(memoryview(content), self._dtype.str).reshape(rows, self.width), None

    def _wrong_size(self, found: str) -> ModelError:
        wanted = self._declared[0] * self._row_bytes
        return ModelError(
            f"{found} bytes", file=self.path, expected=f"{wanted} for shape {self._declared}"
        )


class BatchRows(Rows):
    """Rows that come in batches of any size.

    Parameters
    ----------
    batches
        Values `[n, width]` and labels `[n]` or None, in order.
    """

    def __init__(
        self,
        path: Path,
        item_shape: Sequence[int],
        count: int | None,
        batches: Iterator[Batch],
    ) -> None:
        super().__init__(path, item_shape, count)
        self._batches = batches
        self._rest: Batch | None = None

    def _read(self, rows: int) -> Batch:
        parts: list[Batch] = []
        while rows:
            batch = self._rest or next(self._batches, None)
            if batch is None:
                break
            values, labels = batch
            parts.append((values[:rows], None if labels is None else labels[:rows]))
            left = (values[rows:], None if labels is None else labels[rows:])
            self._rest = left if len(left[0]) else None
            rows -= len(parts[-1][0])
        if not parts:
            return np.zeros((0, self.width)), None
        first = parts[0][1]
        columns = [labels for _, labels in parts if labels is not None]
        return (
            np.concatenate([values for values, _ in parts]),
            None if first is None else np.concatenate(columns),
        )


def check_rows(shape: Sequence[int], itemsize: int, path: Path) -> None:
    """Raise unless an array of `shape` can be read row by row."""
    if not shape or len(shape) > MAX_DIMENSIONS:
        raise ModelError(f"values of shape {list(shape)}", file=path, expected="[samples, values]")
    row = math.prod(shape[1:]) * itemsize
    if row > MAX_ROW_BYTES or shape[0] > 1 << 48:
        raise LimitError(
            f"values of shape {list(shape)}",
            file=path,
            expected=f"samples of at most {MAX_ROW_BYTES} bytes",
        )

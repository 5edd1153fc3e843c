"""Read tables of numbers written as comma-separated text, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gatec.errors import LimitError, ModelError
from gatec.sim.opening import Opened
from gatec.sim.rows import Batch, BatchRows

Table = npt.NDArray[np.float64]
MAX_LINE_BYTES = 16 << 20
# Text that is parsed at once.
_PART_BYTES = 4 << 20


def table_rows(opened: Opened, label_column: str | None) -> BatchRows:
    """Return the rows of a table.

    The first line is the header when none of its fields is a number. Empty lines are skipped.
    Raises `ModelError` with the line of the first field that is no number, or the first row that
    is longer or shorter than the others.

    Parameters
    ----------
    label_column
        See `find_column`; None where all columns are values.
    """
    reader = _Reader(opened)
    width = reader.width
    if label_column is None:
        return BatchRows(opened.path, [width], None, ((part, None) for part in reader.parts()))
    column = find_column(label_column, reader.names, width, opened.path)

    def batches() -> Iterator[Batch]:
        for part in reader.parts():
            yield np.delete(part, column, axis=1), part[:, column]

    return BatchRows(opened.path, [width - 1], None, batches())


def find_column(column: str, names: list[str], count: int, path: Path) -> int:
    """Return the index of a column given by its header name or its number from 0 (-1 is the last).

    Raises `ModelError` when the table has no such column.
    """
    if column in names:
        return names.index(column)
    try:
        index = int(column)
    except ValueError:
        index = count
    if not -count <= index < count:
        known = f" or one of {', '.join(names)}" if names else ""
        raise ModelError(
            f"no column {column!r}", file=path, expected=f"{-count}..{count - 1}{known}"
        )
    return index % count


class _Reader:
    """The lines of a table.

    Attributes
    ----------
    names
        Of the columns; empty without a header line.
    width
        Number of columns.
    """

    def __init__(self, opened: Opened) -> None:
        self._path = opened.path
        self._stream = opened.stream
        self._bytes = 0
        self._number = 0
        self._waiting: list[str] = []
        self.names: list[str] = []
        first = self._filled_line()
        if first is not None and not any(_is_number(field) for field in first.split(",")):
            self.names = [name.strip().strip('"') for name in first.split(",")]
            first = self._filled_line()
        self._first_number = self._number
        if first is None and not self.names:
            raise ModelError(
                "no rows", file=self._path, expected="a line of numbers for each sample"
            )
        self._waiting = [] if first is None else [first]
        self.width = len(self.names) if first is None else len(first.split(","))
        if self.names and len(self.names) != self.width:
            raise ModelError(
                f"{len(self.names)} column names",
                file=self._path,
                place="line 1",
                expected=str(self.width),
            )

    def parts(self) -> Iterator[Table]:
        """Yield the numbers `[rows, columns]`, a few megabytes of text at a time."""
        while lines := self._lines():
            rows = [line for line in lines if line.strip()]
            if rows:
                yield self._parse(rows, lines)
            self._first_number += len(lines)

    def _parse(self, rows: list[str], lines: list[str]) -> Table:
        try:
            table = np.loadtxt(rows, delimiter=",", ndmin=2, comments=None, dtype=np.float64)
        except ValueError:
            raise self._first_error(lines) from None
        if table.shape[1] != self.width:
            raise self._first_error(lines)
        return table

    def _lines(self) -> list[str]:
        lines, self._waiting = self._waiting, []
        end = self._bytes + _PART_BYTES
        while self._bytes < end and (line := self._line()) is not None:
            lines.append(line)
        return lines

    def _filled_line(self) -> str | None:
        """Return the next line that is not empty, or None at the end."""
        while (line := self._line()) is not None and not line.strip():
            pass
        return line

    def _line(self) -> str | None:
        """Return the next line, or None at the end."""
        content = self._stream.readline(MAX_LINE_BYTES)
        if not content:
            return None
        self._number += 1
        if len(content) == MAX_LINE_BYTES:
            raise LimitError(
                f"a line of {MAX_LINE_BYTES} bytes or more",
                file=self._path,
                place=f"line {self._number}",
            )
        try:
            text = content.decode("utf-8-sig" if not self._bytes else "utf-8")
        except UnicodeDecodeError as error:
            raise ModelError(
                f"byte {self._bytes + error.start} is no text",
                file=self._path,
                expected=".npy, .npz, idx, .parquet, .arrow or .csv data",
            ) from None
        self._bytes += len(content)
        return text.rstrip("\r\n")

    def _first_error(self, lines: list[str]) -> ModelError:
        """Return the error at the first line that does not fit."""
        for number, line in enumerate(lines, start=self._first_number):
            if not line.strip():
                continue
            fields = line.split(",")
            place = f"line {number}"
            if len(fields) != self.width:
                return ModelError(
                    f"{len(fields)} fields",
                    file=self._path,
                    place=place,
                    expected=str(self.width),
                )
            for i, field in enumerate(fields):
                # NumPy reads no digit separators, which Python's float() accepts.
                if not _is_number(field) or "_" in field:
                    what = f"{field.strip()[:40]!r} is not a number"
                    return ModelError(what, file=self._path, place=f"{place}, field {i + 1}")
        return ModelError(
            "not a table of numbers", file=self._path, expected="numbers between commas"
        )


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True

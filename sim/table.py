"""Read tables of numbers written as comma-separated text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from gatec.errors import ModelError

Table = npt.NDArray[np.float64]


def read_table(content: bytes, path: Path) -> tuple[list[str], Table]:
    """Return the column names (empty without a header line) and the numbers `[rows, columns]`.

    The first line is the header when none of its fields is a number. Empty lines are skipped.
    Raises `ModelError` with the line of the first field that is no number, or the first row that
    is longer or shorter than the others.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ModelError(
            f"byte {error.start} is no text", file=path, expected=".npy, .npz, idx or .csv data"
        ) from None
    header = 1 if lines and not any(_is_number(field) for field in lines[0].split(",")) else 0
    rows = [line for line in lines[header:] if line.strip()]
    if not rows:
        raise ModelError("no rows", file=path, expected="a line of numbers for each sample")
    try:
        table = np.loadtxt(rows, delimiter=",", ndmin=2, comments=None, dtype=np.float64)
    except ValueError:
        raise _first_error(lines, header, path) from None
    names = [name.strip().strip('"') for name in lines[0].split(",")] if header else []
    if names and len(names) != table.shape[1]:
        raise ModelError(
            f"{len(names)} column names", file=path, place="line 1", expected=f"{table.shape[1]}"
        )
    return names, table


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


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _first_error(lines: list[str], header: int, path: Path) -> ModelError:
    """Return the error at the first line that does not fit."""
    width = None
    for number, line in enumerate(lines[header:], start=header + 1):
        if not line.strip():
            continue
        fields = line.split(",")
        width = len(fields) if width is None else width
        place = f"line {number}"
        if len(fields) != width:
            return ModelError(f"{len(fields)} fields", file=path, place=place, expected=str(width))
        for i, field in enumerate(fields):
            # NumPy reads no digit separators, which Python's float() accepts.
            if not _is_number(field) or "_" in field:
                what = f"{field.strip()[:40]!r} is not a number"
                return ModelError(what, file=path, place=f"{place}, field {i + 1}")
    return ModelError("not a table of numbers", file=path, expected="numbers between commas")

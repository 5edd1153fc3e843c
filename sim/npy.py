"""Read `.npy` files row by row: the checks of `gatec.frontends.files.npz`, in constant memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.files.npz import NpyHeader, read_header
from gatec.frontends.files.tensors import decode
from gatec.sim.opening import Opened
from gatec.sim.rows import Batch, BinaryRows, Rows, check_rows


def npy_rows(opened: Opened) -> Rows:
    """Return the rows of a `.npy` file.

    Raises `ModelError` at a broken file or at elements that are no numbers, and `LimitError` at one
    that declares too much.
    """
    path = opened.path
    header, start = read_header(opened.stream, file=str(path), place="array")
    if header is None:
        raise ModelError("not numbers", file=path, expected="integers, floats or booleans")
    if header.fortran and len(header.shape) > 1:
        return _ColumnMajorRows(opened, header, start)
    if not header.shape:
        check_rows(header.shape, header.dtype.itemsize, path)
    return BinaryRows(opened, header.dtype, header.shape, start)


class _ColumnMajorRows(Rows):
    """Rows of an array whose first index runs fastest, through a memory map."""

    def __init__(self, opened: Opened, header: NpyHeader, start: int) -> None:
        opened.need_file("an array in Fortran order")
        # The size is checked as for any other file; the map itself would only say less.
        BinaryRows(opened, header.dtype, header.shape, start)
        super().__init__(opened.path, header.shape[1:], header.shape[0])
        self._map = _mapped(opened.path, header, start)
        self._next = 0

    def _read(self, rows: int) -> Batch:
        part = self._map[self._next : self._next + rows]
        self._next += rows
        flat = decode(memoryview(part.tobytes()), part.dtype.str)
        return flat.reshape(len(part), self.width), None


def _mapped(path: Path, header: NpyHeader, start: int) -> np.ndarray:
    shape = tuple(header.shape)
    if 0 in shape:
        return np.zeros(shape, dtype=header.dtype)
    return np.memmap(path, header.dtype, mode="r", offset=start, shape=shape, order="F")

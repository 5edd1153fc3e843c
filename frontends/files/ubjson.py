"""UBJSON, the binary JSON that XGBoost saves to: as the specification (draft 12) has it.

Objects, arrays (also of one type and of a stated length), strings, numbers, true, false and null;
numbers are big-endian. Every length is checked against the bytes that are left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatec.errors import ModelError

_MAX_DEPTH = 64
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4",
            b"D": ">f8"}  # fmt: skip
_CONSTANTS = {b"T": True, b"F": False, b"Z": None}


def is_ubjson(data: bytes) -> bool:
    """Return whether a file starts as an object in UBJSON does: no text has these bytes."""
    return data[:1] == b"{" and data[1:2] in (*_NUMBERS, b"$", b"#") and data[2:3] < b"\t"


def read_ubjson(data: bytes, file: str) -> Any:
    """Return the value that a file holds, number arrays of one type as NumPy's.

    Raises `ModelError` where it is broken.
    """
    reader = _Reader(data, file)
    value = reader.value(reader.take(1), 0)
    if reader.place != len(data):
        raise reader.error("bytes behind the end")
    return value


class _Reader:
    """A position in the bytes."""

    def __init__(self, data: bytes, file: str) -> None:
        self._data = data
        self._file = file
        self.place = 0

    def error(self, what: str) -> ModelError:
        return ModelError(f"broken UBJSON: {what}", file=self._file, place=f"byte {self.place}")

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self.place:
            raise self.error("cut off")
        self.place += count
        return self._data[self.place - count : self.place]

    def value(self, marker: bytes, depth: int) -> Any:
        """Return the value after a marker."""
        if depth > _MAX_DEPTH:
            raise self.error(f"deeper than {_MAX_DEPTH}")
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker in _NUMBERS:
            kind = np.dtype(_NUMBERS[marker])
            return np.frombuffer(self.take(kind.itemsize), dtype=kind)[0].item()
        if marker in (b"S", b"C"):
            size = self._size() if marker == b"S" else 1
            return self.take(size).decode("utf-8", "replace")
        if marker == b"[":
            return self._array(depth)
        if marker == b"{":
            return self._object(depth)
        raise self.error(f"marker {marker!r}")

    def _size(self) -> int:
        size = self.value(self.take(1), _MAX_DEPTH)
        if type(size) is not int or size < 0:
            raise self.error("a size that is none")
        return size

    def _head(self) -> tuple[bytes | None, int | None, bytes]:
        """Return the type and the count of a container, where stated, and the next marker."""
        marker = self.take(1)
        kind = None
        if marker == b"$":
            kind, marker = self.take(1), self.take(1)
            if marker != b"#":
                raise self.error("a type without a count")
        if marker == b"#":
            count = self._size()
            if count > len(self._data) - self.place:
                raise self.error(f"{count} elements")
            return kind, count, b""
        return kind, None, marker

    def _array(self, depth: int) -> Any:
        kind, count, marker = self._head()
        if kind in _NUMBERS and count is not None:
            dtype = np.dtype(_NUMBERS[kind])
            stored = np.frombuffer(self.take(count * dtype.itemsize), dtype=dtype)
            return stored.astype(dtype.newbyteorder("="))
        if count is not None:
            return [self.value(kind or self.take(1), depth + 1) for _ in range(count)]
        found: list[Any] = []
        while marker != b"]":
            found.append(self.value(marker, depth + 1))
            marker = self.take(1)
        return found

    def _object(self, depth: int) -> dict[str, Any]:
        kind, count, marker = self._head()
        found: dict[str, Any] = {}
        while (len(found) < count) if count is not None else (marker != b"}"):
            # A key is a string without its own marker: a size, which starts with its type.
            if count is None:
                self.place -= 1
            key = self.take(self._size()).decode("utf-8", "replace")
            if key in found:
                raise self.error(f"{key[:40]} twice")
            found[key] = self.value(kind or self.take(1), depth + 1)
            if count is None:
                marker = self.take(1)
        return found

"""Open a data file once, so that a pipe will do, and see from its first bytes what it is."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gatec.errors import ModelError
from gatec.limits import check_limit

GZIP_MAGIC = b"\x1f\x8b"
# As long as the longest magic number that tells formats apart.
_START_BYTES = 8
_PART_BYTES = 16 << 20


@dataclass(frozen=True)
class Opened:
    """A data file, open at its first byte.

    Attributes
    ----------
    path
        For messages.
    stream
        The content, gzip removed.
    start
        Its first bytes, which `stream` gives again.
    size
        Bytes of the content; None for a pipe or a gzipped file, which do not say.
    raw
        What `stream` reads from.
    """

    path: Path
    stream: BinaryIO
    start: bytes
    size: int | None
    raw: BinaryIO

    def need_file(self, what: str) -> None:
        """Raise `ModelError` unless this is a plain file, which `what` is read from at will."""
        if self.size is None:
            raise ModelError(f"{what} from a pipe or gzipped", file=self.path, expected="a file")

    def read_all(self, most: int) -> bytes:
        """Return the whole content; raise `LimitError` beyond `most` bytes."""
        check_limit(self.size or 0, most, "file bytes", file=self.path)
        content = bytearray()
        while part := self.stream.read(_PART_BYTES):
            content += part
            check_limit(len(content), most, "file bytes", file=self.path)
        return bytes(content)

    def close(self) -> None:
        """Close the file."""
        self.stream.close()
        self.raw.close()


def open_data_file(path: Path) -> Opened:
    """Open `path`, a file or a pipe, gzipped or not.

    Raises `ModelError` where it cannot be opened or is no gzip file after all.
    """
    with reading(path):
        raw = path.open("rb")
        try:
            return _look(path, raw)
        except BaseException:
            raw.close()
            raise


def _look(path: Path, raw: BinaryIO) -> Opened:
    start = _first_bytes(raw)
    status = os.fstat(raw.fileno())
    regular = stat.S_ISREG(status.st_mode)
    if regular:
        raw.seek(0)
    stream = raw if regular else _again(start, raw)
    if not start.startswith(GZIP_MAGIC):
        return Opened(path, stream, start, status.st_size if regular else None, raw)
    unpacked = gzip.GzipFile(fileobj=stream)
    start = _first_bytes(unpacked)
    return Opened(path, _again(start, unpacked), start, None, raw)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what reading a file can raise into a `ModelError`."""
    try:
        yield
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ModelError(f"broken gzip file: {error}", file=path) from None
    except OSError as error:
        raise ModelError(error.strerror or str(error), file=path) from None


def _first_bytes(stream: BinaryIO | gzip.GzipFile) -> bytes:
    """Return the first bytes; a pipe may give them in pieces."""
    start = b""
    while len(start) < _START_BYTES and (more := stream.read(_START_BYTES - len(start))):
        start += more
    return start


def _again(start: bytes, rest: BinaryIO | gzip.GzipFile) -> BinaryIO:
    return io.BufferedReader(_Again(start, rest), 1 << 20)


class _Again(io.RawIOBase):
    """A stream whose first bytes were read already, from its first byte on."""

    def __init__(self, start: bytes, rest: BinaryIO | gzip.GzipFile) -> None:
        self._start = start
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        content = self._start or self._rest.read1(len(buffer))  # type: ignore[union-attr]
        self._start = content[len(buffer) :] if self._start else b""
        content = content[: len(buffer)]
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._rest.close()
        super().close()

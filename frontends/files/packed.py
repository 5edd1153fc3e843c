"""A pickle under LZMA, as BTHOWeN and ULEEN write models: unpacked within bounds, and inert."""

from __future__ import annotations

import io
import lzma
from typing import Any

from gatec.errors import LimitError, ModelError
from gatec.frontends.files.inert import read_pickle
from gatec.limits import MAX_PICKLE_BYTES

XZ_MAGIC = b"\xfd7zXZ\0"
_MAX_MEMORY = 256 << 20


def read_packed_pickle(data: bytes, file: str) -> Any:
    """Return the value in an `.xz` file of one pickle, with records in place of objects.

    Raises `ModelError` at a file that is broken, `LimitError` at one that unpacks to too much.
    """
    try:
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_MEMORY)
        content = unpacker.decompress(data, MAX_PICKLE_BYTES + 1)
    except lzma.LZMAError as error:
        raise ModelError(f"broken xz file: {error!s:.80}", file=file) from None
    if len(content) > MAX_PICKLE_BYTES:
        raise LimitError("unpacked pickle", file=file, expected=f"at most {MAX_PICKLE_BYTES} bytes")
    if not unpacker.eof or content[:1] != b"\x80":
        raise ModelError("no whole pickle", file=file, expected="a model under LZMA")
    return read_pickle(io.BytesIO(content), file=file)

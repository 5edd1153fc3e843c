"""Read `.safetensors`: a length, a JSON header, raw tensors; nothing else may be in the file."""

from __future__ import annotations

import json
import struct
from typing import Any

from gatec import limits
from gatec.errors import ModelError
from gatec.frontends.files.tensors import BFLOAT16, Array, check_shape, decode, item_size

# The format's README: element types, all little endian.
_KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": BFLOAT16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}


def is_safetensors(data: bytes) -> bool:
    """Return whether the file starts like one: a plausible length, then a JSON object."""
    return len(data) >= 10 and data[8:9] == b"{" and data[6:8] == b"\0\0"


def read_safetensors(data: bytes, file: str) -> dict[str, Array]:
    """Return the tensors by name.

    Raises `ModelError` unless the tensors fill the file from header to end without gap or overlap.
    """
    header, body = _split(data, file)
    tensors: dict[str, Array] = {}
    spans: list[tuple[int, int, str]] = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind, shape, start, stop = _entry(name, entry, file)
        count = check_shape(shape, item_size(kind), file=file, place=name)
        if not 0 <= start <= stop <= len(body) or stop - start != count * item_size(kind):
            raise ModelError(
                f"bytes {start}..{stop} of {len(body)}",
                file=file,
                place=name,
                expected=f"{count * item_size(kind)} bytes",
            )
        spans.append((start, stop, name))
        tensors[name] = decode(body[start:stop], kind).reshape(shape)
    position = 0
    for start, stop, name in sorted(spans):
        if start != position:
            raise ModelError(f"starts at {start}", file=file, place=name, expected=str(position))
        position = stop
    if position != len(body):
        raise ModelError(f"{len(body) - position} bytes that belong to no tensor", file=file)
    return tensors


def _split(data: bytes, file: str) -> tuple[dict[str, Any], memoryview]:
    if len(data) < 8:
        raise ModelError("cut off", file=file, expected="a header")
    (size,) = struct.unpack("<Q", data[:8])
    limits.check_limit(size, limits.MAX_HEADER_BYTES, "header bytes", file=file)
    if size > len(data) - 8:
        raise ModelError("cut off in the header", file=file, expected=f"{size} bytes")
    try:
        header = json.loads(data[8 : 8 + size], object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"broken header: {str(error)[:120]}", file=file) from None
    if not isinstance(header, dict):
        raise ModelError("broken header", file=file, expected="a JSON object")
    return header, memoryview(data)[8 + size :]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _entry(name: str, entry: Any, file: str) -> tuple[str, list[int], int, int]:
    try:
        dtype, shape, (start, stop) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise ModelError("broken header entry", file=file, place=name) from None
    kind = _KINDS.get(dtype) if isinstance(dtype, str) else None
    if kind is None:
        raise ModelError(
            f"elements of {dtype!r:.60}", file=file, place=name, expected=", ".join(_KINDS)
        )
    if not isinstance(shape, list) or type(start) is not int or type(stop) is not int:
        raise ModelError("broken header entry", file=file, place=name)
    return kind, shape, start, stop

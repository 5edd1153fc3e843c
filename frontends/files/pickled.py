"""NumPy arrays in pickles, which an inert reader leaves as records of how to rebuild them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from gatec.frontends.files.records import Record, Symbol
from gatec.frontends.files.tensors import Array

_KIND = re.compile(r"[biuf][1248]")
_MAX_ITEMS = 1 << 20


def as_array(value: Any) -> Array | None:
    """Return an array: one that is there, one that was pickled, or a list of numbers; else None.

    NumPy pickles an array as `_reconstruct(ndarray, (0,), b'b')` with the state `(1, shape, dtype,
    is_fortran, bytes)`, and its scalars as `scalar(dtype, bytes)`.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, list | tuple) and 0 < len(value) <= _MAX_ITEMS:
        plain = all(type(item) in (int, float) and abs(item) < 2.0**62 for item in value)
        return np.array(value) if plain else None
    if not isinstance(value, Record) or not isinstance(value.symbol, Symbol):
        return None
    name = value.symbol.path
    if name.endswith("multiarray._reconstruct") and _has(value.state, 5):
        _, shape, kind, fortran, data = value.state
        return _decoded(data, kind, shape, "F" if fortran is True else "C")
    if name.endswith("multiarray.scalar") and _has(value.args, 2):
        return _decoded(value.args[1], value.args[0], (), "C")
    return None


def _decoded(data: Any, kind: Any, shape: Any, order: Any) -> Array | None:
    dtype, data = _dtype(kind), _bytes(data)
    if dtype is None or not isinstance(data, bytes) or not isinstance(shape, tuple):
        return None
    if any(type(size) is not int or not 0 <= size < 1 << 40 for size in shape) or len(shape) > 8:
        return None
    count = 1
    for size in shape:
        count *= size
    if count * dtype.itemsize != len(data):
        return None
    flat = np.frombuffer(data, dtype=dtype)
    if dtype.kind == "b":
        flat = flat.view(np.uint8) != 0
    return flat.astype(flat.dtype.newbyteorder("="), copy=False).reshape(shape, order=order)


def _dtype(kind: Any) -> np.dtype[Any] | None:
    """Return the type of `dtype('f8', ...)` with the state `(3, '<', ...)`."""
    if not isinstance(kind, Record) or kind.path != "numpy.dtype" or not kind.args:
        return None
    if not isinstance(kind.args[0], str) or _KIND.fullmatch(kind.args[0]) is None:
        return None
    order = kind.state[1] if isinstance(kind.state, tuple) and len(kind.state) > 1 else "|"
    prefix = order if order in ("<", ">") else "="
    try:
        return np.dtype(f"{prefix}{kind.args[0]}")
    except TypeError:
        return None


def _bytes(value: Any) -> Any:
    """Return bytes, which protocol 2 has as text to be encoded."""
    if isinstance(value, Record) and value.path == "_codecs.encode" and _has(value.args, 2):
        text = value.args[0]
        if isinstance(text, str) and max(text, default="") < "\u0100":
            return text.encode("latin1")
    return value


def _has(value: Any, count: int) -> bool:
    return isinstance(value, tuple) and len(value) == count

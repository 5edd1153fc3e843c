"""Bounded views of raw bytes as NumPy arrays, for all tensor formats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec import limits
from gatec.errors import LimitError, ModelError

Array = npt.NDArray[Any]

MAX_DIMENSIONS = 8
# Elements of a tensor that repeats stored ones (stride 0): work that its file's size does not show.
MAX_REPEATED = 1 << 24
# Marks the one element type that NumPy lacks: the upper half of a float32.
BFLOAT16 = "bfloat16"


def item_size(kind: str) -> int:
    """Return the bytes of one element of a NumPy type string or `BFLOAT16`."""
    return 2 if kind == BFLOAT16 else np.dtype(kind).itemsize


def check_shape(shape: Sequence[Any], itemsize: int, *, file: str, place: str) -> int:
    """Return the number of elements of a declared shape, or raise before anything is allocated."""
    if len(shape) > MAX_DIMENSIONS or any(type(size) is not int or size < 0 for size in shape):
        raise ModelError(
            "bad shape", file=file, place=place, expected=f"up to {MAX_DIMENSIONS} sizes"
        )
    if math.prod(max(size, 1) for size in shape) * itemsize > limits.MAX_FILE_BYTES:
        raise LimitError(
            f"tensor of shape {list(shape)}",
            file=file,
            place=place,
            expected=f"at most {limits.MAX_FILE_BYTES} bytes",
        )
    return math.prod(shape)


def decode(content: memoryview, kind: str) -> Array:
    """Return all whole elements in `content`, in native byte order; a view where that is theirs."""
    size = item_size(kind)
    whole = content[: len(content) // size * size]
    if kind == BFLOAT16:
        upper = np.frombuffer(whole, dtype="<u2").astype(np.uint32)
        flat: Array = (upper << np.uint32(16)).view(np.float32)
    else:
        stored = np.frombuffer(whole, dtype=kind)
        if stored.dtype.kind == "b":
            # A byte other than 0 and 1 would be a boolean that equals neither.
            stored = stored.view(np.uint8) != 0
        flat = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    flat.setflags(write=False)
    return flat


def strided(
    flat: Array, shape: Sequence[Any], strides: Sequence[Any], offset: Any, *, file: str, place: str
) -> Array:
    """Return a view of `flat`; shape, strides and offset are in elements and may be anything.

    Raises `ModelError` when the view reaches beyond `flat`, `LimitError` when it is too large.
    """
    count = check_shape(shape, flat.itemsize, file=file, place=place)
    numbers = [offset, *strides]
    if len(strides) != len(shape) or any(type(n) is not int or n < 0 for n in numbers):
        raise ModelError("bad strides or offset", file=file, place=place)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if count and last >= flat.size:
        raise ModelError(
            f"tensor reads element {last}",
            file=file,
            place=place,
            expected=f"below the {flat.size} that there are",
        )
    if count > max(flat.size, MAX_REPEATED):
        raise LimitError(
            f"{count} elements, {flat.size} of them stored",
            file=file,
            place=place,
            expected=f"at most {MAX_REPEATED} by repetition",
        )
    if count == 0:
        return flat[:0].reshape(shape)
    size = flat.itemsize
    steps = tuple(step * size for step in strides)
    array: Array = np.ndarray(tuple(shape), flat.dtype, flat, offset * size, steps)
    array.setflags(write=False)
    return array

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
# Marks the one element type that NumPy lacks: the upper half of a float32.
BFLOAT16 = "bfloat16"


def item_size(kind: str) -> int:
    """Return the bytes of one element of a NumPy type string or `BFLOAT16`."""
    return 2 if kind == BFLOAT16 else np.dtype(kind).itemsize


def check_shape(shape: Sequence[Any], itemsize: int, *, file: str, place: str) -> int:
    """Return the number of elements of a declared shape, or raise before anything is allocated."""
    if len(shape) > MAX_DIMENSIONS or any(
        not isinstance(size, int) or isinstance(size, bool) or size < 0 for size in shape
    ):
        raise ModelError(
            f"shape {list(shape)[: MAX_DIMENSIONS + 1]}",
            file=file,
            place=place,
            expected=f"up to {MAX_DIMENSIONS} sizes",
        )
    if math.prod(max(size, 1) for size in shape) * itemsize > limits.MAX_FILE_BYTES:
        raise LimitError(
            f"tensor of shape {list(shape)}",
            file=file,
            place=place,
            expected=f"at most {limits.MAX_FILE_BYTES} bytes",
        )
    return math.prod(shape)


def view(
    content: memoryview,
    kind: str,
    shape: Sequence[int],
    *,
    strides: Sequence[int] | None = None,
    offset: int = 0,
    file: str,
    place: str,
) -> Array:
    """Return elements of `content` as a read-only array.

    Parameters
    ----------
    kind
        NumPy type string with byte order, or `BFLOAT16` (little endian).
    shape, strides
        In elements; strides default to C order.
    offset
        Of the first element, in elements.

    Raises `ModelError` when the array reaches beyond `content`, `LimitError` when it is too large.
    """
    size = item_size(kind)
    count = check_shape(shape, size, file=file, place=place)
    if strides is None:
        strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    numbers = [offset, *strides]
    if len(strides) != len(shape) or any(type(n) is not int or n < 0 for n in numbers):
        raise ModelError("bad strides or offset", file=file, place=place)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if count and (last + 1) * size > len(content):
        raise ModelError(
            f"tensor needs {(last + 1) * size} bytes",
            file=file,
            place=place,
            expected=f"at most the {len(content)} there are",
        )
    dtype = np.dtype("<u2" if kind == BFLOAT16 else kind)
    if count == 0:
        array: Array = np.zeros(shape, dtype=dtype)
    else:
        flat = np.frombuffer(content, dtype=np.uint8)
        array = np.ndarray(
            tuple(shape),
            dtype,
            buffer=flat,
            offset=offset * size,
            strides=tuple(step * size for step in strides),
        )
    if kind == BFLOAT16:
        array = (array.astype("<u4") << np.uint32(16)).view("<f4")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    array.setflags(write=False)
    return array

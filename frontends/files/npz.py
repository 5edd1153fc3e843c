"""Read `.npz` and `.npy` without `numpy.load`: bounded, and never a pickle."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gatec import limits
from gatec.errors import LimitError, ModelError
from gatec.frontends.files.tensors import Array, check_shape, decode
from gatec.frontends.files.zipped import ZipMembers

NPY_MAGIC = b"\x93NUMPY"
_MAX_NPY_HEADER = 1 << 16
# Magic, version, and the size of the header in its longer form.
_PREFIX = 12
# numpy/lib/format.py writes the header as a Python dictionary; this is all of it that we accept.
_HEADER = re.compile(
    r"\{'descr': '([<>|=]?)([biufcSUOVmM])(\d{1,9})?[^']*', "
    r"'fortran_order': (True|False), 'shape': \(((?:\d{1,20},? ?)*)\),? ?\}\s*"
)
_KINDS = "biuf"
_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}


def read_npz(members: ZipMembers) -> dict[str, Array]:
    """Return the numeric arrays of a `.npz` by name; arrays of other types are left out."""
    arrays = {}
    for name in members.names:
        if not name.endswith(".npy"):
            raise ModelError("not an array", file=members.file, place=name, expected="NAME.npy")
        array = parse_npy(members.read(name), file=members.file, place=name)
        if array is not None:
            arrays[name.removesuffix(".npy")] = array
    return arrays


def read_npy(path: Path) -> Array:
    """Return the numeric array of a `.npy` file."""
    try:
        limits.check_limit(path.stat().st_size, limits.MAX_FILE_BYTES, "file bytes", file=path)
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(error.strerror or str(error), file=path) from None
    array = parse_npy(memoryview(data), file=str(path), place="array")
    if array is None:
        raise ModelError("not numbers", file=path, expected="integers, floats or booleans")
    return array


def parse_npy(content: memoryview, *, file: str, place: str) -> Array | None:
    """Return the array in the bytes of a `.npy` file, or None when its elements are no numbers.

    The declared shape is checked against the bytes that are there, before anything is allocated.
    """
    text, start = _header_text(content, file, place)
    header = parse_header(text, file=file, place=place)
    if header is None:
        return None
    dtype, shape = header.dtype, header.shape
    count = check_shape(shape, dtype.itemsize, file=file, place=place)
    if count * dtype.itemsize != len(content) - start:
        raise ModelError(
            f"{len(content) - start} bytes",
            file=file,
            place=place,
            expected=f"{count * dtype.itemsize} for shape {shape}",
        )
    flat = decode(content[start:], dtype.str)
    return flat.reshape(shape, order="F" if header.fortran else "C")


@dataclass(frozen=True)
class NpyHeader:
    """What the header of a `.npy` array declares; nothing of it is checked against the file.

    Attributes
    ----------
    dtype
        A boolean, integer or float type, in the file's byte order.
    shape
        Sizes, not negative.
    fortran
        Whether the first index runs fastest.
    """

    dtype: np.dtype[Any]
    shape: list[int]
    fortran: bool


def parse_header(text: str, *, file: str, place: str) -> NpyHeader | None:
    """Return what a header's text declares, or None when the elements are no numbers."""
    match = _HEADER.fullmatch(text)
    if match is None:
        if text.startswith("{'descr': ["):
            return None
        raise ModelError("broken array header", file=file, place=place)
    order, kind, size, fortran, sizes = match.groups()
    if kind not in _KINDS:
        return None
    if int(size or 0) not in _SIZES[kind]:
        raise ModelError(f"elements of {kind}{size}", file=file, place=place)
    shape = [int(part) for part in sizes.replace(",", " ").split()]
    return NpyHeader(np.dtype(f"{order}{kind}{size}"), shape, fortran == "True")


def read_header(stream: BinaryIO, *, file: str, place: str) -> tuple[NpyHeader | None, int]:
    """Return the header at the start of `stream`, and its bytes; the elements come next.

    Never reads beyond the header, so that a pipe will do. The header is None when the elements are
    no numbers.
    """
    content = stream.read(_PREFIX)
    form = _size_form(memoryview(content), file, place)
    end = 8 + struct.calcsize(form)
    (size,) = struct.unpack(form, content[8:end])
    _check_header_size(size, file, place)
    content += stream.read(end + size - len(content))
    text, start = _header_text(memoryview(content), file, place)
    return parse_header(text, file=file, place=place), start


def _header_text(content: memoryview, file: str, place: str) -> tuple[str, int]:
    """Return the header's text and where the elements start."""
    form = _size_form(content, file, place)
    start = 8 + struct.calcsize(form)
    (size,) = struct.unpack(form, content[8:start])
    _check_header_size(size, file, place)
    if size > len(content) - start:
        raise ModelError("cut off in the header", file=file, place=place)
    return bytes(content[start : start + size]).decode("latin-1"), start + size


def _size_form(content: memoryview, file: str, place: str) -> str:
    """Return how the size of the header is written."""
    if bytes(content[:6]) != NPY_MAGIC or len(content) < _PREFIX:
        raise ModelError("not a .npy array", file=file, place=place)
    major = content[6]
    if major not in (1, 2, 3):
        raise ModelError(f".npy version {major}", file=file, place=place, expected="1 to 3")
    return "<H" if major == 1 else "<I"


def _check_header_size(size: int, file: str, place: str) -> None:
    if size > _MAX_NPY_HEADER:
        raise LimitError(f"array header of {size} bytes", file=file, place=place)

"""Read the idx files that MNIST and its relatives come in, plain or gzipped.

Source: the format's description on the MNIST page. Big endian; two zero bytes, the element type
(only 0x08, unsigned bytes, is read), the number of dimensions, the 32-bit sizes, the elements.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from gatec.errors import ModelError
from gatec.sim.opening import Opened
from gatec.sim.rows import BinaryRows

IDX_MAGIC = b"\0\0"
_UNSIGNED_BYTES = 0x08


def idx_rows(opened: Opened) -> BinaryRows:
    """Return the rows of an idx file.

    Raises `ModelError` at a broken file, and `LimitError` at one that declares too much.
    """
    file, path = opened.stream, opened.path
    magic = file.read(4)
    if len(magic) < 4 or not magic.startswith(IDX_MAGIC):
        raise ModelError("not an idx file", file=path, expected="an idx file of unsigned bytes")
    if magic[2] != _UNSIGNED_BYTES:
        raise ModelError(f"idx elements of type 0x{magic[2]:02x}", file=path, expected="0x08")
    header = file.read(4 * magic[3])
    if len(header) != 4 * magic[3] or not header:
        raise ModelError("cut off in the header", file=path)
    shape = struct.unpack(f">{magic[3]}I", header)
    return BinaryRows(opened, np.dtype(np.uint8), shape, 4 + len(header))


def labels_beside(images: Path) -> Path | None:
    """Return the labels file that goes with an images file by MNIST's names, if it is there."""
    marker = "-images-idx3-ubyte"
    if marker not in images.name:
        return None
    stem = images.name.replace(marker, "-labels-idx1-ubyte").removesuffix(".gz")
    found = [images.with_name(name) for name in (stem, f"{stem}.gz")]
    return next((path for path in found if path.is_file()), None)

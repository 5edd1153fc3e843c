"""Read the idx files that MNIST and its relatives come in, plain or gzipped.

Source: the format's description on the MNIST page. Big endian; two zero bytes, the element type
(only 0x08, unsigned bytes, is read), the number of dimensions, the 32-bit sizes, the elements.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from gatec.errors import ModelError
from gatec.frontends.tensors import check_shape

GZIP_MAGIC = b"\x1f\x8b"
IDX_MAGIC = b"\0\0\x08"
_UNSIGNED_BYTES = 0x08


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Return the array of an idx file, gzipped or not; shape as declared.

    Never unpacks more than the declared sizes. Raises `ModelError` at a broken file, and
    `LimitError` at one that declares too much.
    """
    with path.open("rb") as file:
        gzipped = file.read(2) == GZIP_MAGIC
        file.seek(0)
        if not gzipped:
            return _read(file, path)
        try:
            with gzip.open(file) as unpacked:
                return _read(unpacked, path)  # type: ignore[arg-type]  # reads like a BinaryIO
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ModelError(f"broken gzip file: {error}", file=path) from None


def labels_beside(images: Path) -> Path | None:
    """Return the labels file that goes with an images file by MNIST's names, if it is there."""
    marker = "-images-idx3-ubyte"
    if marker not in images.name:
        return None
    stem = images.name.replace(marker, "-labels-idx1-ubyte").removesuffix(".gz")
    found = [images.with_name(name) for name in (stem, f"{stem}.gz")]
    return next((path for path in found if path.is_file()), None)


def _read(file: BinaryIO, path: Path) -> npt.NDArray[np.uint8]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise ModelError("not an idx file", file=path, expected="an idx file of unsigned bytes")
    if magic[2] != _UNSIGNED_BYTES:
        raise ModelError(f"idx elements of type 0x{magic[2]:02x}", file=path, expected="0x08")
    header = file.read(4 * magic[3])
    if len(header) != 4 * magic[3] or not header:
        raise ModelError("cut off in the header", file=path)
    shape = struct.unpack(f">{magic[3]}I", header)
    count = check_shape(shape, 1, file=str(path), place="header")
    content = file.read(count + 1)
    if len(content) != count:
        found = f"{len(content)} bytes" if len(content) < count else "more bytes"
        raise ModelError(found, file=path, expected=f"{count} for shape {list(shape)}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)

"""Data sets as a model's input vectors: read, check, encode, and never guess.

Kinds of files, told apart by their content: `.npy` (samples), `.npz` (`x`, and labels `y`), MNIST's
idx (labels in the file beside it), and comma-separated text. A sample of more than one dimension is
flattened in C order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gatec import limits
from gatec.bits import Bits, from_integers
from gatec.errors import ModelError, UsageError
from gatec.frontends.npz import NPY_MAGIC, read_npy, read_npz
from gatec.frontends.tensors import Array
from gatec.frontends.zipped import ZipMembers
from gatec.sim.idx import GZIP_MAGIC, IDX_MAGIC, labels_beside, read_idx
from gatec.sim.table import find_column, read_table

ZIP_MAGIC = b"PK\x03\x04"
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DataSet:
    """Samples as a model takes them.

    Attributes
    ----------
    bits
        `uint8[samples, num_inputs]`, 0 or 1.
    labels
        `int64[samples]`, or None when the data has none.
    """

    bits: Bits
    labels: Labels | None

    def __len__(self) -> int:
        return len(self.bits)


def load_data(
    path: Path,
    *,
    num_inputs: int,
    code_bits: int | None = None,
    threshold: float | None = None,
    labels: Path | None = None,
    label_column: str | None = None,
    classes: int | None = None,
) -> DataSet:
    """Read a data set for a model of `num_inputs` input bits.

    Parameters
    ----------
    code_bits
        For a model that holds its encoder: the width of its integer features. The values in the
        file are then the codes themselves; without it, they are the input bits.
    threshold
        Turn each value into the bit `value > threshold`.
    labels
        File with one class number for each sample: `.npy`, idx or text. By default the labels that
        the data file holds, or that lie beside it by MNIST's file names.
    label_column
        Of comma-separated text: the column of the labels, by its name or its number from 0
        (negative from the end).
    classes
        Number of classes of the model; a label above is an error.

    Raises `ModelError` (one line: file, what, expected), `LimitError`, and `UsageError` for options
    that do not go together.
    """
    if threshold is not None and code_bits is not None:
        raise UsageError(
            "--threshold for a model that holds its encoder", expected="its integer codes as data"
        )
    values, found = _read(path, label_column)
    if labels is not None:
        found, _ = _read(labels, None)
    bits = _encode(_flat(values, path), path, num_inputs, code_bits, threshold)
    if found is None:
        return DataSet(bits, None)
    return DataSet(bits, _checked_labels(found, len(bits), classes, labels or path))


def _read(path: Path, label_column: str | None) -> tuple[Array, Array | None]:
    """Return the values and the labels that `path` holds or that belong to it by name."""
    try:
        limits.check_limit(path.stat().st_size, limits.MAX_FILE_BYTES, "file bytes", file=path)
        with path.open("rb") as file:
            start = file.read(len(NPY_MAGIC))
        if label_column is not None and start.startswith((NPY_MAGIC, ZIP_MAGIC, b"\0", GZIP_MAGIC)):
            raise UsageError("--label-column", file=path, expected="comma-separated text")
        if start == NPY_MAGIC:
            return read_npy(path), None
        if start.startswith(ZIP_MAGIC):
            return _read_arrays(path)
        if start.startswith((IDX_MAGIC, GZIP_MAGIC)):
            beside = labels_beside(path)
            return read_idx(path), None if beside is None else read_idx(beside)
        return _read_text(path, label_column)
    except OSError as error:
        raise ModelError(error.strerror or str(error), file=path) from None


def _read_arrays(path: Path) -> tuple[Array, Array | None]:
    arrays = read_npz(ZipMembers(path.read_bytes(), str(path)))
    if "x" not in arrays:
        raise ModelError(
            f"arrays {', '.join(sorted(arrays)) or 'none'}",
            file=path,
            expected="x, and optionally y",
        )
    return arrays["x"], arrays.get("y")


def _read_text(path: Path, label_column: str | None) -> tuple[Array, Array | None]:
    names, table = read_table(path.read_bytes(), path)
    if label_column is None:
        return table, None
    column = find_column(label_column, names, table.shape[1], path)
    return np.delete(table, column, axis=1), table[:, column]


def _flat(values: Array, path: Path) -> Array:
    if values.ndim < 2 or len(values) == 0:
        raise ModelError(
            f"values of shape {list(values.shape)}", file=path, expected="[samples, values]"
        )
    numbers = values.astype(np.uint8) if values.dtype.kind == "b" else values
    return numbers.reshape(len(values), -1)


def _encode(
    values: Array, path: Path, num_inputs: int, code_bits: int | None, threshold: float | None
) -> Bits:
    """Return the input bits that `values` (`[samples, width]`) stand for."""
    width = num_inputs // (code_bits or 1)
    if values.shape[1] != width:
        what = "bits" if code_bits is None else f"{code_bits}-bit codes"
        raise ModelError(
            f"{values.shape[1]} values a sample", file=path, expected=f"the model's {width} {what}"
        )
    _check_numbers(values, path)
    if threshold is not None:
        return (values > threshold).astype(np.uint8)
    highest = (1 << (code_bits or 1)) - 1
    outside = (values < 0) | (values > highest) | (values != np.trunc(values))
    if outside.any():
        span = f"values from {values.min():g} to {values.max():g}"
        if code_bits is not None:
            raise ModelError(span, file=path, expected=f"integer codes 0..{highest}")
        raise ModelError(span, file=path, expected="bits, or --threshold T (bit = value > T)")
    if code_bits is None:
        return values.astype(np.uint8)
    return from_integers(values.astype(np.int64), code_bits).reshape(len(values), num_inputs)


def _check_numbers(values: Array, path: Path) -> None:
    bad = np.isnan(values) if values.dtype.kind == "f" else np.zeros(1, dtype=np.bool_)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise ModelError(f"value {column} is nan", file=path, place=f"sample {row}")


def _checked_labels(found: Array, samples: int, classes: int | None, path: Path) -> Labels:
    """Return labels as `int64[samples]`, or raise at the first that is no class number."""
    column = found.reshape(-1)
    if len(column) != samples or found.shape[:1] != (samples,):
        raise ModelError(f"labels of shape {list(found.shape)}", file=path, expected=f"[{samples}]")
    highest = np.iinfo(np.int32).max if classes is None else classes - 1
    with np.errstate(invalid="ignore"):
        bad = ~((column >= 0) & (column <= highest) & (column == np.trunc(column)))
    if bad.any():
        row = int(bad.argmax())
        span = "a class number" if classes is None else f"a class 0..{highest}"
        raise ModelError(f"label {column[row]:g}", file=path, place=f"sample {row}", expected=span)
    return column.astype(np.int64)

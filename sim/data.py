"""Data sets as a model's input vectors: read in constant memory, checked, encoded, never guessed.

Kinds of files, told apart by their content: `.npy` (samples), `.npz` (`x`, and labels `y`), MNIST's
idx (labels in the file beside it), Parquet and Arrow (through pyarrow), and comma-separated text;
all but Parquet and Arrow files also gzipped or from a pipe. A sample of more than one
dimension is flattened in C order. All but `.npz` may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatec import limits
from gatec.bits import Bits
from gatec.errors import ModelError, UsageError
from gatec.frontends.files.npz import NPY_MAGIC, read_npz
from gatec.frontends.files.zipped import ZipMembers
from gatec.sim.columns import ARROW_MAGICS, column_rows
from gatec.sim.encoding import Encoding, Labels, check_labels
from gatec.sim.idx import IDX_MAGIC, idx_rows, labels_beside
from gatec.sim.npy import npy_rows
from gatec.sim.opening import Opened, open_data_file, reading
from gatec.sim.rows import ArrayRows, Rows
from gatec.sim.table import table_rows

ZIP_MAGIC = b"PK\x03\x04"
# Values of a chunk: the work on it then outweighs the calls, in tens of megabytes.
_CHUNK_VALUES = 1 << 22
_MAX_CHUNK_ROWS = 1 << 16
_ROW_STEP = 512


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


class DataStream:
    """A data set, read once from its start, some samples at a time.

    Parameters
    ----------
    values
        The samples.
    labels
        Their labels, where these are in another file.
    encoding
        What the values stand for.
    classes
        Number of classes of the model; a label above is an error.
    limit
        Stop after so many samples.
    """

    def __init__(
        self,
        values: Rows,
        labels: Rows | None,
        encoding: Encoding,
        *,
        classes: int | None = None,
        limit: int | None = None,
    ) -> None:
        self._values, self._labels = values, labels
        self._encoding = encoding
        self._classes = classes
        self._left = limit
        if not values.item_shape:
            raise ModelError(
                f"values of shape {values.shape}", file=values.path, expected="[samples, values]"
            )
        encoding.check_width(values.width, values.path)
        if labels is not None and (labels.width != 1 or len(labels.item_shape) > 1):
            raise self._wrong_labels()
        counts = {values.count, values.count if labels is None else labels.count} - {None}
        if len(counts) > 1:
            raise self._wrong_labels()

    @property
    def item_shape(self) -> tuple[int, ...]:
        """Shape of a sample's input bits: the data's own where each value is one bit."""
        if self._encoding.code_bits is None:
            return self._values.item_shape
        return (self._encoding.num_inputs,)

    @property
    def num_samples(self) -> int | None:
        """How many samples will come; None where only the end tells."""
        count = self._values.count
        if self._left is None or count is None:
            return count
        return min(count, self._left)

    def chunks(self, rows: int | None = None) -> Iterator[DataSet]:
        """Yield all samples, `rows` at a time (fewer at the end); by default some megabytes.

        Raises `ModelError` at the first sample or label that is broken.
        """
        if rows is None:
            wanted = _CHUNK_VALUES // max(self._encoding.num_inputs, 1)
            rows = min(max(wanted // _ROW_STEP, 1) * _ROW_STEP, _MAX_CHUNK_ROWS)
        first = 0
        while (size := rows if self._left is None else min(rows, self._left)) > 0:
            chunk = self._chunk(first, size)
            if not len(chunk):
                return
            yield chunk
            first += len(chunk)
            self._left = None if self._left is None else self._left - len(chunk)

    def _chunk(self, first: int, size: int) -> DataSet:
        values, column = self._values.read(size)
        path = self._values.path
        if self._labels is not None:
            found, _ = self._labels.read(size)
            path, column = self._labels.path, found[:, 0]
            # A longer file of labels shows only when the samples are at their end.
            more = len(values) < size and self._labels.count is None
            extra = len(self._labels.read(1)[0]) if more else 0
            if len(found) + extra != len(values):
                raise ModelError(
                    f"{first + len(found) + extra} labels",
                    file=path,
                    expected=f"one for each of {first + len(values)} samples",
                )
        bits = self._encoding.encode(values, self._values.path, first)
        if column is None or not len(values):
            return DataSet(bits, None if column is None else np.zeros(0, dtype=np.int64))
        return DataSet(bits, check_labels(column.reshape(-1), first, self._classes, path))

    def _wrong_labels(self) -> ModelError:
        assert self._labels is not None
        count = "?" if self._values.count is None else self._values.count
        return ModelError(
            f"labels of shape {self._labels.shape}", file=self._labels.path, expected=f"[{count}]"
        )


@contextmanager
def open_data(
    path: Path,
    encoding: Encoding,
    *,
    labels: Path | None = None,
    label_column: str | None = None,
    classes: int | None = None,
    limit: int | None = None,
) -> Iterator[DataStream]:
    """Open a data set for as long as the body runs.

    Parameters
    ----------
    encoding
        What the values stand for.
    labels
        File with one class number for each sample: `.npy`, idx or text. By default the labels that
        the data file holds, or that lie beside it by MNIST's file names.
    label_column
        Of text, Parquet and Arrow: the column of the labels, by its name or its number from 0
        (negative from the end).
    classes
        Number of classes of the model; a label above is an error.
    limit
        Use the first samples only.

    Raises `ModelError` (one line: file, what, expected), `LimitError`, `ToolError` without pyarrow,
    and `UsageError` for options that do not go together.
    """
    with ExitStack() as stack:
        values, beside = _open_rows(path, label_column, stack)
        if labels is not None:
            beside, _ = _open_rows(labels, None, stack)
        yield DataStream(values, beside, encoding, classes=classes, limit=limit)


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
    """Read a whole data set; see `open_data` and `Encoding`."""
    encoding = Encoding(num_inputs, code_bits, threshold)
    with open_data(
        path, encoding, labels=labels, label_column=label_column, classes=classes
    ) as stream:
        chunks = list(stream.chunks())
    bits = [np.zeros((0, num_inputs), dtype=np.uint8), *(chunk.bits for chunk in chunks)]
    columns = [chunk.labels for chunk in chunks if chunk.labels is not None]
    return DataSet(np.concatenate(bits), np.concatenate(columns) if columns else None)


def open_column(path: Path, stack: ExitStack) -> Rows:
    """Return the rows of a file of labels or predictions, open until `stack` closes."""
    return _open_rows(path, None, stack)[0]


def _open_rows(path: Path, label_column: str | None, stack: ExitStack) -> tuple[Rows, Rows | None]:
    """Return the rows of a file, and those of the labels that belong to it by name."""
    opened = open_data_file(path)
    stack.callback(opened.close)
    with reading(path):
        return _rows(opened, label_column, stack)


def _rows(opened: Opened, label_column: str | None, stack: ExitStack) -> tuple[Rows, Rows | None]:
    path, start = opened.path, opened.start
    tabular = not start.startswith((NPY_MAGIC, ZIP_MAGIC, IDX_MAGIC))
    if label_column is not None and not tabular:
        raise UsageError(
            "--label-column", file=path, expected="comma-separated text, Parquet or Arrow"
        )
    if start.startswith(NPY_MAGIC):
        return npy_rows(opened), None
    if start.startswith(ZIP_MAGIC):
        return _npz_rows(opened)
    if start.startswith(IDX_MAGIC):
        beside = labels_beside(path)
        return idx_rows(opened), None if beside is None else _open_rows(beside, None, stack)[0]
    if start.startswith(ARROW_MAGICS):
        return column_rows(opened, label_column), None
    return table_rows(opened, label_column), None


def _npz_rows(opened: Opened) -> tuple[Rows, Rows | None]:
    content = opened.read_all(limits.MAX_FILE_BYTES)
    arrays = read_npz(ZipMembers(content, str(opened.path)))
    if "x" not in arrays:
        raise ModelError(
            f"arrays {', '.join(sorted(arrays)) or 'none'}",
            file=opened.path,
            expected="x, and optionally y",
        )
    values, labels = arrays["x"], arrays.get("y")
    return (
        ArrayRows(opened.path, np.atleast_1d(values)),
        None if labels is None else ArrayRows(opened.path, np.atleast_1d(labels)),
    )

"""Write predictions while they are made: `.npy` or Parquet, all or nothing, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from gatec.model import OutputKind
from gatec.publish import replacing
from gatec.sim.columns import import_pyarrow
from gatec.sim.encoding import Labels
from gatec.sim.evaluator import Outputs

PARQUET_SUFFIX = ".parquet"
# Of a table's column of outputs.
_COLUMN: dict[OutputKind, str] = {"argmax": "class", "scores": "scores", "bits": "bits"}


class Writer(Protocol):
    """Takes outputs chunk by chunk."""

    def add(self, outputs: Outputs, labels: Labels | None) -> None:
        """Append the outputs of some samples, and their labels where there are any."""


@contextmanager
def write_predictions(path: Path, kind: OutputKind, none: Outputs) -> Iterator[Writer]:
    """Give a writer to the file `path`, which appears when the body ends without an error.

    `none` is what the outputs of no samples look like.

    `*.parquet` gets a column `class`, or a column of lists `scores` or `bits`, and where the data
    has labels a column `label`; anything else becomes a `.npy` array. Raises `UsageError` where the
    file cannot be written, before the work where that can be known.
    """
    arrow = import_pyarrow(path) if path.suffix == PARQUET_SUFFIX else None
    with replacing(path) as file:
        writer = (
            _NpyWriter(file, none) if arrow is None else _ParquetWriter(file, kind, none, arrow)
        )
        yield writer
        writer.finish()


class _NpyWriter:
    """An array whose header is written again when the number of rows is known."""

    def __init__(self, file: BinaryIO, none: Outputs) -> None:
        self._file, self._none = file, none
        self._rows = 0
        self._header()

    def add(self, outputs: Outputs, _labels: Labels | None) -> None:
        self._file.write(np.ascontiguousarray(outputs).data)
        self._rows += len(outputs)

    def finish(self) -> None:
        self._file.seek(0)
        self._header()

    def _header(self) -> None:
        # NumPy leaves room in the header for the first size to grow: its length stays the same.
        header = {
            "descr": np.lib.format.dtype_to_descr(self._none.dtype),
            "fortran_order": False,
            "shape": (self._rows, *self._none.shape[1:]),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


class _ParquetWriter:
    """A table of the outputs, and of the labels where there are any."""

    def __init__(self, file: BinaryIO, kind: OutputKind, none: Outputs, arrow: Any) -> None:
        self._file, self._none, self._arrow = file, none, arrow
        self._column = _COLUMN[kind]
        self._writer: Any = None

    def add(self, outputs: Outputs, labels: Labels | None) -> None:
        arrow = self._arrow
        columns = {self._column: self._array(outputs)}
        if labels is not None:
            columns["label"] = arrow.array(labels)
        table = arrow.table(columns)
        if self._writer is None:
            self._writer = arrow.parquet.ParquetWriter(self._file, table.schema)
        self._writer.write_table(table)

    def finish(self) -> None:
        if self._writer is None:
            self.add(self._none, None)
        self._writer.close()

    def _array(self, outputs: Outputs) -> Any:
        if outputs.ndim == 1:
            return self._arrow.array(outputs)
        flat = self._arrow.array(outputs.reshape(-1))
        return self._arrow.FixedSizeListArray.from_arrays(flat, outputs.shape[1])

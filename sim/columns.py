"""Read Parquet and Arrow files some rows at a time, through pyarrow.

Each column of numbers is one value of a sample, in the file's order; a column of lists of equal
length stands for as many values. The label column is named by the user.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from gatec.errors import ModelError, ToolError
from gatec.frontends.files.tensors import Array
from gatec.sim.opening import Opened
from gatec.sim.rows import Batch, BatchRows
from gatec.sim.table import find_column

PARQUET_MAGIC = b"PAR1"
ARROW_FILE_MAGIC = b"ARROW1"
ARROW_STREAM_MAGIC = b"\xff\xff\xff\xff"
ARROW_MAGICS = (PARQUET_MAGIC, ARROW_FILE_MAGIC, ARROW_STREAM_MAGIC)
# Rows that pyarrow decodes at once; of a memory-mapped Arrow file it copies no more than these.
_BATCH_ROWS = 4096


def import_pyarrow(what: object) -> Any:
    """Return pyarrow, or say how to get it for the file `what`."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        raise ToolError(
            "pyarrow not found", file=str(what), expected="pip install 'gatec[arrow]'"
        ) from None
    return pyarrow


def column_rows(opened: Opened, label_column: str | None) -> BatchRows:
    """Return the rows of a Parquet file, an Arrow file (Feather 2), or an Arrow stream.

    Raises `ModelError` at a broken file, at columns that are no numbers, and at missing values.
    """
    arrow = import_pyarrow(opened.path)
    try:
        count, schema, batches = _open(arrow, opened)
    except (arrow.ArrowException, ValueError, OSError) as error:
        raise _broken(error, opened.path) from None
    names = list(schema.names)
    label = None
    if label_column is not None:
        label = find_column(label_column, names, len(names), opened.path)
    _check_types(arrow, schema, opened.path)
    parts = _parts(arrow, batches, label, opened.path)
    width = _width(arrow, schema, label)
    if width is not None:
        return BatchRows(opened.path, [width], count, parts)
    first = next(parts, None)
    if first is None:
        raise ModelError(
            "no rows", file=opened.path, expected="one, which tells how long lists are"
        )
    return BatchRows(opened.path, [first[0].shape[1]], count, chain([first], parts))


def _width(arrow: Any, schema: Any, label: int | None) -> int | None:
    """Return the number of values in a row; None where only the lists in it tell."""
    kinds = [kind for i, kind in enumerate(schema.types) if i != label]
    fixed = [arrow.types.is_fixed_size_list(kind) for kind in kinds]
    if any(_is_list(arrow, kind) and not known for kind, known in zip(kinds, fixed, strict=True)):
        return None
    return sum(kind.list_size if known else 1 for kind, known in zip(kinds, fixed, strict=True))


def _open(arrow: Any, opened: Opened) -> tuple[int | None, Any, Iterator[Any]]:
    """Return the number of rows where it is known, the schema, and the record batches."""
    if opened.start.startswith(ARROW_STREAM_MAGIC):
        reader = arrow.ipc.open_stream(opened.stream)
        return None, reader.schema, _slices(reader)
    if opened.start.startswith(ARROW_FILE_MAGIC):
        opened.need_file("an Arrow file")
        reader = arrow.ipc.open_file(arrow.memory_map(str(opened.path)))
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        return None, reader.schema, _slices(batches)
    opened.need_file("Parquet")
    file = arrow.parquet.ParquetFile(opened.stream, pre_buffer=False, buffer_size=1 << 20)
    return file.metadata.num_rows, file.schema_arrow, file.iter_batches(_BATCH_ROWS)


def _slices(batches: Any) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield batch.slice(start, _BATCH_ROWS)


def _parts(arrow: Any, batches: Iterator[Any], label: int | None, path: Path) -> Iterator[Batch]:
    """Yield values and labels of each record batch."""
    done = 0
    iterator = iter(batches)
    while True:
        try:
            batch = next(iterator, None)
        except (arrow.ArrowException, ValueError, OSError) as error:
            raise _broken(error, path) from None
        if batch is None:
            return
        columns = [
            _numbers(arrow, batch.column(i), name, done, path)
            for i, name in enumerate(batch.schema.names)
        ]
        labels = None if label is None else columns.pop(label)[:, 0]
        if not columns:
            raise ModelError("no column of values", file=path, expected="one at least")
        yield np.concatenate(columns, axis=1), labels
        done += batch.num_rows


def _numbers(arrow: Any, column: Any, name: str, first: int, path: Path) -> Array:
    """Return a column as `[rows, values]`."""
    rows = len(column)
    _refuse_missing(column, name, first, 1, path)
    if _is_list(arrow, column.type):
        lengths = np.unique(arrow.compute.list_value_length(column).to_numpy(zero_copy_only=False))
        if len(lengths) > 1:
            raise ModelError(
                f"column {name!r} has lists of {lengths[0]} to {lengths[-1]} values",
                file=path,
                expected="as many for each sample",
            )
        column = column.flatten()
        _refuse_missing(column, name, first, int(lengths[0]) if rows else 1, path)
    values: Array = column.to_numpy(zero_copy_only=False)
    return values.reshape(rows, -1 if rows else 0)


def _refuse_missing(column: Any, name: str, first: int, each: int, path: Path) -> None:
    """Raise at the first null; `each` values make a sample."""
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False))) // each
        raise ModelError(f"column {name!r} has no value", file=path, place=f"sample {first + row}")


def _check_types(arrow: Any, schema: Any, path: Path) -> None:
    types = arrow.types
    for field in schema:
        kind = field.type.value_type if _is_list(arrow, field.type) else field.type
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise ModelError(
                f"column {field.name!r} is {field.type}", file=path, expected="columns of numbers"
            )


def _is_list(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _broken(error: Exception, path: Path) -> ModelError:
    return ModelError(f"cannot be read by pyarrow: {str(error)[:200]}", file=path)

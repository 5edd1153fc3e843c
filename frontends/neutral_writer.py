"""Write a model in gatec's own form (`gatec.frontends.neutral`)."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from gatec.blocks import LutLayer
from gatec.errors import UsageError
from gatec.frontends.tensors import Array
from gatec.model import ModelGraph


def write_neutral(model: ModelGraph, path: str | Path) -> None:
    """Write a model as a neutral `.npz`, replacing `path` in one step.

    Raises `UsageError` when the file cannot be written; an older file then stays as it was.
    """
    target = Path(path)
    data = neutral_bytes(model)
    try:
        handle, name = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fchmod(stream.fileno(), 0o644)
                os.fsync(stream.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", file=target) from None


def neutral_bytes(model: ModelGraph) -> bytes:
    """Return a model as the bytes of a neutral `.npz`; the same model gives the same bytes.

    Name, notes, and whether the model ends in scores or a class are not part of the form.
    """
    arrays: dict[str, Any] = {"inputs": np.int64(model.layers[0].in_width)}
    for i, layer in enumerate(model.layers):
        arrays[f"layers.{i}.fanin"] = layer.fanin
        arrays[f"layers.{i}.tables"] = _rows(layer)
    if model.encoder is not None:
        arrays["levels"] = model.encoder.levels
        arrays["code_bits"] = np.int64(model.encoder.code_bits)
    if model.head is not None:
        arrays["classes"] = np.int64(model.head.classes)
        for key, value in (("tau", model.head.tau), ("beta", model.head.beta)):
            if value is not None:
                arrays[key] = np.float64(value)
    stream = io.BytesIO()
    # Uncompressed: another zlib would give other bytes.
    np.savez(stream, **arrays)
    return stream.getvalue()


def _rows(layer: LutLayer) -> Array:
    """Return the truth tables `uint8[gates, 2**k]`, first input most significant."""
    k = layer.fanin.shape[1]
    column = np.arange(1 << k, dtype=np.uint64)
    address = np.zeros(1 << k, dtype=np.uint64)
    for slot in range(k):
        bit = (column >> np.uint64(k - 1 - slot)) & np.uint64(1)
        address |= bit << np.uint64(slot)
    return ((layer.tables[:, None] >> address) & np.uint64(1)).astype(np.uint8)

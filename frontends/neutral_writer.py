"""Write a model in gatec's own form (`gatec.frontends.neutral`)."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from gatec.blocks import LutLayer
from gatec.blocks_bits import BitBlock
from gatec.blocks_threshold import ClassScores
from gatec.errors import UsageError
from gatec.frontends.clocked import ClockedModel
from gatec.frontends.draft import FRONT, INPUT
from gatec.frontends.files.tensors import Array
from gatec.frontends.neutral_blocks import block_arrays, table_rows
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
    return _npz(_body_arrays(model) | _head_arrays(model))


def clocked_bytes(model: ClockedModel) -> bytes:
    """Return a recurrent net as the bytes of a neutral `.npz`, without its number of steps."""
    arrays = _body_arrays(model.step) | _head_arrays(model.tail)
    arrays["inputs"] = np.int64(model.inputs)
    arrays["state"] = np.int64(model.state)
    arrays["every_step"] = np.int64(model.every_step)
    if model.from_input:
        arrays["state_from_input"] = np.int64(1)
    else:
        arrays["state_init"] = model.init
    if model.codebook is not None:
        arrays["codebook"] = model.codebook
    return _npz(arrays)


def _body_arrays(model: ModelGraph) -> dict[str, Any]:
    """Return the keys of a model up to its last layer."""
    front = model.encoder or model.input
    arrays: dict[str, Any] = {"inputs": np.int64(front.out_width)}
    layers = [block for block in model.blocks if isinstance(block, LutLayer | BitBlock)]
    numbers = {block.name: i for i, block in enumerate(layers)}
    numbers |= {model.input.name: INPUT, front.name: FRONT}
    for i, layer in enumerate(layers):
        found = _dense(layer) if isinstance(layer, LutLayer) else block_arrays(layer)
        reads = [numbers[name] for name in model.reads[layer.name]]
        if reads != [i - 1]:
            found["reads"] = np.array(reads)
        arrays |= {f"layers.{i}.{key}": value for key, value in found.items()}
    if model.encoder is not None:
        arrays["levels"] = model.encoder.levels
    if model.code_bits is not None:
        arrays["code_bits"] = np.int64(model.code_bits)
    return arrays


def _head_arrays(model: ModelGraph) -> dict[str, Any]:
    """Return the keys of the class sums; none where there are none."""
    arrays: dict[str, Any] = {}
    if isinstance(model.head, ClassScores):
        arrays |= {"scores.weights": model.head.weights, "scores.bias": model.head.bias}
    elif model.head is not None:
        arrays["classes"] = np.int64(model.head.classes)
        for key, value in (("tau", model.head.tau), ("beta", model.head.beta)):
            if value is not None:
                arrays[key] = np.float64(value)
    return arrays


def _npz(arrays: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    # Uncompressed: another zlib would give other bytes.
    np.savez(stream, **arrays)
    return stream.getvalue()


def _dense(layer: LutLayer) -> dict[str, Array]:
    return {"fanin": layer.fanin, "tables": table_rows(layer.tables, layer.fanin.shape[1])}

"""What a damaged ONNX file computes, by the reference evaluator of the `onnx` package.

QONNX's operators, which it lacks, are added by their definitions.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.external_data_helper import load_external_data_for_model
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

_FILE = Path(__file__).parent / "data" / "dense_1w1a.onnx"
_QONNX = "qonnx.custom_op.general"


class BipolarQuant(OpRun):
    op_domain = _QONNX

    def _run(self, x: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray]:
        return (np.where(x >= 0, scale, -scale).astype(x.dtype),)


class Reshape(OpRun):
    """ONNX's own, but that the files are made for a batch of one."""

    op_domain = ""

    def _run(
        self, x: np.ndarray, shape: np.ndarray, allowzero: int | None = None
    ) -> tuple[np.ndarray]:
        sizes = [int(size) for size in shape]
        if sizes[0] == 1:
            sizes[0] = len(x)
        if not allowzero:
            sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
        return (x.reshape(sizes),)


def run_onnx(data: bytes, bits: np.ndarray) -> np.ndarray | None:
    """Return the classes of images of bytes; -1 where two scores are as good as equal."""
    model = onnx.load_model_from_string(data)
    load_external_data_for_model(model, str(_FILE.parent))
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    values = bits.reshape(len(bits), -1, 8) @ (1 << np.arange(8)) / np.float32(255)
    images = values.astype(np.float32).reshape(-1, *shape[1:])
    run = ReferenceEvaluator(model, new_ops=[BipolarQuant, Reshape])
    names = [one.name for one in model.graph.input if one.name not in _stored(model)]
    (scores, *_) = run.run(None, dict.fromkeys(names, images))
    return clear_classes(scores)


def clear_classes(scores: np.ndarray) -> np.ndarray | None:
    """Return the classes of scores `[samples, classes]`; -1 where the best two are close."""
    if scores.ndim != 2 or scores.shape[1] < 2 or not np.isfinite(scores).all():
        return None
    best = np.sort(scores.astype(float), axis=1)
    close = best[:, -1] - best[:, -2] <= 1e-5 * np.abs(scores).max()
    return np.where(close, -1, scores.argmax(1))


def _stored(model: Any) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer}


@cache
def _files() -> tuple[bytes, bytes, bytes]:
    """Return Brevitas' file; without its notes; and with the weights in it, too."""
    whole = _FILE.read_bytes()
    bare = onnx.load_model_from_string(whole)
    for part in (bare, bare.graph, *bare.graph.node, *bare.graph.input, *bare.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del bare.graph.value_info[:]
    outside = bare.SerializeToString()
    load_external_data_for_model(bare, str(_FILE.parent))
    for tensor in bare.graph.initializer:
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT
    return whole, outside, bare.SerializeToString()


def write_onnx(path: Path, rng: np.random.Generator | None) -> bytes:
    """Write a file as Brevitas does, or shorter, some of its bytes changed."""
    data = bytearray(_files()[0 if rng is None else int(rng.integers(0, 3))])
    for outside in _FILE.parent.glob(f"{_FILE.name}.*"):
        if not (path.parent / outside.name).exists():
            shutil.copy(outside, path.parent)
    if rng is not None:
        for position in rng.integers(0, len(data), size=rng.integers(1, 4)):
            data[position] = int(rng.integers(0, 256))
        if rng.random() < 0.1:
            del data[int(rng.integers(0, len(data))) :]
    path.write_bytes(bytes(data))
    return bytes(data)

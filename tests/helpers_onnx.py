"""Write small ONNX files, message by message: what no trainer would write too."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_KINDS = {"float32": 1, "int64": 7, "float64": 11}


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def message(number: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def tensor(name: str, array: np.ndarray, extra: bytes | None = None) -> bytes:
    """Return a TensorProto; `extra` stands in place of the data."""
    dims = b"".join(number(1, size) for size in array.shape)
    data = message(9, array.tobytes()) if extra is None else extra
    return dims + number(2, _KINDS[array.dtype.name]) + message(8, name) + data


def outside(location: str, **where: int) -> bytes:
    """Return what says that a tensor's data lies in another file."""
    pairs = {"location": location, **{key: str(value) for key, value in where.items()}}
    parts = [message(13, message(1, key) + message(2, text)) for key, text in pairs.items()]
    return b"".join(parts) + number(14, 1)


def attribute(name: str, value: Any) -> bytes:
    if isinstance(value, float):
        return message(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return message(1, name) + number(3, value)
    if isinstance(value, str):
        return message(1, name) + message(4, value)
    return message(1, name) + b"".join(number(8, item) for item in value)


def node(op: str, inputs: str, output: str, domain: str = "", **attributes: Any) -> bytes:
    """Return a NodeProto; `inputs` are names between spaces."""
    names = b"".join(message(1, name) for name in inputs.split())
    settings = b"".join(message(5, attribute(key, value)) for key, value in attributes.items())
    return names + message(2, output) + message(4, op) + settings + message(7, domain)


def value(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(message(1, number(1, size)) for size in shape)
    return message(1, name) + message(2, message(1, number(1, 1) + message(2, dims)))


def model(
    nodes: Sequence[bytes],
    constants: dict[str, np.ndarray] | None = None,
    shape: Sequence[int] = (1, 4),
    tensors: Sequence[bytes] = (),
) -> bytes:
    """Return a ModelProto from `x` to `y`."""
    parts = [message(1, one) for one in nodes]
    parts += [message(5, tensor(name, array)) for name, array in (constants or {}).items()]
    parts += [message(5, one) for one in tensors]
    parts += [message(11, value("x", shape)), message(12, value("y", (1, 2)))]
    return number(1, 8) + message(2, "test") + message(7, b"".join(parts))


def write(path: Path, *arguments: Any, **keywords: Any) -> Path:
    path.write_bytes(model(*arguments, **keywords))
    return path

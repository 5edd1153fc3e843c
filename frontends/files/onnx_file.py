"""Read `.onnx` as data: the few protobuf messages that a graph of operators needs.

A reader of its own, because the `onnx` package brings protobuf, ml_dtypes and 20 MB with it for
what are nine kinds of messages, and follows paths that the model names. Field numbers are those of
onnx.proto (IR version 3 and later). A tensor may keep its data in another file, as PyTorch's
exporter writes it, but only in one right beside the model: a name without a folder, and no link.
Functions, subgraphs and strings in tensors are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from gatec import limits
from gatec.errors import ModelError
from gatec.frontends.files.tensors import BFLOAT16, Array, check_shape, decode

MAX_NODES = 100_000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# TensorProto.DataType: how raw_data stores an element.
_KINDS = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8",
    9: "?", 10: "<f2", 11: "<f8", 12: "<u4", 13: "<u8", 16: BFLOAT16,
}  # fmt: skip

Field = tuple[int, int, Any]


@dataclass(frozen=True, eq=False)
class Node:
    """An operator.

    Attributes
    ----------
    op, domain
        What it does; the domain of ONNX's own operators is empty.
    inputs, outputs
        Names of tensors; an input left out is empty.
    attributes
        Numbers, lists of numbers, bytes, arrays.
    place
        What messages call it.
    """

    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    place: str


@dataclass(frozen=True, eq=False)
class OnnxGraph:
    """A graph of operators.

    Attributes
    ----------
    nodes
        In the file's order, which ONNX wants to be topological.
    constants
        Initialisers by name.
    inputs
        Shapes of the graph's inputs, initialisers left out; None is a size that is not known.
    outputs
        Names.
    producer
        The program that wrote the file.
    beside
        SHA-256 of the files beside it that tensors lie in, by name.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, Array]
    inputs: dict[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    producer: str
    beside: dict[str, str] = field(default_factory=dict)


def is_onnx(data: bytes) -> bool:
    """Return whether a file may be ONNX: it starts with an IR version, and then another field."""
    return len(data) > 2 and data[0] == 0x08 and data[1] < 64


class _Source:
    """The file being read, and those beside it.

    Attributes
    ----------
    file
        For messages.
    folder
        Where the model lies; None for none.
    beside
        Contents of the files read beside it, by name.
    """

    def __init__(self, file: str, folder: Path | None) -> None:
        self.file = file
        self.folder = folder
        self.beside: dict[str, bytes] = {}

    def read(self, name: str, place: str) -> bytes:
        """Return the content of a file beside the model; raise `ModelError` at any other."""
        if name not in self.beside:
            path = None if self.folder is None else self.folder / name
            plain = name and name not in (".", "..") and not set(name) & set("/\\\0")
            if path is None or not plain or path.is_symlink() or not path.is_file():
                raise ModelError(
                    f"keeps its data in {name[:60]!r}",
                    file=self.file,
                    place=place,
                    expected="a file beside the model",
                )
            limits.check_limit(path.stat().st_size, limits.MAX_FILE_BYTES, "bytes", file=path)
            try:
                self.beside[name] = path.read_bytes()
            except OSError as error:
                raise ModelError(f"cannot be read: {error.strerror}", file=path) from None
        return self.beside[name]


def read_onnx(data: bytes, file: str, folder: Path | None = None) -> OnnxGraph:
    """Return the graph in a file; raise `ModelError` where it is none, or more than one.

    `folder` is where tensors' data may lie in files of their own.
    """
    source = _Source(file, folder)
    graphs, producer = [], ""
    for number, kind, value in _fields(memoryview(data), file):
        if number == 7 and kind == _BYTES:
            graphs.append(value)
        elif number == 2 and kind == _BYTES:
            producer = _text(value, file)
        elif number == 25:
            raise ModelError("functions of its own", file=file, expected="a graph of operators")
    if len(graphs) != 1:
        raise ModelError(f"ONNX with {len(graphs)} graphs", file=file, expected="one")
    return _graph(graphs[0], producer, source)


def _graph(data: memoryview, producer: str, source: _Source) -> OnnxGraph:
    file = source.file
    nodes: list[Node] = []
    constants: dict[str, Array] = {}
    inputs: dict[str, tuple[int | None, ...]] = {}
    outputs: list[str] = []
    for number, kind, value in _fields(data, file):
        if kind != _BYTES:
            continue
        if number == 1:
            limits.check_limit(len(nodes) + 1, MAX_NODES, "operators", file=file)
            nodes.append(_node(value, len(nodes), source))
        elif number == 5:
            name, tensor = _tensor(value, source)
            if name in constants:
                raise ModelError("is there twice", file=file, place=name)
            constants[name] = tensor
        elif number == 11:
            name, shape = _value(value, file)
            inputs[name] = shape
        elif number == 12:
            outputs.append(_value(value, file)[0])
        elif number == 15:
            raise ModelError("sparse tensors", file=file, expected="dense ones")
    inputs = {name: shape for name, shape in inputs.items() if name not in constants}
    beside = {name: sha256(data).hexdigest() for name, data in sorted(source.beside.items())}
    return OnnxGraph(tuple(nodes), constants, inputs, tuple(outputs), producer, beside)


def _node(data: memoryview, index: int, source: _Source) -> Node:
    file = source.file
    names: dict[int, list[str]] = {1: [], 2: []}
    words = {3: "", 4: "", 7: ""}
    attributes: dict[str, Any] = {}
    for number, kind, value in _fields(data, file):
        if kind != _BYTES:
            continue
        if number in names:
            names[number].append(_text(value, file))
        elif number in words:
            words[number] = _text(value, file)
        elif number == 5:
            key, setting = _attribute(value, source)
            attributes[key] = setting
    place = f"node {index} ({words[4][:40]})"
    return Node(words[4], words[7], tuple(names[1]), tuple(names[2]), attributes, place)


def _attribute(data: memoryview, source: _Source) -> tuple[str, Any]:
    file = source.file
    name, value = "", None
    lists: dict[int, list[Any]] = {7: [], 8: []}
    for number, kind, found in _fields(data, file):
        if number == 1 and kind == _BYTES:
            name = _text(found, file)
        elif number == 2 and kind == _FIXED32:
            value = struct.unpack("<f", found)[0]
        elif number == 3 and kind == _VARINT:
            value = _signed(found)
        elif number == 4 and kind == _BYTES:
            value = bytes(found)
        elif number == 5 and kind == _BYTES:
            value = _tensor(found, source)[1]
        elif number == 7:
            lists[7] += _floats(kind, found, file)
        elif number == 8:
            lists[8] += _varints(kind, found, file)
        elif number in (6, 9, 10, 11):
            raise ModelError("is a graph, a string list or a tensor list", file=file, place=name)
    if value is None:
        value = lists[7] or lists[8]
    return name, value


def _tensor(data: memoryview, source: _Source) -> tuple[str, Array]:
    file = source.file
    dims: list[int] = []
    where: dict[str, str] = {}
    name, code, raw = "", 0, None
    typed: list[Any] = []
    for number, kind, value in _fields(data, file):
        if number == 1:
            dims += _varints(kind, value, file)
        elif number == 2 and kind == _VARINT:
            code = value
        elif number == 8 and kind == _BYTES:
            name = _text(value, file)
        elif number == 9 and kind == _BYTES:
            raw = value
        elif number == 4:
            typed += _floats(kind, value, file)
        elif number in (5, 7, 11):
            typed += _varints(kind, value, file)
        elif number == 10 and kind == _BYTES:
            typed += np.frombuffer(value[: len(value) // 8 * 8], dtype="<f8").tolist()
        elif number == 13 and kind == _BYTES:
            key, text = (_text(_inner(value, n, file), file) for n in (1, 2))
            where[key] = text
    if where:
        raw = _outside(where, source, name)
    if code not in _KINDS:
        raise ModelError(f"element type {code}", file=file, place=name, expected="numbers")
    return name, _array(dims, _KINDS[code], raw, typed, file=file, place=name)


def _outside(where: dict[str, str], source: _Source, place: str) -> memoryview:
    """Return the bytes of a tensor that lie in another file."""
    content = source.read(where.get("location", ""), place)
    offset, length = where.get("offset", "0"), where.get("length", str(len(content)))
    if not (offset.isdecimal() and length.isdecimal() and len(offset + length) < 40):
        raise ModelError("bad offset or length", file=source.file, place=place)
    part = memoryview(content)[int(offset) :][: int(length)]
    if len(part) != int(length):
        raise ModelError(
            f"reads {length} bytes from {offset} on",
            file=source.file,
            place=place,
            expected=f"within the {len(content)} that there are",
        )
    return part


def _array(
    dims: list[int], kind: str, raw: memoryview | None, typed: list[Any], *, file: str, place: str
) -> Array:
    flat: Array
    if raw is not None:
        flat = decode(raw, kind)
    elif kind in ("<f2", BFLOAT16):
        # Typed data holds the bit patterns as integers.
        flat = decode(memoryview(np.array(typed, dtype=np.uint16).tobytes()), kind)
    else:
        try:
            flat = np.array(typed, dtype=kind)
        except (OverflowError, ValueError):
            raise ModelError("a number out of range", file=file, place=place) from None
    size = check_shape(dims, flat.itemsize, file=file, place=place)
    if size != flat.size:
        raise ModelError(f"{flat.size} elements", file=file, place=place, expected=f"{dims}")
    return flat.reshape(dims)


def _value(data: memoryview, file: str) -> tuple[str, tuple[int | None, ...]]:
    """Return name and shape of a graph's input or output."""
    name = ""
    shape: list[int | None] = []
    for number, kind, value in _fields(data, file):
        if number == 1 and kind == _BYTES:
            name = _text(value, file)
        elif number == 2 and kind == _BYTES:
            # TypeProto, its Tensor, its TensorShapeProto, its Dimensions.
            sizes = _inner(_inner(value, 1, file), 2, file)
            for at, wire, dim in _fields(sizes, file):
                if at == 1 and wire == _BYTES:
                    known = [v for n, k, v in _fields(dim, file) if n == 1 and k == _VARINT]
                    shape.append(_signed(known[-1]) if known else None)
    return name, tuple(shape)


def _inner(data: memoryview, wanted: int, file: str) -> memoryview:
    """Return the last message in field `wanted`, or an empty one."""
    found = [v for n, k, v in _fields(data, file) if n == wanted and k == _BYTES]
    return found[-1] if found else memoryview(b"")


def _fields(data: memoryview, file: str) -> Iterator[Field]:
    """Yield number, wire type and value of each field; raise `ModelError` where it ends early."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position, file)
        number, kind = key >> 3, key & 7
        value: Any
        if kind == _VARINT:
            value, position = _varint(data, position, file)
        else:
            if kind == _BYTES:
                size, position = _varint(data, position, file)
            elif kind in (_FIXED64, _FIXED32):
                size = 8 if kind == _FIXED64 else 4
            else:
                raise ModelError(f"broken ONNX: wire type {kind}", file=file)
            value = data[position : position + size]
            position += size
        if position > len(data) or number == 0:
            raise ModelError("broken ONNX: a field ends behind its message", file=file)
        yield number, kind, value


def _varint(data: memoryview, position: int, file: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        octet = data[position]
        position += 1
        value |= (octet & 127) << shift
        if octet < 128:
            return value & (1 << 64) - 1, position
    raise ModelError("broken ONNX: a number without an end", file=file)


def _varints(kind: int, value: Any, file: str) -> list[int]:
    """Return a repeated integer field, packed or not."""
    if kind == _VARINT:
        return [_signed(value)]
    found, position = [], 0
    while kind == _BYTES and position < len(value):
        number, position = _varint(value, position, file)
        found.append(_signed(number))
    return found


def _floats(kind: int, value: Any, file: str) -> list[float]:
    """Return a repeated float field, packed or not."""
    if kind not in (_BYTES, _FIXED32) or len(value) % 4:
        raise ModelError("broken ONNX: floats", file=file)
    return [float(number) for number in np.frombuffer(value, dtype="<f4")]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _text(value: memoryview, file: str) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise ModelError("broken ONNX: a name that is no text", file=file) from None

"""Read what `torch.save` wrote, without torch and without executing anything in it.

Two layouts: the zip file (torch >= 1.6: `data.pkl`, `byteorder`, `data/<key>`), and the older one,
a row of pickles (magic number, protocol, system, the object, storage keys) before the raw storages.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gatec import limits
from gatec.errors import ModelError
from gatec.frontends.files.inert import read_pickle
from gatec.frontends.files.records import Record, Symbol, shown
from gatec.frontends.files.tensors import BFLOAT16, Array, decode, item_size, strided
from gatec.frontends.files.zipped import ZipMembers

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
# As a pickle of any protocol holds it.
_MAGIC_BYTES = LEGACY_MAGIC.to_bytes(10, "little")
_LEGACY_PROTOCOL = 1001

# torch/storage.py: storage class to element type.
_KINDS = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}


@dataclass(frozen=True, eq=False, slots=True)
class _Storage:
    """A reference to raw elements: `load` returns those of a key and element type."""

    key: str
    kind: str
    count: int
    load: Callable[[str, str], Array] | None


def is_torch_zip(names: Sequence[str]) -> bool:
    """Return whether zip members with these names are a `torch.save` file."""
    return any(name == "data.pkl" or name.endswith("/data.pkl") for name in names)


def read_torch_zip(members: ZipMembers) -> Any:
    """Return the object in a `torch.save` zip file; tensors are arrays, other objects records."""
    file = members.file
    pickles = [name for name in members.names if name.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1 or pickles[0].count("/") > 1:
        raise ModelError(f"{len(pickles)} members data.pkl", file=file, expected="one")
    root = pickles[0].removesuffix("data.pkl")
    order = "<"
    if f"{root}byteorder" in members:
        order = _byte_order(bytes(members.read(f"{root}byteorder")), file)
    cache: dict[tuple[str, str], Array] = {}

    def load(key: str, kind: str) -> Array:
        # Once each: another byte order or type means a copy.
        if (key, kind) not in cache:
            cache[key, kind] = decode(members.read(f"{root}data/{key}"), kind)
        return cache[key, kind]

    content = members.read(pickles[0])
    limits.check_limit(len(content), limits.MAX_PICKLE_BYTES, "pickle bytes", file=file)
    return _read_object(io.BytesIO(content), file, order, load)


def _foreign(file: str) -> ModelError:
    return ModelError(
        "a pickle that torch did not write",
        file=file,
        expected="a torch.save file, or of scikit-learn's trees what "
        "gatec.frontends.trees.EXPORTER writes",
    )


def read_torch_legacy(data: bytes, file: str) -> Any:
    """Return the object in a `torch.save` file of the layout before torch 1.6."""
    stream = io.BytesIO(data)
    if _MAGIC_BYTES not in data[:64]:
        raise _foreign(file)
    magic = read_pickle(stream, file=file)
    protocol = read_pickle(stream, file=file)
    system = read_pickle(stream, file=file)
    if magic != LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL or not isinstance(system, dict):
        raise _foreign(file)
    order = "<" if system.get("little_endian", True) else ">"
    # The object comes before its storages: read it for their types, split them, read it again.
    kinds: dict[str, str] = {}
    start = stream.tell()
    _read_object(stream, file, order, None, kinds)
    keys = read_pickle(stream, file=file)
    bodies = memoryview(data)[stream.tell() :]
    found = _split_storages(bodies, keys, kinds, order, file=file)

    elements = {key: decode(content, kinds[key]) for key, content in found.items()}

    def load(key: str, kind: str) -> Array:
        if key not in elements or kind != kinds[key]:
            raise ModelError(f"storage {key!r:.60} is missing", file=file)
        return elements[key]

    stream.seek(start)
    return _read_object(stream, file, order, load)


def _split_storages(
    data: memoryview, keys: Any, kinds: dict[str, str], order: str, *, file: str
) -> dict[str, memoryview]:
    """Return the raw elements of each storage: a count and the elements, one after the other."""
    if not isinstance(keys, list):
        raise ModelError("no list of storages", file=file)
    found: dict[str, memoryview] = {}
    position = 0
    for key in keys:
        if not isinstance(key, str) or key not in kinds:
            raise ModelError(f"storage {shown(key)} has no tensor", file=file)
        header = data[position : position + 8]
        if len(header) < 8:
            raise ModelError("cut off", file=file, place=f"storage {key}")
        (count,) = struct.unpack(f"{order}q", header)
        size = count * item_size(kinds[key])
        position += 8
        if count < 0 or size > len(data) - position:
            raise ModelError(
                f"{count} elements",
                file=file,
                place=f"storage {key}",
                expected="as many as the file holds",
            )
        found[key] = data[position : position + size]
        position += size
    return found


def _read_object(
    stream: io.BytesIO,
    file: str,
    order: str,
    load: Callable[[str, str], Array] | None,
    kinds: dict[str, str] | None = None,
) -> Any:
    """Interpret torch's pickle. Without `load`, only collect each storage's type in `kinds`."""

    def persistent(identifier: Any) -> Any:
        # The old layout stores a class beside its source text; the class is only a name here.
        if isinstance(identifier, tuple) and len(identifier) > 1:
            kind, value = identifier[:2]
            if isinstance(kind, str) and kind == "module" and isinstance(value, Symbol):
                return value
        storage = _storage(identifier, order, load, file)
        if kinds is not None:
            kinds[storage.key] = storage.kind
        return storage

    def tensor(
        storage: Any = None, offset: Any = 0, shape: Any = (), strides: Any = (), *_: Any
    ) -> Any:
        return None if load is None else _tensor(storage, offset, shape, strides, file)

    meanings: dict[str, Callable[..., Any]] = {
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_parameter": lambda data=None, *_: data,
        "collections.OrderedDict": _ordered_dict,
    }
    return read_pickle(stream, file=file, meanings=meanings, persistent=persistent)


def _ordered_dict(*args: Any) -> Any:
    """Return an empty dictionary; torch fills it by items. Other forms (Python 2) stay inert."""
    return Record(Symbol("collections", "OrderedDict"), args) if args else {}


def _storage(
    identifier: Any, order: str, load: Callable[[str, str], Array] | None, file: str
) -> _Storage:
    """Return what `('storage', class, key, device, count[, view])` refers to."""
    if not (
        isinstance(identifier, tuple)
        and len(identifier) >= 5
        and isinstance(identifier[0], str)
        and identifier[0] == "storage"
        and isinstance(identifier[2], str)
        and type(identifier[4]) is int
    ):
        raise ModelError("a persistent id that is no storage", file=file)
    symbol, key, count = identifier[1], identifier[2], identifier[4]
    name = symbol.name if isinstance(symbol, Symbol) and symbol.module == "torch" else "?"
    kind = _KINDS.get(name)
    if kind is None:
        raise ModelError(
            f"elements of {name}", file=file, place=f"storage {key}", expected=", ".join(_KINDS)
        )
    if len(identifier) > 5 and identifier[5] is not None:
        raise ModelError(
            "a view of a storage",
            file=file,
            place=f"storage {key}",
            expected="a file saved by torch >= 0.4",
        )
    if kind == BFLOAT16 and order == ">":
        raise ModelError("big-endian bfloat16", file=file, place=f"storage {key}")
    return _Storage(key, kind if kind == BFLOAT16 else order + kind, count, load)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, file: str) -> Array:
    if not isinstance(storage, _Storage):
        raise ModelError("a tensor without storage", file=file)
    # torch.Size is pickled as a plain tuple.
    if not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise ModelError("a tensor without shape", file=file, place=f"storage {storage.key}")
    place = f"storage {storage.key}"
    assert storage.load is not None
    elements = storage.load(storage.key, storage.kind)
    if not 0 <= storage.count <= elements.size:
        raise ModelError(
            f"{elements.size} elements", file=file, place=place, expected=str(storage.count)
        )
    return strided(elements[: storage.count], shape, strides, offset, file=file, place=place)


def _byte_order(word: bytes, file: str) -> str:
    orders = {b"little": "<", b"big": ">"}
    if word not in orders:
        raise ModelError(
            "unknown byte order", file=file, place="byteorder", expected="little or big"
        )
    return orders[word]

"""The process that reads HDF5 with h5py, for `gatec.frontends.files.keras_h5`.

As Keras 2 and its legacy format in Keras 3 write them: `layer_names` of the file, or of its group
`model_weights` in a whole model, and `weight_names` of each layer's group are attributes with the
paths of the data sets. A whole model has its JSON in the attribute `model_config` too. Attributes
that are too long for HDF5 are cut into `layer_names0`, `layer_names1` and so on.

Nothing but that is followed: no links, no data in other files, and no filters but those that HDF5
has built in, since it would load others as libraries from wherever its path leads.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

import h5py
import numpy as np

from gatec import limits
from gatec.frontends.files.keras_h5 import CONFIG, MAX_CONFIG, STARTED
from gatec.frontends.files.tensors import Array

_WEIGHTS = "model_weights"
_MAX_NAMES = 100_000
# Of the process: the file, what its arrays may take, and as much again for the library.
_MAX_MEMORY = 4 * limits.MAX_FILE_BYTES
# HDF5's numbers of deflate, shuffle and fletcher32.
_BUILT_IN = frozenset({1, 2, 3})
_KINDS = "biuf"


class _RefusedError(Exception):
    """What is wrong, where, and what was expected."""


def main() -> None:
    """Answer requests on the standard streams until there are no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY or soft > _MAX_MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, hard))
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    replies.write(STARTED)
    replies.flush()
    while head := requests.read(8):
        found: dict[str, Array] = {}
        try:
            found = _read(requests.read(int.from_bytes(head)))
            arrays = [(key, a.dtype.str, a.shape, a.nbytes) for key, a in found.items()]
            reply: dict[str, object] = {"arrays": arrays}
        except _RefusedError as error:
            reply = {"error": error.args}
        text = json.dumps(reply).encode()
        replies.write(len(text).to_bytes(8) + text)
        for array in found.values():
            replies.write(array.tobytes())
        replies.flush()


def _read(data: bytes) -> dict[str, Array]:
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return _Reader(len(data)).read(file)
    # What the library says of broken files comes in all of these.
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError) as error:
        raise _RefusedError(f"broken HDF5: {error!s:.120}", None, None) from None
    except MemoryError:
        raise _RefusedError("broken HDF5: takes all memory", None, None) from None


class _Reader:
    """Reads one file, whose size bounds what it may claim to hold."""

    def __init__(self, size: int) -> None:
        self._left = min(limits.MAX_FILE_BYTES, size * limits.MAX_COMPRESSION_RATIO)

    def read(self, file: Any) -> dict[str, Array]:
        """Return what the file holds."""
        found: dict[str, Array] = {}
        config = file.attrs.get("model_config")
        if config is not None:
            found[CONFIG] = np.frombuffer(self._text(config, "model_config").encode(), np.uint8)
        root = file if config is None else self._part(file, _WEIGHTS, _WEIGHTS)
        for layer in self._names(root, "layer_names", "the file"):
            group = self._part(root, layer, layer)
            for path in self._names(group, "weight_names", layer):
                key = f"{layer}.{path.rpartition('/')[2].partition(':')[0]}"
                if key in found:
                    raise self._error("comes twice", key)
                found[key] = self._array(self._part(group, path, key), key)
        return found

    def _error(self, what: str, place: str, expected: str | None = None) -> _RefusedError:
        return _RefusedError(what, place[:80], expected)

    def _part(self, group: Any, path: str, place: str) -> Any:
        """Return a part of a group, step by step: each must be in this file, under that name."""
        for name in path.split("/"):
            if not isinstance(group, h5py.Group) or name in ("", ".") or name not in group:
                raise self._error("is not there", place, "a file that Keras wrote")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise self._error("is a link", place, "data in the file itself")
            group = group[name]
        return group

    def _names(self, group: Any, name: str, place: str) -> list[str]:
        """Return a list of names, which Keras cuts into several attributes where it is long."""
        if not isinstance(group, h5py.Group):
            raise self._error("is no group", place, "a file that Keras wrote")
        found: list[str] = []
        parts = [name] if name in group.attrs else []
        while not parts or parts[-1] != name:
            part = f"{name}{len(parts)}"
            if part not in group.attrs:
                break
            parts.append(part)
        if not parts:
            raise self._error(f"has no {name}", place, "a file that Keras wrote")
        for part in parts:
            values = np.asarray(group.attrs[part])
            if values.ndim != 1 or len(found) + len(values) > _MAX_NAMES:
                raise self._error(f"{part} is no list of names", place)
            found += [self._text(value, f"{place}: {part}") for value in values.tolist()]
        return found

    def _text(self, value: Any, place: str) -> str:
        if isinstance(value, bytes):
            value = value.decode("utf-8")
        if not isinstance(value, str) or len(value) > MAX_CONFIG:
            raise self._error("is no text", place)
        return str(value)

    def _array(self, data: Any, place: str) -> Array:
        if not isinstance(data, h5py.Dataset):
            raise self._error("is no array", place)
        if data.shape is None or data.dtype.kind not in _KINDS:
            raise self._error(f"holds {data.dtype!s:.40}", place, "numbers")
        plist = data.id.get_create_plist()
        filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
        if data.is_virtual or plist.get_external_count() or not filters <= _BUILT_IN:
            raise self._error("is kept in another file, or packed by a plugin", place, "plain data")
        self._left -= data.nbytes
        if self._left < 0:
            raise self._error(f"claims a shape {list(data.shape)}", place, "data that is there")
        return np.asarray(data[()])


if __name__ == "__main__":
    main()

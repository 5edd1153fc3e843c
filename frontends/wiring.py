"""Wiring that comes from elsewhere: a file beside the model, or the trainer's draws again.

A wiring file is a `.npz`, `.safetensors`, or `.pt` dictionary with one of

* `a`, `b`: integers `[layers, gates]`, for layers of equal width;
* `connections.A`, `connections.B`: the same under other names;
* `layers.{i}.fanin`: integers `[gates, k]` for each layer `i` from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from gatec.errors import ModelError, UsageError
from gatec.frontends.draft import DraftLayer
from gatec.frontends.files.content import open_model
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import ReadOptions
from gatec.frontends.replay import Replay

_FORMS = "a and b, connections.A and connections.B, or layers.0.fanin"


def pairs(a: Array, b: Array, *, file: str, place: str) -> Array:
    """Return `[gates, 2]` wiring of two-input gates from the nets of A and of B."""
    if a.ndim != 1 or a.shape != b.shape:
        raise ModelError(
            f"A has shape {list(a.shape)} and B {list(b.shape)}",
            file=file,
            place=place,
            expected="[gates] twice",
        )
    for side in (a, b):
        if side.dtype.kind not in "iu":
            raise ModelError(
                f"wiring of type {side.dtype}", file=file, place=place, expected="integers"
            )
    return np.stack([a, b], axis=1)


def index_pairs(a: Array, b: Array, *, file: str, place: str) -> Array:
    """Return `[gates, 2]` wiring that PyTorch indexes with: it takes bytes for a mask."""
    for side in (a, b):
        if side.dtype == np.uint8:
            raise ModelError(
                "wiring of bytes, which PyTorch takes for a mask",
                file=file,
                place=place,
                expected="wider integers",
            )
    return pairs(a, b, file=file, place=place)


def read_wiring(path: Path) -> list[Array]:
    """Return the wiring `[gates, k]` of each layer that a wiring file holds.

    Raises `ModelError` when it holds none of the forms above.
    """
    file = str(path)
    tensors = open_model(path, f"a file of connections: {_FORMS}").tensors
    for a, b in (("a", "b"), ("connections.A", "connections.B")):
        if a in tensors and b in tensors:
            return paired_layers(tensors[a], tensors[b], file=file, place=f"{a}, {b}")
    found = fanin_layers(tensors)
    if not found:
        raise ModelError(
            f"no wiring among {', '.join(list(tensors)[:8]) or 'nothing'}",
            file=file,
            expected=_FORMS,
        )
    return found


def paired_layers(a: Array, b: Array, *, file: str, place: str) -> list[Array]:
    """Return the wiring of each layer from two matrices `[layers, gates]`."""
    if a.ndim != 2 or a.shape != b.shape:
        raise ModelError(
            f"shapes {list(a.shape)} and {list(b.shape)}",
            file=file,
            place=place,
            expected="[layers, gates] twice",
        )
    return [pairs(x, y, file=file, place=place) for x, y in zip(a, b, strict=True)]


def fanin_layers(tensors: Mapping[str, Array]) -> list[Array]:
    """Return the tensors `layers.{i}.fanin` for `i` from 0 up to the first that is absent."""
    found: list[Array] = []
    while (array := tensors.get(f"layers.{len(found)}.fanin")) is not None:
        found.append(array)
    return found


def complete_wiring(
    layers: list[DraftLayer], inputs: int | None, options: ReadOptions, *, file: str
) -> tuple[list[DraftLayer], tuple[str, ...], dict[str, str]]:
    """Return layers with their wiring, what is still missing, and notes on where it came from.

    Raises `UsageError` when wiring is given although the model holds its own, and `ModelError` when
    it does not fit.
    """
    if all(layer.fanin is not None for layer in layers):
        refuse_wiring(options, file=file)
        return layers, (), {}
    if options.wiring is not None:
        return _from_file(layers, options.wiring), (), {"wiring": f"from {options.wiring.name}"}
    if options.replay is not None:
        replay = Replay.parse(options.replay)
        if inputs is None:
            return layers, (), {}
        drawn = replay.draw(inputs, [layer.width for layer in layers], file=file)
        wired = [replace(layer, fanin=fanin) for layer, fanin in zip(layers, drawn, strict=True)]
        return wired, (), {"wiring": f"replayed: {options.replay}"}
    lacking = "wiring is not in the file; expected --wiring FILE, or --replay seed=S,... if drawn"
    return layers, (lacking,), {}


def refuse_wiring(options: ReadOptions, *, file: str) -> None:
    """Raise `UsageError` when wiring is given for a model that holds its own."""
    option = "--wiring" if options.wiring else "--replay" if options.replay else None
    if option is not None:
        raise UsageError(f"{option} was given, but the model holds its wiring", file=file)


def _from_file(layers: list[DraftLayer], path: Path) -> list[DraftLayer]:
    found = read_wiring(path)
    if len(found) != len(layers):
        raise ModelError(
            f"wiring of {len(found)} layers", file=path, expected=f"{len(layers)} layers"
        )
    for i, (layer, fanin) in enumerate(zip(layers, found, strict=True)):
        if len(fanin) != layer.width:
            raise ModelError(
                f"wiring of {len(fanin)} gates",
                file=path,
                place=f"layer {i}",
                expected=f"{layer.width} gates",
            )
    return [replace(layer, fanin=fanin) for layer, fanin in zip(layers, found, strict=True)]

"""Gate lists with wiring, as the logic-gate nets of Tiny Tapeout are published.

`.npz`: `gate_types` integers `[layers, gates]`, `connections.A` and `connections.B` likewise.
`.pth`: `layers.{i}.w` floats `[16, gates]`, of which the largest in a column counts, and either
`connections`, a list of A tensors and one of B tensors, or for each layer `layers.{i}.c` (scores
`[inputs, 2 * gates]`, the largest in a column counts), `layers.{i}.indices` (`[2 * gates]`), or the
few best `layers.{i}.top_c` with `layers.{i}.top_indices` (`[k, 2 * gates]`, the index under the
largest score of a column counts), with A and B in turn; layers of two kinds may take turns, so the
numbers may have gaps. Gate numbers are difflogic's. No form holds the classes.
"""

from __future__ import annotations

import re

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.draft import Draft, DraftLayer
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.gates import tables_of
from gatec.frontends.options import ReadOptions
from gatec.frontends.weights import gates_from_logits, most_likely
from gatec.frontends.wiring import paired_layers, pairs, refuse_wiring

_KEY = re.compile(r"layers\.([0-9]{1,6})\.(w|c|indices|top_c|top_indices)")
# What the trainer stores about its data set; it does not change the net.
_IGNORED = ("input", "output", "dataset_input", "dataset_output", "net_architecture")


def matches(content: Content) -> bool:
    """Return whether there is a tensor `gate_types`, or the gates or wiring of layer 0."""
    names = ("gate_types", "layers.0.w", "layers.0.top_c")
    paired = "layers.1.w" in content.tensors
    return any(name in content.tensors for name in names) or (
        paired and ("layers.0.c" in content.tensors or "layers.0.indices" in content.tensors)
    )


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells."""
    refuse_wiring(options, file=content.label)
    if "gate_types" in content.tensors:
        return _from_npz(content)
    return _from_pth(content)


def _from_npz(content: Content) -> Draft:
    file, tensors = content.label, content.tensors
    for key in ("connections.A", "connections.B"):
        if key not in tensors:
            raise ModelError("missing in the file", file=file, place=key)
    gates = tensors["gate_types"]
    wiring = paired_layers(
        tensors["connections.A"],
        tensors["connections.B"],
        file=file,
        place="connections.A, connections.B",
    )
    if gates.ndim != 2 or len(gates) != len(wiring):
        raise ModelError(
            f"gate_types has {len(gates) if gates.ndim == 2 else 0} layers and connections "
            f"{len(wiring)}",
            file=file,
            expected="wiring for each layer (the first one's is often left out, and not known)",
        )
    found = []
    for i, (row, fanin) in enumerate(zip(gates, wiring, strict=True)):
        place = f"layer {i}"
        tables = tables_of(row, file=file, place=f"gate_types[{i}]")
        if len(fanin) != len(tables):
            raise ModelError(f"{len(tables)} gates, wiring of {len(fanin)}", file=file, place=place)
        found.append(DraftLayer(place, tables, fanin, len(tables)))
    _check_padding(gates, wiring, file)
    return Draft(found, notes=_notes(content))


def _check_padding(gates: Array, wiring: list[Array], file: str) -> None:
    """Raise `ModelError` when the last layer may have been filled up to the width of the widest.

    The converter fills narrower layers with gate 0 at nets 0 and 0. In an inner layer nothing reads
    those; in the last one they would move the groups of the classes.
    """
    used = (gates[-1] != 0) | (wiring[-1] != 0).any(axis=1)
    filled = len(used) - int(np.flatnonzero(used)[-1]) - 1 if used.any() else len(used)
    if filled:
        raise ModelError(
            f"the last {filled} gates look like padding (constant 0, reading 0 and 0), so the true "
            "width is not known",
            file=file,
            place=f"layer {len(gates) - 1}",
            expected="the .pth of the same net",
        )


def _from_pth(content: Content) -> Draft:
    file = content.label
    notes = _notes(content)
    layers: dict[int, dict[str, Array]] = {}
    for key, tensor in content.tensors.items():
        match = _KEY.fullmatch(key)
        if match is not None:
            layers.setdefault(int(match[1]), {})[match[2]] = tensor
        elif key not in _IGNORED:
            raise ModelError(
                "unknown tensor", file=file, place=key, expected="layers.{i}.w and connections"
            )
    layers = _joined(layers, file)
    if sorted(layers) != list(range(len(layers))):
        raise ModelError(f"layers {sorted(layers)[:20]}", file=file, expected="layers 0, 1, ...")
    listed = _listed(content, len(layers), file)
    found: list[DraftLayer] = []
    inputs = layers[0]["c"].shape[0] if "c" in layers[0] else None
    for i in range(len(layers)):
        place = f"layer {i}"
        if "w" not in layers[i]:
            raise ModelError("missing in the file", file=file, place=f"layers.{i}.w")
        tables = gates_from_logits(layers[i]["w"], 0, notes, file=file, place=place)
        fanin = listed[i] if listed else _interconnect(layers[i], file=file, place=place)
        if "c" in layers[i] and found and len(layers[i]["c"]) != found[-1].width:
            raise ModelError(
                f"c of {len(layers[i]['c'])} rows",
                file=file,
                place=place,
                expected=f"{found[-1].width}, the gates before (not the input or others beside)",
            )
        found.append(DraftLayer(place, tables, fanin, len(tables)))
    return Draft(found, inputs, notes=notes)


def _joined(layers: dict[int, dict[str, Array]], file: str) -> dict[int, dict[str, Array]]:
    """Return layers whose wiring and gates are numbered in turn as one each, numbered anew."""
    numbers = sorted(layers)
    in_turn = len(numbers) % 2 == 0 and all(
        (number % 2 == 1) == ("w" in layers[number]) for number in numbers
    )
    if not in_turn or numbers != list(range(len(numbers))):
        return layers
    for i in numbers[::2]:
        for name in layers[i].keys() & layers[i + 1].keys():
            raise ModelError(
                f"{name} both in the wiring and in the gates behind it",
                file=file,
                place=f"layers.{i + 1}.{name}",
                expected="layers.{i}.w alone behind layers of wiring",
            )
    return {i // 2: layers[i] | layers[i + 1] for i in numbers[::2]}


def _listed(content: Content, count: int, file: str) -> list[Array]:
    """Return the wiring in `connections`, or nothing when there is no such entry."""
    value = content.model.get("connections")
    if value is None:
        return []
    sides = value if isinstance(value, list | tuple) else []
    if len(sides) != 2 or any(not isinstance(s, list | tuple) or len(s) != count for s in sides):
        raise ModelError(
            "is not two lists",
            file=file,
            place="connections",
            expected=f"{count} tensors for A and for B",
        )
    found = []
    for i, (a, b) in enumerate(zip(*sides, strict=True)):
        if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
            raise ModelError("is not a tensor", file=file, place=f"connections[...][{i}]")
        found.append(pairs(a, b, file=file, place=f"connections[...][{i}]"))
    return found


def _interconnect(layer: dict[str, Array], *, file: str, place: str) -> Array:
    """Return the wiring of a layer with learned or fixed interconnect of its own."""
    kinds = [key for key in ("c", "indices", "top_c") if key in layer]
    if len(kinds) != 1 or ("top_c" in layer) != ("top_indices" in layer):
        raise ModelError(
            "no wiring",
            file=file,
            place=place,
            expected="connections, or one of c, indices, and top_c with top_indices",
        )
    flat = layer[kinds[0]]
    if kinds[0] != "indices":
        if flat.ndim != 2 or flat.shape[0] == 0:
            raise ModelError(
                f"{kinds[0]} of shape {list(flat.shape)}",
                file=file,
                place=place,
                expected=f"[{'inputs' if kinds[0] == 'c' else 'k'}, 2 * gates]",
            )
        scores = flat
        flat, _ = most_likely(scores, 0, file=file, place=f"{place}: {kinds[0]}")
        if kinds[0] == "top_c":
            candidates = layer["top_indices"]
            if candidates.shape != scores.shape:
                raise ModelError(
                    f"top_indices of shape {list(candidates.shape)}",
                    file=file,
                    place=place,
                    expected=f"{list(scores.shape)}, as top_c",
                )
            flat = np.take_along_axis(candidates, flat[None], axis=0)[0]
    if flat.ndim != 1 or flat.size % 2:
        raise ModelError(
            f"indices of shape {list(flat.shape)}", file=file, place=place, expected="[2 * gates]"
        )
    return flat.reshape(-1, 2)


def _notes(content: Content) -> dict[str, str]:
    found = [key for key in _IGNORED if isinstance(content.model, dict) and key in content.model]
    return {"not used": ", ".join(found)} if found else {}

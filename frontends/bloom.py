"""Weightless nets of Bloom filters: BTHOWeN's `.pickle.lzma`, and ULEEN's after `finalize_model`.

A pickle `{info, model}`, read as data. A BTHOWeN model (`WiSARD`) has `input_order`, `pad_zeros` (0
where absent) and `discriminators`, one for each class, each a list of `filters`; a ULEEN model
(`EnsembleWiSARD`) has `wisard_models` of that kind, with `pad` and `nonsparse_filters` by number,
and a `bias` for each class.

Zeros are appended to the input and `input_order` chosen from it; filter `f` reads the `f`-th run of
it. Each row of `hash_values` (H3) hashes it: the exclusive or of the row's numbers where an input
is 1. The filter says yes when all entries of `data` at those places reach `bleach` (1 in ULEEN). A
class's score is how many of its filters say yes, and the bias. Where scores are equal, BTHOWeN
names all of those classes; gatec, like ULEEN, the lowest.

The thermometer in front is not in the file: the circuit's input is its bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gatec import limits
from gatec.blocks_bits import Wires
from gatec.blocks_circuit import Circuit
from gatec.blocks_threshold import ClassScores
from gatec.errors import ModelError
from gatec.frontends.draft import FRONT, Draft, DraftBlock, DraftLayer, naming
from gatec.frontends.files.content import Content
from gatec.frontends.files.pickled import as_array
from gatec.frontends.files.records import Record
from gatec.frontends.files.tensors import Array
from gatec.frontends.lut_rows import MAX_LUT_INPUTS, lut_layer
from gatec.frontends.net_list import Nets
from gatec.frontends.options import ReadOptions
from gatec.frontends.wiring import refuse_wiring

_ENSEMBLE, _SINGLE = "EnsembleWiSARD", "WiSARD"
_MAX_CLASSES = 10_000
_MAX_HASHES = 6


def matches(content: Content) -> bool:
    """Return whether the file holds a WiSARD model, or several."""
    return _name(content.model) in (_ENSEMBLE, _SINGLE)


@dataclass(frozen=True, eq=False)
class _Filter:
    """A filter: which class it counts for, its place, table (0/1) and hash numbers."""

    label: int
    place: int
    table: Array
    hashes: Array


@dataclass(frozen=True, eq=False)
class _Part:
    """One WiSARD model: which of its inputs each place reads, -1 for none, and its filters."""

    order: Array
    inputs: int
    filters: list[_Filter]


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return the model; such a file is complete."""
    file = content.label
    refuse_wiring(options, file=file)
    if not matches(content):
        raise ModelError("is no WiSARD model", file=file, expected="BTHOWeN's or ULEEN's file")
    state = _state(content.model, "model", file)
    several = _name(content.model) == _ENSEMBLE
    models = _sequence(state.get("wisard_models"), "wisard_models", file) if several else [
        content.model]  # fmt: skip
    classes = len(_sequence(_state(models[0], "model", file).get("discriminators"),
                            "discriminators", file))  # fmt: skip
    if classes > _MAX_CLASSES:
        raise ModelError(f"{classes} classes", file=file, expected=f"at most {_MAX_CLASSES}")
    parts = [_part(model, i, classes, file) for i, model in enumerate(models)]
    inputs = max(int(part.order.max(initial=0)) + 1 for part in parts)
    if several:
        features, bits = (state.get(key) for key in ("num_inputs", "encoding_bits"))
        for size in (features, bits):
            if type(size) is not int or not 0 < size < 1 << 24:
                raise ModelError("no num_inputs and encoding_bits", file=file)
        inputs = int(features or 0) * int(bits or 0)
        for i, part in enumerate(parts):
            if part.inputs != inputs:
                raise ModelError(f"{part.inputs} inputs without the padding", file=file,
                                 place=f"model {i}.input_order",
                                 expected=f"{inputs}: num_inputs times encoding_bits")  # fmt: skip
    limits.check_limit(inputs, limits.MAX_GATES, "inputs", file=file)
    layers: list[DraftLayer | DraftBlock] = []
    ends: list[int] = []
    for i, part in enumerate(parts):
        layers += _filters(part, inputs, len(layers), file=file, place=f"model {i}")
        ends.append(len(layers) - 1)
    labels = np.concatenate([[f.label for f in part.filters] for part in parts]).astype(np.int64)
    sizes = [layers[end].width for end in ends]
    order = np.argsort(labels, kind="stable").astype(np.int32)
    block = Wires("classes", tuple(sizes), order)
    layers.append(DraftBlock("filters, class by class", block, tuple(ends)))
    notes = {"encoder": "not in the file: the circuit's input is the thermometer's bits",
             "ties": "decided for the lowest class"}  # fmt: skip
    bias = _bias(state.get("bias"), classes, file) if several else np.zeros(classes, dtype=np.int64)
    counts = np.bincount(labels, minlength=classes)
    if len(set(counts.tolist())) == 1 and not bias.any():
        return Draft(layers, inputs, classes=classes, notes=notes)
    limits.check_limit(classes * len(labels), limits.MAX_GATES, "weights of classes", file=file)
    weights = (np.arange(classes)[:, None] == labels[order]).astype(np.int32)
    with naming(file):
        head = ClassScores("scores", len(labels), weights, bias.astype(np.int32))
    return Draft(layers, inputs, head=head, notes=notes)


def _name(value: Any) -> str:
    return value.path.rpartition(".")[2] if isinstance(value, Record) else ""


def _state(value: Any, place: str, file: str) -> dict[str, Any]:
    if not isinstance(value, Record) or not isinstance(value.state, dict):
        raise ModelError("is no object", file=file, place=place)
    return value.state


def _sequence(value: Any, place: str, file: str) -> list[Any]:
    if not isinstance(value, list | tuple) or not value:
        raise ModelError("is no list", file=file, place=place)
    return list(value)


def _numbers(value: Any, dimensions: int, place: str, file: str) -> Array:
    found = as_array(value)
    if found is None or found.ndim != dimensions or found.dtype.kind not in "biu":
        raise ModelError("no integers", file=file, place=place)
    if found.size and (int(found.min()) < 0 or int(found.max()) >= 1 << 40):
        raise ModelError("numbers out of range", file=file, place=place, expected="0 to 2**40")
    return found.astype(np.int64)


def _bias(value: Any, classes: int, file: str) -> Array:
    found = _numbers(value, 1, "bias", file)
    if found.shape != (classes,) or found.max() >= 1 << 24:
        raise ModelError("no bias of each class", file=file, place="bias", expected=f"[{classes}]")
    return found


def _part(model: Any, number: int, classes: int, file: str) -> _Part:
    place = f"model {number}"
    state = _state(model, place, file)
    order = _numbers(state.get("input_order"), 1, f"{place}.input_order", file)
    pad = state.get("pad", state.get("pad_zeros", 0))
    if type(pad) is not int or not 0 <= pad < max(1, len(order)):
        raise ModelError("no number of zeros", file=file, place=f"{place}.pad_zeros")
    top = len(order) - pad
    if order.size == 0 or order.max() >= len(order):
        raise ModelError("is no order", file=file, place=f"{place}.input_order",
                         expected=f"0..{len(order) - 1}")  # fmt: skip
    found: list[_Filter] = []
    discriminators = _sequence(state.get("discriminators"), f"{place}.discriminators", file)
    if len(discriminators) != classes:
        raise ModelError(f"{len(discriminators)} classes", file=file, place=place,
                         expected=f"{classes}")  # fmt: skip
    for label, one in enumerate(discriminators):
        where = f"{place}, class {label}"
        values = _state(one, where, file)
        listed = values.get("filters")
        if listed is None:
            listed = values.get("nonsparse_filters")
            pairs = list(listed.items()) if isinstance(listed, dict) else []
        else:
            pairs = list(enumerate(_sequence(listed, where, file)))
        total = values.get("num_filters")
        if type(total) is not int or total < 1 or len(order) % total:
            raise ModelError("no number of filters that divides the input", file=file, place=where)
        for index, value in pairs:
            if type(index) is not int or not 0 <= index < total:
                raise ModelError("a filter of no place", file=file, place=where)
            found.append(_filter(value, label, index, len(order) // total, file))
    shapes = {(f.table.shape, f.hashes.shape) for f in found}
    if len(shapes) != 1:
        raise ModelError("filters of unlike sizes, or none", file=file, place=place)
    return _Part(np.where(order < top, order, -1), top, found)


def _filter(value: Any, label: int, index: int, reads: int, file: str) -> _Filter:
    place = f"class {label}, filter {index}"
    state = _state(value, place, file)
    data = _numbers(state.get("data"), 1, f"{place}.data", file)
    hashes = _numbers(state.get("hash_values"), 2, f"{place}.hash_values", file)
    bleach = as_array(state["bleach"]) if "bleach" in state else np.array(1)
    if bleach is None or bleach.size != 1 or bleach.dtype.kind not in "iu":
        raise ModelError("no number", file=file, place=f"{place}.bleach")
    size = len(data)
    if size & (size - 1) or not 2 <= size <= 1 << MAX_LUT_INPUTS:
        raise ModelError(f"{size} entries", file=file, place=place,
                         expected=f"a power of two from 2 to {1 << MAX_LUT_INPUTS}")  # fmt: skip
    if not 1 <= len(hashes) <= _MAX_HASHES or hashes.shape[1] != reads or hashes.max() >= size:
        raise ModelError(
            f"hash_values {list(hashes.shape)} up to {hashes.max(initial=0)}", file=file,
            place=place, expected=f"[1..{_MAX_HASHES}, {reads}] below {size}",
        )  # fmt: skip
    return _Filter(label, index, data >= int(bleach.reshape(())), hashes)


def _filters(
    part: _Part, inputs: int, first: int, *, file: str, place: str
) -> list[DraftLayer | DraftBlock]:
    """Return the hashes, the lookups, and their AND; the first reads the input.

    Parameters
    ----------
    first
        Number of the first of these layers.
    """
    count, bits = len(part.filters[0].hashes), len(part.filters[0].table).bit_length() - 1
    nets = Nets(file)
    source = [*nets.declare("input", inputs), 0]
    run = part.filters[0].hashes.shape[1]
    known: dict[tuple[int, bytes], int] = {}
    ends: list[int] = []
    fanin = np.zeros((len(part.filters), count, bits), dtype=np.int64)
    for row, one in zip(fanin, part.filters, strict=True):
        key = (one.place, one.hashes.tobytes())
        if key not in known:
            known[key] = len(ends)
            reads = [source[i] for i in part.order[one.place * run : (one.place + 1) * run]]
            for numbers in one.hashes:
                for bit in range(bits):
                    chosen = np.flatnonzero(numbers >> bit & 1)
                    ends.append(nets.reduce("^", [reads[i] for i in chosen]))
        row[:] = known[key] + np.arange(count * bits).reshape(count, bits)
    limits.check_limit(fanin.size, limits.MAX_GATES, "inputs of filters", file=file)
    entries = len(part.filters) * count << bits
    limits.check_limit(entries, 64 * limits.MAX_GATES, "entries of filters", file=file)
    net, _ = nets.netlist(source[:-1], ends)
    rows = np.repeat(np.stack([one.table for one in part.filters]), count, axis=0)
    wired = fanin.reshape(-1, bits)
    found: list[DraftLayer | DraftBlock] = [
        DraftBlock(f"{place}: hashes", Circuit("hashes", net), (FRONT,)),
        lut_layer(f"{place}: filters", rows, wired, len(ends), file=file),
    ]
    if count > 1:
        every = np.arange(1 << count) == (1 << count) - 1
        joined = np.arange(len(rows)).reshape(-1, count)
        places = np.broadcast_to(every, (len(joined), 1 << count))
        found.append(lut_layer(f"{place}: all hashes", places, joined, len(rows), file=file))
    return _chained(found, first)


def _chained(
    layers: Sequence[DraftLayer | DraftBlock], first: int
) -> list[DraftLayer | DraftBlock]:
    """Return layers that each read the one before, from number `first` on, but the first."""
    return [
        layer if i == 0 else replace(layer, reads=(first + i - 1,))
        for i, layer in enumerate(layers)
    ]

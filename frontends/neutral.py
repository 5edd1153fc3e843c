"""gatec's own form: what every trainer's user can write in three lines.

Flat keys in a `.npz`, a `.safetensors`, or a `.pt` dictionary of tensors:

============================  =======================================================
`inputs`                      integer: number of bits that the first layer may read
`layers.{i}.fanin`            integers `[gates, k]`, k = 1..6, for layers i = 0, 1, ...
`layers.{i}.tables`           0/1 `[gates, 2**k]`: outputs for inputs 0..00, 0..01, ...
                              the FIRST input is the MOST significant
`layers.{i}.gates`            instead of tables, with k = 2: numbers 0..15 as difflogic's
`classes`, `tau`, `beta`      optional numbers: GroupSum over equal contiguous groups
`scores.weights`              instead of `classes`: integers `[classes, bits]` and
`scores.bias`                 `[classes]`: score `c` is `weights[c] . x + bias[c]`
`thresholds`                  optional floats `[features, bits]`: bit `f * bits + t` of the
                              first layer's input is `x[f] > thresholds[f, t]`
`levels`, `code_bits`         instead of thresholds: integers `[features, bits]`, and the
                              width of a feature; the bit is `code[f] >= levels[f, t]`; without
                              levels the first layer reads the bits of such numbers, lowest first
`codebook`                    optional 0/1 `[classes, bits]`: the last layer's outputs are code
                              bits in equal groups, and the nearest codeword is the class
`parameters`                  optional 0/1 `[p]`: constant bits that the first layer reads behind
                              the inputs (and before the state)
`state`                       of a recurrent net: `gatec.frontends.recurrence`
`layers.{i}.…`                convolutions, pooling and more: `gatec.frontends.neutral_blocks`
============================  =======================================================

The sense of a table: with k = 2, columns are the outputs at (first, second) = 00, 01, 10, 11, so
AND is 0001, and gate number 1.

`EXPORTERS` holds what the users of two trainers paste behind their training script.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from gatec import limits
from gatec.blocks_threshold import ClassScores
from gatec.errors import ModelError
from gatec.frontends.draft import INPUT, Draft, DraftBlock, DraftLayer, naming
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.gates import tables_of
from gatec.frontends.neutral_blocks import KINDS, read_block, read_numbers
from gatec.frontends.options import ReadOptions
from gatec.frontends.parameters import fix_inputs, parameter_bits
from gatec.frontends.recurrence import RECURRENT_FLAGS, RECURRENT_KEYS, read_recurrence
from gatec.frontends.wiring import refuse_wiring
from gatec.tables import MAX_FANIN, Tables, from_msb_rows

_LAYER = re.compile(r"layers\.([0-9]{1,6})\.([a-z0-9.]{1,40})")
_NUMBERS = ("inputs", "classes", "code_bits", "state", "tau", "beta", *RECURRENT_FLAGS)
_WHOLE = _NUMBERS[:4]
_ARRAYS = ("thresholds", "levels", "codebook", "parameters", *RECURRENT_KEYS)
_SCORES = ("scores.weights", "scores.bias")

EXPORTERS = {
    "difflogic": """\
layers, head = [m for m in model if hasattr(m, "indices")], model[-1]
keys = {f"layers.{i}.{key}": value.cpu().numpy() for i, m in enumerate(layers) for key, value
        in (("fanin", torch.stack(m.indices, 1)), ("gates", m.weights.argmax(1)))}
numpy.savez("model.npz", inputs=layers[0].in_dim, classes=head.k, tau=head.tau, **keys)
""",
    "torchlogix": """\
layers, head = [m for m in model if hasattr(m, "get_luts")], model[-1]
keys = {f"layers.{i}.{key}": value.cpu().numpy() for i, m in enumerate(layers) for key, value
        in (("tables", m.get_luts()), ("fanin", getattr(m.connections, "resolve_connections",
                                                        lambda: m.connections.indices)().T))}
numpy.savez("model.npz", inputs=layers[0].in_dim, classes=head.k, tau=head.tau, beta=head.beta,
            **keys)
""",
}
"""Three statements for a trained `model` (an `nn.Sequential` that ends in GroupSum), by trainer.
They need `import numpy, torch` above them. Encoder thresholds, if any, are one more keyword:
`thresholds=model[0].get_thresholds().detach().cpu().numpy()`."""


def matches(content: Content) -> bool:
    """Return whether there is a layer 0 of a kind that the form has."""
    kinds = ("fanin", *KINDS)
    return any(f"layers.0.{kind}" in content.tensors for kind in kinds) or (
        "scores.weights" in content.tensors
    )


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells; the form is complete but for `inputs`, which may be absent."""
    file = content.label
    refuse_wiring(options, file=content.label)
    tensors = content.tensors
    layers = _layers(tensors, file)
    found = [_layer(keys, i, file=file) for i, keys in enumerate(layers)]
    values = {key: _number(content.model, key, file) for key in _NUMBERS}
    whole = {key: _positive(values[key], key, file) for key in _WHOLE}
    flags = {key: values[key] for key in RECURRENT_FLAGS}
    recurrence = read_recurrence(tensors, whole["state"], flags, file)
    if "parameters" in tensors:
        bits, inputs = parameter_bits(tensors["parameters"], file), whole["inputs"]
        if inputs is None:
            raise ModelError("without inputs", file=file, place="parameters", expected="inputs")
        limits.check_limit(inputs, limits.MAX_GATES, "inputs", file=file)
        state = whole["state"] or 0
        alone = recurrence is not None and recurrence.from_input
        found = fix_inputs(found, 0 if alone else inputs, bits, state)
    return Draft(
        found,
        whole["inputs"],
        classes=whole["classes"],
        tau=values["tau"],
        beta=values["beta"],
        thresholds=tensors.get("thresholds"),
        levels=tensors.get("levels"),
        codebook=tensors.get("codebook"),
        recurrence=recurrence,
        code_bits=whole["code_bits"],
        head=_scores(tensors, file),
    )


def _scores(tensors: dict[str, Array], file: str) -> ClassScores | None:
    """Return the weighted class sums, where the file has them."""
    found = [tensors.get(key) for key in _SCORES]
    weights, bias = found
    if weights is None and bias is None:
        return None
    for key, value in zip(_SCORES, found, strict=True):
        if value is None or value.dtype.kind not in "iu" or value.size == 0:
            raise ModelError("missing, or no integers", file=file, place=key)
    assert weights is not None and bias is not None
    if max(abs(int(v)) for a in (weights, bias) for v in (a.min(), a.max())) > 1 << 24:
        raise ModelError("weights too large", file=file, place=_SCORES[0], expected="24 bits")
    with naming(file):
        width = weights.shape[1] if weights.ndim == 2 else 0
        return ClassScores("scores", width, weights.astype(np.int32), bias.astype(np.int32))


def _layers(tensors: dict[str, Array], file: str) -> list[dict[str, Array]]:
    """Return the keys of each layer; raise `ModelError` at a tensor that the form does not have."""
    layers: dict[int, dict[str, Array]] = {}
    for key, tensor in tensors.items():
        match = _LAYER.fullmatch(key)
        if match is not None:
            layers.setdefault(int(match[1]), {})[match[2]] = tensor
        elif key not in (*_NUMBERS, *_ARRAYS, *_SCORES):
            raise _unknown(key, file)
    for i, number in enumerate(sorted(layers)):
        if number != i:
            raise _unknown(f"layers.{number}.{next(iter(layers[number]))}", file)
    return [layers[i] for i in range(len(layers))]


def _unknown(key: str, file: str) -> ModelError:
    return ModelError(
        "unknown tensor",
        file=file,
        place=key,
        expected="layers.{i}.fanin, tables or gates for i = 0, 1, ...",
    )


def _layer(keys: dict[str, Array], i: int, *, file: str) -> DraftLayer | DraftBlock:
    place = f"layers.{i}"
    with naming(file):
        block = read_block(keys, place)
        reads = _reads(keys, i, place)
    if block is not None:
        return DraftBlock(f"layer {i}", block, reads)
    for key in keys:
        if key not in ("fanin", "tables", "gates", "reads"):
            raise _unknown(f"{place}.{key}", file)
    if "fanin" not in keys:
        raise ModelError("missing in the file", file=file, place=f"{place}.fanin")
    found = _dense(keys, place, file=file)
    return DraftLayer(f"layer {i}", found, keys["fanin"], len(found), reads)


def _reads(keys: dict[str, Array], i: int, place: str) -> tuple[int, ...] | None:
    """Return the layers that layer `i` reads, where it says."""
    if "reads" not in keys:
        return None
    reads = read_numbers(keys, "reads", place, least=INPUT)
    if max(reads) >= i or ("fanin" in keys and len(reads) != 1):
        raise ModelError(f"reads layers {list(reads)}", place=place, expected="layers before it")
    return reads


def _dense(keys: dict[str, Array], place: str, *, file: str) -> Tables:
    """Return the tables of a layer of truth tables."""
    fanin, tables, gates = keys["fanin"], keys.get("tables"), keys.get("gates")
    if (tables is None) == (gates is None):
        raise ModelError("needs either tables or gates", file=file, place=place)
    if fanin.ndim != 2 or not 1 <= fanin.shape[1] <= MAX_FANIN:
        raise ModelError(
            f"fanin of shape {list(fanin.shape)}",
            file=file,
            place=place,
            expected=f"[gates, 1..{MAX_FANIN}]",
        )
    count, k = fanin.shape
    if gates is not None:
        if gates.shape != (count,) or k != 2:
            raise ModelError(
                f"gates {list(gates.shape)} with fanin {list(fanin.shape)}",
                file=file,
                place=place,
                expected="[gates] with [gates, 2]",
            )
        return tables_of(gates, file=file, place=place)
    assert tables is not None
    _check_tables(tables, (count, 1 << k), file=file, place=place)
    return from_msb_rows(tables)


def _check_tables(tables: Array, shape: tuple[int, int], *, file: str, place: str) -> None:
    if tables.shape != shape or tables.dtype.kind not in "biu":
        raise ModelError(
            f"tables {tables.dtype}{list(tables.shape)}",
            file=file,
            place=place,
            expected=f"0/1 {list(shape)}",
        )
    bad = (tables != 0) & (tables != 1)
    if bad.any():
        gate, column = (int(i) for i in np.argwhere(bad)[0])
        raise ModelError(
            f"gate {gate}: table entry {column} is {tables[gate, column]}",
            file=file,
            place=place,
            expected="0 or 1",
        )


def _number(values: Any, key: str, file: str) -> float | None:
    value = values.get(key)
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iuf":
        value = value.reshape(()).item()
    number = value is None or type(value) in (int, float)
    if not number or not abs(value or 0) < 2.0**62:
        raise ModelError("is not a number", file=file, place=key, expected="one finite number")
    return None if value is None else float(value)


def _positive(value: float | None, key: str, file: str) -> int | None:
    if value is not None and (value < 1 or value != int(value)):
        raise ModelError(f"is {value:g}", file=file, place=key, expected="a positive integer")
    return None if value is None else int(value)

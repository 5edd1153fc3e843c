"""Layers of the neutral form that are more than rows of truth tables.

Keys of layer `i`, each under `layers.{i}.`; a layer of one of these kinds has no `fanin`:

====================  ==============================================================================
`conv.leaves`         integers `[kernels, nodes, k, 1 + axes]`: channel, and offset in the window
`conv.tables.{l}`     0/1 `[kernels, nodes, 2**k]` of tree level `l`, the last of one node
`conv.children.{l}`   integers `[kernels, nodes, k]` for `l` from 1: nodes of the level before
`pool.kernel`         instead of `conv`: the window of an OR pooling, one size for each axis
`window.shape`        for both: `[channels, *sizes]` of the image, whose bits are in C order
`window.out`          positions along each axis; likewise `window.stride`, `window.padding` (zeros
                      in front), `window.spread` (distance of pixels, zeros between)
`wires`               integers `[outputs]`: input bits, -1 and -2 for constant 0 and 1; `width` of
                      each input
`merge`               0/1 `[4]`: a table that joins two layers; `width` of each
`circuit.fanin`       integers `[gates, k]`: nets, of which 0 and 1 are constant, then the `width`
                      inputs, then the gates; each reads lower ones; unused slots hold 0
`circuit.tables`      0/1 `[gates, 2**k]`; `circuit.outputs` integers: nets
`threshold.weights`   integers `[neurons, k]`: neurons `[w . x >= level]` over `width` input bits
`threshold.levels`    integers `[neurons, positions or 1, T]`
`threshold.fanin`     integers `[positions, k]`: the input bit of each weight, -1 for constant 0;
                      when absent, one position that reads all `k` bits
`sums.weights`        integers `[sums, bits]`, and `sums.bias` `[sums]`: weighted sums of the bits,
                      never negative, each as a binary number of as many bits as the largest takes
`reads`               the layers that it reads, -1 for the first one's input, -2 for what is in
                      front of `thresholds` or `levels`; when absent, the layer before
====================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gatec.blocks_bits import BitBlock, Merge, Wires
from gatec.blocks_circuit import Circuit
from gatec.blocks_conv import LutConv, OrPool, Sizes, Window
from gatec.blocks_threshold import ScoreBits, ThresholdLayer
from gatec.errors import ModelError
from gatec.frontends.files.tensors import Array
from gatec.netlist import Netlist, NetlistError, Port, make_ports
from gatec.tables import MAX_FANIN, Tables, from_msb_rows

_WINDOW = ("shape", "out", "stride", "padding", "spread")
_MAX_SIZE = 1 << 24
_MAX_INPUTS = 1 << 12


def table_rows(tables: Tables, k: int) -> Array:
    """Return truth tables as 0/1 `uint8[..., 2**k]`, first input most significant."""
    column = np.arange(1 << k, dtype=np.uint64)
    address = np.zeros(1 << k, dtype=np.uint64)
    for slot in range(k):
        bit = (column >> np.uint64(k - 1 - slot)) & np.uint64(1)
        address |= bit << np.uint64(slot)
    return ((tables[..., None] >> address) & np.uint64(1)).astype(np.uint8)


def tables_of_rows(rows: Array, place: str) -> Tables:
    """Return the tables that 0/1 rows `[..., 2**k]` hold, 1 <= k <= 6; raise `ModelError`."""
    if rows.ndim < 1 or rows.dtype.kind not in "biu" or rows.shape[-1] not in (2, 4, 8, 16, 32, 64):
        raise ModelError(
            f"tables {rows.dtype}{list(rows.shape)}", place=place, expected="0/1 [..., 2**k]"
        )
    if ((rows != 0) & (rows != 1)).any():
        raise ModelError("a table entry is neither 0 nor 1", place=place)
    return from_msb_rows(rows.reshape(-1, rows.shape[-1])).reshape(rows.shape[:-1])


def block_arrays(block: BitBlock) -> dict[str, Array]:
    """Return the keys of a layer, without `reads`."""
    if isinstance(block, Wires):
        return {"wires": block.source, "width": np.array(block.widths)}
    if isinstance(block, Merge):
        return {"merge": table_rows(block.tables[:1], 2)[0], "width": np.array(block.width)}
    if isinstance(block, OrPool):
        return {"pool.kernel": np.array(block.kernel), **_window_arrays(block.window)}
    if isinstance(block, LutConv):
        found: dict[str, Array] = {"conv.leaves": block.leaves, **_window_arrays(block.window)}
        slots = (block.leaves[..., 0], *block.children)
        for level, tables in enumerate(block.tables):
            found[f"conv.tables.{level}"] = table_rows(tables, slots[level].shape[2])
            if level:
                found[f"conv.children.{level}"] = slots[level]
        return found
    if isinstance(block, Circuit):
        net = block.netlist
        return {
            "circuit.fanin": net.fanin,
            "circuit.tables": table_rows(net.tables, net.fanin.shape[1]),
            "circuit.outputs": net.output_nets,
            "width": np.array(net.num_inputs),
        }
    if isinstance(block, ThresholdLayer | ScoreBits):
        return _weighted_arrays(block)
    raise NotImplementedError(type(block).__name__)


def _weighted_arrays(block: ThresholdLayer | ScoreBits) -> dict[str, Array]:
    if isinstance(block, ScoreBits):
        return {"sums.weights": block.weights, "sums.bias": block.bias}
    return {
        "threshold.weights": block.weights,
        "threshold.levels": block.levels,
        "threshold.fanin": block.fanin,
        "width": np.array(block.in_width),
    }


def _window_arrays(window: Window) -> dict[str, Array]:
    return {f"window.{key}": np.array(getattr(window, key)) for key in _WINDOW}


def read_block(keys: Mapping[str, Array], place: str) -> BitBlock | None:
    """Return the block that a layer's keys describe; None when it is a layer of truth tables.

    Raises `ModelError` at keys that do not fit, and at keys that no kind has.
    """
    for key, read in KINDS.items():
        if key in keys:
            unknown = sorted(set(keys) - {"reads"} - _known(key, keys))
            if unknown:
                raise ModelError(f"unknown tensor {unknown[0]}", place=place)
            return read(keys, place)
    return None


def read_numbers(keys: Mapping[str, Array], key: str, place: str, *, least: int = 1) -> Sizes:
    """Return a short vector of integers, or a scalar as one of them; raise `ModelError`."""
    value = keys.get(key)
    if (
        value is None
        or value.dtype.kind not in "iu"
        or value.ndim > 1
        or not 1 <= value.size <= _MAX_INPUTS
        or value.min() < least
        or value.max() > _MAX_SIZE
    ):
        found = "missing" if value is None else f"{value.dtype}{list(value.shape)}"
        raise ModelError(
            f"{key} is {found}", place=place, expected=f"integers from {least} to {_MAX_SIZE}"
        )
    return tuple(int(n) for n in value.reshape(-1))


def _known(kind: str, keys: Mapping[str, Array]) -> set[str]:
    window = {f"window.{key}" for key in _WINDOW}
    if kind == "conv.leaves":
        levels = range(len(keys))
        tables = {f"conv.tables.{level}" for level in levels}
        return {kind, *window, *tables, *(f"conv.children.{level}" for level in levels[1:])}
    if kind == "circuit.fanin":
        return {kind, "circuit.tables", "circuit.outputs", "width"}
    if kind == "threshold.weights":
        return {kind, "threshold.levels", "threshold.fanin", "width"}
    if kind == "sums.weights":
        return {kind, "sums.bias"}
    return {kind, *window} if kind == "pool.kernel" else {kind, "width"}


def _window(keys: Mapping[str, Array], place: str) -> Window:
    found = [
        read_numbers(keys, f"window.{key}", place, least=0 if key == "padding" else 1)
        for key in _WINDOW
    ]
    return Window(*found)


def _integers(keys: Mapping[str, Array], key: str, place: str) -> Array:
    value = keys[key]
    if value.dtype.kind not in "iu" or (
        # Not by their absolute values: that of the least number is itself.
        value.size and (value.min() < -_MAX_SIZE or value.max() > _MAX_SIZE)
    ):
        raise ModelError(
            f"{key} {value.dtype}{list(value.shape)}", place=place, expected="small integers"
        )
    return value.astype(np.int32)


def _read_conv(keys: Mapping[str, Array], place: str) -> LutConv:
    depth = sum(key.startswith("conv.tables.") for key in keys)
    children, tables = [], []
    for level in range(depth):
        for key in (f"conv.tables.{level}", *((f"conv.children.{level}",) if level else ())):
            if key not in keys:
                raise ModelError(f"{key} is missing", place=place)
        rows = keys[f"conv.tables.{level}"]
        tables.append(tables_of_rows(rows, place))
        if level:
            children.append(_integers(keys, f"conv.children.{level}", place))
        slots = children[-1] if level else keys["conv.leaves"]
        if slots.ndim < 3 or rows.shape[-1] != 1 << slots.shape[2]:
            raise ModelError(
                f"tables {list(rows.shape)} for wiring {list(slots.shape)}",
                place=f"{place}: level {level}",
            )
    leaves = _integers(keys, "conv.leaves", place)
    return LutConv(place, _window(keys, place), leaves, tuple(children), tuple(tables))


def _read_pool(keys: Mapping[str, Array], place: str) -> OrPool:
    return OrPool(place, _window(keys, place), read_numbers(keys, "pool.kernel", place))


def _read_wires(keys: Mapping[str, Array], place: str) -> Wires:
    widths = read_numbers(keys, "width", place)
    return Wires(place, widths, _integers(keys, "wires", place))


def _read_merge(keys: Mapping[str, Array], place: str) -> Merge:
    (width,) = read_numbers(keys, "width", place)[:1]
    rows = keys["merge"]
    if rows.shape != (4,):
        raise ModelError(f"merge of shape {list(rows.shape)}", place=place, expected="[4]")
    return Merge(place, width, tables_of_rows(rows, place).reshape(-1)[0])


def _read_circuit(keys: Mapping[str, Array], place: str) -> Circuit:
    for key in ("circuit.tables", "circuit.outputs"):
        if key not in keys:
            raise ModelError(f"{key} is missing", place=place)
    (width,) = read_numbers(keys, "width", place, least=0)[:1]
    fanin, outputs = (_integers(keys, f"circuit.{key}", place) for key in ("fanin", "outputs"))
    rows = keys["circuit.tables"]
    if fanin.ndim != 2 or outputs.ndim != 1 or not 1 <= fanin.shape[1] <= MAX_FANIN:
        raise ModelError(f"circuit.fanin of shape {list(fanin.shape)}", place=place)
    if rows.shape != (len(fanin), 1 << fanin.shape[1]):
        raise ModelError(f"circuit.tables of shape {list(rows.shape)}", place=place)
    ports = make_ports(("x", width))
    tables = tables_of_rows(rows, place)
    net = Netlist("circuit", ports, (Port("y", outputs),), fanin, tables)
    try:
        net.verify()
    except NetlistError as error:
        raise ModelError(str(error), place=place) from None
    return Circuit(place, net)


def _read_threshold(keys: Mapping[str, Array], place: str) -> ThresholdLayer:
    if "threshold.levels" not in keys:
        raise ModelError("threshold.levels is missing", place=place)
    weights = _integers(keys, "threshold.weights", place)
    if "threshold.fanin" in keys:
        (width,) = read_numbers(keys, "width", place)[:1]
        fanin = _integers(keys, "threshold.fanin", place)
    else:
        width = weights.shape[1] if weights.ndim == 2 else 0
        fanin = np.arange(width, dtype=np.int32)[None]
    levels = _integers(keys, "threshold.levels", place)
    return ThresholdLayer(place, width, weights, levels, fanin)


def _read_sums(keys: Mapping[str, Array], place: str) -> ScoreBits:
    if "sums.bias" not in keys:
        raise ModelError("sums.bias is missing", place=place)
    weights = _integers(keys, "sums.weights", place)
    width = weights.shape[1] if weights.ndim == 2 else 0
    return ScoreBits(place, width, weights, _integers(keys, "sums.bias", place))


KINDS: dict[str, Callable[[Mapping[str, Any], str], BitBlock]] = {
    "conv.leaves": _read_conv,
    "pool.kernel": _read_pool,
    "wires": _read_wires,
    "merge": _read_merge,
    "circuit.fanin": _read_circuit,
    "threshold.weights": _read_threshold,
    "sums.weights": _read_sums,
}
"""The key that tells a layer's kind, and what reads it."""

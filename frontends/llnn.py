"""LLNN: layers of trained LUTs, a whole module or a state dict with a wiring file beside it.

Parameters of a layer: `w` and `w_comp`, floats `[gates, 2**n]`. An entry is 1 where the first is
larger: evaluation rounds the softmax of the two, and rounds one half to 0. Slot 0 is the address's
*most* significant bit. The wiring is a plain attribute, `indices`, integers `[n, gates]`: only a
whole module keeps it. `Aggregation(num_classes, tau)` counts contiguous groups and leaves nothing
in a state dict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.difflogic import indexed_groups
from gatec.frontends.draft import Draft, DraftBlock, DraftLayer
from gatec.frontends.files.content import Content
from gatec.frontends.files.records import Record, shown
from gatec.frontends.files.tensors import Array
from gatec.frontends.lut_rows import lut_inputs, lut_layer
from gatec.frontends.modules import Module, all_modules, array, integer, is_module, layers, number
from gatec.frontends.options import ReadOptions
from gatec.frontends.weights import check_floats
from gatec.frontends.wiring import complete_wiring

_KEY = re.compile(r"(?P<prefix>(?:.*\.)?)(?P<index>[0-9]{1,6})\.(?P<name>w|w_comp)")
# Below this difference of the two weights, the softmax's float32 steps decide in the trainer.
_UNSURE = 2.0**-20


def matches(content: Content) -> bool:
    """Return whether there is a layer with `w_comp`."""
    if is_module(content.model):
        return any("w_comp" in module.values for module in all_modules(content.model))
    return any(key.endswith(".w_comp") and _KEY.fullmatch(key) for key in content.tensors)


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer as stored, and its wiring `[gates, n]` where that is."""

    place: str
    rows: Array
    fanin: Array | None


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file and a wiring file tell."""
    file = content.label
    notes: dict[str, str] = {}
    facts: dict[str, Any] = {}
    if options.replay is not None:
        raise ModelError(
            "--replay draws difflogic's wiring, not LLNN's", file=file, expected="--wiring FILE"
        )
    if is_module(content.model):
        stored, facts = _of_module(content.model, notes, file)
    else:
        stored = [
            _layer(group, None, notes, file=file, place=f"layer {index}")
            for index, group in indexed_groups(content, _KEY).items()
        ]
    if not stored:
        raise ModelError("no LUTLayer", file=file, expected="at least one")
    bare = [DraftLayer(layer.place, None, layer.fanin, len(layer.rows)) for layer in stored]
    wired, missing, origin = complete_wiring(bare, options.inputs, options, file=file)
    found: list[DraftLayer | DraftBlock] = []
    width = options.inputs
    for layer, known in zip(stored, wired, strict=True):
        if known.fanin is None:
            found.append(known)
        else:
            reach = int(known.fanin.max(initial=0)) + 1 if known.fanin.dtype.kind in "iu" else 1
            found.append(lut_layer(layer.place, layer.rows, known.fanin, width or reach, file=file))
        width = len(layer.rows)
    return Draft(found, notes=notes | origin, missing=missing, **facts)


def _of_module(
    record: Record, notes: dict[str, str], file: str
) -> tuple[list[_Layer], dict[str, Any]]:
    found: list[_Layer] = []
    head: Module | None = None
    for module in layers(record, file=file):
        if head is not None:
            raise ModelError("follows the Aggregation", file=file, place=module.place)
        if "w_comp" in module.values:
            indices = array(module, "indices", file=file)
            weights = {key: array(module, key, file=file) for key in ("w", "w_comp")}
            # The trainer addresses the tables with so many bits.
            n = lut_inputs(weights["w"], file=file, place=module.place)
            if module.values.get("lut_size", n) != n:
                raise ModelError(
                    f"lut_size is {shown(module.values['lut_size'])}",
                    file=file,
                    place=module.place,
                    expected=f"{n}, as its tables have",
                )
            found.append(_layer(weights, indices, notes, file=file, place=module.place))
        elif module.name == "Aggregation":
            head = module
        else:
            raise ModelError(
                "unknown layer", file=file, place=module.place, expected="LUTLayer or Aggregation"
            )
    if head is None:
        return found, {}
    return found, {
        "classes": integer(head, "num_classes", file=file),
        "tau": number(head, "tau", default=1.0, file=file),
    }


def _layer(
    keys: dict[str, Array], indices: Array | None, notes: dict[str, str], *, file: str, place: str
) -> _Layer:
    """Return a layer with the rows of its tables, first slot lowest."""
    w, other = keys.get("w"), keys.get("w_comp")
    if w is None or other is None or w.shape != other.shape:
        raise ModelError("w and w_comp of unlike shapes, or one alone", file=file, place=place)
    n = lut_inputs(w, file=file, place=place)
    for weights in (w, other):
        check_floats(weights, "[gates, 2**n]", file=file, place=place)
    apart = np.abs(w.astype(np.float64) - other.astype(np.float64))
    unsure = int(((apart < _UNSURE) & (apart != 0)).sum())
    if unsure:
        notes["rounding"] = f"{place}: {unsure} table bits hang on rounding; the larger one decides"
    order = np.array([int(f"{address:0{n}b}"[::-1], 2) for address in range(1 << n)])
    if indices is not None:
        if indices.ndim != 2 or indices.shape != (n, len(w)):
            raise ModelError(
                f"indices of shape {list(indices.shape)}",
                file=file,
                place=place,
                expected=f"[{n}, {len(w)}]",
            )
        indices = indices.T
    return _Layer(place, (w > other)[:, order], indices)

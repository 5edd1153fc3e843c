"""Differentiable weightless networks (DWN): torch-dwn's modules, and the files of dwn2rtl.

State dict, for each layer `i`: `{i}.luts`, floats `[gates, 2**n]`, an entry is 1 where it is above
0, and slot `l` is bit `l` of the address, the first the *least* significant; the wiring is
`{i}.mapping`, integers `[gates, n]`, or where learned `{i}.mapping.weights`, floats
`[inputs, gates * n]`, of which the largest in a column counts. A learned layer also has
`{i}._LUTLayer__dummy_mapping`, which looks like wiring and is none. A file may have the encoder in
`thermometer`: the object, a dictionary or a tensor of thresholds `[features, bits]`, an input being
1 where it is above; with `scaler`, its mean and scale are taken off first.

`GroupSum(k, tau, randperm)` permutes, appends zeros up to a multiple of k, and counts contiguous
groups. Nothing of it is in a state dict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatec import limits
from gatec.blocks_bits import NOTHING, Wires
from gatec.errors import ModelError
from gatec.frontends.difflogic import indexed_groups
from gatec.frontends.draft import Draft, DraftBlock, DraftLayer, naming
from gatec.frontends.files.content import Content
from gatec.frontends.files.pickled import as_array
from gatec.frontends.files.records import Record, shown
from gatec.frontends.files.tensors import Array
from gatec.frontends.lut_rows import lut_inputs, lut_layer
from gatec.frontends.modules import Module, all_modules, array, integer, is_module, layers, number
from gatec.frontends.options import ReadOptions
from gatec.frontends.weights import check_floats, most_likely, note_ties
from gatec.frontends.wiring import refuse_wiring

_DECOY = "_LUTLayer__dummy_mapping"
_KEY = re.compile(
    r"(?P<prefix>(?:.*(?<!nodes)\.)?)(?P<index>[0-9]{1,6})\."
    rf"(?P<name>luts|mapping|mapping\.weights|{_DECOY})"
)
# Does to bits what it does to numbers: 1 where they are above 0.
_STEP = "torch_dwn.utils.STE"
# Far above any feature, far below what overflows on the way.
_MAX_SCALING = 1e30


def matches(content: Content) -> bool:
    """Return whether there is a layer with `luts`."""
    if is_module(content.model):
        found = all_modules(content.model)
        return any(m.name == "LUTLayer" and "luts" in m.values for m in found)
    return any(key.endswith(".luts") and _KEY.fullmatch(key) for key in content.tensors)


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells."""
    file = content.label
    refuse_wiring(options, file=file)
    notes: dict[str, str] = {}
    facts: dict[str, Any] = {}
    if is_module(content.model):
        stored, head = _of_module(content.model, file)
        if head is not None:
            facts = {
                "classes": integer(head, "k", file=file),
                "tau": number(head, "tau", file=file),
            }
    else:
        stored, head = _of_state_dict(content), None
        facts = {"classes": _config_classes(content, file)}
        notes["groups"] = "contiguous, as GroupSum without randperm counts them"
    if not stored:
        raise ModelError("no LUTLayer", file=file, expected="at least one")
    wired = [_wiring(layer, notes, file) for layer in stored]
    thresholds, slack = _encoder(content, notes, file)
    inputs = _width(stored[0], wired[0], thresholds, options)
    limits.check_limit(inputs or 0, limits.MAX_GATES, "inputs", file=file)
    if thresholds is not None and inputs is not None:
        thresholds, slack = (_spread(rows, inputs) for rows in (thresholds, slack))
    found: list[DraftLayer | DraftBlock] = []
    width = inputs or int(wired[0].max(initial=0)) + 1
    for layer, fanin in zip(stored, wired, strict=True):
        check_floats(layer.luts, "[gates, 2**n]", file=file, place=layer.place)
        found.append(lut_layer(layer.place, layer.luts > 0, fanin, width, file=file))
        width = len(layer.luts)
    classes = facts["classes"] if facts.get("classes") is not None else options.classes
    found += _groups(head, width, classes, file)
    return Draft(found, inputs, notes=notes, thresholds=thresholds, threshold_slack=slack, **facts)


@dataclass(frozen=True, eq=False)
class _Layer:
    """A LUTLayer as stored; one of `mapping` and `scores` is there, `inputs` where it says."""

    place: str
    luts: Array
    mapping: Array | None
    scores: Array | None
    inputs: int | None = None


def _of_state_dict(content: Content) -> list[_Layer]:
    found = []
    for index, group in indexed_groups(content, _KEY).items():
        place = f"layer {index}"
        if "luts" not in group:
            raise ModelError("no luts", file=content.label, place=place)
        found.append(
            _Layer(place, group["luts"], group.get("mapping"), group.get("mapping.weights"))
        )
    return found


def _of_module(record: Record, file: str) -> tuple[list[_Layer], Module | None]:
    found: list[_Layer] = []
    head: Module | None = None
    floats = False
    for module in layers(record, file=file):
        if head is not None:
            raise ModelError("follows the GroupSum", file=file, place=module.place)
        if module.name == "LUTLayer" and "luts" in module.values:
            learned = module.child("mapping")
            scores = None if learned is None else array(learned, "weights", file=file)
            mapping = None if learned is not None else array(module, "mapping", file=file)
            luts, inputs = (array(module, "luts", file=file),
                            integer(module, "input_size", file=file))  # fmt: skip
            n = lut_inputs(luts, file=file, place=module.place)
            if module.values.get("n", n) != n:
                raise ModelError(
                    f"n is {shown(module.values['n'])}, but luts have {luts.shape[1]} columns",
                    file=file,
                    place=module.place,
                )
            found.append(_Layer(module.place, luts, mapping, scores, inputs))
            floats = module.values.get("ste", True) is not True
        elif module.kind == _STEP:
            floats = False
        elif module.name == "GroupSum":
            head = module
        else:
            raise ModelError(
                "unknown layer", file=file, place=module.place, expected="LUTLayer, STE or GroupSum"
            )
    if floats:
        raise ModelError(
            "the last LUTLayer has ste=False, so it puts out trained floats",
            file=file,
            place=found[-1].place,
            expected="ste=True",
        )
    return found, head


def _wiring(layer: _Layer, notes: dict[str, str], file: str) -> Array:
    """Return `[gates, n]`."""
    n = lut_inputs(layer.luts, file=file, place=layer.place)
    gates = len(layer.luts)
    if layer.scores is not None:
        scores = layer.scores
        if scores.ndim != 2 or len(scores) == 0 or scores.shape[1] != gates * n:
            raise ModelError(
                f"mapping.weights of shape {list(scores.shape)}",
                file=file,
                place=layer.place,
                expected=f"[inputs, {gates * n}]",
            )
        chosen, ties = most_likely(scores, 0, file=file, place=layer.place)
        if ties:
            note_ties(notes, ties, layer.place)
        return chosen.reshape(gates, n)
    if layer.mapping is None:
        raise ModelError(
            "no mapping", file=file, place=layer.place, expected="mapping or mapping.weights"
        )
    if layer.mapping.shape != (gates, n) or layer.mapping.dtype.kind not in "iu":
        raise ModelError(
            f"mapping {layer.mapping.dtype}{list(layer.mapping.shape)}",
            file=file,
            place=layer.place,
            expected=f"integers [{gates}, {n}]",
        )
    return layer.mapping


def _width(
    layer: _Layer, fanin: Array, thresholds: Array | None, options: ReadOptions
) -> int | None:
    """Return how many bits the first layer may read, as far as anything tells."""
    if layer.scores is not None:
        return len(layer.scores)
    if layer.inputs is not None:
        return layer.inputs
    if thresholds is not None and len(thresholds) > 1:
        return int(thresholds.size)
    if options.inputs is not None:
        return options.inputs
    return None


def _encoder(
    content: Content, notes: dict[str, str], file: str
) -> tuple[Array | None, Array | None]:
    """Return thresholds `[features or 1, bits]` on the unscaled features, and their slack."""
    outer = content.value if isinstance(content.value, dict) else {}
    found = outer.get("thermometer", outer.get("thermometre"))
    if found is None:
        notes["encoder"] = "not in the file: the circuit's input is the thermometer's bits"
        return None, None
    if isinstance(found, Record):
        found = found.state
    rows = as_array(found.get("thresholds") if isinstance(found, dict) else found)
    if rows is None or rows.ndim == 0 or rows.size == 0 or rows.dtype.kind != "f":
        raise ModelError(
            "no thresholds", file=file, place="thermometer", expected="floats [features, bits]"
        )
    check_floats(rows, "[features, bits]", file=file, place="thermometer")
    rows = rows.reshape(-1, rows.shape[-1])
    return _unscaled(rows, outer.get("scaler"), notes, file)


def _unscaled(
    rows: Array, scaler: Any, notes: dict[str, str], file: str
) -> tuple[Array, Array | None]:
    """Return thresholds on the features that a scaler reads: `(x - mean) / scale > t`."""
    if scaler is None:
        return rows, None
    values = scaler.state if isinstance(scaler, Record) else scaler
    values = values if isinstance(values, dict) else {}
    found = [as_array(values.get(f"{key}_", values.get(key))) for key in ("mean", "scale")]
    mean, scale = (_column(array, len(rows)) for array in found)
    if mean is None or scale is None or not (scale > 0).all():
        raise ModelError(
            "no scaling that is known",
            file=file,
            place="scaler",
            expected=f"mean and scale of {len(rows)} features",
        )
    notes["scaler"] = "taken into the thresholds: the features are those before scaling"
    stretched = rows.astype(np.float64) * scale
    # The trainer subtracts and divides in float32 or float64; this bounds either's rounding.
    return stretched + mean, (np.abs(stretched) + np.abs(mean)) * 2.0**-19


def _column(values: Array | None, features: int) -> Array | None:
    """Return numbers of the features as `float64[features, 1]`, or None."""
    if values is None or values.shape != (features,) or values.dtype.kind not in "iuf":
        return None
    numbers = values.astype(np.float64)[:, None]
    return numbers if (np.abs(numbers) < _MAX_SCALING).all() else None


def _spread(rows: Array | None, inputs: int) -> Array | None:
    """Return one row of thresholds repeated for each feature."""
    if rows is None or len(rows) != 1 or inputs % rows.shape[1]:
        return rows
    return np.broadcast_to(rows, (inputs // rows.shape[1], rows.shape[1]))


def _config_classes(content: Content, file: str) -> int | None:
    """Return the class number that dwn2rtl puts beside a state dict."""
    outer = content.value if isinstance(content.value, dict) else {}
    config = outer.get("config")
    classes = config.get("num_classes") if isinstance(config, dict) else None
    if classes is not None and (type(classes) is not int or not 1 <= classes < 1 << 24):
        raise ModelError("is no number of classes", file=file, place="config.num_classes")
    return classes


def _groups(
    head: Module | None, width: int, classes: int | None, file: str
) -> list[DraftLayer | DraftBlock]:
    """Return the wires that permute the last bits and append zeros, where a GroupSum does."""
    source = np.arange(width)
    chosen = None if head is None else head.values.get("randperm")
    if chosen is not None:
        assert head is not None
        source = array(head, "randperm", file=file)
        if source.ndim != 1 or source.dtype.kind not in "iu" or source.size == 0:
            raise ModelError("randperm is no order", file=file, place=head.place)
        if source.min() < 0 or source.max() >= width:
            raise ModelError(
                "randperm reads beyond the bits", file=file, place=head.place,
                expected=f"0..{width - 1}",
            )  # fmt: skip
    if chosen is None:
        return fill_groups(width, classes, file)
    return _wires(width, source, classes, file)


def fill_groups(width: int, classes: int | None, file: str) -> list[DraftLayer | DraftBlock]:
    """Return the wires that append zeros to `width` bits, where classes do not divide them."""
    if classes is None or width % classes == 0:
        return []
    return _wires(width, np.arange(width), classes, file)


def _wires(
    width: int, source: Array, classes: int | None, file: str
) -> list[DraftLayer | DraftBlock]:
    short = 0 if classes is None else -len(source) % classes
    limits.check_limit(short, limits.MAX_GATES, "zeros that fill up the classes", file=file)
    padded = np.concatenate([source, np.full(short, NOTHING)]).astype(np.int32)
    with naming(file):
        return [DraftBlock("GroupSum: order and padding", Wires("groups", (width,), padded))]

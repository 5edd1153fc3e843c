"""torchlogix 0.2: LogicDense layers, learned connections, thermometer encoders, GroupSum.

State dict, for each layer `i` of a Sequential:

* `{i}.weight`, floats `[gates, 16]` (raw) or `[gates, 2**rank]` (light, warp);
* `{i}.connections.indices`, integers `[rank, gates]` when fixed; when learned, candidates
  `[candidates, rank, gates]` beside scores `{i}.connections.weights` of the same shape, of which
  the largest counts;
* `{i}.thresholds`, floats, of an encoder; `{i}.raw_diffs` of a learned one.

The first input of a table is its address's most significant bit. `_export_*` buffers repeat what
the others say and are not read. Not in a state dict: the parametrization where the shape does not
tell, GroupSum's k, tau and beta, and an encoder's `feature_dim` and `temperature_softplus`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.content import Content
from gatec.frontends.dense import chosen_wiring, dense_layer
from gatec.frontends.difflogic import head_facts, indexed_groups
from gatec.frontends.draft import OUTSIDE, Draft, DraftLayer
from gatec.frontends.modules import (
    Module,
    all_modules,
    array,
    integer,
    is_module,
    layers,
    number,
)
from gatec.frontends.options import Parametrization, ReadOptions
from gatec.frontends.tensors import Array
from gatec.frontends.thresholds import Encoder, read_encoder
from gatec.frontends.wiring import complete_wiring, refuse_wiring

_KEY = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<index>[0-9]{1,6})\.(?P<name>weight|thresholds|raw_diffs|_export_lut_ids|"
    r"connections\.(?:indices|weights|_export_indices))"
)
_CONVOLUTION = re.compile(r".*\.(?:tree_weights\.[0-9]+|_indices_L[0-9]+)")
_ENCODERS = ("FixedBinarization", "SoftBinarization", "LearnableBinarization")
_LATER = (
    "LogicConv2d",
    "LogicConv3d",
    "LogicConvTranspose2d",
    "LogicConvTranspose3d",
    "OrPooling2d",
    "OrPooling3d",
    "ResidualLogicBlock",
)
_KINDS: dict[str, Parametrization] = {
    "RawLUTParametrization": "raw",
    "LightLUTParametrization": "light",
    "WarpLUTParametrization": "warp",
    "WalshLUTParametrization": "warp",
}


def matches(content: Content) -> bool:
    """Return whether there is a torchlogix layer, or a tensor that only torchlogix names so."""
    if is_module(content.model):
        names = {module.name for module in all_modules(content.model)}
        return bool(names & {"LogicDense", *_LATER, *_ENCODERS})
    keys = content.tensors
    return any(
        ".connections." in key
        or _CONVOLUTION.fullmatch(key)
        or (key.endswith(".weight") and _KEY.fullmatch(key) and keys[key].ndim == 2)
        for key in keys
    )


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file and the options tell about the net."""
    if is_module(content.model):
        refuse_wiring(options, file=content.label)
        return _from_module(content, options)
    return _from_state_dict(content, options)


def _from_module(content: Content, options: ReadOptions) -> Draft:
    file = content.label
    notes: dict[str, str] = {}
    found: list[DraftLayer] = []
    inputs: int | None = None
    encoder: Module | None = None
    head: Module | None = None
    for module in layers(content.model, file=file):
        if head is not None:
            raise ModelError(
                "follows the GroupSum", file=file, place=module.place, expected="GroupSum last"
            )
        if module.name == "GroupSum":
            head = module
        elif module.name == "LogicDense":
            inputs = inputs or integer(module, "in_dim", file=file)
            found.append(_dense_module(module, notes, options, file))
        elif module.name in _ENCODERS and encoder is None and not found:
            encoder = module
        elif module.name != "DummyBinarization":
            raise _unknown(module.name, module.place, file)
    read = None if encoder is None else partial(_encoder_module, encoder, file)
    front, lacking = _encoder(read, inputs, options, notes)
    facts = head_facts(head, file=file)
    return Draft(found, inputs, notes=notes, missing=lacking, **front, **facts)


def _unknown(name: str, place: str, file: str) -> ModelError:
    later = name in _LATER
    return ModelError(
        f"{name} is not read yet" if later else "unknown layer",
        file=file,
        place=place,
        expected="LogicDense, binarisation, Flatten and GroupSum",
    )


def _dense_module(
    module: Module, notes: dict[str, str], options: ReadOptions, file: str
) -> DraftLayer:
    weight = array(module, "weight", file=file)
    # Versions up to 0.1 keep the indices in the layer itself.
    source = module.child("connections") or module
    indices = array(source, "indices", file=file)
    scores = source.values.get("weights")
    fanin = chosen_wiring(
        indices,
        scores if isinstance(scores, np.ndarray) else None,
        notes,
        file=file,
        place=source.place,
    )
    # Version 0.2.2 makes the parametrization a module, earlier ones a plain object.
    record = module.children.get("parametrization", module.values.get("parametrization"))
    name = getattr(record, "path", str(record)).rpartition(".")[2]
    kind = _KINDS.get(name, options.parametrization)
    if options.parametrization not in (None, kind):
        raise ModelError(
            f"--parametrization {options.parametrization} was given, but it is {kind}",
            file=file,
            place=module.place,
        )
    layer, missing = dense_layer(weight, fanin, kind, notes, file=file, place=module.place)
    if missing:
        raise ModelError(f"{missing}", file=file, place=module.place)
    return layer


def _encoder(
    read: Callable[[], Encoder] | None,
    inputs: int | None,
    options: ReadOptions,
    notes: dict[str, str],
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the encoder's thresholds as keywords of `Draft`, or what it takes to know them."""
    if read is None:
        return {}, ()
    if options.features == "bits":
        notes["encoder"] = OUTSIDE
        return {}, ()
    try:
        encoder = read()
        thresholds = encoder.expand(inputs)
    except ModelError as error:
        return {}, (str(error),)
    slack = encoder.slack
    if slack is not None:
        slack = np.broadcast_to(slack.reshape(-1, slack.shape[-1]), thresholds.shape)
    return {"thresholds": thresholds, "threshold_slack": slack}, ()


def _encoder_module(module: Module, file: str) -> Encoder:
    raw = module.values.get("raw_diffs")
    learned = module.name == "LearnableBinarization"
    return read_encoder(
        None if learned else array(module, "thresholds", file=file),
        raw if isinstance(raw, np.ndarray) else None,
        softplus=number(module, "temperature_softplus", file=file) if learned else None,
        feature_dim=_whole(module.values.get("feature_dim")),
        place=module.place,
    )


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _from_state_dict(content: Content, options: ReadOptions) -> Draft:
    file = content.label
    for key in content.tensors:
        if _CONVOLUTION.fullmatch(key):
            raise _unknown("LogicConv2d", key, file)
    notes: dict[str, str] = {}
    groups = indexed_groups(content, _KEY)
    read: Callable[[], Encoder] | None = None
    dense: dict[str, dict[str, Array]] = {}
    for place, group in groups.items():
        if "weight" in group:
            dense[place] = group
        elif "connections.indices" in group or read is not None or dense:
            raise ModelError("no weight", file=file, place=f"layer {place}")
        else:
            stored = group.get("thresholds"), group.get("raw_diffs")
            read = partial(read_encoder, *stored, place=f"layer {place}")
    wired, missing, origin = _wire(dense, notes, options, file)
    found: list[DraftLayer] = []
    front, unknown = _encoder(read, options.inputs, options, notes)
    lacking = [*missing, *unknown]
    for layer, group in zip(wired, dense.values(), strict=True):
        done, what = dense_layer(
            group["weight"],
            layer.fanin,
            options.parametrization,
            notes,
            file=file,
            place=layer.place,
        )
        found.append(done)
        lacking += [what] if what and what not in lacking else []
    return Draft(
        found,
        notes=notes | origin,
        missing=tuple(lacking),
        **front,
    )


def _wire(
    dense: dict[str, dict[str, Array]], notes: dict[str, str], options: ReadOptions, file: str
) -> tuple[list[DraftLayer], tuple[str, ...], dict[str, str]]:
    """Return the layers with their wiring but without tables."""
    found = []
    for place, group in dense.items():
        fanin = None
        if "connections.indices" in group:
            fanin = chosen_wiring(
                group["connections.indices"],
                group.get("connections.weights"),
                notes,
                file=file,
                place=f"layer {place}.connections",
            )
        found.append(DraftLayer(f"layer {place}", None, fanin, len(group["weight"])))
    if options.replay is not None:
        raise ModelError(
            "--replay draws difflogic's wiring, not torchlogix's",
            file=file,
            expected="--wiring FILE",
        )
    return complete_wiring(found, None, options, file=file)

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

from gatec.errors import ModelError
from gatec.frontends.dense import chosen_wiring, dense_layer
from gatec.frontends.difflogic import indexed_groups
from gatec.frontends.draft import Draft, DraftLayer
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.modules import all_modules, is_module
from gatec.frontends.options import ReadOptions
from gatec.frontends.thresholds import Encoder, read_encoder
from gatec.frontends.torchlogix_modules import KNOWN, encoder_facts, from_module
from gatec.frontends.wiring import complete_wiring, refuse_wiring

_KEY = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<index>[0-9]{1,6})\.(?P<name>weight|thresholds|raw_diffs|_export_lut_ids|"
    r"connections\.(?:indices|weights|_export_indices))"
)
_CONVOLUTION = re.compile(r".*\.(?:tree_weights\.[0-9]+|_indices_L[0-9]+)")


def matches(content: Content) -> bool:
    """Return whether there is a torchlogix layer, or a tensor that only torchlogix names so."""
    if is_module(content.model):
        names = {module.name for module in all_modules(content.model)}
        return bool(names & KNOWN)
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
        return from_module(content.model, options, file=content.label)
    return _from_state_dict(content, options)


def _from_state_dict(content: Content, options: ReadOptions) -> Draft:
    file = content.label
    for key in content.tensors:
        if _CONVOLUTION.fullmatch(key):
            raise ModelError(
                "a convolution's sizes, padding and pooling are not in a state dict",
                file=file,
                place=key,
                expected="the whole module: torch.save(model, FILE), or --architecture FILE",
            )
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
    front, unknown = encoder_facts(read, options.inputs, options, notes)
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

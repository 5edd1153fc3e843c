"""difflogic 0.1.0: a whole pickled or live module, or a state dict with the wiring beside it.

A state dict holds `{i}.weights`, float `[gates, 16]`, and nothing else: a layer's gate is the one
with the largest weight, numbered as in `gatec.frontends.gates`. The wiring is a plain attribute
(`indices`, two integer tensors `[gates]`, first input A), which only a whole module keeps; some
forks store it as buffers `{i}.a` and `{i}.b`. `GroupSum(k, tau)` leaves nothing in a state dict.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gatec.errors import ModelError
from gatec.frontends.checkpoint import beside
from gatec.frontends.difflogic_modules import KNOWN, from_module, refuse_image
from gatec.frontends.draft import Draft, DraftLayer
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.modules import all_modules, is_module
from gatec.frontends.options import ReadOptions
from gatec.frontends.weights import gates_from_logits
from gatec.frontends.wiring import complete_wiring, index_pairs
from gatec.tables import Tables

_FILTER = re.compile(r"(?:.*\.)?filters\.[0-9]+\.tree\.[0-9]+\.(?:weights|a|b)")
_KEY = re.compile(r"(?P<prefix>(?:.*\.)?)(?P<index>[0-9]{1,6})\.(?P<name>weights|a|b|grad_mask)")


def matches(content: Content) -> bool:
    """Return whether there is a LogicLayer, or a matrix of sixteen columns called weights."""
    if is_module(content.model):
        modules = all_modules(content.model)
        return any(m.name in KNOWN or m.kind.startswith("difflogic.") for m in modules)
    return any(
        _FILTER.fullmatch(key)
        or (key.endswith(".weights") and _KEY.fullmatch(key) and tensor.ndim == 2)
        for key, tensor in content.tensors.items()
    )


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file and a wiring option tell about the net."""
    if is_module(content.model):
        return from_module(content.model, options, file=content.label)
    refuse_image(options, file=content.label)
    return _from_state_dict(content, options)


def _from_state_dict(content: Content, options: ReadOptions) -> Draft:
    file = content.label
    notes: dict[str, str] = {}
    around = beside(content)
    _refuse_convolutions(content)
    groups = indexed_groups(content, _KEY)
    found: list[DraftLayer] = []
    for place, group in groups.items():
        if "weights" not in group:
            raise ModelError("no weights", file=file, place=place)
        tables = _tables(group["weights"], notes, file, f"layer {place}.weights")
        fanin = None
        if "a" in group and "b" in group:
            fanin = index_pairs(group["a"], group["b"], file=file, place=f"layer {place}")
        found.append(DraftLayer(f"layer {place}", tables, fanin, len(tables)))
    if around.wiring is not None:
        found = _wired(found, around.wiring, file)
        notes["wiring"] = "from connections in the file"
    inputs = options.inputs if around.inputs is None else around.inputs
    wired, missing, origin = complete_wiring(found, inputs, options, file=file)
    return Draft(
        wired,
        around.inputs,
        classes=around.classes,
        tau=around.tau,
        notes=notes | origin,
        missing=tuple(f"{what}{around.hint}" for what in missing),
    )


def _tables(weights: Array, notes: dict[str, str], file: str, place: str) -> Tables:
    if weights.ndim == 2 and weights.shape[1] == 4:
        raise ModelError(
            "input-wise weights, whose activation is not in a state dict",
            file=file,
            place=place,
            expected="the whole module, or --architecture FILE",
        )
    return gates_from_logits(weights, 1, notes, file=file, place=place)


def _refuse_convolutions(content: Content) -> None:
    for key in content.tensors:
        if _FILTER.fullmatch(key):
            raise ModelError(
                "a convolution's sizes, padding and pooling are not in a state dict",
                file=content.label,
                place=key,
                expected="the whole module: torch.save(model, FILE), or --architecture FILE",
            )


def _wired(layers: list[DraftLayer], wiring: list[Array], file: str) -> list[DraftLayer]:
    if len(wiring) != len(layers):
        raise ModelError(
            f"connections of {len(wiring)} layers", file=file, expected=f"{len(layers)} layers"
        )
    return [replace(layer, fanin=fanin) for layer, fanin in zip(layers, wiring, strict=True)]


def indexed_groups(content: Content, pattern: re.Pattern[str]) -> dict[str, dict[str, Array]]:
    """Return the tensors of a state dict by layer and name, layers in numeric order.

    Parameters
    ----------
    pattern
        Matches every key, with groups `prefix`, `index` and `name`.

    Raises `ModelError` at a tensor that is no part of such a layer: ignoring it could change what
    the model computes.
    """
    groups: dict[tuple[str, int], dict[str, Array]] = {}
    for key, tensor in content.tensors.items():
        match = pattern.fullmatch(key)
        if match is None:
            raise ModelError(
                f"unknown tensor of shape {list(tensor.shape)}",
                file=content.label,
                place=key,
                expected="layers of one known kind",
            )
        groups.setdefault((match["prefix"], int(match["index"])), {})[match["name"]] = tensor
    prefixes = {prefix for prefix, _ in groups}
    if len(prefixes) > 1:
        raise ModelError(
            f"layers under {', '.join(sorted(prefixes))[:80]}",
            file=content.label,
            expected="one row of layers",
        )
    return {f"{prefix}{index}": groups[prefix, index] for prefix, index in sorted(groups)}

"""difflogic 0.1.0: a whole pickled or live module, or a state dict with the wiring beside it.

A state dict holds `{i}.weights`, float `[gates, 16]`, and nothing else: a layer's gate is the one
with the largest weight, numbered as in `gatec.frontends.gates`. The wiring is a plain attribute
(`indices`, two integer tensors `[gates]`, first input A), which only a whole module keeps; some
forks store it as buffers `{i}.a` and `{i}.b`. `GroupSum(k, tau)` leaves nothing in a state dict.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.content import Content
from gatec.frontends.draft import Draft, DraftLayer
from gatec.frontends.modules import (
    Module,
    all_modules,
    array,
    integer,
    is_module,
    layers,
    number,
)
from gatec.frontends.options import ReadOptions
from gatec.frontends.tensors import Array
from gatec.frontends.weights import gates_from_logits
from gatec.frontends.wiring import complete_wiring, pairs, refuse_wiring

_KEY = re.compile(r"(?P<prefix>(?:.*\.)?)(?P<index>[0-9]{1,6})\.(?P<name>weights|a|b)")


def matches(content: Content) -> bool:
    """Return whether there is a LogicLayer, or a matrix of sixteen columns called weights."""
    if is_module(content.model):
        return any(module.name == "LogicLayer" for module in all_modules(content.model))
    return any(
        key.endswith(".weights") and _KEY.fullmatch(key) and tensor.ndim == 2
        for key, tensor in content.tensors.items()
    )


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file and a wiring option tell about the net."""
    if is_module(content.model):
        refuse_wiring(options, file=content.label)
        return _from_module(content)
    return _from_state_dict(content, options)


def _from_module(content: Content) -> Draft:
    file = content.label
    notes: dict[str, str] = {}
    found: list[DraftLayer] = []
    inputs: int | None = None
    head: Module | None = None
    for module in layers(content.model, file=file):
        if head is not None:
            raise ModelError(
                "follows the GroupSum", file=file, place=module.place, expected="GroupSum last"
            )
        if module.name == "GroupSum":
            head = module
        elif module.name == "LogicLayer":
            inputs = inputs or integer(module, "in_dim", file=file)
            found.append(_layer(module, notes, file))
        else:
            raise ModelError(
                "unknown layer",
                file=file,
                place=module.place,
                expected="LogicLayer, GroupSum or Flatten",
            )
    return Draft(found, inputs, notes=notes, **head_facts(head, file=file))


def head_facts(head: Module | None, *, file: str) -> dict[str, Any]:
    """Return classes, tau and beta of a GroupSum module, as keywords of `Draft`."""
    if head is None:
        return {}
    for key, value in head.values.items():
        if isinstance(value, np.ndarray) and key not in ("tau", "beta"):
            # Such as the biases and weights of a fork: they change the scores.
            raise ModelError(
                f"GroupSum with a tensor {key}",
                file=file,
                place=head.place,
                expected="k, tau and beta",
            )
    return {
        "classes": integer(head, "k", file=file),
        "tau": number(head, "tau", default=1.0, file=file),
        "beta": number(head, "beta", file=file),
    }


def _layer(module: Module, notes: dict[str, str], file: str) -> DraftLayer:
    weights = array(module, "weights", file=file)
    tables = gates_from_logits(weights, 1, notes, file=file, place=module.place)
    indices = module.values.get("indices")
    if not isinstance(indices, tuple | list) or len(indices) != 2:
        raise ModelError(
            "no wiring in indices", file=file, place=module.place, expected="two tensors"
        )
    a, b = (_tensor(side, module, file) for side in indices)
    fanin = pairs(a, b, file=file, place=module.place)
    return DraftLayer(module.place, tables, fanin, len(tables))


def _tensor(value: Any, module: Module, file: str) -> Array:
    return array(Module(module.path, module.kind, {"indices": value}, {}), "indices", file=file)


def _from_state_dict(content: Content, options: ReadOptions) -> Draft:
    file = content.label
    notes: dict[str, str] = {}
    groups = indexed_groups(content, _KEY)
    found: list[DraftLayer] = []
    for place, group in groups.items():
        if "weights" not in group:
            raise ModelError("no weights", file=file, place=place)
        tables = gates_from_logits(
            group["weights"], 1, notes, file=file, place=f"layer {place}.weights"
        )
        fanin = None
        if "a" in group and "b" in group:
            fanin = pairs(group["a"], group["b"], file=file, place=f"layer {place}")
        found.append(DraftLayer(f"layer {place}", tables, fanin, len(tables)))
    wired, missing, origin = complete_wiring(found, options.inputs, options, file=file)
    return Draft(wired, notes=notes | origin, missing=missing)


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

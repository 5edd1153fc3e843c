"""difflut: layers, each a ModuleList of nodes with two tables of inputs.

State dicts and whole modules (`gatec.frontends.difflut_modules`) hold the same tensors.

Keys under `{i}.`: the wiring of the layer is `_mapping_indices`, integers `[nodes, n]`, or where
learned `mapping.W`, floats `[nodes * n, inputs]`, of which the largest in a row counts. Then for
each node `nodes.{j}.` one of

* `weights [outputs, 16]`, `indices [outputs, 2]` and `truth_tables [16, 4]`: the function with the
  largest weight, its row of outputs at (a, b) = 00, 01, 10, 11 from `truth_tables`. Its numbers are
  difflogic's with the bits in reverse, so they are never used: the rows are;
* `luts [outputs, 2**n]`: 1 from 0.5 on, slot `l` being bit `l` of the address.

A DiffLogicNode evaluates to an average of functions unless it was made with
`eval_mode='deterministic'`, which is what gatec reads. GroupSum leaves nothing in a state dict.
"""

from __future__ import annotations

import re

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.difflut_modules import Parts, take_apart
from gatec.frontends.draft import OUTSIDE, Draft, DraftBlock, DraftLayer
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.lut_rows import lut_inputs, lut_layer
from gatec.frontends.modules import all_modules, is_module
from gatec.frontends.options import ReadOptions
from gatec.frontends.weightless import fill_groups
from gatec.frontends.weights import check_floats, most_likely, note_ties
from gatec.frontends.wiring import refuse_wiring

_NODE = re.compile(
    r"(?:.*\.)?([0-9]{1,6})\.nodes\.([0-9]{1,7})\.(weights|indices|truth_tables|luts|alpha|beta)"
)
_LAYER = re.compile(
    r"(?:.*\.)?([0-9]{1,6})\.(_mapping_indices|mapping\.W|mapping\._cached_hard_(?:indices|mask))"
)
_Nodes = dict[int, dict[str, Array]]


def matches(content: Content) -> bool:
    """Return whether there are nodes, or a module of difflut."""
    if is_module(content.model):
        return any(module.kind.startswith("difflut.") for module in all_modules(content.model))
    return any(_NODE.fullmatch(key) for key in content.tensors)


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells."""
    file = content.label
    refuse_wiring(options, file=file)
    notes: dict[str, str] = {}
    if is_module(content.model):
        parts = take_apart(content.model, file)
    else:
        parts = _of_state_dict(content)
        notes["groups"] = "contiguous, as GroupSum without randperm counts them"
    if parts.encoded and options.features != "bits":
        raise ModelError("its encoder is not read", file=file, expected="--features bits")
    if parts.encoded:
        notes["encoder"] = OUTSIDE
    nodes, mappings = parts.nodes, parts.mappings
    if set(nodes) != set(mappings) or not nodes:
        raise ModelError("layers without nodes or without wiring", file=file)
    found: list[DraftLayer | DraftBlock] = []
    inputs = width = options.inputs if parts.inputs is None else parts.inputs
    for number in sorted(nodes):
        place = f"layer {number}"
        wiring = _mapping(mappings[number], len(nodes[number]), notes, file, place)
        learned = mappings[number].get("mapping.W")
        if not found and learned is not None:
            inputs = width = learned.shape[1]
        rows, fanin = _functions(nodes[number], wiring, notes, file, place)
        reach = width or int(fanin.max(initial=0)) + 1
        found.append(lut_layer(place, rows, fanin, reach, file=file))
        width = len(rows)
    found += fill_groups(width or 0, parts.classes, file)
    return Draft(found, inputs, classes=parts.classes, tau=parts.tau, notes=notes)


def _of_state_dict(content: Content) -> Parts:
    file = content.label
    parts = Parts()
    nodes, mappings = parts.nodes, parts.mappings
    for key, tensor in content.tensors.items():
        if match := _NODE.fullmatch(key):
            nodes.setdefault(int(match[1]), {}).setdefault(int(match[2]), {})[match[3]] = tensor
        elif match := _LAYER.fullmatch(key):
            mappings.setdefault(int(match[1]), {})[match[2]] = tensor
        else:
            raise ModelError(
                f"unknown tensor of shape {list(tensor.shape)}", file=file, place=key,
                expected="_mapping_indices, mapping.W and nodes",
            )  # fmt: skip
    return parts


def _mapping(
    keys: dict[str, Array], count: int, notes: dict[str, str], file: str, place: str
) -> Array:
    """Return the wiring of a layer, `[nodes, n]`."""
    wiring = keys.get("_mapping_indices")
    if "mapping.W" in keys:
        if keys["mapping.W"].ndim != 2 or 0 in keys["mapping.W"].shape:
            raise ModelError("mapping.W is no matrix", file=file, place=place)
        wiring, ties = most_likely(keys["mapping.W"], 1, file=file, place=f"{place}: mapping.W")
        if ties:
            note_ties(notes, ties, place)
        if wiring.size % count == 0:
            wiring = wiring.reshape(count, -1)
    if wiring is None or wiring.ndim != 2 or len(wiring) != count or wiring.dtype.kind not in "iu":
        raise ModelError("no wiring", file=file, place=place, expected=f"integers [{count}, n]")
    return wiring


def _functions(
    nodes: _Nodes, wiring: Array, notes: dict[str, str], file: str, place: str
) -> tuple[Array, Array]:
    """Return tables `[gates, 2**n]`, first slot lowest, and wiring `[gates, n]` of all nodes."""
    if sorted(nodes) != list(range(len(nodes))):
        raise ModelError("nodes are missing", file=file, place=place, expected="nodes 0, 1, ...")
    rows, fanin = [], []
    for number in range(len(nodes)):
        where = f"{place}, node {number}"
        if "luts" in nodes[number]:
            tables, chosen = _lookup(nodes[number]["luts"], wiring.shape[1], file, where)
        else:
            tables, chosen = _gates(nodes[number], wiring.shape[1], notes, file, where)
        rows.append(tables)
        fanin.append(wiring[number][chosen])
    if len({part.shape[1:] for part in rows}) != 1:
        raise ModelError("nodes of unlike sizes", file=file, place=place)
    return np.concatenate(rows), np.concatenate(fanin)


def _lookup(luts: Array, n: int, file: str, place: str) -> tuple[Array, Array]:
    if lut_inputs(luts, file=file, place=place) != n:
        raise ModelError(f"luts of {luts.shape[1]} entries", file=file, place=place,
                         expected=f"{1 << min(n, 40)}, for {n} inputs")  # fmt: skip
    check_floats(luts, "[outputs, 2**n]", file=file, place=place)
    return luts >= 0.5, np.broadcast_to(np.arange(n), (len(luts), n))


def _gates(
    node: dict[str, Array], n: int, notes: dict[str, str], file: str, place: str
) -> tuple[Array, Array]:
    keys = ("weights", "indices", "truth_tables")
    weights, indices, tables = (node.get(key) for key in keys)
    if weights is None or indices is None or tables is None:
        raise ModelError("not all of weights, indices, truth_tables", file=file, place=place)
    shapes = (weights.ndim == 2 and weights.shape[1] == 16, tables.shape == (16, 4))
    if not all(shapes) or indices.shape != (len(weights), 2) or indices.dtype.kind not in "iu":
        raise ModelError(
            "weights, indices or truth_tables of another shape",
            file=file,
            place=place,
            expected="[outputs, 16], [outputs, 2] and [16, 4]",
        )
    if indices.size and (indices.min() < 0 or indices.max() >= n):
        raise ModelError("indices reach beyond the node's inputs", file=file, place=place)
    if not np.isin(tables, (0, 1)).all():
        raise ModelError("truth_tables are not 0 and 1", file=file, place=place)
    chosen, ties = most_likely(weights, 1, file=file, place=place)
    if ties:
        note_ties(notes, ties, place)
    notes["functions"] = "the most likely one of each node, as eval_mode='deterministic' takes"
    # Columns are the outputs at 00, 01, 10, 11 of (a, b); the first slot is to be the lowest.
    return tables[chosen][:, [0, 2, 1, 3]] != 0, indices

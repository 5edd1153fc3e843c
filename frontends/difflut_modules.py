"""Whole modules of difflut, taken apart into the tensors that its state dicts have.

A Sequential of `RandomLayer` and `LearnableLayer`, or a `SimpleFeedForward`, whose encoder stays
outside of the circuit; then, if any, a `GroupSum`, which fills up the last class with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.files.records import Record, shown
from gatec.frontends.files.tensors import Array
from gatec.frontends.modules import Module, as_module, integer, layers, number

LAYERS = frozenset({"RandomLayer", "LearnableLayer"})
_FEEDFORWARD = "SimpleFeedForward"
_NODES = ("DiffLogicNode", "DWNNode")


@dataclass
class Parts:
    """The tensors of a model's layers, by layer and node, as keys of a state dict name them.

    Attributes
    ----------
    nodes, mappings
        For each layer, the tensors of its nodes, and those of its wiring.
    inputs
        Of the first layer.
    classes, tau
        Of the GroupSum; None without one.
    encoded
        Whether an encoder stands in front.
    """

    nodes: dict[int, dict[int, dict[str, Array]]] = field(default_factory=dict)
    mappings: dict[int, dict[str, Array]] = field(default_factory=dict)
    inputs: int | None = None
    classes: int | None = None
    tau: float | None = None
    encoded: bool = False


def take_apart(record: Record, file: str) -> Parts:
    """Return the tensors of a module; raise `ModelError` at parts that gatec does not know."""
    found = Parts()
    for module in _in_order(record, found, file):
        if found.classes is not None:
            raise ModelError("follows the GroupSum", file=file, place=module.place)
        if module.name in LAYERS:
            _layer(module, found, file)
        elif module.name == "GroupSum":
            _head(module, found, file)
        else:
            raise ModelError(
                "unknown layer",
                file=file,
                place=module.place,
                expected=f"{', '.join(sorted(LAYERS))} or GroupSum",
            )
    return found


def _in_order(record: Record, found: Parts, file: str) -> list[Module]:
    whole = as_module(record, "")
    if whole.name != _FEEDFORWARD:
        return layers(record, file=file, whole=LAYERS)
    found.encoded = True
    listed = whole.child("layers")
    if listed is None:
        raise ModelError("no layers", file=file, place=whole.place)
    inner = [_part(listed, name, file) for name in listed.children]
    head = whole.child("output_layer")
    return inner if head is None else [*inner, head]


def _part(module: Module, name: str, file: str) -> Module:
    part = module.child(name)
    if part is None:
        raise ModelError("not a module", file=file, place=f"{module.path}.{name}"[:80])
    return part


def _layer(module: Module, found: Parts, file: str) -> None:
    number_ = len(found.nodes)
    wiring = {k: v for k, v in module.values.items() if isinstance(v, np.ndarray)}
    learned = module.child("mapping")
    if learned is not None:
        wiring |= {f"mapping.{k}": v for k, v in learned.values.items() if k == "W"}
    listed = module.child("nodes")
    if listed is None or list(listed.children) != [str(i) for i in range(len(listed.children))]:
        raise ModelError("no nodes 0, 1, ...", file=file, place=module.place)
    nodes = {}
    for name in listed.children:
        node = _part(listed, name, file)
        if node.name not in _NODES:
            raise ModelError(
                "unknown node", file=file, place=node.place, expected=", ".join(_NODES)
            )
        mode = node.values.get("eval_mode", "deterministic")
        if mode != "deterministic":
            raise ModelError(
                f"eval_mode is {shown(mode)}: it puts out averages, not bits",
                file=file,
                place=node.place,
                expected="eval_mode = 'deterministic' in all nodes",
            )
        nodes[int(name)] = {k: v for k, v in node.values.items() if isinstance(v, np.ndarray)}
    _check_width(module, wiring, len(nodes), file)
    if not found.nodes and "input_size" in module.values:
        found.inputs = integer(module, "input_size", file=file)
    found.nodes[number_], found.mappings[number_] = nodes, wiring


def _check_width(module: Module, wiring: dict[str, Array], nodes: int, file: str) -> None:
    """Raise `ModelError` where a layer's `n`, which it takes its wiring apart with, is another."""
    learned, fixed = wiring.get("mapping.W"), wiring.get("_mapping_indices")
    n = None
    if learned is not None and learned.ndim and nodes:
        n = len(learned) / nodes
    elif fixed is not None and fixed.ndim == 2:
        n = fixed.shape[1]
    if n is not None and module.values.get("n", n) != n:
        raise ModelError(
            f"n is {shown(module.values['n'])}",
            file=file,
            place=module.place,
            expected=f"{n:g}, as its wiring has",
        )


def _head(module: Module, found: Parts, file: str) -> None:
    drawn = module.values.get("use_randperm", False) is not False
    if drawn or module.values.get("randperm") is not None:
        raise ModelError(
            "use_randperm draws another order each time" if drawn else "randperm holds an order",
            file=file,
            place=module.place,
            expected="use_randperm=False",
        )
    found.classes = integer(module, "k", file=file)
    found.tau = number(module, "tau", default=1.0, file=file)

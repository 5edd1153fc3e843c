"""Quantised networks in ONNX: QONNX as Brevitas and FINN write it, and FINN's MultiThreshold.

The graph is run once, with constants as arrays and everything that depends on the input as a
`Signal`. What it may hold: fully connected and convolutional layers whose weights are a scale times
small integers, batch norms and other elementwise operations with constants, quantisers
(`BipolarQuant`, where 0 becomes +1, `Quant`, `MultiThreshold`, `Sign`), max pooling, and at the end
class scores. The batch axis is the first one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.counting import Network, Signal
from gatec.frontends.counting_model import begin, end
from gatec.frontends.draft import Draft
from gatec.frontends.files.content import Content
from gatec.frontends.files.onnx_file import Node, OnnxGraph
from gatec.frontends.onnx_ops import OPERATORS, Value
from gatec.frontends.options import ReadOptions
from gatec.frontends.wiring import refuse_wiring

_DOMAINS = ("", "ai.onnx", "qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
# Elements that a constant may have beyond those that the file stores.
_MAX_CONSTANT = 1 << 26
# They keep the order of class scores.
_AT_THE_END = ("Softmax", "LogSoftmax", "Sigmoid", "ArgMax", "TopK")


def matches(content: Content) -> bool:
    """Return whether the file is ONNX."""
    return isinstance(content.value, OnnxGraph)


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells; the meaning of the input's codes is asked for."""
    refuse_wiring(options, file=content.label)
    graph, file = content.value, content.label
    if not isinstance(graph, OnnxGraph):
        raise ModelError("not an ONNX file", file=file)
    network = Network(file, notes={"producer": graph.producer} if graph.producer else {})
    for name, digest in graph.beside.items():
        network.notes[f"weights in {name}"] = f"sha256 {digest}"
    result, place = _run(graph, network, options)
    return end(network, result, place, options)


def _run(graph: OnnxGraph, network: Network, options: ReadOptions) -> tuple[Signal, str]:
    """Return the graph's result and what to call it."""
    known: dict[str, Value] = dict(graph.constants)
    if len(graph.inputs) != 1 or not graph.outputs:
        raise network.error(
            f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs", "graph", "one input"
        )
    ((name, shape),) = graph.inputs.items()
    known[name] = begin(network, _sizes(shape, network), options)
    for node in graph.nodes:
        if node.op in _AT_THE_END and node.inputs and isinstance(known.get(node.inputs[0]), Signal):
            network.notes["end"] = f"{node.op} is left out: it keeps the order of the scores"
            return _signal(known, node.inputs[0], network), node.place
        value = _apply(node, known, network)
        # Of several outputs only the first is data; of a batch norm's in training the rest is not.
        if not node.outputs or node.outputs[0] in known:
            raise network.error("computes nothing, or what is there already", node.place)
        known[node.outputs[0]] = value
    return _signal(known, graph.outputs[0], network), "output"


def _sizes(shape: tuple[int | None, ...], network: Network) -> tuple[int, ...]:
    """Return the shape of the input without the batch axis."""
    sizes = shape[1:]
    if len(sizes) not in (1, 3) or any(size is None or not 1 <= size < 1 << 20 for size in sizes):
        raise network.error(
            f"input of shape {list(shape)}", "graph", "[batch, features] or [batch, c, h, w]"
        )
    return tuple(size or 0 for size in sizes)


def _signal(known: dict[str, Value], name: str, network: Network) -> Signal:
    value = known.get(name)
    if not isinstance(value, Signal):
        raise network.error("does not depend on the input", name[:40] or "output")
    return value


def _apply(node: Node, known: dict[str, Value], network: Network) -> Value:
    """Return the result of a node; raise `ModelError` where it cannot be a circuit."""
    operator: Callable[..., Any] | None = OPERATORS.get(node.op)
    if operator is None or node.domain not in _DOMAINS:
        name = f"{node.domain}.{node.op}" if node.domain not in _DOMAINS else node.op
        raise network.error(
            f"operator {name[:60]}", node.place, "layers of a quantised net: see the README"
        )
    values: list[Value | None] = []
    for name in node.inputs:
        if name and name not in known:
            raise network.error(f"reads {name[:40]}, which nothing computes", node.place)
        values.append(known[name] if name else None)
    try:
        with np.errstate(all="ignore"):
            found: Value = operator(network, node, values)
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        # NumPy's own words on shapes that do not fit.
        text = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise network.error(f"its inputs do not fit: {text}", node.place) from None
    if isinstance(found, np.ndarray) and found.size > _MAX_CONSTANT:
        raise network.error(f"a constant of {found.size} elements", node.place)
    return found

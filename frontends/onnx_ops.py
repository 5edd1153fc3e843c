"""What each operator of a quantised ONNX graph does: to constants NumPy's, to signals by counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from gatec.frontends.counting import Floats, Network, Signal
from gatec.frontends.counting_layers import convolution, dense, flatten, max_pool
from gatec.frontends.files.onnx_file import Node
from gatec.frontends.files.tensors import Array

Value = Array | Signal
Values = Sequence[Value | None]
Operator = Callable[[Network, Node, list[Any]], Any]

# A quantiser of so many bits has more values than the input may have.
_MAX_BITS = 16


def _constant(network: Network, node: Node, value: Any) -> Array:
    if not isinstance(value, np.ndarray):
        raise network.error("an operand depends on the input, or is missing", node.place)
    return value


def _per_channel(network: Network, node: Node, signal: Signal, value: Any) -> Array:
    """Return a constant as `[channels or 1, 1]`: alike at all positions of an image."""
    constant = _constant(network, node, value)
    if constant.size == 1:
        return constant.reshape(1, 1)
    axes = len(signal.shape)
    # As broadcasting aligns it: from the last axis on.
    shape = (1,) * (axes - constant.ndim) + constant.shape[max(0, constant.ndim - axes) :]
    if constant.size != signal.shape[0] or shape != (signal.shape[0],) + (1,) * (axes - 1):
        raise network.error(
            f"a constant {list(constant.shape)} with a tensor {list(signal.shape)}",
            node.place,
            "one number, or one for each channel",
        )
    return constant.reshape(-1, 1)


def _binary(
    function: Callable[[Any, Any], Any],
) -> Operator:
    """Return the operator of an elementwise function of two operands."""

    def operator(network: Network, node: Node, values: list[Any]) -> Value:
        first, second = values
        if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
            return np.asarray(function(first, second))
        if isinstance(first, Signal) and isinstance(second, Signal):
            raise network.error("joins two tensors that depend on the input", node.place)
        if isinstance(first, Signal):
            right = _per_channel(network, node, first, second)
            return first.map(lambda x: function(x, right.astype(x.dtype)))
        left = _per_channel(network, node, second, first)
        return second.map(lambda x: function(left.astype(x.dtype), x))

    return operator


def _unary(function: Callable[[Any], Any]) -> Operator:
    def operator(network: Network, node: Node, values: list[Any]) -> Value:
        (value,) = values
        return value.map(function) if isinstance(value, Signal) else np.asarray(function(value))

    return operator


def _divide(x: Any, y: Any) -> Any:
    return x // y if np.asarray(x).dtype.kind in "iu" else x / y


def _batch_norm(network: Network, node: Node, values: list[Any]) -> Value:
    """As runtimes compute it: one scale and one bias for each channel, in the data's type."""
    signal = values[0]
    if not isinstance(signal, Signal):
        raise network.error("a batch norm of a constant", node.place)
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    gain, bias, mean, variance = (_channels(network, node, signal, v) for v in values[1:5])

    def function(x: Floats) -> Floats:
        g, b, m, v = (a.astype(x.dtype) for a in (gain, bias, mean, variance))
        scale = g / np.sqrt(v + x.dtype.type(epsilon))
        return x * scale + (b - m * scale)

    return signal.map(function)


def _channels(network: Network, node: Node, signal: Signal, value: Any) -> Array:
    """Return a vector of one number for each channel, as `[channels, 1]`."""
    constant = _constant(network, node, value)
    if constant.shape != signal.shape[:1]:
        raise network.error(
            f"{list(constant.shape)} numbers for {signal.shape[0]} channels", node.place
        )
    return constant.reshape(-1, 1)


def _bipolar(network: Network, node: Node, values: list[Any]) -> Value:
    """`BipolarQuant`: x >= 0 gives +scale, else -scale."""
    value, scale = values
    if isinstance(value, Signal):
        factor = _per_channel(network, node, value, scale)
        ends = np.concatenate([-factor, factor]) if factor.size == 1 else None
        return value.map(
            lambda x: np.where(x >= 0, factor.astype(x.dtype), -factor.astype(x.dtype)), ends
        )
    constant = _constant(network, node, value)
    factor = _constant(network, node, scale)
    return np.where(constant >= 0, factor, -factor).astype(constant.dtype)


def _quant(network: Network, node: Node, values: list[Any]) -> Value:
    """`Quant`: clamp `x / scale + zero`, round, and scale back."""
    value, scale, zero, width = values
    width_ = _constant(network, node, width)
    signed = bool(node.attributes.get("signed", 1))
    narrow = bool(node.attributes.get("narrow", 0))
    mode = bytes(node.attributes.get("rounding_mode", b"ROUND")).decode("ascii", "replace").upper()
    if width_.size != 1 or not 1 <= float(width_.reshape(())) <= 32:
        raise network.error("a bit width other than one number from 1 to 32", node.place)
    bits = float(width_.reshape(()))
    if bits == 1 and signed:
        return _bipolar(network, node, [value, scale])
    if mode not in _ROUNDING:
        raise network.error(f"rounding mode {mode[:20]}", node.place, ", ".join(_ROUNDING))
    half = 2.0 ** (bits - signed)
    low, high = (-half + narrow, half - 1) if signed else (0.0, half - 1 - narrow)

    def function(x: Floats, factor: Array, offset: Array) -> Floats:
        f, o = factor.astype(x.dtype), offset.astype(x.dtype)
        steps = _ROUNDING[mode](np.clip(x / f + o, x.dtype.type(low), x.dtype.type(high)))
        return (steps - o) * f

    if not isinstance(value, Signal):
        constant = _constant(network, node, value)
        factor, offset = (_constant(network, node, v) for v in (scale, zero))
        return function(constant, factor, offset)
    factor, offset = (_per_channel(network, node, value, v) for v in (scale, zero))
    ends = None
    if factor.size == 1 and offset.size == 1 and bits <= _MAX_BITS:
        ends = (np.arange(np.ceil(low), np.floor(high) + 1) - offset.reshape(-1)) * factor[0]
    return value.map(lambda x: function(x, factor, offset), ends)


def _half_up(x: Floats) -> Floats:
    return np.floor(np.abs(x) + x.dtype.type(0.5)) * np.sign(x)


_ROUNDING: dict[str, Callable[[Floats], Floats]] = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "ROUND_TO_ZERO": np.trunc,
    "DOWN": np.trunc,
    "HALF_UP": _half_up,
}


def _multi_threshold(network: Network, node: Node, values: list[Any]) -> Value:
    """`MultiThreshold`: how many thresholds `x` reaches, scaled and shifted."""
    signal, thresholds = values
    if not isinstance(signal, Signal):
        raise network.error("a threshold of a constant", node.place)
    rows = _constant(network, node, thresholds)
    scale = float(node.attributes.get("out_scale", 1.0))
    bias = float(node.attributes.get("out_bias", 0.0))
    layout = bytes(node.attributes.get("data_layout", b"NCHW"))
    if layout not in (b"NCHW", b"NC"):
        raise network.error(f"data layout {layout[:8]!r}", node.place, "NCHW")
    if rows.ndim != 2 or rows.shape[0] not in (1, signal.shape[0]) or rows.shape[1] > 1 << 12:
        raise network.error(
            f"thresholds {list(rows.shape)} for {signal.shape[0]} channels", node.place
        )

    def function(x: Floats) -> Floats:
        count = np.zeros((max(len(x), len(rows)), x.shape[1]), dtype=x.dtype)
        for column in rows.T:
            count += x >= column[:, None].astype(x.dtype)
        return count * x.dtype.type(scale) + x.dtype.type(bias)

    return signal.map(function, np.arange(rows.shape[1] + 1) * scale + bias)


def _sign(network: Network, node: Node, values: list[Any]) -> Value:
    """ONNX's Sign, whose value at 0 is 0."""
    (value,) = values
    ends = np.array([-1.0, 0.0, 1.0])
    return value.map(np.sign, ends) if isinstance(value, Signal) else np.sign(value)


def _clip(network: Network, node: Node, values: list[Any]) -> Value:
    low, high = (node.attributes.get(key) for key in ("min", "max"))
    if len(values) > 1 and values[1] is not None:
        low = float(_constant(network, node, values[1]).reshape(()))
    if len(values) > 2 and values[2] is not None:
        high = float(_constant(network, node, values[2]).reshape(()))
    if low is None and high is None:
        return values[0]
    return _unary(lambda x: np.clip(x, low, high))(network, node, values[:1])


def _matmul(network: Network, node: Node, values: list[Any]) -> Value:
    first, second = values
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return first @ second
    if not isinstance(first, Signal):
        raise network.error("the weights stand left of the data", node.place)
    return dense(network, first, _constant(network, node, second).T, node.place)


def _gemm(network: Network, node: Node, values: list[Any]) -> Value:
    first, second, *rest = values
    settings = [node.attributes.get(key, 1.0) for key in ("alpha", "beta")]
    if node.attributes.get("transA", 0) or settings != [1.0, 1.0] or not isinstance(first, Signal):
        raise network.error("a Gemm with alpha, beta or a transposed input", node.place)
    weights = _constant(network, node, second)
    found = dense(
        network, first, weights if node.attributes.get("transB", 0) else weights.T, node.place
    )
    if rest and rest[0] is not None:
        return _binary(np.add)(network, node, [found, rest[0]])
    return found


def _window(node: Node, network: Network, kernel: tuple[int, ...]) -> tuple[Any, Any]:
    """Return stride and padding of a convolution or pooling."""
    settings = node.attributes
    pads = list(settings.get("pads") or [0] * 2 * len(kernel))
    stride = tuple(settings.get("strides") or [1] * len(kernel))
    automatic = bytes(settings.get("auto_pad", b"NOTSET"))
    plain = settings.get("dilations", [1, 1]) == [1, 1] and automatic in (b"NOTSET", b"VALID")
    if len(kernel) != 2 or pads[:2] != pads[2:] or not plain or settings.get("ceil_mode", 0):
        raise network.error(
            "a window with dilations, uneven padding or other than two axes", node.place
        )
    return stride, tuple(pads[:2])


def _conv(network: Network, node: Node, values: list[Any]) -> Value:
    signal, weights, *rest = values
    kernels = _constant(network, node, weights)
    if node.attributes.get("group", 1) != 1 or not isinstance(signal, Signal):
        raise network.error("a grouped convolution", node.place, "group 1")
    stride, padding = _window(node, network, kernels.shape[2:])
    found = convolution(network, signal, kernels, stride=stride, padding=padding, place=node.place)
    if rest and rest[0] is not None:
        bias = _channels(network, node, found, rest[0])
        return found.map(lambda x: x + bias.astype(x.dtype))
    return found


def _max_pool(network: Network, node: Node, values: list[Any]) -> Value:
    kernel = tuple(node.attributes.get("kernel_shape") or ())
    stride, padding = _window(node, network, kernel)
    if not isinstance(values[0], Signal):
        raise network.error("a pooling of a constant", node.place)
    return max_pool(
        network, values[0], kernel=kernel, stride=stride, padding=padding, place=node.place
    )


def _shape(network: Network, node: Node, values: list[Any]) -> Array:
    value = values[0]
    shape = (1, *value.shape) if isinstance(value, Signal) else value.shape
    return np.array(shape, dtype=np.int64)


def _reshape(network: Network, node: Node, values: list[Any]) -> Value:
    value, target = values[0], _constant(network, node, values[1])
    if isinstance(value, Signal):
        sizes = [int(n) for n in target.reshape(-1)]
        total = prod(value.shape)
        if len(sizes) == 2 and sizes[1] in (-1, total) and sizes[0] in (-1, 0, 1):
            return flatten(network, value, node.place)
        if tuple(sizes[1:]) == value.shape:
            return value
        raise network.error(f"to {sizes[:8]}", node.place, f"[batch, {total}]")
    return value.reshape([int(n) for n in target.reshape(-1)])


def _flatten(network: Network, node: Node, values: list[Any]) -> Value:
    value, axis = values[0], node.attributes.get("axis", 1)
    if axis != 1:
        raise network.error(f"flattens from axis {axis}", node.place, "1")
    return (
        flatten(network, value, node.place)
        if isinstance(value, Signal)
        else value.reshape(len(value), -1)
    )


def _transpose(network: Network, node: Node, values: list[Any]) -> Value:
    order = node.attributes.get("perm")
    if isinstance(values[0], Signal):
        if order is not None and list(order) == list(range(len(order))):
            return values[0]
        raise network.error("transposes the data", node.place, "channels first")
    return values[0].transpose(order)


def _same(network: Network, node: Node, values: list[Any]) -> Value:
    return values[0]


def _cast(network: Network, node: Node, values: list[Any]) -> Value:
    if isinstance(values[0], Signal) and node.attributes.get("to") not in (1, 11):
        raise network.error("casts the data", node.place, "floats")
    return values[0]


def _gather(network: Network, node: Node, values: list[Any]) -> Array:
    first, index = (_constant(network, node, v) for v in values)
    return np.asarray(np.take(first, index.astype(np.int64), axis=node.attributes.get("axis", 0)))


def _axes(network: Network, node: Node, values: list[Any]) -> tuple[int, ...]:
    found = node.attributes.get("axes")
    if found is None and len(values) > 1:
        found = _constant(network, node, values[1]).reshape(-1).tolist()
    return tuple(found or ())


def _unsqueeze(network: Network, node: Node, values: list[Any]) -> Array:
    return np.expand_dims(_constant(network, node, values[0]), _axes(network, node, values))


def _squeeze(network: Network, node: Node, values: list[Any]) -> Value:
    value, axes = values[0], _axes(network, node, values)
    if isinstance(value, Signal):
        flat = prod(value.shape) == value.shape[0] and 0 not in axes
        if not flat:
            raise network.error("squeezes the data", node.place)
        return flatten(network, value, node.place)
    return np.squeeze(value, axes or None)


def _concat(network: Network, node: Node, values: list[Any]) -> Array:
    parts = [_constant(network, node, v) for v in values]
    return np.concatenate(parts, axis=node.attributes.get("axis", 0))


def _value(network: Network, node: Node, values: list[Any]) -> Array:
    return _constant(network, node, node.attributes.get("value"))


OPERATORS: dict[str, Operator] = {
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divide),
    "Pow": _binary(np.power),
    "Sqrt": _unary(np.sqrt),
    "Neg": _unary(np.negative),
    "Relu": _unary(lambda x: np.maximum(x, 0)),
    "Sign": _sign,
    "Clip": _clip,
    "BatchNormalization": _batch_norm,
    "BipolarQuant": _bipolar,
    "Quant": _quant,
    "IntQuant": _quant,
    "MultiThreshold": _multi_threshold,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "Shape": _shape,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Identity": _same,
    "Dropout": _same,
    "Cast": _cast,
    "Gather": _gather,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Concat": _concat,
    "Constant": _value,
}

"""Layers of binary networks, whoever trained them: signs of weights and sums, and batch norms.

The sign of 0 is +1 unless a layer says otherwise. A batch norm is computed in float32 as its
library does; that and the comparison after it become integer thresholds in `Network.bits`.
"""

from __future__ import annotations

from math import prod

import numpy as np

from gatec.frontends.counting import Bits, Floats, Network, Signal
from gatec.frontends.files.tensors import Array

# Where two computations of a sine may differ in sign.
_SINE_SLACK = 1e-5
_ENDS = np.array([-1.0, 1.0])


def signs(network: Network, weights: Array, place: str, frequency: float | None = None) -> Array:
    """Return latent weights as +1 and -1: their signs, or those of `sin(frequency * w)`.

    Raises `ModelError` at a weight that is no number.
    """
    if weights.dtype.kind not in "fiub" or weights.size == 0:
        raise network.error(f"weights {weights.dtype}{list(weights.shape)}", place, "numbers")
    values = weights.astype(np.float32)
    if not np.isfinite(values).all():
        raise network.error("a weight is infinite or no number", place)
    if frequency is not None:
        waves = np.sin(np.float32(frequency) * values, dtype=np.float32)
        close = int((np.abs(waves) < _SINE_SLACK).sum())
        if close:
            network.notes[f"{place} sines"] = f"{close} weights whose sine is close to 0"
        values = waves
    zeros = int((values == 0).sum())
    if zeros:
        network.notes[f"{place} zeros"] = f"{zeros} weights are 0 and count as +1"
    return np.where(values >= 0, np.float32(1), np.float32(-1))


def truths(network: Network, weights: Array, place: str) -> Array:
    """Return Boolean weights as +1 and -1: booleans, 0 and 1, or +1 and -1 already."""
    found = set(np.unique(weights).tolist()) if weights.size else set()
    if weights.dtype.kind not in "bifu" or not (found <= {0, 1} or found <= {-1, 1}) or not found:
        raise network.error(
            f"Boolean weights {weights.dtype}{list(weights.shape)} with other values", place,
            "booleans, 0 and 1, or -1 and +1",
        )  # fmt: skip
    return np.where(weights > 0, np.float32(1), np.float32(-1))


def boolean_input(network: Network, shape: tuple[int, ...]) -> Signal:
    """Return input bits that stand for +1 and -1."""
    network.inputs = prod(shape)
    return Signal(shape, Bits(np.ones(1, dtype=np.int64), -1.0, 2.0), None, None)


def sign(signal: Signal, zero: int = 1) -> Signal:
    """Return the signs of a tensor; that of 0 is `zero`: +1, or 0 as `torch.sign` has it."""
    if zero == 1:
        return signal.map(lambda x: np.where(x >= 0, x.dtype.type(1), x.dtype.type(-1)), _ENDS)
    return signal.map(np.sign, np.array([-1.0, 0.0, 1.0]))


def at_least(network: Network, signal: Signal, thresholds: Array, place: str) -> Signal:
    """Return +1 where a tensor reaches a threshold, one or one for each channel, and -1 elsewhere.

    Raises `ModelError` at other thresholds.
    """
    limit = per_channel(network, signal, thresholds, place)
    return signal.map(
        lambda x: np.where(x >= limit.astype(x.dtype), x.dtype.type(1), x.dtype.type(-1)), _ENDS
    )


def add(network: Network, signal: Signal, constants: Array, place: str) -> Signal:
    """Return a tensor plus constants."""
    right = per_channel(network, signal, constants, place)
    return signal.map(lambda x: x + right.astype(x.dtype))


def scale(network: Network, signal: Signal, constants: Array, place: str) -> Signal:
    """Return a tensor times constants."""
    right = per_channel(network, signal, constants, place)
    return signal.map(lambda x: x * right.astype(x.dtype))


def batch_norm(
    network: Network,
    signal: Signal,
    arrays: tuple[Array | None, Array | None, Array, Array],
    epsilon: float,
    place: str,
) -> Signal:
    """Return a tensor after a batch norm in evaluation, as PyTorch and Keras compute it.

    `arrays` are gain and bias, each None where it has none, mean and variance: of each channel.
    """
    size = signal.shape[0]
    ones, zeros = np.ones(size, np.float32), np.zeros(size, np.float32)
    filled = (ones if arrays[0] is None else arrays[0], zeros if arrays[1] is None else arrays[1])
    gain, bias, mean, variance = (
        per_channel(network, signal, np.broadcast_to(a, size) if a.size == 1 else a, place)
        for a in (*filled, *arrays[2:])
    )
    if not (variance + epsilon > 0).all():
        raise network.error("a variance below 0", place)

    def function(x: Floats) -> Floats:
        g, b, m, v = (a.astype(x.dtype) for a in (gain, bias, mean, variance))
        inverse = x.dtype.type(1) / np.sqrt(v + x.dtype.type(epsilon))
        factor = inverse * g
        shift = b - m * factor
        return x * factor + shift

    return signal.map(function)


def clip(signal: Signal, low: float, high: float) -> Signal:
    """Return a tensor with its values bounded."""
    return signal.map(lambda x: np.clip(x, low, high))


def per_channel(network: Network, signal: Signal, value: Array, place: str) -> Array:
    """Return constants as `[channels or 1, 1]`; raise `ModelError` at another number of them."""
    size = signal.shape[0]
    if value.dtype.kind not in "fiu" or value.size not in (1, size):
        raise network.error(
            f"{value.dtype}{list(value.shape)} for {size} channels", place, "one, or one for each"
        )
    if not np.isfinite(value.astype(np.float64)).all():
        raise network.error("a constant is infinite or no number", place)
    return value.reshape(-1, 1)

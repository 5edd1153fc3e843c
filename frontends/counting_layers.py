"""Layers of quantised networks: weights times quantised activations, pooling, class scores."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from gatec.blocks_conv import Window
from gatec.blocks_threshold import ClassScores
from gatec.errors import ModelError
from gatec.frontends.counting import MAX_TABLE, Bits, Floats, Network, Pool, Signal, Sum, Whole
from gatec.frontends.files.tensors import Array

# Beyond this a quantised weight is no small integer any more.
_MAX_WEIGHT = 1 << 12
# How finely class scores of different scales are put on one scale of integers: powers of two.
_FINEST = 20
_FARTHEST = 1 << 24


def dense(network: Network, signal: Signal, weights: Array, place: str) -> Signal:
    """Return `weights @ signal`, for weights `[neurons, features]`."""
    if len(signal.shape) != 1 or weights.ndim != 2 or weights.shape[1] != signal.shape[0]:
        raise network.error(
            f"weights {list(weights.shape)} on a tensor {list(signal.shape)}", place
        )
    elements = np.arange(signal.shape[0])[None]
    return linear(network, signal, weights, elements=elements, shape=(len(weights),), place=place)


def convolution(
    network: Network,
    signal: Signal,
    weights: Array,
    *,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    place: str,
) -> Signal:
    """Return the convolution of an image with `weights` `[channels, in channels, h, w]`."""
    if len(signal.shape) != 3 or weights.ndim != 4 or weights.shape[1] != signal.shape[0]:
        raise network.error(
            f"weights {list(weights.shape)} on a tensor {list(signal.shape)}", place
        )
    kernel = weights.shape[2:]
    window = Window(
        signal.shape,
        _positions(signal.shape[1:], kernel, stride, padding, place=place, network=network),
        stride,
        padding,
        (1, 1),
    )
    taps = np.moveaxis(np.indices(weights.shape[1:]), 0, -1).reshape(-1, 3)
    flat = weights.reshape(len(weights), -1)
    shape = (len(weights), *window.out)
    return linear(network, signal, flat, elements=window.sources(taps), shape=shape, place=place)


def linear(
    network: Network,
    signal: Signal,
    weights: Array,
    *,
    elements: Whole,
    shape: tuple[int, ...],
    place: str,
) -> Signal:
    """Return the sums of a layer.

    Parameters
    ----------
    weights
        Floats `[channels, k]`: a scale of each channel times integers.
    elements
        `int64[positions, k]`: the element of `signal` that each weight is for; -1 is a zero.
    shape
        Of the result.
    """
    bits = network.bits(signal, place)
    source = bits.source
    assert isinstance(source, Bits)
    whole, scales = _whole(network, weights, place)
    digits = source.digits
    wide = (whole[:, :, None] * digits).reshape(len(whole), -1)
    each = np.arange(len(digits))
    fanin = np.where(
        elements[:, :, None] < 0, -1, elements[:, :, None] * len(digits) + each
    ).reshape(len(elements), -1)
    # The code that a padded zero would have, as a multiple of one half.
    zero = -source.low / source.unit
    padded = elements < 0
    halves = round(2 * zero)
    if padded.any() and abs(2 * zero - halves) > 1e-5:
        raise network.error("pads with zeros, which the activation before cannot be", place)
    scale = 2 if padded.any() and halves % 2 else 1
    extra = np.zeros((len(whole), 1), dtype=np.int64)
    if padded.any():
        extra = (whole @ padded.T.astype(np.int64)) * (halves * scale // 2)
    low = scale * np.minimum(wide, 0).sum(axis=1) + extra.min(axis=1)
    high = scale * np.maximum(wide, 0).sum(axis=1) + extra.max(axis=1)
    codes = int((high - low).max()) + 1
    if codes * len(whole) > MAX_TABLE or wide.size > MAX_TABLE or fanin.size > MAX_TABLE:
        raise network.error(f"a layer of {len(whole)} neurons with {codes} sums each", place)
    sums = (low[:, None] + np.arange(codes)) / scale
    exact = scales[:, None] * (source.low * whole.sum(axis=1)[:, None] + source.unit * sums)
    limit = np.abs(wide).sum(axis=1).max()
    if limit >= 1 << 24:
        raise network.error(f"weights that add up to {limit}", place, "24 bits")
    width = prod(signal.shape) * len(digits)
    rows = wide.astype(np.int32), fanin.astype(np.int32)
    found = Sum(width, *rows, scale, extra, low, source.layer)
    return Signal(shape, found, exact.astype(np.float32), exact)


def _whole(network: Network, weights: Array, place: str) -> tuple[Whole, Floats]:
    """Return the integers `[channels, k]` and the scale of each channel that weights are."""
    floats = weights.astype(np.float64)
    if not np.isfinite(floats).all():
        raise network.error("a weight is infinite or no number", place)
    size = np.where(floats == 0, np.inf, np.abs(floats)).min(axis=1)
    size = np.where(np.isfinite(size), size, 1.0)
    for parts in (1, 2, 3):
        scales = size / parts
        whole = np.round(floats / scales[:, None])
        if (np.abs(whole * scales[:, None] - floats) <= 1e-5 * scales[:, None]).all():
            break
    else:
        raise network.error("weights that no operator quantises", place, "a scale times integers")
    if np.abs(whole).max() > _MAX_WEIGHT:
        raise network.error(f"weights of up to {np.abs(whole).max():g} steps", place)
    return whole.astype(np.int64), scales


def max_pool(
    network: Network,
    signal: Signal,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    place: str,
) -> Signal:
    """Return the largest values of windows of an image."""
    if len(signal.shape) != 3:
        raise network.error(f"a pooling of a tensor {list(signal.shape)}", place)
    out = _positions(signal.shape[1:], kernel, stride, padding, place=place, network=network)
    shape = (signal.shape[0], *out)
    falling = np.zeros(signal.shape[0], dtype=bool)
    if isinstance(signal.source, Sum) and signal.source.pool is None:
        assert signal.values is not None
        steps = np.diff(signal.values, axis=1)
        up, down = (steps >= 0).all(axis=1), (steps <= 0).all(axis=1)
        if not (up | down).all():
            raise network.error("pools values that neither rise nor fall with their sum", place)
        falling = np.broadcast_to(~up, signal.shape[0])
        pool = Pool(signal.shape[1:], kernel, stride, padding, falling)
        return replace(signal, shape=shape, source=replace(signal.source, pool=pool))
    bits = network.bits(signal, place)
    assert isinstance(bits.source, Bits)
    pool = Pool(signal.shape[1:], kernel, stride, padding, falling)
    network.or_pool(signal.shape[0], pool, len(bits.source.digits), place, bits.source.layer)
    source = replace(bits.source, layer=len(network.layers) - 1)
    return replace(bits, shape=shape, source=source)


def _positions(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    *,
    place: str,
    network: Network,
) -> tuple[int, ...]:
    """Return how many positions a window has along each axis."""
    if not len(sizes) == len(kernel) == len(stride) == len(padding) or min(stride) < 1:
        raise network.error(f"a window {list(kernel)} with stride {list(stride)}", place)
    found = tuple(
        (size + 2 * pad - width) // step + 1
        for size, width, step, pad in zip(sizes, kernel, stride, padding, strict=True)
    )
    if min(found) < 1 or min(padding) < 0 or max(padding) > 1 << 12:
        raise network.error(f"a window {list(kernel)} on an image {list(sizes)}", place)
    return found


def flatten(network: Network, signal: Signal, place: str) -> Signal:
    """Return an image as a vector, in the order of its channels, rows and columns."""
    each = prod(signal.shape[1:])
    shape = (prod(signal.shape),)
    if isinstance(signal.source, Sum) and each > 1:
        # What is known of a channel's sums is no longer that of one element.
        return replace(network.bits(signal, place), shape=shape)
    tables = [
        t if t is None or len(t) == 1 else np.repeat(t, each, axis=0)
        for t in (signal.values, signal.exact)
    ]
    return replace(signal, shape=shape, values=tables[0], exact=tables[1])


def class_scores(network: Network, signal: Signal, place: str) -> ClassScores:
    """Return the class sums whose order is that of the signal's values, ties included."""
    source = signal.source
    if not isinstance(source, Sum) or len(signal.shape) != 1 or source.pool is not None:
        raise network.error("the classes are no sums of a layer", place)
    assert signal.values is not None
    channels = len(source.weights)
    values = np.broadcast_to(signal.values, (channels, signal.values.shape[1]))
    if not np.isfinite(values).all():
        raise network.error("a class score can be infinite or no number", place)
    # What is behind a class's own largest sum does not occur.
    reach = np.abs(source.weights).sum(axis=1, dtype=np.int64) * source.scale
    occurs = np.arange(values.shape[1]) <= reach[:, None]
    codes = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    gain, bias = _affine(network, values, codes, occurs, place)
    weights = source.weights.astype(np.int64) * gain[:, None]
    total = bias - gain * source.low
    # Some class can reach 0, so that scores are as narrow as can be.
    total -= (np.minimum(weights, 0).sum(axis=1) + total).min()
    if max(np.abs(weights).sum(axis=1).max(), total.max()) >= 1 << 24:
        raise network.error("class scores of more than 24 bits", place)
    try:
        return ClassScores(
            "scores", source.in_width, weights.astype(np.int32), total.astype(np.int32)
        )
    except ModelError as error:
        raise ModelError(str(error), file=network.file) from None


def _affine(
    network: Network, values: Floats, codes: Whole, occurs: Array, place: str
) -> tuple[Whole, Whole]:
    """Return integers such that `gain[c] * code + bias[c]` is in the order of the values."""
    exact = values.astype(np.float64)
    last = np.maximum(occurs.sum(axis=1) - 1, 1)
    rows = np.arange(len(exact))
    slope = (exact[rows, last] - exact[:, 0]) / last
    unit = np.abs(slope).max()
    if unit == 0:
        raise network.error("the class scores are constant", place)
    order = np.argsort(exact[occurs], kind="stable")
    rising = np.diff(values[occurs][order]) > 0
    apart = (exact[:, 0] - exact[:, 0].min()) / unit
    # Classes that are farther apart fit no integers.
    for fine in range(_FINEST if apart.max() < _FARTHEST else 0):
        gain = np.round(slope / unit * (1 << fine)).astype(np.int64)
        bias = np.round(apart * (1 << fine)).astype(np.int64)
        scores = (gain[:, None] * codes + bias[:, None])[occurs][order]
        if np.array_equal(np.diff(scores) > 0, rising) and (np.diff(scores) >= 0).all():
            return gain, bias
    raise network.error(
        "no integers of 20 bits have the order of the class scores", place, "scores of one scale"
    )

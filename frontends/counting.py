"""Quantised networks as counts: tensors whose every element is a function of a whole number.

Between two layers of a quantised net lie float operations: scales, batch norms, activations. Each
element they act on is known by a small whole number (the sum of a neuron, or the code of an input),
so they are run once on every value that it can take, and what remains are the numbers at which the
next quantiser changes its output: integer thresholds, exact whatever the floats were.

Values are computed in float32, operation by operation as runtimes do, and in float64 beside it;
where the two give different thresholds a note says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec import limits
from gatec.blocks import IntArray
from gatec.blocks_bits import Wires
from gatec.blocks_conv import OrPool, pooled
from gatec.blocks_threshold import ThresholdLayer
from gatec.errors import ModelError
from gatec.frontends.draft import FRONT, DraftBlock, DraftLayer
from gatec.tables import VARIABLE

Floats = npt.NDArray[np.floating[Any]]
Whole = npt.NDArray[np.int64]
Function = Callable[[Floats], Floats]

# A neuron's output or a pixel may have this many values; beyond it is hardly a quantised net.
MAX_LEVELS = 16
# So many steps of an input's codes may be larger or smaller than the others.
_MAX_JUMPS = 8
# Entries of a table of values: 1 GB.
MAX_TABLE = 1 << 27


@dataclass(frozen=True, eq=False)
class Bits:
    """Each element is `low + unit * sum(digits * bits)` of bits of the layer before.

    Attributes
    ----------
    digits
        `int64[T]`: element `e` has the bits `e * T` to `e * T + T - 1`.
    low, unit
        Floats.
    layer
        Number of that layer; `FRONT` for the input.
    """

    digits: Whole
    low: float
    unit: float
    layer: int = FRONT


@dataclass(frozen=True, eq=False)
class Raw:
    """The network's input, whose codes are not bits yet."""


@dataclass(frozen=True, eq=False)
class Pool:
    """A max pooling behind sums.

    Attributes
    ----------
    sizes
        Height and width of the image before it.
    kernel, stride, padding
        Along both axes.
    falling
        `bool[channels]`: the values that are pooled fall with the sum, so the least sum wins.
    """

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    falling: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sum:
    """Each element is a weighted sum of bits: its code is `scale * w . x + extra - low`.

    Attributes
    ----------
    in_width
        Number of bits of the layer before.
    weights, fanin
        As in `ThresholdLayer`.
    scale
        1 or 2.
    extra
        `int64[channels, positions or 1]`.
    low
        `int64[channels]`: makes the lowest code 0.
    layer
        Number of the layer before, as in `Bits`.
    pool
        A max pooling behind it.
    """

    in_width: int
    weights: IntArray
    fanin: IntArray
    scale: int
    extra: Whole
    low: Whole
    layer: int = FRONT
    pool: Pool | None = None


@dataclass(frozen=True, eq=False)
class Signal:
    """A tensor, without the batch axis.

    Attributes
    ----------
    shape
        `(features,)`, or `(channels, height, width)`.
    source
        Where the codes come from.
    values, exact
        `[channels or 1, codes]` in float32 and float64: the value of an element of each channel at
        each code. None while only a quantiser can tell (an input whose codes are not known).
    """

    shape: tuple[int, ...]
    source: Bits | Raw | Sum
    values: Floats | None
    exact: Floats | None

    def map(self, function: Function, outputs: Floats | None = None) -> Signal:
        """Return the signal after an elementwise function.

        Parameters
        ----------
        function
            Of `[channels or 1, codes]`; keeps the type.
        outputs
            For a quantiser: all values that it can have.
        """
        if self.values is None or self.exact is None:
            known = None if outputs is None else np.unique(outputs.astype(np.float32))[None]
            return replace(self, values=known, exact=known)
        with np.errstate(all="ignore"):
            values = function(self.values).astype(np.float32, copy=False)
            exact = function(self.exact).astype(np.float64, copy=False)
        return replace(self, values=values, exact=exact)


@dataclass
class Network:
    """The layers found so far.

    Attributes
    ----------
    file
        For messages.
    layers
        In data order.
    levels, code_bits
        Of the input's encoder, as in `Draft`.
    inputs
        Number of bits that the first layer reads.
    notes
        Findings for reports.
    """

    file: str
    layers: list[DraftLayer | DraftBlock] = field(default_factory=list)
    levels: IntArray | None = None
    code_bits: int | None = None
    inputs: int | None = None
    notes: dict[str, str] = field(default_factory=dict)
    _rounded: int = 0
    _read: bool = False

    def error(self, what: str, place: str, expected: str | None = None) -> ModelError:
        """Return the error that says what is wrong where."""
        return ModelError(what, file=self.file, place=place, expected=expected)

    def bits(self, signal: Signal, place: str) -> Signal:
        """Return the signal as bits, adding the layer that makes them.

        Raises `ModelError` where its values are not those of a quantiser.
        """
        if isinstance(signal.source, Bits):
            return signal
        if signal.values is None or signal.exact is None:
            raise self.error("reads the input, which no operator quantises", place)
        if isinstance(signal.source, Raw) and self._read:
            raise self.error("reads the input a second time", place, "one quantiser of it")
        self._read |= isinstance(signal.source, Raw)
        if isinstance(signal.source, Raw) and self.code_bits is None:
            return self._input_bits(signal)
        known = np.unique(signal.values)
        if not np.isfinite(known).all():
            raise self.error("the activation can be infinite or no number", place)
        if isinstance(signal.source, Raw) and len(known) > MAX_LEVELS:
            return self._codes(signal, place)
        if len(known) > MAX_LEVELS:
            raise self.error(
                f"an activation of {len(known)} values that no operator quantises",
                place,
                f"at most {MAX_LEVELS}",
            )
        if len(known) < 2:
            raise self.error(f"the activation is always {known[0]:g}", place)
        starts, rising = self._starts(signal, known, place)
        if isinstance(signal.source, Raw):
            self._encode(signal, starts, rising, place)
        else:
            self._threshold(signal, starts, rising, place)
        source = replace(_thermometer(known, self, place), layer=len(self.layers) - 1)
        return replace(signal, source=source, values=None, exact=None)

    def _starts(self, signal: Signal, known: Floats, place: str) -> tuple[Whole, npt.NDArray[Any]]:
        """Return where each of the upper values begins, and which channels rise.

        In a rising channel codes from `starts[c, i]` on have at least value `known[i + 1]`; in a
        falling one those below it have.
        """
        found = []
        for values in (signal.values, signal.exact):
            assert values is not None
            # A float64 value may lie beside the float32 value that it stands for.
            middle = (known[1:].astype(np.float64) + known[:-1]) / 2
            index = np.searchsorted(middle, values.astype(np.float64), side="right")
            steps = np.diff(index, axis=1)
            rising: npt.NDArray[Any] = np.all(steps >= 0, axis=1)
            if not (rising | (steps <= 0).all(axis=1)).all():
                raise self.error("the activation neither rises nor falls with its input", place)
            reached = index[:, :, None] >= np.arange(1, len(known))
            starts = np.where(rising[:, None], (~reached).sum(axis=1), reached.sum(axis=1))
            found.append((starts.astype(np.int64), rising))
        differ = int((found[0][0] != found[1][0]).sum())
        if differ:
            self._rounded += differ
            self.notes["rounding"] = (
                f"{self._rounded} thresholds are as float32 rounds; exact numbers give others"
            )
        return found[0]

    def _input_bits(self, signal: Signal) -> Signal:
        """Take the quantised input itself as the circuit's input."""
        assert signal.values is not None
        known = signal.values[0]
        if len(known) <= MAX_LEVELS:
            source = _thermometer(known, self, "input")
        else:
            digits = 1 << np.arange((len(known) - 1).bit_length(), dtype=np.int64)
            source = Bits(digits, float(known[0]), _step(known, self, "input"))
        self.inputs = prod(signal.shape) * len(source.digits)
        each = f"{len(source.digits)} bits each" if len(source.digits) > 1 else "one bit each"
        self.notes["input"] = f"{prod(signal.shape)} values as quantised outside, {each}"
        return replace(signal, source=source, values=None, exact=None)

    def _codes(self, signal: Signal, place: str) -> Signal:
        """Take the input's codes as they are, where its values are evenly spaced over them.

        Where a few of its steps are larger or smaller, comparators say whether they are passed: a
        quantiser to 8 bits of `2 * pixel / 255 - 1` leaves one value out, and clips the last.
        """
        assert signal.values is not None and self.code_bits is not None
        if len(signal.values) != 1:
            raise self.error("the input's channels are scaled each by itself", place)
        unit, step, jumps = _jumps(signal.values[0], self, place)
        digits = step << np.arange(self.code_bits, dtype=np.int64)
        elements = prod(signal.shape)
        self.inputs = elements * self.code_bits
        bits = np.arange(self.inputs).reshape(elements, -1)
        if jumps:
            each = np.array([[list(jumps)]], dtype=np.int32)
            powers = 1 << np.arange(self.code_bits, dtype=np.int32)[None]
            passed = ThresholdLayer("passed", self.inputs, powers, each, bits.astype(np.int32))
            self.layers.append(DraftBlock(f"{place}: uneven steps", passed, (FRONT,)))
            digits = np.concatenate([digits, list(jumps.values())])
            more = self.inputs + np.arange(passed.out_width).reshape(elements, -1)
            source = np.concatenate([bits, more], axis=1).reshape(-1).astype(np.int32)
            wires = Wires("codes", (self.inputs, passed.out_width), source)
            self.layers.append(DraftBlock(f"{place}: codes", wires, (FRONT, len(self.layers) - 1)))
        found = Bits(digits, float(signal.values[0, 0]), unit, len(self.layers) - 1)
        return replace(signal, source=found, values=None, exact=None)

    def _encode(self, signal: Signal, starts: Whole, rising: npt.NDArray[Any], place: str) -> None:
        if not rising.all():
            raise self.error("the input's quantiser falls", place, "one that rises")
        each = prod(signal.shape) // len(starts)
        self.levels = np.repeat(starts, each, axis=0).astype(np.int32)

    def _threshold(
        self, signal: Signal, starts: Whole, rising: npt.NDArray[Any], place: str
    ) -> None:
        """Add the layer that compares the sums, and the pooling behind it."""
        source = signal.source
        assert isinstance(source, Sum)
        channels = len(source.weights)
        starts = np.broadcast_to(starts, (channels, starts.shape[1]))
        up = np.broadcast_to(rising, channels)
        turned = ~up if source.pool is None else source.pool.falling
        # Code >= start is scale * w . x >= start + low - extra.
        wanted = (starts + source.low[:, None])[:, None, :] - source.extra[:, :, None]
        least = -(-wanted // source.scale)
        # A falling neuron is below its start: -w . x >= 1 - least.
        levels = np.where(turned[:, None, None], 1 - least, least)
        weights = np.where(turned[:, None], -source.weights, source.weights)
        limit = np.abs(weights.astype(np.int64)).sum(axis=1).max() + 1
        levels = np.clip(levels, -limit, limit)
        width, fanin = source.in_width, source.fanin
        block = ThresholdLayer("threshold", width, weights, levels.astype(np.int32), fanin)
        # Before the layers that turn it are made.
        limits.check_limit(block.num_slots // 3, limits.MAX_GATES, "gates", file=self.file)
        self.layers.append(DraftBlock(place, block, (source.layer,)))
        if source.pool is not None:
            self.or_pool(channels, source.pool, levels.shape[2], place, len(self.layers) - 1)
            # Where the largest sum wins but less is more, or the other way round, the pooled bit
            # says that no neuron is below (or above) its start.
            inverted = up == source.pool.falling
            if inverted.any():
                self._invert(np.repeat(inverted, self.layers[-1].width // channels), place)

    def or_pool(self, channels: int, pool: Pool, each: int, place: str, layer: int) -> None:
        """Add the OR over windows of an image in `layer` whose pixels have `each` bits."""
        shape = (channels, *pool.sizes, each)
        kernel = (*pool.kernel, 1)
        window = pooled(shape, kernel, (*pool.stride, 1), (*pool.padding, 0))
        self.layers.append(DraftBlock(place, OrPool("pool", window, kernel), (layer,)))

    def _invert(self, which: npt.NDArray[Any], place: str) -> None:
        """Add a layer that complements some bits."""
        tables = np.where(which, ~VARIABLE[0], VARIABLE[0])
        fanin = np.arange(len(which))[:, None]
        self.layers.append(DraftLayer(place, tables, fanin, len(which)))


def _thermometer(known: Floats, network: Network, place: str) -> Bits:
    """Return bits that say which of the sorted values are reached."""
    gaps = np.diff(known.astype(np.float64))
    unit = float(gaps.min())
    digits = np.round(gaps / unit)
    if (np.abs(digits * unit - gaps) > 1e-5 * gaps).any() or digits.max() > 1 << 12:
        raise network.error(
            "the activation's values are not evenly spaced", place, "multiples of a step"
        )
    return Bits(digits.astype(np.int64), float(known[0]), unit)


def _step(values: Floats, network: Network, place: str) -> float:
    """Return the distance of evenly spaced values."""
    exact = values.astype(np.float64)
    unit = (exact[-1] - exact[0]) / (len(exact) - 1)
    even = exact[0] + unit * np.arange(len(exact))
    if not unit > 0 or (np.abs(even - exact) > 1e-5 * unit).any():
        raise network.error(
            f"{len(exact)} input values that are not evenly spaced",
            place,
            "--features bits, and the quantiser outside of the circuit",
        )
    return float(unit)


def _jumps(values: Floats, network: Network, place: str) -> tuple[float, int, dict[int, int]]:
    """Return the unit of rising values, the step from each to the next, and the codes that jump.

    In units, value `c` is `step * c` and what `jumps` say of all codes up to `c`.
    """
    exact = values.astype(np.float64)
    gaps = np.diff(exact)
    if not (gaps >= 0).all() or not gaps.any():
        raise network.error("the input's values do not rise with its codes", place)
    unit = float(gaps[gaps > 1e-5 * gaps.max()].min())
    steps = np.round(gaps / unit)
    most = int(np.bincount(steps[steps < 1 << 12].astype(np.int64)).argmax())
    odd = np.flatnonzero(steps != most)
    if (np.abs(steps * unit - gaps) > 1e-4 * unit).any() or len(odd) > _MAX_JUMPS or not most:
        return _step(values, network, place), 1, {}
    return unit, most, {int(code) + 1: int(steps[code]) - most for code in odd}

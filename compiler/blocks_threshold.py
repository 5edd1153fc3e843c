"""Blocks of integer weights: threshold neurons, dense and convolutional, and class scores.

A neuron is `[w . x >= T]` over bits `x` of 0 and 1. Every counting neuron is one: where a binary
network counts how often `x` agrees with its weights of +1 and -1, `count = w . x + number of -1`;
an activation of several levels is the bits `value >= level`, each with the weight of its step. So
binary dense and convolutional layers, Boolean-weight neurons and threshold gates are one block, and
stay word-level until they are lowered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.bits import WORD_BITS, Words, pack, unpack
from gatec.blocks import Block, IntArray, Scores, frozen, score_planes
from gatec.blocks_bits import NOTHING, BitBlock
from gatec.errors import ModelError

# Sums below this are whole numbers in float32, whose products BLAS computes.
_EXACT = 1 << 24


@dataclass(frozen=True, eq=False)
class ThresholdLayer(BitBlock):
    """Neurons that compare weighted sums of bits with constants, alike at every position.

    Output `(n * positions + p) * T + t` is `weights[n] . x[fanin[p]] >= levels[n, p, t]`.

    Attributes
    ----------
    in_width
        Number of bits that the layer may read.
    weights
        `int32[neurons, k]`: of each neuron, the same at every position.
    levels
        `int32[neurons, positions, T]`, or `[neurons, 1, T]` where they are alike at every position.
    fanin
        `int32[positions, k]`: the input bit of each weight; -1 reads constant 0. A dense layer has
        one position.
    """

    in_width: int
    weights: IntArray
    levels: IntArray
    fanin: IntArray

    def __post_init__(self) -> None:
        for key in ("weights", "levels", "fanin"):
            object.__setattr__(self, key, frozen(getattr(self, key), np.int32))
        self._check()

    def _check(self) -> None:
        """Raise `ModelError` at shapes that do not fit and at inputs that are not there."""
        shapes = [list(a.shape) for a in (self.weights, self.levels, self.fanin)]
        fits = [len(shape) for shape in shapes] == [2, 3, 2] and (
            shapes[0][1] == shapes[2][1]
            and shapes[1][0] == shapes[0][0]
            and shapes[1][1] in (1, shapes[2][0])
        )
        if not fits or not all(a.size for a in (self.weights, self.levels, self.fanin)):
            raise ModelError(
                "weights {}, levels {}, fanin {}".format(*shapes),
                place=self.name,
                expected="[neurons, k], [neurons, positions or 1, levels], [positions, k]",
            )
        bad = (self.fanin < NOTHING) | (self.fanin >= self.in_width)
        if bad.any():
            position, slot = (int(i) for i in np.argwhere(bad)[0])
            raise ModelError(
                f"position {position} reads input {self.fanin[position, slot]}",
                place=self.name,
                expected=f"0..{self.in_width - 1}, or -1 for none",
            )
        check_weights(self.weights, self.name)

    @property
    def in_widths(self) -> tuple[int, ...]:
        """The one input's width."""
        return (self.in_width,)

    @property
    def neurons(self) -> int:
        """Number of neurons at a position."""
        return len(self.weights)

    @property
    def positions(self) -> int:
        """Number of positions: 1 for a dense layer."""
        return len(self.fanin)

    @property
    def levels_each(self) -> int:
        """Number of bits that a neuron puts out."""
        return int(self.levels.shape[2])

    @property
    def out_width(self) -> int:
        """Number of bits."""
        return self.neurons * self.positions * self.levels_each

    @property
    def num_gates(self) -> int:
        """Number of neurons, each counted at every position."""
        return self.neurons * self.positions

    @property
    def num_slots(self) -> int:
        """Number of nets that its adder cells read."""
        return _adder_slots(self.weights) * self.positions

    def evaluate(self, inputs: Sequence[Words]) -> Words:
        """Return the neurons' bits for the layer's input."""
        (words,) = inputs
        samples = words.shape[1] * WORD_BITS
        # The last column is the 0 that input -1 reads.
        bits = np.pad(unpack(words, samples), ((0, 0), (0, 1)))
        out = np.empty((samples, self.neurons, self.positions, self.levels_each), dtype=bool)
        for position, read in enumerate(self.fanin):
            sums = weighted_sums(bits[:, read], self.weights)
            levels = self.levels[:, position if self.levels.shape[1] > 1 else 0]
            out[:, :, position] = sums[:, :, None] >= levels
        return pack(out.reshape(samples, self.out_width))

    def describe(self) -> str:
        """Return the block's line in the text form."""
        where = f" at {self.positions} positions" if self.positions > 1 else ""
        each = f", {self.levels_each} levels" if self.levels_each > 1 else ""
        k, ones = self.weights.shape[1], bool((np.abs(self.weights) == 1).all())
        return f"threshold {self.neurons}x{k}{' of +-1' if ones else ''}{where}{each}"


@dataclass(frozen=True, eq=False)
class ClassScores(Block):
    """One weighted sum of bits for each class: `weights[c] . x + bias[c]`, never negative.

    Attributes
    ----------
    in_width
        Number of bits.
    weights
        `int32[classes, in_width]`.
    bias
        `int32[classes]`: at least the sum of the class's negative weights.
    """

    in_width: int
    weights: IntArray
    bias: IntArray

    def __post_init__(self) -> None:
        for key in ("weights", "bias"):
            object.__setattr__(self, key, frozen(getattr(self, key), np.int32))
        shape = self.weights.shape
        if len(shape) != 2 or not shape[0] or shape[1:] != (self.in_width,):
            raise ModelError(
                f"weights {list(shape)}", place=self.name, expected=f"[classes, {self.in_width}]"
            )
        if self.bias.shape != shape[:1]:
            raise ModelError(
                f"bias {list(self.bias.shape)}", place=self.name, expected=f"[{shape[0]}]"
            )
        check_weights(self.weights, self.name)
        low = np.minimum(self.weights, 0).sum(axis=1, dtype=np.int64) + self.bias
        if low.min() < 0:
            raise ModelError(
                f"class {int(low.argmin())} can have score {low.min()}",
                place=self.name,
                expected="scores of 0 and above",
            )

    @property
    def classes(self) -> int:
        """Number of scores."""
        return len(self.weights)

    @property
    def score_bits(self) -> int:
        """Number of bits of a score: enough for the largest of any class."""
        high = np.maximum(self.weights, 0).sum(axis=1, dtype=np.int64) + self.bias
        return max(1, int(high.max()).bit_length())

    @property
    def out_width(self) -> int:
        """Number of scores."""
        return self.classes

    def evaluate(self, words: Words, num_samples: int) -> Scores:
        """Return the scores `[classes, samples]`."""
        sums = weighted_sums(unpack(words, num_samples), self.weights)
        return np.ascontiguousarray(sums.T) + self.bias[:, None]

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"scores {self.classes}x{self.in_width}"


@dataclass(frozen=True, eq=False)
class ScoreBits(BitBlock):
    """Weighted sums as binary numbers, for what goes on with them: score `c` from bit `c * B` on.

    Attributes
    ----------
    in_width, weights, bias
        As in `ClassScores`.
    """

    in_width: int
    weights: IntArray
    bias: IntArray

    def __post_init__(self) -> None:
        scores = self.scores
        object.__setattr__(self, "weights", scores.weights)
        object.__setattr__(self, "bias", scores.bias)

    @property
    def scores(self) -> ClassScores:
        """The sums."""
        return ClassScores(self.name, self.in_width, self.weights, self.bias)

    @property
    def in_widths(self) -> tuple[int, ...]:
        """The one input's width."""
        return (self.in_width,)

    @property
    def out_width(self) -> int:
        """Number of bits of all scores."""
        return len(self.weights) * self.scores.score_bits

    @property
    def num_gates(self) -> int:
        """Number of sums."""
        return len(self.weights)

    @property
    def num_slots(self) -> int:
        """Number of nets that its adder cells read."""
        return _adder_slots(self.weights)

    def evaluate(self, inputs: Sequence[Words]) -> Words:
        """Return the sums' bits."""
        scores = self.scores
        found = scores.evaluate(inputs[0], inputs[0].shape[1] * WORD_BITS)
        return score_planes(found, scores.score_bits)

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"sums {len(self.weights)}x{self.in_width}, {self.scores.score_bits} bits each"


def _adder_slots(weights: IntArray) -> int:
    """Return about how many nets the adder cells of the sums of `weights` (`[rows, k]`) read.

    The literals of each bit of the weights are counted by themselves, in cells side by side in all
    rows, as many as the row with most of them takes; where there are several bits, the counts are
    added up. A cell takes two gates of three nets for each literal, and for each bit of a count.
    """
    magnitudes = np.abs(weights)
    bits = range(int(magnitudes.max(initial=0)).bit_length())
    most = [int((magnitudes >> bit & 1).sum(axis=1).max()) for bit in bits]
    counts = [literals for literals in most if literals]
    added = sum(literals.bit_length() for literals in counts) if len(counts) > 1 else 0
    return 6 * len(weights) * (sum(counts) + added)


def check_weights(weights: IntArray, place: str) -> None:
    """Raise `ModelError` where a sum of `weights` (`int32[neurons, k]`) may not fit 24 bits."""
    total = np.abs(weights.astype(np.int64)).sum(axis=1)
    if total.max() >= _EXACT:
        raise ModelError(
            f"the weights of neuron {int(total.argmax())} add up to {total.max()}",
            place=place,
            expected=f"below {_EXACT}",
        )


def weighted_sums(bits: npt.NDArray[np.uint8], weights: IntArray) -> npt.NDArray[np.int64]:
    """Return `weights . bits` (`[neurons, k]`, `[samples, k]`) as `int64[samples, neurons]`.

    In float32, where every partial sum is exact: `check_weights` bounds them.
    """
    return (bits.astype(np.float32) @ weights.astype(np.float32).T).astype(np.int64)


def dense_thresholds(name: str, weights: npt.ArrayLike, levels: npt.ArrayLike) -> ThresholdLayer:
    """Return the layer whose neurons (`weights [neurons, k]`) all read all `k` inputs.

    `levels` is `[neurons]` or `[neurons, T]`.
    """
    rows: IntArray = np.asarray(weights, dtype=np.int32)
    each: IntArray = np.asarray(levels, dtype=np.int32).reshape(len(rows), 1, -1)
    fanin = np.arange(rows.shape[1], dtype=np.int32)[None]
    return ThresholdLayer(name, rows.shape[1], rows, each, fanin)

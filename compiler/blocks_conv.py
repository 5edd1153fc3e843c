"""Blocks on images and volumes: trees of truth tables that slide over them, and OR pooling.

Bits of an image are numbered channel by channel, row by row (`[channels, *sizes]` in C order), as
torch's Flatten numbers them. What a kernel knows is stored once, and holds at every position.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.bits import Words
from gatec.blocks import IntArray, frozen
from gatec.blocks_bits import NOTHING, BitBlock, with_nothing
from gatec.errors import ModelError
from gatec.evaluate import lookup
from gatec.tables import MAX_FANIN, Tables, depends

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """How a window slides over an image.

    Attributes
    ----------
    shape
        `(channels, *sizes)` of the image.
    out
        Number of positions along each axis.
    stride
        Step of the window along each axis.
    padding
        Zeros before the image along each axis; after it there are as many as are read.
    spread
        Distance of neighbouring pixels along each axis, with zeros between: 1, but for transposed
        convolutions.
    """

    shape: Sizes
    out: Sizes
    stride: Sizes
    padding: Sizes
    spread: Sizes

    @property
    def axes(self) -> int:
        """Number of axes beside the channels."""
        return len(self.out)

    @property
    def in_width(self) -> int:
        """Number of bits of the image."""
        return math.prod(self.shape)

    @property
    def positions(self) -> int:
        """Number of positions of the window."""
        return math.prod(self.out)

    def check(self, place: str) -> None:
        """Raise `ModelError` unless all sizes are there and positive."""
        rows = (self.shape[1:], self.out, self.stride, self.spread)
        if (
            not 1 <= len(self.out) <= 3
            or {len(row) for row in (*rows, self.padding)} != {len(self.out)}
            or min(min(row, default=0) for row in (self.shape, *rows)) < 1
            or min(self.padding) < 0
        ):
            raise ModelError(
                f"image {list(self.shape)}, positions {list(self.out)}, stride "
                f"{list(self.stride)}, padding {list(self.padding)}, spread {list(self.spread)}",
                place=place,
                expected="a positive number for each of one to three axes",
            )

    def sources(self, taps: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return which input bit each tap reads at each position.

        Parameters
        ----------
        taps
            `[..., 1 + axes]`: channel, then offset from the window's corner along each axis.

        Returns
        -------
        ndarray
            `int64[positions, ...]`, positions row by row; `NOTHING` beside or between the pixels.
        """
        flat = np.broadcast_to(taps[..., 0], (self.positions, *taps.shape[:-1])).astype(np.int64)
        inside = np.ones(flat.shape, dtype=bool)
        corners = np.indices(self.out).reshape(self.axes, self.positions)
        for axis in range(self.axes):
            corner = corners[axis].reshape(-1, *(1,) * (taps.ndim - 1)) * self.stride[axis]
            at = corner - self.padding[axis] + taps[..., 1 + axis].astype(np.int64)
            pixel, between = np.divmod(at, self.spread[axis])
            inside &= (pixel >= 0) & (pixel < self.shape[1 + axis]) & (between == 0)
            flat = flat * self.shape[1 + axis] + pixel
        return np.where(inside, flat, NOTHING)

    def describe(self) -> str:
        """Return sizes, stride and padding in words."""
        text = f"{_sizes(self.shape)} to {_sizes(self.out)}"
        for name, values, plain in (
            ("stride", self.stride, 1),
            ("padding", self.padding, 0),
            ("spread", self.spread, 1),
        ):
            if set(values) != {plain}:
                text += f", {name} {_sizes(values)}"
        return text


@dataclass(frozen=True, eq=False)
class LutConv(BitBlock):
    """Slide one tree of truth tables for each kernel over an image.

    Attributes
    ----------
    window
        Over which image, and how.
    leaves
        `int32[kernels, nodes, k, 1 + axes]`: channel and offset that each slot of a tree's first
        level reads. 1 <= k <= 6.
    children
        For each further level `int32[kernels, nodes, k]`: nodes of the level before.
    tables
        For each level `uint64[kernels, nodes]`: expanded tables. The last level has one node.
    """

    window: Window
    leaves: IntArray
    children: tuple[IntArray, ...]
    tables: tuple[Tables, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaves", frozen(self.leaves, np.int32))
        for key, dtype in (("children", np.int32), ("tables", np.uint64)):
            levels = tuple(frozen(level, dtype) for level in getattr(self, key))
            object.__setattr__(self, key, levels)
        self.window.check(self.name)
        self._check()

    def _check(self) -> None:
        """Raise `ModelError` at the first level that is not well formed."""
        if self.leaves.ndim != 4 or self.leaves.shape[-1] != 1 + self.window.axes:
            raise ModelError(f"leaves of shape {list(self.leaves.shape)}", place=self.name)
        channels = self.leaves[..., 0]
        if self.leaves.size == 0 or channels.min() < 0 or channels.max() >= self.window.shape[0]:
            raise ModelError(
                "a leaf reads a channel that is not there",
                place=self.name,
                expected=f"0..{self.window.shape[0] - 1}",
            )
        if self.leaves[..., 1:].min() < 0:
            raise ModelError("a leaf reads before the window's corner", place=self.name)
        if len(self.tables) != 1 + len(self.children):
            raise ModelError(f"{len(self.tables)} levels of tables", place=self.name)
        before = 0
        for level, (slots, tables) in enumerate(
            zip((self.leaves[..., 0], *self.children), self.tables, strict=True)
        ):
            place = f"{self.name}: level {level}"
            if (
                slots.ndim != 3
                or tables.shape != slots.shape[:2]
                or len(slots) != self.kernels
                or not 1 <= slots.shape[2] <= MAX_FANIN
            ):
                raise ModelError(
                    f"tables {list(tables.shape)} for wiring {list(slots.shape)}", place=place
                )
            if level and (slots.min() < 0 or slots.max() >= before):
                raise ModelError("a node reads a node that is not there", place=place)
            if any(depends(tables, j).any() for j in range(slots.shape[2], MAX_FANIN)):
                raise ModelError("a table reads a slot that is not wired", place=place)
            before = tables.shape[1]
        if before != 1:
            raise ModelError(f"trees that end in {before} nodes", place=self.name, expected="1")

    @property
    def kernels(self) -> int:
        """Number of kernels: channels of the output."""
        return len(self.leaves)

    @property
    def out_shape(self) -> Sizes:
        """`(kernels, *positions)`."""
        return (self.kernels, *self.window.out)

    @property
    def in_widths(self) -> tuple[int, ...]:
        """Number of bits of the image."""
        return (self.window.in_width,)

    @property
    def out_width(self) -> int:
        """Number of bits of the output image."""
        return math.prod(self.out_shape)

    @property
    def num_gates(self) -> int:
        """Tables of all levels at all positions."""
        return sum(level.size for level in self.tables) * self.window.positions

    @property
    def num_slots(self) -> int:
        """Slots of all levels at all positions."""
        slots = self.leaves[..., 0].size + sum(level.size for level in self.children)
        return slots * self.window.positions

    def evaluate(self, inputs: Sequence[Words]) -> Words:
        """Return the output image."""
        words = with_nothing(inputs[0])
        return np.concatenate([self._kernel(words, number) for number in range(self.kernels)])

    def _kernel(self, words: Words, number: int) -> Words:
        """Return what one tree puts out at all positions."""
        positions, depth = self.window.positions, words.shape[1]
        values = words[self.window.sources(self.leaves[number])]
        for level, tables in enumerate(self.tables):
            if level:
                values = values[:, self.children[level - 1][number]]
            rows = np.broadcast_to(tables[number], (positions, tables.shape[1])).reshape(-1)
            slots = [values[:, :, j].reshape(len(rows), depth) for j in range(values.shape[2])]
            values = lookup(rows, slots).reshape(positions, len(rows) // positions, depth)
        return values[:, 0]

    def describe(self) -> str:
        """Return the block's line in the text form."""
        nodes = "+".join(str(level.shape[1]) for level in self.tables)
        return f"conv {self.kernels} kernels of {nodes} gates, {self.window.describe()}"


@dataclass(frozen=True, eq=False)
class OrPool(BitBlock):
    """OR of the bits in a window, channel by channel.

    Attributes
    ----------
    window
        Over which image, and how.
    kernel
        Size of the window along each axis.
    """

    window: Window
    kernel: Sizes

    def __post_init__(self) -> None:
        self.window.check(self.name)
        if len(self.kernel) != self.window.axes or min(self.kernel) < 1:
            raise ModelError(f"a window of {list(self.kernel)}", place=self.name)

    @property
    def out_shape(self) -> Sizes:
        """`(channels, *positions)`."""
        return (self.window.shape[0], *self.window.out)

    @property
    def in_widths(self) -> tuple[int, ...]:
        """Number of bits of the image."""
        return (self.window.in_width,)

    @property
    def out_width(self) -> int:
        """Number of bits of the output image."""
        return math.prod(self.out_shape)

    @property
    def num_slots(self) -> int:
        """Bits of all windows."""
        return self.out_width * math.prod(self.kernel)

    def sources(self) -> npt.NDArray[np.int64]:
        """Return the input bits `int64[outputs, window size]` of each output."""
        offsets = np.indices(self.kernel).reshape(self.window.axes, -1).T
        channels = np.repeat(np.arange(self.window.shape[0]), len(offsets))
        taps = np.column_stack([channels, np.tile(offsets, (self.window.shape[0], 1))])
        found = self.window.sources(taps).reshape(self.window.positions, -1, len(offsets))
        return np.ascontiguousarray(found.transpose(1, 0, 2)).reshape(-1, len(offsets))

    def evaluate(self, inputs: Sequence[Words]) -> Words:
        """Return the output image."""
        words = with_nothing(inputs[0])
        return np.bitwise_or.reduce([words[column] for column in self.sources().T])

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"or-pool {_sizes(self.kernel)}, {self.window.describe()}"


def pooled(shape: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes) -> Window:
    """Return the window of a pooling as torch's `max_pool` slides it: only whole windows count."""
    out = tuple(
        (size + 2 * pad - width) // step + 1
        for size, width, step, pad in zip(shape[1:], kernel, stride, padding, strict=True)
    )
    return Window(shape, out, stride, padding, (1,) * len(kernel))


def _sizes(values: Sizes) -> str:
    return "x".join(str(value) for value in values)

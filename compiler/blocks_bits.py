"""Blocks from bits to bits that need not read just the block before: the base, and the plain ones.

A `BitBlock` says how wide its inputs are and how it is evaluated; the model graph joins it to as
many blocks as it has inputs. How each is lowered and proved stands in a table beside its lowering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatec.bits import ALL_ONES, Words
from gatec.blocks import Block, IntArray, frozen
from gatec.errors import ModelError
from gatec.evaluate import lookup
from gatec.tables import Tables, depends

# In place of an input's number: constant 0, such as the padding around an image.
NOTHING = -1
# Likewise constant 1, where wires may say so.
ALWAYS = -2


@dataclass(frozen=True, eq=False)
class BitBlock(Block):
    """A block that reads bits of one or more blocks and puts out bits."""

    @property
    def in_widths(self) -> tuple[int, ...]:
        """Number of bits that each of its inputs has."""
        raise NotImplementedError

    @property
    def num_gates(self) -> int:
        """Number of trained truth tables in the circuit, each position counted."""
        return 0

    @property
    def num_slots(self) -> int:
        """Number of nets that its gates read, each position counted: what it takes to lower."""
        return sum(self.in_widths)

    def evaluate(self, inputs: Sequence[Words]) -> Words:
        """Return the outputs `[out_width, words]` for the inputs `[in_widths[i], words]`."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Wires(BitBlock):
    """Choose and order bits of one or more blocks: output `i` is bit `source[i]`.

    Attributes
    ----------
    widths
        Number of bits of each input.
    source
        `int32[outputs]`: bits of the inputs, counted through all of them; `NOTHING` is constant 0
        and `ALWAYS` constant 1.
    """

    widths: tuple[int, ...]
    source: IntArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", frozen(self.source, np.int32))
        if self.source.ndim != 1 or self.source.size == 0:
            raise ModelError(
                f"wires of shape {list(self.source.shape)}", place=self.name, expected="[outputs]"
            )
        bad = (self.source < ALWAYS) | (self.source >= sum(self.widths))
        if bad.any():
            raise ModelError(
                f"output {int(bad.argmax())} is input {self.source[bad.argmax()]}",
                place=self.name,
                expected=f"0..{sum(self.widths) - 1}, or {NOTHING} and {ALWAYS} for 0 and 1",
            )

    @property
    def in_widths(self) -> tuple[int, ...]:
        """The inputs' widths."""
        return self.widths

    @property
    def out_width(self) -> int:
        """Number of outputs."""
        return len(self.source)

    def evaluate(self, inputs: Sequence[Words]) -> Words:
        """Return the chosen rows."""
        words = inputs[0].shape[1]
        ones, zeros = (np.full((1, words), value, dtype=np.uint64) for value in (ALL_ONES, 0))
        return np.concatenate([*inputs, ones, zeros])[self.source]

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"wires {'+'.join(str(width) for width in self.widths)} -> {self.out_width}"


@dataclass(frozen=True, eq=False)
class Merge(BitBlock):
    """Join two equally wide blocks bit by bit, through one truth table.

    Attributes
    ----------
    width
        Number of bits of each input and of the output.
    table
        Expanded table of two inputs, slot 0 the first block.
    """

    width: int
    table: np.uint64

    def __post_init__(self) -> None:
        tables = np.array([self.table], dtype=np.uint64)
        if self.width < 1 or any(depends(tables, slot)[0] for slot in range(2, 6)):
            raise ModelError("no table of two inputs", place=self.name)

    @property
    def tables(self) -> Tables:
        """The table of each bit, `uint64[width]`."""
        return np.full(self.width, self.table, dtype=np.uint64)

    @property
    def in_widths(self) -> tuple[int, ...]:
        """Twice the width."""
        return (self.width, self.width)

    @property
    def out_width(self) -> int:
        """Number of bits."""
        return self.width

    def evaluate(self, inputs: Sequence[Words]) -> Words:
        """Return the table's value for each pair of bits."""
        return lookup(self.tables, inputs)

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"merge {self.width} by table {int(self.table) & 15:04b}"


def with_nothing(words: Words) -> Words:
    """Return rows with one more of zeros, which index `NOTHING` reads."""
    return np.concatenate([words, np.zeros((1, words.shape[1]), dtype=np.uint64)])

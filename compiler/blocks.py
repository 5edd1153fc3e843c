"""The blocks of a ModelGraph: what a trainer knew, each with a bit-parallel NumPy evaluation.

The evaluations are written to be obviously right, not fast: together they are the executable
specification that every netlist is proved against. Bits travel as `Words` (`[width, words]`, see
`gatec.bits`), scores as `int64` arrays of shape `[classes, samples]`, classes as `[samples]`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.bits import Words, from_integers, pack, to_integers, unpack
from gatec.errors import ModelError
from gatec.evaluate import lookup
from gatec.tables import MAX_FANIN, Tables, depends

IntArray = npt.NDArray[np.int32]
Scores = npt.NDArray[np.int64]


def frozen(array: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """Return a read-only copy-on-need array of `dtype`."""
    out = np.ascontiguousarray(array, dtype=dtype)
    if out.flags.writeable:
        out = out.copy() if out is array else out
        out.setflags(write=False)
    return out


@dataclass(frozen=True, eq=False)
class Block:
    """A node of the model graph.

    Attributes
    ----------
    name
        Unique in its graph; errors and reports use it.
    """

    name: str

    @property
    def out_width(self) -> int:
        """Number of bits, or of scores, that the block puts out."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return the block's line in the text form, without its name and inputs."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class InputBits(Block):
    """The model's input vector.

    Attributes
    ----------
    width
        Number of bits.
    code_bits
        Where they are unsigned numbers that the model reads as such: how many bits each has.
    """

    width: int
    code_bits: int | None = None

    def __post_init__(self) -> None:
        if self.code_bits is not None and (
            not 1 <= self.code_bits <= 16 or self.width % self.code_bits
        ):
            raise ModelError(
                f"{self.width} bits as codes of {self.code_bits}",
                place=self.name,
                expected="codes of 1 to 16 bits each",
            )

    @property
    def out_width(self) -> int:
        """Number of bits."""
        return self.width

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"input {self.width}"


@dataclass(frozen=True, eq=False)
class Thermometer(Block):
    """Compare integers with constants: output `f * bits + t` is `feature[f] >= levels[f, t]`.

    Attributes
    ----------
    levels
        `int32[features, bits]`: the smallest code that sets the bit. 0 is always set;
        `2**code_bits` never is.
    code_bits
        Width of a feature: unsigned, bit 0 first; feature `f` reads input bits
        `f * code_bits` and up. 1 to 16.
    """

    levels: IntArray
    code_bits: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", frozen(self.levels, np.int32))
        if not 1 <= self.code_bits <= 16:
            raise ModelError(
                f"feature codes of {self.code_bits} bits", place=self.name, expected="1 to 16 bits"
            )
        if self.levels.ndim != 2 or self.levels.size == 0:
            raise ModelError(
                f"thresholds of shape {list(self.levels.shape)}",
                place=self.name,
                expected="[features, bits]",
            )
        if self.levels.min() < 0 or self.levels.max() > 1 << self.code_bits:
            raise ModelError(f"level out of range 0..{1 << self.code_bits}", place=self.name)

    @property
    def in_width(self) -> int:
        """Number of input bits: features times `code_bits`."""
        return int(self.levels.shape[0]) * self.code_bits

    @property
    def out_width(self) -> int:
        """Number of output bits: features times thresholds."""
        return int(self.levels.size)

    def evaluate(self, words: Words, num_samples: int) -> Words:
        """Return the thermometer bits of `words`."""
        features, _ = self.levels.shape
        planes = unpack(words, num_samples).reshape(num_samples, features, self.code_bits)
        codes = to_integers(planes)
        return pack((codes[:, :, None] >= self.levels).reshape(num_samples, self.out_width))

    def describe(self) -> str:
        """Return the block's line in the text form."""
        features, bits = self.levels.shape
        return f"thermometer {features}x{bits} of {self.code_bits}-bit codes"


@dataclass(frozen=True, eq=False)
class LutLayer(Block):
    """A layer of truth tables that read any bits of the block before.

    Attributes
    ----------
    in_width
        Number of bits that the layer may read.
    fanin
        `int32[gates, k]`, 1 <= k <= 6: the input bit in each slot.
    tables
        `uint64[gates]`, expanded tables (`gatec.tables`): slot 0 is the address's LSB.
    """

    in_width: int
    fanin: IntArray
    tables: Tables

    def __post_init__(self) -> None:
        object.__setattr__(self, "fanin", frozen(self.fanin, np.int32))
        object.__setattr__(self, "tables", frozen(self.tables, np.uint64))
        self._check()

    def _check(self) -> None:
        """Raise `ModelError` at the first gate that is not well formed."""
        if self.fanin.ndim != 2 or not 1 <= self.fanin.shape[1] <= MAX_FANIN:
            raise ModelError(
                f"wiring of shape {list(self.fanin.shape)}",
                place=self.name,
                expected=f"[gates, 1..{MAX_FANIN}]",
            )
        if len(self.fanin) == 0:
            raise ModelError("no gates", place=self.name, expected="at least one")
        if self.tables.shape != (len(self.fanin),):
            raise ModelError(
                f"{self.tables.size} tables for {len(self.fanin)} gates", place=self.name
            )
        bad = (self.fanin < 0) | (self.fanin >= self.in_width)
        if bad.any():
            gate, slot = (int(i) for i in np.argwhere(bad)[0])
            raise ModelError(
                f"gate {gate} reads input {self.fanin[gate, slot]}",
                place=self.name,
                expected=f"0..{self.in_width - 1}",
            )
        for slot in range(self.fanin.shape[1], MAX_FANIN):
            if depends(self.tables, slot).any():
                raise ModelError(f"a table reads slot {slot}", place=self.name)

    @property
    def out_width(self) -> int:
        """Number of gates."""
        return len(self.fanin)

    def evaluate(self, words: Words) -> Words:
        """Return the gates' outputs for the layer's input `words`."""
        return lookup(self.tables, [words[column] for column in self.fanin.T])

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"lut{self.fanin.shape[1]} {self.out_width}"


@dataclass(frozen=True, eq=False)
class GroupSum(Block):
    """Count the ones in equal, contiguous groups: one score per class.

    The trainer's score is `(count + beta) / tau`. gatec's is the integer count: a shared `beta` and
    a positive `tau` do not change which class is largest.

    Attributes
    ----------
    in_width
        Number of bits, a multiple of `classes`.
    classes
        Number of groups.
    tau, beta
        As trained, where known; only reported.
    """

    in_width: int
    classes: int
    tau: float | None = None
    beta: float | None = None

    def __post_init__(self) -> None:
        if self.classes < 1 or self.in_width % self.classes:
            raise ModelError(
                f"{self.in_width} outputs do not divide into {self.classes} classes",
                place=self.name,
                expected="a number of classes that divides the outputs",
            )
        if self.tau is not None and not 0 < self.tau < float("inf"):
            raise ModelError(f"tau is {self.tau}", place=self.name, expected="a positive number")
        if self.beta is not None and not np.isfinite(self.beta):
            raise ModelError(f"beta is {self.beta}", place=self.name, expected="a finite number")

    @property
    def group(self) -> int:
        """Number of bits in a group."""
        return self.in_width // self.classes

    @property
    def score_bits(self) -> int:
        """Number of bits of a score: enough for a full group."""
        return self.group.bit_length()

    @property
    def out_width(self) -> int:
        """Number of scores."""
        return self.classes

    def evaluate(self, words: Words, num_samples: int) -> Scores:
        """Return the counts `[classes, samples]`."""
        bits = unpack(words, num_samples).reshape(num_samples, self.classes, self.group)
        return np.ascontiguousarray(bits.sum(axis=2, dtype=np.int64).T)

    def describe(self) -> str:
        """Return the block's line in the text form."""
        extra = "".join(
            f" {key}={value:g}"
            for key, value in (("tau", self.tau), ("beta", self.beta))
            if value is not None
        )
        return f"groupsum {self.classes}x{self.group}{extra}"


@dataclass(frozen=True, eq=False)
class Argmax(Block):
    """The class with the largest score; of equals, the lowest class, as NumPy does.

    Attributes
    ----------
    classes
        Number of scores.
    """

    classes: int

    @property
    def out_width(self) -> int:
        """Number of bits of a class number."""
        return max(1, (self.classes - 1).bit_length())

    def evaluate(self, scores: Scores) -> npt.NDArray[np.int64]:
        """Return the class of each sample."""
        return scores.argmax(axis=0).astype(np.int64)

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"argmax {self.classes}"


def score_planes(scores: Scores, width: int) -> Words:
    """Return scores `[classes, samples]` as bits: score `c` from row `c * width` on, LSB first."""
    classes, samples = scores.shape
    return pack(from_integers(scores.T, width).reshape(samples, classes * width))

"""How the numbers of a data set become a model's input bits and class numbers: never guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gatec.bits import Bits, from_integers
from gatec.errors import ModelError, UsageError
from gatec.frontends.files.tensors import Array

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Encoding:
    """What a value of a sample stands for.

    Attributes
    ----------
    num_inputs
        Input bits of the model.
    code_bits
        For a model that holds its encoder: the width of its integer features. The values are then
        the codes themselves; without it, they are the input bits.
    threshold
        Turn each value into the bit `value > threshold`.
    """

    num_inputs: int
    code_bits: int | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.threshold is None:
            return
        if not math.isfinite(self.threshold):
            raise UsageError(f"--threshold {self.threshold}", expected="a finite number")
        if self.code_bits is not None:
            raise UsageError(
                "--threshold for a model that holds its encoder",
                expected="its integer codes as data",
            )

    @property
    def width(self) -> int:
        """Values of a sample."""
        return self.num_inputs // (self.code_bits or 1)

    def check_width(self, found: int, path: Path) -> None:
        """Raise `ModelError` unless a sample has the model's number of values."""
        if found != self.width:
            what = "bits" if self.code_bits is None else f"{self.code_bits}-bit codes"
            raise ModelError(
                f"{found} values a sample", file=path, expected=f"the model's {self.width} {what}"
            )

    def encode(self, values: Array, path: Path, first: int) -> Bits:
        """Return the input bits of `values` (`[samples, width]`), the first of them number `first`.

        Raises `ModelError` at a value that is no number, no bit or no code.
        """
        self.check_width(values.shape[1], path)
        if values.dtype.kind == "b":
            values = values.view(np.uint8)
        if values.dtype.kind == "f":
            _refuse_nan(values, path, first)
        if self.threshold is not None:
            return _above(values, self.threshold)
        highest = (1 << (self.code_bits or 1)) - 1
        if not _are_codes(values, highest):
            raise self._outside(values, highest, path)
        if self.code_bits is None:
            return values.astype(np.uint8, copy=False)
        planes = from_integers(values.astype(np.int64), self.code_bits)
        return planes.reshape(len(values), self.num_inputs)

    def _outside(self, values: Array, highest: int, path: Path) -> ModelError:
        span = f"values from {values.min():g} to {values.max():g}"
        if self.code_bits is not None:
            return ModelError(span, file=path, expected=f"integer codes 0..{highest}")
        return ModelError(span, file=path, expected="bits, or --threshold T (bit = value > T)")


def check_labels(found: Array, first: int, classes: int | None, path: Path) -> Labels:
    """Return labels as `int64[samples]`, or raise at the first that is no class number."""
    highest = np.iinfo(np.int32).max if classes is None else classes - 1
    with np.errstate(invalid="ignore"):
        bad = ~((found >= 0) & (found <= highest) & (found == np.trunc(found)))
    if bad.any():
        row = int(bad.argmax())
        span = "a class number" if classes is None else f"a class 0..{highest}"
        raise ModelError(
            f"label {found[row]:g}", file=path, place=f"sample {first + row}", expected=span
        )
    return found.astype(np.int64)


def _above(values: Array, threshold: float) -> Bits:
    """Return `values > threshold`, without turning integers into floats."""
    if values.dtype.kind == "f":
        # As NumPy and torch compare an array with a Python number: in the array's precision.
        with np.errstate(over="ignore"):
            return (values > values.dtype.type(threshold)).view(np.uint8)
    limit, span = math.floor(threshold), np.iinfo(values.dtype)
    if limit < span.min:
        return np.ones(values.shape, dtype=np.uint8)
    if limit >= span.max:
        return np.zeros(values.shape, dtype=np.uint8)
    return (values > values.dtype.type(limit)).view(np.uint8)


def _are_codes(values: Array, highest: int) -> bool:
    """Return whether all values are integers 0..highest."""
    if not values.size:
        return True
    if values.min() < 0 or values.max() > highest:
        return False
    return values.dtype.kind != "f" or bool((values == np.trunc(values)).all())


def _refuse_nan(values: Array, path: Path, first: int) -> None:
    # A sum is NaN wherever a value is, or where infinities meet; only then look for the place.
    with np.errstate(invalid="ignore", over="ignore"):
        suspicious = np.isnan(values.sum())
    if suspicious and np.isnan(values).any():
        row, column = (int(i) for i in np.argwhere(np.isnan(values))[0])
        raise ModelError(f"value {column} is nan", file=path, place=f"sample {first + row}")

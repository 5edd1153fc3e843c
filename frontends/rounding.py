"""Trained floats that are added up, as integers: exact where they have a common step.

Trainers add floats in an order of their own, and round after each addition; a circuit adds
integers. Values with a common step of a few bits give the same sums in both. Others are rounded to
as fine a step as is worth its adders, and a note says how close two sums must be for that to
matter.
"""

from __future__ import annotations

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.files.tensors import Array

# Sums stay below 2**24, which `ClassScores` asks for.
_SUM_BITS = 23
# Finer steps than this of one addend cost adders, and change no decision that matters.
_VALUE_BITS = 16
_DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 60, 64, 100, 120, 128, 256)
_NEAR = 1e-9


def integer_step(
    values: Array,
    notes: dict[str, str],
    *,
    span: float,
    widest: float,
    addends: int,
    file: str,
) -> float:
    """Return how many of the circuit's steps are 1.

    Parameters
    ----------
    values
        All that is added, finite floats.
    notes
        Told of what rounding can change.
    span
        At least what a sum can be, constants included, as a positive number.
    widest
        The largest difference that one addend can make.
    addends
        Number of values in a sum.

    Raises `ModelError` where the values are beyond reason.
    """
    exact = values.astype(np.float64)
    for steps in _DENOMINATORS:
        # By size: values of 1e-10 are no rounding of 0.
        scaled, whole = exact * steps, np.round(exact * steps)
        near = np.abs(scaled - whole) <= _NEAR * np.abs(scaled)
        if near.all() and span * steps < 1 << _SUM_BITS:
            if steps & (steps - 1) or (scaled != whole).any():
                notes["values"] = (
                    f"values are multiples of 1/{steps}: where scores are equal, the trainer's sum "
                    "of floats may decide otherwise"
                )
            return float(steps)
    power = np.floor(_SUM_BITS - np.log2(span)) if span else 0.0
    power = min(power, np.floor(_VALUE_BITS - np.log2(widest))) if widest else power
    if not -60 <= power <= 60:
        raise ModelError(f"values that span {span:g}", file=file, expected="2**-37 to 2**83")
    fine = float(2.0**power)
    notes["values"] = (
        f"values are rounded to multiples of 2**{int(-power)}: where the two best scores are less "
        f"than {addends / fine:.2g} apart, the trainer's sum of floats may decide otherwise"
    )
    return fine

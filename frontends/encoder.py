"""Float thresholds of a trained encoder, turned into integer comparisons without rounding.

The trainers' encoders set bit `t` of feature `f` when `x[f] > threshold[f, t]`, strictly, with `x`
in float32. The circuit sees integer codes; `--features` says which float each code stands for, so
each threshold has exactly one smallest code above it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import Thermometer
from gatec.errors import ModelError
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import FeatureCodes


def check_thresholds(thresholds: Array, *, file: str, place: str) -> None:
    """Raise `ModelError` unless thresholds are floats `[features, bits]` without NaN."""
    if thresholds.ndim != 2 or thresholds.size == 0 or thresholds.dtype.kind != "f":
        raise ModelError(
            f"thresholds {thresholds.dtype}{list(thresholds.shape)}",
            file=file,
            place=place,
            expected="floats [features, bits]",
        )
    bad = np.isnan(thresholds)
    if bad.any():
        feature, bit = (int(i) for i in np.argwhere(bad)[0])
        raise ModelError(f"feature {feature}: threshold {bit} is nan", file=file, place=place)


def levels(thresholds: Array, codes: FeatureCodes) -> npt.NDArray[np.int32]:
    """Return the smallest code whose value is above each threshold; `2**bits` where none is."""
    # Comparing float32 with float64 compares the exact numbers, as torch does.
    values = codes.values().astype(np.float64)
    above = np.searchsorted(values, thresholds.astype(np.float64).ravel(), side="right")
    return above.reshape(thresholds.shape).astype(np.int32)


def thermometer(
    thresholds: Array, codes: FeatureCodes, slack: Array | None, *, file: str
) -> Thermometer:
    """Return the encoder block.

    Parameters
    ----------
    thresholds
        Floats `[features, bits]`.
    codes
        What the circuit's integer inputs stand for.
    slack
        Uncertainty of each threshold, of the same shape, or None when the file holds them all: the
        trainer may have computed some with functions that round differently elsewhere.
    file
        For messages.

    Raises `ModelError` when the uncertainty reaches the value of a code.
    """
    if slack is not None:
        exact = thresholds.astype(np.float64)
        unsure = levels(exact - slack, codes) != levels(exact + slack, codes)
        if unsure.any():
            feature, bit = (int(i) for i in np.argwhere(unsure)[0])
            raise ModelError(
                f"feature {feature}: threshold {bit} is too close to a code to compare exactly",
                file=file,
                place="encoder",
                expected="thresholds in the file, or --features bits",
            )
    return Thermometer("encoder", levels(thresholds, codes), codes.bits)

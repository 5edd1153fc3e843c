"""The input-wise parametrisation ("light" nets): one weight for each row of a truth table.

`weights [gates, 2**k]`, in lukas-ruettgers/difflogic-iwp with k = 2: the outputs at (A, B) = 00,
01, 10, 11. A bit is set where the activated weight is 0.5 or more in the Python implementation; the
CUDA one rounds half to even, so that exactly 0.5 is 0. Activations, in float32:

* `sigmoid`, `sigmoid-st`: the logistic function;
* `SIN01`, `sin-st`: `0.5 + 0.5 * sin(w)`;
* `linear`: `w` clipped to 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec.errors import ModelError
from gatec.frontends.files.records import shown
from gatec.frontends.files.tensors import Array
from gatec.frontends.weights import check_floats
from gatec.tables import Tables, from_msb_rows

_Float64 = npt.NDArray[np.float64]


def _logistic(w: _Float64) -> _Float64:
    # Without overflow on either side.
    return np.exp(-np.logaddexp(0.0, -w))


def _sine(w: _Float64) -> _Float64:
    return 0.5 + 0.5 * np.sin(w)


def _linear(w: _Float64) -> _Float64:
    return np.clip(w, 0.0, 1.0)


ACTIVATIONS: dict[str, Callable[[_Float64], _Float64]] = {
    "sigmoid": _logistic,
    "sigmoid-st": _logistic,
    "SIN01": _sine,
    "sin-st": _sine,
    "linear": _linear,
}
# Units in the last place by which the trainer's functions may differ from the exact ones.
_SLACK = 3.0 * 2.0**-24


def input_wise_tables(
    weights: Array,
    activation: Any,
    implementation: str,
    notes: dict[str, str],
    *,
    file: str,
    place: str,
) -> Tables:
    """Return the tables of gates with one weight for each input combination.

    Parameters
    ----------
    weights
        Floats `[gates, 2**k]`, 1 <= k <= 6, first input most significant.
    activation
        A key of `ACTIVATIONS`.
    implementation
        `python` or `cuda`: which way exactly 0.5 goes.

    Raises `ModelError` when something of that is not so.
    """
    if weights.ndim != 2 or weights.shape[1] not in (2, 4, 8, 16, 32, 64):
        raise ModelError(
            f"weights of shape {list(weights.shape)}",
            file=file,
            place=place,
            expected="[gates, 2**inputs]",
        )
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise ModelError(
            f"activation {shown(activation)}",
            file=file,
            place=place,
            expected=f"one of {', '.join(ACTIVATIONS)}",
        )
    if implementation not in ("python", "cuda"):
        raise ModelError(
            f"implementation {implementation!r:.40}",
            file=file,
            place=place,
            expected="python or cuda, which differ at exactly 0.5",
        )
    check_floats(weights, "[gates, 2**inputs]", file=file, place=place)
    exact = ACTIVATIONS[activation](weights.astype(np.float64))
    values = exact.astype(np.float32)
    half = np.float32(0.5)
    # What is clipped, and the activation of 0, is exact in every implementation.
    inexact = weights != 0 if activation != "linear" else np.zeros(weights.shape, dtype=bool)
    unsure = int(((np.abs(exact - 0.5) < _SLACK) & inexact).sum())
    if unsure:
        text = f"{place}: {unsure} table bits hang on the rounding of {activation} in float32"
        notes["rounding"] = f"{notes['rounding']}; {text}" if "rounding" in notes else text
    bits = values >= half if implementation == "python" else values > half
    return from_msb_rows(bits)

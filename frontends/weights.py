"""Trained weights of a layer, made discrete as the trainers do when they evaluate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.errors import ModelError
from gatec.frontends.files.tensors import Array
from gatec.frontends.gates import tables_of
from gatec.frontends.options import Parametrization
from gatec.tables import Tables, from_msb_rows

# Sums of 64 of these are finite, also in the trainer's float32.
_MAX_COEFFICIENT = 1e36


def check_floats(weights: Array, shape: str, *, file: str | None, place: str) -> None:
    """Raise `ModelError` unless weights are finite floats; `shape` says what was expected."""
    if weights.dtype.kind != "f":
        raise ModelError(
            f"weights of type {weights.dtype}", file=file, place=place, expected=f"floats {shape}"
        )
    bad = ~np.isfinite(weights)
    if bad.any():
        where = [int(i) for i in np.argwhere(bad)[0]]
        raise ModelError(
            f"weight {where} is {weights[tuple(where)]}",
            file=file,
            place=place,
            expected="finite numbers",
        )


def most_likely(
    weights: Array, axis: int, *, file: str, place: str
) -> tuple[npt.NDArray[np.intp], int]:
    """Return the index of the largest weight along an axis and how many results were ties.

    Of equal weights the first counts, as in torch and NumPy.
    """
    check_floats(weights, "logits", file=file, place=place)
    top = weights.max(axis=axis, keepdims=True)
    ties = int(((weights == top).sum(axis=axis) > 1).sum())
    return weights.argmax(axis=axis), ties


def gates_from_logits(
    logits: Array, axis: int, notes: dict[str, str], *, file: str, place: str
) -> Tables:
    """Return the tables of gates chosen by sixteen logits each, along `axis` of a matrix."""
    if logits.ndim != 2 or logits.shape[axis] != 16:
        expected = "[gates, 16]" if axis == 1 else "[16, gates]"
        raise ModelError(
            f"weights of shape {list(logits.shape)}", file=file, place=place, expected=expected
        )
    numbers, ties = most_likely(logits, axis, file=file, place=place)
    if ties:
        note_ties(notes, ties, place)
    return tables_of(numbers, file=file, place=place)


def note_ties(notes: dict[str, str], ties: int, place: str) -> None:
    """Report that equal weights were decided for the first."""
    text = f"{place}: {ties} (the first of equal weights is taken, as the trainer does)"
    notes["ties"] = f"{notes['ties']}; {text}" if "ties" in notes else text


def parametrization_of(columns: int, rank: int) -> tuple[Parametrization, ...]:
    """Return which parametrizations have so many weights for a table of `rank` inputs."""
    if rank == 2 and columns == 16:
        return ("raw",)
    return ("light", "warp") if columns == 1 << rank else ()


def tables_from_weights(
    weights: Array,
    rank: int,
    kind: Parametrization,
    notes: dict[str, str],
    *,
    file: str,
    place: str,
) -> Tables:
    """Return the tables of a torchlogix layer (torchlogix 0.2.2, parametrization.py).

    Parameters
    ----------
    weights
        `[gates, 16]` for raw, else `[gates, 2**rank]`.
    kind
        `raw`: logits of the sixteen gates. `light`: a bit is `weight > 0`. `warp`: coefficients of
        the Walsh-Hadamard basis; a bit is 1 where their sum is below 0. Zero is 0 in both.
    """
    if weights.ndim != 2 or kind not in parametrization_of(weights.shape[1], rank):
        raise ModelError(
            f"weights of shape {list(weights.shape)} do not fit {kind} with {rank} inputs",
            file=file,
            place=place,
            expected="raw [gates, 16] with 2 inputs, or light or warp [gates, 2**inputs]",
        )
    if kind == "raw":
        return gates_from_logits(weights, 1, notes, file=file, place=place)
    check_floats(weights, "[gates, 2**inputs]", file=file, place=place)
    if kind == "light":
        return from_msb_rows(weights > 0)
    if np.abs(weights).max(initial=0) > _MAX_COEFFICIENT:
        raise ModelError(
            f"a weight of {np.abs(weights).max():g}",
            file=file,
            place=place,
            expected=f"at most {_MAX_COEFFICIENT:g}",
        )
    sums = weights.astype(np.float64) @ hadamard(rank)
    # The trainer sums in float32: below this bound its sign may differ from the exact one.
    bound = np.abs(weights).sum(axis=1, keepdims=True, dtype=np.float64) * 2.0**-18
    unsure = int(((np.abs(sums) < bound) & (sums != 0)).sum())
    if unsure:
        notes["rounding"] = f"{place}: {unsure} table bits hang on rounding; the exact sum decides"
    return from_msb_rows(sums < 0)


def hadamard(rank: int) -> npt.NDArray[np.float64]:
    """Return the `2**rank` Hadamard matrix in natural order: `(-1)**popcount(row & column)`."""
    index = np.arange(1 << rank)
    overlap = index[:, None] & index
    parity = sum((overlap >> bit) & 1 for bit in range(rank)) + np.zeros_like(overlap)
    return np.where(parity & 1, -1.0, 1.0)

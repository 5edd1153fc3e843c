"""What forks add to GroupSum: layers in front of a plain one, or weighted sums in its place.

lukas-ruettgers/difflogic-iwp: `weights`, which the bits are multiplied by; `gs_flip` with the
buffer `flip_mask` (of those bits 1 minus the product counts); `n_splits` (each split has groups of
its own, which are added up); and `bias`, added to the scores after these were divided by `tau`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatec.blocks_bits import Wires
from gatec.blocks_threshold import ClassScores
from gatec.errors import ModelError
from gatec.frontends.draft import DraftBlock, DraftLayer, naming
from gatec.frontends.files.records import shown
from gatec.frontends.files.tensors import Array
from gatec.frontends.modules import Module, array, integer, number
from gatec.frontends.rounding import integer_step
from gatec.tables import VARIABLE

GROUP_SUM_ATTRIBUTES = frozenset({"tau", "beta", "bias", "weights", "flip_mask"})
"""Tensors that a GroupSum may have."""


def head_layers(head: Module, width: int, file: str) -> list[DraftLayer | DraftBlock]:
    """Return the layers that do what a GroupSum without trained floats does beside counting."""
    found: list[DraftLayer | DraftBlock] = []
    mask = _flips(head, width, file)
    if mask is not None:
        tables = np.where(mask, ~VARIABLE[0], VARIABLE[0])
        found.append(DraftLayer(f"{head.place}: flip", tables, np.arange(width)[:, None], width))
    splits = head.values.get("n_splits", 1)
    if splits != 1:
        found.append(DraftBlock(f"{head.place}: splits", _splits(head, splits, width, file)))
    return found


def weighted_head(head: Module, width: int, notes: dict[str, str], file: str) -> ClassScores | None:
    """Return the weighted sums that a GroupSum with trained weights or biases is, else None."""
    classes = integer(head, "k", file=file)
    floats = {"weights": (1, (width,)), "bias": (0, (classes,))}
    trained = {}
    for key, (neutral, shape) in floats.items():
        value = head.values.get(key)
        if value is None:
            continue
        found = array(head, key, file=file)
        if found.shape != shape or found.dtype.kind != "f" or not np.isfinite(found).all():
            raise ModelError(
                f"GroupSum with {key} {found.dtype}{list(found.shape)}",
                file=file,
                place=head.place,
                expected=f"finite floats {list(shape)}",
            )
        if (found != neutral).any():
            trained[key] = found.astype(np.float64)
    if not trained:
        return None
    if width % classes:
        raise ModelError(
            f"{width} outputs do not divide into {classes} classes", file=file, place=head.place
        )
    if head.values.get("beta") is not None:
        raise ModelError(
            "GroupSum with beta, and trained weights", file=file, place=head.place, expected="one"
        )
    tau = number(head, "tau", default=1.0, file=file) or 0.0
    if not tau > 0:
        raise ModelError(f"tau is {tau:g}", file=file, place=head.place, expected="above 0")
    row: Array = np.arange(width).reshape(classes, -1)
    splits = head.values.get("n_splits", 1)
    if splits != 1:
        row = _splits(head, splits, width, file).source.reshape(classes, -1)
    weights = trained.get("weights", np.ones(width))
    flips = _flips(head, width, file)
    flipped = np.zeros(width, dtype=bool) if flips is None else flips
    bias = trained.get("bias", np.zeros(classes)) * tau
    span = np.abs(weights[row]).sum(axis=1).max() + np.abs(bias).max() + row.shape[1]
    widest = np.abs(weights).max()
    step = integer_step(
        np.concatenate([weights, bias]), notes,
        span=float(span), widest=float(widest), addends=row.shape[1] + 1, file=file,
    )  # fmt: skip
    whole = np.round(np.where(flipped, -weights, weights) * step).astype(np.int64)
    found_weights = np.zeros((classes, width), dtype=np.int64)
    np.put_along_axis(found_weights, row, whole[row], axis=1)
    constants = np.round(bias * step + flipped[row].sum(axis=1) * step).astype(np.int64)
    # No score is negative, and one can be 0.
    constants -= int((np.minimum(found_weights, 0).sum(axis=1) + constants).min())
    with naming(file):
        return ClassScores(
            "scores", width, found_weights.astype(np.int32), constants.astype(np.int32)
        )


def _flips(head: Module, width: int, file: str) -> Array | None:
    """Return which bits are flipped, or None when none is."""
    has_mask = "flip_mask" in head.values
    # A state dict has the mask alone; a module's own code asks `gs_flip`.
    told = head.values.get("gs_flip", has_mask)
    if not told and not has_mask:
        return None
    if not told:
        raise ModelError(
            f"flip_mask where gs_flip is {shown(told)}",
            file=file,
            place=head.place,
            expected="one of them alone",
        )
    mask = array(head, "flip_mask", file=file)
    if mask.shape != (width,) or mask.dtype.kind != "b":
        raise ModelError(
            f"flip_mask {mask.dtype}{list(mask.shape)}",
            file=file,
            place=head.place,
            expected=f"booleans [{width}]",
        )
    return mask


def _splits(head: Module, splits: Any, width: int, file: str) -> Wires:
    """Return the wires that put the groups of all splits of a class side by side."""
    classes = integer(head, "k", file=file)
    if type(splits) is not int or splits < 1 or width % (classes * splits):
        raise ModelError(
            f"n_splits is {shown(splits)}",
            file=file,
            place=head.place,
            expected=f"a number that divides {width} bits into {classes} classes",
        )
    if head.values.get("for_each_split"):
        raise ModelError(
            "scores of each split for themselves (for_each_split)",
            file=file,
            place=head.place,
            expected="one score for each class",
        )
    numbers = np.arange(width).reshape(splits, classes, -1)
    return Wires("splits", (width,), numbers.transpose(1, 0, 2).reshape(-1).astype(np.int32))

"""What forks add to GroupSum, as layers in front of a plain one.

lukas-ruettgers/difflogic-iwp: `gs_flip` with the buffer `flip_mask` (those bits count when they are
0), `n_splits` (each split has groups of its own, which are added up), `weights` on the bits, and
`bias` on the scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatec.blocks_bits import Wires
from gatec.errors import ModelError
from gatec.frontends.draft import DraftBlock, DraftLayer
from gatec.frontends.modules import Module, array, integer
from gatec.frontends.records import shown
from gatec.tables import VARIABLE

GROUP_SUM_ATTRIBUTES = frozenset({"tau", "beta", "bias", "weights", "flip_mask"})
"""Tensors that a GroupSum may have."""


def head_layers(head: Module, width: int, file: str) -> list[DraftLayer | DraftBlock]:
    """Return the layers that do what a GroupSum does beside counting its groups.

    Raises `ModelError` at extras that are not whole bits: trained weights and biases.
    """
    found: list[DraftLayer | DraftBlock] = []
    _refuse_floats(head, file)
    if head.values.get("gs_flip") or "flip_mask" in head.values:
        mask = array(head, "flip_mask", file=file)
        if mask.shape != (width,) or mask.dtype.kind != "b":
            raise ModelError(
                f"flip_mask {mask.dtype}{list(mask.shape)}",
                file=file,
                place=head.place,
                expected=f"booleans [{width}]",
            )
        tables = np.where(mask, ~VARIABLE[0], VARIABLE[0])
        found.append(DraftLayer(f"{head.place}: flip", tables, np.arange(width)[:, None], width))
    splits = head.values.get("n_splits", 1)
    if splits != 1:
        found.append(DraftBlock(f"{head.place}: splits", _splits(head, splits, width, file)))
    return found


def _refuse_floats(head: Module, file: str) -> None:
    """Raise `ModelError` at trained weights or biases; those that change nothing are let pass."""
    for key, neutral in (("weights", 1), ("bias", 0)):
        value: Any = head.values.get(key)
        if value is None:
            continue
        if not isinstance(value, np.ndarray) or not (value == neutral).all():
            raise ModelError(
                f"GroupSum with trained {key}",
                file=file,
                place=head.place,
                expected=f"{key} that are all {neutral}: the sum of floats depends on its order",
            )


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

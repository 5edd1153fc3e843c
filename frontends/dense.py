"""One LogicDense layer of torchlogix: which inputs it reads, and its truth tables."""

from __future__ import annotations

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.draft import DraftLayer
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import Parametrization
from gatec.frontends.weights import (
    most_likely,
    note_ties,
    parametrization_of,
    tables_from_weights,
)


def chosen_wiring(
    indices: Array, scores: Array | None, notes: dict[str, str], *, file: str, place: str
) -> Array:
    """Return the wiring `[gates, rank]` that indices, and scores where learned, stand for."""
    if scores is not None:
        if indices.ndim != 3 or indices.shape != scores.shape or indices.shape[0] == 0:
            raise ModelError(
                f"indices {list(indices.shape)}, weights {list(scores.shape)}",
                file=file,
                place=place,
                expected="[candidates, rank, gates] twice",
            )
        best, ties = most_likely(scores, 0, file=file, place=place)
        if ties:
            note_ties(notes, ties, place)
        indices = np.take_along_axis(indices, best[None], axis=0)[0]
    if indices.ndim != 2:
        raise ModelError(
            f"indices of shape {list(indices.shape)}",
            file=file,
            place=place,
            expected="[rank, gates]",
        )
    return indices.T


def dense_layer(
    weight: Array,
    fanin: Array | None,
    kind: Parametrization | None,
    notes: dict[str, str],
    *,
    file: str,
    place: str,
) -> tuple[DraftLayer, str]:
    """Return a layer with its tables, or with what it takes to know them."""
    if weight.ndim != 2:
        raise ModelError(
            f"weight of shape {list(weight.shape)}",
            file=file,
            place=place,
            expected="[gates, 16 or 2**inputs]",
        )
    if fanin is None:
        return DraftLayer(place, None, None, len(weight)), ""
    rank = fanin.shape[1] if fanin.ndim == 2 else 0
    possible = parametrization_of(weight.shape[1], rank)
    if kind is None and len(possible) == 2:
        return DraftLayer(place, None, fanin, len(weight)), (
            "light and warp weights have the same shape; expected --parametrization light or warp"
        )
    # A shape that fits none is refused by name.
    tables = tables_from_weights(
        weight, rank, kind or (possible or ("raw",))[0], notes, file=file, place=place
    )
    return DraftLayer(place, tables, fanin, len(weight)), ""

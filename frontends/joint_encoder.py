"""One encoder for the nets of a cascade, each of which may have one of its own.

The circuit's input are the integer codes that both encoders compare. Its one encoder has, for each
feature, each level of either once, and each net reads those that are its own: comparators that both
have are shared. A net without an encoder reads the codes' bits themselves, or, where the cascade
says so, the bits of the other's encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatec.blocks import IntArray, Thermometer
from gatec.blocks_bits import Wires
from gatec.errors import ModelError
from gatec.frontends.draft import FRONT, INPUT
from gatec.model import ModelGraph


@dataclass(frozen=True, eq=False)
class Start:
    """What a net's first layers read.

    Attributes
    ----------
    reads
        `FRONT` or `INPUT`.
    width
        Number of its bits.
    wires
        Which of them, in the net's own order; None for all as they are.
    """

    reads: int
    width: int
    wires: IntArray | None = None


@dataclass(frozen=True, eq=False)
class JointFront:
    """The input and the encoder of both nets.

    Attributes
    ----------
    facts
        `inputs` or `levels`, and `code_bits`, as in `gatec.frontends.draft.Draft`.
    starts
        Of each net, by name.
    """

    facts: dict[str, Any]
    starts: dict[str, Start]


def join_fronts(nets: Mapping[str, ModelGraph], shares: frozenset[str], *, file: str) -> JointFront:
    """Return the front of a circuit of nets that read the same input.

    Parameters
    ----------
    nets
        By name.
    shares
        Names of those that read the bits of another's encoder.
    file
        For messages.

    Raises `ModelError` where they do not read the same.
    """
    encoders = {name: net.encoder for name, net in nets.items() if net.encoder is not None}
    _check(nets, encoders, shares, file)
    width = next(net.num_inputs for name, net in nets.items() if name not in shares)
    said = [net.code_bits for net in nets.values() if net.code_bits is not None]
    facts = {"code_bits": said[0]} if said else {}
    if not encoders:
        return JointFront(facts | {"inputs": width}, {name: Start(FRONT, width) for name in nets})
    levels, places = _union(list(encoders.values()))
    starts = {name: Start(INPUT, width) for name in nets}
    for (name, encoder), own in zip(encoders.items(), places, strict=True):
        starts[name] = Start(FRONT, levels.size, own)
        for other in shares:
            wires = _bits(nets[name], encoder)
            starts[other] = Start(FRONT, levels.size, wires if own is None else own[wires])
    return JointFront(facts | {"levels": levels}, starts)


def _bits(net: ModelGraph, encoder: Thermometer) -> IntArray:
    """Return which of its encoder's bits a net's first layer may read, in that order."""
    order = net.blocks[2]
    if order.name == "order" and isinstance(order, Wires):
        return order.source
    return np.arange(encoder.out_width, dtype=np.int32)


def _check(
    nets: Mapping[str, ModelGraph],
    encoders: Mapping[str, Thermometer],
    shares: frozenset[str],
    file: str,
) -> None:
    """Raise `ModelError` unless all nets read the same input."""
    for name in sorted(shares):
        where = {"file": file, "place": f"{name}: encoder"}
        others = [own for own in encoders if own != name]
        if name in encoders or not others:
            what = "has one itself" if name in encoders else "there is none to share"
            raise ModelError(what, **where, expected="a net without one beside a net with one")
        wanted = len(_bits(nets[others[0]], encoders[others[0]]))
        if nets[name].num_inputs != wanted:
            raise ModelError(
                f"reads {nets[name].num_inputs} bits",
                **where,
                expected=f"the {wanted} of {others[0]}'s encoder",
            )
    kinds = {net.code_bits for net in nets.values()} - {None}
    widths = {net.num_inputs for name, net in nets.items() if name not in shares}
    if len(kinds) > 1 or len(widths) > 1:
        some = bool(encoders) and len(encoders) < len(nets)
        other = ', or "encoder": "shared" for bits of the other\'s encoder' if some else ""
        raise ModelError(
            "; ".join(f"{name}: {_input(net)}" for name, net in nets.items()),
            file=file,
            expected=f"the same{other}",
        )


def _input(net: ModelGraph) -> str:
    if net.code_bits is None:
        return f"{net.num_inputs} inputs"
    return f"{net.num_inputs // net.code_bits} features of {net.code_bits} bits"


def _union(encoders: list[Thermometer]) -> tuple[IntArray, list[IntArray | None]]:
    """Return the levels of an encoder for all, and where in it the bits of each are.

    Features with fewer levels than others are filled up with one that no code reaches.
    """
    first = encoders[0]
    if all(np.array_equal(own.levels, first.levels) for own in encoders):
        return first.levels, [None] * len(encoders)
    every = np.concatenate([own.levels for own in encoders], axis=1)
    rows = [np.unique(row) for row in every]
    never = 1 << first.code_bits
    levels = np.full((len(rows), max(len(row) for row in rows)), never, dtype=np.int32)
    for row, found in zip(levels, rows, strict=True):
        row[: len(found)] = found
    # Numbers that rise along the features, too.
    offset = np.arange(len(rows), dtype=np.int64)[:, None] * (never + 1)
    sorted_levels = (levels + offset).reshape(-1)
    return levels, [
        np.searchsorted(sorted_levels, (own.levels + offset).reshape(-1)).astype(np.int32)
        for own in encoders
    ]

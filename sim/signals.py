"""Named signals of a netlist, and the choice of some by patterns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatec.blocks import IntArray
from gatec.errors import UsageError


@dataclass(frozen=True, eq=False)
class Signal:
    """A named bundle of nets.

    Attributes
    ----------
    name
        Of the bundle; its bits are `name[0]`, `name[1]`, ...
    nets
        `int32[width]`, bit 0 first.
    """

    name: str
    nets: IntArray


def choose(signals: Sequence[Signal], patterns: Sequence[str]) -> list[Signal]:
    """Return the bundles, or single bits of them, whose names match one of `patterns`.

    `*` stands for any characters, `?` for one; brackets stand for themselves: `layer0[1?]` are ten
    bits. Raises `UsageError` at a pattern that matches nothing.
    """
    chosen: dict[str, Signal] = {}
    for pattern in patterns:
        found = _matching(signals, pattern)
        if not found:
            names = ", ".join(signal.name for signal in signals)
            raise UsageError(f"--signals {pattern} matches nothing", expected=f"some of {names}")
        chosen |= found
    return list(chosen.values())


def _matching(signals: Sequence[Signal], pattern: str) -> dict[str, Signal]:
    if "[" not in pattern:
        matches = _translate(pattern)
        return {s.name: s for s in signals if matches.fullmatch(s.name)}
    bundle, _, _ = pattern.partition("[")
    matches, wanted = _translate(bundle), _translate(pattern)
    return {
        name: Signal(name, signal.nets[bit : bit + 1])
        for signal in signals
        if matches.fullmatch(signal.name)
        for bit in range(len(signal.nets))
        if wanted.fullmatch(name := f"{signal.name}[{bit}]")
    }


def _translate(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))


def net_names(signals: Sequence[Signal], num_nets: int) -> list[str]:
    """Return a name for each net: of the first bundle that holds it, else `n<number>`."""
    names = [f"n{net}" for net in range(num_nets)]
    for signal in reversed(signals):
        for bit, net in enumerate(signal.nets.tolist()):
            names[net] = f"{signal.name}[{bit}]"
    names[:2] = ["0", "1"]
    return names


def all_nets(signals: Sequence[Signal]) -> IntArray:
    """Return the nets of all bundles, one after the other."""
    return np.concatenate([np.zeros(0, dtype=np.int32), *(signal.nets for signal in signals)])

"""What a sequential cell with one state stores, and when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from gatec.liberty.functions import evaluate
from gatec.liberty.parse import Group

Kind = Literal["ff", "latch"]
SEQUENTIAL = ("ff", "ff_bank", "latch", "latch_bank", "statetable")
# By kind of group: when it takes its data, and what.
_KEYS = {"ff": ("clocked_on", "next_state"), "latch": ("enable", "data_in")}


@dataclass(frozen=True)
class FlipFlop:
    """What a sequential cell with one state does.

    Attributes
    ----------
    state, inverse
        Names of the state and of its complement in the functions.
    clocked_on, next_state, clear, preset
        Functions as text; the last two None without them. A latch takes its data while `clocked_on`
        is 1, a flip-flop when it becomes 1.
    """

    state: str
    inverse: str
    clocked_on: str
    next_state: str
    clear: str | None
    preset: str | None

    def attributes(self, kind: Kind) -> dict[str, str]:
        """Return the attributes of its group in a file."""
        when, what = _KEYS[kind]
        found = {when: self.clocked_on, what: self.next_state}
        more = {"clear": self.clear, "preset": self.preset}
        return found | {key: text for key, text in more.items() if text is not None}


def stored(group: Group, pins: Collection[str], kind: Kind) -> FlipFlop | None:
    """Return what a cell with exactly one group of a kind stores; None for any other.

    Raises `FunctionError` at a function that is none of its pins.
    """
    kinds = [sub for sub in group.groups if sub.kind in SEQUENTIAL]
    if len(kinds) != 1 or kinds[0].kind != kind or len(kinds[0].arguments) != 2:
        return None
    found, (when, what) = kinds[0].attributes, _KEYS[kind]
    if when not in found or what not in found or f"{when}_also" in found:
        return None
    state, inverse = kinds[0].arguments
    known = dict.fromkeys((*pins, state, inverse), 0)
    for key in (when, what, "clear", "preset"):
        evaluate(found.get(key, "0"), known)
    return FlipFlop(
        state, inverse, found[when], found[what], found.get("clear"), found.get("preset")
    )

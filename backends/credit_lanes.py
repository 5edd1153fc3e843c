"""The output side of a shell with credits: lanes in which words fall, and which take turns.

```
enter[0] ─▶ lane0: 4 ─▶ 3 ─▶ 2 ─▶ 1 ─▶ 0 ─┐
enter[1] ─▶ lane1: 4 ─▶ 3 ─▶ 2 ─▶ 1 ─▶ 0 ─┴▶ o, of the lane `front`
```

A word in a lane falls by one stage where the one below is empty, so what a stage does is a function
of its neighbours. A lane then passes a word every other cycle, and two lanes that take turns pass
one in each: `into` says into which lane the next word goes that leaves the queue, `front` which
lane has the one at the output. A new word goes to the lowest stage above those in the lane, but to
no lower one than 1.

Between registers there is one look-up table, of four inputs: in front of the word of a stage one of
three, for its enable is a register of its own, `room`, which says what `lane` denies.

`hold`, which follows stage 3, stops what comes. Five stages are the fewest of which both is true:
results that still come find room, and while one that joined the queue three cycles ago has not
left, the output has one. With four, whatever function of up to three bits of the lanes `hold`
follows that grows with them, words that come with gaps in front of a stall are followed by a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from gatec.backends.control.checker import Checker, Function, Values, choose
from gatec.bits import Words
from gatec.errors import DifferentError

# Words in a lane, and the stage that `hold` follows.
STAGES = 5
HOLD_STAGE = 3

Bit = TypeVar("Bit")
# `filled` of each lane, `enter`, `front`, `into`, `hold`.
_State = tuple[tuple[tuple[bool, ...], ...], tuple[bool, ...], int, int, bool]


def next_stage(
    filled: Sequence[Bit],
    stage: int,
    comes: Bit,
    stays: Bit,
    mux: Callable[[Bit, Bit, Bit], Bit],
) -> Bit:
    """Return whether a stage of a lane is filled in the next cycle.

    Parameters
    ----------
    filled
        Which stages are.
    comes, stays
        Whether a word comes into the lane, and whether the lowest may not leave.
    mux
        `mux(a, b, c)` is b where a is 1, else c.
    """
    if not stage:
        return mux(filled[0], stays, filled[1])
    below = filled[stage - 1]
    # Where the stage below is empty, a word that comes lands there, or lower.
    lands = comes if stage == 1 else mux(below, comes, below)
    above = mux(filled[stage + 1], filled[stage + 1], lands) if stage + 1 < len(filled) else lands
    return mux(filled[stage], below, above)


@dataclass(frozen=True)
class Lane:
    """The registers of one lane: which stages are filled, and their words."""

    filled: Signal
    words: Sequence[Signal]


def add_lane(m: Module, number: int, comes: Value, data: Value, stays: Value) -> Lane:
    """Add a lane; `data` comes in a cycle with `comes`, the lowest leaves unless it `stays`."""
    filled = Signal(STAGES, name=f"lane{number}")
    room = Signal(STAGES - 1, name=f"room{number}", reset_less=True)
    names = [f"lane{number}_{stage}" for stage in range(STAGES)]
    words = [Signal(len(data), name=name, reset_less=True) for name in names]
    flags = list(filled)
    after = [next_stage(flags, stage, comes, stays, Mux) for stage in range(STAGES)]
    m.d.sync += [filled.eq(Cat(after)), room.eq(~Cat(after[1:]))]
    # Written out: Yosys makes an enable of a multiplexer, and a table in front of it.
    kept = filled[0].replicate(len(data))
    m.d.sync += words[0].eq((words[0] & kept) | (words[1] & ~kept))
    for stage in range(1, STAGES):
        with m.If(room[stage - 1]):
            m.d.sync += words[stage].eq(next_word(words, filled[1:], data, stage))
    return Lane(filled, words)


def next_word(words: Sequence[Value], filled: Value, data: Value, number: int) -> Value:
    """Return what a word takes: the one above, or new data where that is empty.

    `filled[k]` says whether word k+1 is.
    """
    if number + 1 == len(words):
        return data
    return Mux(filled[number], words[number + 1], data)


@dataclass(frozen=True)
class LaneBits:
    """The registers of a lane in a text, by their names.

    Attributes
    ----------
    name
        What the names begin with.
    filled, room
        A bit for each stage, of `room` without the lowest.
    words
        The bits of the word of each stage.
    """

    name: str
    filled: Sequence[int]
    room: Sequence[int]
    words: Sequence[Sequence[int]]

    @classmethod
    def of(cls, checker: Checker, number: int, width: int) -> LaneBits:
        """Find a lane by its number; `width` is that of a word."""
        name = f"lane{number}"
        room = checker.wire(f"room{number}", STAGES - 1)
        words = [checker.wire(f"{name}_{stage}", width) for stage in range(STAGES)]
        return cls(name, checker.wire(name, STAGES), room, words)

    def registers(self) -> list[int]:
        """Return all of them."""
        return [*self.filled, *self.room, *(bit for word in self.words for bit in word)]

    def check(self, checker: Checker, comes: int, stays: Function, data: Sequence[int]) -> None:
        """Compare all functions of a lane.

        Raises
        ------
        DifferentError
            A function differs.
        """
        for stage, bit in enumerate(self.filled):

            def after(values: Values, stage: int = stage) -> Words:
                filled = [values[one] for one in self.filled]
                return next_stage(filled, stage, values[comes], stays(values), choose)

            def denied(values: Values, after: Function = after) -> Words:
                return ~after(values)

            checker.next_value(f"{self.name}[{stage}]", bit, after)
            if stage:
                checker.next_data(f"room of {self.name}[{stage}]", self.room[stage - 1], denied)
            self._check_word(checker, stage, data)

    def _check_word(self, checker: Checker, stage: int, data: Sequence[int]) -> None:
        """Compare what the word of a stage takes."""
        higher = self.words[stage + 1] if stage + 1 < STAGES else [0] * len(data)
        rows = zip(self.words[stage], higher, data, strict=True)
        for row, (own, above, new) in enumerate(rows):

            def falls(values: Values, own: int = own, above: int = above, new: int = new) -> Words:
                if not stage:
                    return choose(values[self.filled[0]], values[own], values[above])
                taken = values[new]
                if above:
                    taken = choose(values[self.filled[stage + 1]], values[above], taken)
                return choose(values[self.room[stage - 1]], taken, values[own])

            checker.next_data(f"{self.name}_{stage}[{row}]", own, falls)


def prove_lanes(lanes: int, stages: int = STAGES, hold_stage: int = HOLD_STAGE) -> None:
    """Prove that no word is lost in one lane or two, and that none overtakes another.

    ```
    hold' = stage of every lane | leaves, if there is one lane    leaves = any & ~hold
    enter[n]' = leaves & into == n                                 into' = into ^ leaves
    ```

    They begin empty, with `hold`. Every state is tried that can be reached when results wait or not
    and leave as they like: in each, a word that comes finds exactly one stage to land on, which is
    empty, as are those above it.

    Raises
    ------
    DifferentError
        A word finds no room, or lands below another of its lane.
    """
    nothing = (False,) * lanes
    start: _State = (((False,) * stages,) * lanes, nothing, 0, 0, True)
    waiting, seen = [start], {start}
    while waiting:
        filled, enter, front, into, hold = waiting.pop()
        if not all(_finds_room(lane) for lane, comes in zip(filled, enter, strict=True) if comes):
            raise DifferentError(f"a result finds no room in lanes of {stages} words")
        early = all(lane[hold_stage] for lane in filled)
        for ready, leaves in product((False, True), (False,) if hold else (False, True)):
            after = tuple(
                after_cycle(lane, enter[n], stays=not (ready and front == n))
                for n, lane in enumerate(filled)
            )
            state: _State = (
                after,
                tuple(leaves and into == n for n in range(lanes)),
                (front + (ready and filled[front][0])) % lanes,
                (into + leaves) % lanes,
                early or (lanes == 1 and leaves),
            )
            if state not in seen:
                seen.add(state)
                waiting.append(state)


def after_cycle(filled: Sequence[bool], comes: bool, *, stays: bool) -> tuple[bool, ...]:
    """Return which stages are filled in the next cycle."""
    return tuple(
        next_stage(filled, stage, comes, stays, lambda select, high, low: high if select else low)
        for stage in range(len(filled))
    )


def _finds_room(filled: Sequence[bool]) -> bool:
    """Return whether a word that comes lands on one stage, with all from there on empty."""
    without, after = (after_cycle(filled, comes, stays=True) for comes in (False, True))
    landed = [k for k, pair in enumerate(zip(without, after, strict=True)) if pair[0] != pair[1]]
    return len(landed) == 1 and not any(filled[landed[0] :])

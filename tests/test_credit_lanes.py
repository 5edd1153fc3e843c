"""The lanes at the output of a shell with credits: room for every result, and no cycle lost."""

from __future__ import annotations

from itertools import product

import pytest

from gatec.backends.credit_lanes import HOLD_STAGE, STAGES, after_cycle, prove_lanes
from gatec.errors import DifferentError

# Results that wait in the queue in front, at most, and cycles from there to the output.
QUEUE = 5
CYCLES = 3


def first_gap(lanes: int, stages: int, hold_stage: int) -> object:
    """Return a state with a result that waits for CYCLES, and none at the output; None: no such.

    With one lane, the output takes a result every other cycle at most.
    """
    empty = ((False,) * stages,) * lanes
    # What the queue holds, what came last, the lanes, who enters, turns, hold, what was taken.
    start = (0, (0,) * CYCLES, empty, (False,) * lanes, 0, 0, True, False)
    waiting, seen = [start], {start}
    while waiting:
        state = waiting.pop()
        queued, recent, filled, enter, front, into, hold, taken = state
        shown = filled[front][0]
        under_way = queued + sum(map(sum, filled)) + sum(enter)
        if under_way > sum(recent) and not shown and not taken:
            return state
        leaves = queued > 0 and not hold
        early = all(lane[hold_stage] for lane in filled) or (lanes == 1 and leaves)
        for ready, comes in product((False, True), range(2)):
            takes = ready and shown and not taken
            after = tuple(
                after_cycle(lane, enter[n], stays=not (takes and front == n))
                for n, lane in enumerate(filled)
            )
            if queued + comes - leaves > QUEUE:
                continue
            following = (
                queued + comes - leaves,
                (*recent[1:], comes),
                after,
                tuple(leaves and into == n for n in range(lanes)),
                (front + takes) % lanes,
                (into + leaves) % lanes,
                early,
                takes and lanes == 1,
            )
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return None


@pytest.mark.parametrize("lanes", [1, 2])
def test_no_cycle_is_lost(lanes: int) -> None:
    """Whatever comes and is taken when, the output has all that came three cycles ago."""
    prove_lanes(lanes)
    assert first_gap(lanes, STAGES, HOLD_STAGE) is None


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize(("stages", "hold_stage"), [(4, 2), (5, 2), (6, 2)])
def test_a_queue_that_is_held_too_early_loses_cycles(
    lanes: int, stages: int, hold_stage: int
) -> None:
    prove_lanes(lanes, stages, hold_stage)
    assert first_gap(lanes, stages, hold_stage) is not None


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize(("stages", "hold_stage"), [(4, 3), (5, 4), (2, 1)])
def test_lanes_that_are_too_short(lanes: int, stages: int, hold_stage: int) -> None:
    with pytest.raises(DifferentError, match=f"no room in lanes of {stages} words"):
        prove_lanes(lanes, stages, hold_stage)

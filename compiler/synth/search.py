"""Search for the smallest circuit of a function of few inputs: several walks, cooled slowly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gatec.aig import Aig
from gatec.bits import Words
from gatec.synth.state import State, make_state, take_aig
from gatec.synth.walk import UNIT, walk

# A step that adds a gate is taken with probability exp(-1 / temperature). Between these the walk
# neither freezes nor runs away: see `gatec.synth.walk` for what others give.
_HOT, _COLD = 0.45, 0.2

# Seconds for a tool where the effort is in steps.
_LONG = 600.0
# Steps between two looks at the clock: 5 to 100 ms.
_SLICE = 256
# Rounds by size of the start: small circuits freeze at once, so they are annealed often, from the
# start and from the best in turn; large ones are cooled once, and continue half-way from the best.
_MANY_ROUNDS, _SMALL = 16, 32
_SOME_ROUNDS, _MIDDLE = 6, 100


@dataclass(frozen=True)
class Effort:
    """How long to search.

    Attributes
    ----------
    seconds
        Wall time; what is found then depends on the machine.
    steps
        Steps of each walk instead, which makes the result reproducible.
    walks
        Side by side, each on a core.
    seed
        Of the random choices.
    """

    seconds: float = 30.0
    steps: int | None = None
    walks: int = 2
    seed: int = 1


@dataclass(frozen=True)
class _Round:
    """A part of the search, by progress, with its temperatures from begin to end."""

    begin: float
    end: float
    hot: float
    cold: float


class Clock:
    """Progress of a search from 0 to 1, by time or by steps of each walk."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._start = time.monotonic()
        self._over = False

    def stop(self) -> None:
        """End every walk at its next look at the clock."""
        self._over = True

    def steps_at(self, progress: float) -> int:
        """Return how many steps a walk has taken at some progress; 0 by time."""
        return round(progress * (self._effort.steps or 0))

    def progress(self, steps: int) -> float:
        """Return the progress of a walk that took `steps` steps."""
        if self._over:
            return math.inf
        if self._effort.steps is not None:
            return steps / max(1, self._effort.steps)
        return (time.monotonic() - self._start) / max(1e-3, self._effort.seconds)

    def seconds_left(self) -> float:
        """Return how long one tool may run: until the time is over, ten minutes by steps."""
        if self._effort.steps is not None:
            return _LONG
        return max(0.0, self._effort.seconds - (time.monotonic() - self._start))


def smallest(
    starts: Sequence[Aig],
    effort: Effort,
    cares: Words | None = None,
    found: Callable[[int], None] = lambda _ands: None,
) -> Aig:
    """Return the smallest circuit that walks from the given ones meet.

    Parameters
    ----------
    starts
        Circuits of one function, of at most `MAX_TABLE_INPUTS` inputs.
    cares
        Where each output counts (`Function.cares`).
    found
        Told the number of gates after each round.
    """
    best = min(starts, key=lambda aig: aig.num_ands)
    clock = Clock(effort)
    with ThreadPoolExecutor(effort.walks) as pool:
        for number, part in enumerate(_rounds(best.num_ands)):
            jobs = []
            for walker in range(effort.walks):
                start = starts[walker % len(starts)] if number % 2 == 0 else best
                seed = 1_000_000 * effort.seed + 1000 * number + walker
                state = make_state(start, seed, cares)
                jobs.append(pool.submit(_anneal, state, start, clock, part))
            try:
                results = [job.result() for job in jobs]
            except BaseException:
                clock.stop()  # else an interrupt would wait for the walks
                raise
            best = min([best, *results], key=lambda aig: aig.num_ands)
            found(best.num_ands)
    return best


def _rounds(ands: int) -> list[_Round]:
    """Return the rounds for a start of so many gates."""
    if ands >= _MIDDLE:
        warm = math.sqrt(_HOT * _COLD)
        return [_Round(0.0, 0.5, _HOT, warm), _Round(0.5, 1.0, warm, _COLD)]
    count = _MANY_ROUNDS if ands < _SMALL else _SOME_ROUNDS
    return [_Round(n / count, (n + 1) / count, _HOT, _COLD) for n in range(count)]


def _anneal(state: State, start: Aig, clock: Clock, part: _Round) -> Aig:
    """Walk while progress is inside a round; return the smallest circuit met."""
    fanin, outputs = state.fanin.copy(), state.outputs.copy()
    best_size, best = int(state.size[0]) + 1, (fanin, outputs)
    steps = clock.steps_at(part.begin)
    while state.size[0] and (progress := clock.progress(steps)) < part.end:
        done = max(0.0, (progress - part.begin) / (part.end - part.begin))
        temperature = part.hot * (part.cold / part.hot) ** done
        size = walk(state, _SLICE, int(UNIT * math.exp(-1 / temperature)), fanin, outputs)
        steps += _SLICE
        if size < best_size:
            best_size, best = size, (fanin.copy(), outputs.copy())
    return take_aig(*best, start)

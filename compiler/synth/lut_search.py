"""Search for fewer look-up tables: whole functions of few inputs, windows of large networks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gatec.bits import Words
from gatec.synth.lut_state import LutState, arrays_of, copied, make_lut_state, take_luts
from gatec.synth.lut_walk import Rules, walk_luts
from gatec.synth.lut_windows import LutCircuit
from gatec.synth.luts import Luts
from gatec.synth.search import Clock, Effort
from gatec.synth.state import below, random_state
from gatec.synth.windows import find_window

# What a slot costs and the noise, of all walks. On EPFL's cavlc, 60 s on a loaded core from ABC's
# 113 LUT6: 90 to 74 with noise 0.2 to 0.5, 66 with 2 and 61 to 73 with 6 and more; 77, 73 and 78
# with slots at 0.05, 0.1 and 0.2.
_SLOT, _NOISE = 0.1, 2.0
# Of whole functions: how often they are annealed, each time from the best so far, from where to
# where. Networks of 50 tables want the colder begin, which leaves those of 20 where they are.
_ROUNDS = 4
_HOT, _COLD = (0.14, 0.3), 0.06
# Steps between two looks at the clock.
_SLICE = 64
# Of windows: the temperature, tables at most, and steps for each of them.
_WARM = 0.1
_MOST = 24
_STEPS = 20


def fewest_luts(
    luts: Luts, k: int, clock: Clock, effort: Effort, cares: Words | None = None
) -> Luts:
    """Return the smallest network that walks over a function of few inputs meet.

    Parameters
    ----------
    k
        Most inputs of a table.
    clock
        Of the effort; it may be running already.
    cares
        Where each output counts (`Function.cares`).
    """
    best = luts
    begin = clock.progress(0)
    with ThreadPoolExecutor(effort.walks) as pool:
        for number in range(_ROUNDS):
            ends = [begin + (1 - begin) * (number + more) / _ROUNDS for more in (0, 1)]
            jobs = []
            for walker in range(effort.walks):
                seed = 1_000_000 * effort.seed + 1000 * number + walker
                state = make_lut_state(best, seed, cares=cares)
                hot = _HOT[walker % len(_HOT)]
                jobs.append(pool.submit(_anneal, state, k, clock, (ends[0], ends[1]), hot))
            try:
                results = [job.result() for job in jobs]
            except BaseException:
                clock.stop()  # else an interrupt would wait for the walks
                raise
            best = min([best, *results], key=lambda found: found.count)
    return best


def _anneal(state: LutState, k: int, clock: Clock, part: tuple[float, float], hot: float) -> Luts:
    """Walk while progress is inside a round, ever colder; return the smallest network met."""
    best = arrays_of(state)
    fewest, met = int(state.size[0]) + 1, best
    steps = clock.steps_at(part[0])
    while state.size[0] and (progress := clock.progress(steps)) < part[1]:
        done = max(0.0, (progress - part[0]) / (part[1] - part[0]))
        rules = Rules(k, hot * (_COLD / hot) ** done, _SLOT, _NOISE)
        size = walk_luts(state, rules, _SLICE, best)
        steps += _SLICE
        if size < fewest:
            fewest, met = size, copied(best)
    return take_luts(met, state.inputs)


def by_lut_windows(
    luts: Luts, k: int, clock: Clock, effort: Effort, depth: int | None = None
) -> Luts:
    """Return what windows leave of a network; every exchange is right by construction.

    Parameters
    ----------
    depth
        Levels that no output may exceed; None: any.
    """
    random = random_state(effort.seed)
    whole = LutCircuit.of(luts, depth)
    steps = 0
    with ThreadPoolExecutor(effort.walks) as pool:
        while len(whole.circuit.order) and clock.progress(steps) < 1:
            blocked = np.zeros(len(whole.level), dtype=np.uint8)
            jobs = []
            circuit = whole.circuit
            for _ in range(effort.walks):
                seed = int(circuit.order[below(random, len(circuit.order))])
                window = None
                if not blocked[seed]:
                    window = find_window(circuit, seed, random, blocked, _MOST)
                if window is not None:
                    blocked[window.gates] = 1
                    part, arrival, limit = whole.window_luts(window)
                    state = make_lut_state(
                        part, below(random, 1 << 30), arrival=arrival, limit=limit
                    )
                    jobs.append((window, pool.submit(_walked, state, part, k)))
                    steps += _STEPS * part.count
            steps += 1
            for window, job in jobs:
                whole = whole.splice(window, job.result())
    return whole.luts()


def _walked(state: LutState, part: Luts, k: int) -> Luts:
    """Return the window as the walk leaves it, if that is no larger, else the smallest met."""
    best = arrays_of(state)
    size = walk_luts(state, Rules(k, _WARM, _SLOT, _NOISE), _STEPS * part.count, best)
    if state.size[0] <= size:
        best = arrays_of(state)
    found = take_luts(best, state.inputs)
    return found if found.count <= part.count else part

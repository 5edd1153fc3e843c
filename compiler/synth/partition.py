"""Search for a smaller circuit of many inputs: chains of ABC scripts and windows in turn.

Measured from `&deepsyn -T 10` of EPFL circuits, ten more seconds on one loaded core: i2c 772 to 757
ANDs by `&deepsyn`, to 749 by windows; priority 401 to 399 and 378; router 113 to 113 and 111. On
circuits without reconvergence (the learned ones of IWLS 2020) windows find next to nothing; of
their ex85 with 917 ANDs, 5 s of processor time leave 691 by chains that only exchange the smallest
circuit ten times, and 15 s leave 703 where they begin anew from it 24 times.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from gatec.aig import Aig
from gatec.synth.and_windows import AndCircuit
from gatec.synth.chain import Chains, and_chains, mixed_chains
from gatec.synth.search import Clock, Effort
from gatec.synth.state import below, make_state, take_aig
from gatec.synth.walk import UNIT, walk
from gatec.synth.windows import find_window

# Chains for each walk, and the part of the time in which one of them is chosen: their ends differ
# by luck (45 s of the first flow leave 822 to 846 of ex88 of IWLS 2020, by the table size it begins
# with), but who is far behind after 10 s stays so.
_STARTS = 4
_RACE = 0.35
# From when on links polish between those of a flow: see `gatec.synth.chain.mixed_links`. Of ex81,
# ex83 and ex88, 60 s on two cores leave 1083 to 1084, 1057 to 1060 and 815 to 826 AND gates, in two
# runs each; with a race of half of the time and polishing alone from 0.8 on 1084, 1075 and 821;
# with polishing alone from 0.5 on 825 of ex88.
_MIX = 0.5
# Parts of the time that chains and windows get at once: a chain that is interrupted often, to go on
# from the smallest circuit, gets nowhere.
_SLICES = (1 / 6, 1 / 24)
# Steps in one window for each of its gates, while it cools in so many stages.
_STEPS = 60
_STAGES = 4
_HOT, _COLD = 0.3, 0.15


def partitioned(aig: Aig, effort: Effort) -> Aig:
    """Return the smallest circuit found, at most as large as `aig`; the caller proves it.

    A third of the time goes to the choice of chains, and some to going on with them; then moves
    that cannot lose come between. Windows are tried beside both.
    """
    clock = Clock(effort)
    chains = and_chains(aig, effort, _STARTS)
    best = chains.race(effort.walks, aig, clock, 0.0, _RACE)
    begin = _reached(clock, _RACE)
    best = _in_slices(chains, best, clock, effort, begin=begin, end=_MIX)
    begin = max(begin, _reached(clock, _MIX))
    return _in_slices(mixed_chains(best, effort), best, clock, effort, begin=begin, end=1.0)


def _reached(clock: Clock, progress: float) -> float:
    """Return the progress by time; by steps, what was planned."""
    return clock.progress(clock.steps_at(progress))


def _in_slices(
    chains: Chains[Aig], best: Aig, clock: Clock, effort: Effort, *, begin: float, end: float
) -> Aig:
    """Return the smallest circuit found by chains and windows from progress `begin` to `end`.

    Each slice of the time goes to what took more gates away for its time the last time; where they
    took equally many, in turn.
    """
    rates = [math.inf, math.inf]
    number = 0
    while begin < end and best.num_ands:
        way = number % 2 if rates[0] == rates[1] else rates.index(max(rates))
        until = min(end, begin + _SLICES[way])
        if way == 0:
            found = chains.advance(best, clock, begin, until)
        else:
            # Other windows each time.
            seeded = replace(effort, seed=effort.seed + round(begin * 1000))
            found = by_windows(best, clock, seeded, begin, until)
        rates[way] = (best.num_ands - found.num_ands) / _SLICES[way]
        best, number = found, number + 1
        begin = until if effort.steps is not None else max(until, clock.progress(0))
    return best


def by_windows(aig: Aig, clock: Clock, effort: Effort, begin: float, until: float) -> Aig:
    """Return what windows leave of a circuit from progress `begin` to `until`.

    Every exchange is right by construction: the signals that leave a window stay what they are on
    all assignments of those that enter it.
    """
    random = np.array([2 * effort.seed + 1], dtype=np.uint64)
    whole = AndCircuit.of(aig)
    steps = clock.steps_at(begin)
    with ThreadPoolExecutor(effort.walks) as pool:
        while len(whole.circuit.order) and clock.progress(steps) < until:
            circuit = whole.circuit
            blocked = np.zeros(len(whole.fanin), dtype=np.uint8)
            jobs = []
            for _ in range(effort.walks):
                seed = int(circuit.order[below(random, len(circuit.order))])
                window = None if blocked[seed] else find_window(circuit, seed, random, blocked)
                if window is not None:
                    blocked[window.gates] = 1
                    part = whole.window_aig(window)
                    jobs.append((window, pool.submit(_walked, part, below(random, 1 << 30))))
                    steps += _STEPS * part.num_ands
            steps += 1
            for window, job in jobs:
                whole = whole.splice(window, job.result())
    return take_aig(whole.fanin, whole.outputs, aig)


def _walked(part: Aig, seed: int) -> Aig:
    """Return the window as the walk leaves it, if that is no larger, else the smallest met."""
    state = make_state(part, seed)
    fanin, outputs = state.fanin.copy(), state.outputs.copy()
    size, smallest = int(state.size[0]), (fanin.copy(), outputs.copy())
    steps = _STEPS * part.num_ands // _STAGES
    for temperature in np.linspace(_HOT, _COLD, _STAGES):
        found = walk(state, steps, int(UNIT * math.exp(-1 / temperature)), fanin, outputs)
        if found < size:
            size, smallest = found, (fanin.copy(), outputs.copy())
    if state.size[0] <= size:
        smallest = (state.fanin, state.outputs)
    return take_aig(*smallest, part)

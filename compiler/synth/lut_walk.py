"""A random walk over the networks of look-up tables that compute one function.

Each step takes a random table, finds on which assignments its value matters, drops some of its
inputs, and looks for what takes their place: signals of the network, or those and a new table. A
step to fewer tables is always taken, one to more with the probability of simulated annealing. Each
slot that is used counts a little too, as tables that read little are what merges.

Measured on EPFL's int2float from ABC's 42 LUT6 and ctrl from its 27: 18 and 26 after 20 s, which
are the best known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.synth.lut_absorb import absorb_lut
from gatec.synth.lut_moves import best_signal, divide, start_cells, table_of_cells
from gatec.synth.lut_state import LutArrays, LutState, observe_lut, simulate_lut, sort_luts
from gatec.synth.state import below

_ZERO = np.uint64(0)
_UNIT = 1 << 24
# A table counts so much more than a slot when the best network met is chosen.
_TABLE = 1 << 20
# One step in so many looks for a new table beside the signals.
_NEW_TABLE = 3


class Rules(NamedTuple):
    """How a walk goes.

    Attributes
    ----------
    k
        Most inputs of a table.
    temperature
        A step that costs `c` is taken with probability `exp(-c / temperature)`.
    slot
        What a used slot costs; a table costs 1.
    noise
        Of `best_signal`.
    """

    k: int
    temperature: float
    slot: float
    noise: float


@kernel
def walk_luts(state: LutState, rules: Rules, steps: int, best: LutArrays) -> int:
    """Take `steps` steps; return the number of tables of the smallest network met.

    It is copied to `best`. Networks deeper than their limits are not entered.
    """
    fewest = np.int64(_TABLE) * _TABLE
    for step in range(steps + 1):
        cost = state.size[0] * _TABLE + state.size[1]
        if cost < fewest:
            fewest = cost
            best.fanin[:] = state.fanin
            best.width[:] = state.width
            best.tables[:] = state.tables
            best.outputs[:] = state.outputs
        if state.size[0] == 0 or step == steps:
            break
        _step(state, rules)
    return int(fewest // _TABLE)


@kernel
def _step(state: LutState, rules: Rules) -> None:
    """Try to rebuild one random table."""
    place = below(state.random, state.size[0])
    lut = state.order[place]
    observe_lut(state, place)
    kept = _shuffled(state, lut)
    width = state.width[lut]
    keep = max(0, width - 1 - below(state.random, 2) - (below(state.random, 4) == 0))
    # One that was dropped stays out, or the table would come back.
    forbidden = kept[keep] if width else 0
    state.above[forbidden] |= 2
    count = _choose(state, rules, kept, keep)
    state.above[forbidden] &= 1
    if count < 0:
        return
    before = state.size[0] + rules.slot * state.size[1]
    old_fanin, old_table = state.fanin[lut].copy(), state.tables[lut]
    state.fanin[lut, :] = 0
    state.fanin[lut, :count] = state.chosen[:count]
    state.width[lut] = count
    state.tables[lut] = table_of_cells(state, count)
    on_time = sort_luts(state)
    cost = state.size[0] + rules.slot * state.size[1] - before
    if count <= 1:
        cost -= 1.0  # its readers take it in
    if not on_time or not _accept(state, cost, rules.temperature):
        state.fanin[lut] = old_fanin
        state.width[lut] = width
        state.tables[lut] = old_table
        sort_luts(state)
        return
    for number in range(state.size[0]):
        if state.above[state.order[number]]:
            simulate_lut(state, state.order[number])
    if count <= 1:
        absorb_lut(state, lut)


@kernel
def _accept(state: LutState, cost: float, temperature: float) -> bool:
    return cost <= 0 or below(state.random, _UNIT) < _UNIT * np.exp(-cost / temperature)


@kernel
def _choose(state: LutState, rules: Rules, kept: IntArray, keep: int) -> int:
    """Choose signals for a table, `keep` of the kept and others; return how many, -1 if none do."""
    count, live = 0, start_cells(state, state.on, state.off)
    while live and count < keep:
        live = divide(state, count, kept[count])
        count += 1
    new_table = below(state.random, _NEW_TABLE) == 0
    while live and count < rules.k:
        last = count == rules.k - 1
        if last and new_table:
            signal = _new_table(state, rules, count, live)
        else:
            signal = best_signal(state, count, live, rules.noise)
        if signal < 0:
            return -1
        live = divide(state, count, signal)
        count += 1
    return -1 if live else count


@kernel
def _new_table(state: LutState, rules: Rules, count: int, live: int) -> int:
    """Return a new table that divides all live cells, its values set; -1 if none was found.

    In each live cell it is the table at hand or its complement, at random.
    """
    fresh = state.inputs + 1
    while fresh < state.readers.shape[0] and state.readers[fresh] > 0:
        fresh += 1
    if fresh == state.readers.shape[0]:
        return -1
    cells, chosen = state.cells[: 1 << count].copy(), state.chosen.copy()
    alive = state.live[:live].copy()
    on, off = np.zeros_like(state.on), np.zeros_like(state.off)
    for cell in alive:
        side = below(state.random, 2)
        for word in range(on.shape[0]):
            on[word] |= cells[cell, side, word]
            off[word] |= cells[cell, 1 - side, word]
    inner, undecided = 0, start_cells(state, on, off)
    while undecided and inner < rules.k:
        signal = best_signal(state, inner, undecided, rules.noise)
        if signal < 0:
            break
        undecided = divide(state, inner, signal)
        inner += 1
    if not undecided:
        state.fanin[fresh, :] = 0
        state.fanin[fresh, :inner] = state.chosen[:inner]
        state.width[fresh] = inner
        state.tables[fresh] = table_of_cells(state, inner)
        state.above[fresh] = 0
        simulate_lut(state, fresh)
    state.cells[: 1 << count] = cells
    state.chosen[:] = chosen
    state.live[:live] = alive
    return -1 if undecided else fresh


@kernel
def _shuffled(state: LutState, lut: int) -> IntArray:
    """Return the inputs of a table in random order."""
    fanin = state.fanin[lut].copy()
    for place in range(state.width[lut] - 1, 0, -1):
        other = below(state.random, place + 1)
        fanin[place], fanin[other] = fanin[other], fanin[place]
    return fanin

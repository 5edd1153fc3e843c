"""What a look-up table can be rebuilt from: signals that tell where it must be 1 from where 0.

The signals chosen so far divide the assignments into *cells*. A cell is *live* while the table must
be 1 on some of its assignments and 0 on others; signals without live cells can be the table's
inputs. Signals are added one after the other, each one that leaves few pairs of assignments
undivided, with some noise, so that repeating the search finds others.
"""

from __future__ import annotations

import numpy as np

from gatec.bits import Words
from gatec.synth.jit import kernel
from gatec.synth.lut_state import LutState
from gatec.synth.state import below

_ZERO = np.uint64(0)
_ONE = np.uint64(1)


@kernel
def ones(word: np.uint64) -> int:
    """Return the number of bits that are 1."""
    count = 0
    while word != _ZERO:  # LLVM makes one instruction of this loop
        word &= word - _ONE
        count += 1
    return count


@kernel
def is_empty(words: Words) -> bool:
    """Return whether no bit is 1."""
    for word in words:  # noqa: SIM110  no generators in compiled code
        if word != _ZERO:
            return False
    return True


@kernel
def start_cells(state: LutState, on: Words, off: Words) -> int:
    """Make one cell of where the table must be 1 and 0; return the number of live cells."""
    state.cells[0, 0] = on
    state.cells[0, 1] = off
    state.live[0] = 0
    return 0 if is_empty(on) or is_empty(off) else 1


@kernel
def divide(state: LutState, count: int, signal: int) -> int:
    """Divide the `2**count` cells by a signal, which becomes number `count`; return the live."""
    cells, values = state.cells, state.values[signal]
    half = 1 << count
    for cell in range(half):
        for side in range(2):
            low, high = cells[cell, side], cells[cell + half, side]
            for word in range(low.shape[0]):
                high[word] = low[word] & values[word]
                low[word] &= ~values[word]
    state.chosen[count] = signal
    number = 0
    for cell in range(2 * half):
        if not is_empty(cells[cell, 0]) and not is_empty(cells[cell, 1]):
            state.live[number] = cell
            number += 1
    return number


@kernel
def undivided(state: LutState, live: int, signal: int, limit: float) -> float:
    """Return how many pairs of the live cells a signal leaves undivided, or more than `limit`."""
    cells, values = state.cells, state.values[signal]
    total = 0.0
    for place in range(live):
        on, off = cells[state.live[place], 0], cells[state.live[place], 1]
        on_high, off_high = 0, 0
        for word in range(on.shape[0]):
            on_high += ones(on[word] & values[word])
            off_high += ones(off[word] & values[word])
        on_low, off_low = state.ones[place, 0] - on_high, state.ones[place, 1] - off_high
        total += on_high * off_high + on_low * off_low
        if total > limit:
            return total
    return total


@kernel
def count_cells(state: LutState, live: int) -> None:
    """Set how many assignments the live cells have, those with the most pairs first."""
    for place in range(live):
        for side in range(2):
            total = 0
            for word in state.cells[state.live[place], side]:
                total += ones(word)
            state.ones[place, side] = total
    for place in range(1, live):
        cell, on, off = state.live[place], state.ones[place, 0], state.ones[place, 1]
        before = place
        while before > 0 and state.ones[before - 1, 0] * state.ones[before - 1, 1] < on * off:
            state.live[before] = state.live[before - 1]
            state.ones[before] = state.ones[before - 1]
            before -= 1
        state.live[before] = cell
        state.ones[before, 0] = on
        state.ones[before, 1] = off


@kernel
def best_signal(state: LutState, count: int, live: int, noise: float) -> int:
    """Return a signal that leaves few pairs undivided; -1 if none is to be had.

    Not the signals whose `above` is set: the table itself, what depends on it, what is forbidden.

    Parameters
    ----------
    noise
        Each number of pairs is multiplied by a random factor up to `1 + noise`.
    """
    total = state.inputs + state.size[0]
    start = below(state.random, total)
    best, found = np.inf, -1
    count_cells(state, live)
    for offset in range(total):
        place = start + offset
        if place >= total:
            place -= total
        variable = place + 1
        if place >= state.inputs:
            variable = state.order[place - state.inputs]
        taken = state.above[variable] != 0
        for number in range(count):
            taken |= state.chosen[number] == variable
        if taken:
            continue
        factor = 1.0 + noise * below(state.random, 256) / 256.0
        pairs = factor * undivided(state, live, variable, best / factor)
        if pairs < best:
            best, found = pairs, variable
    return found


@kernel
def table_of_cells(state: LutState, count: int) -> np.uint64:
    """Return the table over the chosen signals; at random where it does not matter."""
    table = _ZERO
    for cell in range(1 << count):
        value = below(state.random, 2)
        if not is_empty(state.cells[cell, 0]):
            value = 1
        elif not is_empty(state.cells[cell, 1]):
            value = 0
        table |= np.uint64(value) << np.uint64(cell)
    return table

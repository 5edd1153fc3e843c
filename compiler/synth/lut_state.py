"""The network of look-up tables that the search changes in place, and how it is simulated.

As `gatec.synth.state` for AND gates: `values` holds every variable on every input assignment, so
that every don't-care of the whole network is known exactly. Variables are those of
`gatec.synth.luts`, but tables stand in any order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatec.bits import ALL_ONES, Words, all_inputs
from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.synth.luts import Luts
from gatec.synth.order import sort_sources
from gatec.synth.state import random_state
from gatec.tables import MAX_FANIN

# Room for tables beyond those of the start, as a walk may grow before it shrinks.
_SPARE = 48
_NO_LIMIT = np.iinfo(np.int32).max
_CELLS = 1 << MAX_FANIN
_ZERO = np.uint64(0)
_ONE = np.uint64(1)


class LutArrays(NamedTuple):
    """What a network is: see `gatec.synth.luts.Luts`, but tables stand in any order."""

    fanin: IntArray
    width: IntArray
    tables: Words
    outputs: IntArray


class LutState(NamedTuple):
    """Arrays of a network under change: `V` variables (some unused), `W` words, `O` outputs.

    Attributes
    ----------
    inputs
        Number of inputs: variables 1 up to and with this.
    fanin, width, tables, outputs
        `int32[V, 6]`, `int32[V]`, `uint64[V]`, `int32[O]`.
    values, cares
        `uint64[V, W]` and `uint64[O, W]`: values, and the assignments on which each output counts.
    level, limit
        `int32[V]` and `int32[O]`: tables in a row up to each variable, and most for each output.
    size
        `int64[2]`: number of tables in use, and of the slots that they use.
    order
        `int32[V]`: those tables, each after what it reads.
    readers
        `int32[V]`: how many slots and outputs read each variable; 0 means unused.
    above, changed
        `uint8[V]`: scratch of `observe`.
    flipped
        `uint64[V, W]`: scratch of `observe`.
    care, on, off
        `uint64[W]`: where the table at hand counts, and must be 1 and 0.
    cells
        `uint64[64, 2, W]`: scratch: `on` and `off` by what the signals chosen so far say.
    live
        `int32[64]`: scratch: the cells in which those do not tell `on` from `off`.
    ones
        `int64[64, 2]`: scratch: how many assignments of `on` and `off` the live cells have.
    chosen
        `int32[6]`: scratch: the signals that a table is rebuilt from.
    stack, mark
        Scratch by variable.
    random
        `uint64[1]`: state of the random numbers.
    """

    inputs: int
    fanin: IntArray
    width: IntArray
    tables: Words
    outputs: IntArray
    values: Words
    cares: Words
    level: IntArray
    limit: IntArray
    size: npt.NDArray[np.int64]
    order: IntArray
    readers: IntArray
    above: npt.NDArray[np.uint8]
    changed: npt.NDArray[np.uint8]
    flipped: Words
    care: Words
    on: Words
    off: Words
    cells: Words
    live: IntArray
    ones: npt.NDArray[np.int64]
    chosen: IntArray
    stack: IntArray
    mark: npt.NDArray[np.uint8]
    random: Words


def make_lut_state(
    luts: Luts,
    seed: int,
    *,
    cares: Words | None = None,
    arrival: IntArray | None = None,
    limit: IntArray | None = None,
    patterns: Words | None = None,
) -> LutState:
    """Return the state of a network, simulated on all assignments of few inputs, or on some.

    Parameters
    ----------
    cares
        `uint64[O, W]`; None: every output counts everywhere.
    arrival, limit
        `int32[inputs]` and `int32[O]`: levels at which the inputs are there, and at which the
        outputs must be; None: 0, and no limit.
    patterns
        `uint64[inputs, W]`: assignments; None: all. What holds on some need not hold on all.
    """
    first = 1 + luts.inputs
    stop = first + luts.count
    room = stop + max(_SPARE, luts.count // 4)
    patterns = all_inputs(luts.inputs) if patterns is None else patterns
    words = patterns.shape[1]
    values = np.zeros((room, words), dtype=np.uint64)
    values[1:first] = patterns
    fanin = np.zeros((room, MAX_FANIN), dtype=np.int32)
    fanin[first:stop] = luts.fanin
    width, tables = np.zeros(room, dtype=np.int32), np.zeros(room, dtype=np.uint64)
    width[first:stop], tables[first:stop] = luts.width, luts.tables
    level = np.zeros(room, dtype=np.int32)
    level[1:first] = 0 if arrival is None else arrival
    outputs = np.array(luts.outputs, dtype=np.int32)
    state = LutState(
        inputs=luts.inputs,
        fanin=fanin,
        width=width,
        tables=tables,
        outputs=outputs,
        values=values,
        cares=np.full((len(outputs), words), ALL_ONES) if cares is None else cares,
        level=level,
        limit=np.full(len(outputs), _NO_LIMIT, dtype=np.int32) if limit is None else limit,
        size=np.zeros(2, dtype=np.int64),
        order=np.zeros(room, dtype=np.int32),
        readers=np.zeros(room, dtype=np.int32),
        above=np.zeros(room, dtype=np.uint8),
        changed=np.zeros(room, dtype=np.uint8),
        flipped=np.zeros((room, words), dtype=np.uint64),
        care=np.zeros(words, dtype=np.uint64),
        on=np.zeros(words, dtype=np.uint64),
        off=np.zeros(words, dtype=np.uint64),
        cells=np.zeros((_CELLS, 2, words), dtype=np.uint64),
        live=np.zeros(_CELLS, dtype=np.int32),
        ones=np.zeros((_CELLS, 2), dtype=np.int64),
        chosen=np.zeros(MAX_FANIN, dtype=np.int32),
        stack=np.zeros(room, dtype=np.int32),
        mark=np.zeros(room, dtype=np.uint8),
        random=random_state(seed),
    )
    start_luts(state)
    return state


def arrays_of(state: LutState) -> LutArrays:
    """Return a copy of a network."""
    return copied(LutArrays(state.fanin, state.width, state.tables, state.outputs))


def copied(arrays: LutArrays) -> LutArrays:
    """Return a copy of a network."""
    fanin, width, tables, outputs = arrays
    return LutArrays(fanin.copy(), width.copy(), tables.copy(), outputs.copy())


def take_luts(arrays: LutArrays, inputs: int) -> Luts:
    """Return the network of the tables that the outputs need, sorted."""
    fanin, width, tables, outputs = arrays
    order = np.zeros(len(fanin), dtype=np.int32)
    readers, level, stack = np.zeros((3, len(fanin)), dtype=np.int32)
    mark, size = np.zeros(len(fanin), dtype=np.uint8), np.zeros(2, dtype=np.int64)
    sort_luts_into(fanin, width, outputs, inputs, order, readers, level, stack, mark, size)
    luts = order[: size[0]]
    number = np.zeros(len(fanin), dtype=np.int32)
    number[: 1 + inputs] = np.arange(1 + inputs)
    number[luts] = 1 + inputs + np.arange(len(luts))
    return Luts(inputs, number[fanin[luts]], width[luts], tables[luts], number[outputs])


@kernel
def start_luts(state: LutState) -> None:
    """Sort and simulate a network."""
    sort_luts(state)
    for place in range(state.size[0]):
        simulate_lut(state, state.order[place])


@kernel
def simulate_lut(state: LutState, lut: int) -> None:
    """Compute a table's values from those of its fan-ins."""
    level = np.zeros(_CELLS // 2, dtype=np.uint64)
    for word in range(state.values.shape[1]):
        state.values[lut, word] = look_up(state, lut, word, level, False)


@kernel
def look_up(state: LutState, lut: int, word: int, level: Words, flipped: bool) -> np.uint64:
    """Return a word of a table's values, by multiplexers from the first input to the last.

    Parameters
    ----------
    level
        `uint64[32]`: scratch.
    flipped
        Whether to take `flipped` in place of `values` of the inputs that `changed`.
    """
    fanin, width, table = state.fanin[lut], state.width[lut], state.tables[lut]
    if width == 0:
        return _ZERO - (table & _ONE)
    count = 1 << width
    for slot in range(width):
        source = fanin[slot]
        select = state.values[source, word]
        if flipped and state.changed[source]:
            select = state.flipped[source, word]
        count >>= 1
        for place in range(count):
            if slot == 0:
                low = _ZERO - ((table >> np.uint64(2 * place)) & _ONE)
                high = _ZERO - ((table >> np.uint64(2 * place + 1)) & _ONE)
            else:
                low, high = level[2 * place], level[2 * place + 1]
            level[place] = low ^ ((low ^ high) & select)
    return level[0]


@kernel
def sort_luts_into(  # noqa: PLR0917  compiled code has no keywords
    fanin: IntArray,
    width: IntArray,
    outputs: IntArray,
    inputs: int,
    order: IntArray,
    readers: IntArray,
    level: IntArray,
    stack: IntArray,
    mark: npt.NDArray[np.uint8],
    size: npt.NDArray[np.int64],
) -> None:
    """Fill `order` with the tables that the outputs need, `readers` with who reads each, `level`.

    The levels of the inputs are given.
    """
    count, slots = sort_sources(fanin, outputs, inputs, order, stack, mark), 0
    readers[:] = 0
    for root in outputs:
        readers[root] += 1
    for place in range(count):
        lut, deepest = order[place], 0
        for slot in range(width[lut]):
            readers[fanin[lut, slot]] += 1
            deepest = max(deepest, level[fanin[lut, slot]])
        level[lut] = deepest + 1
        slots += width[lut]
    size[0] = count
    size[1] = slots


@kernel
def sort_luts(state: LutState) -> bool:
    """Sort the tables that the outputs need; return whether all outputs are within their levels."""
    sort_luts_into(
        state.fanin,
        state.width,
        state.outputs,
        state.inputs,
        state.order,
        state.readers,
        state.level,
        state.stack,
        state.mark,
        state.size,
    )
    for number in range(state.outputs.shape[0]):
        if state.level[state.outputs[number]] > state.limit[number]:
            return False
    return True


@kernel
def observe_lut(state: LutState, place: int) -> None:
    """Mark what is above table `order[place]`, and find where its value matters.

    Sets `above` for it and every table that it reaches, and `care` to the assignments on which
    flipping it flips an output that counts; `on` and `off` are where it is 1 and 0 of those.
    """
    values, flipped = state.values, state.flipped
    above, changed, order = state.above, state.changed, state.order
    words = values.shape[1]
    level = np.zeros(_CELLS // 2, dtype=np.uint64)
    for number in range(state.size[0]):
        above[order[number]] = changed[order[number]] = 0
    own = order[place]
    above[own] = changed[own] = 1
    for word in range(words):
        flipped[own, word] = ~values[own, word]
    for later in range(place + 1, state.size[0]):
        lut = order[later]
        touched = False
        for slot in range(state.width[lut]):
            above[lut] |= above[state.fanin[lut, slot]]
            touched |= changed[state.fanin[lut, slot]] != 0
        if touched:
            unlike = _ZERO
            for word in range(words):
                flipped[lut, word] = look_up(state, lut, word, level, True)
                unlike |= flipped[lut, word] ^ values[lut, word]
            changed[lut] = unlike != _ZERO
    state.care[:] = _ZERO
    for number in range(state.outputs.shape[0]):
        root = state.outputs[number]
        if changed[root]:
            for word in range(words):
                unlike = flipped[root, word] ^ values[root, word]
                state.care[word] |= unlike & state.cares[number, word]
    for word in range(words):
        state.on[word] = state.care[word] & values[own, word]
        state.off[word] = state.care[word] & ~values[own, word]

"""The circuit that the search changes in place, and how it is simulated.

Variables and literals are those of `gatec.aig`, but gates stand in any order: `order` sorts them.
`values` holds every variable on every input assignment, 64 to a word, so that whether a change is
right is a comparison of words, with every don't-care of the whole circuit known exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatec.aig import Aig
from gatec.bits import ALL_ONES, Words, all_inputs
from gatec.blocks import IntArray
from gatec.synth.jit import kernel

# Room for gates beyond those of the start, as a walk may grow before it shrinks.
_SPARE = 64
_ONE = np.uint64(1)
_ZERO = np.uint64(0)


class State(NamedTuple):
    """Arrays of a circuit under change: `V` variables (some unused), `W` words, `O` outputs.

    Attributes
    ----------
    inputs
        Number of inputs: variables 1 up to and with this.
    fanin, outputs
        `int32[V, 2]` and `int32[O]` literals.
    values
        `uint64[V, W]`: every variable on every input assignment.
    cares
        `uint64[O, W]`: the assignments on which each output counts.
    size
        `int64[1]`: number of gates in use.
    order
        `int32[V]`: those gates, each after what it reads.
    readers
        `int32[V]`: how many gates and outputs read each variable; 0 means unused.
    above, changed
        `uint8[V]`: scratch of `observe`.
    flipped
        `uint64[V, W]`: scratch of `observe`.
    care, on, off, rest
        `uint64[W]`: scratch of the moves.
    stack, mark, moved, covers, others
        Scratch by variable or literal.
    random
        `uint64[1]`: state of the random numbers.
    """

    inputs: int
    fanin: IntArray
    outputs: IntArray
    values: Words
    cares: Words
    size: npt.NDArray[np.int64]
    order: IntArray
    readers: IntArray
    above: npt.NDArray[np.uint8]
    changed: npt.NDArray[np.uint8]
    flipped: Words
    care: Words
    on: Words
    off: Words
    rest: Words
    stack: IntArray
    mark: npt.NDArray[np.uint8]
    moved: IntArray
    covers: IntArray
    others: IntArray
    random: Words


def make_state(aig: Aig, seed: int, cares: Words | None = None) -> State:
    """Return the state of a circuit of few inputs, simulated on all their assignments.

    Parameters
    ----------
    cares
        `uint64[outputs, words]`; None: every output counts everywhere.
    """
    room = aig.first_and + aig.num_ands + max(_SPARE, aig.num_ands // 4)
    patterns = all_inputs(aig.num_inputs)
    words = patterns.shape[1]
    fanin = np.zeros((room, 2), dtype=np.int32)
    fanin[aig.first_and : aig.first_and + aig.num_ands] = aig.fanin
    values = np.zeros((room, words), dtype=np.uint64)
    values[1 : aig.first_and] = patterns
    if cares is None:
        cares = np.full((aig.num_outputs, words), ALL_ONES)
    state = State(
        inputs=aig.num_inputs,
        fanin=fanin,
        outputs=np.array(aig.outputs, dtype=np.int32),
        values=values,
        cares=cares,
        size=np.zeros(1, dtype=np.int64),
        order=np.zeros(room, dtype=np.int32),
        readers=np.zeros(room, dtype=np.int32),
        above=np.zeros(room, dtype=np.uint8),
        changed=np.zeros(room, dtype=np.uint8),
        flipped=np.zeros((room, words), dtype=np.uint64),
        care=np.zeros(words, dtype=np.uint64),
        on=np.zeros(words, dtype=np.uint64),
        off=np.zeros(words, dtype=np.uint64),
        rest=np.zeros(words, dtype=np.uint64),
        stack=np.zeros(room, dtype=np.int32),
        mark=np.zeros(room, dtype=np.uint8),
        moved=np.full(room, -1, dtype=np.int32),
        covers=np.zeros(2 * room, dtype=np.int32),
        others=np.zeros(2 * room, dtype=np.int32),
        random=random_state(seed),
    )
    sort_gates(state)
    simulate(state)
    return state


def random_state(seed: int) -> Words:
    """Return the state that `below` draws from."""
    # Spread small seeds over the word, never 0 (multiplier of splitmix64).
    return np.array([(seed + 1) * 0x9E3779B97F4A7C15 % 2**64 | 1], dtype=np.uint64)


def take_aig(fanin: IntArray, outputs: IntArray, like: Aig) -> Aig:
    """Return the circuit whose gates stand anywhere in `fanin`, under the names of `like`."""
    order = np.zeros(len(fanin), dtype=np.int32)
    readers = np.zeros(len(fanin), dtype=np.int32)
    mark = np.zeros(len(fanin), dtype=np.uint8)
    stack = np.zeros(len(fanin), dtype=np.int32)
    size = sort_into(fanin, outputs, like.num_inputs, order, readers, stack, mark)
    gates = order[:size]
    number = np.arange(len(fanin), dtype=np.int32)
    number[gates] = like.first_and + np.arange(size, dtype=np.int32)
    moved_fanin = number[fanin[gates] >> 1] * 2 + (fanin[gates] & 1)
    moved_outputs = number[outputs >> 1] * 2 + (outputs & 1)
    return Aig(like.num_inputs, moved_fanin, moved_outputs).named_like(like)


@kernel
def below(random: Words, limit: int) -> int:
    """Return a random number from 0 to `limit - 1` (xorshift64)."""
    x = random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    random[0] = x
    return np.int64((x >> np.uint64(33)) % np.uint64(limit))  # type: ignore[return-value]


@kernel
def simulate_gate(fanin: IntArray, values: Words, gate: int) -> None:
    """Compute a gate's values from those of its fan-ins."""
    first, second = fanin[gate, 0], fanin[gate, 1]
    flip_a = _ZERO - np.uint64(first & 1)
    flip_b = _ZERO - np.uint64(second & 1)
    a, b = first >> 1, second >> 1
    for word in range(values.shape[1]):
        values[gate, word] = (values[a, word] ^ flip_a) & (values[b, word] ^ flip_b)


@kernel
def simulate(state: State) -> None:
    """Compute the values of all gates."""
    for place in range(state.size[0]):
        simulate_gate(state.fanin, state.values, state.order[place])


@kernel
def sort_into(  # noqa: PLR0917  compiled code has no keywords
    fanin: IntArray,
    outputs: IntArray,
    inputs: int,
    order: IntArray,
    readers: IntArray,
    stack: IntArray,
    mark: npt.NDArray[np.uint8],
) -> int:
    """Fill `order` with the gates that the outputs need and `readers` with who reads each."""
    mark[:] = 0
    readers[:] = 0
    count = 0
    for output in outputs:
        root = output >> 1
        readers[root] += 1
        if root <= inputs or mark[root]:
            continue
        top = 0
        stack[0] = root
        mark[root] = 1
        while top >= 0:
            gate = stack[top]
            ready = True
            for slot in range(2):
                source = fanin[gate, slot] >> 1
                if source > inputs and mark[source] == 0:
                    mark[source] = 1
                    top += 1
                    stack[top] = source
                    ready = False
                    break
            if ready:
                order[count] = gate
                count += 1
                top -= 1
                readers[fanin[gate, 0] >> 1] += 1
                readers[fanin[gate, 1] >> 1] += 1
    return count


@kernel
def sort_gates(state: State) -> None:
    """Sort the gates that the outputs need; the others become unused."""
    state.size[0] = sort_into(
        state.fanin,
        state.outputs,
        state.inputs,
        state.order,
        state.readers,
        state.stack,
        state.mark,
    )


@kernel
def observe(state: State, place: int) -> None:
    """Mark what is above gate `order[place]`, and find where its value matters.

    Sets `above` for it and every gate that it reaches, and `care` to the assignments on which
    flipping it flips an output that counts.
    """
    fanin, values, flipped = state.fanin, state.values, state.flipped
    above, changed, order = state.above, state.changed, state.order
    words = values.shape[1]
    for earlier in range(place):
        above[order[earlier]] = changed[order[earlier]] = 0
    gate = order[place]
    above[gate] = changed[gate] = 1
    for word in range(words):
        flipped[gate, word] = ~values[gate, word]
    for later in range(place + 1, state.size[0]):
        gate = order[later]
        first, second = fanin[gate, 0], fanin[gate, 1]
        a, b = first >> 1, second >> 1
        above[gate] = above[a] | above[b]
        changed[gate] = 0
        if changed[a] | changed[b]:
            from_a = flipped[a] if changed[a] else values[a]
            from_b = flipped[b] if changed[b] else values[b]
            flip_a = _ZERO - np.uint64(first & 1)
            flip_b = _ZERO - np.uint64(second & 1)
            out, old = flipped[gate], values[gate]
            unlike = _ZERO
            for word in range(words):
                value = (from_a[word] ^ flip_a) & (from_b[word] ^ flip_b)
                out[word] = value
                unlike |= value ^ old[word]
            changed[gate] = unlike != _ZERO
    state.care[:] = 0
    for number in range(state.outputs.shape[0]):
        root = state.outputs[number] >> 1
        if changed[root]:
            out, old, counts = flipped[root], values[root], state.cares[number]
            for word in range(words):
                state.care[word] |= (out[word] ^ old[word]) & counts[word]


@kernel
def freed(  # noqa: PLR0917
    fanin: IntArray,
    readers: IntArray,
    stack: IntArray,
    inputs: int,
    gate: int,
    keep_a: int,
    keep_b: int,
    keep_c: int,
) -> int:
    """Return how many gates go when `gate` is rebuilt from three variables, itself included."""
    readers[keep_a] += 1
    readers[keep_b] += 1
    readers[keep_c] += 1
    stack[0] = gate
    top, place = 1, 0
    while place < top:
        current = stack[place]
        place += 1
        for slot in range(2):
            source = fanin[current, slot] >> 1
            readers[source] -= 1
            if readers[source] == 0 and source > inputs:
                stack[top] = source
                top += 1
    for place in range(top):
        readers[fanin[stack[place], 0] >> 1] += 1
        readers[fanin[stack[place], 1] >> 1] += 1
    readers[keep_a] -= 1
    readers[keep_b] -= 1
    readers[keep_c] -= 1
    return top

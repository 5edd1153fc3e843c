"""A random walk over the circuits that compute one function, downhill on average.

Each step takes a random gate, finds on which input assignments its value matters, and rebuilds it
from other signals that agree there: one (the gate goes), two (the gate is rewired) or three (a gate
more). A step to fewer or equally many gates is taken, one to more with the probability of simulated
annealing. The many steps between equally small circuits are what finds the smaller ones.

Measured on ex69 of the IWLS 2022 contest (best submitted: 245 AND gates), 20 s: steps to larger
circuits at temperature 0.35 end at 162 gates, at 0.15 (hardly any) at 199; ABC's `&deepsyn` from
the same start ends at 299.
"""

from __future__ import annotations

from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.synth.moves import (
    find_and_under,
    find_covers,
    find_or_under,
    find_pair,
    keep_off,
    split_care,
)
from gatec.synth.state import State, below, freed, observe, simulate, simulate_gate, sort_gates

# Of 16 steps, how many look for a pair; the others look for a triple.
_PAIRS = 11
# Probabilities are counted in these.
UNIT = 1 << 24


@kernel
def walk(
    state: State, steps: int, up_one: int, best_fanin: IntArray, best_outputs: IntArray
) -> int:
    """Take `steps` steps; return the size of the smallest circuit met, which is copied out.

    Parameters
    ----------
    up_one
        Of 2**24 steps that add one gate, how many are taken; those that add two are not.
    """
    best = state.size[0]
    best_fanin[:] = state.fanin
    best_outputs[:] = state.outputs
    for _ in range(steps):
        if state.size[0] == 0:
            break
        _step(state, up_one)
        if state.size[0] < best:
            best = state.size[0]
            best_fanin[:] = state.fanin
            best_outputs[:] = state.outputs
    return best


@kernel
def _step(state: State, up_one: int) -> None:
    """Try to rebuild one random gate."""
    place = below(state.random, state.size[0])
    gate = state.order[place]
    observe(state, place)
    complement = below(state.random, 2)
    hint_on, hint_off = split_care(state, gate, complement)
    if hint_on < 0 or hint_off < 0:
        replace_gate(state, gate, (0 if hint_on < 0 else 1) ^ complement)
        return
    count, equal = find_covers(state, hint_on, hint_off)
    if equal >= 0:
        replace_gate(state, gate, equal ^ complement)
    elif count >= 2 and below(state.random, 16) < _PAIRS:
        p, q = find_pair(state, gate, count)
        if p >= 0 and _accept(
            state,
            1
            - freed(state.fanin, state.readers, state.stack, state.inputs, gate, p >> 1, q >> 1, 0),
            up_one,
        ):
            _rewire(state, place, p, q, complement)
    elif count >= 1:
        _step_up(state, place, count, complement, hint_on, up_one)


@kernel
def _step_up(  # noqa: PLR0917
    state: State, place: int, count: int, complement: int, hint_on: int, up_one: int
) -> None:
    """Try to rebuild a gate from three signals, with a new gate for two of them."""
    gate = state.order[place]
    p = state.covers[below(state.random, count)]
    hint_rest = keep_off(state, p)
    flip = 1
    q, r = find_or_under(state, p, hint_on, hint_rest)
    if q < 0 and count >= 3:
        q, r = find_and_under(state, p, count, hint_rest)
        flip = 0
    if q < 0 or not _accept(
        state,
        2
        - freed(
            state.fanin, state.readers, state.stack, state.inputs, gate, p >> 1, q >> 1, r >> 1
        ),
        up_one,
    ):
        return
    fresh = state.inputs + 1
    while fresh < state.readers.shape[0] and state.readers[fresh] > 0:
        fresh += 1
    if fresh == state.readers.shape[0]:
        return
    fanin = state.fanin
    fanin[fresh, 0] = q ^ flip
    fanin[fresh, 1] = r ^ flip
    simulate_gate(fanin, state.values, fresh)
    _rewire(state, place, p, 2 * fresh + flip, complement)


@kernel
def _accept(state: State, grown: int, up_one: int) -> bool:
    return grown <= 0 or (grown == 1 and below(state.random, UNIT) < up_one)


@kernel
def _rewire(state: State, place: int, p: int, q: int, complement: int) -> None:
    """Make a gate the AND of two literals, or its complement, and simulate what it reaches."""
    fanin = state.fanin
    gate = state.order[place]
    fanin[gate, 0] = p
    fanin[gate, 1] = q
    if complement:
        for later in range(place + 1, state.size[0]):
            reader = state.order[later]
            for slot in range(2):
                if fanin[reader, slot] >> 1 == gate:
                    fanin[reader, slot] ^= 1
        for number in range(state.outputs.shape[0]):
            if state.outputs[number] >> 1 == gate:
                state.outputs[number] ^= 1
    simulate_gate(fanin, state.values, gate)
    sort_gates(state)
    for later in range(state.size[0]):
        other = state.order[later]
        if state.above[other] and other != gate:
            simulate_gate(fanin, state.values, other)


@kernel
def replace_gate(state: State, gate: int, literal: int) -> None:
    """Let every reader of a gate read a literal, and fold the gates that become trivial."""
    moved, fanin = state.moved, state.fanin
    for place in range(state.size[0]):
        moved[state.order[place]] = -1
    moved[gate] = literal
    for place in range(state.size[0]):
        current = state.order[place]
        if current == gate:
            continue
        a, b = _followed(moved, fanin[current, 0]), _followed(moved, fanin[current, 1])
        fanin[current, 0], fanin[current, 1] = a, b
        if a in (b, 0) or b == 1:
            moved[current] = a
        elif b == 0 or a == 1:
            moved[current] = b
        elif a == b ^ 1:
            moved[current] = 0
    for number in range(state.outputs.shape[0]):
        state.outputs[number] = _followed(moved, state.outputs[number])
    sort_gates(state)
    simulate(state)


@kernel
def _followed(moved: IntArray, literal: int) -> int:
    while literal > 1 and moved[literal >> 1] >= 0:
        literal = moved[literal >> 1] ^ (literal & 1)
    return literal

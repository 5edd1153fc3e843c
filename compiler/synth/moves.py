"""What a gate can be replaced by: literals, pairs and triples that agree with it where it matters.

With `on` and `off` the assignments on which the gate must be 1 and 0, a literal *covers* when it is
1 on all of `on`. The gate is AND(p, q) of two covers that are both 1 nowhere on `off`; AND(p, q|r)
when q and r are 0 wherever `off` and p are 1, and together cover. OR forms are the same search for
the gate's complement. Every search begins at a random place, so that repeating it finds others.
"""

from __future__ import annotations

import numpy as np

from gatec.bits import Words
from gatec.synth.jit import kernel
from gatec.synth.state import State, below, freed

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
# Pairs of equal gain to choose from are enough; looking at all of them takes most of the time.
_ENOUGH = 4


@kernel
def first_word(words: Words) -> int:
    """Return the first word that is not 0, or -1."""
    for place in range(words.shape[0]):
        if words[place] != _ZERO:
            return place
    return -1


@kernel
def implies(values: Words, when: Words, literal: int, hint: int) -> bool:
    """Return whether a literal is 1 wherever `when` is; `hint` is the word to look at first."""
    variable = literal >> 1
    # The complement of the literal's values: what must be 0 wherever `when` is 1.
    flip = np.uint64(literal & 1) - _ONE
    if when[hint] & (values[variable, hint] ^ flip) != _ZERO:
        return False
    for word in range(when.shape[0]):
        if when[word] & (values[variable, word] ^ flip) != _ZERO:
            return False
    return True


@kernel
def disjoint(values: Words, when: Words, p: int, q: int, hint: int) -> bool:
    """Return whether two literals are never both 1 where `when` is."""
    a, b = p >> 1, q >> 1
    flip_a = _ZERO - np.uint64(p & 1)
    flip_b = _ZERO - np.uint64(q & 1)
    if when[hint] & (values[a, hint] ^ flip_a) & (values[b, hint] ^ flip_b) != _ZERO:
        return False
    for word in range(when.shape[0]):
        if when[word] & (values[a, word] ^ flip_a) & (values[b, word] ^ flip_b) != _ZERO:
            return False
    return True


@kernel
def split_care(state: State, gate: int, complement: int) -> tuple[int, int]:
    """Set `on` and `off` of a gate, or of its complement; return a word of each, -1 if empty."""
    values, care, on, off = state.values, state.care, state.on, state.off
    flip = _ZERO - np.uint64(complement)
    for word in range(care.shape[0]):
        value = values[gate, word] ^ flip
        on[word] = care[word] & value
        off[word] = care[word] & ~value
    return first_word(on), first_word(off)


@kernel
def find_covers(state: State, hint_on: int, hint_off: int) -> tuple[int, int]:
    """Collect the covers among inputs and gates that are not above; stop at an equal.

    Returns the number of covers and the equal literal, or -1.
    """
    total = state.inputs + state.size[0]
    start = below(state.random, total)
    count = 0
    for offset in range(total):
        place = start + offset
        if place >= total:
            place -= total
        if place < state.inputs:
            variable = place + 1
        else:
            variable = state.order[place - state.inputs]
            if state.above[variable]:
                continue
        for literal in range(2 * variable, 2 * variable + 2):
            if implies(state.values, state.on, literal, hint_on):
                if implies(state.values, state.off, literal ^ 1, hint_off):
                    return count, literal
                state.covers[count] = literal
                count += 1
    return count, -1


@kernel
def keep_off(state: State, literal: int) -> int:
    """Set `rest` to where `off` and a literal are 1; return a word of it, -1 if it is empty."""
    values, off, rest, variable = state.values, state.off, state.rest, literal >> 1
    flip = _ZERO - np.uint64(literal & 1)
    for word in range(off.shape[0]):
        rest[word] = off[word] & (values[variable, word] ^ flip)
    return first_word(rest)


@kernel
def find_pair(state: State, gate: int, count: int) -> tuple[int, int]:
    """Return two covers whose AND is the gate and which free the most; (-1, -1) if none."""
    first, second = state.fanin[gate, 0] >> 1, state.fanin[gate, 1] >> 1
    best, ties = -1, 0
    found_p, found_q = -1, -1
    start = below(state.random, count)
    for i in range(count):
        p = state.covers[(start + i) % count]
        hint = keep_off(state, p)
        for j in range(i + 1, count):
            q = state.covers[(start + j) % count]
            same = (p >> 1 == first and q >> 1 == second) or (p >> 1 == second and q >> 1 == first)
            if same or not implies(state.values, state.rest, q ^ 1, hint):
                continue
            gain = freed(
                state.fanin, state.readers, state.stack, state.inputs, gate, p >> 1, q >> 1, 0
            )
            if gain > best:
                best, ties = gain, 0
            if gain == best:
                ties += 1
                if below(state.random, ties) == 0:
                    found_p, found_q = p, q
        if ties >= _ENOUGH:
            break
    return found_p, found_q


@kernel
def find_or_under(state: State, p: int, hint_on: int, hint_rest: int) -> tuple[int, int]:
    """Return q and r such that AND(p, q|r) is the gate, at random; (-1, -1) if none.

    `rest` must be what `p` leaves of `off`.
    """
    count = 0
    for place in range(state.inputs + state.size[0]):
        if place < state.inputs:
            variable = place + 1
        else:
            variable = state.order[place - state.inputs]
            if state.above[variable]:
                continue
        if variable == p >> 1:
            continue
        for literal in range(2 * variable, 2 * variable + 2):
            if implies(state.values, state.rest, literal ^ 1, hint_rest):
                state.others[count] = literal
                count += 1
    found_q, found_r, ties = -1, -1, 0
    start = below(state.random, count) if count else 0
    for i in range(count):
        q = state.others[(start + i) % count]
        for j in range(i + 1, count):
            r = state.others[(start + j) % count]
            if disjoint(state.values, state.on, q ^ 1, r ^ 1, hint_on):
                ties += 1
                if below(state.random, ties) == 0:
                    found_q, found_r = q, r
        if ties >= _ENOUGH:
            break
    return found_q, found_r


@kernel
def find_and_under(state: State, p: int, count: int, hint_rest: int) -> tuple[int, int]:
    """Return covers q and r such that AND(p, q, r) is the gate, at random; (-1, -1) if none.

    `rest` must be what `p` leaves of `off`.
    """
    found_q, found_r, ties = -1, -1, 0
    start = below(state.random, count)
    for i in range(count):
        q = state.covers[(start + i) % count]
        for j in range(i + 1, count):
            r = state.covers[(start + j) % count]
            if p not in (q, r) and disjoint(state.values, state.rest, q, r, hint_rest):
                ties += 1
                if below(state.random, ties) == 0:
                    found_q, found_r = q, r
        if ties >= _ENOUGH:
            break
    return found_q, found_r

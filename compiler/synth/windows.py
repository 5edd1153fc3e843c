"""Shrink a circuit of many inputs window by window.

A window is a set of gates that reads few signals, its leaves. On all their assignments its outputs
are a function small enough for the walk; what the walk returns takes the window's place, also when
it is no smaller: the many equal exchanges move the circuit to where others become possible.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatec.aig import Aig
from gatec.bits import Words
from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.synth.state import below, sort_into

# 2**12 assignments are 64 words: few enough to be fast, and enough for windows of 20 to 60 gates.
MAX_LEAVES = 12
MAX_GATES = 64
# Of a signal with many readers, so many are looked at.
_READERS = 12
_UNSEEN, _INSIDE, _LEAF = 0, 1, 2


class Circuit(NamedTuple):
    """A circuit under change, its gates anywhere in `fanin`.

    Attributes
    ----------
    inputs
        Number of inputs: variables 1 up to and with this.
    fanin, outputs
        Literals, `int32[V, 2]` and `int32[O]`.
    order
        `int32[V]`: the gates in use, each after what it reads, then anything.
    begin, readers
        The gates that read variable `v` are `readers[begin[v] : begin[v + 1]]`.
    leaves
        `uint8[V]`: whether an output reads the variable.
    mark, reached
        `uint8[V]`: scratch.
    """

    inputs: int
    fanin: IntArray
    outputs: IntArray
    order: IntArray
    begin: npt.NDArray[np.int64]
    readers: npt.NDArray[np.int64]
    is_output: npt.NDArray[np.uint8]
    mark: npt.NDArray[np.uint8]
    reached: npt.NDArray[np.uint8]


class Window(NamedTuple):
    """Gates in topological order, what they read, and which of them others read."""

    gates: IntArray
    leaves: IntArray
    roots: IntArray


def make_circuit(fanin: IntArray, outputs: IntArray, inputs: int) -> Circuit:
    """Return the circuit with its order and readers."""
    count = len(fanin)
    order = np.zeros(count, dtype=np.int32)
    references = np.zeros(count, dtype=np.int32)
    mark = np.zeros(count, dtype=np.uint8)
    stack = np.zeros(count, dtype=np.int32)
    size = sort_into(fanin, outputs, inputs, order, references, stack, mark)
    gates = order[:size]
    sources = (fanin[gates] >> 1).ravel()
    by_source = np.argsort(sources, kind="stable")
    begin = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=count))])
    is_output = np.zeros(count, dtype=np.uint8)
    is_output[outputs >> 1] = 1
    return Circuit(
        inputs,
        fanin,
        outputs,
        gates,
        begin,
        np.repeat(gates, 2)[by_source].astype(np.int64),
        is_output,
        np.zeros(count, dtype=np.uint8),
        np.zeros(count, dtype=np.uint8),
    )


def find_window(
    circuit: Circuit, seed: int, random: Words, blocked: npt.NDArray[np.uint8]
) -> Window | None:
    """Return a window around gate `seed` without blocked gates, or None if it would not be convex.

    Convex: no path leaves it and comes back, else what replaces it could close a cycle.
    """
    gates = np.zeros(MAX_GATES, dtype=np.int32)
    leaves = np.zeros(MAX_LEAVES, dtype=np.int32)
    num_gates, num_leaves = _grow(circuit, seed, random, blocked, gates, leaves)
    chosen, read = gates[:num_gates], leaves[:num_leaves]
    window = None
    # A leaf that another window is about to replace may be another signal by then.
    free = num_gates > 2 and num_leaves > 0 and not blocked[read].any()
    if free and is_convex(circuit, chosen, read):
        within = circuit.order[circuit.mark[circuit.order] == _INSIDE]
        roots = [gate for gate in within.tolist() if _read_outside(circuit, gate)]
        window = Window(within, read.copy(), np.array(roots, dtype=np.int32))
    circuit.mark[chosen] = _UNSEEN
    circuit.mark[read] = _UNSEEN
    return window


def _read_outside(circuit: Circuit, gate: int) -> bool:
    readers = circuit.readers[circuit.begin[gate] : circuit.begin[gate + 1]]
    return bool(circuit.is_output[gate] or (circuit.mark[readers] != _INSIDE).any())


@kernel
def _grow(  # noqa: PLR0917  compiled code has no keywords
    circuit: Circuit,
    seed: int,
    random: Words,
    blocked: npt.NDArray[np.uint8],
    gates: IntArray,
    leaves: IntArray,
) -> tuple[int, int]:
    """Add the gate that brings the fewest new leaves, again and again; return both counts."""
    mark, readers, begin = circuit.mark, circuit.readers, circuit.begin
    num_gates, num_leaves = 1, _enter(circuit, seed, leaves, 0)
    gates[0] = seed
    while num_gates < gates.shape[0]:
        best, ties, chosen = 3, 0, -1
        for place in range(num_gates + num_leaves):
            variable = gates[place] if place < num_gates else leaves[place - num_gates]
            count = begin[variable + 1] - begin[variable]
            # A leaf is a candidate itself; then come the readers of it or of the gate.
            for number in range(-1, min(count, _READERS)):
                candidate = np.int64(variable)
                if number >= 0:
                    candidate = readers[begin[variable] + (number + below(random, count)) % count]
                if candidate <= circuit.inputs or mark[candidate] == _INSIDE or blocked[candidate]:
                    continue
                new = _new_leaves(circuit, int(candidate))
                if new > best or num_leaves + new > leaves.shape[0]:
                    continue
                ties = 1 if new < best else ties + 1
                best = new
                if below(random, ties) == 0:
                    chosen = int(candidate)
        if chosen < 0:
            break
        num_leaves = _enter(circuit, chosen, leaves, num_leaves)
        gates[num_gates] = chosen
        num_gates += 1
    return num_gates, num_leaves


@kernel
def _new_leaves(circuit: Circuit, gate: int) -> int:
    """Return by how many leaves a window grows with a gate."""
    new = -1 if circuit.mark[gate] == _LEAF else 0
    for slot in range(2):
        source = circuit.fanin[gate, slot] >> 1
        if source and circuit.mark[source] == _UNSEEN:
            new += 1
    return new


@kernel
def _enter(circuit: Circuit, gate: int, leaves: IntArray, count: int) -> int:
    """Take a gate into the window; return the new number of leaves."""
    mark = circuit.mark
    if mark[gate] == _LEAF:
        for place in range(count):
            if leaves[place] == gate:
                count -= 1
                leaves[place] = leaves[count]
                break
    mark[gate] = _INSIDE
    for slot in range(2):
        source = circuit.fanin[gate, slot] >> 1
        if source and mark[source] == _UNSEEN:
            mark[source] = _LEAF
            leaves[count] = source
            count += 1
    return count


@kernel
def is_convex(circuit: Circuit, gates: IntArray, leaves: IntArray) -> bool:
    """Return whether no leaf depends on one of the gates; leaves both marked."""
    mark, reached, fanin = circuit.mark, circuit.reached, circuit.fanin
    for gate in gates:
        mark[gate] = _INSIDE
    for leaf in leaves:
        mark[leaf] = _LEAF
    for gate in circuit.order:
        if mark[gate] == _INSIDE:
            reached[gate] = 1
        else:
            reached[gate] = reached[fanin[gate, 0] >> 1] | reached[fanin[gate, 1] >> 1]
    for leaf in leaves:  # noqa: SIM110  no generators in compiled code
        if reached[leaf]:
            return False
    return True


def window_aig(circuit: Circuit, window: Window) -> Aig:
    """Return what a window computes: leaves are its inputs, roots its outputs."""
    number = np.zeros(len(circuit.fanin), dtype=np.int32)
    number[window.leaves] = 1 + np.arange(len(window.leaves))
    number[window.gates] = 1 + len(window.leaves) + np.arange(len(window.gates))
    literals = circuit.fanin[window.gates]
    fanin = 2 * number[literals >> 1] + (literals & 1)
    return Aig(len(window.leaves), fanin, 2 * number[window.roots])


def splice(circuit: Circuit, window: Window, found: Aig) -> Circuit:
    """Return the circuit with a window replaced by a circuit of no more gates.

    A window that is no longer convex, after others near it were replaced, stays as it is.
    """
    convex = is_convex(circuit, window.gates, window.leaves)
    circuit.mark[:] = _UNSEEN
    if not convex:
        return circuit
    # New gates take the places of the old.
    place = np.concatenate([[0], window.leaves, window.gates[: found.num_ands]]).astype(np.int32)
    fanin = circuit.fanin.copy()
    fanin[window.gates[: found.num_ands]] = 2 * place[found.fanin >> 1] + (found.fanin & 1)
    moved = 2 * np.arange(len(fanin), dtype=np.int32)
    moved[window.roots] = 2 * place[found.outputs >> 1] + (found.outputs & 1)
    outside = np.ones(len(fanin), dtype=np.bool_)
    outside[window.gates[: found.num_ands]] = False
    fanin[outside] = moved[fanin[outside] >> 1] ^ (fanin[outside] & 1)
    outputs = moved[circuit.outputs >> 1] ^ (circuit.outputs & 1)
    return make_circuit(fanin, outputs, circuit.inputs)

"""Windows of a circuit of many inputs, for AND gates and look-up tables alike.

A window is a set of gates that reads few signals, its leaves. On all their assignments its outputs
are a function small enough for a walk; what the walk returns takes the window's place, also when
it is no smaller: the many equal exchanges move the circuit to where others become possible.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatec.bits import Words
from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.synth.order import sort_sources
from gatec.synth.state import below

# 2**12 assignments are 64 words: few enough to be fast, and enough for windows of 20 to 60 gates.
MAX_LEAVES = 12
MAX_GATES = 64
# Of a signal with many readers, so many are looked at.
_READERS = 12
_UNSEEN, _INSIDE, _LEAF = 0, 1, 2


class Circuit(NamedTuple):
    """Who reads whom. Variable 0 is a constant, then come the inputs, then gates in any order.

    Attributes
    ----------
    inputs
        Number of inputs: variables 1 up to and with this.
    sources
        `int32[V, K]`: the variables that each gate reads; 0 where it reads fewer.
    order
        `int32[V]`: the gates in use, each after what it reads, then anything.
    begin, readers
        The gates that read variable `v` are `readers[begin[v] : begin[v + 1]]`.
    is_output
        `uint8[V]`: whether an output reads the variable.
    mark, reached
        `uint8[V]`: scratch.
    """

    inputs: int
    sources: IntArray
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


def make_circuit(sources: IntArray, roots: IntArray, inputs: int) -> Circuit:
    """Return the circuit with its order and readers; `roots` are the variables of its outputs."""
    count = len(sources)
    mark = np.zeros(count, dtype=np.uint8)
    order = np.zeros(count, dtype=np.int32)
    size = sort_sources(sources, roots, inputs, order, np.zeros(count, dtype=np.int32), mark)
    gates = order[:size]
    read = sources[gates].ravel()
    by_source = np.argsort(read, kind="stable")
    begin = np.concatenate([[0], np.cumsum(np.bincount(read, minlength=count))])
    is_output = np.zeros(count, dtype=np.uint8)
    is_output[roots] = 1
    return Circuit(
        inputs,
        sources,
        gates,
        begin,
        np.repeat(gates, sources.shape[1])[by_source].astype(np.int64),
        is_output,
        np.zeros(count, dtype=np.uint8),
        np.zeros(count, dtype=np.uint8),
    )


def find_window(
    circuit: Circuit,
    seed: int,
    random: Words,
    blocked: npt.NDArray[np.uint8],
    most: int = MAX_GATES,
) -> Window | None:
    """Return a window around gate `seed` without blocked gates, or None if it would not be convex.

    Convex: no path leaves it and comes back, else what replaces it could close a cycle.
    """
    gates = np.zeros(most, dtype=np.int32)
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
        best, ties, chosen = circuit.sources.shape[1] + 1, 0, -1
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
    for source in circuit.sources[gate]:
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
    for source in circuit.sources[gate]:
        if source and mark[source] == _UNSEEN:
            mark[source] = _LEAF
            leaves[count] = source
            count += 1
    return count


@kernel
def is_convex(circuit: Circuit, gates: IntArray, leaves: IntArray) -> bool:
    """Return whether no leaf depends on one of the gates; leaves both marked."""
    mark, reached = circuit.mark, circuit.reached
    for gate in gates:
        mark[gate] = _INSIDE
    for leaf in leaves:
        mark[leaf] = _LEAF
    for gate in circuit.order:
        if mark[gate] == _INSIDE:
            reached[gate] = 1
        else:
            reached[gate] = 0
            for source in circuit.sources[gate]:
                reached[gate] |= reached[source]
    for leaf in leaves:  # noqa: SIM110  no generators in compiled code
        if reached[leaf]:
            return False
    return True


def still_convex(circuit: Circuit, window: Window) -> bool:
    """Return whether a window may be replaced, after others near it were; clears the marks."""
    convex = is_convex(circuit, window.gates, window.leaves)
    circuit.mark[:] = _UNSEEN
    return convex

"""Prove two netlists equal by their structure: what folding, absorbing and merging leave behind.

Every gate of both is written over representatives: a gate whose table, written so, was seen before
is that gate or its complement. This needs no search, and no room for a mistake either: the claim
"a net is its representative" follows, level by level, from equal tables over equal nets. It proves
nothing that a mapper restructured; but sums of a thousand bits, on which SAT sweeping loses itself,
keep their adder cells through all passes that only clean up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.netlist import CONST0_NET, Netlist
from gatec.tables import VARIABLE, Tables, cofactor, depends, flip, swap

Nets = npt.NDArray[np.int64]
Phases = npt.NDArray[np.bool_]

_EMPTY = -1
# Odd numbers with about as many ones as zeros (from the golden ratio and xxHash's primes).
_MIX = np.array(
    [
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
        0xFF51AFD7ED558CCD,
        0xC4CEB9FE1A85EC53,
    ],
    dtype=np.uint64,
)


def equal_outputs(one: Netlist, other: Netlist) -> Phases:
    """Return for each output whether the structure shows that it is the same in both netlists.

    Inputs and outputs are matched by position. False means nothing: it is not known.
    """
    width = max(one.fanin.shape[1], other.fanin.shape[1])
    known = _Known(one.first_gate, one.num_gates + other.num_gates, width)
    ends = [known.add(net) for net in (one, other)]
    (net, phase), (other_net, other_phase) = ends
    return (net == other_net) & (phase == other_phase)


class _Known:
    """The gates seen so far, by their tables over representatives.

    Attributes
    ----------
    table, inputs
        `uint64[slots]`, `int64[slots, k]`: an open hash table of gates.
    number
        `int64[slots]`: the representative's number, or `_EMPTY`.
    """

    def __init__(self, first_gate: int, gates: int, width: int) -> None:
        size = 1 << max(4, (2 * gates).bit_length())
        self._next = first_gate
        self._mask = np.uint64(size - 1)
        self.number = np.full(size, _EMPTY, dtype=np.int64)
        self.table = np.zeros(size, dtype=np.uint64)
        self.inputs = np.zeros((size, width), dtype=np.int64)

    def add(self, net: Netlist) -> tuple[Nets, Phases]:
        """Add a netlist; return the representative and the phase of each of its outputs."""
        number = np.zeros(net.num_nets, dtype=np.int64)
        phase = np.zeros(net.num_nets, dtype=bool)
        number[: net.first_gate] = np.arange(net.first_gate)
        number[1], phase[1] = CONST0_NET, True
        # On a chain, gates of one level read each other: here they are gates like others.
        levels = net.replace(chains=None).levels[net.first_gate :]
        order = np.argsort(levels, kind="stable")
        ends = np.flatnonzero(np.diff(levels[order], append=-1)) + 1
        for gates in np.split(order, ends[:-1]):
            rows = net.fanin[gates]
            found = written_over(net.tables[gates], number[rows], phase[rows])
            number[net.first_gate + gates], phase[net.first_gate + gates] = self._find(*found)
        return number[net.output_nets], phase[net.output_nets]

    def _find(self, tables: Tables, inputs: Nets, phases: Phases) -> tuple[Nets, Phases]:
        """Return the representatives of gates in their canonical form, adding those not seen."""
        result = inputs[:, 0].copy()
        # Constants and buffers are no gates: nothing, or the one net that is read.
        pending = np.flatnonzero((tables != 0) & (tables != VARIABLE[0]))
        hashed = tables[pending] * _MIX[0]
        for slot in range(inputs.shape[1]):
            read = inputs[pending, slot].astype(np.uint64)
            mixed = hashed ^ (read + _MIX[slot]) * _MIX[slot + 1]
            mixed ^= mixed >> np.uint64(29)
            # Slots that are not read come last; the other netlist may have more or fewer of them.
            hashed = np.where(read != CONST0_NET, mixed * _MIX[0], hashed)
        slots = ((hashed ^ (hashed >> np.uint64(32))) & self._mask).astype(np.int64)
        while len(pending):
            free = self.number[slots] == _EMPTY
            self._put(slots[free], tables[pending[free]], inputs[pending[free]])
            same = self.table[slots] == tables[pending]
            same &= (self.inputs[slots, : inputs.shape[1]] == inputs[pending]).all(axis=1)
            result[pending[same]] = self.number[slots[same]]
            pending, slots = pending[~same], (slots[~same] + 1) & int(self._mask)
        return result, phases

    def _put(self, slots: Nets, tables: Tables, inputs: Nets) -> None:
        """Fill empty slots; of several gates for one slot, the last is put there."""
        self.table[slots] = tables
        self.inputs[slots, : inputs.shape[1]] = inputs
        self.number[slots] = np.arange(self._next, self._next + len(slots))
        self._next += len(slots)


def written_over(tables: Tables, inputs: Nets, phases: Phases) -> tuple[Tables, Nets, Phases]:
    """Return gates in their canonical form.

    Parameters
    ----------
    tables
        `uint64[gates]`, expanded.
    inputs, phases
        `[gates, k]`: the net that each slot reads, and whether it reads the complement.

    Returns
    -------
    tuple
        Tables that are 0 where all inputs are; the inputs, each once, largest first, and constant
        0 in place of those that the table does not depend on; whether the output is complemented.
    """
    inputs = inputs.copy()
    k = inputs.shape[1]
    for slot in range(k):
        tables = np.where(phases[:, slot], flip(tables, slot), tables)
        tables = np.where(inputs[:, slot] == CONST0_NET, cofactor(tables, slot, 0), tables)
        for other in range(slot):
            variable = VARIABLE[other]
            low, high = cofactor(tables, slot, 0), cofactor(tables, slot, 1)
            twice = inputs[:, slot] == inputs[:, other]
            tables = np.where(twice, (low & ~variable) | (high & variable), tables)
    for slot in range(k):
        inputs[~depends(tables, slot), slot] = CONST0_NET
    for last in range(k - 1, 0, -1):
        for slot in range(last):
            wrong = inputs[:, slot] < inputs[:, slot + 1]
            tables = np.where(wrong, swap(tables, slot, slot + 1), tables)
            pair = inputs[wrong, slot : slot + 2]
            inputs[wrong, slot : slot + 2] = pair[:, ::-1]
    turned = (tables & np.uint64(1)) != 0
    return np.where(turned, ~tables, tables), inputs, turned

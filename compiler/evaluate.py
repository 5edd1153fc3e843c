"""Bit-parallel NumPy evaluation of netlists: the judge of every faster engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gatec.bits import ALL_ONES, Words
from gatec.tables import Tables, depends

if TYPE_CHECKING:
    from gatec.netlist import Netlist


def lookup(tables: Tables, inputs: Sequence[Words]) -> Words:
    """Return the outputs of gates for given inputs.

    Parameters
    ----------
    tables
        `uint64[gates]`, expanded, reading no slot beyond `len(inputs)`.
    inputs
        One `[gates, words]` array for each slot.

    The table is narrowed one slot at a time from the highest: what is left after the last is the
    output, so the multiplexer tree that defines a LUT is the code.
    """
    rows = 1 << len(inputs)
    shifts = np.arange(rows, dtype=np.uint64)[:, None]
    selected = ((tables[None, :] >> shifts) & np.uint64(1)) * ALL_ONES
    values: Words = selected[:, :, None]
    for slot in reversed(range(len(inputs))):
        half = len(values) // 2
        low, high = values[:half], values[half:]
        values = low ^ ((low ^ high) & inputs[slot][None])
    return np.broadcast_to(values[0], (len(tables), inputs[0].shape[1] if inputs else 1))


def evaluate_nets(net: Netlist, words: Words, state: Words | None = None) -> Words:
    """Return the value of every net, shape `[num_nets, words]`.

    Parameters
    ----------
    words
        `[num_inputs, words]`, one row for each input net.
    state
        `[num_registers, words]`; the registers' initial values when absent.
    """
    values = np.zeros((net.num_nets, words.shape[1]), dtype=np.uint64)
    values[1] = ALL_ONES
    values[net.first_input : net.first_register] = words
    if state is None:
        values[net.first_register : net.first_gate] = net.register_init[:, None] * ALL_ONES
    else:
        values[net.first_register : net.first_gate] = state
    for start, stop in net.blocks:
        tables = net.tables[start:stop]
        slots = [j for j in range(net.fanin.shape[1]) if depends(tables, j).any()]
        top = max(slots, default=-1) + 1
        inputs = [values[net.fanin[start:stop, j]] for j in range(top)]
        values[net.first_gate + start : net.first_gate + stop] = lookup(tables, inputs)
    return values


def evaluate_outputs(net: Netlist, words: Words, state: Words | None = None) -> Words:
    """Return the value of every output bit, ports in order, shape `[num_outputs, words]`."""
    return evaluate_nets(net, words, state)[net.output_nets]

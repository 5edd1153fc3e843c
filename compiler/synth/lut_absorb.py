"""Tables of at most one input taken in by those that read them."""

from __future__ import annotations

import numpy as np

from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.synth.lut_state import LutState, sort_luts

_ZERO = np.uint64(0)
_ONE = np.uint64(1)


@kernel
def absorb_lut(state: LutState, lut: int) -> None:
    """Let every reader of a table of at most one input read that input, or know the constant.

    Outputs take in a copy of a variable and constant 0; an inverter stays for them.
    """
    source = state.fanin[lut, 0] if state.width[lut] else 0
    low = state.tables[lut] & _ONE
    high = (state.tables[lut] >> _ONE) & _ONE if state.width[lut] else low
    if low == high:
        source = 0
    for place in range(state.size[0]):
        reader = state.order[place]
        for slot in range(state.width[reader]):
            if state.fanin[reader, slot] == lut:
                _take_in(state, reader, slot, source, low, high)
                break
    if low == _ZERO:
        for number in range(state.outputs.shape[0]):
            if state.outputs[number] == lut:
                state.outputs[number] = source
    sort_luts(state)


@kernel
def _take_in(  # noqa: PLR0917  compiled code has no keywords
    state: LutState, reader: int, slot: int, source: int, low: np.uint64, high: np.uint64
) -> None:
    """Let a slot read `source`, of which it is `low` where that is 0 and else `high`."""
    width, fanin = state.width[reader], state.fanin[reader]
    twin = _slot_of(fanin, width, source) if source else -1
    # Without a source, or with a slot that reads it already, this slot goes.
    gone = source == 0 or twin >= 0
    table, found = state.tables[reader], _ZERO
    width -= 1 if gone else 0
    for address in range(1 << width):
        old = address
        if gone:
            old = (address & ((1 << slot) - 1)) | ((address >> slot) << (slot + 1))
        value = low
        if source and (old >> (twin if gone else slot)) & 1:
            value = high
        old &= ~(1 << slot)
        if value:
            old |= 1 << slot
        found |= ((table >> np.uint64(old)) & _ONE) << np.uint64(address)
    state.tables[reader] = found
    state.width[reader] = width
    if gone:
        for place in range(slot, width):
            fanin[place] = fanin[place + 1]
        fanin[width] = 0
    else:
        fanin[slot] = source


@kernel
def _slot_of(fanin: IntArray, width: int, variable: int) -> int:
    """Return the slot that reads a variable, or -1."""
    for slot in range(width):
        if fanin[slot] == variable:
            return slot
    return -1

"""Truth tables of up to six inputs, as `uint64`, vectorised over arrays of them.

Bit order: the input in slot `j` is bit `j` of the address (slot 0 is the least significant), and
bit `a` of the table is the output at address `a`. A table of fewer than six inputs is stored
*expanded*: its bits repeat, so that it does not depend on the slots that it lacks, and equal
functions have equal tables whatever their arity.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Tables = npt.NDArray[np.uint64]

MAX_FANIN = 6
CONST0 = np.uint64(0)
CONST1 = np.uint64(0xFFFF_FFFF_FFFF_FFFF)

# VARIABLE[j] is the table of "the input in slot j".
VARIABLE: Tables = np.array(
    [
        0xAAAA_AAAA_AAAA_AAAA,
        0xCCCC_CCCC_CCCC_CCCC,
        0xF0F0_F0F0_F0F0_F0F0,
        0xFF00_FF00_FF00_FF00,
        0xFFFF_0000_FFFF_0000,
        0xFFFF_FFFF_0000_0000,
    ],
    dtype=np.uint64,
)
VARIABLE.setflags(write=False)

AND2 = np.uint64(0x8888_8888_8888_8888)
OR2 = np.uint64(0xEEEE_EEEE_EEEE_EEEE)
XOR2 = np.uint64(0x6666_6666_6666_6666)
XOR3 = np.uint64(0x9696_9696_9696_9696)
MAJ3 = np.uint64(0xE8E8_E8E8_E8E8_E8E8)
# Slot 2 chooses: 0 takes slot 0, 1 takes slot 1.
MUX = np.uint64(0xCACA_CACA_CACA_CACA)


def expand(tables: Tables, fanin: int) -> Tables:
    """Return the expanded form of tables that hold `2**fanin` bits each (higher bits ignored)."""
    bits = 1 << fanin
    out = np.asarray(tables, dtype=np.uint64)
    if bits < 64:
        out = out & np.uint64((1 << bits) - 1)
    while bits < 64:
        out = out | (out << np.uint64(bits))
        bits *= 2
    return out


def from_msb_rows(rows: npt.NDArray[np.generic]) -> Tables:
    """Return expanded tables from `[gates, 2**k]` bits whose first input is the address's *MSB*.

    Most trainers count this way. Slot `j` of the result is still their `j`-th input.
    """
    gates, count = rows.shape
    fanin = count.bit_length() - 1
    address = np.arange(count)
    reversed_address = sum(((address >> j) & 1) << (fanin - 1 - j) for j in range(fanin))
    ordered = (rows != 0)[:, reversed_address] if fanin else (rows != 0)
    weights = np.left_shift(np.uint64(1), np.arange(count, dtype=np.uint64))
    packed = (ordered.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)
    return expand(packed.reshape(gates), fanin)


def cofactor(tables: Tables, slot: int, value: int) -> Tables:
    """Return the tables with `slot` fixed to `value`, expanded again (no longer reading `slot`)."""
    mask = VARIABLE[slot]
    shift = np.uint64(1 << slot)
    if value:
        high = tables & mask
        return high | (high >> shift)
    low = tables & ~mask
    return low | (low << shift)


def flip(tables: Tables, slot: int) -> Tables:
    """Return the tables that read the complement of what `slot` reads now."""
    mask = VARIABLE[slot]
    shift = np.uint64(1 << slot)
    return ((tables & mask) >> shift) | ((tables & ~mask) << shift)


def depends(tables: Tables, slot: int) -> npt.NDArray[np.bool_]:
    """Return which tables depend on `slot`."""
    return cofactor(tables, slot, 0) != cofactor(tables, slot, 1)


def swap(tables: Tables, i: int, j: int) -> Tables:
    """Return the tables with the roles of slots `i` and `j` exchanged."""
    if i == j:
        return tables
    i, j = min(i, j), max(i, j)
    only_i = VARIABLE[i] & ~VARIABLE[j]
    only_j = VARIABLE[j] & ~VARIABLE[i]
    shift = np.uint64((1 << j) - (1 << i))
    stay = tables & ~(only_i | only_j)
    return stay | ((tables & only_i) << shift) | ((tables & only_j) >> shift)


def minterms(table: int, fanin: int) -> list[int]:
    """Return the addresses at which a table of `fanin` inputs is 1, ascending."""
    return [address for address in range(1 << fanin) if table >> address & 1]

"""The sixteen two-input gates, as difflogic and its relatives number them.

Number `g` holds the truth table as written: bit 3 is the output at A=0, B=0, bit 2 at A=0, B=1,
bit 1 at A=1, B=0, bit 0 at A=1, B=1. Slot 0 of a gatec table is A.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gatec.errors import ModelError
from gatec.tables import Tables, from_msb_rows

GATE_NAMES = (
    "0",
    "A&B",
    "A&~B",
    "A",
    "~A&B",
    "B",
    "A^B",
    "A|B",
    "~(A|B)",
    "~(A^B)",
    "~B",
    "A|~B",
    "~A",
    "~A|B",
    "~(A&B)",
    "1",
)

_ROWS = (np.arange(16)[:, None] >> np.array([3, 2, 1, 0])) & 1
GATE_TABLES: Tables = from_msb_rows(_ROWS)
GATE_TABLES.setflags(write=False)


def tables_of(gates: npt.NDArray[Any], *, file: str, place: str) -> Tables:
    """Return the expanded table of each gate number; raise `ModelError` at the first bad one."""
    if gates.ndim != 1 or gates.dtype.kind not in "iu":
        raise ModelError(
            f"gate numbers {gates.dtype}{list(gates.shape)}",
            file=file,
            place=place,
            expected="integers [gates]",
        )
    bad = (gates < 0) | (gates > 15)
    if bad.any():
        gate = int(bad.argmax())
        raise ModelError(
            f"gate {gate} is number {gates[gate]}", file=file, place=place, expected="0..15"
        )
    return GATE_TABLES[gates.astype(np.intp)]


def gates_of(tables: Tables) -> npt.NDArray[np.int64]:
    """Return the gate number of each two-input table (`tables_of` undone)."""
    number = np.zeros(len(tables), dtype=np.int64)
    for address, weight in ((0, 8), (2, 4), (1, 2), (3, 1)):
        number += ((tables >> np.uint64(address)) & np.uint64(1)).astype(np.int64) * weight
    return number

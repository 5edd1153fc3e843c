"""Order gates that arrive in no particular order, as whole arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray


def level_order(fanin: IntArray, first_gate: int) -> npt.NDArray[np.int64] | None:
    """Return the gates sorted by level, stably, or None when they form a cycle.

    Parameters
    ----------
    fanin
        `int32[gates, K]`: gate `g` drives net `first_gate + g`; lower nets are sources. Unlike in
        a netlist, any gate may read any other.
    """
    gates, slots = fanin.shape
    driver = fanin.astype(np.int64) - first_gate
    inner = driver >= 0
    missing = inner.sum(axis=1)
    # Readers of gate g: reader[begin[g] : begin[g + 1]], one entry for each slot that reads it.
    reader = np.repeat(np.arange(gates), slots)[inner.ravel()]
    driver = driver[inner]
    reader = reader[np.argsort(driver, kind="stable")]
    begin = np.concatenate([[0], np.cumsum(np.bincount(driver, minlength=gates))])
    ready = np.flatnonzero(missing == 0)
    order = [ready]
    placed = len(ready)
    while len(ready):
        woken = reader[spans(begin[ready], begin[ready + 1])]
        np.subtract.at(missing, woken, 1)
        ready = np.unique(woken[missing[woken] == 0])
        order.append(ready)
        placed += len(ready)
    return np.concatenate(order) if placed == gates else None


def spans(start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return `start[0]..stop[0]-1, start[1]..stop[1]-1, ...` as one array."""
    length = stop - start
    offset = np.cumsum(length) - length
    flat: npt.NDArray[np.int64] = np.repeat(start - offset, length)
    return np.arange(len(flat)) + flat

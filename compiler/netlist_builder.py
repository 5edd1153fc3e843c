"""Append gates in bulk, then build the Netlist."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import FIRST_INPUT, Netlist, Port
from gatec.tables import Tables


class NetlistBuilder:
    """Collects gates in topological order, whole arrays at a time, and numbers their nets."""

    def __init__(self, num_inputs: int) -> None:
        self._next_net = FIRST_INPUT + num_inputs
        self._fanin: list[IntArray] = []
        self._tables: list[Tables] = []

    def add(self, tables: npt.ArrayLike, fanin: npt.ArrayLike) -> IntArray:
        """Append gates and return their nets.

        Parameters
        ----------
        tables
            One expanded table for all (scalar) or `uint64[gates]`.
        fanin
            `[gates, k]` nets, all added before.
        """
        slots = np.asarray(fanin, dtype=np.int32)
        count = len(slots)
        self._fanin.append(slots)
        self._tables.append(np.broadcast_to(np.asarray(tables, dtype=np.uint64), (count,)))
        start = self._next_net
        self._next_net += count
        return np.arange(start, start + count, dtype=np.int32)

    def build(
        self,
        name: str,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        cuts: tuple[Port, ...] = (),
    ) -> Netlist:
        """Return the netlist of all gates added so far."""
        fanin, tables = stacked(self._fanin, self._tables)
        return Netlist(name, inputs, outputs, fanin, tables, cuts=cuts)


def stacked(fanin: list[IntArray], tables: list[Tables]) -> tuple[IntArray, Tables]:
    """Return the gates of several parts as one: fan-in, with slots of net 0 added, and tables."""
    stack = np.zeros(
        (sum(map(len, fanin)), max((part.shape[1] for part in fanin), default=1)), dtype=np.int32
    )
    row = 0
    for part in fanin:
        stack[row : row + len(part), : part.shape[1]] = part
        row += len(part)
    return stack, np.concatenate([np.zeros(0, dtype=np.uint64), *tables])

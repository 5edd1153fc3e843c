"""Put netlists together, each reading any nets of those before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.chains import NO_CHAIN, Chains
from gatec.netlist import FIRST_INPUT, Netlist, Port
from gatec.netlist_builder import stacked
from gatec.tables import Tables


class Joiner:
    """Gates of several netlists, in the order in which they are added.

    Parameters
    ----------
    first_gate
        The net of the first gate.
    """

    def __init__(self, first_gate: int) -> None:
        self.first_gate = first_gate
        self.num_gates = 0
        self._fanin: list[IntArray] = []
        self._tables: list[Tables] = []
        self._chain: list[IntArray] = []
        self._carry: list[npt.NDArray[np.bool_]] = []
        self._chains = 0

    def add(self, part: Netlist, sources: npt.ArrayLike) -> IntArray:
        """Add the gates of a netlist whose input bits are the nets `sources`; return all its nets.

        `int32[nets of the part]`: the number here of each net there.
        """
        assert not part.num_registers
        first = self.first_gate + self.num_gates
        gates = np.arange(first, first + part.num_gates)
        number = np.concatenate([np.arange(FIRST_INPUT), sources, gates]).astype(np.int32)
        self._fanin.append(number[part.fanin])
        self._tables.append(part.tables)
        chains = part.chains or Chains(
            np.full(part.num_gates, NO_CHAIN), np.zeros(part.num_gates, dtype=bool)
        )
        on = chains.chain != NO_CHAIN
        self._chain.append(np.where(on, chains.chain + self._chains, NO_CHAIN))
        self._carry.append(chains.carry)
        self._chains += chains.count
        self.num_gates += part.num_gates
        return number

    def netlist(
        self,
        name: str,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        cuts: tuple[Port, ...] = (),
    ) -> Netlist:
        """Return the netlist of all gates added so far."""
        chains = None
        if self._chains:
            chains = Chains(np.concatenate(self._chain), np.concatenate(self._carry))
        fanin, tables = stacked(self._fanin, self._tables)
        return Netlist(name, inputs, outputs, fanin, tables, cuts=cuts, chains=chains)

"""Carry chains: gates that share logic cells with a dedicated carry, as on the iCE40.

A logic cell holds a LUT of four inputs and, beside it, a carry gate: the majority of the LUT's
slots 1 and 2 and of the carry that arrives from the cell before, which is also the LUT's slot 3.
What a LUT does not need of these slots may hold net 0 in the netlist.
Both are ordinary gates of the netlist; `Chains` says which of them are such cells. A carry can go
nowhere but to the next cell: to its carry gate, and to slot 3 of its LUT.

Source of the structure: Lattice, iCE40 LP/HX Family Data Sheet, "Programmable Logic Blocks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray, frozen
from gatec.roms import rom_gates
from gatec.tables import VARIABLE, depends

if TYPE_CHECKING:
    from gatec.netlist import Netlist

# A carry gate: the majority of slots 1, 2 and 3. Slot 0 is net 0.
CARRY = (VARIABLE[1] & VARIABLE[2]) | (VARIABLE[3] & (VARIABLE[1] | VARIABLE[2]))
# The slot at which a carry arrives.
CARRY_SLOT = 3
NO_CHAIN = -1


class ChainError(Exception):
    """Gates that do not form carry chains as they are said to."""


@dataclass(frozen=True, eq=False)
class Chains:
    """Which gates lie on carry chains.

    Attributes
    ----------
    chain
        `int32[gates]`: the number of each gate's chain, or -1.
    carry
        `bool[gates]`: the carry gates.
    """

    chain: IntArray
    carry: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        object.__setattr__(self, "chain", frozen(self.chain, np.int32))
        object.__setattr__(self, "carry", frozen(self.carry, np.bool_))

    @property
    def count(self) -> int:
        """Number of chains."""
        return int(self.chain.max(initial=NO_CHAIN)) + 1


def carry_nets(net: Netlist, chains: Chains) -> npt.NDArray[np.bool_]:
    """Return `bool[nets]`: the nets that carry gates drive."""
    driven = np.zeros(net.num_nets, dtype=bool)
    driven[net.first_gate :] = chains.carry
    return driven


def outside(net: Netlist, chains: Chains) -> npt.NDArray[np.bool_]:
    """Return `bool[gates, K]`: the slots that read a net from outside the gate's own chain."""
    of_net = np.concatenate([np.full(net.first_gate, NO_CHAIN, dtype=np.int32), chains.chain])
    return (of_net[net.fanin] != chains.chain[:, None]) | (chains.chain[:, None] == NO_CHAIN)


def carry_gates(net: Netlist) -> npt.NDArray[np.bool_]:
    """Return `bool[gates]`: the carry gates of a netlist."""
    return np.zeros(net.num_gates, dtype=bool) if net.chains is None else net.chains.carry


def count_cells(net: Netlist) -> int:
    """Return the number of logic cells: LUTs, and carry gates without a LUT in their cell."""
    chains, looked_up = net.chains, int(rom_gates(net).sum())
    if chains is None:
        return net.num_gates - looked_up
    lone = chains.carry & ~_with_lut(net, chains)
    return int((~chains.carry).sum() + lone.sum()) - looked_up


def _with_lut(net: Netlist, chains: Chains) -> npt.NDArray[np.bool_]:
    """Return `bool[gates]`: the carry gates whose cell has a LUT, which reads the same carry."""
    found = np.zeros(net.num_gates, dtype=bool)
    on = np.flatnonzero(chains.chain != NO_CHAIN)
    if not len(on):
        return found
    # A chain begins with a constant, and only one of its cells takes that.
    arrives = net.fanin[on, CARRY_SLOT].astype(np.int64)
    cell = np.where(arrives < 2, -1 - chains.chain[on].astype(np.int64), arrives)
    found[on] = chains.carry[on] & np.isin(cell, cell[~chains.carry[on]])
    return found


def check_chains(net: Netlist, chains: Chains) -> None:
    """Raise `ChainError`, naming the first culprit, where the gates are no such chains."""
    if chains.chain.shape != net.tables.shape or chains.carry.shape != net.tables.shape:
        raise ChainError("chains are given for another number of gates")
    _each("carry gate {} is no majority of slots 1 to 3", chains.carry & ~_majority(net))
    _each("carry gate {} is on no chain", chains.carry & (chains.chain == NO_CHAIN))
    driven = carry_nets(net, chains)
    foreign = outside(net, chains)
    reads = driven[net.fanin]
    if reads.size:
        if reads[:, :CARRY_SLOT].any() or reads[:, CARRY_SLOT + 1 :].any():
            raise ChainError("a carry is read in another slot than the last")
        _each("gate {} reads a carry of another chain", np.any(reads & foreign, axis=1))
    if driven[net.root_nets].any():
        raise ChainError("a carry is an output")
    _check_readers(net, chains, driven)
    _check_between(net, chains, foreign)
    if net.stage is not None:
        low = np.full(chains.count + 1, net.num_stages, dtype=np.int64)
        high = np.full(chains.count + 1, -1, dtype=np.int64)
        np.minimum.at(low, chains.chain, net.stage)
        np.maximum.at(high, chains.chain, net.stage)
        if (low[:-1] != high[:-1]).any():
            raise ChainError("a chain lies in two stages")


def _each(message: str, bad: npt.NDArray[np.bool_]) -> None:
    if bad.any():
        raise ChainError(message.format(int(bad.argmax())))


def _majority(net: Netlist) -> npt.NDArray[np.bool_]:
    if net.fanin.shape[1] <= CARRY_SLOT:
        return np.zeros(net.num_gates, dtype=bool)
    return (net.tables == CARRY) & (net.fanin[:, 0] == 0)


def _check_readers(net: Netlist, chains: Chains, driven: npt.NDArray[np.bool_]) -> None:
    """A carry is read by one LUT and one carry gate at most, both of one cell."""
    if net.fanin.shape[1] <= CARRY_SLOT:
        return
    readers = np.flatnonzero(driven[net.fanin[:, CARRY_SLOT]])
    for kind in (chains.carry, ~chains.carry):
        read = net.fanin[readers[kind[readers]], CARRY_SLOT]
        if len(np.unique(read)) != len(read):
            raise ChainError("a carry has two readers of one kind")
    luts = readers[~chains.carry[readers]]
    partner = np.full(net.num_nets, -1, dtype=np.int64)
    carries = readers[chains.carry[readers]]
    partner[net.fanin[carries, CARRY_SLOT]] = carries
    found = partner[net.fanin[luts, CARRY_SLOT]]
    both = found >= 0
    for slot in (1, 2):
        used = depends(net.tables[luts[both]], slot)
        apart = used & (net.fanin[luts[both], slot] != net.fanin[found[both], slot])
        if apart.any():
            raise ChainError(f"gate {luts[both][apart][0]} and the carry beside it read other nets")


def _check_between(net: Netlist, chains: Chains, foreign: npt.NDArray[np.bool_]) -> None:
    """What a chain reads from outside lies before it all, and what reads it lies behind it all."""
    on = np.flatnonzero(chains.chain != NO_CHAIN)
    first = np.full(chains.count, net.num_nets, dtype=np.int64)
    last = np.zeros(chains.count, dtype=np.int64)
    np.minimum.at(first, chains.chain[on], net.first_gate + on)
    np.maximum.at(last, chains.chain[on], net.first_gate + on)
    read = np.where(foreign[on], net.fanin[on], 0).max(axis=1, initial=0)
    if (read >= first[chains.chain[on]]).any():
        raise ChainError("a chain reads a net that is not before it")
    of_net = np.concatenate([np.full(net.first_gate, NO_CHAIN, dtype=np.int32), chains.chain])
    source = of_net[net.fanin]
    own = np.arange(net.first_gate, net.num_nets)[:, None]
    bad = foreign & (source != NO_CHAIN) & (own <= last[source])
    if chains.count and bad.any():
        raise ChainError("a gate before the end of a chain reads it")

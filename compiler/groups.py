"""Gates that stand together: carry chains, and reads of block RAMs, each as one group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.chains import NO_CHAIN, carry_gates
from gatec.roms import NO_ROM, rom_gates

if TYPE_CHECKING:
    from gatec.netlist import Netlist

NO_GROUP = -1


def groups_of(net: Netlist) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the group of each gate, or -1: the chains, then the memories; and how many LUT levels
    each group takes before its first output, beyond its LUTs.
    """
    group = np.full(net.num_gates, NO_GROUP, dtype=np.int64)
    chains = 0
    if net.chains is not None:
        on = net.chains.chain != NO_CHAIN
        group[on] = net.chains.chain[on]
        chains = net.chains.count
    delay = np.zeros(chains, dtype=np.int64)
    if net.roms is not None:
        on = net.roms.memory != NO_ROM
        group[on] = net.roms.memory[on] + chains
        delay = np.concatenate([delay, np.full(net.roms.count, net.roms.levels)])
    return group, delay


def outside_groups(net: Netlist, group: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return `bool[gates, K]`: the slots that read a net from outside the gate's own group."""
    of_net = np.concatenate([np.full(net.first_gate, NO_GROUP), group])
    return (of_net[net.fanin] != group[:, None]) | (group[:, None] == NO_GROUP)


def group_levels(net: Netlist) -> IntArray:
    """Return `Netlist.levels`: all cells of a group wait for its last input from outside.

    A LUT adds a level and a carry none; what a memory gives comes when the memory's time is over.
    """
    level = np.zeros(net.num_nets, dtype=np.int32)
    group, delay = groups_of(net)
    count = len(delay)
    start_of = np.zeros(count + 1, dtype=np.int32)
    foreign = outside_groups(net, group)
    order = np.argsort(group, kind="stable")
    first_member = np.searchsorted(group[order], np.arange(count + 1))
    first_gate = order[first_member[:-1]] if count else order[:0]
    adds = ~(carry_gates(net) | rom_gates(net))
    for start, stop in net.blocks:
        # Groups that begin here: what they read from outside lies before them all.
        begun = np.flatnonzero((first_gate >= start) & (first_gate < stop))
        for number in begun.tolist():
            members = order[first_member[number] : first_member[number + 1]]
            read = net.fanin[members][foreign[members]]
            start_of[number] = level[read].max(initial=0) + delay[number]
        own = slice(net.first_gate + start, net.first_gate + stop)
        above = level[net.fanin[start:stop]].max(axis=1, initial=0)
        here = group[start:stop]
        above = np.maximum(above, np.where(here >= 0, start_of[here], 0))
        level[own] = above + adds[start:stop]
    return level

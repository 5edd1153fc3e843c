"""Split gates that are wider than a look-up table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.rewire import rewired, trimmed
from gatec.tables import AND2, MUX, VARIABLE, cofactor, depends

_OR2 = VARIABLE[0] | VARIABLE[1]
_AND_NOT2 = VARIABLE[0] & ~VARIABLE[1]

# How to choose between two nets: (table, slots) of each gate. A slot reads the select or a gate of
# the group: 0 and 1 are the nets for a select of 0 and 1, then come these gates.
_SELECT = -1
_BY_MUX = ((MUX, (0, 1, _SELECT)),)
_BY_PAIRS = ((_AND_NOT2, (0, _SELECT)), (AND2, (1, _SELECT)), (_OR2, (2, 3)))


def split(net: Netlist, k: int = 4) -> Netlist:
    """Return the netlist with no gate of more than `k` inputs (2 to 6), by Shannon's expansion.

    A gate that reads slot `k` or above becomes its two cofactors in its highest slot and a choice
    between them: one multiplexer, or for `k` = 2 three gates. Nothing else changes.
    """
    return split_apart(net, k)[0]


def split_apart(net: Netlist, k: int) -> tuple[Netlist, IntArray]:
    """Return the same, and the new net that computes each old one, `int32[nets]`."""
    assert k >= 2, "a choice takes gates of two inputs"
    assert net.stage is None, "passes come before pipelining"
    number = np.arange(net.num_nets, dtype=np.int32)
    while net.fanin.shape[1] > k:
        last = net.fanin.shape[1] - 1
        net, moved = without_slot(net, last, depends(net.tables, last))
        # Nothing depends on that slot any more, whatever is in it.
        net, number = trimmed(net.replace(fanin=net.fanin[:, :last])), moved[number]
    return net, number


def without_slot(net: Netlist, last: int, wide: npt.NDArray[np.bool_]) -> tuple[Netlist, IntArray]:
    """Return the netlist with the `wide` gates, whose last slot that is, expanded over it.

    Beside it, the new net that computes each old one.
    """
    choice = _BY_MUX if last >= 3 else _BY_PAIRS
    low, high = cofactor(net.tables, last, 0), cofactor(net.tables, last, 1)
    # A wide gate becomes a group in its place, its last gate drives what it drove.
    more = 1 + len(choice)
    place = np.arange(net.num_gates) + more * np.cumsum(wide)
    new_net = np.arange(net.num_nets, dtype=np.int32)
    new_net[net.first_gate :] = net.first_gate + place
    old = new_net[net.fanin]
    tables = np.zeros(net.num_gates + more * int(wide.sum()), dtype=np.uint64)
    fanin = np.zeros((len(tables), net.fanin.shape[1]), dtype=np.int32)
    tables[place], fanin[place] = net.tables, old
    group = place[wide] - more
    select = old[wide, last]
    for offset, table in enumerate((low, high)):
        tables[group + offset], fanin[group + offset, :last] = table[wide], old[wide, :last]
    for offset, (table, slots) in enumerate(choice, start=2):
        tables[group + offset], fanin[group + offset] = table, 0
        for slot, source in enumerate(slots):
            chosen = select if source == _SELECT else net.first_gate + group + source
            fanin[group + offset, slot] = chosen
    return rewired(net, new_net, fanin, tables), new_net

"""Prune the gates that nothing reads."""

from __future__ import annotations

import numpy as np

from gatec.netlist import Netlist
from gatec.rewire import rewired, trimmed


def prune(net: Netlist) -> Netlist:
    """Return the netlist of the gates that reach an output, a cut or a register, in their order."""
    assert net.stage is None, "passes come before pipelining"
    alive = np.zeros(net.num_nets, dtype=np.bool_)
    alive[: net.first_gate] = True
    alive[net.root_nets] = True
    for start, stop in reversed(net.blocks):
        read = net.fanin[start:stop][alive[net.first_gate + start : net.first_gate + stop]]
        alive[read.ravel()] = True
    renamed = (np.cumsum(alive) - 1).astype(np.int32)
    gates = np.flatnonzero(alive[net.first_gate :])
    return trimmed(rewired(net, renamed, renamed[net.fanin[gates]], net.tables[gates]))

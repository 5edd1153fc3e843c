"""Cut a cone out of a netlist."""

from __future__ import annotations

import numpy as np

from gatec.blocks import IntArray
from gatec.errors import DifferentError
from gatec.netlist import Netlist, Port, make_ports


def cone(net: Netlist, sources: IntArray, sinks: IntArray) -> Netlist:
    """Return the netlist that computes `sinks` from `sources`, each an `int32` array of nets.

    The order of both is kept; a net that is a source twice feeds both inputs' readers from the
    first. Raises `DifferentError` when a sink depends on anything but the sources and constants.
    """
    needed = np.zeros(net.num_nets, dtype=bool)
    needed[sinks] = True
    is_source = np.zeros(net.num_nets, dtype=bool)
    is_source[sources] = True
    for start, stop in reversed(net.blocks):
        first = net.first_gate + start
        last = net.first_gate + stop
        rows = needed[first:last] & ~is_source[first:last]
        needed[net.fanin[start:stop][rows]] = True
    inside = needed & ~is_source
    outside = np.flatnonzero(inside[2 : net.first_gate])
    if len(outside):
        raise DifferentError(
            f"net {outside[0] + 2} is read from outside of its cone", file="lowering"
        )
    gates = np.flatnonzero(inside[net.first_gate :])
    ports = make_ports(("x", len(sources)))
    number = np.zeros(net.num_nets, dtype=np.int32)
    number[1] = 1
    number[sources[::-1]] = ports[0].nets[::-1]
    number[net.first_gate + gates] = np.arange(len(gates)) + 2 + len(sources)
    outputs = (Port("y", number[sinks]),)
    return Netlist(net.name, ports, outputs, number[net.fanin[gates]], net.tables[gates])

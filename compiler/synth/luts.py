"""Networks of look-up tables as plain arrays, numbered as the search numbers them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.bits import Words
from gatec.blocks import IntArray
from gatec.netlist import CONST0_NET, CONST1_NET, FIRST_INPUT, Netlist, Port
from gatec.tables import CONST1, MAX_FANIN, expand, swap


@dataclass(frozen=True, eq=False)
class Luts:
    """A combinational network of `G` look-up tables.

    Variable 0 is constant 0, then come the inputs, then the tables, each after what it reads.

    Attributes
    ----------
    inputs
        Number of inputs.
    fanin
        `int32[G, 6]`: variables; slot 0 is the least significant address bit; 0 where not used.
    width
        `int32[G]`: how many slots are used, the first ones.
    tables
        `uint64[G]`: the first `2**width` bits count.
    outputs
        `int32[O]`: variables.
    """

    inputs: int
    fanin: IntArray
    width: IntArray
    tables: Words
    outputs: IntArray

    @property
    def count(self) -> int:
        """Number of tables."""
        return len(self.width)


def from_netlist(net: Netlist) -> Luts:
    """Return a netlist without state registers, whose gates read no constants (after `fold`)."""
    assert not net.num_registers, "a netlist with state registers"
    assert not (net.fanin == CONST1_NET).any(), "a constant among the fan-ins"
    source, tables = _without_gaps(net)
    number = np.zeros(net.num_nets, dtype=np.int32)
    number[FIRST_INPUT:] = 1 + np.arange(net.num_nets - FIRST_INPUT)
    fanin = np.zeros((net.num_gates, MAX_FANIN), dtype=np.int32)
    fanin[:, : net.fanin.shape[1]] = number[source]
    width, outputs = (source != CONST0_NET).sum(axis=1), number[net.output_nets]
    if (net.output_nets == CONST1_NET).any():  # the search knows no constant 1
        outputs[net.output_nets == CONST1_NET] = 1 + net.num_inputs + net.num_gates
        fanin = np.concatenate([fanin, np.zeros((1, MAX_FANIN), dtype=np.int32)])
        width, tables = np.append(width, 0), np.append(tables, CONST1)
    return Luts(net.num_inputs, fanin, width.astype(np.int32), tables, outputs)


def _without_gaps(net: Netlist) -> tuple[IntArray, Words]:
    """Return fan-ins and tables with the slots that are used first."""
    fanin, tables = np.array(net.fanin), np.array(net.tables)
    for _ in range(fanin.shape[1]):
        for slot in range(fanin.shape[1] - 1):
            gap = (fanin[:, slot] == CONST0_NET) & (fanin[:, slot + 1] != CONST0_NET)
            tables[gap] = swap(tables[gap], slot, slot + 1)
            fanin[gap, slot], fanin[gap, slot + 1] = fanin[gap, slot + 1], CONST0_NET
    return fanin, tables


def to_netlist(luts: Luts, like: Netlist) -> Netlist:
    """Return a network as a netlist with the ports of `like`."""
    number = np.concatenate([[CONST0_NET], FIRST_INPUT + np.arange(luts.inputs + luts.count)])
    number = number.astype(np.int32)
    tables = np.array(luts.tables)
    for width in np.unique(luts.width):
        same = luts.width == width
        tables[same] = expand(tables[same], int(width))
    nets, ports, start = number[luts.outputs], [], 0
    for port in like.outputs:
        ports.append(Port(port.name, nets[start : start + port.width], port.encoding))
        start += port.width
    return like.replace(outputs=tuple(ports), fanin=number[luts.fanin], tables=tables)

"""A netlist with each carry chain, and each memory, as one gate: nothing tears them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.chains import carry_gates
from gatec.groups import NO_GROUP, groups_of, outside_groups
from gatec.netlist import CONST0_NET, Netlist, Port
from gatec.roms import rom_gates


@dataclass(frozen=True, eq=False)
class ChainGraph:
    """Who reads whom, with a chain, and a block RAM, as one gate.

    Attributes
    ----------
    net
        A netlist without a function: its tables are empty and its fan-in may be wide.
    node_of_gate
        `int64[gates]`: the gate of `net` that stands for each gate of the original.
    steps
        `int64[gates of net]`: LUTs in a row inside, or the time that a block RAM takes; 1 for what
        is neither.
    is_rom
        `bool[gates of net]`: the block RAMs, whose inputs pass a register.
    """

    net: Netlist
    node_of_gate: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    is_rom: npt.NDArray[np.bool_]


def whole_chains(net: Netlist) -> ChainGraph:
    """Return the graph of a netlist's gates, chains and memories, in topological order."""
    group, delay = groups_of(net)
    if not len(delay):
        ones = np.ones(net.num_gates, dtype=np.int64)
        return ChainGraph(net, np.arange(net.num_gates), ones, np.zeros(net.num_gates, dtype=bool))
    # A group stands where its last gate does: behind all it reads, before all that reads it.
    last = np.arange(net.num_gates)
    of_group = np.zeros(len(delay), dtype=np.int64)
    on = group != NO_GROUP
    np.maximum.at(of_group, group[on], last[on])
    last[on] = of_group[group[on]]
    node_of_gate = np.unique(last, return_inverse=True)[1].reshape(-1)
    nodes = int(node_of_gate.max()) + 1
    number = np.concatenate([np.arange(net.first_gate), net.first_gate + node_of_gate])
    fanin = _fanin(node_of_gate, nodes, number[net.fanin], outside_groups(net, group))
    graph = Netlist(
        net.name,
        net.inputs,
        (Port("y", number[net.output_nets]),),
        fanin,
        np.zeros(nodes, dtype=np.uint64),
    )
    is_rom = np.zeros(nodes, dtype=bool)
    is_rom[node_of_gate[rom_gates(net)]] = True
    steps = _steps(net, node_of_gate, nodes)
    steps[is_rom] = 0 if net.roms is None else net.roms.levels
    return ChainGraph(graph, node_of_gate, steps, is_rom)


def longest_chain(net: Netlist) -> int:
    """Return the most LUTs in a row on a chain; 1 without chains."""
    graph = whole_chains(net)
    return int(graph.steps[~graph.is_rom].max(initial=1))


def _fanin(
    node_of_gate: npt.NDArray[np.int64],
    nodes: int,
    nets: npt.NDArray[np.int64],
    foreign: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int32]:
    """Return `int32[nodes, K]`: the nets that each node reads from outside, each once."""
    rows = np.broadcast_to(node_of_gate[:, None], nets.shape)[foreign]
    edges = np.unique(np.stack([rows, nets[foreign]], axis=1), axis=0)
    count = np.bincount(edges[:, 0], minlength=nodes)
    place = np.arange(len(edges)) - np.repeat(np.cumsum(count) - count, count)
    fanin = np.full((nodes, int(count.max(initial=1))), CONST0_NET, dtype=np.int32)
    fanin[edges[:, 0], place] = edges[:, 1]
    return fanin


def _steps(net: Netlist, node_of_gate: npt.NDArray[np.int64], nodes: int) -> npt.NDArray[np.int64]:
    """Return the LUTs in a row inside each node."""
    level = net.levels[net.first_gate :]
    low = np.full(nodes, np.iinfo(np.int32).max, dtype=np.int64)
    high = np.zeros(nodes, dtype=np.int64)
    luts = ~carry_gates(net)
    np.minimum.at(low, node_of_gate[luts], level[luts])
    np.maximum.at(high, node_of_gate[luts], level[luts])
    return high - low + 1

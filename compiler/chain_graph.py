"""A netlist with each carry chain as one gate, for what must not tear chains apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.chains import NO_CHAIN, outside
from gatec.netlist import CONST0_NET, Netlist, Port


@dataclass(frozen=True, eq=False)
class ChainGraph:
    """Who reads whom, with a chain as one gate.

    Attributes
    ----------
    net
        A netlist without a function: its tables are empty and its fan-in may be wide.
    node_of_gate
        `int64[gates]`: the gate of `net` that stands for each gate of the original.
    steps
        `int64[gates of net]`: LUTs in a row inside; 1 for what is no chain.
    """

    net: Netlist
    node_of_gate: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]


def whole_chains(net: Netlist) -> ChainGraph:
    """Return the graph of a netlist's gates and chains, in topological order."""
    chains = net.chains
    if chains is None or not chains.count:
        ones = np.ones(net.num_gates, dtype=np.int64)
        return ChainGraph(net, np.arange(net.num_gates), ones)
    # A chain stands where its last gate does: behind all it reads, before all that reads it.
    last = np.arange(net.num_gates)
    of_chain = np.zeros(chains.count, dtype=np.int64)
    on = chains.chain != NO_CHAIN
    np.maximum.at(of_chain, chains.chain[on], last[on])
    last[on] = of_chain[chains.chain[on]]
    node_of_gate = np.unique(last, return_inverse=True)[1].reshape(-1)
    nodes = int(node_of_gate.max()) + 1
    number = np.concatenate([np.arange(net.first_gate), net.first_gate + node_of_gate])
    fanin = _fanin(node_of_gate, nodes, number[net.fanin], outside(net, chains))
    graph = Netlist(
        net.name,
        net.inputs,
        (Port("y", number[net.output_nets]),),
        fanin,
        np.zeros(nodes, dtype=np.uint64),
    )
    return ChainGraph(graph, node_of_gate, _steps(net, node_of_gate, nodes))


def longest_chain(net: Netlist) -> int:
    """Return the most LUTs in a row on a chain; 1 without chains."""
    return int(whole_chains(net).steps.max(initial=1))


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
    chains = net.chains
    assert chains is not None
    level = net.levels[net.first_gate :]
    low = np.full(nodes, np.iinfo(np.int32).max, dtype=np.int64)
    high = np.zeros(nodes, dtype=np.int64)
    luts = ~chains.carry
    np.minimum.at(low, node_of_gate[luts], level[luts])
    np.maximum.at(high, node_of_gate[luts], level[luts])
    return high - low + 1

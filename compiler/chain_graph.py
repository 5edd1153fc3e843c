"""A netlist with each carry chain, and each memory, as one gate: nothing tears them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.chains import carry_gates
from gatec.groups import NO_GROUP, groups_of, outside_groups
from gatec.netlist import CONST0_NET, Netlist, Port
from gatec.roms import rom_gates


@dataclass(frozen=True)
class Weights:
    """How long gates take, in steps of a stage.

    Attributes
    ----------
    lut
        A LUT and the connection to it.
    carry, chain
        Each carry on the way through a chain, and what entering and leaving it takes beyond a LUT;
        the sum of both along a chain is rounded up.
    """

    lut: int = 1
    carry: float = 0.0
    chain: float = 0.0


# A level for each LUT, and nothing for a carry.
LEVELS = Weights()


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
        `int64[gates of net]`: what each takes of a stage, by `Weights`; with `LEVELS` the LUTs in a
        row inside, or the time that a block RAM takes; 1 for what is neither.
    is_rom
        `bool[gates of net]`: the block RAMs, whose inputs pass a register.
    """

    net: Netlist
    node_of_gate: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    is_rom: npt.NDArray[np.bool_]

    @property
    def longest(self) -> int:
        """The most steps of what is no block RAM: no stage can be shorter."""
        return int(self.steps[~self.is_rom].max(initial=1))


def whole_chains(net: Netlist, weights: Weights = LEVELS) -> ChainGraph:
    """Return the graph of a netlist's gates, chains and memories, in topological order."""
    group, delay = groups_of(net)
    if not len(delay):
        steps = np.full(net.num_gates, weights.lut, dtype=np.int64)
        none = np.zeros(net.num_gates, dtype=bool)
        return ChainGraph(net, np.arange(net.num_gates), steps, none)
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
    steps = _steps(net, node_of_gate, nodes, weights)
    steps[is_rom] = 0 if net.roms is None else net.roms.levels * weights.lut
    return ChainGraph(graph, node_of_gate, steps, is_rom)


def longest_chain(net: Netlist, weights: Weights = LEVELS) -> int:
    """Return the most steps of a gate or chain: with `LEVELS` LUTs in a row, 1 without chains."""
    return whole_chains(net, weights).longest


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


def _steps(
    net: Netlist, node_of_gate: npt.NDArray[np.int64], nodes: int, weights: Weights
) -> npt.NDArray[np.int64]:
    """Return the steps of each node: those of the longest path inside."""
    group, _ = groups_of(net)
    inside = ~outside_groups(net, group) & (net.fanin >= net.first_gate)
    delay = np.zeros(net.num_nets)
    own = np.where(carry_gates(net), weights.carry, weights.lut)
    for start, stop in net.blocks:
        above = np.where(inside[start:stop], delay[net.fanin[start:stop]], 0).max(axis=1)
        delay[net.first_gate + start : net.first_gate + stop] = above + own[start:stop]
    delay[net.first_gate :] += np.where(group != NO_GROUP, weights.chain, 0)
    longest = np.zeros(nodes)
    np.maximum.at(longest, node_of_gate, delay[net.first_gate :])
    # Sums of equal parts, a little more than whole, are whole.
    return np.ceil(longest - 1e-6).astype(np.int64)

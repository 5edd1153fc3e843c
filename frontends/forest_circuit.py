"""The gates of decision trees: which leaf a sample falls into, and the bits of the leaves' values.

From the root down, a node is reached where the one above it is and its comparator says so: one gate
a node. A bit of a tree's value is the OR of the leaves whose value has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.lowering.bits import or_table
from gatec.netlist import CONST0_NET, CONST1_NET, Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import AND2, MAX_FANIN, VARIABLE

Integers = npt.NDArray[np.int64]

_NONE = -1
_AND_NOT = VARIABLE[0] & ~VARIABLE[1]


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of some trees, numbered through all of them.

    Attributes
    ----------
    roots
        Node of each tree.
    left, right
        Nodes below; -1 for both of a leaf.
    feature, threshold
        As in `gatec.frontends.forest.Tree`.
    bit
        The input bit that says "to the right".
    """

    roots: Integers
    left: Integers
    right: Integers
    feature: Integers
    threshold: npt.NDArray[np.float64]
    bit: Integers


def forest_circuit(
    nodes: Nodes, values: Sequence[Integers], width: int
) -> tuple[Netlist, tuple[Integers, Integers, Integers]]:
    """Return the circuit of the leaves' value bits, and what each of its outputs stands for.

    Parameters
    ----------
    values
        For each tree, integers from 0 `[nodes, columns]`: 0 but for leaves.
    width
        Number of input bits.

    Returns
    -------
    tuple
        The netlist, whose outputs all differ; then three vectors, of the bits of the values: the
        output that holds it, the number of its column, counted through all trees, and its weight.
    """
    ports = make_ports(("x", width))
    builder = NetlistBuilder(width)
    reached = _reached(builder, nodes, ports[0].nets)
    nets, column, weight = [], [], []
    base = 0
    for root, value in zip(nodes.roots, values, strict=True):
        own = reached[root : root + len(value)]
        for bit in range(int(value.max()).bit_length()):
            leaf, of = np.nonzero(value >> bit & 1)
            nets.append(own[leaf])
            column.append(base + of)
            weight.append(np.full(len(of), 1 << bit, dtype=np.int64))
        base += value.shape[1]
    if not nets:
        # Every tree is one value: a constant bit keeps the circuit a circuit.
        out = np.array([CONST0_NET], dtype=np.int32)
        none = np.zeros(1, dtype=np.int64)
        return builder.build("trees", ports, (Port("y", out),)), (none, none, none)
    keys = np.stack([np.concatenate(column), np.concatenate(weight)], axis=1)
    groups, which = np.unique(keys, axis=0, return_inverse=True)
    joined = _joined(builder, np.concatenate(nets), which.reshape(-1))
    outputs, output = np.unique(joined, return_inverse=True)
    net = builder.build("trees", ports, (Port("y", outputs.astype(np.int32)),))
    net.verify()
    return net, (output.reshape(-1), groups[:, 0], groups[:, 1])


def _reached(builder: NetlistBuilder, nodes: Nodes, inputs: npt.NDArray[np.int32]) -> Integers:
    """Return the net of each node that says whether a sample comes by, level by level."""
    reached = np.full(len(nodes.left), CONST1_NET, dtype=np.int64)
    front = nodes.roots
    while True:
        front = front[nodes.left[front] != _NONE]
        if not len(front):
            return reached
        reads = np.stack([reached[front], inputs[nodes.bit[front]]], axis=1)
        below = nodes.left[front], nodes.right[front]
        reached[below[0]] = builder.add(_AND_NOT, reads)
        reached[below[1]] = builder.add(AND2, reads)
        front = np.concatenate(below)


def _joined(builder: NetlistBuilder, nets: Integers, group: Integers) -> Integers:
    """Return the OR of the nets of each group, joining up to six in a gate."""
    order = np.argsort(group, kind="stable")
    nets, group = nets[order], group[order]
    while True:
        counts = np.bincount(group)
        if counts.max() == 1:
            return nets
        place = np.arange(len(group)) - (np.cumsum(counts) - counts)[group]
        blocks = -(-counts // MAX_FANIN)
        first = np.cumsum(blocks) - blocks
        row = first[group] + place // MAX_FANIN
        reads = np.full((int(blocks.sum()), MAX_FANIN), CONST0_NET, dtype=np.int64)
        reads[row, place % MAX_FANIN] = nets
        nets = builder.add(or_table(MAX_FANIN), reads).astype(np.int64)
        group = np.repeat(np.arange(len(counts)), blocks)

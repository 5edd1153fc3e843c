"""Lower the blocks from bits to bits: each with the claim that its proof starts from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.blocks_bits import BitBlock, Merge, Wires
from gatec.blocks_circuit import Circuit
from gatec.blocks_conv import LutConv, OrPool
from gatec.netlist import CONST0_NET, CONST1_NET
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import MAX_FANIN, VARIABLE

# Nets of each inner level, as the lowering of a block names them; empty where there are none.
Claim = list[IntArray]


def lower_bits(
    builder: NetlistBuilder, block: BitBlock, inputs: Sequence[IntArray]
) -> tuple[IntArray, Claim]:
    """Add the gates of a block; return its outputs' nets and what its proof must know."""
    return _LOWERINGS[type(block)](builder, block, inputs)


def nets_at(nets: IntArray, sources: npt.NDArray[np.integer]) -> IntArray:
    """Return the nets of numbered bits; `NOTHING` (-1) is constant 0, `ALWAYS` (-2) constant 1."""
    return np.append(nets, np.array([CONST1_NET, CONST0_NET], dtype=np.int32))[sources]


def or_table(size: int) -> np.uint64:
    """Return the expanded table that is 1 unless the first `size` slots are all 0."""
    return np.uint64(np.bitwise_or.reduce(VARIABLE[:size]))


def _wires(_: NetlistBuilder, block: Wires, inputs: Sequence[IntArray]) -> tuple[IntArray, Claim]:
    return nets_at(np.concatenate(inputs), block.source), []


def _merge(
    builder: NetlistBuilder, block: Merge, inputs: Sequence[IntArray]
) -> tuple[IntArray, Claim]:
    return builder.add(block.tables, np.stack(inputs, axis=1)), []


def _conv(
    builder: NetlistBuilder, block: LutConv, inputs: Sequence[IntArray]
) -> tuple[IntArray, Claim]:
    """Level by level, all kernels and positions at once: nets `[kernels, positions, nodes]`."""
    sources = block.window.sources(block.leaves).transpose(1, 0, 2, 3)
    fanin = nets_at(inputs[0], sources)
    levels: Claim = []
    for number, tables in enumerate(block.tables):
        if number:
            rows = np.arange(block.kernels)[:, None, None]
            nodes = levels[-1].transpose(0, 2, 1)[rows, block.children[number - 1]]
            fanin = nodes.transpose(0, 3, 1, 2)
        shape = fanin.shape[:3]
        spread = np.broadcast_to(tables[:, None], shape)
        nets = builder.add(spread.reshape(-1), fanin.reshape(-1, fanin.shape[3]))
        levels.append(nets.reshape(shape))
    return levels[-1].reshape(-1), levels


def _pool(
    builder: NetlistBuilder, block: OrPool, inputs: Sequence[IntArray]
) -> tuple[IntArray, Claim]:
    """OR neighbours, up to six in a gate and all gates about as many, until one is left."""
    levels: Claim = [nets_at(inputs[0], block.sources())]
    while levels[-1].shape[1] > 1 or len(levels) == 1:
        before = levels[-1]
        width = before.shape[1]
        size = -(-width // -(-width // MAX_FANIN))
        nets = [
            builder.add(or_table(part.shape[1]), part)
            for part in np.split(before, range(size, width, size), axis=1)
        ]
        levels.append(np.stack(nets, axis=1))
    return levels[-1].reshape(-1), levels


def _circuit(
    builder: NetlistBuilder, block: Circuit, inputs: Sequence[IntArray]
) -> tuple[IntArray, Claim]:
    """Gate for gate, in ranges in which no gate reads another."""
    net = block.netlist
    number = np.zeros(net.num_nets, dtype=np.int32)
    number[CONST1_NET] = CONST1_NET
    number[net.first_input : net.first_gate] = inputs[0]
    for start, stop in net.blocks:
        nets = builder.add(net.tables[start:stop], number[net.fanin[start:stop]])
        number[net.first_gate + start : net.first_gate + stop] = nets
    return number[net.output_nets], [number[net.first_gate :]]


_LOWERINGS: dict[type[BitBlock], Callable[[NetlistBuilder, Any, Any], tuple[IntArray, Claim]]] = {
    Wires: _wires,
    Merge: _merge,
    LutConv: _conv,
    OrPool: _pool,
    Circuit: _circuit,
}

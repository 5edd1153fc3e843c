"""Prove that the gates of a block from bits to bits are the block, gate by gate.

Nothing is searched: for each gate the block says which nets it must read and through which table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.blocks_bits import ALWAYS, BitBlock, Merge, Wires
from gatec.blocks_circuit import Circuit
from gatec.blocks_conv import LutConv, OrPool
from gatec.errors import DifferentError
from gatec.lowering.bits import Claim
from gatec.netlist import CONST0_NET, CONST1_NET, Netlist
from gatec.tables import Tables, depends


def check_bits(
    net: Netlist, block: BitBlock, inputs: Sequence[IntArray], after: IntArray, claim: Claim
) -> str:
    """Return the fact proved, or raise `DifferentError`."""
    return _CHECKS[type(block)](net, block, inputs, after, claim)


def require(holds: bool | np.bool_, place: str, what: str) -> None:
    """Raise `DifferentError` unless a claim of the lowering holds."""
    if not holds:
        raise DifferentError(what, file="lowering", place=place)


def require_gates(
    net: Netlist, place: str, outputs: IntArray, fanin: npt.NDArray[np.integer], tables: Tables
) -> None:
    """Check that nets are gates that read `fanin` (`[gates, k]`) through `tables` (`[gates]`)."""
    gates = outputs.reshape(-1) - net.first_gate
    require((gates >= 0).all() and len(gates) == len(fanin), place, "is not all gates")
    # A netlist without gates may have fewer slots, of which none is compared.
    used = fanin.shape[1] if len(fanin) else 0
    fanin = fanin[:, :used]
    require(np.array_equal(net.fanin[gates, :used], fanin), place, "a gate reads something else")
    require(np.array_equal(net.tables[gates], tables), place, "a gate differs from the model's")


def nets_of(nets: IntArray, sources: npt.NDArray[np.integer]) -> IntArray:
    """Return what numbered bits are in the netlist; those below 0 are constant 0."""
    return np.where(sources < 0, np.int32(CONST0_NET), nets[np.maximum(sources, 0)])


def _wires(
    net: Netlist, block: Wires, inputs: Sequence[IntArray], after: IntArray, _: Claim
) -> str:
    wanted = nets_of(np.concatenate(list(inputs)), block.source)
    wanted = np.where(block.source == ALWAYS, np.int32(CONST1_NET), wanted)
    require(np.array_equal(after, wanted), block.name, "is misplaced")
    return f"{block.name}: {block.out_width} wires are in place"


def _merge(
    net: Netlist, block: Merge, inputs: Sequence[IntArray], after: IntArray, _: Claim
) -> str:
    require_gates(net, block.name, after, np.column_stack(list(inputs)), block.tables)
    return f"{block.name}: {block.width} pairs are merged by the model's table"


def _conv(
    net: Netlist, block: LutConv, inputs: Sequence[IntArray], after: IntArray, claim: Claim
) -> str:
    """Kernel by kernel: each node of its tree, at each position, is the model's."""
    require(len(claim) == len(block.tables), block.name, "a tree lacks a level")
    positions = block.window.positions
    for level, (nets, tables) in enumerate(zip(claim, block.tables, strict=True)):
        shape = (block.kernels, positions, tables.shape[1])
        require(nets.shape == shape, block.name, f"level {level} is misshapen")
    for kernel in range(block.kernels):
        reads = nets_of(inputs[0], block.window.sources(block.leaves[kernel]))
        for level, tables in enumerate(block.tables):
            if level:
                reads = claim[level - 1][kernel][:, block.children[level - 1][kernel]]
            require_gates(
                net,
                f"{block.name}: kernel {kernel}, level {level}",
                claim[level][kernel],
                reads.reshape(-1, reads.shape[-1]),
                np.tile(tables[kernel], positions),
            )
    require(np.array_equal(after, claim[-1].reshape(-1)), block.name, "is not its trees' roots")
    return f"{block.name}: {block.num_gates} truth tables are the model's"


def _pool(
    net: Netlist, block: OrPool, inputs: Sequence[IntArray], after: IntArray, claim: Claim
) -> str:
    """By induction over the levels: each output is the OR of its window."""
    window = nets_of(inputs[0], block.sources())
    require(len(claim) > 1 and np.array_equal(claim[0], window), block.name, "reads elsewhere")
    for before, level in pairwise(claim):
        size = -(-before.shape[1] // level.shape[1]) if level.size else 0
        require(level.shape[:1] == before.shape[:1] and size > 0, block.name, "is misshapen")
        for j in range(level.shape[1]):
            part = before[:, j * size : (j + 1) * size]
            gates = level[:, j] - net.first_gate
            require((gates >= 0).all(), block.name, "is not all gates")
            width = part.shape[1]
            right = np.array_equal(net.fanin[gates, :width], part)
            require(right and _is_or(net.tables[gates], width), block.name, "is no OR")
    require(np.array_equal(claim[-1].reshape(-1), after), block.name, "is not its last level")
    return f"{block.name}: {block.out_width} windows are joined by OR, each bit once"


def _circuit(
    net: Netlist, block: Circuit, inputs: Sequence[IntArray], after: IntArray, claim: Claim
) -> str:
    """Each gate reads what the circuit's gate reads, through the same table."""
    own = block.netlist
    require(len(claim) == 1 and len(claim[0]) == own.num_gates, block.name, "is misshapen")
    number = np.concatenate([[CONST0_NET, CONST1_NET], inputs[0], claim[0]])
    require_gates(net, block.name, claim[0], number[own.fanin], own.tables)
    require(np.array_equal(after, number[own.output_nets]), block.name, "is not its outputs")
    return f"{block.name}: {own.num_gates} gates are the circuit's"


def _is_or(tables: Tables, width: int) -> bool:
    """Return whether all tables are 0 where their first `width` slots are 0, and 1 elsewhere."""
    rows = np.arange(1 << width, dtype=np.uint64)
    found = (tables[:, None] >> rows) & np.uint64(1)
    unused = any(depends(tables, slot).any() for slot in range(width, 6))
    return not unused and np.array_equal(found, np.broadcast_to(rows > 0, found.shape))


_CHECKS: dict[type[BitBlock], Callable[[Netlist, Any, Any, IntArray, Claim], str]] = {
    Wires: _wires,
    Merge: _merge,
    LutConv: _conv,
    OrPool: _pool,
    Circuit: _circuit,
}

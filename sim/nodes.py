"""A netlist as the nodes that the LLVM engine computes: operations of up to three operands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.passes.absorb import absorb
from gatec.passes.collapse import collapse
from gatec.passes.fold import fold
from gatec.passes.merge import merge
from gatec.passes.prune import prune
from gatec.passes.split import split
from gatec.rewire import combinational, sort_by_level
from gatec.sim.operations import FIRST_REAL_OP, FLIP, MASK, OP_OF, OPERANDS, ORDER_OF


@dataclass(frozen=True, eq=False)
class Nodes:
    """Nodes by level, within a level by operation.

    Attributes
    ----------
    operands, results
        `int32[nodes, 3]` and `int32[nodes]`, nets; operand 0 is constant 0, or there is none.
    ops
        `int32[nodes]`, indices into `OPS`.
    levels
        `int32[nodes]`, ascending.
    refs
        `int32[outputs]`: twice the net that is computed for each output, plus one where it is the
        complement. Buffers, inverters and constants stand for other nets.
    num_nets, first_gate
        Nets 2 to `first_gate` are inputs.
    """

    operands: IntArray
    results: IntArray
    ops: IntArray
    levels: IntArray
    refs: IntArray
    num_nets: int
    first_gate: int


def make_nodes(net: Netlist) -> Nodes:
    """Return the nodes of a netlist; registers' values are further inputs and outputs."""
    core = sort_by_level(optimised(net))
    stands = np.arange(core.num_nets, dtype=np.int32)
    inverted = np.zeros(core.num_nets, dtype=np.int32)
    stands[1], inverted[1] = 0, 1
    parts = [_level(core, start, stop, stands, inverted) for start, stop in core.blocks]
    rows = np.concatenate([np.zeros((0, OPERANDS + 2), dtype=np.int32), *parts])
    levels = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return Nodes(
        operands=np.ascontiguousarray(rows[:, :OPERANDS]),
        results=rows[:, OPERANDS],
        ops=rows[:, -1],
        levels=levels.astype(np.int32),
        refs=2 * stands[core.output_nets] + inverted[core.output_nets],
        num_nets=core.num_nets,
        first_gate=core.first_gate,
    )


def optimised(net: Netlist) -> Netlist:
    """Return a combinational netlist of gates of at most three inputs for the engine.

    Registers have become ports; cuts and stages are gone. One round of the local passes: on trained
    nets a second finds 0.01 % and takes half as long again.
    """
    core = _cleaned(combinational(net.replace(stage=None)).replace(cuts=()))
    if core.fanin.shape[1] > OPERANDS:
        core = _cleaned(split(core, OPERANDS))
    return collapse(core, OPERANDS)


def _cleaned(net: Netlist) -> Netlist:
    """Return the netlist after a round of the local passes, which walk it level by level."""
    net = sort_by_level(net)
    for step in (fold, absorb, merge, prune):
        net = step(net)
    return net


def _level(net: Netlist, start: int, stop: int, stands: IntArray, inverted: IntArray) -> IntArray:
    """Return `int32[nodes, 5]` operands, result and operation of a level, by operation.

    Writes which net stands for each of the level's, and whether it is the complement.
    """
    fanin = np.pad(net.fanin[start:stop], ((0, 0), (0, OPERANDS - net.fanin.shape[1])))
    table = (net.tables[start:stop] & np.uint64(MASK)).astype(np.int32)
    for slot in range(OPERANDS):
        table = np.where(inverted[fanin[:, slot]], FLIP[slot][table], table)
    flip = table & 1
    table ^= flip * MASK
    operands = np.take_along_axis(stands[fanin], ORDER_OF[table], axis=1)
    op = OP_OF[table]
    own = np.arange(net.first_gate + start, net.first_gate + stop, dtype=np.int32)
    inverted[own] = flip
    trivial = op < FIRST_REAL_OP
    stands[own[trivial]] = np.where(op == 0, 0, operands[:, 0])[trivial]
    chosen = np.flatnonzero(~trivial)
    chosen = chosen[np.argsort(op[chosen], kind="stable")]
    return np.concatenate([operands, own[:, None], op[:, None]], axis=1)[chosen]

"""Prove that a reference netlist is its model, from the certificate that lowering left.

SAT solvers cannot prove a popcount of hundreds of bits. Arithmetic can: every adder cell is checked
on all its inputs to keep the weighted sum of its bits, and the cells are checked to use every bit
exactly once; then the last bits are the sum, whatever the shape of the tree. Comparators and
multiplexers of the argmax are checked on all their inputs, and the tournament to keep the classes
in order. LUT layers are compared table by table.

Nothing here trusts `gatec.lowering.model`: the claims in a `Lowering` only say where to look.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.bits import all_inputs, unpack
from gatec.blocks import Argmax, GroupSum, IntArray, LutLayer, Thermometer
from gatec.blocks_bits import BitBlock
from gatec.blocks_threshold import ClassScores, ScoreBits, ThresholdLayer
from gatec.evaluate import evaluate_outputs
from gatec.lowering.argmax import Contender, SelectNode
from gatec.lowering.model import Lowering
from gatec.lowering.sums import Compressors
from gatec.model import ModelGraph
from gatec.netlist import CONST0_NET, FIRST_INPUT, Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.proof.bits import check_bits, require_gates
from gatec.proof.bits import require as _require
from gatec.proof.equivalence import prove_equal
from gatec.proof.verdict import Verdict
from gatec.proof.weighted import (
    check_at_least,
    check_cells,
    check_scores,
    check_thresholds,
    open_cone,
)
from gatec.tables import MUX, VARIABLE

# Comparators of so many bits on both sides together are tried on all inputs.
_EXHAUSTIVE_BITS = 20
# Slots a, b and "the lower bits of b are greater".
_RIPPLE = (~VARIABLE[0] & VARIABLE[1]) | (~(VARIABLE[0] ^ VARIABLE[1]) & VARIABLE[2])


def check_lowering(model: ModelGraph, lowering: Lowering) -> list[str]:
    """Return the facts proved, or raise `DifferentError` at the first claim that does not hold."""
    net = lowering.netlist
    # The arguments below rest on the topological order.
    net.verify()
    facts: list[str] = []
    nets = lowering.block_nets[model.input.name]
    _require(np.array_equal(nets, net.inputs[0].nets), model.input.name, "is not the input port")
    for block in model.blocks[1:]:
        inputs = [lowering.block_nets[before.name] for before in model.predecessors(block)]
        nets, after = inputs[0], lowering.block_nets[block.name]
        if isinstance(block, ThresholdLayer):
            facts.append(check_thresholds(net, block, nets, after, lowering.sums[block.name]))
        elif isinstance(block, ScoreBits):
            after = after.reshape(len(block.weights), -1)
            facts.append(check_scores(net, block.scores, nets, after, lowering.sums[block.name]))
        elif isinstance(block, ClassScores):
            facts.append(check_scores(net, block, nets, after, lowering.sums[block.name]))
        elif isinstance(block, BitBlock):
            claim = lowering.claims[block.name]
            facts.append(check_bits(net, block, inputs, after, claim))
        elif isinstance(block, Thermometer):
            _check_thermometer(net, block, nets, after)
            facts.append(f"{block.name}: {block.out_width} comparators tried on every code")
        elif isinstance(block, LutLayer):
            _check_layer(net, block, nets, after)
            facts.append(f"{block.name}: {block.out_width} truth tables are the model's")
        elif isinstance(block, GroupSum):
            _check_sums(net, block, nets, after, lowering.compressors)
            count = len(lowering.compressors) * block.classes
            facts.append(f"{block.name}: {count} adder cells keep the sum and use each bit once")
        elif isinstance(block, Argmax):
            _check_argmax(net, block, nets, after, lowering.selects)
            facts.append(f"{block.name}: {len(lowering.selects)} comparators tried on all inputs")
        else:
            raise NotImplementedError(type(block).__name__)
    _require(np.array_equal(after.reshape(-1), net.output_nets), "output", "is not the last block")
    return facts


def _check_layer(net: Netlist, block: LutLayer, before: IntArray, after: IntArray) -> None:
    """Each gate reads what the model's gate reads, through the same table."""
    require_gates(net, block.name, after, before[block.fanin], block.tables)


def _check_thermometer(net: Netlist, block: Thermometer, before: IntArray, after: IntArray) -> None:
    """Every comparator reads its own feature only, and is right for every code of it."""
    planes = before.reshape(-1, block.code_bits)
    check_at_least(net, block.name, planes, block.levels.astype(np.int64), after)


def _check_sums(
    net: Netlist, block: GroupSum, before: IntArray, after: IntArray, cells: list[Compressors]
) -> None:
    """The cells keep sums, and from the group's bits to the score every bit is used once."""
    _require(after.shape == (block.classes, block.score_bits), block.name, "scores misshapen")
    bits = before.reshape(block.classes, block.group)
    check_cells(net, block.name, cells)
    made, used = [_keys(bits, 0)], [_keys(after, np.arange(block.score_bits))]
    for cell in cells:
        used.append(_keys(cell.inputs, cell.weight))
        made.append(_keys(cell.total[:, None], cell.weight))
        made.append(_keys(cell.carry[:, None], cell.weight + 1))
    both = [np.concatenate(parts, axis=1) for parts in (made, used)]
    for column in range(block.classes):
        # A bit heavier than the whole group is 0 in every sum, and so is constant 0 itself.
        one, other = (
            np.sort(own[(own >> 32 < block.score_bits) & (own & 0xFFFF_FFFF != CONST0_NET)])
            for own in (keys[column] for keys in both)
        )
        equal = np.array_equal(one, other)
        _require(equal, block.name, f"class {column}: a bit is lost or counted twice")


def _keys(nets: IntArray, weight: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return one number for each bit, `[classes, bits]`: its weight, then its net."""
    return nets.astype(np.int64) | np.asarray(weight, dtype=np.int64) << 32


def _check_argmax(
    net: Netlist, block: Argmax, scores: IntArray, after: IntArray, nodes: list[SelectNode]
) -> None:
    """By induction over the matches: each winner is the argmax of its range of classes."""
    shifts = np.arange(block.out_width)
    proved, comparators = {}, set[bytes]()
    for number in range(block.classes):
        constant = (number >> shifts & 1).astype(np.int32)
        proved[number] = Contender(scores[number], constant, number, number)
    for node in nodes:
        place = f"{block.name}: classes {node.first.first}..{node.second.last}"
        for side in (node.first, node.second):
            known = proved.pop(side.first, None)
            _require(known is not None and _same(known, side), place, "a contender is not proved")
        _require(node.first.last + 1 == node.second.first, place, "the classes are out of order")
        _check_match(net, place, node, comparators)
        proved[node.winner.first] = node.winner
    _require(len(proved) == 1, block.name, "the tournament has more than one winner")
    (champion,) = proved.values()
    covers = (champion.first, champion.last) == (0, block.classes - 1)
    _require(covers and np.array_equal(champion.number, after), block.name, "is not the winner")


def _same(a: Contender, b: Contender) -> bool:
    return (
        (a.first, a.last) == (b.first, b.last)
        and np.array_equal(a.score, b.score)
        and np.array_equal(a.number, b.number)
    )


def _check_match(net: Netlist, place: str, node: SelectNode, comparators: set[bytes]) -> None:
    """The comparator is right on all inputs, and the winner is multiplexed by it."""
    first, second, winner = node.first, node.second, node.winner
    ends = (winner.first, winner.last) == (first.first, second.last)
    _require(ends, place, "the winner's range is wrong")
    shapes = {(len(side.score), len(side.number)) for side in (first, second, winner)}
    _require(len(shapes) == 1, place, "scores or class numbers differ in width")
    check_greater(net, place, first.score, second.score, node.second_wins, known=comparators)
    chosen = np.concatenate([winner.score, winner.number]) - net.first_gate
    a = np.concatenate([first.score, first.number])
    b = np.concatenate([second.score, second.number])
    select = np.full(len(a), node.second_wins)
    _require((chosen >= 0).all() and len(chosen) == len(a), place, "the winner is not gates")
    right = np.array_equal(net.fanin[chosen, :3], np.stack([a, b, select], axis=1))
    _require(right and (net.tables[chosen] == MUX).all(), place, "a multiplexer is wrong")


def check_greater(
    net: Netlist,
    place: str,
    a: IntArray,
    b: IntArray,
    result: int,
    *,
    known: set[bytes] | None = None,
) -> None:
    """Check that net `result` is `b > a`, both `int32[bits]` with bit 0 first.

    Bits that are constants, or one net twice, take no part of their own. Up to 20 others all inputs
    are tried; beyond that SAT compares the circuit with a ripple comparator, once for all circuits
    that are gate for gate the same: `known` keeps what was proved.
    """
    width = len(a)
    both = np.concatenate([a, b])
    sources = np.unique(both[both >= FIRST_INPUT])
    circuit = open_cone(net, place, sources, np.array([result]))
    # Constants keep their numbers; the sources are the circuit's inputs in order.
    inputs = np.searchsorted(sources, both) + FIRST_INPUT
    bits = np.where(both >= FIRST_INPUT, inputs, both).astype(np.int32)
    if len(sources) > _EXHAUSTIVE_BITS:
        same = _fingerprint(circuit, bits)
        right = known is not None and same in known
        if not right:
            reference = ripple_greater(len(sources), bits[:width], bits[width:])
            right = prove_equal(reference, circuit).verdict is Verdict.EQUIVALENT
        if right and known is not None:
            known.add(same)
    else:
        rows = np.arange(1 << len(sources))
        found = unpack(evaluate_outputs(circuit, all_inputs(len(sources))), len(rows))[:, 0]
        values = np.array([np.zeros_like(rows), np.ones_like(rows)])
        values = np.concatenate([values, rows >> np.arange(len(sources))[:, None] & 1])[bits]
        first, second = (
            (part << np.arange(width)[:, None]).sum(axis=0)
            for part in (values[:width], values[width:])
        )
        right = np.array_equal(found != 0, second > first)
    _require(right, place, "a comparator is wrong")


def _fingerprint(circuit: Netlist, bits: IntArray) -> bytes:
    """Return what is equal only for equal gates that compare equal `bits` of as many inputs."""
    shape = np.array([circuit.num_inputs, *circuit.fanin.shape, len(bits)])
    parts = (shape, circuit.fanin, circuit.tables, circuit.output_nets, bits)
    return b"".join(part.tobytes() for part in parts)


def ripple_greater(inputs: int, a: IntArray, b: IntArray) -> Netlist:
    """Return `b > a` for two rows of nets, constants or `inputs` inputs, bit 0 first.

    Bit by bit: the higher bit decides unless equal.
    """
    builder = NetlistBuilder(inputs)
    greater = np.array([CONST0_NET], dtype=np.int32)
    for slots in zip(a, b, strict=True):
        greater = builder.add(_RIPPLE, [[*slots, greater[0]]])
    return builder.build("ripple", make_ports(("x", inputs)), (Port("y", greater),))

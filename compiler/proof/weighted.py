"""Prove weighted sums of bits from their adder cells, and comparisons with constants by trying all.

The argument is that of `gatec.proof.arithmetic`: every cell keeps the weighted sum of its bits, and
from the literals to the sum every bit is used exactly once. Whose complement a literal is, which
constant belongs to it and which levels the sums are compared with is computed from the block here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatec.bits import all_inputs, unpack
from gatec.blocks import IntArray
from gatec.blocks_threshold import ClassScores, ThresholdLayer
from gatec.cone import OpenConeError, cone
from gatec.errors import DifferentError
from gatec.evaluate import evaluate_outputs
from gatec.lowering.dense import NOT, SumClaim
from gatec.lowering.sums import Compressors
from gatec.netlist import CONST0_NET, CONST1_NET, Netlist
from gatec.proof.bits import require
from gatec.tables import expand

_NO_SOURCE = -1
_MIXED = -2
# Rows whose bits are sorted at a time, and comparators times codes that are tried at a time.
_ROWS = 256
_TRIED = 1 << 26
# Numbers up to this many bits are tried code by code.
_EXHAUSTIVE_BITS = 20

Whole = npt.NDArray[np.int64]


def open_cone(net: Netlist, place: str, sources: IntArray, sinks: IntArray) -> Netlist:
    """Return the cone of `sinks` over `sources`; raise `DifferentError` when it reads more."""
    try:
        return cone(net, sources, sinks)
    except OpenConeError as error:
        raise DifferentError(str(error), file="lowering", place=place) from None


def check_thresholds(
    net: Netlist, block: ThresholdLayer, before: IntArray, after: IntArray, claim: SumClaim
) -> str:
    """Check a threshold layer and return the fact."""
    _check_complements(net, block.name, before, claim.complements)
    plain = np.append(before, np.int32(CONST0_NET))[block.fanin]
    turned = np.append(claim.complements, np.int32(CONST1_NET))[block.fanin]
    shape = (block.neurons, block.positions)
    require(claim.sums.shape[0] == block.num_gates, block.name, "a sum is missing")
    for row in range(0, block.num_gates, _ROWS):
        rows = np.arange(row, min(row + _ROWS, block.num_gates))
        neuron, position = np.unravel_index(rows, shape)
        weights = block.weights[neuron].astype(np.int64)
        literals = np.where(weights < 0, turned[position], plain[position])
        _check_sums(net, block.name, (literals, np.abs(weights), 0 * rows), rows, claim)
    check_cells(net, block.name, claim.cells)
    offset = np.maximum(-block.weights.astype(np.int64), 0).sum(axis=1)
    levels = np.broadcast_to(block.levels, (*shape, block.levels_each)) + offset[:, None, None]
    levels = levels.reshape(block.num_gates, block.levels_each)
    check_at_least(net, block.name, claim.sums, levels, after)
    count = len(claim.cells) * block.num_gates
    return (
        f"{block.name}: {count} adder cells keep the sums of {block.num_gates} neurons and use "
        f"each bit once, {levels.size} comparators tried on every sum"
    )


def check_scores(
    net: Netlist, block: ClassScores, before: IntArray, after: IntArray, claim: SumClaim
) -> str:
    """Check class sums and return the fact."""
    _check_complements(net, block.name, before, claim.complements)
    require(np.array_equal(after, claim.sums), block.name, "the scores are not the sums")
    require(after.shape == (block.classes, block.score_bits), block.name, "scores misshapen")
    weights = block.weights.astype(np.int64)
    literals = np.where(weights < 0, claim.complements, before)
    constants = block.bias - np.maximum(-weights, 0).sum(axis=1)
    rows = np.arange(block.classes)
    _check_sums(net, block.name, (literals, np.abs(weights), constants), rows, claim)
    check_cells(net, block.name, claim.cells)
    count = len(claim.cells) * block.classes
    return f"{block.name}: {count} adder cells keep the sum and use each bit once"


def _check_complements(net: Netlist, place: str, before: IntArray, nets: IntArray) -> None:
    """Each net is an inverter of the bit that it is the complement of."""
    gates = nets - net.first_gate
    require(nets.shape == before.shape and (gates >= 0).all(), place, "a complement is missing")
    right = (net.fanin[gates, 0] == before) & (net.tables[gates] == NOT)
    require(right.all(), place, "a complement is wrong")


def _check_sums(
    net: Netlist, place: str, terms: tuple[IntArray, Whole, Whole], rows: Whole, claim: SumClaim
) -> None:
    """From `terms` (literals, weights and a constant for each of `rows`) to the sums, every bit is
    made once and used once."""
    literals, weights, constants = terms
    weights = np.where(literals == CONST0_NET, 0, weights)
    width = claim.sums.shape[1]
    largest = int((weights.sum(axis=1) + constants).max())
    require(largest < 1 << width and constants.min() >= 0, place, "a sum may not fit its bits")
    made = [np.full((len(rows), 1), _NOTHING)]
    made += [
        _keys(np.where(weights >> bit & 1, literals, CONST0_NET), bit)
        for bit in range(int(weights.max()).bit_length())
    ]
    made += [
        _keys(np.where(constants >> bit & 1, CONST1_NET, CONST0_NET)[:, None], bit)
        for bit in range(int(constants.max()).bit_length())
    ]
    used = [_keys(claim.sums[rows, bit, None], bit) for bit in range(width)]
    for cell in claim.cells:
        used.append(_keys(cell.inputs[rows], cell.weight))
        made.append(_keys(cell.total[rows, None], cell.weight))
        made.append(_keys(cell.carry[rows, None], cell.weight + 1))
    one, other = _sorted(made, width), _sorted(used, width)
    common = min(one.shape[1], other.shape[1])
    same = (one[:, :common] == other[:, :common]).all(axis=1)
    same &= (one[:, common:] == _NOTHING).all(axis=1) & (other[:, common:] == _NOTHING).all(axis=1)
    require(same.all(), place, f"row {rows[same.argmin()]}: a bit is lost or counted twice")


# A bit that counts for nothing, in a sorted row: behind all others.
_NOTHING = np.int64(-1)


def _keys(nets: npt.NDArray[np.integer], weight: int) -> Whole:
    """Return one number for each bit: its weight, then its net; constant 0 is nothing."""
    return np.where(nets == CONST0_NET, _NOTHING, nets.astype(np.int64) | np.int64(weight) << 32)


def _sorted(parts: Sequence[Whole], width: int) -> Whole:
    """Return the bits of each row, sorted from the largest down.

    A bit heavier than the whole sum can be is 0 in every sum, and left out.
    """
    keys = np.concatenate(parts, axis=1)
    keys[keys >> 32 >= width] = _NOTHING
    return -np.sort(-keys, axis=1)


def check_cells(net: Netlist, place: str, cells: list[Compressors]) -> None:
    """Both outputs of each cell are gates of exactly its inputs, and keep the sum on every row."""
    for size in sorted({cell.inputs.shape[1] for cell in cells}):
        # All at once: a class sum of a hundred thousand bits has as many cells.
        alike = [cell for cell in cells if cell.inputs.shape[1] == size]
        shaped = all(c.total.shape == c.carry.shape == c.inputs.shape[:1] for c in alike)
        require(shaped, place, "an adder cell lacks bits")
        inputs = np.concatenate([cell.inputs for cell in alike])
        outputs = [np.concatenate([getattr(c, key) for c in alike]) for key in ("total", "carry")]
        gates = np.stack(outputs, axis=1) - net.first_gate
        require((gates >= 0).all(), place, "an adder cell's output is not a gate")
        same = (net.fanin[gates][:, :, :size] == inputs[:, None]).all()
        require(same, place, "an adder cell reads something else")
        tables = net.tables[gates]
        require((expand(tables, size) == tables).all(), place, "an adder cell reads more")
        for row in range(1 << size):
            total, carry = ((tables[:, j] >> np.uint64(row)) & np.uint64(1) for j in (0, 1))
            require((total + 2 * carry == row.bit_count()).all(), place, "an adder cell is wrong")


def check_at_least(
    net: Netlist, place: str, planes: IntArray, levels: Whole, after: IntArray
) -> None:
    """Check that `after` holds `number >= level` for `[numbers, levels]`, on every number.

    `planes` are the numbers' nets, `int32[numbers, bits]`, bit 0 first. Every comparator must read
    its own number only.
    """
    numbers, bits = planes.shape
    require(bits <= _EXHAUSTIVE_BITS, place, f"numbers of {bits} bits are not tried")
    require(after.size == levels.size, place, "a comparator is missing")
    outputs = after.reshape(levels.shape)
    # A bit that is constant takes no part; the numbers in which it were 1 do not occur.
    varies = planes != CONST0_NET
    step = max(1, _TRIED // (levels.shape[1] + bits << bits))
    codes = np.arange(1 << bits)
    for start in range(0, numbers, step):
        part = slice(start, start + step)
        real = varies[part]
        number, bit = np.nonzero(real)
        circuit = open_cone(net, place, planes[part][real], outputs[part].reshape(-1))
        own = _single_source(circuit, number)
        wanted = np.repeat(np.arange(len(real)), levels.shape[1])
        single = (own == wanted) | (own == _NO_SOURCE)
        require(single.all(), place, "a comparator reads two numbers")
        found = unpack(evaluate_outputs(circuit, all_inputs(bits)[bit]), len(codes)) != 0
        expected = codes[:, None] >= levels[part].reshape(-1)
        occurs = codes[:, None] & ((1 << np.arange(bits)) * ~real).sum(axis=1) == 0
        right = (found == expected) | ~np.repeat(occurs, levels.shape[1], axis=1)
        require(right.all(), place, "a comparator is wrong")


def _single_source(circuit: Netlist, label: npt.NDArray[np.integer]) -> Whole:
    """Return for each output the one label that all inputs in its cone have (or none, or mixed)."""
    source = np.full(circuit.num_nets, _NO_SOURCE, dtype=np.int64)
    source[circuit.first_input : circuit.first_register] = label
    for start, stop in circuit.blocks:
        read = source[circuit.fanin[start:stop]]
        high = read.max(axis=1)
        agree = ((read == high[:, None]) | (read == _NO_SOURCE)).all(axis=1)
        mixed = ~agree | (read == _MIXED).any(axis=1)
        source[circuit.first_gate + start : circuit.first_gate + stop] = np.where(
            mixed, _MIXED, high
        )
    return source[circuit.output_nets]

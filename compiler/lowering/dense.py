"""Lower blocks of integer weights: literals, sums of them, and comparisons with constants.

A negative weight counts the input's complement: `-w * x` is `w * ~x - w`. What is left is a sum of
bits with positive weights, and a constant that moves into the level, or into the score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.blocks_threshold import ClassScores, ScoreBits, ThresholdLayer
from gatec.lowering.compare import lower_at_least
from gatec.lowering.sums import Compressors, lower_sums
from gatec.netlist import CONST0_NET, CONST1_NET
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import AND2, MAJ3, VARIABLE, XOR2, XOR3

NOT = ~VARIABLE[0]
Weights = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SumClaim:
    """Where a block's weighted sums are, and what made them.

    Attributes
    ----------
    complements
        `int32[in_width]`: the net of each input bit's complement.
    sums
        `int32[rows, bits]` nets, bit 0 first: one row for each neuron at each position.
    cells
        The adder cells, side by side in all rows.
    """

    complements: IntArray
    sums: IntArray
    cells: list[Compressors]


def lower_weighted(
    builder: NetlistBuilder, block: ThresholdLayer | ClassScores | ScoreBits, nets: IntArray
) -> tuple[IntArray, SumClaim]:
    """Add a block of integer weights over `nets`; return the nets of its outputs, and the claim."""
    if isinstance(block, ThresholdLayer):
        return lower_thresholds(builder, block, nets)
    if isinstance(block, ClassScores):
        return lower_scores(builder, block, nets)
    scores, claim = lower_scores(builder, block.scores, nets)
    return scores.reshape(-1), claim


def lower_thresholds(
    builder: NetlistBuilder, block: ThresholdLayer, nets: IntArray
) -> tuple[IntArray, SumClaim]:
    """Add a threshold layer over `nets`; return the nets of its outputs, and the claim."""
    complements = builder.add(NOT, nets[:, None])
    literals, magnitudes = literal_rows(block, nets, complements)
    sums, cells = _lower_weighted(builder, literals, magnitudes, np.zeros(len(literals), np.int64))
    return (
        lower_at_least(builder, sums, level_rows(block)).reshape(-1),
        SumClaim(complements, sums, cells),
    )


def lower_scores(
    builder: NetlistBuilder, block: ClassScores, nets: IntArray
) -> tuple[IntArray, SumClaim]:
    """Add the class sums over `nets`; return `int32[classes, score_bits]`, and the claim."""
    complements = builder.add(NOT, nets[:, None])
    literals = np.where(block.weights < 0, complements, nets)
    magnitudes = np.abs(block.weights.astype(np.int64))
    sums, cells = _lower_weighted(builder, literals, magnitudes, score_constants(block))
    scores = np.full((block.classes, block.score_bits), CONST0_NET, dtype=np.int32)
    used = min(sums.shape[1], block.score_bits)
    scores[:, :used] = sums[:, :used]
    return scores, SumClaim(complements, scores, cells)


def literal_rows(
    block: ThresholdLayer, nets: IntArray, complements: IntArray
) -> tuple[IntArray, Weights]:
    """Return which net each weight of each row counts, and how often: two `[rows, k]` arrays.

    Input -1 reads constant 0, and its complement constant 1.
    """
    plain = np.append(nets, np.int32(CONST0_NET))[block.fanin]
    turned = np.append(complements, np.int32(CONST1_NET))[block.fanin]
    negative = (block.weights < 0)[:, None]
    literals = np.where(negative, turned, plain).reshape(-1, block.fanin.shape[1])
    magnitudes = np.repeat(np.abs(block.weights.astype(np.int64)), block.positions, axis=0)
    return literals, magnitudes


def level_rows(block: ThresholdLayer) -> Weights:
    """Return the levels that the sums of literals are compared with, `[rows, T]`."""
    shape = (block.neurons, block.positions, block.levels_each)
    levels = np.broadcast_to(block.levels, shape) + negative_sum(block.weights)[:, None, None]
    return levels.reshape(-1, block.levels_each)


def score_constants(block: ClassScores) -> Weights:
    """Return what is added to each class's sum of literals, at least 0."""
    return block.bias - negative_sum(block.weights)


def negative_sum(weights: IntArray) -> Weights:
    """Return how much the negative weights of each row add up to, as a positive number."""
    return np.maximum(-weights.astype(np.int64), 0).sum(axis=1)


def _lower_weighted(
    builder: NetlistBuilder, literals: IntArray, magnitudes: Weights, constants: Weights
) -> tuple[IntArray, list[Compressors]]:
    """Add the sums of `magnitudes * literals + constants`; return their nets, and the cells.

    The literals of each bit of the weights are counted by themselves, and the counts added up:
    weights of +1 and -1 need only the first.
    """
    columns: list[list[IntArray]] = [[np.full(len(literals), CONST0_NET, dtype=np.int32)]]
    cells: list[Compressors] = []
    for bit in range(int(magnitudes.max()).bit_length()):
        counted = np.where(magnitudes >> bit & 1, literals, CONST0_NET).astype(np.int32)
        counted = _packed(counted)
        if not counted.shape[1]:
            continue
        if counted.shape[1] == 1:
            # Two sums of one literal each must not be the same net: an adder cell parts them.
            counted = np.pad(counted, ((0, 0), (0, 1)), constant_values=CONST0_NET)
        sums, more = lower_sums(builder, counted)
        cells += [replace(cell, weight=cell.weight + bit) for cell in more]
        for weight, column in enumerate(sums.T, start=bit):
            _column(columns, weight).append(column)
    for bit in range(int(constants.max()).bit_length()):
        ones = np.where(constants >> bit & 1, CONST1_NET, CONST0_NET).astype(np.int32)
        _column(columns, bit).append(ones)
    if len(columns[0]) > 1:
        del columns[0][0]
    return add_columns(builder, columns, cells), cells


def _packed(rows: IntArray) -> IntArray:
    """Return rows of literals with constant 0 behind all others, and cut off where all have it.

    Adder cells take them from the front, so that a row with few literals takes few cells.
    """
    nothing = rows == CONST0_NET
    if not nothing.any():
        return rows
    order = np.argsort(nothing, axis=1, kind="stable")
    most = int((~nothing).sum(axis=1).max())
    return np.take_along_axis(rows, order, axis=1)[:, :most]


def _column(columns: list[list[IntArray]], weight: int) -> list[IntArray]:
    """Return the bits of a weight, making room for them."""
    columns += [[] for _ in range(weight + 1 - len(columns))]
    return columns[weight]


def add_columns(
    builder: NetlistBuilder, columns: list[list[IntArray]], cells: list[Compressors]
) -> IntArray:
    """Add adder cells (appended to `cells`) until one bit of each weight is left; return those.

    `columns[w]` are the bits of weight `2**w`, `int32[rows]` nets each; the result is
    `int32[rows, weights]`.
    """
    weight = 0
    while weight < len(columns):
        column = columns[weight]
        while len(column) > 1:
            inputs = np.stack([column.pop(0) for _ in range(min(3, len(column)))], axis=1)
            wide = inputs.shape[1] == 3
            total = builder.add(XOR3 if wide else XOR2, inputs)
            carry = builder.add(MAJ3 if wide else AND2, inputs)
            column.append(total)
            _column(columns, weight + 1).append(carry)
            cells.append(Compressors(inputs, total, carry, weight))
        weight += 1
    nothing = np.full(len(columns[0][0]), CONST0_NET, dtype=np.int32)
    return np.stack([column[0] if column else nothing for column in columns], axis=1)

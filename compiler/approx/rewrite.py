"""Carry out replacements: the same layers, in which replaced gates are constants, copies or wires.

A gate replaced by one of its own layer becomes a copy of it; by a signal of an earlier layer, a
wire from it, which passes through the layers between as wires at their ends. So every gate keeps
its layer and number, and the exact passes find what is equal.
"""

from __future__ import annotations

import numpy as np

from gatec.approx.stack import FIRST_SOURCE, LayerStack, Signals
from gatec.blocks import Argmax, Block, GroupSum, IntArray, LutLayer
from gatec.model import ModelGraph
from gatec.tables import CONST0, CONST1, VARIABLE, Tables, cofactor, flip


def replaced(stack: LayerStack, literal: Signals, *, sort_votes: bool = False) -> ModelGraph:
    """Return the model in which each signal has become what its literal says.

    Parameters
    ----------
    literal
        `int64[signals]`: for each signal its own literal, one of an earlier signal, or 0 or 1.
    sort_votes
        Within each class, put constant gates of the last layer behind the others, and 1 behind 0:
        adder trees then hold no constants between signals. The class sums stay as they are.
    """
    target = resolved(literal)
    wanted = _passing(stack, target)
    layers = [_layer(stack, target, wanted, depth) for depth in range(1, len(stack.layers) + 1)]
    head = stack.model.group_sum
    if sort_votes and head is not None:
        layers[-1] = _sorted(layers[-1], head)
    return _with_layers(stack, layers)


def resolved(literal: Signals) -> Signals:
    """Return the literals with chains of replacements followed to their end."""
    while True:
        further = literal[literal >> 1] ^ (literal & 1)
        if np.array_equal(further, literal):
            return literal
        literal = further


def _passing(stack: LayerStack, target: Signals) -> list[Signals]:
    """Return for each depth the signals, ascending, that pass through it as wires."""
    empty = np.zeros(0, dtype=np.int64)
    wanted = [empty] * (len(stack.layers) + 1)
    for depth in range(len(stack.layers) - 1, 0, -1):
        above = stack.signals(depth + 1)
        signal = target[above][target[above] != 2 * above] >> 1
        signal = np.concatenate([signal, wanted[depth + 1]])
        signal = signal[(signal >= FIRST_SOURCE) & (signal < stack.first[depth])]
        wanted[depth] = np.unique(signal)
    return wanted


def _layer(stack: LayerStack, target: Signals, wanted: list[Signals], depth: int) -> LutLayer:
    """Return the layer at a depth after all replacements, with the wires that pass through it."""
    layer, own = stack.layers[depth - 1], stack.signals(depth)
    fanin, tables = layer.fanin.astype(np.int64), layer.tables.copy()
    if depth == 1:
        fanin, tables = _reading_replaced(fanin, tables, target)
    literal = target[own]
    signal, inverted = literal >> 1, literal & 1 == 1
    same = (literal != 2 * own) & (signal >= own[0])
    copied = signal[same] - own[0]
    fanin[same] = fanin[copied]
    tables[same] = np.where(inverted[same], ~tables[copied], tables[copied])
    wire = (signal >= FIRST_SOURCE) & (signal < own[0])
    fanin[wire] = _place(stack, wanted, depth - 1, signal[wire])[:, None]
    tables[wire] = np.where(inverted[wire], ~VARIABLE[0], VARIABLE[0])
    constant = signal == 0
    tables[constant] = np.where(inverted[constant], CONST1, CONST0)
    if len(wanted[depth]):
        through = _place(stack, wanted, depth - 1, wanted[depth])
        more = np.repeat(through[:, None], fanin.shape[1], axis=1)
        fanin = np.concatenate([fanin, more])
        tables = np.concatenate([tables, np.full(len(more), VARIABLE[0])])
    width = stack.source.out_width if depth == 1 else layer.in_width + len(wanted[depth - 1])
    return LutLayer(layer.name, width, fanin.astype(np.int32), tables)


def _reading_replaced(fanin: Signals, tables: Tables, target: Signals) -> tuple[Signals, Tables]:
    """Return the gates of the first layer with what they read replaced."""
    for slot in range(fanin.shape[1]):
        literal = target[fanin[:, slot] + FIRST_SOURCE]
        for value in (0, 1):
            tables = np.where(literal == value, cofactor(tables, slot, value), tables)
        moved = literal > 1
        tables = np.where(moved & (literal & 1 == 1), flip(tables, slot), tables)
        fanin[:, slot] = np.where(moved, (literal >> 1) - FIRST_SOURCE, fanin[:, slot])
    return fanin, tables


def _place(stack: LayerStack, wanted: list[Signals], depth: int, signal: Signals) -> Signals:
    """Return where signals are among the bits of a depth: its own, or passing through."""
    first, width = stack.first[depth], stack.first[depth + 1] - stack.first[depth]
    passing = width + np.searchsorted(wanted[depth], signal)
    return np.where(signal >= first, signal - first, passing)


def _sorted(layer: LutLayer, head: GroupSum) -> LutLayer:
    """Return the last layer with the constants of each class at its end."""
    value = np.where(layer.tables == CONST0, 1, np.where(layer.tables == CONST1, 2, 0))
    order = np.argsort(value.reshape(head.classes, head.group), axis=1, kind="stable")
    gates: IntArray = (order + np.arange(head.classes)[:, None] * head.group).reshape(-1)
    return LutLayer(layer.name, layer.in_width, layer.fanin[gates], layer.tables[gates])


def _with_layers(stack: LayerStack, layers: list[LutLayer]) -> ModelGraph:
    """Return the model with the stack's layers in place of its own."""
    model = stack.model
    fresh = {layer.name: layer for layer in layers}
    blocks: list[Block] = [fresh.get(block.name, block) for block in model.blocks]
    assert all(isinstance(block, LutLayer | GroupSum | Argmax) for block in blocks[-1:])
    return ModelGraph.chain(blocks, model.name, model.notes, model.reads)

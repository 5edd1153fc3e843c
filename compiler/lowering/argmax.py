"""Argmax as a tournament of magnitude comparators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.blocks import IntArray
from gatec.netlist import CONST0_NET, CONST1_NET
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import AND2, MUX, VARIABLE

_A, _B, _GT = VARIABLE[0], VARIABLE[1], VARIABLE[2]
# Of one bit each: b > a, and b == a. Of two parts, high and low: greater, and equal.
_BIT_GREATER = ~_A & _B
_BIT_EQUAL = ~(_A ^ _B)
_PART_GREATER = _A | (_B & _GT)


@dataclass(frozen=True)
class Contender:
    """The winner of a range of classes.

    Attributes
    ----------
    score
        `int32[score_bits]` nets, bit 0 first.
    number
        `int32[class_bits]` nets of its class number, bit 0 first.
    first, last
        The classes that it won against, itself included.
    """

    score: IntArray
    number: IntArray
    first: int
    last: int


@dataclass(frozen=True)
class SelectNode:
    """One match: `second` wins only when its score is strictly greater, so ties go down.

    Attributes
    ----------
    first, second
        The contenders; all classes of `first` are below those of `second`.
    second_wins
        The net of the comparator.
    winner
        What goes on to the next round.
    """

    first: Contender
    second: Contender
    second_wins: int
    winner: Contender


def lower_argmax(
    builder: NetlistBuilder, scores: IntArray, *, in_turn: bool = False
) -> tuple[IntArray, list[SelectNode]]:
    """Add the tournament over `scores` (`int32[classes, score_bits]` nets).

    `in_turn`, each class meets the winner of all before it. Returns the class number's nets, bit 0
    first, and the matches in order.
    """
    classes = len(scores)
    width = max(1, (classes - 1).bit_length())
    constant = np.array([CONST0_NET, CONST1_NET], dtype=np.int32)
    players = [
        Contender(scores[c], constant[c >> np.arange(width) & 1], c, c) for c in range(classes)
    ]
    nodes: list[SelectNode] = []
    while len(players) > 1:
        winners = []
        now = players[:2] if in_turn else players
        for first, second in zip(now[::2], now[1::2], strict=False):
            node = _match(builder, first, second)
            nodes.append(node)
            winners.append(node.winner)
        players = winners + players[len(winners) * 2 :]
    return players[0].number, nodes


def _match(builder: NetlistBuilder, first: Contender, second: Contender) -> SelectNode:
    wins = greater(builder, first.score, second.score)
    a = np.concatenate([first.score, first.number])
    b = np.concatenate([second.score, second.number])
    chosen = builder.add(MUX, np.stack([a, b, np.full(len(a), wins, dtype=np.int32)], axis=1))
    score, number = chosen[: len(first.score)], chosen[len(first.score) :]
    winner = Contender(score, number, first.first, second.last)
    return SelectNode(first, second, wins, winner)


def greater(builder: NetlistBuilder, a: IntArray, b: IntArray) -> int:
    """Add a comparator and return the net of `b > a`; both `int32[bits]`, bit 0 first.

    Greater and equal are merged pairwise, so that the depth is logarithmic.
    """
    pairs = np.stack([a, b], axis=1)
    more = list(builder.add(_BIT_GREATER, pairs))
    same = list(builder.add(_BIT_EQUAL, pairs))
    while len(more) > 1:
        high = np.arange(1, len(more), 2)
        low = high - 1
        more_now, same_now = np.array(more), np.array(same)
        merged = builder.add(
            _PART_GREATER, np.stack([more_now[high], same_now[high], more_now[low]], axis=1)
        )
        equal = builder.add(AND2, np.stack([same_now[high], same_now[low]], axis=1))
        more = [*merged, *more[len(high) * 2 :]]
        same = [*equal, *same[len(high) * 2 :]]
    return int(more[0])

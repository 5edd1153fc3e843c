"""Readable Verilog expressions for truth tables of up to six inputs.

The form is factored: one input at a time is taken out as `x & g`, `~x & g`, `x | g`, `~x | g` or
`x ^ g` where the table allows it; else two inputs that matter only through one function of them;
else one input as the multiplexer `x ? g : h`. Operands of another operator stand in parentheses, so
no reader needs Verilog's precedence rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from gatec.tables import MAX_FANIN, VARIABLE

_ONES = 0xFFFF_FFFF_FFFF_FFFF
_MASK = [int(mask) for mask in VARIABLE]
# Stand-ins for the inputs while an expression is built; constants (1'b0) have no capitals.
_LETTERS = "ABCDEF"
_LITERAL = ""


@lru_cache(maxsize=1 << 16)
def expression(table: int) -> tuple[str, tuple[int, ...]]:
    """Return a `%s` format string for an expanded table, and the slot that fills each `%s`."""
    text, _ = _factor(table)
    slots = tuple(_LETTERS.index(letter) for letter in re.findall("[A-F]", text))
    return re.sub("[A-F]", "%s", text), slots


def _cofactors(table: int, slot: int) -> tuple[int, int]:
    """Return the expanded tables for input `slot` at 0 and at 1."""
    shift = 1 << slot
    high = table & _MASK[slot]
    low = table & (_MASK[slot] ^ _ONES)
    return low | low << shift, high | high >> shift


@lru_cache(maxsize=1 << 17)
def _factor(table: int) -> tuple[str, str]:
    """Return the expression of `table` and its outermost operator, empty for a literal."""
    if table in (0, _ONES):
        return f"1'b{table & 1}", _LITERAL
    splits = []
    for slot in range(MAX_FANIN):
        low, high = _cofactors(table, slot)
        if low != high:
            splits.append((_LETTERS[slot], low, high))
    if len(splits) == 1:
        letter, low, _ = splits[0]
        return (f"~{letter}" if low else letter), _LITERAL
    for letter, low, high in splits:
        if {low, high} & {0, _ONES}:
            return _select((letter, _LITERAL), (f"~{letter}", _LITERAL), low, high)
    for letter, low, high in splits:
        if low == high ^ _ONES:
            return _select((letter, _LITERAL), (f"~{letter}", _LITERAL), low, high)
    for pair, low, high in _pairs(table, [_LETTERS.index(split[0]) for split in splits]):
        return _select(_factor(pair), _factor(pair ^ _ONES), low, high)
    choices = (
        _select((letter, _LITERAL), (f"~{letter}", _LITERAL), low, high)
        for letter, low, high in _best(splits)
    )
    return min(choices, key=lambda found: len(found[0]))


def _pairs(table: int, slots: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield `(h, low, high)` for each two inputs that matter only through one function `h`."""
    for place, j in enumerate(slots):
        low_half, high_half = _cofactors(table, j)
        for i in slots[:place]:
            quarters = (*_cofactors(low_half, i), *_cofactors(high_half, i))
            low, *others = dict.fromkeys(quarters)
            if len(others) == 1:
                pair = sum(
                    (_MASK[i] ^ _ONES * (row % 2 == 0)) & (_MASK[j] ^ _ONES * (row < 2))
                    for row in range(4)
                    if quarters[row] != low
                )
                yield pair, low, others[0]


def _select(when: tuple[str, str], unless: tuple[str, str], low: int, high: int) -> tuple[str, str]:
    """Return the expression of "`high` when, `low` unless"."""
    if low == 0:
        return _join("&", when, _factor(high))
    if high == _ONES:
        return _join("|", when, _factor(low))
    if high == 0:
        return _join("&", unless, _factor(low))
    if low == _ONES:
        return _join("|", unless, _factor(high))
    if low == high ^ _ONES:
        plain = _join("^", when, _factor(high if low & 1 else low))
        return (f"~({plain[0]})", _LITERAL) if low & 1 else plain
    return f"{_wrap(when)} ? {_wrap(_factor(high))} : {_wrap(_factor(low))}", "?"


def _best(splits: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Return the splits worth trying: of more than four inputs, the one that leaves fewest."""
    if len(splits) <= 4:
        return splits
    return [min(splits, key=lambda split: _support(split[1]) + _support(split[2]))]


def _support(table: int) -> int:
    """Return how many inputs an expanded table depends on."""
    return sum(bool((table ^ table << (1 << slot)) & _MASK[slot]) for slot in range(MAX_FANIN))


def _join(operator: str, left: tuple[str, str], right: tuple[str, str]) -> tuple[str, str]:
    sides = (side[0] if side[1] == operator else _wrap(side) for side in (left, right))
    return f" {operator} ".join(sides), operator


def _wrap(operand: tuple[str, str]) -> str:
    text, operator = operand
    return f"({text})" if operator else text

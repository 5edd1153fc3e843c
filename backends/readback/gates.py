"""The meaning of the word-level cells that a shell may hold, bit-parallel.

Each function takes the input pins, `Words[width, words]` each, and the output's width, and returns
`Words[width, words]`. Operands are unsigned; the shorter is extended with zeros, as Yosys' manual
says of its `$` cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gatec.bits import Words

Pins = Mapping[str, Words]
Evaluate = Callable[[Pins, int], Words]


def _extend(words: Words, width: int) -> Words:
    """Return `words` cut or extended with zeros to `width` rows."""
    out = np.zeros((width, words.shape[1]), dtype=np.uint64)
    out[: len(words)] = words[:width]
    return out


def _bitwise(operation: Callable[[Words, Words], Words]) -> Evaluate:
    def evaluate(pins: Pins, width: int) -> Words:
        return operation(_extend(pins["A"], width), _extend(pins["B"], width))

    return evaluate


def _any(words: Words) -> Words:
    """Return whether any row is 1, as one row."""
    return np.bitwise_or.reduce(words, axis=0, keepdims=True)


def _differ(pins: Pins) -> Words:
    """Return whether A and B differ, as one row."""
    width = max(len(pins["A"]), len(pins["B"]))
    return _any(_extend(pins["A"], width) ^ _extend(pins["B"], width))


def _sum(pins: Pins, width: int) -> Words:
    a, b = _extend(pins["A"], width), _extend(pins["B"], width)
    carry = np.zeros_like(a[0])
    total = np.empty_like(a)
    for row in range(width):
        total[row] = a[row] ^ b[row] ^ carry
        carry = (a[row] & b[row]) | (carry & (a[row] | b[row]))
    return total


# Output bit `i` of these depends on bit `i` of each operand (and on the select) alone.
BITWISE = frozenset({"$not", "$and", "$or", "$xor", "$mux"})

EVALUATE: Mapping[str, Evaluate] = {
    "$not": lambda pins, width: ~_extend(pins["A"], width),
    "$and": _bitwise(np.bitwise_and),
    "$or": _bitwise(np.bitwise_or),
    "$xor": _bitwise(np.bitwise_xor),
    "$mux": lambda pins, width: (pins["A"] & ~pins["S"]) | (pins["B"] & pins["S"]),
    "$add": _sum,
    "$eq": lambda pins, width: _extend(~_differ(pins), width),
    "$ne": lambda pins, width: _extend(_differ(pins), width),
    "$logic_not": lambda pins, width: _extend(~_any(pins["A"]), width),
    "$logic_and": lambda pins, width: _extend(_any(pins["A"]) & _any(pins["B"]), width),
    "$logic_or": lambda pins, width: _extend(_any(pins["A"]) | _any(pins["B"]), width),
    "$reduce_and": lambda pins, width: _extend(~_any(~pins["A"]), width),
    "$reduce_or": lambda pins, width: _extend(_any(pins["A"]), width),
    "$reduce_bool": lambda pins, width: _extend(_any(pins["A"]), width),
}

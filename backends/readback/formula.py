"""The reader of Boolean expressions in emitted text: from Verilog operators back to a truth table.

It knows Verilog's precedence (`~`, `&`, `^`, `|`, `?:`) and nothing of how the text was written.
"""

from __future__ import annotations

import re
from functools import lru_cache

from gatec.errors import DifferentError
from gatec.tables import MAX_FANIN, VARIABLE

_ONES = (1 << 64) - 1
_OPERAND = re.compile(r"1'b[01]|[A-Za-z_][A-Za-z0-9_]*")
# One token for each operand: the slot's letter, or the constant's letter.
_LETTERS = "ABCDEF"
# Bare digits are no operands: in Verilog they have 32 bits.
_CONSTANTS = {"0": "l", "1": "h"}
_VALUES = {"l": 0, "h": _ONES, **{_LETTERS[j]: int(VARIABLE[j]) for j in range(MAX_FANIN)}}


def read_formula(text: str) -> tuple[int, list[str]]:
    """Return the expanded table of an expression and the name in each slot.

    Raises
    ------
    DifferentError
        The text is no expression of at most six names.
    """
    slots: dict[str, str] = {}

    def token(match: re.Match[str]) -> str:
        name = match[0]
        if name[0] == "1":
            return _CONSTANTS[name[3]]
        if name not in slots:
            if len(slots) == MAX_FANIN:
                raise DifferentError(
                    f"expression {text!r} has too many inputs", expected=f"at most {MAX_FANIN}"
                )
            slots[name] = _LETTERS[len(slots)]
        return slots[name]

    shape = _OPERAND.sub(token, text.replace(" ", "\0")).replace("\0", "")
    return _table(shape), list(slots)


@lru_cache(maxsize=1 << 16)
def _table(shape: str) -> int:
    """Return the table of an expression whose operands are single characters."""
    parser = _Parser(shape)
    table = parser.choice()
    if parser.at < len(shape):
        parser.fail()
    return table


class _Parser:
    """Recursive descent, one method for each precedence level; values are 64-bit tables."""

    def __init__(self, shape: str) -> None:
        self.shape = shape
        self.at = 0

    def fail(self) -> None:
        """Raise for the character at hand."""
        raise DifferentError(f"no expression: {self.shape!r}", place=f"character {self.at}")

    def skip(self, character: str) -> bool:
        """Step over `character` if it is next."""
        found = self.shape.startswith(character, self.at)
        self.at += found
        return found

    def choice(self) -> int:
        """Read `a ? b : c` or what binds tighter."""
        select = self.either()
        if not self.skip("?"):
            return select
        high = self.choice()
        if not self.skip(":"):
            self.fail()
        low = self.choice()
        return select & high | (select ^ _ONES) & low

    def either(self) -> int:
        """Read a chain of `|`."""
        value = self.exclusive()
        while self.skip("|"):
            value |= self.exclusive()
        return value

    def exclusive(self) -> int:
        """Read a chain of `^`."""
        value = self.both()
        while self.skip("^"):
            value ^= self.both()
        return value

    def both(self) -> int:
        """Read a chain of `&`."""
        value = self.single()
        while self.skip("&"):
            value &= self.single()
        return value

    def single(self) -> int:
        """Read an operand, a complement or parentheses."""
        if self.skip("~"):
            return self.single() ^ _ONES
        if self.skip("("):
            value = self.choice()
            if not self.skip(")"):
                self.fail()
            return value
        value = _VALUES.get(self.shape[self.at : self.at + 1], -1)
        if value < 0:
            self.fail()
        self.at += 1
        return value

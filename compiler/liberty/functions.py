"""Boolean functions as Liberty writes them, as truth tables.

From the tightest: `!A` and `A'`; `^`; `&`, `*` and nothing between two operands; `|` and `+`
(Liberty reference manual, "function Simple Attribute").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gatec.tables import MAX_FANIN, VARIABLE

ALL = (1 << 64) - 1
_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\].]*|[01]|[!'()^&*|+])")


class FunctionError(ValueError):
    """Text that is not a Boolean function of the given names."""


def names_in(text: str) -> list[str]:
    """Return the names in a function, in order, each once."""
    return list(dict.fromkeys(re.findall(r"[A-Za-z_][\w\[\].]*", text)))


def variables(names: tuple[str, ...]) -> dict[str, int]:
    """Return the table of each of at most six names: the first is slot 0."""
    assert len(names) <= MAX_FANIN
    return {name: int(VARIABLE[slot]) for slot, name in enumerate(names)}


def evaluate(text: str, values: Mapping[str, int]) -> int:
    """Return the table of a function, from those of its names.

    Raises `FunctionError` for a syntax error or an unknown name.
    """
    tokens: list[str] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise FunctionError(f"{text!r} at {text[at : at + 8]!r}")
        tokens.append(match[1])
        at = match.end()
    parser = _Parser(tokens, values, text)
    table = parser.disjunction()
    if parser.tokens:
        raise FunctionError(f"{text!r} at {parser.tokens[-1]!r}")
    return table


class _Parser:
    def __init__(self, tokens: list[str], values: Mapping[str, int], text: str) -> None:
        self.tokens = tokens[::-1]
        self.values, self.text = values, text
        self.depth = 0

    def _at(self, marks: str) -> bool:
        return bool(self.tokens) and self.tokens[-1] in marks

    def disjunction(self) -> int:
        table = self._conjunction()
        while self._at("|+"):
            self.tokens.pop()
            table |= self._conjunction()
        return table

    def _conjunction(self) -> int:
        table = self._exclusive()
        while self.tokens and self.tokens[-1] not in ")|+^'":
            if self._at("&*"):
                self.tokens.pop()
            table &= self._exclusive()
        return table

    def _exclusive(self) -> int:
        table = self._operand()
        while self._at("^"):
            self.tokens.pop()
            table ^= self._operand()
        return table

    def _operand(self) -> int:
        inverted = 0
        while self._at("!"):
            self.tokens.pop()
            inverted ^= ALL
        if not self.tokens:
            raise FunctionError(f"{self.text[:40]!r} ends early")
        word = self.tokens.pop()
        if word == "(":
            self.depth += 1
            if self.depth > 100:
                raise FunctionError(f"{self.text[:40]!r}: more than 100 parentheses in each other")
            table = self.disjunction()
            self.depth -= 1
            if not self._at(")"):
                raise FunctionError(f"{self.text!r} lacks a closing parenthesis")
            self.tokens.pop()
        elif word in ("0", "1"):
            table = ALL * int(word)
        elif word in self.values:
            table = self.values[word]
        else:
            raise FunctionError(f"{self.text!r} reads {word!r}, which is no pin")
        while self._at("'"):
            self.tokens.pop()
            table ^= ALL
        return table ^ inverted

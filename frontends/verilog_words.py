"""Words and expressions of structural Verilog."""

from __future__ import annotations

import re
from typing import Any

from gatec.errors import ModelError

_SPACE = re.compile(
    r"(?:\s+|//[^\n]*|/\*.*?\*/|\(\*(?!\s*\)).*?\*\)|`(?:timescale|default_nettype|celldefine|"
    r"endcelldefine|resetall)[^\n]*)+",
    re.DOTALL,
)
_WORDS = re.compile(
    r"\\[^\s]+|[A-Za-z_][A-Za-z0-9_$]*|(?:[0-9][0-9_]*\s*)?'\s*[sS]?[bBoOdDhH]\s*[0-9a-fA-F_]+"
    r"|[0-9][0-9_]*|<=|==|!=|&&|\|\||~[&|^]|\^~|<<|.",
    re.DOTALL,
)
_BASES = {"b": 2, "o": 8, "d": 10, "h": 16}
_BINARY = (("||",), ("&&",), ("|",), ("^", "~^", "^~"), ("&",), ("==", "!="), ("<<",), ("+", "-"),
           ("*", "/"))  # fmt: skip
_UNARY = ("~", "!", "&", "|", "^", "~&", "~|", "~^", "^~", "-")
_MAX_DEPTH = 40
MAX_BITS = 1 << 16
"""Width of a number, or of a signal."""

Expression = tuple[Any, ...]
"""One of `("name", text)`, `("number", width or None, value)`, `("select", text, high, low or
None)`, `("join", parts)`, `("repeat", count, part)`, `("unary", op, part)`, `("binary", op,
parts)`, joined from the left, and `("choose", condition, one, other)`."""


class Words:
    """Words of a text, one after the other, and the expressions that they make."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.place = 0
        self.word = ""
        self.start = 0
        self._depth = 0
        self._lines = (0, 1)
        self.step()

    def step(self) -> str:
        """Go to the next word and return the one left behind; the end is an empty word."""
        before = self.word
        space = _SPACE.match(self.text, self.place)
        self.start = space.end() if space else self.place
        found = _WORDS.match(self.text, self.start)
        self.word = found[0] if found else ""
        self.place = found.end() if found else len(self.text)
        return before

    @property
    def line(self) -> int:
        """The current word's line."""
        place, line = self._lines
        line += self.text.count("\n", place, self.start)
        self._lines = (self.start, line)
        return line

    def error(self, expected: str) -> ModelError:
        """Return an error about the current word."""
        shown = self.word[:30] or "the end"
        return ModelError(
            f"{shown!r}", file=self.file, place=f"line {self.line}", expected=expected
        )

    def take(self, *wanted: str) -> str:
        """Step over one of some words and return which; raise `ModelError` at another."""
        if self.word not in wanted:
            raise self.error(" or ".join(wanted))
        return self.step()

    def skip(self, *wanted: str) -> bool:
        """Step over one of some words if it is there; return whether it was."""
        if self.word in wanted:
            self.step()
            return True
        return False

    def name(self) -> str:
        """Step over a name and return it."""
        if re.match(r"[A-Za-z_\\]", self.word) is None:
            raise self.error("a name")
        return self.step().lstrip("\\")

    def deeper(self) -> None:
        """Count a nested expression; the caller takes it off again."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self.error(f"expressions nested at most {_MAX_DEPTH} deep")

    def list_of(self, begin: str, end: str) -> list[Expression]:
        """Return expressions between two words, commas between them."""
        self.take(begin)
        found = [self.expression()]
        while self.take(",", end) != end:
            found.append(self.expression())
        return found

    def expression(self) -> Expression:
        """Return the expression that begins here."""
        self.deeper()
        found = self._level(0)
        if self.skip("?"):
            one = self.expression()
            self.take(":")
            found = ("choose", found, one, self.expression())
        self._depth -= 1
        return found

    def _level(self, level: int) -> Expression:
        """Return operators of one precedence and what binds closer, as rows of operands."""
        if level == len(_BINARY):
            return self._unary()
        parts, op = [self._level(level + 1)], ""
        while self.word in _BINARY[level]:
            if op and op != self.word:
                parts = [("binary", op, parts)]
            op = self.step()
            parts.append(self._level(level + 1))
        return ("binary", op, parts) if op else parts[0]

    def _unary(self) -> Expression:
        if self.word in _UNARY:
            self.deeper()
            found: Expression = ("unary", self.step(), self._unary())
            self._depth -= 1
            return found
        return self.primary()

    def primary(self) -> Expression:
        """Return a name, a selection, a number, or what stands in braces or parentheses."""
        if self.word == "(":
            self.step()
            found = self.expression()
            self.take(")")
            return found
        if self.word == "{":
            return self._braces()
        if self.word[:1].isdigit() or (self.word[:1] == "'" and len(self.word) > 1):
            return self._number(self.step())
        name = self.name()
        if not self.skip("["):
            return ("name", name)
        high = self.expression()
        low = self.expression() if self.skip(":") else None
        self.take("]")
        return ("select", name, high, low)

    def _braces(self) -> Expression:
        self.take("{")
        first = self.expression()
        if self.word == "{":
            parts = self.list_of("{", "}")
            self.take("}")
            return ("repeat", first, ("join", parts))
        parts = [first]
        while self.take(",", "}") != "}":
            parts.append(self.expression())
        return ("join", parts)

    def _number(self, word: str) -> Expression:
        width, quote, rest = word.replace("_", "").partition("'")
        if not quote:
            return ("number", None, self._digits(width, 10))
        rest = "".join(rest.split()).lower().lstrip("s")
        size = self._digits(width, 10) if width.strip() else None
        if size is not None and not 0 < size <= MAX_BITS:
            raise self.error(f"a number of 1 to {MAX_BITS} bits before it")
        value = self._digits(rest[1:], _BASES[rest[0]])
        return ("number", size, value if size is None else value & ((1 << size) - 1))

    def _digits(self, text: str, base: int) -> int:
        digits = "".join(text.split())
        legal = "0123456789abcdef"[:base]
        if not digits or digits.strip(legal) or len(digits) > (MAX_BITS if base != 10 else 18):
            raise self.error("a number before it")
        return int(digits, base)

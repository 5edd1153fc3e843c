"""The text of a Liberty file as a tree of groups: names, attributes, nothing interpreted.

The grammar is that of the Liberty reference manual: `group (arguments) { ... }`, simple attributes
`name : value ;` and complex ones `name (values) ;`. As other readers do, it takes files that leave
a semicolon out, or have one too many.

liberty-parser 0.0.29 (PyPI) reads the same files, in 16.4 s for the 12.8 MB of sky130_fd_sc_hd
where this takes 1.1 s, and brings lark and SymPy along.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gatec.errors import ModelError
from gatec.limits import check_limit

# The largest libraries with tables of noise are some hundred megabytes.
MAX_LIBERTY_BYTES = 1 << 30
_MAX_DEPTH = 32
_STRING = r'"(?:[^"\\]|\\.)*+"'
_COMMENT = r"/\*.*?\*/|//[^\n]*"
_WORD = r"""[^\s{}():;,"/]+"""
_GAP = re.compile(rf"(?:[\s;\\]++|{_COMMENT})*+", re.DOTALL)
# A whole statement at a time: sky130_fd_sc_hd has 400,000 of them.
_STATEMENT = re.compile(
    rf"""(?P<attribute>{_WORD})\s*:\s*(?P<value>{_STRING}|[^;{{}}\n"]+)"""
    rf"""|(?P<group>{_WORD})\s*\((?P<arguments>(?:{_STRING}|[^()"]++)*+)\)\s*(?P<open>{{)?"""
    rf"""|(?P<close>}})""",
    re.DOTALL,
)
_ARGUMENT = re.compile(rf"{_STRING}|{_COMMENT}|[^\s,\\\"]+", re.DOTALL)


@dataclass(slots=True)
class Group:
    """A group statement.

    Attributes
    ----------
    kind
        What it is: `library`, `cell`, `pin`, ...
    arguments
        What stands in its parentheses.
    span
        Its text in the file, from its first character to behind its closing brace.
    attributes
        Simple attributes; of several of a name the last.
    lists
        Complex attributes; of several of a name the last.
    groups
        The groups in it, in order.
    """

    kind: str
    arguments: list[str]
    span: tuple[int, int] = (0, 0)
    attributes: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its first argument; empty if it has none."""
        return self.arguments[0] if self.arguments else ""

    def all(self, kind: str) -> Iterator[Group]:
        """Yield the groups in it of a kind."""
        return (group for group in self.groups if group.kind == kind)


def read_text(file: Path) -> str:
    """Return the text of a Liberty file, gzipped or not; raise `ModelError` when there is none."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_LIBERTY_BYTES + 1)
            if data[:2] == b"\x1f\x8b":
                stream.seek(0)
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    data = unpacked.read(MAX_LIBERTY_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ModelError(f"gzip data is broken: {error}", file=file) from None
    except OSError as error:
        raise ModelError(error.strerror or str(error), file=file) from None
    check_limit(len(data), MAX_LIBERTY_BYTES, "bytes", file=file)
    return data.decode("utf-8", errors="replace")


def parse(text: str, file: object = None) -> Group:
    """Return the `library` group of a text.

    Raises
    ------
    ModelError
        With the line: the text is not Liberty, or ends inside a group.
    """

    def wrong(what: str, expected: str) -> ModelError:
        place = f"line {1 + text.count(chr(10), 0, at)}"
        return ModelError(what, file=str(file or "liberty"), place=place, expected=expected)

    outer = Group("", [])
    stack = [outer]
    at = 0
    while True:
        gap = _GAP.match(text, at)
        assert gap is not None
        at = gap.end()
        if at == len(text):
            break
        match = _STATEMENT.match(text, at)
        top = stack[-1]
        if match is None or (match["close"] and len(stack) == 1):
            line = text[at : at + 40].partition("\n")[0]
            raise wrong(f"unexpected {line!r}", "a statement of the Liberty format")
        if match["close"]:
            top.span = (top.span[0], match.end())
            stack.pop()
        elif match["attribute"]:
            top.attributes[match["attribute"]] = _unquoted(match["value"])
        elif match["open"]:
            if len(stack) > _MAX_DEPTH:
                raise wrong(f"more than {_MAX_DEPTH} groups in each other", "fewer")
            group = Group(match["group"], _arguments(match["arguments"]), (at, at))
            top.groups.append(group)
            stack.append(group)
        else:
            top.lists[match["group"]] = _arguments(match["arguments"])
        at = match.end()
    if len(stack) > 1:
        raise wrong(f"ends inside {stack[-1].kind} ({stack[-1].name})", "a closing brace")
    if [group.kind for group in outer.groups] != ["library"]:
        raise wrong("is not a Liberty file", "library (NAME) { ... }, and nothing else")
    return outer.groups[0]


def _arguments(text: str) -> list[str]:
    found = _ARGUMENT.findall(text)
    return [_unquoted(word) for word in found if not word.startswith(("/*", "//"))]


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] == '"' else text.strip()

"""Read the text form of a netlist (`gatec.text`) back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gatec.blocks import IntArray
from gatec.errors import ModelError
from gatec.limits import MAX_GATES, check_limit
from gatec.netlist import FIRST_INPUT, Netlist, NetlistError, Port
from gatec.tables import MAX_FANIN, Tables, expand

PLAIN_NAME = re.compile(r"[A-Za-z_][\w.+-]*", re.ASCII)
_STATEMENTS = {
    "header": re.compile(r"netlist (?P<name>.+) k=(?P<k>[0-6])( stages=(?P<stages>\d{1,9}))?"),
    "input": re.compile(r"input (?P<name>[A-Za-z_]\w*)\[(?P<width>\d{1,9})\] (?P<code>[^=]+)"),
    "register": re.compile(r"r(?P<number>\d+) = (?P<nets>\S+) init (?P<init>[01])"),
    "gate": re.compile(
        r"g(?P<number>\d+) = lut(?P<width>[0-6]):(?P<table>[0-9a-f]{1,16})"
        r"(?P<nets>( [^@ ]+)*)( @(?P<stage>\d{1,9}))?"
    ),
    "cut": re.compile(
        r"cut (?P<name>[A-Za-z_]\w*)\[(?P<width>\d{1,9})\] (?P<code>[^=]+) =(?P<nets>.*)"
    ),
    "output": re.compile(
        r"output (?P<name>[A-Za-z_]\w*)\[(?P<width>\d{1,9})\] (?P<code>[^=]+) =(?P<nets>.*)"
    ),
}
_RUN = r"(?P<first>\d{1,10})(\.\.(?P<last>\d{1,10}))?"
_INPUT_NET = re.compile(rf"(?P<name>[A-Za-z_]\w*)\[{_RUN}\]")
_INNER_NET = re.compile(rf"(?P<name>[rg]){_RUN}")


@dataclass(frozen=True)
class _Statement:
    """One line that was understood."""

    line: int
    parts: re.Match[str]

    def __getitem__(self, part: str) -> str:
        return str(self.parts[part])

    def number(self, part: str) -> int:
        """Return a decimal part."""
        return int(self.parts[part])

    def error(self, what: str, expected: str | None = None) -> ModelError:
        """Return the error that this line deserves."""
        return ModelError(what, place=f"line {self.line}", expected=expected)


def from_text(text: str) -> Netlist:
    """Return the netlist that a text form (`to_text` without a limit) describes.

    Raises
    ------
    ModelError
        With the line number: a line is not a statement, is out of order, or names an unknown net;
        or the whole breaks an invariant of netlists.
    """
    kinds = _sort(text)
    (header,) = kinds["header"]
    names = _Names()
    inputs = tuple(names.add_input(statement) for statement in kinds["input"])
    names.add_inner("r", len(kinds["register"]))
    names.add_inner("g", len(kinds["gate"]))
    fanin, tables = _gates(kinds["gate"], header.number("k"), names)
    net = Netlist(
        _name(header),
        inputs,
        tuple(_outer(statement, names) for statement in kinds["output"]),
        fanin,
        tables,
        np.array([_next_state(s, names) for s in kinds["register"]], dtype=np.int32),
        np.array([s["init"] == "1" for s in kinds["register"]], dtype=np.bool_),
        tuple(_outer(statement, names) for statement in kinds["cut"]),
        _stages(header, kinds["gate"]),
    )
    try:
        net.verify()
    except NetlistError as error:
        raise ModelError(str(error)) from None
    if header["stages"] not in ("None", str(net.num_stages)):
        raise header.error(f"stages={header['stages']}", f"{net.num_stages}, as the gates say")
    return net


def _sort(text: str) -> dict[str, list[_Statement]]:
    """Return the statements of each kind."""
    kinds: dict[str, list[_Statement]] = {kind: [] for kind in _STATEMENTS}
    for line, words in enumerate(text.splitlines(), start=1):
        if not words.strip():
            continue
        matches = ((kind, form.fullmatch(words)) for kind, form in _STATEMENTS.items())
        kind, parts = next(((k, p) for k, p in matches if p is not None), ("", None))
        if parts is None or (kind == "header") == bool(kinds["header"]):
            wanted = "one of " + ", ".join(list(_STATEMENTS)[1:])
            wanted = wanted if kinds["header"] else f"netlist NAME k=0..{MAX_FANIN}"
            raise ModelError(f"{words[:40]!r}", place=f"line {line}", expected=wanted)
        statement = _Statement(line, parts)
        if kind in ("register", "gate") and statement.number("number") != len(kinds[kind]):
            raise statement.error(f"{kind} {statement['number']}", f"number {len(kinds[kind])}")
        kinds[kind].append(statement)
    if not kinds["header"]:
        raise ModelError("an empty netlist text", expected="netlist NAME k=K")
    return kinds


@dataclass
class _Names:
    """Where the nets of each name begin, and how many there are."""

    ports: dict[str, tuple[int, int]] = field(default_factory=dict)
    inner: dict[str, tuple[int, int]] = field(default_factory=dict)
    end: int = FIRST_INPUT

    def add_input(self, statement: _Statement) -> Port:
        """Return the input port of a statement, on the next nets."""
        width = statement.number("width")
        check_limit(self.end + width, MAX_GATES, f"line {statement.line}: input bits")
        nets = np.arange(self.end, self.end + width, dtype=np.int32)
        self.ports[statement["name"]] = (self.end, width)
        self.end += width
        return Port(statement["name"], nets, statement["code"])

    def add_inner(self, letter: str, count: int) -> None:
        """Number `count` registers or gates from here on."""
        self.inner[letter] = (self.end, count)
        self.end += count

    def nets(self, statement: _Statement) -> list[int]:
        """Return the nets that the names and runs in a statement stand for."""
        nets: list[int] = []
        for word in statement["nets"].split():
            if word in ("0", "1"):
                nets.append(int(word))
                continue
            outer, inner = _INPUT_NET.fullmatch(word), _INNER_NET.fullmatch(word)
            found, known = (outer, self.ports) if outer else (inner, self.inner)
            if found is None or found["name"] not in known:
                raise statement.error(f"{word[:40]!r}", "the name of a net")
            start, count = known[found["name"]]
            first, last = int(found["first"]), int(found["last"] or found["first"])
            if not first <= last < count:
                raise statement.error(f"{word[:40]!r}", f"one of {count} nets")
            nets += range(start + first, start + last + 1)
        return nets


def _name(header: _Statement) -> str:
    if PLAIN_NAME.fullmatch(header["name"]):
        return header["name"]
    try:
        name = json.loads(header["name"])
    except ValueError:
        name = None
    if not isinstance(name, str):
        raise header.error(f"name {header['name'][:40]!r}", "a plain name or a quoted one")
    return name


def _gates(statements: Sequence[_Statement], k: int, names: _Names) -> tuple[IntArray, Tables]:
    """Return fan-in and expanded tables."""
    fanin = np.zeros((len(statements), k), dtype=np.int32)
    tables = np.zeros(len(statements), dtype=np.uint64)
    for gate, statement in enumerate(statements):
        nets, width = names.nets(statement), statement.number("width")
        table = int(statement["table"], 16)
        if len(nets) != width or width > k:
            raise statement.error(f"lut{width} of {len(nets)} nets", f"{width}, at most k={k}")
        if table >> (1 << width):
            raise statement.error(f"table {statement['table']}", f"{1 << width} bits")
        fanin[gate, :width] = nets
        tables[gate] = expand(np.array([table], dtype=np.uint64), width)[0]
    return fanin, tables


def _next_state(statement: _Statement, names: _Names) -> int:
    nets = names.nets(statement)
    if len(nets) != 1:
        raise statement.error(f"{len(nets)} next states", "one")
    return nets[0]


def _outer(statement: _Statement, names: _Names) -> Port:
    """Return an output port or a cut."""
    nets = names.nets(statement)
    if len(nets) != statement.number("width"):
        raise statement.error(f"{len(nets)} nets in {statement['name']}", statement["width"])
    return Port(statement["name"], np.array(nets, dtype=np.int32), statement["code"])


def _stages(header: _Statement, gates: Sequence[_Statement]) -> IntArray | None:
    expected = header.parts["stages"] is not None
    for gate in gates:
        if (gate.parts["stage"] is not None) != expected:
            raise gate.error("stage or none", "what the header says")
    return np.array([g.number("stage") for g in gates], dtype=np.int32) if expected else None

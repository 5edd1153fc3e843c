"""Circuits in BLIF: one model of `.names` covers, and `.latch` state registers.

Covers of any width are read; those of more than six inputs become trees of gates. A circuit with
latches is a recurrent net (`gatec.frontends.recurrence`): all latches take a step together,
whatever their type and clock, and the circuit is unrolled over `--steps N`. It then puts out each
step's outputs, one step after the other; with `--classes` the last step's. A latch must say with
which value it starts: 0, 1, or 2 for either, of which 0 is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatec import limits
from gatec.errors import ModelError
from gatec.frontends.circuits import circuit_draft
from gatec.frontends.draft import Draft
from gatec.frontends.files.content import Content
from gatec.frontends.options import ReadOptions
from gatec.levels import level_order
from gatec.netlist import CONST0_NET, CONST1_NET, FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import MAX_FANIN, VARIABLE

_ALL = (1 << 64) - 1
_VARIABLE = tuple(int(table) for table in VARIABLE)
_IGNORED = ("default_input_arrival", "area", "delay", "wire_load_slope", "clock")


def matches(content: Content) -> bool:
    """Return whether the file is BLIF."""
    return content.container == "blif"


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return the circuit, and how its steps hang together when it has latches."""
    file = content.label
    if content.container != "blif":
        raise ModelError("is not BLIF", file=file, expected="a file that begins with .model")
    parsed = _Parser(file)
    parsed.read(content.value)
    start = [latch[2] for latch in parsed.latches]
    return circuit_draft(parsed.netlist(), start, options, {}, file=file)


@dataclass(eq=False)
class _Parser:
    """What has been read of a file, signals by name."""

    file: str
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    latches: list[tuple[str, str, int]] = field(default_factory=list)
    # Output, inputs and table of each gate, also of those that wide covers are made of.
    gates: list[tuple[str, list[str], int]] = field(default_factory=list)
    models: int = 0

    def read(self, text: str) -> None:
        """Read all statements; raise `ModelError` at the first that is none."""
        for line, words, cover in _statements(text):
            place = f"line {line}"
            keyword, rest = words[0][1:], words[1:]
            if keyword == "model":
                self.models += 1
                if self.models > 1:
                    raise self._error(place, "a second .model", "one flat model")
            elif keyword in ("inputs", "outputs"):
                (self.inputs if keyword == "inputs" else self.outputs).extend(rest)
            elif keyword == "names" and rest:
                self._names(rest, cover, place)
            elif keyword == "latch" and len(rest) >= 2:
                self._latch(rest, place)
            elif keyword == "end":
                break
            elif keyword not in _IGNORED:
                raise self._error(place, f"statement .{keyword[:30]}", ".names and .latch")
            if cover and keyword != "names":
                raise self._error(place, f"a line {cover[0][:30]!r}", "a statement")
            limits.check_limit(len(self.gates), limits.MAX_GATES, "gates", file=self.file)

    def _error(self, place: str, what: str, expected: str | None = None) -> ModelError:
        return ModelError(what, file=self.file, place=place, expected=expected)

    def _latch(self, words: list[str], place: str) -> None:
        """Take `input output [type control] [init]`."""
        value = words[-1] if len(words) in (3, 5) else "3"
        if value not in ("0", "1", "2") or len(words) > 5:
            raise self._error(
                place,
                f"latch {words[1][:60]!r} starts with an unknown value",
                "0, 1, or 2 where it does not matter",
            )
        self.latches.append((words[0], words[1], int(value == "1")))

    def _names(self, signals: list[str], cover: list[str], place: str) -> None:
        """Take a cover."""
        *inputs, output = signals
        cubes: list[str] = []
        values = set()
        for row in cover:
            *pattern, value = row.split()
            columns = "".join(pattern)
            if len(columns) != len(inputs) or value not in ("0", "1") or columns.strip("01-"):
                raise self._error(place, f"cover row {row[:40]!r}", f"{len(inputs)} of 0, 1, -")
            cubes.append(columns)
            values.add(value)
        if len(values) > 1:
            raise self._error(place, "a cover with both on- and off-set")
        inverted = values == {"0"}
        if len(inputs) <= MAX_FANIN:
            table = 0
            for cube in cubes:
                table |= _cube(cube)
            self.gates.append((output, inputs, table ^ _ALL if inverted else table))
            return
        terms = [self._tree(inputs, cube) for cube in cubes]
        self._or(terms, output, inverted)

    def _tree(self, inputs: list[str], cube: str) -> str:
        """Add the gates of one cube of a wide cover and return what it is called."""
        used = [(name, column) for name, column in zip(inputs, cube, strict=True) if column != "-"]
        names, columns = [name for name, _ in used], "".join(column for _, column in used)
        while True:
            parts = []
            for i in range(0, max(1, len(names)), MAX_FANIN):
                table = _cube(columns[i : i + MAX_FANIN])
                parts.append(self._add(names[i : i + MAX_FANIN], table))
            if len(parts) == 1:
                return parts[0]
            names, columns = parts, "1" * len(parts)

    def _or(self, terms: list[str], output: str, inverted: bool) -> None:
        """Add the gates that join cubes, the last under the cover's name."""
        while len(terms) > MAX_FANIN:
            terms = [
                self._add(part, _either(len(part)))
                for part in (terms[i : i + MAX_FANIN] for i in range(0, len(terms), MAX_FANIN))
            ]
        table = _either(len(terms))
        self.gates.append((output, terms, table ^ _ALL if inverted else table))

    def _add(self, inputs: list[str], table: int) -> str:
        # No signal of a file has a space in its name.
        name = f" {len(self.gates)}"
        self.gates.append((name, inputs, table))
        return name

    def netlist(self) -> Netlist:
        """Return the combinational part: inputs and states in, outputs and next states out."""
        sources = [*self.inputs, *(latch[1] for latch in self.latches)]
        index: dict[str, int] = {}
        for number, name in enumerate([*sources, *(gate[0] for gate in self.gates)], FIRST_INPUT):
            if name in index:
                raise self._error(name[:60].strip(), "driven twice")
            index[name] = number
        width = max((len(gate[1]) for gate in self.gates), default=1) or 1
        fanin = np.zeros((len(self.gates), width), dtype=np.int32)
        for row, (_, inputs, _) in zip(fanin, self.gates, strict=True):
            row[: len(inputs)] = [self._net(name, index) for name in inputs]
        first = FIRST_INPUT + len(sources)
        order = level_order(fanin, first)
        if order is None:
            raise self._error("the gates", "a combinational cycle", "a .latch in every cycle")
        renamed = np.arange(first + len(fanin), dtype=np.int32)
        renamed[first + order] = np.arange(first, len(renamed), dtype=np.int32)
        ends = [*self.outputs, *(latch[0] for latch in self.latches)]
        if not self.outputs:
            raise self._error("outputs", "no .outputs", "at least one")
        outputs = np.array([self._net(name, index) for name in ends], dtype=np.int32)
        tables = np.array([gate[2] for gate in self.gates], dtype=np.uint64)
        ports = make_ports(("x", len(sources)))
        net = Netlist("circuit", ports, (Port("y", renamed[outputs]),), renamed[fanin[order]],
                      tables[order])  # fmt: skip
        net.verify()
        return net

    def _net(self, name: str, index: dict[str, int]) -> int:
        net = index.get(name, {"$false": CONST0_NET, "$true": CONST1_NET}.get(name))
        if net is None:
            raise self._error(name[:60], "nothing drives it")
        return net


def _cube(columns: str) -> int:
    """Return the expanded table of an AND of literals."""
    table = _ALL
    for slot, column in enumerate(columns):
        if column != "-":
            table &= _VARIABLE[slot] if column == "1" else ~_VARIABLE[slot] & _ALL
    return table


def _either(count: int) -> int:
    table = 0
    for slot in range(count):
        table |= _VARIABLE[slot]
    return table


def _statements(text: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield line number, words and cover lines of each statement."""
    current: tuple[int, list[str], list[str]] | None = None
    held, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].rstrip()
        start = start or number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        words: Any = (held + line).split()
        held, line_number, start = "", start, 0
        if not words:
            continue
        if words[0].startswith("."):
            if current is not None:
                yield current
            current = (line_number, words, [])
        elif current is not None:
            current[2].append(" ".join(words))
    if current is not None:
        yield current

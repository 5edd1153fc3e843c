"""The strict reader of emitted text: the file's outline, and the stage modules gate by gate.

The subset is small on purpose. Whatever does not match it ends in an error; nothing is skipped but
plain comment lines between modules. It shares no code with the writer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatec.backends.readback.formula import read_formula
from gatec.backends.readback.subset_cells import NAME, NET, as_line, read_cells, read_run
from gatec.blocks import IntArray
from gatec.errors import DifferentError
from gatec.tables import Tables, expand

_MODULE = re.compile(rf"^module ({NAME})\b.*?^endmodule\n", re.MULTILINE | re.DOTALL)
# A comment that begins with one of these speaks to a tool.
_SPOKEN_TO = "synopsys|synthesis|pragma|verilator|translate|exemplar|altera|ambit|rtl_synthesis"
# Printable characters only: to some tools a carriage return ends the comment.
_BETWEEN = re.compile(rf"(?://(?!\s*(?:{_SPOKEN_TO}))[ -~]*)?", re.I)
_HEAD = re.compile(
    rf"module {NAME} \(\n  input  wire \[(\d+):0\] i,\n  output wire \[(\d+):0\] o\n\);\n"
)


_ALIAS = as_line(rf"  wire ({NAME}) = i\[(\d+)\];\n")
_FORMULA = as_line(rf"  wire ({NAME}) = ([^;\n\[\]]+);\n")
_OUTPUT = as_line(rf"  assign o\[(\d+)\] = ({NET});\n")


@dataclass(frozen=True)
class Body:
    """A stage module as read.

    Attributes
    ----------
    inputs
        Width of `i`.
    fanin, tables
        The gates. Local nets: 0 and 1 constants, then the bits of `i`, then gates in order.
    outputs
        The local net of each bit of `o`.
    """

    inputs: int
    fanin: IntArray
    tables: Tables
    outputs: IntArray


def split_modules(text: str) -> dict[str, str]:
    """Return the text of each module by name.

    Raises
    ------
    DifferentError
        There is anything else but plain comment lines, or two modules have one name.
    """
    modules: dict[str, str] = {}
    end = 0
    for match in _MODULE.finditer(text):
        check_between(text[end : match.start()])
        if match[1] in modules:
            raise DifferentError("written twice", place=f"module {match[1]}")
        modules[match[1]] = match[0]
        end = match.end()
    check_between(text[end:])
    return modules


def check_between(text: str) -> None:
    """Raise `DifferentError` unless all lines are empty, or comments that every tool skips."""
    for line in text.split("\n"):
        if not _BETWEEN.fullmatch(line):
            raise DifferentError(f"unexpected text {line[:60]!r}", expected="modules and comments")


def read_body(name: str, text: str) -> Body:
    """Read one stage module.

    Raises
    ------
    DifferentError
        The text is not of the subset, or not a combinational circuit in topological order.
    """
    head = _HEAD.match(text)
    if head is None:
        raise DifferentError("unexpected ports", place=f"module {name}", expected="i and o")
    inputs, outputs = int(head[1]) + 1, int(head[2]) + 1
    aliases, at = read_run(_ALIAS, text, head.end())
    luts, at = read_cells(text, at, f"module {name}")
    formulas, at = ([], at) if luts else read_run(_FORMULA, text, at)
    drives, at = read_run(_OUTPUT, text, at)
    if text[at:] != "endmodule\n":
        line = text.count("\n", 0, at) + 1
        found = text[at:].partition("\n")[0]
        raise DifferentError(
            f"unexpected text {found[:60]!r}",
            place=f"module {name}, line {line}",
        )
    names = _Names(name, inputs, aliases, [row[0] for row in luts or formulas])
    fanin, tables = _luts(names, luts) if luts else _formulas(names, formulas)
    names.check_order(fanin)
    return Body(inputs, fanin, tables, _outputs(names, drives, outputs))


class _Names:
    """The names of a module and the local nets that they stand for."""

    def __init__(
        self, module: str, inputs: int, aliases: Sequence[tuple[str, ...]], gates: Sequence[str]
    ) -> None:
        self.place = f"module {module}"
        self.first_gate = 2 + inputs
        self.nets = {"1'b0": 0, "1'b1": 1}
        self.nets.update((name, 2 + int(bit)) for name, bit in aliases)
        self.nets.update(zip(gates, range(self.first_gate, 1 << 62), strict=False))
        if max((int(bit) for _, bit in aliases), default=0) >= inputs:
            raise DifferentError("reads a bit beyond i", place=self.place)
        if len(self.nets) != 2 + len(aliases) + len(gates) or self.nets.keys() & {"i", "o"}:
            raise DifferentError("a name is declared twice", place=self.place)

    def find(self, names: Sequence[str]) -> IntArray:
        """Return the nets of `names`."""
        try:
            return np.array([self.nets[name] for name in names], dtype=np.int32)
        except KeyError as missing:
            raise DifferentError(f"undeclared name {missing.args[0]}", place=self.place) from None

    def check_order(self, fanin: IntArray) -> None:
        """Raise unless each gate reads only what is declared above it."""
        own = self.first_gate + np.arange(len(fanin))[:, None]
        if (fanin >= own).any():
            raise DifferentError("a gate reads a later one", place=self.place)


def _luts(names: _Names, rows: Sequence[tuple[str, ...]]) -> tuple[IntArray, Tables]:
    wires, inits, instances, outs, *pins = zip(*rows, strict=True)
    if wires != outs:
        raise DifferentError("a LUT drives another wire than its own", place=names.place)
    if len(set(instances)) != len(rows) or names.nets.keys() & set(instances):
        raise DifferentError("a name is declared twice", place=names.place)
    tables = np.array([int(init, 16) for init in inits], dtype=np.uint64)
    return np.stack([names.find(pin) for pin in pins], axis=1), expand(tables, len(pins))


def _formulas(names: _Names, rows: Sequence[tuple[str, ...]]) -> tuple[IntArray, Tables]:
    fanin = np.zeros((len(rows), 6), dtype=np.int32)
    tables = np.zeros(len(rows), dtype=np.uint64)
    for gate, (_, formula) in enumerate(rows):
        tables[gate], slots = read_formula(formula)
        fanin[gate, : len(slots)] = names.find(slots)
    return fanin, tables


def _outputs(names: _Names, rows: Sequence[tuple[str, ...]], width: int) -> IntArray:
    if [int(bit) for bit, _ in rows] != list(range(width)):
        raise DifferentError("the bits of o are not driven once each, in order", place=names.place)
    return names.find([net for _, net in rows])

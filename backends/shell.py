"""The shell module as a graph of word-level cells, read by Yosys and interpreted here.

Yosys parses the module and turns its processes into flip-flops; it never sees a stage body. A bit
is an int: 0 and 1 are the constants, others are Yosys' numbers. `Shell.function` evaluates the
logic between flip-flops for many assignments at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatec.backends.gates import BITWISE, EVALUATE
from gatec.bits import ALL_ONES, Words
from gatec.errors import DifferentError
from gatec.tools.runner import ToolFailed
from gatec.tools.yosys import run_yosys

_NAME = r"(?:[A-Za-z_][A-Za-z0-9_]*|\\\S+ )"
_EXPRESSION = r"(?:[\w\[\]:{},'~&|?+ \\$]|==|!=)+"
_LINE = re.compile(
    rf"module {_NAME}\([\w, ]*\);"
    rf"|  (?:input|output|wire|reg) (?:\[\d+:0\] )?{_NAME}(?: = \d+'h[0-9a-f]+)?;"
    rf"|  assign {_EXPRESSION} = {_EXPRESSION};"
    rf"|  always @\((?:posedge|negedge) {_NAME}\)"
    rf"|    +(?:if \(!?{_NAME}\)|else(?: if \(!?{_NAME}\))?)(?: {_NAME} ?<= {_EXPRESSION};)?"
    rf"|    +{_NAME} ?<= {_EXPRESSION};"
    rf"|  {_NAME} {_NAME} ?\("
    rf"|    \.[io]\({_EXPRESSION}\),?"
    r"|  \);|endmodule|"
)

# The logic between two registers of a shell is far smaller.
_MAX_PENDING = 100_000

FLIP_FLOPS = frozenset({"$dff", "$dffe", "$sdff", "$sdffe", "$sdffce"})


@dataclass(frozen=True)
class Cell:
    """A cell of the shell.

    Attributes
    ----------
    kind
        Yosys' type, or a stage module.
    parameters
        Numbers.
    pins
        The bits of each port, bit 0 first.
    outputs
        The pins that the cell drives.
    """

    kind: str
    parameters: Mapping[str, int]
    pins: Mapping[str, Sequence[int]]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class FlipFlop:
    """One bit of a register: at each rising clock edge, `q` takes `next_value`."""

    cell: Cell
    index: int

    @property
    def d(self) -> int:
        """The data bit."""
        return self.cell.pins["D"][self.index]

    def sources(self) -> list[int]:
        """Return the bits that the next value depends on."""
        controls = [self.cell.pins[pin][0] for pin in ("EN", "SRST") if pin in self.cell.pins]
        return [self.d, self.cell.pins["Q"][self.index], *controls]

    def next_value(self, values: Mapping[int, Words]) -> Words:
        """Return the value after the edge, from the values of `sources` before it."""
        kind, pins, parameters = self.cell.kind, self.cell.pins, self.cell.parameters
        result, hold = values[self.d], values[pins["Q"][self.index]]
        enable = reset = np.zeros_like(result)
        if "EN" in pins:
            enable = values[pins["EN"][0]] ^ (ALL_ONES * (1 - parameters["EN_POLARITY"]))
        if "SRST" in pins:
            reset = values[pins["SRST"][0]] ^ (ALL_ONES * (1 - parameters["SRST_POLARITY"]))
        clear = ALL_ONES * (parameters.get("SRST_VALUE", 0) >> self.index & 1)
        if kind == "$sdffce":
            return (((result & ~reset) | (clear & reset)) & enable) | (hold & ~enable)
        if "EN" in pins:
            result = (result & enable) | (hold & ~enable)
        return (result & ~reset) | (clear & reset)


class Shell:
    """The top module of an emitted text.

    Parameters
    ----------
    module
        The module in Yosys' JSON.
    stages
        The names of the stage modules.

    Attributes
    ----------
    ports
        Direction and bits by name.
    names
        The bits of every named wire.
    init
        Power-up values of the bits that have one.
    cells
        All cells.
    flip_flops
        By the bit `q`.
    """

    def __init__(self, module: Mapping[str, Any], stages: Container[str]) -> None:
        self.ports = {
            name: (port["direction"], _bits(port["bits"])) for name, port in module["ports"].items()
        }
        self.names = {name: _bits(wire["bits"]) for name, wire in module["netnames"].items()}
        self.init = _initial(module["netnames"].values())
        self.cells = [_cell(cell, stages) for cell in module["cells"].values()]
        self.driver: dict[int, tuple[Cell, int]] = {}
        self.flip_flops: dict[int, FlipFlop] = {}
        for cell in self.cells:
            for pin in cell.outputs:
                for index, bit in enumerate(cell.pins[pin]):
                    self._drive(bit, cell, index)
        inputs = [bit for way, bits in self.ports.values() if way == "input" for bit in bits]
        if any(bit in self.driver for bit in inputs):
            raise DifferentError("an input is driven from inside")

    def _drive(self, bit: int, cell: Cell, index: int) -> None:
        if bit in self.driver or bit < 2:
            raise DifferentError(f"a wire has two drivers, one a {cell.kind}")
        self.driver[bit] = (cell, index)
        if cell.kind in FLIP_FLOPS:
            self.flip_flops[bit] = FlipFlop(cell, index)

    def support(self, bits: Iterable[int], cuts: Iterable[int] = ()) -> list[int]:
        """Return the bits that `bits` depend on, ascending.

        Those are inputs, flip-flops' outputs, stages' outputs, and whatever is in `cuts`.
        """
        stop, seen, found = set(cuts), set(), []
        stack = list(bits)
        while stack:
            bit = stack.pop()
            if bit < 2 or bit in seen:
                continue
            seen.add(bit)
            cell = self.driver[bit][0] if bit in self.driver else None
            if bit in stop or cell is None or cell.kind not in EVALUATE:
                found.append(bit)
            else:
                stack += [source for bits in self._operands(bit).values() for source in bits]
        return sorted(found)

    def evaluate(self, bit: int, values: dict[int, Words]) -> Words:
        """Return the value of `bit`, given those of its support; `values` gains what lies between.

        Constants must be in `values`.
        """
        stack = [bit]
        while stack:
            top = stack[-1]
            if top in values:
                stack.pop()
                continue
            operands = self._operands(top)
            missing = [b for bits in operands.values() for b in bits if b not in values]
            if missing:
                stack += missing
                # A loop comes back to a bit that waits further down.
                if len(stack) > _MAX_PENDING:
                    raise DifferentError("a combinational loop in the shell")
                continue
            cell = self.driver[top][0]
            words = values[0].shape
            pins = {
                pin: np.array([values[b] for b in bits], dtype=np.uint64).reshape(-1, *words)
                for pin, bits in operands.items()
            }
            if cell.kind in BITWISE:
                values[top] = EVALUATE[cell.kind](pins, 1)[0]
            else:
                outputs = cell.pins["Y"]
                values.update(zip(outputs, EVALUATE[cell.kind](pins, len(outputs)), strict=True))
        return values[bit]

    def _operands(self, bit: int) -> dict[str, Sequence[int]]:
        """Return the bits by pin that the driver of `bit` computes it from."""
        cell, index = self.driver[bit]
        pins = {pin: bits for pin, bits in cell.pins.items() if pin != "Y"}
        if cell.kind not in BITWISE:
            return pins
        return {pin: bits if pin == "S" else bits[index : index + 1] for pin, bits in pins.items()}


def read_shell(top: str, text: str, stages: Mapping[str, tuple[int, int]]) -> Shell:
    """Read the top module's text.

    Parameters
    ----------
    stages
        The widths of `i` and `o` of each stage module.

    Raises
    ------
    DifferentError
        The text is not of the subset, or holds cells or constants that a shell has no use for, or
        a wire with two drivers.
    """
    _check_text(top, text)
    commands = [
        "read_verilog shell.v",
        f"hierarchy -check -top {top}",
        "proc",
        "opt_clean",
        "opt_dff",
        "opt_clean",
        "write_json shell.json",
    ]
    stubs = "".join(
        f"(* blackbox *)\nmodule {name} (input [{i - 1}:0] i, output [{o - 1}:0] o);\nendmodule\n"
        for name, (i, o) in stages.items()
    )
    try:
        run = run_yosys(
            commands, inputs={"shell.v": text + stubs}, outputs=["shell.json"], timeout=600
        )
    except ToolFailed as failure:
        raise DifferentError(f"Yosys cannot read it: {failure}", place=f"module {top}") from failure
    # Implicit wires, widths that do not fit, several drivers: nothing that gatec writes.
    warning = re.search("Warning: .*", run.log)
    if warning is not None:
        raise DifferentError(warning[0], place=f"module {top}")
    return Shell(json.loads(run.files["shell.json"])["modules"][top], stages)


def _check_text(top: str, text: str) -> None:
    """Check that every line is of a form that all tools read alike, and every name declared once.

    No comments, attributes, directives, initial blocks or blocking assignments to registers: those
    are where synthesis and simulation part ways.
    """
    for number, line in enumerate(text.split("\n")):
        if not _LINE.fullmatch(line):
            raise DifferentError(
                f"unexpected text {line[:60]!r}", place=f"module {top}, line {number + 1}"
            )
    for sort in ("(?:in|out)put", "(?:wire|reg)"):
        # A port is declared once as such and once as wire or reg.
        names = re.findall(rf"^  {sort} (?:\[\d+:0\] )?([^;=]+)", text, re.MULTILINE)
        if len({name.strip() for name in names}) != len(names):
            raise DifferentError("a name is declared twice", place=f"module {top}")


def _bits(bits: Sequence[int | str]) -> list[int]:
    if "x" in bits or "z" in bits:
        raise DifferentError("an undefined value in the shell")
    return [int(bit) for bit in bits]


def _cell(cell: Mapping[str, Any], stages: Container[str]) -> Cell:
    kind = cell["type"]
    if kind not in EVALUATE and kind not in FLIP_FLOPS and kind not in stages:
        raise DifferentError(f"unexpected {kind} in the shell")
    parameters = {key: int(value, 2) for key, value in cell["parameters"].items()}
    if parameters.get("A_SIGNED") or parameters.get("B_SIGNED"):
        raise DifferentError(f"a signed {kind} in the shell")
    pins = {pin: _bits(bits) for pin, bits in cell["connections"].items()}
    ways = cell["port_directions"]
    return Cell(kind, parameters, pins, tuple(pin for pin in pins if ways[pin] == "output"))


def _initial(wires: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    init = {}
    for wire in wires:
        digits = wire["attributes"].get("init", "")
        for bit, digit in zip(wire["bits"], reversed(digits), strict=False):
            if digit in "01":
                init[int(bit)] = int(digit)
    return init

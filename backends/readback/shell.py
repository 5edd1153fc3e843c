"""The shell module as a graph of word-level cells.

A bit is an int: 0 and 1 are the constants, others are Yosys' numbers. `Shell.evaluate` computes the
logic between flip-flops for many assignments at once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatec.backends.readback.gates import BITWISE, EVALUATE
from gatec.bits import ALL_ONES, Words
from gatec.errors import DifferentError

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

"""A library of standard cells: what gatec uses of one or several Liberty files.

Units inside: ns, pF, nW, pJ, V, and the library's own unit of area.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, get_args

from gatec.errors import ModelError
from gatec.liberty.clock_gates import GATES_CLOCK, ClockGate, clock_gate
from gatec.liberty.functions import ALL, FunctionError, evaluate, names_in, variables
from gatec.liberty.parse import Group, parse, read_text
from gatec.liberty.stored import SEQUENTIAL, FlipFlop, stored
from gatec.liberty.units import Units, read_units
from gatec.tables import MAX_FANIN

Direction = Literal["input", "output", "inout", "internal"]
_DIRECTIONS: dict[str, Direction] = {name: name for name in get_args(Direction)}


@dataclass(frozen=True)
class Pin:
    """A pin of a cell.

    Attributes
    ----------
    name, direction
        As in the file.
    capacitance
        pF at an input.
    max_capacitance
        pF that an output may drive; None where the file sets no limit.
    function
        Of an output, as text; None without one.
    three_state
        Whether an output can be switched off.
    group
        The pin in the file, with its timing and power groups.
    """

    name: str
    direction: Direction
    capacitance: float
    max_capacitance: float | None
    function: str | None
    three_state: bool
    group: Group = field(repr=False, compare=False)


@dataclass(frozen=True)
class Cell:
    """A standard cell.

    Attributes
    ----------
    name
        As in the file.
    area
        In the library's unit, mostly square micrometres.
    leakage
        nW, the average of its states or the cell's own figure.
    pins
        By name; supply pins are left out.
    inputs, outputs
        Their names, in the file's order.
    tables
        By output: the expanded truth table, slot j the j-th input. Only of combinational cells of
        at most six inputs.
    flip_flop
        What it stores; None for combinational cells and for other sequential ones.
    latch
        What a latch stores; None for all other cells.
    clock_gate
        The pins of a clock gate; None for all other cells, and for gates with pins for tests.
    sequential
        Whether it stores anything.
    dont_use
        What the library says.
    units
        Of the file it comes from.
    """

    name: str
    area: float
    leakage: float
    pins: Mapping[str, Pin]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tables: Mapping[str, int]
    flip_flop: FlipFlop | None
    sequential: bool
    dont_use: bool
    units: Units = field(repr=False)
    clock_gate: ClockGate | None = None
    latch: FlipFlop | None = None

    @property
    def is_gate(self) -> bool:
        """Whether it is a plain combinational cell with one output, which ABC can map to."""
        return not self.sequential and len(self.outputs) == 1 and len(self.tables) == 1


@dataclass(frozen=True)
class Source:
    """One Liberty file.

    Attributes
    ----------
    name
        The library's, as the file says.
    file
        Its name without folders.
    sha256
        Of its bytes.
    text
        Unpacked.
    group
        Parsed.
    """

    name: str
    file: str
    sha256: str
    text: str = field(repr=False)
    group: Group = field(repr=False)

    @property
    def units(self) -> Units:
        """What its numbers mean."""
        return read_units(self.group, self.file)


@dataclass(frozen=True)
class Library:
    """The cells of one or several files.

    Attributes
    ----------
    sources
        The files; all have the same units and voltage.
    cells
        By name.
    avoided
        Names of cells that are there but shall not be used.
    forbidden
        Those of them that the user named. Files mark clock gates, to keep mappers off.
    """

    sources: tuple[Source, ...]
    cells: Mapping[str, Cell]
    avoided: frozenset[str]
    forbidden: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The names of the files' libraries."""
        return "+".join(source.name for source in self.sources)

    @property
    def units(self) -> Units:
        """Of the first file."""
        return self.sources[0].units

    def avoiding(self, patterns: Sequence[str], *, by_user: bool = True) -> Library:
        """Return the library without cells whose names match a pattern.

        Those that the user named serve nothing; others may gate clocks.

        Raises `ModelError` when what is left does not suffice for a circuit.
        """
        also = {
            cell for cell in self.cells if any(fnmatchcase(cell, pattern) for pattern in patterns)
        }
        forbidden = self.forbidden | also if by_user else self.forbidden
        smaller = replace(self, avoided=self.avoided | also, forbidden=forbidden)
        _check_complete(smaller)
        return smaller

    def usable(self) -> list[Cell]:
        """Return the cells that may be used, the smallest first."""
        cells = [cell for cell in self.cells.values() if cell.name not in self.avoided]
        return sorted(cells, key=lambda cell: (cell.area, cell.name))

    def gates(self) -> list[Cell]:
        """Return the usable cells of one output that ABC maps to, the smallest first."""
        return [cell for cell in self.usable() if cell.is_gate and cell.inputs]

    def clock_gate(self) -> Cell | None:
        """Return the smallest clock gate that the user did not forbid."""
        gates = [
            cell
            for cell in self.cells.values()
            if cell.clock_gate is not None and cell.name not in self.forbidden
        ]
        return min(gates, key=lambda cell: (cell.area, cell.name), default=None)

    def find(self, table: int, inputs: int) -> Cell | None:
        """Return the smallest usable gate of a function of `inputs` slots in this order."""
        for cell in self.usable():
            if cell.is_gate and len(cell.inputs) == inputs and table in cell.tables.values():
                return cell
        return None


def load_library(
    files: Sequence[Path], *, dont_use: Sequence[str] = (), complete: bool = True
) -> Library:
    """Read Liberty files, gzipped or not, as one library.

    Parameters
    ----------
    dont_use
        Patterns (`*`, `?`, `[...]`) of names of cells that shall not be used, beside those that the
        files themselves mark.
    complete
        Whether there must be all that a circuit needs, as mapping does.

    Raises
    ------
    ModelError
        A file is not Liberty, two files have a cell of one name, or cells for a circuit lack.
    """
    sources: list[Source] = []
    cells: dict[str, Cell] = {}
    for file in files:
        source = _source(file)
        units = read_units(source.group, file)
        if sources and units.scales != sources[0].units.scales:
            raise ModelError("has other units", file=file, expected=f"those of {sources[0].file}")
        for group in source.group.all("cell"):
            cell = _cell(group, units, file)
            if cell.name in cells:
                raise ModelError("is there twice", file=file, place=f"cell {cell.name}")
            cells[cell.name] = cell
        sources.append(source)
    marked = frozenset(cell.name for cell in cells.values() if cell.dont_use)
    library = Library(tuple(sources), cells, marked)
    return library.avoiding(dont_use) if complete else library


def _source(file: Path) -> Source:
    text = read_text(file)
    group = parse(text, file)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Source(group.name, file.name, digest, text, group)


def _check_complete(library: Library) -> None:
    """Raise `ModelError` unless the library has what every circuit needs."""
    file = " ".join(source.file for source in library.sources)
    wanted: tuple[tuple[str, Callable[[Cell], bool]], ...] = (
        ("combinational cells", lambda cell: cell.is_gate),
        ("inverter", lambda cell: len(cell.inputs) == 1 and _is(cell, lambda a, b: ALL ^ a)),
        (
            "NAND or NOR of two inputs",
            lambda cell: (
                len(cell.inputs) == 2
                and (_is(cell, lambda a, b: ALL ^ (a & b)) or _is(cell, lambda a, b: ALL ^ (a | b)))
            ),
        ),
        ("flip-flop", lambda cell: cell.flip_flop is not None),
    )
    usable = library.usable()
    for what, holds in wanted:
        if not any(holds(cell) for cell in usable):
            lacks = "no " if what[-1] == "s" else "no usable "
            raise ModelError(
                f"{lacks}{what} among its {len(library.cells)} cells",
                file=file,
                expected="a library of standard cells",
            )


def _is(cell: Cell, function: Callable[[int, int], int]) -> bool:
    first, second = variables(("a", "b")).values()
    return cell.is_gate and function(first, second) in cell.tables.values()


def _cell(group: Group, units: Units, file: Path) -> Cell:
    def wrong(what: str, expected: str | None = None) -> ModelError:
        return ModelError(what, file=file, place=f"cell {group.name}", expected=expected)

    try:
        pins = {pin.name: pin for pin in _pins(group, units)}
        area = float(group.attributes.get("area", "0"))
        leakage = _leakage(group, units)
    except ValueError as error:
        raise wrong(str(error), "a number") from None
    inputs = tuple(pin.name for pin in pins.values() if pin.direction == "input")
    outputs = tuple(pin.name for pin in pins.values() if pin.direction == "output")
    sequential = any(sub.kind in SEQUENTIAL for sub in group.groups)
    try:
        flip_flop, latch = stored(group, pins, "ff"), stored(group, pins, "latch")
        tables = {} if sequential else _tables(pins, inputs, outputs)
    except FunctionError as error:
        raise wrong(f"function {error}", "a Boolean function of its pins") from None
    marks = ("dont_use", "is_clock_gating_cell", "is_isolation_cell", "is_level_shifter")
    dont_use = any(group.attributes.get(mark, "").lower() == "true" for mark in marks)
    return Cell(
        group.name, area, leakage, pins, inputs, outputs, tables, flip_flop, sequential,
        dont_use or GATES_CLOCK in group.attributes, units, clock_gate(group), latch,
    )  # fmt: skip


def _pins(group: Group, units: Units) -> list[Pin]:
    pins = []
    for sub in group.all("pin"):
        attributes = sub.attributes
        stated = attributes.get("direction", "internal").lower()
        direction = _DIRECTIONS.get(stated)
        if direction is None:
            raise ValueError(f"pin {sub.name} has direction {stated!r}")
        limit = attributes.get("max_capacitance")
        pins += [
            Pin(
                name,
                direction,
                units.pf * float(attributes.get("capacitance", units.default_input_pf)),
                None if limit is None else units.pf * float(limit),
                attributes.get("function") if direction == "output" else None,
                "three_state" in attributes,
                sub,
            )
            for name in sub.arguments
        ]
    return pins


def _leakage(group: Group, units: Units) -> float:
    if "cell_leakage_power" in group.attributes:
        return units.nw * float(group.attributes["cell_leakage_power"])
    states = [
        float(sub.attributes["value"])
        for sub in group.all("leakage_power")
        if "value" in sub.attributes
    ]
    return units.nw * sum(states) / len(states) if states else 0.0


def _tables(
    pins: Mapping[str, Pin], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> dict[str, int]:
    """Return the table of each output; none where one cannot be had."""
    functions = {name: pins[name].function for name in outputs}
    other = any(pin.direction == "inout" or pin.three_state for pin in pins.values())
    if other or len(inputs) > MAX_FANIN or None in functions.values():
        for text in functions.values():
            evaluate(text or "0", dict.fromkeys((*names_in(text or ""), *inputs), 0))
        return {}
    values = variables(inputs)
    return {name: evaluate(text, values) for name, text in functions.items() if text is not None}

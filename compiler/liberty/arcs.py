"""Delays, slews, setup times and energies of a cell, from its tables (NLDM)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from gatec.errors import ModelError
from gatec.liberty.load import Cell, Library, Pin
from gatec.liberty.parse import Group

Edge = Literal["rise", "fall"]
EDGES: tuple[Edge, Edge] = ("rise", "fall")
_OTHER: dict[Edge, Edge] = {"rise": "fall", "fall": "rise"}
_SETUP = ("setup_rising",)
# A latch that is open while its enable is 1 keeps what it has when that falls.
_CLOSING = ("setup_falling",)
_CLOCKED = ("rising_edge",)
_THROUGH = ("combinational", "combinational_rise", "combinational_fall", "")
# What a table's axis may be. The first of a constraint is the clock's slew, `related`.
_AXES = {
    "input_net_transition": 0,
    "input_transition_time": 0,
    "related_pin_transition": 0,
    "total_output_net_capacitance": 1,
    "constrained_pin_transition": 1,
}


@dataclass(frozen=True)
class Table:
    """A value over two axes, linear between the points; beyond them as the last two go on.

    Attributes
    ----------
    first, second
        Points of the axes: slew in ns and load in pF; of a setup time the clock's and the data's
        slew.
    values
        By point of `first`, then of `second`.
    """

    first: tuple[float, ...]
    second: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]

    def at(self, first: float, second: float) -> float:
        """Return the value at a point."""
        i, x = _place(self.first, first)
        j, y = _place(self.second, second)
        rows = self.values
        low = rows[i][j] + y * (rows[i][j + 1] - rows[i][j]) if y else rows[i][j]
        if not x:
            return low
        above = rows[i + 1]
        high = above[j] + y * (above[j + 1] - above[j]) if y else above[j]
        return low + x * (high - low)


def _place(axis: tuple[float, ...], value: float) -> tuple[int, float]:
    """Return the interval of an axis that holds a value, and how far into it; never below 0."""
    if len(axis) < 2 or value <= axis[0]:
        return 0, 0.0
    k = min(bisect_right(axis, value) - 1, len(axis) - 2)
    return k, (value - axis[k]) / (axis[k + 1] - axis[k])


@dataclass(frozen=True)
class Arc:
    """From one input to one output.

    Attributes
    ----------
    source, sink
        Pins.
    edges
        By the edge at the output: which edges at the input cause it.
    delay, slew
        By the edge at the output, over input slew and load.
    """

    source: str
    sink: str
    edges: Mapping[Edge, tuple[Edge, ...]]
    delay: Mapping[Edge, Table]
    slew: Mapping[Edge, Table]


@dataclass(frozen=True)
class CellArcs:
    """What a library says of a cell's timing and energy.

    Attributes
    ----------
    arcs
        Through a combinational cell or an open latch, or from the clock to a flip-flop's outputs.
    setup
        By data pin of a flip-flop or latch: by the data's edge.
    energies
        By pin: pJ of one change of it inside the cell, by edge; over its slew at an input, over
        the slew of a cell's input and the load at an output. Averages over causes and states.
    """

    arcs: tuple[Arc, ...]
    setup: Mapping[str, Mapping[Edge, Table]]
    energies: Mapping[str, Mapping[Edge, tuple[Table, ...]]]


class Arcs:
    """The tables of a library's cells, each read when it is first asked for.

    Raises `ModelError` for a table that cannot be read.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._cells: dict[str, CellArcs] = {}
        self._templates: dict[str, tuple[str, ...]] = {}
        self._axes: dict[str, dict[str, list[str]]] = {}
        for source in library.sources:
            for group in source.group.groups:
                if group.kind.endswith("template"):
                    variables = (group.attributes.get(f"variable_{n}", "") for n in (1, 2))
                    self._templates[group.name] = tuple(filter(None, variables))
                    self._axes[group.name] = group.lists

    @cached_property
    def has_timing(self) -> bool:
        """Whether every usable gate has delays."""
        gates = self._library.gates()
        return all(any(pin.group.all("timing")) for c in gates for pin in _outputs(c))

    def of(self, cell: Cell) -> CellArcs:
        """Return the tables of a cell."""
        if cell.name not in self._cells:
            try:
                self._cells[cell.name] = self._read(cell)
            except (ValueError, IndexError, KeyError) as error:
                raise ModelError(
                    f"a table that cannot be read ({error})",
                    file=self._library.name,
                    place=f"cell {cell.name}",
                ) from None
        return self._cells[cell.name]

    def _read(self, cell: Cell) -> CellArcs:
        arcs = tuple(arc for pin in _outputs(cell) for arc in self._arcs(cell, pin))
        setup = {}
        for name in cell.inputs:
            tables = self._setup(cell, cell.pins[name])
            if tables:
                setup[name] = tables
        pins = (cell.pins[name] for name in (*cell.inputs, *cell.outputs))
        return CellArcs(arcs, setup, {pin.name: self._energies(cell, pin) for pin in pins})

    def _arcs(self, cell: Cell, pin: Pin) -> Iterator[Arc]:
        wanted = (*(_CLOCKED if cell.sequential else ()), *(_THROUGH if _opens(cell) else ()))
        for group in pin.group.all("timing"):
            kind = group.attributes.get("timing_type", "")
            if kind not in wanted:
                continue
            delay = self._by_edge(group, "cell_{}", cell.units.ns, cell)
            slew = self._by_edge(group, "{}_transition", cell.units.ns, cell)
            if delay.keys() != slew.keys():
                raise ValueError("a delay without a slew")
            edges = {edge: _causes(group, edge, kind in _CLOCKED) for edge in delay}
            for source in group.attributes.get("related_pin", "").split():
                if source in cell.inputs:
                    yield Arc(source, pin.name, edges, delay, slew)

    def _setup(self, cell: Cell, pin: Pin) -> dict[Edge, Table]:
        wanted = _SETUP if cell.latch is None else _CLOSING
        for group in pin.group.all("timing"):
            if group.attributes.get("timing_type", "") in wanted:
                return self._by_edge(group, "{}_constraint", cell.units.ns, cell)
        return {}

    def _energies(self, cell: Cell, pin: Pin) -> dict[Edge, tuple[Table, ...]]:
        found: dict[Edge, tuple[Table, ...]] = {"rise": (), "fall": ()}
        for group in pin.group.all("internal_power"):
            tables = self._by_edge(group, "{}_power", cell.units.pj, cell)
            if not tables:
                tables = self._by_edge(group, "power", cell.units.pj, cell)
            for edge, table in tables.items():
                found[edge] += (table,)
        return found

    def _by_edge(self, group: Group, pattern: str, scale: float, cell: Cell) -> dict[Edge, Table]:
        tables: dict[Edge, Table] = {}
        for edge in EDGES:
            for sub in group.all(pattern.format(edge)):
                tables[edge] = self._table(sub, scale, cell)
        return tables

    def _table(self, group: Group, scale: float, cell: Cell) -> Table:
        rows = [_numbers(row) for row in group.lists["values"]]
        axes = {}
        names = self._templates.get(group.name, ())
        for number, name in enumerate(names, 1):
            index = group.lists.get(f"index_{number}") or self._axes[group.name].get(
                f"index_{number}"
            )
            place = _AXES.get(name)
            if index is None or place is None:
                raise ValueError(f"axis {name!r}")
            unit = cell.units.pf if name == "total_output_net_capacitance" else cell.units.ns
            axes[place] = tuple(unit * point for point in _numbers(",".join(index)))
        flat = [value for row in rows for value in row]
        order = [_AXES[name] for name in names]
        shape = [len(axes[place]) for place in order]
        size = shape[0] * shape[1] if len(shape) == 2 else shape[0] if shape else 1
        if len(flat) != size:
            raise ValueError(f"{len(flat)} values for {size} points")
        first, second = axes.get(0, (0.0,)), axes.get(1, (0.0,))
        if order == [1, 0]:
            flat = [flat[j * len(first) + i] for i in range(len(first)) for j in range(len(second))]
        width = len(second)
        values = tuple(
            tuple(scale * value for value in flat[row * width : (row + 1) * width])
            for row in range(len(first))
        )
        return Table(first, second, values)


def _outputs(cell: Cell) -> Iterable[Pin]:
    return (cell.pins[name] for name in cell.outputs)


def _opens(cell: Cell) -> bool:
    """Return whether values go through a cell, at least now and then."""
    return not cell.sequential or cell.latch is not None


def _causes(group: Group, edge: Edge, clocked: bool) -> tuple[Edge, ...]:
    if clocked:
        return ("rise",)
    sense = group.attributes.get("timing_sense", "non_unate")
    if sense == "positive_unate":
        return (edge,)
    return (_OTHER[edge],) if sense == "negative_unate" else EDGES


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.replace(",", " ").replace("\\", " ").split()]

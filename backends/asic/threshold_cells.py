"""Threshold-logic cells beside a CMOS library: described in a small file, mapped by ABC.

A cell of threshold logic (a flash threshold gate, a differential one) realises every threshold
function whose weights it can hold, so one line of the file stands for many functions:

```toml
[[cell]]
name = "FTL8"
max_inputs = 5        # 2 to 6
max_weight_sum = 8    # of the smallest weights of a function
area = 12.0           # in the unit of the CMOS library
delay_ns = 0.15
```

Complemented inputs are inverters of the CMOS library.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gatec.backends.asic.boxes import Part
from gatec.backends.asic.cells import CellNetlist
from gatec.backends.asic.machine import Machine
from gatec.backends.asic.map import map_machine
from gatec.errors import ModelError
from gatec.liberty.load import Cell, Library, Pin
from gatec.liberty.parse import Group
from gatec.netlist import Netlist
from gatec.tables import MAX_FANIN, minterms
from gatec.threshold import find_threshold, positive_functions, weighted_table

_KEYS = {"name": str, "max_inputs": int, "max_weight_sum": int, "area": float, "delay_ns": float}
_OUTPUT = "Y"
# Gates of so many inputs and more are kept whole, where a cell does them.
_NEURON = 3


@dataclass(frozen=True)
class ThresholdCell:
    """A cell as the file describes it.

    Attributes
    ----------
    name
        A plain identifier.
    max_inputs, max_weight_sum
        What functions it realises.
    area
        In the unit of the CMOS library.
    delay_ns
        From any input to the output.
    """

    name: str
    max_inputs: int
    max_weight_sum: int
    area: float
    delay_ns: float


def read_threshold_cells(file: Path) -> list[ThresholdCell]:
    """Read a file of threshold cells; raise `ModelError` for whatever is wrong with it."""
    try:
        rows = tomllib.loads(file.read_text()).get("cell")
    except OSError as error:
        raise ModelError(error.strerror or str(error), file=file) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"is not TOML: {error}", file=file) from None
    if not isinstance(rows, list) or not rows:
        raise ModelError("has no cells", file=file, expected="[[cell]] with name, area, ...")
    cells = [_cell(row, number, file) for number, row in enumerate(rows)]
    if len({cell.name for cell in cells}) < len(cells):
        raise ModelError("two cells have one name", file=file)
    return cells


def _cell(row: Any, number: int, file: Path) -> ThresholdCell:
    place = f"cell {number}"
    if not isinstance(row, dict) or row.keys() != _KEYS.keys():
        raise ModelError("has other keys", file=file, place=place, expected=", ".join(_KEYS))
    values: dict[str, Any] = {}
    for key, kind in _KEYS.items():
        value = row[key]
        if kind is float and type(value) is int:
            value = float(value)
        is_kind = type(value) is kind
        if not is_kind or (kind is not str and not value > 0):
            raise ModelError(f"{key} is {row[key]!r}", file=file, place=place)
        values[key] = value
    cell = ThresholdCell(**values)
    if not cell.name.isidentifier() or not cell.name.isascii():
        raise ModelError(f"name {cell.name!r}", file=file, place=place, expected="letters, digits")
    if not 2 <= cell.max_inputs <= MAX_FANIN:
        raise ModelError(
            f"max_inputs is {cell.max_inputs}", file=file, place=place, expected="2 to 6"
        )
    return cell


@dataclass(frozen=True, eq=False)
class Mixed:
    """A CMOS library with threshold cells in it.

    Attributes
    ----------
    lib
        All of its cells; those of threshold logic have a name with weights and threshold:
        `FTL8_2_1_1_T3`.
    described
        By name of such a cell, the cell of the file that it is.
    """

    lib: Library
    described: Mapping[str, ThresholdCell]


def add_threshold_cells(library: Library, cells: Sequence[ThresholdCell]) -> Mixed:
    """Return a library with a cell for every threshold function that the cells realise.

    Each function, up to the order of its inputs, has the cell of least area.
    """
    added: dict[str, Cell] = {}
    described: dict[str, ThresholdCell] = {}
    for table, (weights, threshold) in positive_functions().items():
        used = [weight for weight in weights if weight]
        fitting = [
            cell
            for cell in cells
            if 2 <= len(used) <= cell.max_inputs and sum(used) <= cell.max_weight_sum
        ]
        if not fitting:
            continue
        cell = min(fitting, key=lambda cell: (cell.area, cell.delay_ns))
        name = "_".join([cell.name, *map(str, used), f"T{threshold}"])
        if name in library.cells:
            raise ModelError(f"{name} is there in both libraries", file=library.name)
        added[name] = _realised(name, cell, table, len(used), library)
        described[name] = cell
    if not added:
        raise ModelError("no threshold function fits its cells", file="threshold cells")
    mixed = Library(library.sources, {**library.cells, **added}, library.avoided)
    return Mixed(mixed, described)


def _realised(name: str, cell: ThresholdCell, table: int, inputs: int, library: Library) -> Cell:
    names = tuple(string.ascii_uppercase[:inputs])
    # A gate's input: what the smallest CMOS gate has there.
    load = library.gates()[0]
    farads = load.pins[load.inputs[0]].capacitance
    pins = {pin: Pin(pin, "input", farads, None, None, False, Group("pin", [pin])) for pin in names}
    function = monotone_function(table, names)
    pins[_OUTPUT] = Pin(_OUTPUT, "output", 0.0, None, function, False, Group("pin", [_OUTPUT]))
    return Cell(
        name, cell.area, 0.0, pins, names, (_OUTPUT,), {_OUTPUT: table}, None, False, False,
        library.units,
    )  # fmt: skip


def monotone_function(table: int, names: Sequence[str]) -> str:
    """Return a function that falls with no input as the sum of its prime implicants."""
    ones = minterms(table, len(names))
    primes = [m for m in ones if not any(o != m and o & m == o for o in ones)]
    terms = (
        "*".join(name for slot, name in enumerate(names) if prime >> slot & 1) for prime in primes
    )
    return "+".join(f"({term})" for term in terms)


def sum_of_products(table: int, names: Sequence[str]) -> str:
    """Return a function as ABC's genlib has it: products of as few literals as one pass finds."""
    size = len(names)
    full = (1 << (1 << size)) - 1
    function, left, terms = table & full, table & full, []
    if not left or left == full:
        return "CONST1" if left else "CONST0"
    while left:
        minterm = (left & -left).bit_length() - 1
        free = 0
        for slot in range(size):
            if not _cube(minterm, free | 1 << slot, size) & ~function:
                free |= 1 << slot
        left &= ~_cube(minterm, free, size)
        literals = [
            name if minterm >> slot & 1 else f"!{name}"
            for slot, name in enumerate(names)
            if not free >> slot & 1
        ]
        terms.append("*".join(literals))
    return "+".join(f"({term})" for term in terms)


def _cube(minterm: int, free: int, size: int) -> int:
    """Return the table of the addresses that agree with a minterm but in the free slots."""
    return sum(1 << address for address in range(1 << size) if not (address ^ minterm) & ~free)


def write_genlib(library: Library, delays: Mapping[str, float], other: float) -> str:
    """Return the gates of a library in ABC's genlib format.

    Parameters
    ----------
    delays
        ns by name of cell; `other` for those that are not in it.
    """
    # `&nf` takes no library without constants. They cost nothing: no cell is put in for them here.
    lines = ["GATE _const0_ 0 O=CONST0;", "GATE _const1_ 0 O=CONST1;"]
    for cell in library.gates():
        (output,) = cell.outputs
        function = sum_of_products(cell.tables[output], cell.inputs)
        delay = delays.get(cell.name, other)
        lines.append(
            f"GATE {cell.name} {cell.area:.6g} {output}={function};"
            f" PIN * UNKNOWN 1 999 {delay:.6g} 0 {delay:.6g} 0"
        )
    return "\n".join(lines) + "\n"


def neuron_parts(net: Netlist, mixed: Mixed) -> list[Part]:
    """Return the gates of three inputs or more that a threshold cell does as they are: neurons."""
    by_table = {
        (len(cell.inputs), cell.tables[_OUTPUT]): cell
        for cell in (mixed.lib.cells[name] for name in mixed.described)
    }
    parts = []
    for gate in np.flatnonzero(net.arity >= _NEURON).tolist():
        found = find_threshold(int(net.tables[gate]))
        if found is None:
            continue
        slots = [slot for slot, weight in enumerate(found.weights) if weight]
        slots.sort(key=lambda slot: (-abs(found.weights[slot]), slot))
        weights = [abs(found.weights[slot]) for slot in slots]
        # Complemented inputs move the threshold of a cell, whose weights are positive.
        threshold = found.threshold - sum(weight for weight in found.weights if weight < 0)
        cell = by_table.get((len(slots), weighted_table(weights, threshold)))
        if cell is not None:
            nets = tuple(int(net.fanin[gate, slot]) for slot in slots)
            inverted = tuple(found.weights[slot] < 0 for slot in slots)
            parts.append(Part(cell, nets, inverted, {_OUTPUT: (gate, False)}))
    return parts


@dataclass(frozen=True, eq=False)
class Comparison:
    """A machine in CMOS cells alone and in both.

    Attributes
    ----------
    mixed
        The library of both.
    cmos, both
        The smallest netlists found, not buffered and not sized.
    """

    mixed: Mixed
    cmos: CellNetlist
    both: CellNetlist

    @property
    def threshold_gates(self) -> int:
        """Number of cells of threshold logic."""
        return sum(n for name, n in self.both.counts.items() if name in self.mixed.described)


def compare_threshold(
    machine: Machine,
    library: Library,
    cells: Sequence[ThresholdCell],
    scripts: Sequence[str],
    other_delay: float,
) -> Comparison:
    """Map a machine with and without threshold cells, by the same scripts, for area.

    Parameters
    ----------
    other_delay
        ns of a CMOS gate, all alike.
    """
    mixed = add_threshold_cells(library, cells)
    keep = partial(neuron_parts, mixed=mixed)
    delays = {name: cell.delay_ns for name, cell in mixed.described.items()}
    found = []
    for choice in (library, mixed.lib):
        text = write_genlib(choice, delays, other_delay)
        kept = [keep] if choice is mixed.lib else []
        mapped = map_machine(machine, choice, scripts, target_ps=None, genlib=text, kept=kept)
        found.append(min((netlist for netlist, _ in mapped), key=lambda netlist: netlist.area))
    # The CMOS cells are a choice among both: a mapper's slip is no reason to be larger.
    cmos, both = found
    return Comparison(mixed, cmos, min(both, cmos, key=lambda netlist: netlist.area))

"""How fast a library is, in one figure."""

from __future__ import annotations

from gatec.errors import ModelError
from gatec.liberty.arcs import EDGES, Arcs
from gatec.liberty.functions import ALL, variables
from gatec.liberty.load import Library

_READERS = 4


def gate_delay(library: Library, arcs: Arcs) -> float:
    """Return ns through the smallest NAND or NOR of two inputs that drives four like itself.

    Its input has the slew that it puts out itself.
    """
    a, b = variables(("a", "b")).values()
    for table in (ALL ^ (a & b), ALL ^ (a | b)):
        cell = library.find(table, 2)
        if cell is None:
            continue
        load = _READERS * cell.pins[cell.inputs[0]].capacitance
        arc = arcs.of(cell).arcs[0]
        slew = 0.0
        # What comes out of a chain of them settles within a few.
        for _ in range(4):
            slew = sum(arc.slew[edge].at(slew, load) for edge in EDGES) / 2
        return sum(arc.delay[edge].at(slew, load) for edge in EDGES) / 2
    raise ModelError("no NAND or NOR of two inputs", file=library.name)

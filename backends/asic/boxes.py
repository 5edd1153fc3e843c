"""Cells in place of parts of a netlist, such as adders, before the mapper sees the rest.

ABC maps to cells of one output. So adders are taken out: what they compute becomes inputs of what
is left, and what they read its outputs. The mapper sees no path through them; the timing analysis
of the whole does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gatec.backends.asic.adders import carry_forms, find_adders
from gatec.liberty.functions import ALL
from gatec.liberty.load import Cell, Library
from gatec.netlist import Netlist, Port, make_ports
from gatec.tables import VARIABLE, XOR2, XOR3

_NOT = np.uint64(ALL ^ int(VARIABLE[0]))


@dataclass(frozen=True)
class AdderCell:
    """A full or half adder of a library.

    Attributes
    ----------
    cell
        The cell.
    flips
        For each of its inputs whether the carry reads its complement.
    total, carry
        Its outputs.
    total_inverted, carry_inverted
        Whether they show the complement: of the sum of the inputs as they are, and of the carry of
        the inputs with `flips`.
    """

    cell: Cell
    flips: tuple[bool, ...]
    total: str
    carry: str
    total_inverted: bool
    carry_inverted: bool


@dataclass(frozen=True)
class Box:
    """A part of a netlist that was taken out.

    Attributes
    ----------
    cell
        The cell that takes its place.
    reads
        The outputs, counted from 0, of the rest that its inputs read, in order.
    shows
        By output of the cell, the input of the rest that it drives.
    """

    cell: Cell
    reads: tuple[int, ...]
    shows: Mapping[str, int]


@dataclass(frozen=True)
class Part:
    """What is to be taken out: gates that one cell replaces.

    Attributes
    ----------
    cell
        The cell.
    nets, inverted
        The net of each of its inputs, and whether the cell reads the complement of it.
    shows
        By output of the cell: the gate that it replaces, and whether as its complement.
    """

    cell: Cell
    nets: tuple[int, ...]
    inverted: tuple[bool, ...]
    shows: Mapping[str, tuple[int, bool]]


def adder_cell(library: Library, inputs: int) -> AdderCell | None:
    """Return the smallest usable full (3 inputs) or half adder (2) of a library, if it has any."""
    xor = int(XOR3 if inputs == 3 else XOR2)
    forms = carry_forms(inputs)
    for cell in library.usable():
        if len(cell.inputs) != inputs or len(cell.tables) != 2:
            continue
        totals = [pin for pin, table in cell.tables.items() if table in (xor, ALL ^ xor)]
        carries = [pin for pin, table in cell.tables.items() if table in forms]
        if len(totals) == len(carries) == 1:
            (total,), (carry,) = totals, carries
            flips, inverted = forms[cell.tables[carry]]
            return AdderCell(cell, flips, total, carry, cell.tables[total] != xor, inverted)
    return None


def adder_parts(net: Netlist, cells: Mapping[int, AdderCell]) -> list[Part]:
    """Return the adders of a netlist that cells of so many inputs replace."""
    taken: set[int] = set()
    parts = []
    for inputs, cell in sorted(cells.items(), reverse=True):
        for adder in find_adders(net, inputs):
            if taken & {adder.total, adder.carry}:
                continue
            taken |= {adder.total, adder.carry}
            flips = tuple(
                inverted != flip for inverted, flip in zip(adder.inverted, cell.flips, strict=True)
            )
            # Each inverted input inverts the sum.
            odd = flips.count(True) % 2 == 1
            total = (adder.total_inverted != cell.total_inverted) != odd
            carry = adder.carry_inverted != cell.carry_inverted
            shows = {cell.total: (adder.total, total), cell.carry: (adder.carry, carry)}
            parts.append(Part(cell.cell, adder.nets, flips, shows))
    return parts


def take_out(net: Netlist, parts: Sequence[Part]) -> tuple[Netlist, list[Box]]:
    """Return a netlist of one input and one output port without some parts, and these.

    Parameters
    ----------
    parts
        No gate is in two of them.
    """
    stay = np.ones(net.num_gates, dtype=bool)
    stay[[gate for part in parts for gate, _ in part.shows.values()]] = False
    shown = sum(len(part.shows) for part in parts)
    ports = make_ports(("x", net.num_inputs + shown))
    first = int(ports[0].nets[-1]) + 1
    early = _Inverters(first)
    moved = np.zeros(net.num_nets, dtype=np.int32)
    moved[: net.first_gate] = np.arange(net.first_gate)
    boxes: list[Box] = []
    at_input, at_output = net.num_inputs, net.num_outputs
    for part in parts:
        shows = {}
        for pin, (gate, inverted) in part.shows.items():
            own = net.first_input + at_input
            moved[net.first_gate + gate] = early.invert(own) if inverted else own
            shows[pin] = at_input
            at_input += 1
        reads = tuple(range(at_output, at_output + len(part.nets)))
        boxes.append(Box(part.cell, reads, shows))
        at_output += len(reads)
    kept = np.flatnonzero(stay)
    start = first + len(early.sources)
    moved[net.first_gate + kept] = np.arange(start, start + len(kept))
    late = _Inverters(start + len(kept))
    ends = moved[net.output_nets].tolist()
    for part in parts:
        for net_read, inverted in zip(part.nets, part.inverted, strict=True):
            source = int(moved[net_read])
            ends.append(late.invert(source) if inverted else source)
    columns = max(1, net.fanin.shape[1])
    fanin = np.concatenate(
        [early.fanin(columns), moved[net.fanin[kept]].reshape(-1, columns), late.fanin(columns)]
    )
    tables = np.concatenate([early.tables(), net.tables[kept], late.tables()])
    rest = Netlist(net.name, ports, (Port("y", np.array(ends)),), fanin, tables)
    rest.verify()
    return rest, boxes


class _Inverters:
    """Inverters on nets that follow each other."""

    def __init__(self, next_net: int) -> None:
        self.next_net = next_net
        self.sources: list[int] = []

    def invert(self, net: int) -> int:
        self.sources.append(net)
        self.next_net += 1
        return self.next_net - 1

    def fanin(self, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
        rows = np.zeros((len(self.sources), columns), dtype=np.int32)
        rows[:, 0] = self.sources
        return rows

    def tables(self) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        return np.full(len(self.sources), _NOT, dtype=np.uint64)

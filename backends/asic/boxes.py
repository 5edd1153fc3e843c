"""Adder cells of a library in place of a netlist's adders, before the mapper sees the rest.

ABC maps to cells of one output. So the adders are taken out: what they compute becomes inputs of
what is left, and what they read its outputs. The mapper sees no path through them; the timing
analysis of the whole does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gatec.backends.asic.adders import Adder, carry_forms, find_adders
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
    """An adder that was taken out.

    Attributes
    ----------
    adder
        The cell that takes its place.
    reads
        The outputs, counted from 0, of the rest that its inputs read.
    shows
        The inputs of the rest that are its total and its carry.
    """

    adder: AdderCell
    reads: tuple[int, ...]
    shows: tuple[int, int]


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


def take_out(net: Netlist, cells: Mapping[int, AdderCell]) -> tuple[Netlist, list[Box]]:
    """Return a netlist of one input and one output port without its adders, and these.

    Parameters
    ----------
    cells
        The cell for adders of that many inputs.
    """
    taken: set[int] = set()
    found: list[tuple[Adder, AdderCell]] = []
    for inputs, cell in sorted(cells.items(), reverse=True):
        for adder in find_adders(net, inputs):
            if not taken & {adder.total, adder.carry}:
                taken |= {adder.total, adder.carry}
                found.append((adder, cell))
    stay = np.ones(net.num_gates, dtype=bool)
    stay[list(taken)] = False
    width = net.num_inputs + 2 * len(found)
    ports = make_ports(("x", width))
    first = int(ports[0].nets[-1]) + 1
    writer = _Inverters(first)
    moved = np.zeros(net.num_nets, dtype=np.int32)
    moved[: net.first_gate] = np.arange(net.first_gate)
    shown = ports[0].nets[net.num_inputs :].reshape(-1, 2)
    boxes: list[Box] = []
    at = net.num_outputs
    for (adder, cell), nets in zip(found, shown.tolist(), strict=True):
        flips = tuple(
            ours != theirs for ours, theirs in zip(adder.inverted, cell.flips, strict=True)
        )
        odd = sum(flips) % 2 == 1
        signs = (
            (adder.total_inverted != cell.total_inverted) != odd,
            adder.carry_inverted != cell.carry_inverted,
        )
        for gate, net_shown, sign in zip((adder.total, adder.carry), nets, signs, strict=True):
            moved[net.first_gate + gate] = writer.invert(net_shown) if sign else net_shown
        first_input = nets[0] - net.first_input
        reads = tuple(range(at, at + len(flips)))
        boxes.append(Box(cell, reads, (first_input, first_input + 1)))
        at += len(flips)
    kept = np.flatnonzero(stay)
    start = first + len(writer.sources)
    moved[net.first_gate + kept] = np.arange(start, start + len(kept))
    writer.next_net = start + len(kept)
    ends = moved[net.output_nets].tolist()
    late = _Inverters(writer.next_net)
    for adder, cell in found:
        for net_read, inverted, flip in zip(adder.nets, adder.inverted, cell.flips, strict=True):
            source = int(moved[net_read])
            ends.append(late.invert(source) if inverted != flip else source)
    columns = max(1, net.fanin.shape[1])
    fanin = np.concatenate(
        [writer.fanin(columns), moved[net.fanin[kept]].reshape(-1, columns), late.fanin(columns)]
    )
    tables = np.concatenate([writer.tables(), net.tables[kept], late.tables()])
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

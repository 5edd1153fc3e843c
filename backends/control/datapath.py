"""The path of the data through a shell, followed wire by wire.

Every wire that carries data gets the net that it holds and the number of ranks that the net has
passed. Swapped wires therefore give another netlist, not an error: the comparison with the model
finds them. What must hold of any correct text is an error here: equal numbers of registers on all
paths, all of them enabled as the shell says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gatec.backends.core import CoreShape
from gatec.backends.readback.rom_text import Rom, rom_gates
from gatec.backends.readback.shell import FLIP_FLOPS, Cell, Shell
from gatec.backends.readback.subset import Body
from gatec.blocks import IntArray
from gatec.errors import DifferentError
from gatec.netlist import FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import Tables

UNKNOWN = -1
# The rank of a constant: it fits any.
_ANY = -1

Bits = npt.NDArray[np.int64]


class PathControl(Protocol):
    """What the data path needs of a shell's control, checked."""

    clk: int

    @property
    def shell(self) -> Shell:
        """The top module."""

    @property
    def shape(self) -> CoreShape:
        """Its widths."""

    def enable(self, stage: int) -> int:
        """Return the enable of the rank behind a stage."""


class DataPath(ABC):
    """The nets and ranks of all data wires; how they begin, move and end is the shell's.

    Parameters
    ----------
    control
        Of the same shell, checked.
    bodies
        The stage modules.
    roms
        The memories.

    Attributes
    ----------
    stage_inputs, first_gates
        Of each stage module, the nets of its inputs, and that of its first gate.
    num_roms, looked_up
        How many memories there are, and how many gates stand for them.
    phases
        With a sequence, `int32[phases, nets]`: where the nets of one phase are in the netlist.
    """

    phases: IntArray | None = None

    def __init__(
        self,
        control: PathControl,
        bodies: Mapping[str, Body],
        roms: Mapping[str, Rom] | None = None,
    ) -> None:
        self.control = control
        self.roms = roms or {}
        self.stage_inputs: dict[str, IntArray] = {}
        self.first_gates: dict[str, int] = {}
        self.num_roms = self.looked_up = 0
        self.shell = control.shell
        self.shape = control.shape
        self.bodies = bodies
        self.place = f"module {self.shape.top}"
        size = 2 + max(bit for bits in self.shell.names.values() for bit in bits)
        size = max([size, *(bit + 1 for bit in self.shell.driver)])
        self.net: Bits = np.full(size, UNKNOWN)
        self.rank: Bits = np.full(size, _ANY)
        self.net[:2] = 0, 1
        self.fanin: list[IntArray] = []
        self.tables: list[Tables] = []
        self.next_net = FIRST_INPUT + self.shape.input_bits

    def netlist(self) -> Netlist:
        """Return what the core computes, as a combinational netlist with ports `x` and `y`.

        Raises
        ------
        DifferentError
            The input register is not fed as the protocol says, a path has a register too many or
            too few, or a data register has another enable than `advance`.
        """
        self._collect()
        self._follow()
        outputs = self._leaving()
        columns = max((rows.shape[1] for rows in self.fanin), default=1)
        fanin = [np.pad(rows, ((0, 0), (0, columns - rows.shape[1]))) for rows in self.fanin]
        return Netlist(
            self.shape.top,
            make_ports(("x", self.shape.input_bits), *self._more_ports()),
            (Port("y", outputs),),
            np.concatenate([np.zeros((0, columns), dtype=np.int32), *fanin]),
            np.concatenate([np.zeros(0, dtype=np.uint64), *self.tables]),
        )

    def _more_ports(self) -> list[tuple[str, int]]:
        """Return names and widths of inputs beside the vector."""
        return []

    @abstractmethod
    def _collect(self) -> None:
        """Check how beats get into `vector`, and begin there."""

    @abstractmethod
    def _not_ranks(self) -> list[int]:
        """Return the registers that are no ranks."""

    @abstractmethod
    def _check_enable(self, cell: Cell) -> None:
        """Raise `DifferentError` unless a rank moves when it should."""

    @abstractmethod
    def _leaving(self) -> IntArray:
        """Check how results leave; return the nets of them."""

    def _begin(self, vector: Sequence[int]) -> None:
        """Give the bits of the input register the input nets."""
        data = list(vector[: self.shape.input_bits])
        self.net[data] = FIRST_INPUT + np.arange(len(data))
        self.rank[data] = 0

    def _follow(self) -> None:
        """Spread nets and ranks from `vector` through stages and ranks, until nothing is new."""
        kinds = {*FLIP_FLOPS, *self.bodies, *self.roms}
        waiting = [cell for cell in self.shell.cells if cell.kind in kinds]
        done = {id(self.shell.flip_flops[bit].cell) for bit in self._not_ranks()}
        waiting = [cell for cell in waiting if id(cell) not in done]
        while waiting:
            ready = [cell for cell in waiting if self._known(cell)]
            if not ready:
                return
            for cell in ready:
                if cell.kind in FLIP_FLOPS:
                    self._pass_rank(cell)
                elif cell.kind in self.roms:
                    self._pass_rom(cell)
                else:
                    self._pass_stage(cell)
            taken = {id(cell) for cell in ready}
            waiting = [cell for cell in waiting if id(cell) not in taken]

    def _known(self, cell: Cell) -> bool:
        pin = "D" if cell.kind in FLIP_FLOPS else "i"
        return bool((self.net[list(cell.pins[pin])] != UNKNOWN).all())

    def _pass_rank(self, cell: Cell) -> None:
        """A register: the same nets, one rank on."""
        source, target = list(cell.pins["D"]), list(cell.pins["Q"])
        if min(source) < FIRST_INPUT:
            raise DifferentError("a data register takes a literal", place=self.place)
        self._check_enable(cell)
        self.net[target] = self.net[source]
        self.rank[target] = self.rank[source] + 1

    def _pass_rom(self, cell: Cell) -> None:
        """A memory: what it holds, as gates of its address, one rank on."""
        rom = self.roms[cell.kind]
        rank = self._rank_of(cell, rom.ports * rom.address_bits, rom.ports * rom.data_bits)
        if list(cell.pins["en"]) != [self.control.enable(rank)]:
            raise DifferentError("a memory does not move by advance", place=self.place)
        if list(cell.pins["clk"]) != [self.control.clk]:
            raise DifferentError("a memory has another clock", place=self.place)
        addresses = self.net[list(cell.pins["i"])].reshape(rom.ports, -1)
        data = np.reshape(cell.pins["o"], (rom.ports, -1))
        for address, bits in zip(addresses, data, strict=True):
            fanin, tables, nets = rom_gates(rom, address.astype(np.int32), self.next_net)
            self.fanin.append(fanin)
            self.tables.append(tables)
            self.next_net += len(tables)
            self.looked_up += len(tables)
            self.net[bits] = nets
            self.rank[bits] = rank + 1
        self.num_roms += 1

    def _rank_of(self, cell: Cell, inputs: int, outputs: int) -> int:
        """Return the one rank of a module's inputs, which must be as wide as said."""
        bits = np.array(cell.pins["i"])
        if len(bits) != inputs or len(cell.pins["o"]) != outputs:
            raise DifferentError(f"{cell.kind} is connected to other widths", place=self.place)
        ranks = np.unique(self.rank[bits])
        ranks = ranks[ranks != _ANY]
        if len(ranks) > 1:
            raise DifferentError(
                f"{cell.kind} reads nets of ranks {ranks.tolist()}", place=self.place
            )
        if not len(ranks):
            raise DifferentError(f"{cell.kind} reads literals alone", place=self.place)
        return int(ranks[0])

    def _pass_stage(self, cell: Cell) -> None:
        """A stage: its gates join the netlist, its outputs have the rank of its inputs."""
        body = self.bodies[cell.kind]
        rank = self._rank_of(cell, body.inputs, len(body.outputs))
        bits = np.array(cell.pins["i"])
        self.stage_inputs[cell.kind] = self.net[bits].astype(np.int32)
        self.first_gates[cell.kind] = self.next_net
        gates = self.next_net + np.arange(len(body.tables))
        nets = np.concatenate([[0, 1], self.net[bits], gates])
        self.fanin.append(nets[body.fanin].astype(np.int32))
        self.tables.append(body.tables)
        self.next_net += len(gates)
        outputs = nets[body.outputs]
        self.net[list(cell.pins["o"])] = outputs
        # A constant is computed anew for each vector, so it has a rank as any other net.
        self.rank[list(cell.pins["o"])] = rank

    def _check_registers(self, bits: Sequence[int], more: int) -> None:
        """Check that `bits`, with `more` registers behind, have passed one for each stage."""
        ranks = self.rank[list(bits)]
        wrong = (self.net[list(bits)] == UNKNOWN) | (
            (ranks != _ANY) & (ranks + more != self.shape.num_stages)
        )
        if wrong.any():
            number = int(wrong.argmax())
            rank = (
                "no path from the input" if ranks[number] < 0 else f"{ranks[number] + more} ranks"
            )
            raise DifferentError(
                f"output bit {number} has {rank}",
                place=self.place,
                expected=f"{self.shape.num_stages} ranks behind the input register",
            )

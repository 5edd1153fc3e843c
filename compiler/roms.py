"""Block RAMs as read-only memories: gates whose outputs are looked up.

A memory has one or two ports. What a port gives as data is a function of its address bits, the same
of all ports, which the netlist holds as ordinary gates; `Roms` says which gates stand for which
memory. A read takes place at a clock edge: the gates of a memory lie in the stage behind that edge,
and the memory itself holds its address bits there, as a register rank holds other nets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gatec.bits import ALL_ONES, all_inputs, to_integers, unpack
from gatec.blocks import IntArray, frozen
from gatec.evaluate import lookup

if TYPE_CHECKING:
    from gatec.netlist import Netlist

NO_ROM = -1


class RomError(Exception):
    """Gates that are not what their memories are said to hold."""


@dataclass(frozen=True, eq=False)
class RomPort:
    """One port of a memory.

    Attributes
    ----------
    address
        `int32[address bits]` nets, lowest bit first.
    data
        `int32[data bits]` nets, lowest bit first, gates of the memory.
    """

    address: IntArray
    data: IntArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", frozen(self.address, np.int32))
        object.__setattr__(self, "data", frozen(self.data, np.int32))


@dataclass(frozen=True, eq=False)
class Memory:
    """One block RAM.

    Attributes
    ----------
    contents
        `int64[2**address bits]`: the data at each address.
    ports
        Its reads, all of the same widths.
    """

    contents: npt.NDArray[np.int64]
    ports: tuple[RomPort, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "contents", frozen(self.contents, np.int64))

    @property
    def address_bits(self) -> int:
        """Width of an address."""
        return len(self.ports[0].address)

    @property
    def data_bits(self) -> int:
        """Width of the data."""
        return len(self.ports[0].data)


@dataclass(frozen=True, eq=False)
class Roms:
    """Which gates are reads of memories.

    Attributes
    ----------
    memory
        `int32[gates]`: the number of each gate's memory, or -1.
    memories
        The memories.
    levels
        The time from the clock to a data bit, in levels of look-up tables.
    """

    memory: IntArray
    memories: tuple[Memory, ...]
    levels: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory", frozen(self.memory, np.int32))

    @property
    def count(self) -> int:
        """Number of memories."""
        return len(self.memories)


def rom_gates(net: Netlist) -> npt.NDArray[np.bool_]:
    """Return `bool[gates]`: the gates of a netlist that are looked up in memories."""
    roms = net.roms
    return np.zeros(net.num_gates, dtype=bool) if roms is None else roms.memory != NO_ROM


def renumbered(parts: Sequence[tuple[Netlist, IntArray]]) -> Roms | None:
    """Return the memories of netlists that follow one another.

    Parameters
    ----------
    parts
        Each netlist and the new number of each of its nets.
    """
    memory: list[IntArray] = []
    memories: list[Memory] = []
    levels = 0
    for net, number in parts:
        of_gate = np.full(net.num_gates, NO_ROM, dtype=np.int32)
        if net.roms is not None:
            on = net.roms.memory != NO_ROM
            of_gate[on] = net.roms.memory[on] + len(memories)
            levels = net.roms.levels
            memories += [
                Memory(
                    old.contents,
                    tuple(RomPort(number[port.address], number[port.data]) for port in old.ports),
                )
                for old in net.roms.memories
            ]
        memory.append(of_gate)
    return Roms(np.concatenate(memory), tuple(memories), levels) if memories else None


def check_roms(net: Netlist, roms: Roms) -> None:
    """Raise `RomError`, naming the first culprit, where the gates are no such memories."""
    if roms.memory.shape != net.tables.shape:
        raise RomError("memories are given for another number of gates")
    of_net = np.concatenate([np.full(net.first_gate, NO_ROM, dtype=np.int32), roms.memory])
    readable = of_net == NO_ROM
    for number, memory in enumerate(roms.memories):
        shapes = {(len(port.address), len(port.data)) for port in memory.ports}
        if shapes != {(memory.address_bits, memory.data_bits)} or not memory.data_bits:
            raise RomError(f"memory {number} has ports of several widths")
        if memory.contents.shape != (1 << memory.address_bits,):
            raise RomError(f"memory {number} holds {len(memory.contents)} numbers")
        for port in memory.ports:
            if (of_net[port.data] != number).any() or (of_net[port.address] == number).any():
                raise RomError(f"a port of memory {number} is not on its edge")
            if not _is_held(net, np.flatnonzero(roms.memory == number), port, memory):
                raise RomError(f"memory {number} does not hold what its gates compute")
            readable[port.data] = True
    foreign = of_net[net.fanin] != roms.memory[:, None]
    if (~readable[net.fanin] & foreign).any() or not readable[net.root_nets].all():
        raise RomError("a gate inside of a memory is read from outside")
    if net.stage is not None:
        stage = np.concatenate([np.zeros(net.first_gate, dtype=np.int32), net.stage])
        for number, memory in enumerate(roms.memories):
            own = np.unique(net.stage[roms.memory == number])
            address = np.concatenate([port.address for port in memory.ports])
            if len(own) != 1 or (stage[address] >= own[0]).any():
                raise RomError(f"memory {number} is not read behind a register rank")


def _is_held(net: Netlist, gates: npt.NDArray[np.intp], port: RomPort, memory: Memory) -> bool:
    """Return whether gates compute what a memory holds at all addresses that can occur."""
    nets = np.unique(port.address[port.address > 1])
    words = all_inputs(len(nets))
    values = dict(zip(nets.tolist(), words, strict=True))
    values[0], values[1] = np.zeros_like(words[0]), np.full_like(words[0], ALL_ONES)
    for gate in gates:
        read = net.fanin[gate].tolist()
        if all(source in values for source in read):
            inputs = [values[source][None] for source in read]
            values[int(gate) + net.first_gate] = lookup(net.tables[gate : gate + 1], inputs)[0]
    if any(bit not in values for bit in port.data.tolist()):
        return False
    address, data = (
        to_integers(unpack(np.stack([values[bit] for bit in bits.tolist()]), 1 << len(nets)))
        for bits in (port.address, port.data)
    )
    return np.array_equal(memory.contents[address], data)

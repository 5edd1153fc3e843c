"""A core as one machine: the logic between its registers, and the registers by name."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gatec.backends.readback.subset import Body
from gatec.blocks import IntArray
from gatec.errors import DifferentError
from gatec.levels import level_order
from gatec.netlist import FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import MAX_FANIN

CLOCK = "clk"
# The port of a machine whose bits say when groups of registers take what is at them.
ENABLES = "enables"


@dataclass(frozen=True, eq=False)
class Machine:
    """A clocked circuit with one clock, `clk`, which is none of its ports here.

    Attributes
    ----------
    netlist
        Its logic; its state registers are those of the circuit.
    registers
        The name of each: `vector_3` is bit 3 of `vector`.
    groups
        The bit of the output `ENABLES` that must be 1 for a register to take its next state, else
        it keeps its state; -1 where it always takes it. Empty: all do, and there is no such output.
    """

    netlist: Netlist
    registers: tuple[str, ...]
    groups: tuple[int, ...] = ()


@dataclass
class Wiring:
    """Collects single-bit gates in any order, on bits with any numbers; 0 and 1 are constants.

    Attributes
    ----------
    gates
        Driven bit, expanded table, and the bits in its slots.
    nets
        The net of each bit in the machine that was made last.
    """

    gates: list[tuple[int, int, Sequence[int]]] = field(default_factory=list)
    nets: dict[int, int] = field(default_factory=dict)

    def add(self, out: int, table: int, *slots: int) -> int:
        """Add a gate of up to six slots; return the bit that it drives."""
        self.gates.append((out, table, slots))
        return out

    def add_body(self, body: Body, inputs: Sequence[int], outputs: Sequence[int], free: int) -> int:
        """Add a stage between bits of its ports, its inner bits numbered from `free`.

        Returns the next free number.
        """
        local = [0, 1, *inputs, *range(free, free + len(body.tables))]
        first = FIRST_INPUT + body.inputs
        rows = zip(body.tables.tolist(), body.fanin.tolist(), strict=True)
        for gate, (table, slots) in enumerate(rows):
            self.add(local[first + gate], table, *(local[slot] for slot in slots))
        identity = 0xAAAA_AAAA_AAAA_AAAA
        for out, net in zip(outputs, body.outputs.tolist(), strict=True):
            self.add(out, identity, local[net])
        return free + len(body.tables)

    def machine(
        self,
        name: str,
        inputs: Mapping[str, Sequence[int]],
        outputs: Mapping[str, Sequence[int]],
        registers: Mapping[str, tuple[int, int]],
    ) -> Machine:
        """Return the machine of all gates added.

        Parameters
        ----------
        inputs, outputs
            Bits of the ports, bit 0 first.
        registers
            By name: the bit that it drives, and the bit that it takes at the clock's edge.

        Raises
        ------
        DifferentError
            A bit has two drivers or none, or the gates form a cycle.
        """
        ports = make_ports(*((port, len(bits)) for port, bits in inputs.items()))
        sources = [bit for bits in inputs.values() for bit in bits]
        sources += [q for q, _ in registers.values()]
        driven = [0, 1, *sources, *(out for out, _, _ in self.gates)]
        number = {bit: net for net, bit in enumerate(driven)}
        if len(number) != len(driven):
            raise DifferentError("a wire has two drivers", place=f"module {name}")

        def nets(bits: Iterable[int]) -> list[int]:
            try:
                return [number[bit] for bit in bits]
            except KeyError:
                raise DifferentError("a wire without a driver", place=f"module {name}") from None

        width = max((len(slots) for _, _, slots in self.gates), default=1)
        assert width <= MAX_FANIN
        fanin = np.zeros((len(self.gates), width), dtype=np.int32)
        for row, (_, _, slots) in enumerate(self.gates):
            fanin[row, : len(slots)] = nets(slots)
        tables = np.array([table for _, table, _ in self.gates], dtype=np.uint64)
        first = FIRST_INPUT + len(sources)
        order = level_order(fanin, first)
        if order is None:
            raise DifferentError("a combinational loop", place=f"module {name}")
        moved = np.arange(first + len(tables), dtype=np.int32)
        moved[first + order] = np.arange(first, len(moved), dtype=np.int32)
        self.nets = dict(zip(number, moved.tolist(), strict=True))

        def port(name: str, bits: Sequence[int]) -> Port:
            return Port(name, moved[nets(bits)])

        net = Netlist(
            name,
            ports,
            tuple(port(end, bits) for end, bits in outputs.items()),
            moved[fanin[order]],
            tables[order],
            register_d=moved[nets(d for _, d in registers.values())],
            register_init=np.zeros(len(registers), dtype=bool),
        )
        net.verify()
        return Machine(net, tuple(registers))


def live_registers(machine: Machine) -> Machine:
    """Return the machine without the registers that no output depends on, in any cycle."""
    net = machine.netlist
    needed = np.zeros(net.num_nets, dtype=bool)
    needed[net.output_nets] = True
    while True:
        before = int(needed.sum())
        for start, stop in reversed(net.blocks):
            rows = needed[net.first_gate + start : net.first_gate + stop]
            needed[net.fanin[start:stop][rows]] = True
        needed[net.register_d[needed[net.first_register : net.first_gate]]] = True
        if int(needed.sum()) == before:
            break
    alive = needed[net.first_register : net.first_gate]
    kept = np.flatnonzero(alive)
    number: IntArray = np.zeros(net.num_nets, dtype=np.int32)
    gates = np.flatnonzero(needed[net.first_gate :])
    stay = np.concatenate(
        [np.arange(net.first_register), net.first_register + kept, net.first_gate + gates]
    )
    number[stay] = np.arange(len(stay))
    smaller = net.replace(
        outputs=tuple(Port(p.name, number[p.nets], p.encoding) for p in net.outputs),
        fanin=number[net.fanin[gates]],
        tables=net.tables[gates],
        register_d=number[net.register_d[kept]],
        register_init=net.register_init[kept],
    )
    smaller.verify()
    groups = tuple(machine.groups[row] for row in kept) if machine.groups else ()
    return Machine(smaller, tuple(machine.registers[row] for row in kept), groups)


def name_bits(wires: Mapping[str, Sequence[int]], registers: Container[int]) -> dict[int, str]:
    """Return a name for each register's bit: that of a wire on it, one that was written by hand
    before one that a tool made up, and the bit's number in that wire.
    """
    names: dict[int, str] = {}
    for wire in sorted(wires, key=lambda name: (not name[:1].isalpha(), name)):
        for index, bit in enumerate(wires[wire]):
            if bit in registers:
                names.setdefault(bit, f"{wire}_{index}")
    return names

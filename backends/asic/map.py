"""From a machine to a netlist of cells: gates by ABC, flip-flops and ties by gatec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from gatec.backends.asic.abc_map import Mapping, map_gates
from gatec.backends.asic.adders import split_adders
from gatec.backends.asic.boxes import Box, Part, adder_cell, adder_parts, take_out
from gatec.backends.asic.cells import CellBuilder, CellNetlist
from gatec.backends.asic.flip_flops import Register, choose_register
from gatec.backends.asic.latches import Latches, choose_latches
from gatec.backends.asic.machine import CLOCK, ENABLES, Machine
from gatec.backends.asic.shared_gates import READERS, SharedGates, choose_shared_gates, coded
from gatec.blocks import IntArray
from gatec.cone import complemented
from gatec.errors import ModelError
from gatec.liberty.functions import ALL
from gatec.liberty.load import Cell, Library
from gatec.netlist import CONST0_NET, Netlist, Port
from gatec.rewire import combinational

CLOCK_NET = 2


def map_machine(
    machine: Machine,
    library: Library,
    scripts: Sequence[str],
    *,
    target_ps: float | None,
    genlib: str | None = None,
    kept: Sequence[Callable[[Netlist], Sequence[Part]]] = (),
    timeout: float = 3600.0,
) -> list[tuple[CellNetlist, str]]:
    """Map a machine to cells by each of the scripts, with and without keeping parts.

    Returns what comes of each way, and its name.

    Parameters
    ----------
    target_ps
        Delay to size for between registers; None neither buffers nor sizes.
    genlib
        The gates in ABC's own format, in place of what the library's files say.
    kept
        What finds parts of the logic that cells replace before ABC sees the rest: each is tried,
        and none.

    Raises
    ------
    ModelError
        The library lacks a flip-flop that fits, or a constant is wanted and it has no tie cells.
    """
    register, latches = choose_register(library), choose_latches(machine, library)
    shared, decoder = choose_shared_gates(machine, library), None
    if shared is not None:
        machine = coded(machine, shared)
        decoder = map_gates(
            shared.decoder, library, scripts[0], target_ps=None, genlib=genlib, timeout=timeout
        )
    logic = _logic(machine, register, latches)
    found = []
    choices = [logic_parts for find in kept if (logic_parts := find(logic))]
    for parts in ((), *choices):
        rest, boxes = take_out(logic, parts) if parts else (logic, [])
        subject = split_adders(rest)
        named = "".join(f", {name}" for name in sorted({part.cell.name for part in parts}))
        for script in scripts:
            mapping = map_gates(
                subject, library, script, target_ps=target_ps, genlib=genlib, timeout=timeout
            )
            assembler = _Assembler(
                machine,
                library,
                register,
                latches=latches,
                mapping=mapping,
                shared=shared,
                decoder=decoder,
            )
            netlist = assembler.netlist(boxes)
            found.append((netlist, f"{mapping.script}{named}"))
    return found


def adder_choices(library: Library) -> list[Callable[[Netlist], Sequence[Part]]]:
    """Return what finds adders for cells of a library: full adders, and half adders too."""
    cells = {inputs: adder_cell(library, inputs) for inputs in (3, 2)}
    known = {inputs: cell for inputs, cell in cells.items() if cell is not None}
    if 3 not in known:
        return []
    full = partial(adder_parts, cells={3: known[3]})
    return [full, partial(adder_parts, cells=known)] if 2 in known else [full]


def _logic(machine: Machine, register: Register, latches: Latches | None) -> Netlist:
    """Return the logic between registers, one port in and one out; latches take none of it.

    A flip-flop that shows the complement of what it took has an inverter behind it, which the
    mapper then absorbs.
    """
    net = combinational(machine.netlist)
    registers = machine.netlist.num_registers
    ends = net.output_nets.copy()
    if latches is not None:
        ends[[machine.netlist.num_outputs + row for row in latches.sources]] = CONST0_NET
    every = net.replace(
        inputs=(Port("x", np.arange(net.first_input, net.first_gate, dtype=np.int32)),),
        outputs=(Port("y", ends),),
    )
    if not register.inverts:
        return every
    inputs = np.zeros(every.num_inputs, dtype=bool)
    inputs[len(inputs) - registers :] = True
    return complemented(every, inputs, np.zeros(every.num_outputs, dtype=bool))


class _Assembler:
    """Puts gates, registers and ties together on numbered nets."""

    def __init__(
        self,
        machine: Machine,
        library: Library,
        register: Register,
        *,
        latches: Latches | None,
        mapping: Mapping,
        shared: SharedGates | None,
        decoder: Mapping | None,
    ) -> None:
        self.machine, self.lib, self.register = machine, library, register
        self.latches, self.mapping = latches, mapping
        self.shared, self.decoder = shared, decoder
        self.builder = CellBuilder(library)
        self.next_net = CLOCK_NET + 1
        self.net: dict[str, int] = {}

    def netlist(self, boxes: Sequence[Box]) -> CellNetlist:
        net = self.machine.netlist
        inputs = [Port(CLOCK, np.array([CLOCK_NET]))]
        bit = 0
        for port in net.inputs:
            nets = self._fresh(port.width)
            inputs.append(Port(port.name, nets))
            self.net |= {f"i{bit + k}": int(n) for k, n in enumerate(nets)}
            bit += port.width
        states = self._fresh(net.num_registers)
        self.net |= {f"i{bit + k}": int(n) for k, n in enumerate(states)}
        inner = self._fresh(sum(len(box.shows) for box in boxes))
        bit += net.num_registers
        self.net |= {f"i{bit + k}": int(n) for k, n in enumerate(inner)}
        self._gates()
        self._boxes(boxes)
        ends = [self._signal(f"o{k}") for k in range(net.num_outputs + net.num_registers)]
        outputs, at = [], 0
        taken: set[int] = {n for port in inputs for n in port.nets.tolist()}
        gated = []
        for port in net.outputs:
            if port.name == ENABLES:
                gated = self._clock_gates(ends[at : at + port.width])
                at += port.width
                continue
            # A bit of a port is a net of its own: nothing is assigned to another.
            own = [self._own(n, taken) for n in ends[at : at + port.width]]
            outputs.append(Port(port.name, np.array(own)))
            at += port.width
        self._registers(states, ends[at:], gated)
        self._ties()
        return self.builder.build(net.name, inputs, outputs, self.next_net)

    def _fresh(self, count: int) -> IntArray:
        start = self.next_net
        self.next_net += count
        return np.arange(start, self.next_net, dtype=np.int32)

    def _signal(self, name: str) -> int:
        name = self.mapping.resolve(name)
        if name in ("0", "1"):
            return int(name)
        if name not in self.net:
            self.net[name] = int(self._fresh(1)[0])
        return self.net[name]

    def _gates(self) -> None:
        for number, gate in enumerate(self.mapping.gates):
            pins = {pin: self._signal(name) for pin, name in gate.pins.items()}
            self.builder.add(gate.cell, f"g{number}", pins)

    def _boxes(self, boxes: Sequence[Box]) -> None:
        for number, box in enumerate(boxes):
            cell = box.cell
            pins = {
                pin: self._signal(f"o{read}")
                for pin, read in zip(cell.inputs, box.reads, strict=True)
            }
            pins |= {pin: self._signal(f"i{shown}") for pin, shown in box.shows.items()}
            self.builder.add(cell, f"p{number}", pins)

    def _own(self, net: int, taken: set[int]) -> int:
        """Return the net, or one behind a buffer where it is constant or another port's."""
        if net > 1 and net not in taken:
            taken.add(net)
            return net
        (own,) = self._fresh(1).tolist()
        buffer = self._cell(0xAAAA_AAAA_AAAA_AAAA, 1, "buffer")
        pins = {buffer.inputs[0]: net, buffer.outputs[0]: own}
        self.builder.add(buffer, f"b{own}", pins)
        return int(own)

    def _cell(self, table: int, inputs: int, what: str) -> Cell:
        cell = self.lib.find(table, inputs)
        if cell is None:
            raise ModelError(f"no usable {what}", file=self.lib.name, expected="one")
        return cell

    def _clock_gates(self, ends: Sequence[int]) -> list[int]:
        """Add a clock gate for each enable; return the nets of the gated clocks."""
        cell = self.lib.clock_gate()
        assert cell is not None
        assert cell.clock_gate is not None
        gate, shared = cell.clock_gate, self.shared
        number = len(ends) - (0 if shared is None else len(shared.code) - len(shared.reads))
        gated = self._fresh(number).tolist()
        own = [bit for bit in range(number) if shared is None or bit not in shared.reads]
        for bit, enable in zip(own, ends, strict=False):
            pins = {gate.clock: CLOCK_NET, gate.enable: enable, gate.output: gated[bit]}
            self.builder.add(cell, f"c{bit}", pins)
        if shared is not None:
            self._shared_gates(shared, ends[len(own) :], gated)
        return gated

    def _shared_gates(self, shared: SharedGates, code: Sequence[int], gated: Sequence[int]) -> None:
        """Add the latches of the code, its decoder, and the NORs of the clocks."""
        clocks: list[int] = []

        def low(reader: int) -> int:
            if reader % READERS == 0:
                clocks.extend(self._fresh(1).tolist())
                inverter = shared.inverter
                pins = {inverter.inputs[0]: CLOCK_NET, inverter.outputs[0]: clocks[-1]}
                self.builder.add(inverter, f"low{len(clocks)}", pins)
            return clocks[-1]

        held = self._fresh(len(code)).tolist()
        for bit, (taken, shown) in enumerate(zip(code, held, strict=True)):
            self._store(shared.latch, f"l{bit}", low(bit), taken, shown)
        read = self._decoded(held, shared.decoder.num_outputs)
        for reader, (bit, terms) in enumerate(shared.reads.items(), len(code)):
            cell = shared.gates[1 + len(terms)]
            nets = (low(reader), *(read[term] for term in terms))
            pins = dict(zip(cell.inputs, nets, strict=True)) | {cell.outputs[0]: gated[bit]}
            self.builder.add(cell, f"c{bit}", pins)

    def _decoded(self, code: Sequence[int], outputs: int) -> list[int]:
        """Add the decoder's gates; return the nets of its outputs."""
        assert self.decoder is not None
        mapping, nets = self.decoder, {f"i{bit}": net for bit, net in enumerate(code)}
        nets |= {"0": 0, "1": 1}

        def net(name: str) -> int:
            name = mapping.resolve(name)
            if name not in nets:
                nets[name] = int(self._fresh(1)[0])
            return nets[name]

        for number, gate in enumerate(mapping.gates):
            pins = {pin: net(name) for pin, name in gate.pins.items()}
            self.builder.add(gate.cell, f"d{number}", pins)
        return [net(f"o{bit}") for bit in range(outputs)]

    def _registers(self, states: IntArray, ends: Sequence[int], gated: Sequence[int]) -> None:
        register, machine = self.register, self.machine
        clocks = [CLOCK_NET if group < 0 else gated[group] for group in machine.groups]
        clocks = clocks or [CLOCK_NET] * len(states)
        data = self._latched(states)
        rows = zip(machine.registers, states.tolist(), ends, clocks, strict=True)
        for row, (name, state, end, clock) in enumerate(rows):
            if row in data:
                assert self.latches is not None
                self._store(self.latches.cell, f"r_{name}", clock, data[row], state)
            else:
                self._store(register, f"r_{name}", clock, end, state)

    def _latched(self, states: IntArray) -> dict[int, int]:
        """Return the net that each latch takes, by its row; add flip-flops behind inputs."""
        if self.latches is None:
            return {}
        net, found = self.machine.netlist, {}
        for number, source in enumerate(self.latches.captured):
            (found[source],) = self._fresh(1).tolist()
            data = self.net[f"i{source - net.first_input}"]
            self._store(self.register, f"h{number}", CLOCK_NET, data, found[source])
        found |= dict(enumerate(states.tolist(), net.first_register))
        return {row: found[source] for row, source in self.latches.sources.items()}

    def _store(self, register: Register, name: str, clock: int, data: int, output: int) -> None:
        pins = {register.clock: clock, register.data: data, register.output: output}
        self.builder.add(register.cell, name, pins | dict(register.fixed))

    def _ties(self) -> None:
        """Drive the constants in use by tie cells, where the library has them."""
        for value in self.builder.constants():
            for cell in self.lib.usable():
                ties = [o for o, table in cell.tables.items() if table == (ALL if value else 0)]
                if ties and not cell.inputs and not cell.sequential:
                    (net,) = self._fresh(1).tolist()
                    self.builder.tie(value, net)
                    self.builder.add(cell, f"tie{value}", {ties[0]: net})
                    break

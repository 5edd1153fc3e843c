"""From a machine to a netlist of cells: gates by ABC, flip-flops and ties by gatec."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatec.backends.asic.abc_map import Mapping, map_gates
from gatec.backends.asic.adders import split_adders
from gatec.backends.asic.boxes import AdderCell, Box, adder_cell, take_out
from gatec.backends.asic.cells import CellBuilder, CellNetlist
from gatec.backends.asic.flip_flops import Register, choose_register
from gatec.backends.asic.machine import CLOCK, Machine
from gatec.blocks import IntArray
from gatec.cone import complemented
from gatec.errors import ModelError
from gatec.liberty.functions import ALL
from gatec.liberty.load import Cell, Library
from gatec.netlist import Netlist, Port
from gatec.rewire import combinational

CLOCK_NET = 2


def map_machine(
    machine: Machine,
    library: Library,
    scripts: Sequence[str],
    *,
    target_ps: float | None,
    timeout: float = 3600.0,
) -> list[tuple[CellNetlist, str]]:
    """Map a machine to cells by each of the scripts, with and without adder cells.

    Returns what comes of each way, and its name.

    Parameters
    ----------
    target_ps
        Delay to size for between registers; None neither buffers nor sizes.

    Raises
    ------
    ModelError
        The library lacks a flip-flop that fits, or a constant is wanted and it has no tie cells.
    """
    register = choose_register(library)
    logic = _logic(machine, register)
    found = []
    for cells in _adder_choices(library):
        rest, boxes = take_out(logic, cells) if cells else (logic, [])
        if cells and not boxes:
            continue
        subject = split_adders(rest)
        named = "".join(f", {cell.cell.name}" for cell in cells.values())
        for script in scripts:
            mapping = map_gates(subject, library, script, target_ps=target_ps, timeout=timeout)
            netlist = _Assembler(machine, library, register, mapping).netlist(boxes)
            found.append((netlist, f"{script}{named}"))
    return found


def _adder_choices(library: Library) -> list[dict[int, AdderCell]]:
    """Return which adder cells to try: none, full adders, full and half adders."""
    cells = {inputs: adder_cell(library, inputs) for inputs in (3, 2)}
    known = {inputs: cell for inputs, cell in cells.items() if cell is not None}
    choices: list[dict[int, AdderCell]] = [{}]
    if 3 in known:
        choices.append({3: known[3]})
        if 2 in known:
            choices.append(known)
    return choices


def _logic(machine: Machine, register: Register) -> Netlist:
    """Return the logic between registers, one port in and one out.

    A flip-flop that shows the complement of what it took has an inverter behind it, which the
    mapper then absorbs.
    """
    net = combinational(machine.netlist)
    registers = machine.netlist.num_registers
    every = net.replace(
        inputs=(Port("x", np.arange(net.first_input, net.first_gate, dtype=np.int32)),),
        outputs=(Port("y", net.output_nets),),
    )
    if not register.inverts:
        return every
    inputs = np.zeros(every.num_inputs, dtype=bool)
    inputs[len(inputs) - registers :] = True
    return complemented(every, inputs, np.zeros(every.num_outputs, dtype=bool))


class _Assembler:
    """Puts gates, registers and ties together on numbered nets."""

    def __init__(
        self, machine: Machine, library: Library, register: Register, mapping: Mapping
    ) -> None:
        self.machine, self.lib, self.register = machine, library, register
        self.mapping = mapping
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
        inner = self._fresh(2 * len(boxes))
        bit += net.num_registers
        self.net |= {f"i{bit + k}": int(n) for k, n in enumerate(inner)}
        self._gates()
        self._adders(boxes)
        ends = [self._signal(f"o{k}") for k in range(net.num_outputs + net.num_registers)]
        outputs, at = [], 0
        taken: set[int] = {n for port in inputs for n in port.nets.tolist()}
        for port in net.outputs:
            # A bit of a port is a net of its own: nothing is assigned to another.
            own = [self._own(n, taken) for n in ends[at : at + port.width]]
            outputs.append(Port(port.name, np.array(own)))
            at += port.width
        self._registers(states, ends[at:])
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

    def _adders(self, boxes: Sequence[Box]) -> None:
        for number, box in enumerate(boxes):
            cell = box.adder.cell
            pins = {
                pin: self._signal(f"o{read}")
                for pin, read in zip(cell.inputs, box.reads, strict=True)
            }
            for pin, shown in zip((box.adder.total, box.adder.carry), box.shows, strict=True):
                pins[pin] = self._signal(f"i{shown}")
            self.builder.add(cell, f"a{number}", pins)

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

    def _registers(self, states: IntArray, ends: Sequence[int]) -> None:
        register = self.register
        for name, state, end in zip(self.machine.registers, states.tolist(), ends, strict=True):
            pins = {
                register.clock: CLOCK_NET,
                register.data: end,
                register.output: state,
                **register.fixed,
            }
            self.builder.add(register.cell, f"r_{name}", pins)

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

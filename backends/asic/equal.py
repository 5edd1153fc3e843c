"""The proof that a gate-level text is the core that it was mapped from.

Registers are paired by name. That is a hint: with a wrong pairing the functions differ. Then both
are one combinational circuit each, from ports and registers to ports and next states, and ABC
decides. Equal next states and outputs from equal states make the two machines equal in every cycle
from equal states on; a cycle with `rst` high gives both the core's first state, as in the core
itself.
"""

from __future__ import annotations

import numpy as np

from gatec.backends.asic.machine import Machine
from gatec.errors import DifferentError
from gatec.netlist import Netlist, Port, make_ports
from gatec.proof.equivalence import prove_equal
from gatec.proof.verdict import Proof


def prove_machines(reference: Machine, circuit: Machine, timeout: float = 600.0) -> Proof:
    """Decide whether two machines with the same ports and names of registers are equal.

    Registers that only the reference has are free there: nothing that is compared may depend on
    them.

    Raises
    ------
    DifferentError
        The ports differ, or the circuit has a register that the reference lacks.
    """
    for ours, theirs, way in (
        (reference.netlist.inputs, circuit.netlist.inputs, "inputs"),
        (reference.netlist.outputs, circuit.netlist.outputs, "outputs"),
    ):
        if {p.name: p.width for p in ours} != {p.name: p.width for p in theirs}:
            raise DifferentError(f"other {way} than the core has", place="gate-level netlist")
    missing = set(circuit.registers) - set(reference.registers)
    if missing:
        raise DifferentError(
            f"register {min(missing)} is none of the core's", place="gate-level netlist"
        )
    return prove_equal(
        _function(reference, reference.registers, circuit.registers),
        _function(circuit, reference.registers, circuit.registers),
        timeout,
    )


def _function(machine: Machine, registers: tuple[str, ...], compared: tuple[str, ...]) -> Netlist:
    """Return a machine's logic with ports by name and registers in the given orders."""
    net = machine.netlist
    order = {name: row for row, name in enumerate(machine.registers)}
    inputs = {port.name: port.nets for port in net.inputs}
    sources = [bit for name in sorted(inputs) for bit in inputs[name].tolist()]
    width = len(sources) + len(registers)
    ports = make_ports(("x", width))
    moved = np.zeros(net.num_nets, dtype=np.int32)
    moved[1] = 1
    moved[sources] = ports[0].nets[: len(sources)]
    for row, name in enumerate(registers):
        if name in order:
            moved[net.first_register + order[name]] = ports[0].nets[len(sources) + row]
    first = ports[0].nets[-1] + 1
    moved[net.first_gate :] = np.arange(first, first + net.num_gates)
    outputs = {port.name: port.nets for port in net.outputs}
    ends = [bit for name in sorted(outputs) for bit in outputs[name].tolist()]
    ends += [int(net.register_d[order[name]]) for name in compared]
    return Netlist(net.name, ports, (Port("y", moved[ends]),), moved[net.fanin], net.tables)

"""Clock gates that share their latches, as a decoder of words has them.

A clock gate is a latch, open while the clock is low, for its enable, and an AND with the clock.
Fifty words whose enables are decoded from the seven bits of a number and a request need no fifty
latches: seven hold these bits, and the decoder stands behind them. In the half of the cycle in
which the clock is high the bits hold still, so the decoder does too, and a NOR with the inverted
clock is the gated clock. That NOR is the last gate of the decoder at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gatec.backends.asic.flip_flops import Register, choose_latch
from gatec.backends.asic.machine import ENABLES, Machine
from gatec.blocks import IntArray
from gatec.cone import complemented, cone
from gatec.liberty.functions import ALL
from gatec.liberty.load import Cell, Library
from gatec.netlist import Netlist, Port
from gatec.rewire import combinational
from gatec.tables import AND2, VARIABLE, depends

_NOT = ALL ^ int(VARIABLE[0])
_NONE_OF = {n: ALL ^ int(np.bitwise_or.reduce(VARIABLE[:n])) for n in (2, 3)}
# Inverters of the clock: one for so many readers.
READERS = 16


@dataclass(frozen=True, eq=False)
class SharedGates:
    """Which clock gates share latches, and how.

    Attributes
    ----------
    latch, inverter
        Cells; the latch is open while the inverted clock is high.
    gates
        The NOR cells by their number of inputs, the inverted clock among them.
    code
        The nets of the machine that latches hold.
    decoder
        From the code to what the NORs read beside the clock, each once.
    reads
        By bit of the machine's `ENABLES`: the outputs of the decoder that its NOR reads.
    """

    latch: Register
    inverter: Cell
    gates: dict[int, Cell]
    code: tuple[int, ...]
    decoder: Netlist
    reads: dict[int, tuple[int, ...]]


def choose_shared_gates(machine: Machine, library: Library) -> SharedGates | None:
    """Return what clock gates share, where that is smaller; None where it is not."""
    latch, inverter, own = choose_latch(library), library.find(_NOT, 1), library.clock_gate()
    nors = {n: library.find(table, n) for n, table in _NONE_OF.items()}
    gates = {n: cell for n, cell in nors.items() if cell is not None}
    if latch is None or inverter is None or own is None or 2 not in gates or not machine.groups:
        return None
    net = combinational(machine.netlist)
    (port,) = (port for port in net.outputs if port.name == ENABLES)
    ends = port.nets.tolist()
    code = _fewest_between(net, ends)
    # An enable that needs a latch of its own is a clock gate of its own.
    bits = [bit for bit, end in enumerate(ends) if _through_wires(net, end) not in code]
    if not bits:
        return None
    code = _fewest_between(net, [ends[bit] for bit in bits])
    decoder, reads = _decoder(net, code, {bit: ends[bit] for bit in bits}, wide=3 in gates)
    added = len(code) * latch.cell.area + sum(gates[1 + len(r)].area for r in reads.values())
    inverters = -(-(len(code) + len(bits)) // READERS) * inverter.area
    # A decoder was there before, too: its last gates are the NORs now.
    if added + inverters >= len(bits) * own.area:
        return None
    return SharedGates(latch, inverter, gates, tuple(code), decoder, reads)


def coded(machine: Machine, shared: SharedGates) -> Machine:
    """Return the machine whose `ENABLES` are those of clock gates of their own, then the code."""
    net = machine.netlist

    def port(found: Port) -> Port:
        if found.name != ENABLES:
            return found
        own = [n for bit, n in enumerate(found.nets.tolist()) if bit not in shared.reads]
        return Port(found.name, np.array([*own, *shared.code], dtype=np.int32))

    changed = net.replace(outputs=tuple(port(found) for found in net.outputs))
    return Machine(changed, machine.registers, machine.groups)


def _reads(net: Netlist, gate: int) -> list[int]:
    """Return the nets that a gate's table depends on."""
    slots = net.fanin[gate].tolist()
    return [n for slot, n in enumerate(slots) if n > 1 and depends(net.tables[gate], slot)]


def _through_wires(net: Netlist, end: int) -> int:
    """Return the net that a buffer, or a row of them, shows."""
    while end >= net.first_gate and int(net.tables[end - net.first_gate]) == int(VARIABLE[0]):
        end = int(net.fanin[end - net.first_gate, 0])
    return end


def _fewest_between(net: Netlist, ends: Iterable[int]) -> list[int]:
    """Return the fewest nets of which the given ones are a function, near them, in order."""
    # Imported where it is used: it takes longer than most commands need.
    import networkx as nx

    graph = nx.DiGraph()
    waiting = sorted({_through_wires(net, end) for end in ends})
    for end in waiting:
        graph.add_edge(("out", end), "end")
    seen = set(waiting)
    while waiting:
        at = waiting.pop()
        graph.add_edge(("in", at), ("out", at), capacity=1)
        if at < net.first_gate:
            graph.add_edge("start", ("in", at))
            continue
        for read in {_through_wires(net, n) for n in _reads(net, at - net.first_gate)}:
            graph.add_edge(("out", read), ("in", at))
            if read not in seen:
                seen.add(read)
                waiting.append(read)
    # Behind the cut is what surely reaches the end: of several cuts it is the nearest there.
    _, (_, behind) = nx.minimum_cut(graph, "start", "end")
    return sorted(n for n in seen if ("in", n) not in behind and ("out", n) in behind)


def _decoder(
    net: Netlist, code: list[int], ends: dict[int, int], *, wide: bool
) -> tuple[Netlist, dict[int, tuple[int, ...]]]:
    """Return the netlist of all that NORs read, and by bit of `ends` which of its outputs."""
    found: dict[int, int] = {}
    reads = {}
    for bit, end in ends.items():
        at = _through_wires(net, end)
        gate = at - net.first_gate
        both = wide and at not in code and int(net.tables[gate]) == int(AND2)
        terms = _reads(net, gate) if both else [at]
        terms = [_through_wires(net, n) for n in terms]
        reads[bit] = tuple(found.setdefault(n, len(found)) for n in terms)
    nets: IntArray = np.array(list(found), dtype=np.int32)
    part = cone(net, np.array(code, dtype=np.int32), nets)
    every = np.ones(part.num_outputs, dtype=bool)
    return complemented(part, np.zeros(part.num_inputs, dtype=bool), every), reads

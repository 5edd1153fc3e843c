"""A circuit that works on each vector for several cycles, as the combinational circuit it is.

Such a netlist has a second input port, `phase`, that counts the cycles, and state registers that
start at `register_init` with each vector. Its outputs are those of the last phase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import CONST0_NET, CONST1_NET, FIRST_INPUT, Netlist, Port
from gatec.tables import CONST0, CONST1, VARIABLE, Tables, cofactor

PHASE_PORT = "phase"
_UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Unrolled:
    """All phases of a circuit, one behind the other.

    Attributes
    ----------
    netlist
        Without registers and `phase`.
    nets
        `int32[phases, nets]`: where each net of the circuit is in each phase. -1 for those of
        earlier phases that no later one needs.
    """

    netlist: Netlist
    nets: IntArray


def unrolled(net: Netlist, phases: int) -> Unrolled:
    """Return all phases of a circuit with input ports `x` and `phase` and state registers.

    Gates that depend on neither phase nor state stand once. In each phase the others follow, with
    what the phase makes constant left out: a gate that is a constant or one of its inputs then.
    """
    x, phase = net.inputs
    moves = _moves(net)
    once = np.flatnonzero(~moves[net.first_gate :])
    gates = _Gates(FIRST_INPUT + x.width, net.fanin.shape[1])
    base = np.full(net.num_nets, _UNKNOWN, dtype=np.int32)
    base[: FIRST_INPUT + x.width] = np.arange(FIRST_INPUT + x.width)
    base[net.first_gate + once] = gates.next_net + np.arange(len(once))
    gates.add(base[net.fanin[once]], net.tables[once])
    state = np.where(net.register_init, CONST1_NET, CONST0_NET).astype(np.int32)
    steps = _in_order(net, moves & _needed(net, net.register_d))
    found = []
    for number in range(phases):
        nets = base.copy()
        nets[phase.nets] = number >> np.arange(phase.width) & 1
        nets[net.first_register : net.first_gate] = state
        for rows in _in_order(net, moves) if number + 1 == phases else steps:
            nets[net.first_gate + rows] = gates.put(nets[net.fanin[rows]], net.tables[rows])
        state = nets[net.register_d]
        found.append(nets)
    outputs = tuple(Port(y.name, found[-1][y.nets], y.encoding) for y in net.outputs)
    return Unrolled(gates.netlist(net.name, (x,), outputs), np.stack(found))


def _moves(net: Netlist) -> npt.NDArray[np.bool_]:
    """Return `bool[nets]`: what depends on the phase or the state."""
    moves = np.zeros(net.num_nets, dtype=bool)
    moves[net.inputs[1].nets] = True
    moves[net.first_register : net.first_gate] = True
    for start, stop in net.blocks:
        own = slice(net.first_gate + start, net.first_gate + stop)
        moves[own] = moves[net.fanin[start:stop]].any(axis=1)
    return moves


def _needed(net: Netlist, sinks: IntArray) -> npt.NDArray[np.bool_]:
    """Return `bool[nets]`: what `sinks` depend on."""
    needed = np.zeros(net.num_nets, dtype=bool)
    needed[sinks] = True
    for start, stop in reversed(net.blocks):
        rows = needed[net.first_gate + start : net.first_gate + stop]
        needed[net.fanin[start:stop][rows]] = True
    return needed


def _in_order(net: Netlist, chosen: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Return the chosen gates, in groups of which no gate reads another of its own group."""
    rows = chosen[net.first_gate :]
    # By level there are fewer groups; on carry chains, gates of one level read each other.
    levels = net.replace(chains=None, stage=None).levels[net.first_gate :]
    order = np.argsort(levels, kind="stable")
    order = order[rows[order]]
    ends = np.flatnonzero(np.diff(levels[order])) + 1
    return np.split(order, ends) if len(order) else []


class _Gates:
    """Gates in topological order, as they come."""

    def __init__(self, first_gate: int, width: int) -> None:
        self.next_net = first_gate
        self.fanin = [np.zeros((0, width), dtype=np.int32)]
        self.tables = [np.zeros(0, dtype=np.uint64)]

    def add(self, fanin: IntArray, tables: Tables) -> None:
        self.fanin.append(fanin)
        self.tables.append(tables)
        self.next_net += len(tables)

    def put(self, fanin: IntArray, tables: Tables) -> IntArray:
        """Add those gates that are neither constants nor wires; return the net of each."""
        for slot in range(fanin.shape[1]):
            for value, constant in enumerate((CONST0_NET, CONST1_NET)):
                known = fanin[:, slot] == constant
                tables = np.where(known, cofactor(tables, slot, value), tables)
        fanin = np.where(fanin <= CONST1_NET, CONST0_NET, fanin)
        result = np.full(len(tables), _UNKNOWN, dtype=np.int32)
        result[tables == CONST0] = CONST0_NET
        result[tables == CONST1] = CONST1_NET
        for slot in range(fanin.shape[1]):
            wires = tables == VARIABLE[slot]
            result[wires] = fanin[wires, slot]
        left = result == _UNKNOWN
        result[left] = self.next_net + np.arange(left.sum())
        self.add(fanin[left], tables[left])
        return result

    def netlist(self, name: str, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> Netlist:
        return Netlist(
            name, inputs, outputs, np.concatenate(self.fanin), np.concatenate(self.tables)
        )

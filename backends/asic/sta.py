"""Static timing of a netlist of cells: the longest path, with slews and loads.

The graph-based analysis of the textbooks, on the library's tables: at each net the latest arrival
and the largest slew of each edge. Loads are those of input pins: there are no wires yet. The clock
is ideal, also behind clock gates, whose trees are built with the layout; ports have the arrival 0,
no load beyond the netlist, and a sharp edge. A latch passes on what its source gives it, which it
must have by the middle of the cycle; one that is open while the clock is low, by its end, and what
gates clocks must have come there by then, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.backends.asic.cells import CellNetlist
from gatec.backends.asic.machine import CLOCK
from gatec.blocks import IntArray
from gatec.levels import level_order
from gatec.liberty.arcs import EDGES, Arcs, Edge

_NEVER = -1.0


@dataclass(frozen=True)
class Step:
    """A cell on the critical path.

    Attributes
    ----------
    instance, cell
        Its name and type.
    pin
        Where the path leaves it, or enters the flip-flop at its end.
    edge
        There.
    at_ns
        When, after the clock's edge.
    """

    instance: str
    cell: str
    pin: str
    edge: Edge
    at_ns: float


@dataclass(frozen=True, eq=False)
class Timing:
    """What the analysis found.

    Attributes
    ----------
    period_ns
        The shortest clock period: the longest path between registers or ports, setup included.
    path
        That path.
    slews
        `float64[nets, 2]`: ns of the rising and of the falling edge.
    """

    period_ns: float
    path: tuple[Step, ...]
    slews: npt.NDArray[np.float64]

    @property
    def fmax_mhz(self) -> float:
        """The clock that it allows."""
        return 1000 / self.period_ns


def analyse(netlist: CellNetlist, arcs: Arcs) -> Timing:
    """Return the timing of a netlist; its library has timing (`Arcs.has_timing`)."""
    found = _Analysis(netlist, arcs).run()
    if not netlist.is_low_latch.any():
        return found
    # What was taken before such a latch opens, in the middle, has half a cycle.
    late = _Analysis(netlist, arcs, opening=True).run()
    if 2 * late.period_ns <= found.period_ns:
        return found
    return Timing(2 * late.period_ns, late.path, found.slews)


class _Analysis:
    """Of all paths, or of those alone that begin where latches open in the middle of the cycle."""

    def __init__(self, netlist: CellNetlist, arcs: Arcs, *, opening: bool = False) -> None:
        self.netlist, self.arcs, self.opening = netlist, arcs, opening
        self.low = netlist.is_low_latch
        self.loads = netlist.loads.tolist()
        self.clocks = set(netlist.clocks.tolist())
        self.arrival = np.full((netlist.num_nets, 2), _NEVER).tolist()
        self.slew = np.zeros((netlist.num_nets, 2)).tolist()
        # Of each net and edge: instance, pin, and net and edge that it came from.
        self.origin: dict[tuple[int, int], tuple[int, str, int, int]] = {}

    def run(self) -> Timing:
        for port in self.netlist.inputs:
            if port.name != CLOCK and not self.opening:
                for net in port.nets.tolist():
                    self.arrival[net] = [0.0, 0.0]
        for instance in self._order():
            self._pass(instance)
        worst, end = 0.0, None
        for arrival, where in self._ends():
            if arrival > worst:
                worst, end = arrival, where
        path = () if end is None else self._path(*end)
        return Timing(max(worst, 1e-6), path, np.array(self.slew))

    def _order(self) -> list[int]:
        """Return flip-flops, latches behind what they take, and combinational cells in order.

        A latch that is open while the clock is low is among the latter.
        """
        netlist = self.netlist
        flip_flops = np.flatnonzero(netlist.is_register & ~netlist.is_latch)
        gates = np.flatnonzero(~netlist.is_register | self.low)
        driver = np.full(netlist.num_nets, -1, dtype=np.int64)
        columns = np.arange(netlist.pins.shape[1])
        is_input = columns < netlist.num_inputs[:, None]
        rows, at = np.nonzero(~is_input & (netlist.pins >= 0))
        driver[netlist.pins[rows, at]] = rows
        position = np.full(netlist.num_instances, -1, dtype=np.int64)
        position[gates] = np.arange(len(gates))
        pins = netlist.pins[gates]
        source = driver[np.maximum(pins, 0)]
        inner = is_input[gates] & (pins >= 0) & (source >= 0)
        fanin: IntArray = np.where(inner, 1 + position[source], 0).astype(np.int32)
        order = level_order(np.maximum(fanin, 0), 1)
        assert order is not None, "the proof found no loop"
        latches = self._latches(driver)
        return [*flip_flops.tolist(), *latches, *gates[order].tolist()]

    def _latches(self, driver: npt.NDArray[np.int64]) -> list[int]:
        """Return the latches, each behind the latches that it takes its data from."""
        netlist = self.netlist
        high = netlist.is_latch & ~self.low
        found, seen = [], set(np.flatnonzero(~high).tolist()) | {-1}
        waiting = np.flatnonzero(high).tolist()
        while waiting:
            nets = netlist.pins[waiting][:, : int(netlist.num_inputs[waiting].max())]
            sources = driver[np.maximum(nets, 0)].tolist()
            pairs = zip(waiting, sources, strict=True)
            ready = [row for row, read in pairs if seen.issuperset({*read} - {row})]
            assert ready, "the proof found no loop"
            found += ready
            seen |= {*ready}
            waiting = [row for row in waiting if row not in seen]
        return found

    def _pass(self, instance: int) -> None:
        netlist = self.netlist
        cell = netlist.kinds[netlist.kind[instance]]
        if netlist.drives_clock[instance]:
            return
        nets = dict(
            zip((*cell.inputs, *cell.outputs), netlist.pins[instance].tolist(), strict=False)
        )
        for arc in self.arcs.of(cell).arcs:
            sink, source = nets[arc.sink], nets[arc.source]
            if sink < 0:
                continue
            load = self.loads[sink]
            for edge, causes in arc.edges.items():
                out = EDGES.index(edge)
                for cause in causes:
                    at = EDGES.index(cause)
                    clocked = cell.sequential and (cell.latch is None or source in self.clocks)
                    before = 0.0 if clocked else self.arrival[source][at]
                    # A latch that opens in the middle is another way in time.
                    other = clocked and self.low[instance] != self.opening
                    if before == _NEVER or other:
                        continue
                    slew = self.slew[source][at]
                    arrival = before + arc.delay[edge].at(slew, load)
                    if arrival > self.arrival[sink][out]:
                        self.arrival[sink][out] = arrival
                        self.origin[sink, out] = (instance, arc.sink, source, at)
                    reached = arc.slew[edge].at(slew, load)
                    self.slew[sink][out] = max(self.slew[sink][out], reached)

    def _ends(self) -> Iterator[tuple[float, tuple[int, int, int, str]]]:
        """Yield when each path has ended, and its net, edge, flip-flop (or -1) and pin."""
        netlist = self.netlist
        for port in netlist.outputs:
            for net in port.nets.tolist():
                for edge in range(2):
                    yield self.arrival[net][edge], (net, edge, -1, port.name)
        for instance in np.flatnonzero(netlist.is_clock_nor).tolist():
            cell = netlist.kinds[netlist.kind[instance]]
            for pin, net in zip(cell.inputs, netlist.pins[instance].tolist(), strict=False):
                for edge in range(2):
                    yield self.arrival[net][edge], (net, edge, instance, pin)
        for instance in np.flatnonzero(netlist.is_register).tolist():
            cell = netlist.kinds[netlist.kind[instance]]
            for pin, tables in self.arcs.of(cell).setup.items():
                net = int(netlist.pins[instance, cell.inputs.index(pin)])
                for number, name in enumerate(EDGES):
                    if name in tables and self.arrival[net][number] != _NEVER:
                        setup = tables[name].at(0.0, self.slew[net][number])
                        arrival = self.arrival[net][number] + setup
                        # A latch closes when the clock falls, in the middle of the cycle, if it
                        # is open while the clock is high.
                        arrival *= 2 if cell.latch is not None and not self.low[instance] else 1
                        yield arrival, (net, number, instance, pin)

    def _path(self, net: int, edge: int, instance: int, pin: str) -> tuple[Step, ...]:
        netlist = self.netlist
        steps = []
        if instance >= 0:
            cell = netlist.kinds[netlist.kind[instance]].name
            at = self.arrival[net][edge]
            steps.append(Step(netlist.names[instance], cell, pin, EDGES[edge], round(at, 4)))
        while (net, edge) in self.origin:
            instance, pin, source, before = self.origin[net, edge]
            found = netlist.kinds[netlist.kind[instance]]
            at = round(self.arrival[net][edge], 4)
            steps.append(Step(netlist.names[instance], found.name, pin, EDGES[edge], at))
            if found.sequential:
                break
            net, edge = source, before
        return tuple(reversed(steps))

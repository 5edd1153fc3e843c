"""An estimate of a netlist's power from how often its nets change.

Per change of a net: half the energy that its load takes from the supply, and the library's internal
energy of the pins on it. Beside that what leaks. Wires and glitches are not in it, and energies are
averages over causes and states: an early figure to compare designs with, not a sign-off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.backends.asic.cells import CellNetlist
from gatec.liberty.arcs import EDGES, Arcs

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Power:
    """In microwatts.

    Attributes
    ----------
    leakage
        At rest.
    switching
        Loads of the nets between cells.
    internal
        Inside the cells.
    clock
        The clock's own: its load, and what flip-flops take at each of its edges.
    """

    leakage: float
    switching: float
    internal: float
    clock: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.leakage + self.switching + self.internal + self.clock


def estimate_power(
    netlist: CellNetlist, arcs: Arcs, slews: Floats, rates: Floats, clock_mhz: float
) -> Power:
    """Estimate the power at a clock.

    Parameters
    ----------
    slews
        `float64[nets, 2]` in ns, as from the timing analysis.
    rates
        `float64[nets]`: changes per clock cycle, gated clocks' too. Those of the clock are 2
        whatever it says.
    """
    units = netlist.lib.units
    clocks = netlist.clocks
    rates = rates.copy()
    rates[[netlist.clock, *netlist.inverted_clocks.tolist()]] = 2.0
    # pJ times MHz are microwatts.
    capacity = 0.5 * units.volts**2 * netlist.loads * rates * clock_mhz
    inside, on_clock = 0.0, 0.0
    for kind, pin, column in _pins(netlist):
        rows = np.flatnonzero(netlist.kind == kind)
        nets = netlist.pins[rows, column]
        nets = nets[nets >= 0]
        energy = _energies(netlist, arcs, (kind, pin), nets, slews)
        power = float((energy * rates[nets]).sum()) * clock_mhz
        if len(nets) and np.isin(nets, clocks).all():
            on_clock += power
        else:
            inside += power
    leakage = np.array([cell.leakage for cell in netlist.kinds])[netlist.kind].sum()
    return Power(
        float(leakage) / 1000,
        float(capacity.sum() - capacity[clocks].sum()),
        inside,
        on_clock + float(capacity[clocks].sum()),
    )


def _pins(netlist: CellNetlist) -> list[tuple[int, str, int]]:
    """Return kind, name and column of every pin."""
    return [
        (kind, pin, column)
        for kind, cell in enumerate(netlist.kinds)
        for column, pin in enumerate((*cell.inputs, *cell.outputs))
    ]


def _energies(
    netlist: CellNetlist,
    arcs: Arcs,
    where: tuple[int, str],
    nets: npt.NDArray[np.int32],
    slews: Floats,
) -> Floats:
    """Return pJ of one change of each net at that pin, the mean of its two edges."""
    kind, pin = where
    cell = netlist.kinds[kind]
    tables = arcs.of(cell).energies[pin]
    found = np.zeros(len(nets))
    groups = [tables[edge] for edge in EDGES if tables[edge]]
    if not groups:
        return found
    is_output = pin in cell.outputs
    for row, net in enumerate(nets.tolist()):
        slew = float(slews[net].mean())
        load = float(netlist.loads[net]) if is_output else 0.0
        edges = [sum(table.at(slew, load) for table in group) / len(group) for group in groups]
        found[row] = sum(edges) / len(edges)
    return found

"""A netlist of standard cells, as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gatec.backends.asic.machine import CLOCK
from gatec.blocks import IntArray
from gatec.liberty.load import Cell, Library
from gatec.netlist import Port

UNCONNECTED = -1


@dataclass(frozen=True, eq=False)
class CellNetlist:
    """Instances of cells on numbered nets; net 0 is constant 0 and net 1 constant 1.

    Attributes
    ----------
    name
        Of the module.
    lib
        Where the cells come from.
    inputs, outputs
        Ports; the clock is one of them.
    kinds
        The cells that occur, sorted by name.
    kind
        `int32[instances]`: which of them each instance is.
    pins
        `int32[instances, P]`: the net on each pin, inputs before outputs as the cell lists them; -1
        where the cell has no such pin or nothing is connected.
    names
        Of the instances.
    num_nets
        One more than the highest net.
    """

    name: str
    lib: Library
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    kinds: tuple[Cell, ...]
    kind: IntArray
    pins: IntArray
    names: tuple[str, ...]
    num_nets: int

    @property
    def num_instances(self) -> int:
        """Number of cells."""
        return len(self.kind)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Number of instances of each cell, sorted by name."""
        numbers = Counter(self.kind.tolist())
        return {cell.name: numbers[k] for k, cell in enumerate(self.kinds)}

    @cached_property
    def areas(self) -> npt.NDArray[np.float64]:
        """`float64[instances]`: the area of each."""
        return np.array([cell.area for cell in self.kinds], dtype=np.float64)[self.kind]

    @property
    def area(self) -> float:
        """Of all cells, in the library's unit."""
        return float(self.areas.sum())

    @cached_property
    def is_register(self) -> npt.NDArray[np.bool_]:
        """`bool[instances]`: which are flip-flops, latches or clock gates."""
        return np.array([cell.sequential for cell in self.kinds], dtype=bool)[self.kind]

    @cached_property
    def is_clock_gate(self) -> npt.NDArray[np.bool_]:
        """`bool[instances]`: which gate the clock."""
        gates = [cell.clock_gate is not None for cell in self.kinds]
        return np.array(gates, dtype=bool)[self.kind]

    @cached_property
    def is_latch(self) -> npt.NDArray[np.bool_]:
        """`bool[instances]`: which are latches."""
        return np.array([cell.latch is not None for cell in self.kinds], dtype=bool)[self.kind]

    @property
    def clock(self) -> int:
        """The net of the clock."""
        (clock,) = (int(port.nets[0]) for port in self.inputs if port.name == CLOCK)
        return clock

    @cached_property
    def inverted_clocks(self) -> IntArray:
        """`int32[C]`: the nets of the inverted clock."""
        return np.unique(self.pins[self._reads([self.clock]), 1]).astype(np.int32)

    @cached_property
    def is_clock_nor(self) -> npt.NDArray[np.bool_]:
        """`bool[instances]`: which gates let the clock through while what they read allows it."""
        return self._reads(self.inverted_clocks.tolist())

    @cached_property
    def drives_clock(self) -> npt.NDArray[np.bool_]:
        """`bool[instances]`: those, clock gates, and inverters of the clock."""
        return self.is_clock_gate | self.is_clock_nor | self._reads([self.clock])

    @cached_property
    def is_low_latch(self) -> npt.NDArray[np.bool_]:
        """`bool[instances]`: which latches are open while the clock is low."""
        return self.is_latch & np.isin(self.pins, self.inverted_clocks).any(axis=1)

    def _reads(self, nets: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Return `bool[instances]`: which combinational cells read one of the nets."""
        inputs = np.arange(self.pins.shape[1]) < self.num_inputs[:, None]
        reads: npt.NDArray[np.bool_] = np.any(np.isin(self.pins, nets) & inputs, axis=1)
        return reads & ~self.is_register

    @cached_property
    def clocks(self) -> IntArray:
        """`int32[C]`: the net of the clock, then those of inverted and of gated clocks."""
        gated = self.pins[self.is_clock_nor, self.num_inputs[self.is_clock_nor]].tolist()
        for row in np.flatnonzero(self.is_clock_gate).tolist():
            cell = self.kinds[self.kind[row]]
            assert cell.clock_gate is not None
            pins = (*cell.inputs, *cell.outputs)
            gated.append(int(self.pins[row, pins.index(cell.clock_gate.output)]))
        return np.array([self.clock, *self.inverted_clocks.tolist(), *gated], dtype=np.int32)

    @cached_property
    def num_inputs(self) -> IntArray:
        """`int32[instances]`: how many of the pins are inputs."""
        return np.array([len(cell.inputs) for cell in self.kinds], dtype=np.int32)[self.kind]

    @cached_property
    def input_caps(self) -> npt.NDArray[np.float64]:
        """`float64[kinds, P]`: pF of each input pin, 0 elsewhere."""
        caps = np.zeros((len(self.kinds), self.pins.shape[1]))
        for row, cell in enumerate(self.kinds):
            caps[row, : len(cell.inputs)] = [cell.pins[pin].capacitance for pin in cell.inputs]
        return caps

    @cached_property
    def loads(self) -> npt.NDArray[np.float64]:
        """`float64[nets]`: pF of the input pins on each net, wires not counted."""
        caps = self.input_caps[self.kind]
        on = self.pins >= 0
        loads: npt.NDArray[np.float64] = np.bincount(
            self.pins[on], weights=caps[on], minlength=self.num_nets
        ).astype(np.float64)
        return loads


class CellBuilder:
    """Collects instances."""

    def __init__(self, library: Library) -> None:
        self.lib = library
        self._cells: list[str] = []
        self._nets: list[list[int]] = []
        self._names: list[str] = []

    def add(self, cell: Cell, name: str, nets: Mapping[str, int]) -> None:
        """Add an instance, with the net on each connected pin."""
        order = (*cell.inputs, *cell.outputs)
        self._cells.append(cell.name)
        self._nets.append([nets.get(pin, UNCONNECTED) for pin in order])
        self._names.append(name)

    def constants(self) -> list[int]:
        """Return which of 0 and 1 are on pins."""
        return sorted({net for nets in self._nets for net in nets if net in (0, 1)})

    def tie(self, value: int, net: int) -> None:
        """Put a net in place of a constant."""
        self._nets = [[net if old == value else old for old in nets] for nets in self._nets]

    def build(
        self, name: str, inputs: Sequence[Port], outputs: Sequence[Port], num_nets: int
    ) -> CellNetlist:
        """Return all of them as a netlist."""
        used = sorted(set(self._cells))
        kinds = tuple(self.lib.cells[cell] for cell in used)
        number = {cell: k for k, cell in enumerate(used)}
        width = max((len(nets) for nets in self._nets), default=1)
        pins = np.full((len(self._nets), width), UNCONNECTED, dtype=np.int32)
        for row, nets in enumerate(self._nets):
            pins[row, : len(nets)] = nets
        kind = np.array([number[cell] for cell in self._cells], dtype=np.int32)
        return CellNetlist(
            name, self.lib, tuple(inputs), tuple(outputs), kinds, kind, pins,
            tuple(self._names), num_nets,
        )  # fmt: skip

"""The reader's part for clocks that a decoder gates, behind latches that its words share.

A latch that is open while the clock is low shows, while the clock is high, what it was given at the
end of the cycle before. So does all that is a function of such latches alone. A gate that reads it
beside the inverted clock, and is 0 while that is 1, is thus 1 in the first half of a cycle exactly
when the function was 1 at the end of the one before: a gated clock without glitches, as from a
clock gate whose enable is the function of what the latches take. What may change while the clock is
high must not be read there; and nothing else may read what these latches show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gatec.backends.asic.machine import Wiring
from gatec.liberty.functions import ALL
from gatec.liberty.load import Cell
from gatec.tables import VARIABLE, cofactor

_NOT = ALL ^ int(VARIABLE[0])

Instance = tuple[Cell, str, Mapping[str, int]]


@dataclass
class SharedGating:
    """What was found of it.

    Attributes
    ----------
    inverted
        Bits that are the inverted clock.
    shown
        By bit that is a function of the latches: the bit that is this function of what they take.
    gated
        By bit of a gated clock, that of its enable.
    done
        Names of the instances that this is of.
    """

    inverted: set[int] = field(default_factory=set)
    shown: dict[int, int] = field(default_factory=dict)
    gated: dict[int, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def invert(self, instances: Sequence[Instance], clock: int) -> None:
        """Note the inverters of the clock."""
        for cell, name, pins in instances:
            if cell.is_gate and len(cell.inputs) == 1 and pins[cell.inputs[0]] == clock:
                (output,) = cell.outputs
                if cell.tables[output] == _NOT and output in pins:
                    self.inverted.add(pins[output])
                    self.done.add(name)

    def follow(
        self,
        instances: Sequence[Instance],
        constant: Mapping[int, int],
        wiring: Wiring,
        new: Callable[[str], int],
    ) -> str | None:
        """Note all that follows from latches; return what is wrong, None for nothing."""
        still = self.shown.keys() | constant.keys()
        waiting = [row for row in instances if row[0].inputs and not row[0].sequential]
        waiting = [row for row in waiting if row[1] not in self.done]
        while True:
            ready = [row for row in waiting if self._concerns(row) and self._is_ready(row, still)]
            if not ready:
                break
            for cell, name, pins in ready:
                error = self._add(cell, name, pins, wiring, new)
                if error is not None:
                    return error
                self.done.add(name)
            still = self.shown.keys() | constant.keys()
            waiting = [row for row in waiting if row[1] not in self.done]
        late = [name for cell, name, pins in waiting if self._concerns((cell, name, pins))]
        return f"{late[0]} reads what changes while clk is high" if late else None

    def _concerns(self, row: Instance) -> bool:
        cell, _, pins = row
        reads = {pins[pin] for pin in cell.inputs}
        return bool(reads & (self.shown.keys() | self.inverted))

    def _is_ready(self, row: Instance, still: set[int]) -> bool:
        cell, _, pins = row
        return {pins[pin] for pin in cell.inputs} <= still | self.inverted

    def _add(
        self,
        cell: Cell,
        name: str,
        pins: Mapping[str, int],
        wiring: Wiring,
        new: Callable[[str], int],
    ) -> str | None:
        """Add a gate; return what is wrong with it."""
        reads = [pins[pin] for pin in cell.inputs]
        slots = [self.shown.get(bit, 0 if bit in self.inverted else bit) for bit in reads]
        for output in cell.outputs:
            if output not in pins:
                continue
            if output not in cell.tables:
                return f"{name}: {cell.name} has no function at {output}"
            if pins[output] in self.shown or pins[output] in self.gated:
                return f"{name}: its output has another source, too"
            table = np.array([cell.tables[output]], dtype=np.uint64)
            high = table
            for slot, bit in enumerate(reads):
                if bit in self.inverted:
                    table, high = cofactor(table, slot, 0), cofactor(high, slot, 1)
            found = wiring.add(new(f"{output} of {name}, as taken"), int(table[0]), *slots)
            if not self.inverted.intersection(reads):
                self.shown[pins[output]] = found
            elif int(high[0]):
                return f"{name} is not low while clk is"
            else:
                self.gated[pins[output]] = found
        return None

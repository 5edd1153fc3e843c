"""The path of the data through a shell with credits: how it begins, moves and leaves.

No rank has an enable. The results are in `result`; that they leave from there in order, each once,
is the control's (`gatec.backends.control.credits`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gatec.backends.control.credits import CreditControl
from gatec.backends.control.datapath import DataPath
from gatec.backends.readback.rom_text import Rom
from gatec.backends.readback.shell import Cell
from gatec.backends.readback.subset import Body
from gatec.blocks import IntArray
from gatec.errors import DifferentError


class CreditPath(DataPath):
    """The data path of a shell whose ranks move in every cycle."""

    control: CreditControl

    def __init__(
        self,
        control: CreditControl,
        bodies: Mapping[str, Body],
        roms: Mapping[str, Rom] | None = None,
    ) -> None:
        super().__init__(control, bodies, roms)

    def _collect(self) -> None:
        """Check what the input register and its slots take."""
        control, width = self.control, self.shape.beat_bits
        if not control.strobe:
            self._takes("vector", control.vector, control.payload[: len(control.vector)], None)
        else:
            self._takes("beat", control.beat, control.payload, None)
            for number, strobe in enumerate(control.strobe):
                slot = control.vector[number * width : (number + 1) * width]
                self._takes(f"slot{number}", slot, control.beat, strobe)
        self._begin(control.vector)

    def _takes(
        self, name: str, bits: Sequence[int], sources: Sequence[int], enable: int | None
    ) -> None:
        """Check that a register takes `sources`, with an enable or in every cycle."""
        for row, (bit, source) in enumerate(zip(bits, sources, strict=True)):
            flip_flop = self.control.flip_flop(f"{name}[{row}]", bit)
            if flip_flop.d != source or not _moves(flip_flop.cell, enable):
                raise DifferentError(f"{name}[{row}] takes another bit", place=self.place)

    def _not_ranks(self) -> list[int]:
        return self.control.registers()

    def _check_enable(self, cell: Cell) -> None:
        if not _moves(cell, None):
            raise DifferentError("a rank does not move in every cycle", place=self.place)

    def _leaving(self) -> IntArray:
        self._check_registers(self.control.result, 0)
        return self.net[self.control.result].astype(np.int32)


def _moves(cell: Cell, enable: int | None) -> bool:
    """Return whether a flip-flop has that enable, or none, and no reset."""
    if enable is None:
        return cell.kind == "$dff"
    return (
        cell.kind == "$dffe"
        and list(cell.pins["EN"]) == [enable]
        and cell.parameters["EN_POLARITY"] == 1
    )

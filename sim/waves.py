"""Write the course of chosen signals as VCD, which every wave viewer reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

import numpy as np

from gatec.bits import Bits
from gatec.sim.signals import Signal

# From one sample, or one clock cycle, to the next.
STEP_NS = 10


class WaveWriter:
    """A VCD file of signals that change once in each step.

    Parameters
    ----------
    file
        Text, to be written from its start.
    top
        The scope that the signals are in.
    signals
        What is shown.
    """

    def __init__(self, file: TextIO, top: str, signals: Sequence[Signal]) -> None:
        # Amaranth brings pyvcd.
        from vcd import VCDWriter

        self._signals = list(signals)
        # Without a date the same run gives the same bytes.
        self._writer = VCDWriter(file, timescale="1 ns", date="")
        self._variables = [
            self._writer.register_var(top, s.name, "wire", size=len(s.nets)) for s in signals
        ]
        self._last: Bits | None = None
        self._step = 0

    def add(self, rows: Bits) -> None:
        """Append the steps `uint8[steps, nets]`: the nets of all signals, one after the other."""
        if not len(rows):
            return
        before = 1 - rows[:1] if self._last is None else self._last
        changes = rows != np.concatenate([before, rows[:-1]])
        starts = np.cumsum([0, *(len(s.nets) for s in self._signals)])[:-1]
        events = np.argwhere(np.add.reduceat(changes, starts, axis=1, dtype=np.int64))
        ends = [*starts[1:].tolist(), rows.shape[1]]
        for step, index in events.tolist():
            bits = rows[step, starts[index] : ends[index]][::-1]
            text = (bits + ord("0")).tobytes().decode()
            time = (self._step + step) * STEP_NS
            self._writer.change(self._variables[index], time, text)
        self._last = rows[-1:]
        self._step += len(rows)

    def close(self) -> None:
        """Write what is left, up to the end of the last step."""
        self._writer.close(self._step * STEP_NS)

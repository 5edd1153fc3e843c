"""Waves of signals that are known step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatec.bits import Bits
from gatec.sim.signals import Signal
from gatec.sim.wavefile import Variable, WaveFile

# From one sample, or one clock cycle, to the next.
STEP_NS = 10


def variables(signals: Sequence[Signal]) -> list[Variable]:
    """Return what a wave file declares for signals."""
    return [(signal.name, len(signal.nets)) for signal in signals]


class WaveWriter:
    """Writes signals that change once in each step.

    Parameters
    ----------
    file
        With `variables(signals)`.
    signals
        What is shown.
    """

    def __init__(self, file: WaveFile, signals: Sequence[Signal]) -> None:
        self._file = file
        self._starts = np.cumsum([0, *(len(s.nets) for s in signals)])
        self._last: Bits | None = None
        self._step = 0

    def add(self, rows: Bits) -> None:
        """Append the steps `uint8[steps, nets]`: the nets of all signals, one after the other."""
        if not len(rows):
            return
        before = 1 - rows[:1] if self._last is None else self._last
        changes = rows != np.concatenate([before, rows[:-1]])
        starts, ends = self._starts[:-1], self._starts[1:]
        events = np.argwhere(np.add.reduceat(changes, starts, axis=1, dtype=np.int64))
        for step, index in events.tolist():
            bits = rows[step, starts[index] : ends[index]][::-1]
            text = (bits + ord("0")).tobytes().decode()
            self._file.change(index, (self._step + step) * STEP_NS, text)
        self._last = rows[-1:]
        self._step += len(rows)

    def close(self) -> None:
        """Write what is left, up to the end of the last step."""
        self._file.close(self._step * STEP_NS)

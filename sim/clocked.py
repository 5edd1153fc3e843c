"""Sequences through a clocked net: a cycle after the other, all samples side by side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gatec.bits import Bits, Words, num_words, pack, unpack
from gatec.frontends.clocked import ClockedModel
from gatec.model import OutputKind
from gatec.sim.engine import EngineName
from gatec.sim.evaluator import Outputs
from gatec.sim.sequence import Machine


def frames(bits: Bits, cycles: int) -> Iterator[Words]:
    """Yield each cycle's inputs, packed: `uint8[samples, cycles * inputs]`, cycle 0 first."""
    for rows in np.split(bits, cycles, axis=1):
        yield pack(rows)


class ClockedEvaluator:
    """A clocked net, ready to run on any number of sequences at a time.

    Parameters
    ----------
    model
        The net.
    kind
        As of `gatec.sim.evaluator.Evaluator`.
    engine, threads
        See `gatec.sim.engine.make_engine`.
    """

    def __init__(
        self,
        model: ClockedModel,
        kind: OutputKind,
        engine: EngineName = "auto",
        threads: int | None = None,
    ) -> None:
        self.kind = kind
        self._model = model
        self._tail = model.tail.with_output(kind)
        self._machine = Machine(model.netlist, 0, engine=engine, threads=threads)

    def __call__(self, bits: Bits) -> Outputs:
        """Return the outputs for `uint8[samples, steps * inputs]`."""
        count = len(bits)
        self._machine.reset(num_words(count))
        shown: list[Words] = []
        for frame in frames(bits, self._model.steps):
            outputs = self._machine.step(frame)
            if not self._model.every_step:
                shown.clear()
            shown.append(outputs)
        result = self._tail.evaluate(np.concatenate(shown), count)
        if self.kind == "bits":
            return unpack(result.bits, count)
        found = result.classes if self.kind == "argmax" else result.scores
        assert found is not None
        return np.ascontiguousarray(found.T)

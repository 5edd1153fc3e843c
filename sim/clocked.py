"""Sequences through a clocked net: a cycle after the other, all samples side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import numpy as np

from gatec.bits import Bits, Words, num_words, pack, unpack
from gatec.frontends.clocked import ClockedModel
from gatec.model import OutputKind
from gatec.sim.engine import EngineName
from gatec.sim.evaluator import Outputs
from gatec.sim.sequence import Machine


def frames(bits: Bits, cycles: int, once: bool = False) -> Iterator[Words]:
    """Yield each cycle's inputs, packed: `uint8[samples, cycles * inputs]`, cycle 0 first.

    With `once`, there are inputs in cycle 0 alone, and 0 after it.
    """
    if once:
        first = pack(bits)
        yield first
        yield from repeat(np.zeros_like(first), cycles - 1)
        return
    for rows in np.split(bits, cycles, axis=1):
        yield pack(rows)


class ClockedEvaluator:
    """A clocked net, ready to run on any number of sequences at a time.

    Parameters
    ----------
    model
        The net, with a number of steps.
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
        """Return the outputs for `uint8[samples, steps * inputs]`.

        Of a net that answers every step apart, the answers follow one another: classes are then
        `[samples, steps]`, scores `[samples, steps * classes]`.
        """
        count, model = len(bits), self._model
        assert model.steps is not None
        self._machine.reset(num_words(count))
        shown: list[Words] = []
        for frame in frames(bits, model.steps, model.from_input):
            outputs = self._machine.step(frame)
            if not model.every_step:
                shown.clear()
            shown.append(outputs)
        if model.answers_apart:
            answers = [self._answer(words, count) for words in shown]
            # Classes are a number for each sample, all else a row.
            join = np.stack if self.kind == "argmax" else np.concatenate
            return join(answers, axis=1)
        return self._answer(np.concatenate(shown), count)

    def _answer(self, words: Words, count: int) -> Outputs:
        result = self._tail.evaluate(words, count)
        if self.kind == "bits":
            return unpack(result.bits, count)
        found = result.classes if self.kind == "argmax" else result.scores
        assert found is not None
        return np.ascontiguousarray(found.T)

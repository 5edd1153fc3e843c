"""The one place where samples meet an engine: bits in, what a model says of them out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gatec.bits import Bits, pack, unpack
from gatec.model import ModelGraph, OutputKind
from gatec.sim.engine import EngineName, make_engine

Outputs = npt.NDArray[Any]


class Evaluator:
    """A model, ready to run on any number of samples at a time.

    Parameters
    ----------
    model
        The model.
    kind
        What to put out: `argmax` gives `int64[samples]`, `scores` `int64[samples, classes]`, `bits`
        `uint8[samples, width]`. `UsageError` where the model has no classes.
    engine, threads, samples
        See `gatec.sim.engine.make_engine`.
    """

    def __init__(
        self,
        model: ModelGraph,
        kind: OutputKind,
        engine: EngineName = "auto",
        threads: int | None = None,
        samples: int | None = None,
    ) -> None:
        self.kind = kind
        self._engine = make_engine(model.with_output(kind), engine, threads, samples)

    def __call__(self, bits: Bits) -> Outputs:
        """Return the outputs for `uint8[samples, num_inputs]`."""
        words, count = pack(bits), len(bits)
        if self.kind == "bits":
            return unpack(self._engine.run(words), count)
        if self.kind == "argmax":
            return self._engine.predict(words, count)
        return np.ascontiguousarray(self._engine.scores(words, count).T)

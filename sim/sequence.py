"""Run nets with state registers cycle by cycle, 64 samples to a word."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gatec.bits import Words
from gatec.netlist import Netlist, Port
from gatec.sim.engine import EngineName, make_engine
from gatec.sim.signals import Signal, all_nets


class Machine:
    """A netlist in time: its registers keep their values from one step to the next.

    All samples run side by side, each with registers of its own.

    Parameters
    ----------
    net
        With or without registers, without pipeline stages.
    num_words
        Words of 64 samples.
    watch
        What `step` returns; the output ports' bits in order when None.
    engine, threads
        See `gatec.sim.engine.make_engine`.

    Attributes
    ----------
    state
        `Words[num_registers, words]`, as the next step will see them.
    """

    def __init__(
        self,
        net: Netlist,
        num_words: int,
        *,
        watch: list[Signal] | None = None,
        engine: EngineName = "auto",
        threads: int | None = None,
    ) -> None:
        if watch is not None:
            net = net.replace(outputs=(Port("watched", all_nets(watch)),), cuts=())
        self._engine = make_engine(net.replace(stage=None), engine, threads)
        self.state = self._engine.initial_state(num_words)

    def reset(self, num_words: int | None = None) -> None:
        """Give all registers their initial values again; for another number of words, if given."""
        count = self.state.shape[1] if num_words is None else num_words
        self.state = self._engine.initial_state(count)

    def step(self, words: Words) -> Words:
        """Run one clock cycle on `[num_inputs, words]`; return the outputs before the edge."""
        self.state, outputs = self._engine.step(self.state, words)
        return outputs

    def run(self, frames: Iterable[Words]) -> Words:
        """Run a cycle for each of `frames`; return the outputs, `[cycles, num_outputs, words]`."""
        outputs = [self.step(frame) for frame in frames]
        if not outputs:
            return np.zeros((0, self._engine.num_outputs, self.state.shape[1]), dtype=np.uint64)
        return np.stack(outputs)

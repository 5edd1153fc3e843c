"""Toggle counts against what they are by definition."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_passes import random_netlists

from gatec.bits import num_words, pack, random_words, unpack
from gatec.evaluate import evaluate_nets
from gatec.netlist import Netlist
from gatec.sim import toggles
from gatec.sim.toggles import cycle_toggles, stream_toggles


def nets(registers: bool) -> list[Netlist]:
    return list(random_netlists(12, registers=registers))


@pytest.mark.parametrize("samples", [0, 1, 2, 64, 65, 200])
def test_samples_that_follow_one_another(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toggles, "_WORDS_AT_A_TIME", 100)
    for net in nets(registers=False):
        words = random_words(np.random.default_rng(samples), net.num_inputs, num_words(samples))
        values = unpack(evaluate_nets(net, words), samples).astype(int)
        expected = np.abs(np.diff(values, axis=0)).sum(axis=0)
        assert np.array_equal(stream_toggles(net, words, samples), expected)


def test_cycles_of_nets_with_registers() -> None:
    for net in nets(registers=True):
        rng = np.random.default_rng(net.num_gates)
        frames = [random_words(rng, net.num_inputs, 2) for _ in range(5)]
        state, before, expected = None, None, np.zeros(net.num_nets, dtype=int)
        for frame in frames:
            values = evaluate_nets(net, frame, state)
            state, bits = values[net.register_d], unpack(values, 100).astype(int)
            expected += 0 if before is None else np.abs(bits - before).sum(axis=0)
            before = bits
        assert np.array_equal(cycle_toggles(net, frames, 100), expected)


def test_a_counter_of_known_activity() -> None:
    (net,) = random_netlists(1)
    bits = np.arange(16)[:, None] >> np.arange(net.num_inputs) & 1
    found = stream_toggles(net, pack(bits), 16)
    assert found[:2].tolist() == [0, 0]
    counter = found[net.first_input : net.first_register]
    assert counter.tolist() == [15 >> j for j in range(net.num_inputs)]

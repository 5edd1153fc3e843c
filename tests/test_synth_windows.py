"""Circuits of many inputs: windows keep the function, and find what is there."""

from __future__ import annotations

import numpy as np
from helpers_synth import wide_aig

from gatec.aig import Aig, to_netlist
from gatec.proof.verdict import Verdict
from gatec.synth.and_windows import AndCircuit
from gatec.synth.builder import AigBuilder
from gatec.synth.function import Function, prove
from gatec.synth.partition import by_windows, partitioned
from gatec.synth.search import Clock, Effort
from gatec.synth.windows import MAX_LEAVES, find_window


def assert_same(before: Aig, after: Aig) -> None:
    proof = prove(Function("f", before), to_netlist(after), 60)
    assert proof.verdict is Verdict.EQUIVALENT, proof


def test_windows_are_convex_and_compute_what_they_replace() -> None:
    aig = wide_aig(1)
    whole = AndCircuit.of(aig)
    circuit = whole.circuit
    random = np.array([5], dtype=np.uint64)
    blocked = np.zeros(len(whole.fanin), dtype=np.uint8)
    found = [find_window(circuit, int(gate), random, blocked) for gate in circuit.order]
    windows = [window for window in found if window is not None]
    assert len(windows) > 10
    for window in windows:
        assert not set(window.gates.tolist()) & set(window.leaves.tolist())
        assert len(window.leaves) <= MAX_LEAVES
        part = whole.window_aig(window)
        same = whole.splice(window, part)
        assert len(same.circuit.order) == len(circuit.order)
    blocked[windows[0].gates] = 1
    for gate in circuit.order.tolist():
        other = find_window(circuit, gate, random, blocked)
        if other is not None and not blocked[gate]:
            assert not blocked[other.gates].any()
            assert not blocked[other.leaves].any()


def test_random_circuits_stay_themselves() -> None:
    for seed in range(6):
        aig = wide_aig(seed)
        effort = Effort(steps=40_000, seed=seed)
        found = by_windows(aig, Clock(effort), effort, 0.0, 1.0)
        assert found.num_ands <= aig.num_ands
        assert_same(aig, found)


def test_what_is_computed_twice_is_found() -> None:
    builder = AigBuilder(20)
    halves = [builder.inputs[:10], builder.inputs[10:]]
    outputs = []
    for signals in halves:
        straight, backward = signals[0], signals[-1]
        for signal in signals[1:]:
            straight = builder.xor(straight, signal)
        for signal in signals[-2::-1]:
            backward = builder.xor(backward, signal)
        outputs += [straight, backward]
    aig = builder.build(outputs)
    found = partitioned(aig, Effort(steps=150_000))
    assert_same(aig, found)
    # Two parities of ten, three gates for each XOR, where the circuit computes each twice.
    assert (aig.num_ands, found.num_ands) == (108, 54)

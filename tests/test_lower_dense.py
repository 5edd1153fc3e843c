"""Threshold layers and weighted class sums: lowered, proved, and refused when damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.bits import all_inputs, unpack
from gatec.blocks import Block, InputBits
from gatec.blocks_threshold import ClassScores, ScoreBits, ThresholdLayer, dense_thresholds
from gatec.cone import connected
from gatec.errors import DifferentError, ModelError
from gatec.evaluate import evaluate_outputs
from gatec.frontends import neutral_bytes, read_model
from gatec.lowering.model import lower
from gatec.model import ModelGraph, OutputKind
from gatec.passes import CLEAN, SPLIT
from gatec.passes.runner import run_passes
from gatec.proof.arithmetic import check_lowering
from gatec.proof.structure import equal_outputs
from gatec.segments import take_apart
from gatec.tables import expand


def random_model(seed: int) -> ModelGraph:
    """Return a layer at some positions, a dense one, and class sums, all weights and levels odd."""
    rng = np.random.default_rng(seed)
    inputs, neurons, positions = (int(rng.integers(1, n)) for n in (9, 5, 4))
    k = int(rng.integers(1, inputs + 1))
    first = ThresholdLayer(
        "first",
        inputs,
        rng.integers(-5, 6, size=(neurons, k)),
        rng.integers(-12, 13, size=(neurons, positions if seed % 2 else 1, rng.integers(1, 4))),
        rng.integers(-1, inputs, size=(positions, k)),
    )
    weights = rng.choice([-1, 1], size=(3, first.out_width))
    second = dense_thresholds("second", weights, rng.integers(-3, 4, size=3))
    scores = rng.integers(-3, 4, size=(4, 3))
    bias = rng.integers(0, 5, size=4) - np.minimum(scores, 0).sum(axis=1)
    blocks: list[Block] = [InputBits("input", inputs), first, second]
    return ModelGraph.chain([*blocks, ClassScores("scores", 3, scores, bias)], "random")


@given(st.integers(0, 10_000), st.sampled_from(["argmax", "scores", "bits"]))
@settings(max_examples=60, deadline=None)
def test_lowering_equals_the_model_and_is_proved(seed: int, kind: OutputKind) -> None:
    model = random_model(seed).with_output(kind)
    lowering = lower(model)
    assert len(check_lowering(model, lowering)) == len(model.blocks) - 1
    words, count = all_inputs(model.num_inputs), 1 << model.num_inputs
    found = unpack(evaluate_outputs(lowering.netlist, words), count)
    assert np.array_equal(found, unpack(model.evaluate_outputs(words, count), count))


def test_evaluation_is_the_definition() -> None:
    layer = ThresholdLayer("t", 3, [[2, -1]], [[[0, 2]]], [[0, 1], [2, -1]])
    found = unpack(layer.evaluate([all_inputs(3)]), 8)
    for sample, bits in enumerate(np.arange(8)[:, None] >> np.arange(3) & 1):
        sums = (2 * bits[0] - bits[1], 2 * bits[2])
        assert found[sample].tolist() == [s >= level for s in sums for level in (0, 2)]


def test_neutral_form_keeps_the_model(tmp_path: Path) -> None:
    model = random_model(5)
    (tmp_path / "m.npz").write_bytes(neutral_bytes(model))
    again = read_model(tmp_path / "m.npz")
    assert neutral_bytes(again) == neutral_bytes(model)
    words = all_inputs(model.num_inputs)
    assert np.array_equal(again.evaluate(words, 64).classes, model.evaluate(words, 64).classes)


@pytest.mark.parametrize("seed", range(4))
def test_every_damaged_gate_is_found(seed: int) -> None:
    """A flipped table bit of a gate that counts is never accepted."""
    model = random_model(seed).with_output("scores")
    lowering = lower(model)
    net = lowering.netlist
    rng = np.random.default_rng(seed)
    words, missed = all_inputs(model.num_inputs), 0
    expected = evaluate_outputs(net, words)
    for gate in rng.permutation(net.num_gates)[:60]:
        tables = net.tables.copy()
        size = max(1, int(net.arity[gate]))
        tables[gate] ^= expand(np.array([1 << rng.integers(0, 1 << size)], np.uint64), size)[0]
        damaged = net.replace(tables=tables)
        if np.array_equal(evaluate_outputs(damaged, words), expected):
            continue
        missed += 1
        with pytest.raises(DifferentError):
            check_lowering(model, replace(lowering, netlist=damaged))
    assert missed


def test_swapped_and_lost_literals_are_found() -> None:
    model = random_model(3).with_output("bits")
    lowering = lower(model)
    claim = lowering.sums["second"]
    wrong = [
        replace(claim, complements=claim.complements[::-1]),
        replace(claim, cells=claim.cells[:-1]),
        replace(claim, sums=claim.sums[::-1]),
    ]
    for one in wrong:
        with pytest.raises(DifferentError):
            check_lowering(model, replace(lowering, sums=lowering.sums | {"second": one}))


def test_scores_that_may_be_negative_are_refused() -> None:
    with pytest.raises(ModelError, match="class 1 can have score -2"):
        ClassScores("s", 2, [[1, 1], [-1, -1]], [0, 0])


def test_sums_too_wide_for_float32_are_refused() -> None:
    with pytest.raises(ModelError, match="add up to 16777216"):
        dense_thresholds("t", [[1 << 23, -(1 << 23)]], [0])


def wide_model(seed: int = 0) -> ModelGraph:
    rng = np.random.default_rng(seed)
    weights = rng.choice([-1, 1], size=(12, 100))
    blocks: list[Block] = [InputBits("input", 100)]
    for i in range(2):
        before = blocks[-1].out_width
        blocks.append(dense_thresholds(f"layer{i}", weights[:, :before], rng.integers(-4, 5, 12)))
    return ModelGraph.chain(blocks, "wide")


def test_segments_are_the_whole() -> None:
    net = lower(wide_model()).netlist
    segments = take_apart(net)
    assert segments is not None
    again = connected(segments, net)
    again.verify()
    rng = np.random.default_rng(1)
    words = rng.integers(0, 1 << 64, size=(100, 8), dtype=np.uint64)
    assert np.array_equal(evaluate_outputs(again, words), evaluate_outputs(net, words))
    assert [port.name for port in again.cuts] == ["layer0", "layer1"]
    assert equal_outputs(net, again).all()


def test_structure_survives_what_only_cleans_up() -> None:
    net = lower(wide_model()).netlist
    tidy, _ = run_passes(net, (SPLIT.having(k=4), CLEAN))
    # The adder cells of a column over the same inputs are shared, up to complements.
    assert tidy.num_gates < 0.7 * net.num_gates
    assert equal_outputs(net, tidy).all()


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_structure_never_calls_different_circuits_equal(seed: int) -> None:
    net = lower(random_model(seed).with_output("bits")).netlist
    rng = np.random.default_rng(seed)
    tables = net.tables.copy()
    for gate in rng.integers(0, net.num_gates, size=rng.integers(1, 4)):
        tables[gate] ^= rng.integers(0, 1 << 64, dtype=np.uint64)
    damaged = net.replace(tables=expand(tables, net.fanin.shape[1]))
    words = all_inputs(net.num_inputs)
    same = evaluate_outputs(net, words) == evaluate_outputs(damaged, words)
    assert not (equal_outputs(net, damaged) & ~same.all(axis=1)).any()


@pytest.mark.parametrize(
    "weights",
    [
        np.random.default_rng(0).choice([-1, 1], (16, 100)),
        np.kron(np.random.default_rng(1).choice([-1, 1], (8, 30)), 1 << np.arange(8)),
        np.where(np.arange(100) == 0, 128, 1) * np.ones((9, 1), dtype=int),
        np.random.default_rng(2).integers(-15, 16, (9, 80)),
    ],
    ids=["bits", "codes", "one heavy", "4 bits"],
)
def test_gates_are_foretold_within_a_tenth(weights: np.ndarray) -> None:
    layer = dense_thresholds("t", weights, np.zeros(len(weights)))
    model = ModelGraph.chain([InputBits("input", layer.in_width), layer], "foretold")
    gates = lower(model).netlist.num_gates
    assert 0.9 < layer.num_slots / 3 / gates < 1.1
    sums = ScoreBits("s", layer.in_width, weights, np.abs(weights).sum(axis=1))
    assert sums.num_slots == layer.num_slots

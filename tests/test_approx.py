"""Approximation by data: what is replaced, what it costs, and that the budget holds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import random_layers_model
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.approx import candidates as candidates_module
from gatec.approx.candidates import find_candidates
from gatec.approx.record import redo, to_record
from gatec.approx.rewrite import replaced
from gatec.approx.rows import Judge, Rows, scores_of, split_rows
from gatec.approx.search import Approximation, approximate
from gatec.approx.stack import LayerStack, Signals
from gatec.approx.statistics import distances, profile, row_weights
from gatec.approx.votes import vote_path
from gatec.bits import Bits, all_inputs, pack, unpack
from gatec.blocks import Argmax, Block, GroupSum, InputBits, LutLayer
from gatec.blocks_bits import Wires
from gatec.errors import ModelError, UsageError
from gatec.frontends import neutral_bytes
from gatec.model import ModelGraph
from gatec.tables import AND2, VARIABLE, XOR2

INPUTS = 7


def random_model(seed: int, classes: int | None = 3) -> ModelGraph:
    rng = np.random.default_rng(seed)
    return random_layers_model(rng, INPUTS, [14, 9, 12], classes, fanin=1 + seed % 4)


def random_literals(stack: LayerStack, rng: np.random.Generator) -> Signals:
    """Replace about half of all signals by anything before them, in chains."""
    literal = 2 * np.arange(stack.num_signals)
    for signal in range(1, stack.num_signals):
        if rng.random() < 0.5:
            literal[signal] = rng.integers(0, 2 * signal)
    return literal


def plain_values(stack: LayerStack, literal: Signals) -> Bits:
    """Evaluate signal by signal what replacements stand for: `[2**inputs, signals]`."""
    rows = 1 << INPUTS
    values = np.zeros((rows, stack.num_signals), dtype=np.uint8)
    inputs = unpack(all_inputs(INPUTS), rows)
    for signal in range(stack.num_signals):
        depth = int(stack.depth[signal])
        place = signal - stack.first[depth]
        if literal[signal] != 2 * signal:
            values[:, signal] = values[:, literal[signal] >> 1] ^ (literal[signal] & 1)
        elif depth == 0 and signal:
            values[:, signal] = inputs[:, place]
        elif depth:
            layer = stack.layers[depth - 1]
            address = np.zeros(rows, dtype=np.uint64)
            for slot, read in enumerate(stack.reads(depth)[place]):
                address |= values[:, read].astype(np.uint64) << np.uint64(slot)
            values[:, signal] = layer.tables[place] >> address & np.uint64(1)
    return values


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_a_rewritten_model_is_what_the_replacements_say(seed: int) -> None:
    stack = LayerStack.of(random_model(seed))
    literal = random_literals(stack, np.random.default_rng(seed))
    expected = plain_values(stack, literal)[:, stack.signals(len(stack.layers))]
    model = replaced(stack, literal)
    result = model.evaluate(all_inputs(INPUTS), 1 << INPUTS)
    assert np.array_equal(unpack(result.bits, 1 << INPUTS), expected)
    ordered = replaced(stack, literal, sort_votes=True).evaluate(all_inputs(INPUTS), 1 << INPUTS)
    assert np.array_equal(ordered.scores, result.scores)


def test_sorted_votes_hold_no_constant_before_a_signal() -> None:
    stack = LayerStack.of(random_model(3))
    last = stack.signals(3)
    literal = 2 * np.arange(stack.num_signals)
    literal[last[::2]] = [0, 1, 0, 1, 1, 0]
    tables = replaced(stack, literal, sort_votes=True).layers[-1].tables.reshape(3, 4)
    kind = np.where(tables == 0, 1, np.where(~tables == 0, 2, 0))
    assert (np.diff(kind, axis=1) >= 0).all()
    assert np.bincount(kind.ravel(), minlength=3)[1:].tolist() >= [3, 3]


def data_rows(count: int, seed: int = 0) -> Bits:
    """Return rows in which bit 1 is bit 0, bit 2 its complement, and bit 3 nearly never 1."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, size=(count, INPUTS), dtype=np.uint8)
    bits[:, 1], bits[:, 2] = bits[:, 0], 1 - bits[:, 0]
    bits[:, 3] = rng.random(count) < 0.004
    return bits


def planted_model() -> ModelGraph:
    """Gates that are constant, equal, complements or nearly constant on `data_rows`."""
    fanin = [[0, 2], [0, 4], [1, 4], [2, 4], [3, 5], [5, 6]]
    tables = np.array([AND2, XOR2, XOR2, XOR2, AND2, XOR2])
    second = np.array([[0, 5], [1, 5], [2, 5], [3, 5], [4, 5], [5, 1]])
    blocks: list[Block] = [
        InputBits("input", INPUTS),
        LutLayer("layer0", INPUTS, np.array(fanin), tables),
        LutLayer("layer1", 6, second, np.full(6, XOR2)),
        GroupSum("groupsum", 6, 2),
        Argmax("argmax", 2),
    ]
    return ModelGraph.chain(blocks, "planted")


def test_what_the_data_never_shows_is_found() -> None:
    rows = data_rows(9000)
    stack = LayerStack.of(planted_model())
    found = find_candidates(stack, Rows(pack(rows), len(rows)))
    by_signal = dict(
        zip(found.signal.tolist(), zip(found.literal, found.rows, strict=True), strict=True)
    )
    first = stack.first[1]
    assert by_signal[first] == (0, 0)
    assert by_signal[first + 2] == (2 * (first + 1), 0)
    assert by_signal[first + 3] == (2 * (first + 1) + 1, 0)
    literal, wrong = by_signal[first + 4]
    assert literal == 0 and 0 < wrong == int((rows[:, 3] & rows[:, 5]).sum())
    assert first + 5 not in by_signal
    # The second layer computes the same in several gates, too.
    assert by_signal[stack.first[2] + 2][1] == 0
    assert (np.diff(found.rows > 0) >= 0).all(), "what costs nothing comes first"


@pytest.mark.parametrize("count", [1, 64, 4096, 4097, 9000])
def test_counts_over_batches_are_those_of_all_rows(count: int) -> None:
    stack = LayerStack.of(random_model(1))
    rng = np.random.default_rng(count)
    bits = rng.integers(0, 2, size=(count, INPUTS), dtype=np.uint8)
    rows = Rows(pack(bits), count)
    weights = row_weights(stack, rows)
    values = unpack(stack.values(rows.words, count), count).astype(np.int64)
    scores = np.sort(scores_of(stack.model, rows), axis=0)
    margin = scores[-1] - scores[-2]
    weight = np.where(margin <= np.quantile(margin, 0.1), 21, 1)
    found = profile(stack, rows, weights)
    assert np.array_equal(found.ones, values.sum(axis=0))
    assert np.array_equal(found.cost_of_ones, weight @ values)
    assert weights.all_wrong(count) == weight.sum()
    canonical = values ^ values[0]
    equal = (canonical[:, :, None] == canonical[:, None, :]).all(axis=0)
    assert np.array_equal(found.keys[:, :1] == found.keys[:, 0], equal)
    assert (found.keys[:, None, :] == found.keys[None])[equal].all()
    one, other = (a.ravel() for a in np.indices((stack.num_signals, stack.num_signals)))
    apart = distances(stack, rows, weights, one, other)
    unlike = values[:, one] != values[:, other]
    assert np.array_equal(apart.rows, unlike.sum(axis=0))
    assert np.array_equal(apart.cost, weight @ unlike)


def labelled(seed: int, count: int = 3000) -> tuple[ModelGraph, Bits, np.ndarray]:
    """Return a net with data on which it is right in nine of ten rows."""
    rng = np.random.default_rng(seed)
    model = random_layers_model(rng, 12, [60, 60, 90], 3)
    bits = (rng.random((count, 12)) < rng.random(12) ** 3).astype(np.uint8)
    labels = model.predict(bits)
    noisy = rng.random(count) < 0.1
    labels[noisy] = rng.integers(0, 3, size=int(noisy.sum()))
    return model, bits, labels


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("max_drop", [0.002, 0.05])
def test_the_budget_holds_on_the_held_out_rows(seed: int, max_drop: float) -> None:
    model, bits, labels = labelled(seed)
    split = split_rows(bits, labels, seed)
    found = approximate(model, split, max_drop, drop_votes=seed % 2 == 0)
    before, after = found.accuracy["held_out"]
    judge = Judge(model, split.held_out, split.held_out_labels)
    assert (before, after) == (judge.share(judge.trained), judge.share(judge(found.model)))
    assert round(1000 * (before - after), 6) <= 1000 * max_drop
    assert len(found.merges) + found.dropped_votes > 0


def test_without_labels_the_trained_net_is_right() -> None:
    model, bits, _ = labelled(2)
    found = approximate(model, split_rows(bits, None, 1), 0.01, drop_votes=True)
    assert not found.by_labels
    assert found.accuracy["held_out"][0] == 1.0 > found.accuracy["held_out"][1] >= 0.99


def test_without_classes_every_bit_counts() -> None:
    model, bits, _ = labelled(2)
    model = model.with_output("bits")
    split = split_rows(bits, None, 1)
    found = approximate(model, split, 0.01, drop_votes=True)
    rows = split.held_out
    sides = [m.evaluate(rows.words, rows.count).bits for m in (model, found.model)]
    equal = (unpack(sides[0] ^ sides[1], rows.count) == 0).all(axis=1)
    assert found.dropped_votes == 0
    assert equal.mean() == found.accuracy["held_out"][1] >= 0.99


def test_votes_that_say_nothing_go_first() -> None:
    # Of each class' 32 votes the first 16 mostly say its number; the others are noise.
    rng = np.random.default_rng(1)
    classes, group, rows = 3, 32, 4000
    width = classes * group
    noise = np.tile(np.arange(group) >= 16, classes)
    layer = LutLayer("layer0", width, np.arange(width)[:, None], np.full(width, VARIABLE[0]))
    blocks: list[Block] = [InputBits("input", width), layer, GroupSum("groupsum", width, classes)]
    model = ModelGraph.chain(blocks, "noisy")
    labels = rng.integers(0, classes, size=rows)
    right = labels[:, None] == np.repeat(np.arange(classes), group)
    bits = (right ^ (rng.random((rows, width)) < np.where(noise, 0.5, 0.4))).astype(np.uint8)
    path = vote_path(LayerStack.of(model), Rows(pack(bits), rows), labels)
    half = path[24]
    assert (~half.alive).sum() == 48
    assert noise[~half.alive].mean() > 0.9
    assert np.ptp(half.ones) <= 2, "no class is favoured"


def same_function(one: ModelGraph, other: ModelGraph) -> bool:
    words = all_inputs(12)
    return np.array_equal(*(m.evaluate(words, 1 << 12).scores for m in (one, other)))


@pytest.fixture(scope="module")
def example() -> tuple[ModelGraph, Approximation]:
    model, bits, labels = labelled(4)
    return model, approximate(model, split_rows(bits, labels, 1), 0.05, drop_votes=True)


def test_a_record_makes_the_same_net_again(example: tuple[ModelGraph, Approximation]) -> None:
    model, found = example
    record = to_record(found)
    content = json.loads(record)
    assert len(content["votes"]) <= found.dropped_votes
    assert len(content["merges"]) == len(found.merges) > 0
    assert neutral_bytes(redo(model, record, "file")) == neutral_bytes(found.model)
    assert not same_function(model, found.model)
    model, bits, labels = labelled(4)
    again = approximate(model, split_rows(bits, labels, 1), 0.05, drop_votes=True)
    assert to_record(again) == record


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        ({"layer9[0]": ["0", 1]}, "no signal layer9\\[0\\]"),
        ({"layer0[60]": ["0", 1]}, "no signal layer0\\[60\\]"),
        ({"layer0[3]": ["layer1[3]", 1]}, "layer0\\[3\\] cannot become layer1\\[3\\]"),
        ({"~layer0[3]": ["0", 1]}, "cannot become"),
        ({"layer0[3]": []}, "not a record"),
        ({"layer0[3]": 0}, "not a record"),
        ({"layer0[3]": [3, 4]}, "no signal 3"),
        ([], "not a record"),
    ],
)
def test_a_broken_record_is_refused(merges: object, message: str) -> None:
    model, _, _ = labelled(4)
    record = json.dumps({"sorted_votes": False, "votes": {}, "merges": merges}).encode()
    with pytest.raises(ModelError, match=message):
        redo(model, record, "file")


def test_a_model_that_does_not_end_in_lut_layers_is_refused() -> None:
    wires = Wires("tail", (8,), np.arange(8))
    layer = LutLayer("layer0", 4, np.zeros((8, 1)), np.full(8, VARIABLE[0]))
    model = ModelGraph.chain([InputBits("input", 4), layer, wires], "wired")
    with pytest.raises(UsageError, match="last bits come from tail"):
        LayerStack.of(model)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="--data of 9 rows"):
        split_rows(np.zeros((9, 3), dtype=np.uint8), None, 1)


def test_no_candidate_is_wrong_in_more_rows_than_allowed() -> None:
    stack = LayerStack.of(random_model(2))
    bits = np.random.default_rng(3).integers(0, 2, size=(500, INPUTS), dtype=np.uint8)
    found = find_candidates(stack, Rows(pack(bits), 500))
    assert (found.rows <= candidates_module._MOST_WRONG * 500).all()

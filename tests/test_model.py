"""Blocks and model graphs against the plainest evaluation there is."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_layers_model
from hypothesis import given
from hypothesis import strategies as st

from gatec.bits import all_inputs, from_integers, num_words, pack, to_integers, unpack
from gatec.blocks import Argmax, GroupSum, InputBits, LutLayer, Thermometer
from gatec.errors import ModelError, UsageError
from gatec.model import ModelGraph
from gatec.tables import AND2, cofactor, depends, expand, flip, from_msb_rows, minterms, swap


def plain(model: ModelGraph, sample: list[int]) -> tuple[list[int], list[int], int]:
    """Evaluate one sample with Python integers: last bits, scores, class."""
    bits = list(sample)
    scores: list[int] = []
    for block in model.blocks:
        if isinstance(block, LutLayer):
            bits = [
                int(table) >> sum(bits[n] << j for j, n in enumerate(row)) & 1
                for row, table in zip(block.fanin.tolist(), block.tables.tolist(), strict=True)
            ]
        elif isinstance(block, GroupSum):
            size = block.group
            scores = [sum(bits[c * size : (c + 1) * size]) for c in range(block.classes)]
    return bits, scores, scores.index(max(scores))


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.sampled_from([1, 2, 63, 64, 65, 130]),
)
def test_evaluation_is_the_plain_one(seed: int, fanin: int, samples: int) -> None:
    rng = np.random.default_rng(seed)
    model = random_layers_model(rng, 9, [12, 15], 5, fanin=fanin)
    inputs = rng.integers(0, 2, size=(samples, 9))
    result = model.evaluate(pack(inputs), samples)
    bits = unpack(result.bits, samples)
    assert result.scores is not None
    assert result.classes is not None
    for s in range(samples):
        expected = plain(model, inputs[s].tolist())
        assert (bits[s].tolist(), result.scores[:, s].tolist(), result.classes[s]) == expected


def test_ties_go_to_the_lowest_class() -> None:
    scores = np.array([[1, 3, 0], [3, 3, 0], [3, 2, 0]])
    assert Argmax("argmax", 3).evaluate(scores).tolist() == [1, 0, 0]


def test_thermometer_compares_codes() -> None:
    block = Thermometer("t", np.array([[0, 3, 8], [1, 7, 2]]), 3)
    words = pack(from_integers(np.array([[2, 7]]), 3).reshape(1, 6))
    assert unpack(block.evaluate(words, 1), 1).tolist() == [[1, 0, 0, 1, 1, 1]]


def test_no_samples_are_fine() -> None:
    model = random_layers_model(np.random.default_rng(1), 4, [6], 3)
    assert model.predict(np.zeros((0, 4))).tolist() == []


@pytest.mark.parametrize("nets", range(1, 9))
def test_all_inputs_are_all(nets: int) -> None:
    rows = unpack(all_inputs(nets), 1 << nets)
    assert to_integers(rows).tolist() == list(range(1 << nets))


@given(st.integers(0, 300), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_packing_round_trips(samples: int, nets: int, seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 2, size=(samples, nets))
    words = pack(bits)
    assert words.shape == (nets, num_words(samples))
    assert np.array_equal(unpack(words, samples), bits)


@given(st.integers(0, 2**64 - 1), st.integers(0, 5), st.integers(0, 5))
def test_table_operations_follow_their_definitions(table: int, i: int, j: int) -> None:
    packed = np.array([table], dtype=np.uint64)

    def at(tables: np.ndarray, address: int) -> int:
        return int(tables[0]) >> address & 1

    def exchange(address: int) -> int:
        a, b = address >> i & 1, address >> j & 1
        return address & ~(1 << i | 1 << j) | (b << i) | (a << j)

    for address in range(64):
        assert at(cofactor(packed, i, 0), address) == table >> (address & ~(1 << i)) & 1
        assert at(cofactor(packed, i, 1), address) == table >> (address | 1 << i) & 1
        assert at(flip(packed, i), address) == table >> (address ^ 1 << i) & 1
        if i != j:
            assert at(swap(packed, i, j), address) == table >> exchange(address) & 1
    differs = any((table >> a ^ table >> (a ^ 1 << i)) & 1 for a in range(64))
    assert bool(depends(packed, i)[0]) == differs


def test_msb_first_rows_keep_the_slot_of_each_input() -> None:
    # A and not B, in the trainers' order 00, 01, 10, 11 of (A, B).
    table = from_msb_rows(np.array([[0, 0, 1, 0]]))
    assert minterms(int(table[0]), 2) == [1]
    assert int(expand(np.array([0b10], dtype=np.uint64), 1)[0]) == 0xAAAA_AAAA_AAAA_AAAA


def layer(**changes: object) -> LutLayer:
    given_values = {"in_width": 3, "fanin": [[0, 1], [2, 0]], "tables": [AND2, AND2]} | changes
    return LutLayer("layer1", **given_values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fanin": [[0, 3], [2, 0]]}, "layer1: gate 0 reads input 3; expected 0..2"),
        ({"fanin": [[0, 1], [2, -1]]}, "layer1: gate 1 reads input -1; expected 0..2"),
        ({"fanin": [[0, 1]]}, "layer1: 2 tables for 1 gates"),
        ({"fanin": np.zeros((0, 2)), "tables": []}, "layer1: no gates; expected at least one"),
        ({"fanin": [[0] * 7] * 2}, "layer1: wiring of shape [2, 7]; expected [gates, 1..6]"),
        ({"fanin": [[0], [1]]}, "layer1: a table reads slot 1"),
    ],
)
def test_bad_layers_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        layer(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GroupSum("sum", 10, 3), "sum: 10 outputs do not divide into 3 classes"),
        (lambda: GroupSum("sum", 10, 0), "sum: 10 outputs do not divide into 0 classes"),
        (lambda: GroupSum("sum", 10, 5, tau=-1.0), "sum: tau is -1.0"),
        (lambda: GroupSum("sum", 10, 5, beta=float("nan")), "sum: beta is nan"),
        (lambda: Thermometer("t", np.array([[9]]), 3), "t: level out of range 0..8"),
        (lambda: Thermometer("t", np.array([[9]]), 17), "t: feature codes of 17 bits"),
        (lambda: Thermometer("t", np.array([9]), 4), "t: thresholds of shape [1]"),
    ],
)
def test_bad_blocks_are_named(make: object, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        make()  # type: ignore[operator]
    assert str(caught.value).startswith(message)


def test_blocks_that_do_not_fit_are_named() -> None:
    with pytest.raises(ModelError, match="layer1: input has 4 outputs; expected 3"):
        ModelGraph.chain([InputBits("input", 4), layer()], "m")
    with pytest.raises(ModelError, match="argmax: cannot follow layer1"):
        ModelGraph.chain([InputBits("input", 3), layer(), Argmax("argmax", 2)], "m")
    with pytest.raises(ModelError, match="layer1: name used twice"):
        ModelGraph.chain([InputBits("input", 3), layer(), layer()], "m")


def test_an_argmax_needs_classes() -> None:
    model = ModelGraph.chain([InputBits("input", 3), layer()], "m")
    with pytest.raises(UsageError) as caught:
        model.with_output("argmax")
    assert str(caught.value) == (
        "m: output 'argmax' needs the number of classes, which the model file lacks; "
        "expected --classes N (or --output bits)"
    )


def test_the_text_form_shows_every_block() -> None:
    model = random_layers_model(np.random.default_rng(1), 4, [6], 3)
    assert repr(model) == (
        "model random\n"
        "  input: input 4\n"
        "  layer0: lut2 6\n"
        "  groupsum: groupsum 3x2\n"
        "  argmax: argmax 3"
    )

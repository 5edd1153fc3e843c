"""Facts about input bits: guards, passes that use them, and proofs that fail where one is false."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import random_netlist
from helpers_passes import all_roots

import gatec
from gatec import fact_steps
from gatec.assumptions import encoder_care, is_implied, stated_care
from gatec.bits import all_inputs, pack, unpack
from gatec.blocks import Argmax, GroupSum, InputBits, LutLayer, Thermometer
from gatec.care import Care, Fact
from gatec.errors import DifferentError, GatecError, ModelError
from gatec.fact_steps import obeying_vectors, prove_under
from gatec.folder import OutputFolder
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.passes.facts import behind_encoder, exchange, unread
from gatec.passes.runner import run_passes
from gatec.proof.verdict import Verdict
from gatec.tables import expand
from gatec.text import from_text
from gatec.vectors import INPUT_FILE, from_hex

STATED = (
    ("thermometer:4",),
    ("one-hot:4",),
    ("range:4:9",),
    ("thermometer:2@0-3", "one-hot:3@5-7"),
)


def occurs(stated: tuple[str, ...], row: np.ndarray) -> bool:
    """Say from the words alone whether a vector of 8 bits obeys what is stated."""

    def one(kind: str, bits: list[int], most: int) -> bool:
        if kind == "thermometer":
            return bits == sorted(bits, reverse=True)
        if kind == "one-hot":
            return sum(bits) == 1
        return sum(bit << place for place, bit in enumerate(bits)) <= most

    for text in stated:
        what, _, where = text.partition("@")
        kind, width, *most = what.split(":")
        first, last = map(int, (where or "0-7").split("-"))
        for start in range(first, last + 1, int(width)):
            bits = row[start : start + int(width)].tolist()
            if not one(kind, bits, int(most[0]) if most else 0):
                return False
    return True


@pytest.mark.parametrize("stated", STATED)
def test_the_guard_keeps_what_occurs_and_lets_nothing_else_through(stated: tuple[str, ...]) -> None:
    care = stated_care(stated, 8)
    care.guard.verify()
    rows = unpack(all_inputs(8), 256)
    passed = obeying_vectors_of(care, rows)
    legal = np.array([occurs(stated, row) for row in rows])
    assert 0 < legal.sum() < 256
    assert np.array_equal(passed[legal], rows[legal])
    assert all(occurs(stated, row) for row in passed)


def obeying_vectors_of(care: Care, rows: np.ndarray) -> np.ndarray:
    return unpack(care.obeying(pack(rows)), len(rows))


@pytest.mark.parametrize("stated", STATED)
def test_passes_keep_every_root_on_what_occurs(stated: tuple[str, ...]) -> None:
    care = stated_care(stated, 8)
    words = care.obeying(all_inputs(8))
    smaller = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        net = random_netlist(rng, 8, int(rng.integers(1, 40)), 5, 2 + seed % 5)
        for run in (unread, exchange):
            after = run(net, care)
            after.verify()
            assert np.array_equal(all_roots(net, words), all_roots(after, words))
            assert after.num_gates <= net.num_gates
            smaller += after.num_gates < net.num_gates
    assert smaller


def two_bits(table: int) -> Netlist:
    return from_text(f"""netlist pair k=2
input x[3] bits
g0 = lut2:{table:x} x[0] x[1]
g1 = lut2:6 g0 x[2]
output y[1] bits = g1
""")


def test_a_gate_of_two_thermometer_bits_reads_one() -> None:
    net = two_bits(0x8)
    care = stated_care(("thermometer:3",), 3)
    # x[0] and x[1] is x[1], where x[1] needs x[0].
    assert unread(net, care).depth == 1
    assert unread(net, stated_care(("thermometer:1",), 3)) is net
    # x[0] and not x[1] stays.
    assert unread(two_bits(0x2), care).num_gates == 2


def test_a_fact_that_is_false_is_not_proved() -> None:
    net, care = two_bits(0x8), stated_care(("thermometer:3",), 3)
    after = unread(net, care)
    assert prove_under(care, net, after, None, 60).verdict is Verdict.EQUIVALENT
    proof = prove_under(stated_care(("one-hot:3",), 3), net, two_bits(0x6), None, 60)
    assert proof.verdict is Verdict.DIFFERENT
    assert proof.counterexample is not None
    assert proof.counterexample.inputs.sum() == 1, "it obeys the assumption"
    assert prove_under(Care(3), net, after, None, 60).verdict is Verdict.DIFFERENT
    steps = [fact_steps.Pass("facts", "", lambda one: unread(one, care))]
    run_passes(net, steps, prove_each=True, care=care)
    with pytest.raises(DifferentError, match="pass facts"):
        run_passes(net, steps, prove_each=True)


def test_the_encoder_implies_its_thermometers_and_nothing_else() -> None:
    encoder = Thermometer("encoder", np.array([[3, 1, 9], [16, 0, 4]]), 4)
    care = encoder_care(encoder)
    assert care.facts[0].bits.tolist() == [[1, 0, 2], [4, 5, 3]]
    for wrong in ([[0, 1, 2], [4, 5, 3]], [[1, 0], [4, 3]][::-1], [[0, 3]]):
        fact = Fact("thermometer", np.array(wrong, dtype=np.int32))
        assert is_implied(encoder, Care(6, (fact,))) == (wrong == [[4, 3], [1, 0]])
    assert not is_implied(encoder, stated_care(("one-hot:3",), 6))


def encoded_model() -> ModelGraph:
    """Return a net behind an encoder, whose gates read bits of one feature."""
    rng = np.random.default_rng(4)
    levels = np.array([[9, 3, 6, 12], [2, 5, 8, 14]])
    fanin = np.concatenate([rng.integers(0, 4, (6, 3)), rng.integers(4, 8, (6, 3))])
    tables = expand(rng.integers(1, 255, 12, dtype=np.uint64), 3)
    return ModelGraph.chain(
        [
            InputBits("x", 8),
            Thermometer("encoder", levels, 4),
            LutLayer("gates", 8, fanin, tables),
            GroupSum("sums", 12, 2, 1.0, 0.0),
            Argmax("best", 2),
        ],
        "encoded",
    )


def test_a_false_fact_of_the_encoder_ends_in_different(monkeypatch: pytest.MonkeyPatch) -> None:
    model = encoded_model()
    options = {"place_and_route": False, "optimise": 2}
    found = gatec.compile(model, "generic", **options).manifest
    known = found["facts"]["from_encoder"]
    assert known == ["inputs 0 to 7: 2 times a thermometer code of 4 bits"]
    assert found["passes"][0]["name"] == "facts (encoder) (facts)"
    assert found["proof"]["on"] == "all inputs"
    backwards = Fact("thermometer", np.arange(8, dtype=np.int32)[::-1].reshape(2, 4).copy())
    monkeypatch.setattr(fact_steps, "encoder_care", lambda _encoder: Care(8, (backwards,)))
    with pytest.raises(DifferentError, match="is not the model"):
        gatec.compile(model, "generic", **options)


def test_what_reads_past_the_encoder_is_left_alone() -> None:
    net = two_bits(0x8)
    assert behind_encoder(net, np.array([2], dtype=np.int32), Care(1)) is net


def bits_model() -> ModelGraph:
    rng = np.random.default_rng(7)
    fanin = np.stack([rng.permutation(8)[:3] for _ in range(16)])
    tables = expand(rng.integers(1, 255, 16, dtype=np.uint64), 3)
    layers = [LutLayer("gates", 8, fanin, tables), GroupSum("sums", 16, 2, 1.0, 0.0)]
    return ModelGraph.chain([InputBits("x", 8), *layers, Argmax("best", 2)], "stated")


@pytest.mark.parametrize("head", ["tree", "carry"])
def test_what_is_assumed_is_in_manifest_report_vectors_and_proof(tmp_path: Path, head: str) -> None:
    folder = tmp_path / "out"
    result = gatec.compile(
        bits_model(),
        "generic" if head == "tree" else "ice40",
        output_dir=folder,
        assume=["thermometer:4"],
        place_and_route=False,
        proof=head == "tree",
        prove_each=True,
        head=head,
    )
    manifest = result.manifest
    assert manifest["facts"]["assumed"] == ["inputs 0 to 7: 2 times a thermometer code of 4 bits"]
    assert manifest["proof"]["on"] == "inputs that obey what is assumed"
    assert "ASSUMED: inputs 0 to 7" in result.files["report.txt"].decode()
    care = stated_care(("thermometer:4",), 8)
    rows = from_hex(result.files[INPUT_FILE].decode(), 8)
    assert np.array_equal(rows, obeying_vectors_of(care, rows))
    lines = list(gatec.verify_folder(folder))
    assert "ASSUMED: inputs 0 to 7: 2 times a thermometer code of 4 bits" in lines
    # The same circuit is not the model where the assumption is taken away, or another one.
    for other in ([], ["one-hot:8"]):
        manifest["options"]["assume"] = other
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(DifferentError):
            list(gatec.verify_folder(folder))
    for broken in ([3], ["thermometer:5"]):
        manifest["options"]["assume"] = broken
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(ModelError, match="assume|as gatec writes"):
            OutputFolder.load(folder).care(8)


@pytest.mark.parametrize(
    "stated",
    [
        ("thermometer",),
        ("thermometer:0",),
        ("thermometer:3",),
        ("range:4",),
        ("range:4:16",),
        ("one-hot:4:2",),
        ("one-hot:2@4-9",),
        ("one-hot:2@5-4",),
        ("gray:4",),
        ("thermometer:4", "range:2:1@6-7"),
    ],
)
def test_what_cannot_be_stated_is_one_line(stated: tuple[str, ...]) -> None:
    with pytest.raises(GatecError, match="--assume"):
        gatec.compile(bits_model(), "generic", assume=stated, place_and_route=False)


def test_vectors_without_facts_are_the_usual_ones() -> None:
    assert obeying_vectors(Care(5), 5, 9).shape == (9, 5)

"""Cascades of nets with encoders: one for both, one each, one beside a net that has none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import random_layers_model
from helpers_binary import answered
from helpers_trees import as_bits
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec import Classifier
from gatec.bits import pack
from gatec.errors import ModelError, UsageError
from gatec.frontends import ReadOptions, neutral_bytes, read_model, write_neutral
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.proof.arithmetic import check_lowering
from gatec.simulation import simulate

FEATURES, CODES = 5, ReadOptions(features="uint4,scale=1/15")
SAMPLES = np.random.default_rng(2).integers(0, 16, size=(300, FEATURES))
SMALL = np.array([[0.1, 0.5], [0.3, 0.3], [0.2, 0.9], [-1.0, 0.4], [0.6, 2.0]], dtype=np.float32)
LARGE = np.array([[0.7, 0.1, 0.5]] * FEATURES, dtype=np.float32)


Keys = dict[str, dict[str, Any]]


class Part:
    """A net of random gates behind float thresholds, or behind the codes' bits."""

    def __init__(self, seed: int, thresholds: np.ndarray | None) -> None:
        self.thresholds = thresholds
        inputs = 4 * FEATURES if thresholds is None else thresholds.size
        self.net = random_layers_model(np.random.default_rng(seed), inputs, [24, 24], 3)

    def write(self, path: Path, *, encoder: bool = True) -> None:
        write_neutral(self.net, path)
        if encoder and self.thresholds is not None:
            with np.load(path) as stored:
                np.savez(path, **stored, thresholds=self.thresholds)

    def counts(self, codes: np.ndarray) -> np.ndarray:
        bits = as_bits(codes, 4)
        if self.thresholds is not None:
            values = codes.astype(np.float32) / np.float32(15)
            bits = (values[:, :, None] > self.thresholds).reshape(len(codes), -1)
        scores = self.net.evaluate(pack(bits), len(bits)).scores
        assert scores is not None
        return scores.T


def written(folder: Path, small: Part, large: Part, keys: Keys | None = None) -> Path:
    """Write both nets; those that share the other's encoder without their own."""
    described: dict[str, Any] = {"margin": 2}
    for name, part in (("small", small), ("large", large)):
        described[name] = {"file": f"{name}.npz", **(keys or {}).get(name, {})}
        part.write(folder / f"{name}.npz", encoder="encoder" not in described[name])
    (folder / "net.json").write_text(json.dumps({"cascade": described}))
    return folder / "net.json"


def judged(small: Part, large: Part, codes: np.ndarray = SAMPLES) -> np.ndarray:
    found, sure = answered(small.counts(codes), large.counts(codes).argmax(1), 2)
    assert 0 < sure.sum() < len(sure)
    return found


def levels(model: ModelGraph) -> list[list[int]]:
    assert model.encoder is not None
    return model.encoder.levels.tolist()


SHARED = {"small": {"encoder": "shared"}}
CASES = {
    "the same encoder": (Part(0, LARGE), Part(1, LARGE), {}),
    "one each": (Part(0, SMALL), Part(1, LARGE), {}),
    "one, of both": (Part(0, LARGE), Part(1, LARGE), SHARED),
    "one, and the codes": (Part(0, SMALL), Part(1, None), {}),
    "the codes, and one": (Part(0, None), Part(1, LARGE), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_answers_are_the_nets_own(tmp_path: Path, case: str) -> None:
    small, large, keys = CASES[case]
    model = read_model(written(tmp_path, small, large, keys), CODES)
    bits = as_bits(SAMPLES, 4)
    assert np.array_equal(model.predict(bits), judged(small, large))
    whole = model.with_output("argmax")
    assert len(check_lowering(whole, lower(whole))) == len(whole.blocks) - 1
    (tmp_path / "again.npz").write_bytes(neutral_bytes(model))
    again = read_model(tmp_path / "again.npz")
    assert neutral_bytes(again) == neutral_bytes(model)
    assert np.array_equal(again.predict(bits), model.predict(bits))


def test_comparators_are_shared(tmp_path: Path) -> None:
    """0.1, 0.5 and 0.7 begin at codes 2, 8 and 11; where few are left, code 16 is never reached."""
    small, large, _ = CASES["one each"]
    model = read_model(written(tmp_path, small, large), CODES)
    assert levels(model) == [
        [2, 8, 11, 16, 16], [2, 5, 8, 11, 16], [2, 4, 8, 11, 14],
        [0, 2, 7, 8, 11], [2, 8, 10, 11, 16],
    ]  # fmt: skip
    same = read_model(written(tmp_path, Part(0, LARGE), large), CODES)
    assert levels(same) == [[11, 2, 8]] * FEATURES
    assert "encoder" not in "".join(block.name for block in same.blocks[2:])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_any_two_encoders(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [rng.random((FEATURES, rng.integers(1, 5)), dtype=np.float32) for _ in range(2)]
    small, large = (Part(seed + i, thresholds) for i, thresholds in enumerate(rows))
    path = written(tmp_path_factory.mktemp("nets"), small, large)
    expected, _ = answered(small.counts(SAMPLES), large.counts(SAMPLES).argmax(1), 2)
    assert np.array_equal(read_model(path, CODES).predict(as_bits(SAMPLES, 4)), expected)


def test_raw_data_through_model_verilog_and_classifier(tmp_path: Path) -> None:
    small, large, keys = CASES["one, and the codes"]
    path, expected = written(tmp_path, small, large, keys), judged(small, large)
    np.savetxt(tmp_path / "data.csv", SAMPLES, fmt="%d", delimiter=",")
    found = simulate(path, data=tmp_path / "data.csv", reading=CODES, rtl=True)
    assert np.array_equal(found.outputs, expected)
    assert found.rtl is not None
    assert np.array_equal(Classifier(path, reading=CODES).predict(SAMPLES), expected)


def test_features_stand_beside_a_file_or_hold_for_all(tmp_path: Path) -> None:
    """The small net was trained on codes, the large one on fractions of 15."""
    coarse = Part(0, SMALL * np.float32(15))
    both = {"small": {"features": "uint4"}, "large": {"features": "uint4,scale=1/15"}}
    one = {"small": both["small"]}
    for keys, options in ((both, ReadOptions()), (one, CODES)):
        model = read_model(written(tmp_path, coarse, Part(1, LARGE), keys), options)
        # The thresholds differ by what rounds: none is close to a code.
        expected = judged(Part(0, SMALL), Part(1, LARGE))
        assert np.array_equal(model.predict(as_bits(SAMPLES, 4)), expected)
        assert model.notes["features"] == "small uint4; large uint4,scale=1/15"
    outside = read_model(
        written(tmp_path, Part(0, LARGE), Part(1, LARGE)), ReadOptions(features="bits")
    )
    assert outside.num_inputs == LARGE.size
    assert outside.encoder is None


@pytest.mark.parametrize(
    ("parts", "keys", "options", "message"),
    [
        ((SMALL, LARGE), {}, ReadOptions(), "net.json: small: small.npz: the model's thresholds"),
        ((SMALL, LARGE), {}, ReadOptions(features="bits"), "small: 10 inputs; large: 15 inputs"),
        (
            (SMALL, LARGE[:3]), {}, CODES,
            "small: 5 features of 4 bits; large: 3 features of 4 bits; expected the same",
        ),
        (
            (SMALL, LARGE), {key: {"features": "uint4"} for key in ("large", "small")}, CODES,
            "--features was given, but the file has it beside both nets",
        ),
        (
            (SMALL, LARGE), {"large": {"features": "uint5"}, "small": {"features": "uint4"}},
            ReadOptions(), "small: 5 features of 4 bits; large: 5 features of 5 bits",
        ),
        (
            (LARGE, None), SHARED, CODES,
            "small: encoder: there is none to share; expected a net without one beside a net with",
        ),
        ((LARGE, SMALL), SHARED, CODES, "small: encoder: reads 15 bits; expected the 10 of lar"),
        ((None, None), {}, CODES, "--features uint4,scale=1/15 was given, but the model has no"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(
    tmp_path: Path, parts: Any, keys: Any, options: ReadOptions, message: str
) -> None:
    path = written(tmp_path, *(Part(i, part) for i, part in enumerate(parts)), keys)
    with pytest.raises((ModelError, UsageError)) as caught:
        read_model(path, options)
    assert message in str(caught.value)


def test_an_encoder_beside_a_shared_one(tmp_path: Path) -> None:
    path = written(tmp_path, Part(0, LARGE), Part(1, LARGE), SHARED)
    Part(0, LARGE).write(tmp_path / "small.npz")
    with pytest.raises(ModelError, match="small: encoder: has one itself"):
        read_model(path, CODES)
    Part(0, None).write(tmp_path / "small.npz")
    with pytest.raises(ModelError, match="small: encoder: reads 20 bits; expected the 15"):
        read_model(path, CODES)
    (tmp_path / "net.json").write_text(path.read_text().replace('"encoder": "shared"', '"tau": 1'))
    with pytest.raises(ModelError, match="small: tau is 1"):
        read_model(path, CODES)

"""`assert_matches` and the pytest plugin, as users' CI meets them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from helpers import random_layers_model
from helpers_frontends import torchlogix_net

import gatec
from gatec.blocks import LutLayer
from gatec.cli import run
from gatec.demo import path as demo_path
from gatec.model import ModelGraph
from gatec.sim.data import load_data
from gatec.testing import Match, assert_matches

DEMO, DATA = demo_path("digits"), demo_path("digits-test")
TEST = load_data(DATA, num_inputs=128)
MODEL = random_layers_model(np.random.default_rng(4), 20, [60, 60], 3)
BITS = np.random.default_rng(5).integers(0, 2, (700, 20), dtype=np.uint8)


def flipped(model: ModelGraph) -> ModelGraph:
    """Return the model with its first six gates inverted."""
    blocks = model.blocks
    layer = blocks[1]
    assert isinstance(layer, LutLayer)
    tables = layer.tables.copy()
    tables[:6] ^= np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    blocks[1] = LutLayer(layer.name, layer.in_width, layer.fanin, tables)
    return ModelGraph.chain(blocks, "other")


def test_labels_and_accuracy() -> None:
    assert assert_matches(DEMO, DATA, min_accuracy=0.95) == Match(450, pytest.approx(431 / 450))
    with pytest.raises(
        AssertionError, match=r"predicts 431 of 450 labels: accuracy 0\.9578; expected 0\.96 or"
    ):
        assert_matches(DEMO, DATA, min_accuracy=0.96)


def test_the_first_difference_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatec.sim.data._MAX_CHUNK_ROWS", 64)
    other = flipped(MODEL)
    assert assert_matches(MODEL, BITS, like=MODEL) == Match(700, None)
    for kind in ("argmax", "scores", "bits"):
        with pytest.raises(AssertionError) as caught:
            assert_matches(MODEL, BITS, like=other, output=kind)
        message = str(caught.value)
        count, total, first = map(int, re.findall(r"in (\d+) of (\d+) .*sample (\d+)", message)[0])
        ends = MODEL.with_output(kind), other.with_output(kind)  # type: ignore[arg-type]
        differs = (ends[0].output_bits(BITS) != ends[1].output_bits(BITS)).any(axis=1)
        assert (count, total, first) == (differs.sum(), 700, differs.argmax())
        number = int("".join(map(str, BITS[first][::-1])), 2)
        assert f"input 0x{number:05x}" in message


def test_a_folder_is_compared_with_its_verilog(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert run(["compile", str(DEMO), "-q", "--no-pnr", "-o", str(folder)]) == 0
    assert assert_matches(folder, DATA, like=DEMO).accuracy == pytest.approx(431 / 450)
    with pytest.raises(gatec.GatecError, match="was changed: sha256"):
        (folder / "digits.v").write_text((folder / "digits.v").read_text() + "\n")
        assert_matches(folder, DATA)


def test_another_circuit_in_the_folder_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    gatec.compile(MODEL, "generic", output_dir=folder, output="scores")
    assert_matches(folder, BITS, output="scores")
    monkeypatch.setattr("gatec.folder.OutputFolder.model", lambda _folder: flipped(MODEL))
    with pytest.raises(AssertionError, match="differs from its own Verilog in"):
        assert_matches(folder, BITS, output="scores")


def test_a_live_module_is_compared_with_what_gatec_reads() -> None:
    net = torchlogix_net(5, rank=4, parametrization="warp")
    samples = np.random.default_rng(1).integers(0, 2, size=(200, 12))
    net.train()
    assert assert_matches(net, samples, output="scores").samples == 200
    assert net.training
    assert_matches(net, samples)
    whole = net.forward
    net.forward = lambda x: whole(1 - x)
    with pytest.raises(AssertionError, match="differs from the module in torch in"):
        assert_matches(net, samples)


def test_recorded_predictions(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npy"
    assert run(["sim", str(DEMO), "--data", str(DATA), "--predictions", str(path)]) == 0
    assert_matches(DEMO, DATA, predictions=path)
    classes = np.load(path)
    assert_matches(DEMO, (TEST.bits, TEST.labels), predictions=classes)
    classes[400] += 1
    with pytest.raises(AssertionError, match=r"in 1 of 450 samples; first at sample 400 \(label"):
        assert_matches(DEMO, DATA, predictions=classes)
    for wrong, message in ((classes[:-1], "fewer"), (np.append(classes, 1), "more")):
        with pytest.raises(gatec.GatecError, match=f"predictions: {message} predictions than"):
            assert_matches(DEMO, DATA, predictions=wrong)
    with pytest.raises(gatec.GatecError, match="1 values a prediction; expected the model's 10"):
        assert_matches(DEMO, DATA, predictions=path, output="scores")


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (BITS, {}, "random: nothing to compare with; expected like, predictions or min_accuracy"),
        (BITS[:0], {"like": MODEL}, "random: no samples; expected one at least"),
        (BITS, {"min_accuracy": 0.5}, "random: min_accuracy without labels or classes"),
        (BITS, {"min_accuracy": 90}, r"min_accuracy 90; expected 0 to 1"),
        (BITS, {"like": DEMO}, "digits: 128 input bits; expected 20"),
        (BITS, {"label_column": "y", "like": MODEL}, "labels beside an array"),
    ],
)
def test_questions_without_sense(data: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(gatec.GatecError, match=message):
        assert_matches(MODEL, data, **options)


INSIDE = f"""
import sys

def test_nothing_was_imported():
    assert not {{"numpy", "amaranth", "networkx", "gatec.testing"}} & set(sys.modules)

def test_good(gatec_matches):
    assert gatec_matches("{DEMO}", "{DATA}", min_accuracy=0.95).samples == 450

def test_bad(gatec_matches):
    gatec_matches("{DEMO}", "{DATA}", min_accuracy=0.99)
"""


def test_the_plugin_in_a_users_project(tmp_path: Path) -> None:
    (tmp_path / "test_net.py").write_text(INSIDE)
    # By name, and not also by its entry point, which an older editable install does not have.
    plugin = ["-p", "no:gatec", "-p", "gatec.pytest_plugin", "-p", "no:hypothesispytest"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *plugin]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "predicts 431 of 450 labels: accuracy 0.9578; expected 0.99 or more" in done.stdout
    # The user's line is shown, not the inside of gatec.
    assert "compiler/testing.py" not in done.stdout


def test_the_plugin_is_announced() -> None:
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    points = tomllib.loads(text)["project"]["entry-points"]["pytest11"]
    assert points == {"gatec": "gatec.pytest_plugin"}

"""The shipped digits net: how good it is, and that its script still makes such nets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gatec import demo
from gatec.errors import UsageError
from gatec.frontends import read_model
from gatec.model import ModelGraph
from gatec.sim.data import DataSet, load_data


def images(model: ModelGraph, path: Path) -> DataSet:
    """Return the test images for a digits net."""
    return load_data(path, num_inputs=model.num_inputs, classes=10)


def accuracy(model: ModelGraph, data: DataSet) -> float:
    """Return the share of right answers."""
    assert data.labels is not None
    return float((model.predict(data.bits) == data.labels).mean())


def test_the_shipped_net_knows_its_digits() -> None:
    model = read_model(demo.path("digits.pt"))
    data = images(model, demo.path("digits-test"))
    assert data.bits.shape == (450, 128)
    assert accuracy(model, data) == pytest.approx(431 / 450)


def test_the_shipped_files_are_small() -> None:
    sizes = [demo.path(name).stat().st_size for name in demo.FILES]
    assert 0 < sum(sizes) < 200_000


def test_an_unknown_demo_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no demo file 'mnist'; expected digits or digits-test"):
        demo.path("mnist")


def test_a_few_steps_of_training_beat_chance(tmp_path: Path) -> None:
    out = tmp_path / "net.pt"
    command = [sys.executable, "-m", "gatec.demo.train_digits", str(out), "--steps", "60"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    model = read_model(out)
    data = images(model, tmp_path / "net-test.npz")
    shipped = images(model, demo.path("digits-test.npz"))
    assert np.array_equal(data.bits, shipped.bits)
    assert data.labels is not None
    assert shipped.labels is not None
    assert np.array_equal(data.labels, shipped.labels)
    # What the script says about its net is what gatec computes from the file.
    assert f"test accuracy {accuracy(model, data):.2%} of 450 images" in run.stdout
    assert accuracy(model, data) > 0.4

"""Trained nets of others, where the folder of them is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gatec.frontends import ReadOptions, read_model
from gatec.sim.data import load_data


@pytest.mark.parametrize(("threshold", "right"), [(127, 9497), (0, 9384)])
def test_own_mnist_net_reproduces_its_accuracy(shared: Path, threshold: float, right: int) -> None:
    options = ReadOptions(inputs=784, classes=10)
    model = read_model(shared / "models/own/mnist_784_6x8000.npz", options)
    images = shared / "datasets/mnist/t10k-images-idx3-ubyte.gz"
    data = load_data(images, num_inputs=784, threshold=threshold, classes=10)
    assert data.bits.shape == (10_000, 784)
    assert np.count_nonzero(model.predict(data.bits) == data.labels) == right


@pytest.mark.parametrize(("name", "right"), [("TFC_1W1A", 9296), ("TFC_1W2A", 9474)])
def test_tfc_predicts_what_qonnx_predicts(shared: Path, name: str, right: int) -> None:
    """On all 10,000 test images: `tfc_classes.npz` is what QONNX's execution of the file gives."""
    options = ReadOptions(features="uint8,scale=1/255")
    model = read_model(shared / f"models/qonnx/{name}.onnx", options)
    images = shared / "datasets/mnist/t10k-images-idx3-ubyte.gz"
    data = load_data(images, num_inputs=6272, code_bits=8, classes=10)
    found = model.predict(data.bits)
    with np.load(Path(__file__).parent / "data/tfc_classes.npz") as stored:
        assert np.array_equal(found, stored[name])
    assert np.count_nonzero(found == data.labels) == right

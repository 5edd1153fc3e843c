"""Binary networks of larq: latent weights, Keras' order of channels, batch norms as thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_larq import network, norm, quant, run, write

from gatec.errors import ModelError
from gatec.frontends import ReadOptions, inspect_model, read_model
from gatec.frontends.larq import EXPORTER
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering

BITS = ReadOptions(features="bits")


def images(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return random images of +1 and -1, channels last, and the bits of them, channels first."""
    x = np.random.default_rng(5).choice([-1, 1], size=(count, 6, 6, 2))
    return x, (np.moveaxis(x, -1, 1).reshape(count, -1) > 0).astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
def test_predictions_are_those_of_the_definition(tmp_path: Path, seed: int) -> None:
    layers = network(seed)
    model = read_model(write(tmp_path / "net.npz", layers), BITS)
    x, bits = images()
    assert np.array_equal(model.predict(bits), run(layers, x).argmax(1))
    whole = model.with_output("argmax")
    assert len(check_lowering(whole, lower(whole))) == len(whole.blocks) - 1


def test_pixels_times_binary_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    layers = [
        quant("QuantDense", (7, 9), rng, input_quantizer=None), norm(rng, 9),
        quant("QuantDense", (9, 4), rng),
    ]  # fmt: skip
    path = write(tmp_path / "net.npz", layers, (7,))
    model = read_model(path, ReadOptions(features="uint5,scale=1/31"))
    codes = rng.integers(0, 32, size=(300, 7))
    x = codes.astype(np.float32) / np.float32(31)
    kernels = [np.where(layers[i][2]["kernel"] >= 0, 1, -1) for i in (0, 2)]
    arrays = layers[1][2]
    scale = 1 / np.sqrt(arrays["moving_variance"] + np.float32(0.001))
    hidden = (x @ kernels[0] - arrays["moving_mean"]) * scale + arrays["beta"]
    scores = np.where(hidden >= 0, 1, -1) @ kernels[1]
    planes = (codes[:, :, None] >> np.arange(5) & 1).reshape(300, -1).astype(np.uint8)
    assert np.array_equal(model.predict(planes), scores.argmax(1))


@pytest.mark.parametrize(
    ("number", "config", "message"),
    [
        (0, {"kernel_quantizer": None}, "kernel quantiser none; expected stesign"),
        (0, {"kernel_quantizer": "dorefa_quantizer"}, "kernel quantiser dorefaquantizer"),
        (0, {"input_quantizer": "ste_heaviside"}, "input quantiser steheaviside"),
        (0, {"pad_values": 1.0}, "padding on one side, or with other than 0"),
        (0, {"data_format": "channels_first"}, "data_format is 'channels_first'"),
        (0, {"activation": "relu"}, "activation 'relu'"),
        (1, {"padding": "same"}, "padding 'same'; expected valid"),
        (2, {"epsilon": "x"}, "epsilon is 'x'"),
    ],
)
def test_refusals(tmp_path: Path, number: int, config: dict[str, Any], message: str) -> None:
    layers = network()
    layers[number][1].update(config)
    with pytest.raises(ModelError, match=message):
        read_model(write(tmp_path / "net.npz", layers), BITS)


def test_weights_that_are_missing_or_too_many(tmp_path: Path) -> None:
    layers = network()
    kernel = layers[0][2].pop("kernel")
    with pytest.raises(ModelError, match=r"layer 1: layer_0 \(QuantConv2D\): kernel is missing"):
        read_model(write(tmp_path / "net.npz", layers), BITS)
    layers[0][2].update(kernel=kernel, scale=kernel)
    with pytest.raises(ModelError, match="unknown weights scale"):
        read_model(write(tmp_path / "net.npz", layers), BITS)


def test_inspect_explains(tmp_path: Path) -> None:
    text = str(inspect_model(write(tmp_path / "net.npz", network())))
    assert "larq (npz)" in text
    assert "channel by channel" in text
    assert "missing: the model quantises its input itself" in text
    compile(EXPORTER, "exporter", "exec")

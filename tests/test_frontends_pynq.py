"""Binary networks of BNN-PYNQ: packed weights and popcount thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers_binary import random_pynq, run_pynq

from gatec.errors import ModelError
from gatec.frontends import ReadOptions, inspect_model, read_model
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering
from gatec.sim.data import load_data


def written(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)
    return path


def some_bits(width: int, count: int = 300) -> np.ndarray:
    return np.random.default_rng(width).integers(0, 2, size=(count, width), dtype=np.uint8)


def test_bits_and_classes_are_those_of_the_definition(tmp_path: Path) -> None:
    arrays = random_pynq((21, 12, 9, 5), 0)
    path, bits = written(tmp_path / "net.npz", arrays), some_bits(21)
    model = read_model(path)
    expected = run_pynq(arrays, bits)
    assert np.array_equal(model.with_output("bits").output_bits(bits), expected)
    assert np.array_equal(model.predict(bits), expected.argmax(1))
    facts = check_lowering(model, lower(model))
    assert any("layer1: " in fact and "9 neurons" in fact for fact in facts)


def test_the_largest_threshold_of_a_type_is_never_exceeded(tmp_path: Path) -> None:
    bits = some_bits(3)
    arrays = {
        "L0_weight_bits": np.array([[7], [7]], np.uint8),
        "L0_shape": np.array([2, 3]),
        "L0_threshold": np.array([2**64 - 1, 1], np.uint64),
    }
    model = read_model(written(tmp_path / "net.npz", arrays), ReadOptions(inputs=3, classes=2))
    assert np.array_equal(model.predict(bits), bits.sum(axis=1) > 1)


def test_without_thresholds_at_the_end_counts_are_scores(tmp_path: Path) -> None:
    arrays = random_pynq((13, 8, 6), 1, thresholds_at_the_end=False)
    path, bits = written(tmp_path / "net.npz", arrays), some_bits(13)
    with pytest.raises(ModelError, match=r"6 neurons, of which some may be padding.*--classes N"):
        read_model(path)
    model = read_model(path, ReadOptions(classes=4))
    counts = run_pynq(arrays, bits)[:, :4]
    assert np.array_equal(model.predict(bits), counts.argmax(1))
    scores = model.with_output("scores")
    check_lowering(scores, lower(scores))


def padded_net() -> dict[str, np.ndarray]:
    """Return a net of 19 inputs and 3 classes, padded to 24 inputs and 8 neurons."""
    arrays = random_pynq((24, 8, 8), 2)
    weights = np.unpackbits(arrays["L0_weight_bits"], axis=1, bitorder="little")
    weights[:, 19:] = 1
    arrays["L0_weight_bits"] = np.packbits(weights, axis=1, bitorder="little")
    arrays["L1_threshold"][3:] = 32767
    return arrays


def test_padding_is_asked_for_and_then_left_out(tmp_path: Path) -> None:
    arrays = padded_net()
    path, bits = written(tmp_path / "net.npz", arrays), some_bits(19)
    with pytest.raises(ModelError, match="last 5 of 24 inputs.*expected --inputs 19"):
        read_model(path)
    narrow, wide = (read_model(path, ReadOptions(inputs=n)) for n in (19, 24))
    expected = run_pynq(arrays, bits)[:, :3]
    assert narrow.with_output("bits").blocks[-1].out_width == 3
    assert np.array_equal(narrow.with_output("bits").output_bits(bits), expected)
    assert np.array_equal(wide.predict(np.pad(bits, ((0, 0), (0, 5)))), expected.argmax(1))
    assert read_model(path, ReadOptions(inputs=19, classes=5)).head.classes == 5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ReadOptions(inputs=18), "--inputs 18 was given, but layer 0 reads 24"),
        (ReadOptions(inputs=25), "--inputs 25 was given"),
        (ReadOptions(inputs=19, classes=2), "--classes 2 was given, but the last layer has from 3"),
        (ReadOptions(inputs=19, classes=9), "--classes 9 was given"),
    ],
)
def test_widths_that_cannot_be_are_refused(
    tmp_path: Path, options: ReadOptions, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        read_model(written(tmp_path / "net.npz", padded_net()), options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"L1_shape": None}, "L1_shape: missing in the file"),
        ({"L0_threshold": None}, "L0_threshold: missing in the file"),
        ({"L0_scale": np.ones(3)}, "L0_scale: unknown tensor"),
        ({"L1_weight_bits": np.zeros((8, 2), np.uint8)}, "L1: weight_bits"),
        ({"L0_threshold": np.zeros(8)}, "L0: threshold float64"),
        ({"L1_shape": np.array([8, 0])}, "L1: shape int64"),
        (
            {"L1_shape": np.array([8, 12]), "L1_weight_bits": np.zeros((8, 2), np.uint8)},
            "L1: reads 12 inputs, but layer 0 has 8 neurons; expected dense layers",
        ),
    ],
)
def test_damage_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    arrays = {key: value for key, value in (padded_net() | changes).items() if value is not None}
    with pytest.raises(ModelError) as caught:
        read_model(written(tmp_path / "net.npz", arrays), ReadOptions(inputs=19))  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_inspect_explains(tmp_path: Path) -> None:
    text = str(inspect_model(written(tmp_path / "net.npz", padded_net())))
    assert "bnn-pynq (npz)" in text
    assert "threshold 8x24 of +-1" in text
    assert "missing: the last 5 of 24 inputs" in text
    assert "the first output bit that is set" in text


def test_lfc_predicts_what_its_file_says(shared: Path) -> None:
    """LFC-W1A1 on all 10,000 test images, every output bit."""
    path = shared / "models/bnn-pynq/mnist_lfcW1A1.npz"
    images = shared / "datasets/mnist/t10k-images-idx3-ubyte.gz"
    data = load_data(images, num_inputs=784, threshold=127, classes=10)
    with np.load(path) as stored:
        expected = run_pynq(dict(stored), data.bits)
    assert not expected[:, 10:].any()
    model = read_model(path, ReadOptions(inputs=784))
    found = model.with_output("bits").output_bits(data.bits)
    assert np.array_equal(found, expected[:, :10])
    assert np.count_nonzero(found.argmax(1) == data.labels) == 9832


def test_convolutions_are_refused(shared: Path) -> None:
    with pytest.raises(ModelError, match="L1: reads 576 inputs.*expected dense layers"):
        read_model(shared / "models/bnn-pynq/cifar10_cnvW1A1.npz")

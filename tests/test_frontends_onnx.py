"""Quantised nets in ONNX: files that Brevitas wrote, judged by QONNX's own execution of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers_onnx import model, node, outside, tensor, write

from gatec import compile as compile_net
from gatec.bits import from_integers, pack
from gatec.errors import GatecError, ModelError
from gatec.frontends import ReadOptions, inspect_model, read_model
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.proof.arithmetic import check_lowering
from gatec.verify import verify_folder

DATA = Path(__file__).parent / "data"
NETS = ("dense_1w1a", "dense_1w2a", "conv_1w1a")
PIXELS = ReadOptions(features="uint8,scale=1/255")
BITS = ReadOptions(features="bits")


def images(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the stored images, and QONNX's class scores of them."""
    with np.load(DATA / f"{name}.npz") as stored:
        return stored["x"].reshape(100, 64), stored["scores"]


def scores(net: ModelGraph, bits: np.ndarray) -> np.ndarray:
    found = net.evaluate(pack(bits), len(bits)).scores
    assert found is not None
    return found.T


@pytest.mark.parametrize("name", NETS)
def test_class_scores_are_in_the_order_of_qonnx(name: str) -> None:
    x, expected = images(name)
    net = read_model(DATA / f"{name}.onnx", PIXELS)
    found = scores(net, from_integers(x, 8).reshape(100, -1))
    assert np.array_equal(found.argmax(1), expected.argmax(1))
    # Rounding may part what is equal: float32 sums of the same numbers in another order.
    apart = np.abs(expected[:, :, None] - expected[:, None]) > 1e-4
    order = np.sign(found[:, :, None] - found[:, None])
    assert np.array_equal(order[apart], np.sign(expected[:, :, None] - expected[:, None])[apart])


@pytest.mark.parametrize("name", NETS)
def test_lowering_is_proved_layer_by_layer(name: str) -> None:
    net = read_model(DATA / f"{name}.onnx", BITS).with_output("argmax")
    assert len(check_lowering(net, lower(net))) == len(net.blocks) - 1


@pytest.mark.parametrize("name", ["dense_1w1a", "dense_1w2a"])
def test_bits_and_pixels_are_the_same_net(name: str) -> None:
    x, _ = images(name)
    inside, outside_ = (read_model(DATA / f"{name}.onnx", options) for options in (PIXELS, BITS))
    assert inside.encoder is not None
    bits = x[:, :, None] >= inside.encoder.levels
    encoded = scores(outside_, bits.reshape(100, -1).astype(np.uint8))
    assert np.array_equal(encoded, scores(inside, from_integers(x, 8).reshape(100, -1)))


def test_compiles_to_proved_ice40_and_verifies_from_its_folder(tmp_path: Path) -> None:
    result = compile_net(
        DATA / "dense_1w1a.onnx",
        reading=BITS,
        output_dir=tmp_path / "out",
        optimise=1,
        place_and_route=False,
    )
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    assert "through the cut at layer0, layer1, scores" in result.manifest["proof"]["method"]
    facts = list(verify_folder(tmp_path / "out", DATA / "dense_1w1a.onnx", BITS))
    assert any("24 neurons" in fact for fact in facts)


def test_inspect_says_what_is_there_and_what_is_missing() -> None:
    text = str(inspect_model(DATA / "conv_1w1a.onnx"))
    assert "threshold 6x9 of +-1 at 64 positions" in text
    assert "scores 10x48" in text
    assert "missing: the model quantises its input itself" in text


def bipolar_net(**changes: bytes) -> list[bytes]:
    """Return the nodes of a net of one layer; keywords replace them."""
    nodes = {
        "quant": node("BipolarQuant", "x one", "b", "qonnx.custom_op.general"),
        "dense": node("MatMul", "b w", "s"),
        "end": node("Add", "s one", "y"),
    }
    return list((nodes | changes).values())


CONSTANTS = {
    "one": np.array(1.0, dtype=np.float32),
    "w": np.array([[1, -1], [1, 1], [-1, 1], [1, 1]], dtype=np.float32),
    "third": np.array([0.3, 0.7, 0.1, 0.9], dtype=np.float32),
}


def test_smallest_net_counts_agreements(tmp_path: Path) -> None:
    net = read_model(write(tmp_path / "m.onnx", bipolar_net(), CONSTANTS), BITS)
    bits = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [0, 0, 0, 0]])
    signs = (2 * bits - 1) @ CONSTANTS["w"]
    assert np.array_equal(scores(net, bits) * 2 - 4, signs)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (bipolar_net(dense=node("Einsum", "b w", "s")), "node 1 (Einsum): operator Einsum"),
        (bipolar_net(quant=node("Relu", "x", "b")), "reads the input, which no operator quantises"),
        (bipolar_net(dense=node("MatMul", "b third", "s")), "MatMul"),
        (bipolar_net(end=node("Add", "s s", "y")), "joins two tensors that depend on the input"),
        (bipolar_net(dense=node("MatMul", "b nothing", "s")), "reads nothing, which nothing"),
        (bipolar_net(end=node("Add", "s one", "z")), "y: does not depend on the input"),
        (bipolar_net(end=node("MatMul", "s w", "y")), "on a tensor [2]"),
    ],
)
def test_what_is_no_quantised_net_is_refused(
    tmp_path: Path, nodes: list[bytes], message: str
) -> None:
    path = write(tmp_path / "m.onnx", nodes, CONSTANTS)
    with pytest.raises(ModelError) as caught:
        read_model(path, BITS)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_weights_that_nothing_quantised_are_refused(tmp_path: Path) -> None:
    constants = CONSTANTS | {"w": np.array([[0.31, 1], [1.7, 1], [1, 1], [1, 1]], np.float32)}
    with pytest.raises(ModelError, match="weights that no operator quantises"):
        read_model(write(tmp_path / "m.onnx", bipolar_net(), constants), BITS)


def outside_net(path: Path, location: str, **where: int) -> Path:
    weights = {key: value for key, value in CONSTANTS.items() if key != "w"}
    data = tensor("w", CONSTANTS["w"], outside(location, **where))
    return write(path, bipolar_net(), weights, tensors=[data])


def test_data_in_a_file_beside_the_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.data").write_bytes(b"1234" + CONSTANTS["w"].tobytes())
    net = read_model(outside_net(tmp_path / "m.onnx", "m.data", offset=4, length=32), BITS)
    same = read_model(write(tmp_path / "n.onnx", bipolar_net(), CONSTANTS), BITS)
    assert net.notes.keys() - same.notes.keys() == {"weights in m.data"}
    bits = np.eye(4, dtype=np.uint8)
    assert np.array_equal(scores(net, bits), scores(same, bits))


@pytest.mark.parametrize(
    "location", ["../secret", "absent.data", "link.data", "/etc/passwd", ".", "", "a/b"]
)
def test_data_anywhere_else_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(CONSTANTS["w"].tobytes())
    (folder / "link.data").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="keeps its data in"):
        read_model(outside_net(folder / "m.onnx", location), BITS)


def test_data_that_ends_early_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.data").write_bytes(CONSTANTS["w"].tobytes())
    with pytest.raises(ModelError, match="reads 32 bytes from 8 on"):
        read_model(outside_net(tmp_path / "m.onnx", "m.data", offset=8, length=32), BITS)


def ends_well(path: Path, data: bytes) -> bool:
    """Return whether damaged bytes are still a model; anything but one clear line fails."""
    path.write_bytes(data)
    try:
        read_model(path, BITS)
    except GatecError as error:
        text = str(error)
        assert text.isprintable()
        assert path.name in text
        assert len(text) < 700
        return False
    return True


def test_truncated_at_every_byte(tmp_path: Path) -> None:
    data = model(bipolar_net(), CONSTANTS)
    whole = [size for size in range(len(data)) if ends_well(tmp_path / "m.onnx", data[:size])]
    # Without its last field, the output's name, there is no result to read.
    assert whole == []


def test_random_damage(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = np.frombuffer(model(bipolar_net(), CONSTANTS), dtype=np.uint8)
    for _ in range(800):
        damaged = data.copy()
        for position in rng.integers(0, len(data), size=rng.integers(1, 4)):
            damaged[position] = rng.integers(0, 256)
        ends_well(tmp_path / "m.onnx", damaged.tobytes())

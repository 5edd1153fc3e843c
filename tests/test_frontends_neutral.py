"""The neutral form: round trips, the exporters that users paste, and what is wrong with a file."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import random_layers_model
from helpers_frontends import (
    FixedBinarization,
    check_same,
    difflogic_net,
    same_layers,
    torchlogix_net,
)
from safetensors.numpy import save_file

from gatec.bits import pack
from gatec.blocks import Argmax, Block, GroupSum, InputBits, LutLayer, Thermometer
from gatec.errors import ModelError, UsageError
from gatec.frontends import ReadOptions, neutral_bytes, read_model, write_neutral
from gatec.frontends.neutral import EXPORTERS
from gatec.model import ModelGraph
from gatec.tables import AND2


@pytest.mark.parametrize("fanin", range(1, 7))
def test_round_trip(tmp_path: Path, fanin: int) -> None:
    model = random_layers_model(np.random.default_rng(fanin), 9, [14, 12], 4, fanin)
    write_neutral(model, tmp_path / "model.npz")
    again = read_model(tmp_path / "model.npz")
    same_layers(again, model)
    assert again.num_inputs == 9
    assert again.head is not None
    assert again.head.classes == 4
    assert neutral_bytes(again) == neutral_bytes(model) == (tmp_path / "model.npz").read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_round_trip_with_encoder_tau_and_beta(tmp_path: Path) -> None:
    blocks: list[Block] = [
        InputBits("input", 6),
        Thermometer("encoder", np.array([[1, 5], [0, 8]]), 3),
        LutLayer("layer0", 4, np.array([[0, 3], [1, 2]]), np.array([AND2, 0], dtype=np.uint64)),
        GroupSum("groupsum", 2, 2, tau=1.5, beta=-2.0),
        Argmax("argmax", 2),
    ]
    model = ModelGraph.chain(blocks, "encoded")
    write_neutral(model, tmp_path / "encoded.npz")
    again = read_model(tmp_path / "encoded.npz").with_output("argmax")
    assert repr(again) == repr(model)
    words = pack(np.random.default_rng(0).integers(0, 2, size=(64, 6)))
    np.testing.assert_array_equal(
        again.evaluate_outputs(words, 64), model.evaluate_outputs(words, 64)
    )
    outside = read_model(tmp_path / "encoded.npz", ReadOptions(features="bits"))
    assert outside.num_inputs == 4


def forms(tmp_path: Path, values: dict[str, Any]) -> list[Path]:
    """Write the same keys in every container."""
    arrays = {key: np.asarray(value) for key, value in values.items()}
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    save_file(arrays, tmp_path / "c.safetensors")
    torch.save({key: torch.from_numpy(value) for key, value in arrays.items()}, tmp_path / "d.pt")
    return [tmp_path / name for name in ("a.npz", "b.npz", "c.safetensors", "d.pt")]


AND_XOR = {
    "inputs": 3,
    "classes": 2,
    "layers.0.fanin": [[0, 1], [2, 0]],
    "layers.0.tables": np.array([[0, 0, 0, 1], [0, 0, 1, 0]], dtype=np.uint8),
}


def test_first_input_is_the_most_significant(tmp_path: Path) -> None:
    samples = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]])
    expected = [[0, 0], [1, 0], [0, 1], [0, 0]]  # x0 & x1, and x2 & ~x0
    by_number = {k: v for k, v in AND_XOR.items() if k != "layers.0.tables"}
    by_number["layers.0.gates"] = [1, 2]
    for values in (AND_XOR, by_number):
        for path in forms(tmp_path, values):
            model = read_model(path)
            scores = model.evaluate(pack(samples), 4).scores
            assert scores is not None
            assert scores.T.tolist() == expected


def test_thresholds_are_strict_and_feature_major(tmp_path: Path) -> None:
    values = {
        "thresholds": np.array([[0.5, 1.5], [0.0, 3.0]], dtype=np.float32),
        "layers.0.fanin": [[0], [1], [2], [3]],
        "layers.0.tables": [[0, 1]] * 4,
    }
    for path in forms(tmp_path, values):
        with pytest.raises(ModelError, match="--features"):
            read_model(path)
        model = read_model(path, ReadOptions(features="uint2"))
        assert model.encoder is not None
        assert model.encoder.levels.tolist() == [[1, 2], [1, 4]]
        assert model.num_inputs == 4
        assert read_model(path, ReadOptions(features="bits")).encoder is None


def test_scalars_of_a_pt_file_may_be_python_numbers(tmp_path: Path) -> None:
    tensors = {k: torch.as_tensor(v) for k, v in AND_XOR.items() if k.startswith("layers")}
    torch.save(tensors | {"inputs": 3, "classes": 2, "tau": 2.5}, tmp_path / "m.pt")
    model = read_model(tmp_path / "m.pt")
    assert model.head is not None
    assert model.head.tau == 2.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": None}, r"reads up to 2; expected --inputs N \(at least 3\)"),
        ({"inputs": 2}, r"layer 0: gate 1 reads input 2, but the input has 2 outputs \(0..1\)"),
        ({"inputs": 0}, "inputs: is 0; expected a positive integer"),
        ({"inputs": 2.5}, "inputs: is 2.5"),
        ({"inputs": [3, 3]}, "inputs: is not a number"),
        ({"classes": 3}, "2 outputs do not divide into 3 classes"),
        ({"classes": -1}, "classes: is -1"),
        ({"tau": 0.0}, "tau is 0.0; expected a positive number"),
        ({"tau": np.nan}, "tau: is not a number"),
        ({"layers.0.fanin": [[0.0, 1.0], [2.0, 0.0]]}, "wiring of type float64; expected integers"),
        ({"layers.0.fanin": [[0, 1], [2, -1]]}, "gate 1 reads input -1"),
        ({"layers.0.fanin": [0, 1]}, r"fanin of shape \[2\]"),
        ({"layers.0.fanin": [[0] * 7] * 2}, r"fanin of shape \[2, 7\]; expected \[gates, 1..6\]"),
        ({"layers.0.fanin": np.zeros((0, 2), dtype=int),
          "layers.0.tables": np.zeros((0, 4), dtype=int)}, "no gates"),
        ({"layers.0.tables": [[0, 1], [1, 0]]}, r"tables int64\[2, 2\]; expected 0/1 \[2, 4\]"),
        ({"layers.0.tables": [[0, 1, 2, 0]] * 2}, "gate 0: table entry 2 is 2; expected 0 or 1"),
        ({"layers.0.tables": None}, "layers.0: needs either tables or gates"),
        ({"layers.0.gates": [1, 6]}, "layers.0: needs either tables or gates"),
        ({"layers.0.tables": None, "layers.0.gates": [1, 16]}, "gate 1 is number 16"),
        ({"layers.0.tables": None, "layers.0.gates": [1, -1]}, "gate 1 is number -1"),
        ({"layers.0.tables": None, "layers.0.gates": [1]}, r"gates \[1\] with fanin \[2, 2\]"),
        ({"layers.2.fanin": [[0, 1]]}, "layers.2.fanin: unknown tensor"),
        ({"bias": [0.5]}, "bias: unknown tensor"),
        ({"levels": [[1, 2, 9]], "code_bits": 3}, "encoder: level out of range 0..8"),
        ({"levels": [[1, 2, 5 - 2**32]], "code_bits": 3}, "expected levels of codes"),
        ({"layers.0.fanin": None, "layers.0.tables": None, "layers.0.threshold.weights": [[1] * 3],
          "layers.0.threshold.levels": [[[-(2**63)]]]}, "threshold.levels int64"),
        ({"levels": [[1, 2, 3]]}, "feature codes of 0 bits"),
        ({"levels": [[1, 2]], "code_bits": 3}, "the encoder gives 2 bits; expected the 3 bits"),
        ({"thresholds": [1.0, 2.0, 3.0]}, r"thresholds float64\[3\]; expected floats"),
        ({"thresholds": [[1.0, np.nan, 3.0]]}, "feature 0: threshold 1 is nan"),
    ],
)  # fmt: skip
def test_broken_files(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    values = {k: v for k, v in (AND_XOR | changes).items() if v is not None}
    options = ReadOptions(features="uint2" if "thresholds" in changes else None)
    for path in forms(tmp_path, values):
        with pytest.raises(ModelError, match=message) as caught:
            read_model(path, options)
        assert path.name in str(caught.value)


def test_layers_of_different_fanin(tmp_path: Path) -> None:
    values = AND_XOR | {"layers.1.fanin": [[0, 1, 0]] * 2, "layers.1.tables": [[0, 1] * 4] * 2}
    np.savez(tmp_path / "m.npz", **values)
    assert [layer.fanin.shape[1] for layer in read_model(tmp_path / "m.npz").layers] == [2, 3]


def run_exporter(trainer: str, net: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    code = EXPORTERS[trainer]
    assert len(ast.parse(code).body) == 3
    exec(compile(code, trainer, "exec"), {"numpy": np, "torch": torch, "model": net})
    return tmp_path / "model.npz"


def test_exporter_for_difflogic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = difflogic_net(7)
    model = read_model(run_exporter("difflogic", net, tmp_path, monkeypatch))
    check_same(model, net)


@pytest.mark.parametrize("connections", ["fixed", "learnable"])
@pytest.mark.parametrize(("kind", "rank"), [("raw", 2), ("warp", 4), ("light", 6)])
def test_exporter_for_torchlogix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, rank: int, connections: str
) -> None:
    net = torchlogix_net(7, rank=rank, parametrization=kind, connections=connections)
    model = read_model(run_exporter("torchlogix", net, tmp_path, monkeypatch))
    check_same(model, net)


def test_exporter_with_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = torchlogix_net(7, encoder=FixedBinarization(torch.rand(4, 3)))
    path = run_exporter("torchlogix", net, tmp_path, monkeypatch)
    arrays = dict(np.load(path)) | {"thresholds": net[0].get_thresholds().cpu().numpy()}
    np.savez(path, **arrays)
    model = read_model(path, ReadOptions(features="uint8,scale=1/255"))
    assert model.encoder is not None
    assert model.num_inputs == 32


def test_writer_replaces_all_or_nothing(tmp_path: Path) -> None:
    model = random_layers_model(np.random.default_rng(0), 4, [4], 2)
    with pytest.raises(UsageError, match="cannot be written"):
        write_neutral(model, tmp_path / "no" / "model.npz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_neutral(model, tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]

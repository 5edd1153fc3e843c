"""torchlogix: dense layers of every parametrization, connections, encoders."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_frontends import (
    FixedBinarization,
    LearnableBinarization,
    LogicDense,
    check_same,
    same_layers,
    save,
    torchlogix_net,
)
from torch import nn

from gatec.bits import from_integers, pack, unpack
from gatec.errors import ModelError
from gatec.frontends import ReadOptions, from_module, inspect_model, read_model
from gatec.frontends.weights import hadamard

KINDS: list[dict[str, Any]] = [{"parametrization": "raw", "rank": 2}] + [
    {"parametrization": kind, "rank": rank} for kind, rank in product(("warp", "light"), (2, 4, 6))
]


@pytest.mark.parametrize("connections", ["fixed", "learnable"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k['parametrization']}{k['rank']}")
def test_state_dict_whole_and_live_module(
    tmp_path: Path, kind: dict[str, Any], connections: str
) -> None:
    net = torchlogix_net(3, connections=connections, **kind)
    whole = read_model(save(net, tmp_path / "whole.pt"))
    check_same(whole, net)
    assert whole.head is not None
    assert (whole.head.classes, whole.head.tau, whole.head.beta) == (4, 3.0, 1.5)
    same_layers(from_module(net), whole)
    path = save(net.state_dict(), tmp_path / "state.pt")
    name = None if kind["parametrization"] == "raw" else kind["parametrization"]
    options = ReadOptions(inputs=12, classes=4, tau=3.0, beta=1.5, parametrization=name)
    model = read_model(path, options)
    same_layers(model, whole)
    check_same(model, net)


def test_light_and_warp_look_alike_and_are_asked_for(tmp_path: Path) -> None:
    net = torchlogix_net(1, parametrization="light", rank=4)
    path = save(net.state_dict(), tmp_path / "n.pt")
    with pytest.raises(ModelError, match="expected --parametrization light or warp"):
        read_model(path, ReadOptions(inputs=12))
    found = inspect_model(path)
    assert any("--parametrization" in line for line in found.missing)
    assert found.num_gates == 48


def test_parametrization_that_does_not_fit(tmp_path: Path) -> None:
    net = torchlogix_net(1)
    path = save(net.state_dict(), tmp_path / "n.pt")
    with pytest.raises(ModelError, match=r"\[20, 16\] do not fit warp with 2 inputs"):
        read_model(path, ReadOptions(inputs=12, parametrization="warp"))
    with pytest.raises(ModelError, match="--parametrization warp was given, but it is raw"):
        read_model(save(net, path), ReadOptions(parametrization="warp"))


def test_export_buffers_are_not_read(tmp_path: Path) -> None:
    net = torchlogix_net(1)
    state = dict(net.state_dict())
    state["0._export_lut_ids"] = torch.zeros(20, dtype=torch.int64)
    state["0.connections._export_indices"] = torch.zeros(2, 20, dtype=torch.int64)
    options = ReadOptions(inputs=12, classes=4, tau=3.0, beta=1.5)
    check_same(read_model(save(state, tmp_path / "n.pt"), options), net)


def test_old_files_without_indices_take_a_wiring_file(tmp_path: Path) -> None:
    net = torchlogix_net(2, parametrization="light", rank=4)
    state = {key: v for key, v in net.state_dict().items() if "indices" not in key}
    path = save(state, tmp_path / "n.pt")
    with pytest.raises(ModelError, match="wiring is not in the file"):
        read_model(path, ReadOptions(inputs=12, parametrization="light"))
    dense = [part for part in net if isinstance(part, LogicDense)]
    fanin = {f"layers.{i}.fanin": p.connections.indices.T.numpy() for i, p in enumerate(dense)}
    np.savez(tmp_path / "w.npz", **fanin)
    options = ReadOptions(
        inputs=12, parametrization="light", wiring=tmp_path / "w.npz", classes=4, tau=3.0, beta=1.5
    )
    check_same(read_model(path, options), net)


def test_dense_state_dict_without_indices_is_ours_not_difflogics(tmp_path: Path) -> None:
    net = torchlogix_net(2)
    state = {key: v for key, v in net.state_dict().items() if "indices" not in key}
    assert inspect_model(save(state, tmp_path / "n.pt")).format == "torchlogix"


@pytest.mark.parametrize("place", ["tree_weights.0", "connections._indices_L0"])
def test_convolutions_without_their_module_are_refused(tmp_path: Path, place: str) -> None:
    path = save({f"0.{place}": torch.zeros(2, 3, 16)}, tmp_path / "n.pt")
    with pytest.raises(ModelError, match=f"0.{place}: a convolution's sizes, .* the whole module"):
        read_model(path)


def test_unknown_layer_in_a_module(tmp_path: Path) -> None:
    net = torchlogix_net(2)
    path = save(nn.Sequential(*list(net)[:1], nn.ReLU(), *list(net)[1:]), tmp_path / "n.pt")
    with pytest.raises(ModelError, match=r"module 1 \(ReLU\): unknown layer"):
        read_model(path)


def test_candidate_scores_that_are_nan(tmp_path: Path) -> None:
    net = torchlogix_net(2, connections="learnable")
    with torch.no_grad():
        net[1].connections.weights[2, 1, 3] = float("nan")
    with pytest.raises(ModelError, match=r"module 1.connections .*\[2, 1, 3\] is nan"):
        read_model(save(net, tmp_path / "n.pt"))


THRESHOLDS = torch.tensor([[0.1, 0.25, 0.5], [0.2, 0.6, 0.9], [-1.0, 0.5, 2.0], [0.0, 0.5, 1.0]])


def evaluate_codes(model: Any, codes: np.ndarray, bits: int) -> np.ndarray:
    planes = from_integers(codes, bits).reshape(len(codes), -1)
    return unpack(model.evaluate(pack(planes), len(codes)).bits, len(codes))


@pytest.mark.parametrize("kind", ["fixed", "learnable"])
def test_encoder_in_the_circuit_computes_what_torch_does(tmp_path: Path, kind: str) -> None:
    encoder = (
        FixedBinarization(THRESHOLDS) if kind == "fixed" else LearnableBinarization(THRESHOLDS)
    )
    net = torchlogix_net(4, encoder=encoder)
    model = read_model(save(net, tmp_path / "n.pt"), ReadOptions(features="uint8,scale=1/255"))
    assert model.num_inputs == 4 * 8
    codes = np.random.default_rng(0).integers(0, 256, size=(500, 4))
    values = torch.from_numpy(codes.astype(np.uint8)).float() / 255
    with torch.no_grad():
        expected = net[:-1](values).numpy()
    np.testing.assert_array_equal(evaluate_codes(model, codes, 8), expected)


def test_encoder_of_a_state_dict(tmp_path: Path) -> None:
    net = torchlogix_net(4, encoder=FixedBinarization(THRESHOLDS))
    path = save(net.state_dict(), tmp_path / "n.pt")
    with pytest.raises(ModelError, match=r"--features uint8,scale=1/255 .* or --features bits"):
        read_model(path)
    model = read_model(path, ReadOptions(features="uint8,scale=1/255"))
    same_layers(model, read_model(save(net, tmp_path / "m.pt"), ReadOptions(features="bits")))
    assert model.encoder is not None
    codes = np.random.default_rng(0).integers(0, 256, size=(100, 4))
    with torch.no_grad():
        expected = net[:-1](torch.from_numpy(codes).float() / 255).numpy()
    np.testing.assert_array_equal(evaluate_codes(model, codes, 8), expected)


def test_encoder_outside_of_the_circuit(tmp_path: Path) -> None:
    net = torchlogix_net(4, encoder=FixedBinarization(THRESHOLDS))
    model = read_model(save(net, tmp_path / "n.pt"), ReadOptions(features="bits"))
    assert model.encoder is None
    assert model.num_inputs == 12
    assert "outside" in model.notes["encoder"]
    check_same(model, nn.Sequential(*list(net)[2:]))


def test_thresholds_shared_by_all_features(tmp_path: Path) -> None:
    net = torchlogix_net(4, encoder=FixedBinarization(torch.tensor([0.3, 0.5, 0.7])))
    path = save(net, tmp_path / "n.pt")
    model = read_model(path, ReadOptions(features="uint8,scale=1/255"))
    codes = np.random.default_rng(0).integers(0, 256, size=(100, 4))
    with torch.no_grad():
        expected = net[:-1](torch.from_numpy(codes).float() / 255).numpy()
    np.testing.assert_array_equal(evaluate_codes(model, codes, 8), expected)
    state = save(net.state_dict(), tmp_path / "state.pt")
    with pytest.raises(ModelError, match="feature_dim"):
        read_model(state, ReadOptions(features="uint8", inputs=12))
    same_layers(read_model(state, ReadOptions(features="bits", inputs=12)), model)


def test_one_shared_threshold_needs_no_order(tmp_path: Path) -> None:
    net = torchlogix_net(4, encoder=FixedBinarization(torch.tensor([0.5])))
    path = save(net.state_dict(), tmp_path / "n.pt")
    model = read_model(path, ReadOptions(features="uint4,scale=1/15", inputs=12))
    assert model.encoder is not None
    assert model.encoder.levels.tolist() == [[8]] * 12
    with pytest.raises(ModelError, match="expected --inputs N"):
        read_model(path, ReadOptions(features="uint4,scale=1/15"))


def test_learned_thresholds_of_a_state_dict_lack_their_temperature(tmp_path: Path) -> None:
    net = torchlogix_net(4, encoder=LearnableBinarization(THRESHOLDS))
    with pytest.raises(ModelError, match=r"temperature_softplus.*the whole module"):
        read_model(save(net.state_dict(), tmp_path / "n.pt"), ReadOptions(features="uint8"))
    missing = inspect_model(tmp_path / "n.pt").missing
    assert any("temperature_softplus" in line for line in missing)


@pytest.mark.parametrize(("raw", "temperature"), [(1e38, 0.1), (1.0, 0.0), (1.0, -1e-6)])
def test_learned_thresholds_beyond_reason(tmp_path: Path, raw: float, temperature: float) -> None:
    encoder = LearnableBinarization(THRESHOLDS)
    encoder.temperature_softplus = temperature
    with torch.no_grad():
        encoder.raw_diffs[1, 2] = raw
    path = save(torchlogix_net(4, encoder=encoder), tmp_path / "n.pt")
    with pytest.raises(ModelError, match=r"module 0 .*learned thresholds up to"):
        read_model(path, ReadOptions(features="uint8"))


def test_coefficients_beyond_reason(tmp_path: Path) -> None:
    net = torchlogix_net(1, parametrization="warp", rank=4)
    with torch.no_grad():
        net[0].weight[3, 4] = 3e38
    with pytest.raises(ModelError, match=r"module 0 .*a weight of 3e\+38"):
        read_model(save(net, tmp_path / "n.pt"))


def test_thresholds_that_do_not_fit_the_first_layer(tmp_path: Path) -> None:
    net = torchlogix_net(4, encoder=FixedBinarization(THRESHOLDS[:3]))
    with pytest.raises(ModelError, match="the encoder gives 9 bits; expected the 12 bits"):
        read_model(save(net, tmp_path / "n.pt"), ReadOptions(features="uint8"))


def test_table_bits_that_hang_on_rounding_are_reported(tmp_path: Path) -> None:
    net = torchlogix_net(1, parametrization="warp", rank=4)
    with torch.no_grad():
        net[0].weight[0] = 0
        net[0].weight[0, :3] = torch.tensor([1.0, -1.0, 2.0**-23])
    model = read_model(save(net, tmp_path / "n.pt"))
    check_same(model, net)
    assert "hang on rounding" in model.notes["rounding"]


def test_hadamard_by_its_definition() -> None:
    matrix = np.array([[1.0]])
    for rank in range(1, 7):
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
        np.testing.assert_array_equal(hadamard(rank), matrix)

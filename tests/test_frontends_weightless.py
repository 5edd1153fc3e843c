"""DWN, LLNN and difflut: files by the trainers' layers, or with their layout, and refusals."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import dwn2rtl
import numpy as np
import pytest
import torch
from dwn2rtl.extract import extract_tables, extract_wiring, forward
from helpers_frontends import save
from helpers_luts import DiffLogicNode, DWNNode, LUTLayer, NodeLayer, Thermometer, dwn_net
from llnn.lutnn import LUTNN
from torch import nn

from gatec.blocks_circuit import Circuit
from gatec.errors import GatecError, LimitError, ModelError, UsageError
from gatec.frontends import ReadOptions, from_module, inspect_model, read_model
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.proof.arithmetic import check_lowering


def body_bits(model: ModelGraph, net: nn.Sequential, samples: int = 200) -> None:
    """Assert that the bits before the groups are torch's, and the classes too."""
    bits = np.random.default_rng(2).integers(0, 2, size=(samples, model.num_inputs))
    x = torch.from_numpy(bits).float()
    with torch.no_grad():
        expected, logits = net[:-1](x).numpy(), net(x).numpy()
    found = model.with_output("bits").output_bits(bits)
    if getattr(net[-1], "randperm", None) is not None:
        expected = expected[:, net[-1].randperm.numpy()]
    padded = np.pad(expected, ((0, 0), (0, found.shape[1] - expected.shape[1])))
    np.testing.assert_array_equal(found, padded)
    np.testing.assert_array_equal(model.predict(bits), logits.argmax(1))
    check_lowering(model, lower(model))


@pytest.mark.parametrize("n", [1, 2, 4, 6, 7, 9])
@pytest.mark.parametrize("learned", [True, False])
def test_dwn_of_any_lut_size(tmp_path: Path, n: int, learned: bool) -> None:
    net = dwn_net(n, learned=learned, permuted=not learned)
    model = read_model(save(net, tmp_path / "net.pt"))
    body_bits(model, net)
    assert any(isinstance(block, Circuit) for block in model.blocks) == (n > 6)
    assert model.head is not None
    assert (model.head.classes, model.head.tau) == (3, 2.0)


def test_dwn_state_dict_and_its_decoy(tmp_path: Path) -> None:
    net = dwn_net()
    assert "0._LUTLayer__dummy_mapping" in net.state_dict()
    path = save(net.state_dict(), tmp_path / "net.pt")
    body_bits(read_model(path, ReadOptions(classes=3)), net)
    report = str(inspect_model(path))
    assert "dwn (torch)" in report
    assert "note: encoder: not in the file" in report
    assert "number of classes is not in the file; --classes N" in report
    fixed = dwn_net(learned=False).state_dict()
    with pytest.raises(ModelError, match="input width is not in the file .* expected --inputs N"):
        read_model(save(fixed, path))


def test_live_modules() -> None:
    net = dwn_net(permuted=True)
    body_bits(from_module(net), net)
    wide = llnn_net([3, 2])
    bits = np.random.default_rng(0).integers(0, 2, size=(200, 11))
    with torch.no_grad():
        logits = wide(torch.from_numpy(bits).float())
    found = from_module(wide, ReadOptions(inputs=11)).predict(bits)
    np.testing.assert_array_equal(found, logits.argmax(1))


def test_files_of_dwn2rtl(tmp_path: Path) -> None:
    """What dwn2rtl writes, by its own evaluation: encoder, network and decision."""
    net = nn.Sequential(*dwn_net(6, inputs=20)[:1], LUTLayer(20, 18, 6), dwn_net()[2])
    rng = np.random.default_rng(0)
    thresholds = torch.from_numpy(rng.normal(size=(4, 5)).astype(np.float32)).sort()[0]
    stored = dwn2rtl.save(net, Thermometer(thresholds), str(tmp_path / "net.pt"))
    codes = rng.integers(0, 256, size=(300, 4))
    features = "uint8,scale=0.03125,offset=-4"
    x = codes.astype(np.float32) * np.float32(0.03125) - np.float32(4)
    bits = (x[:, :, None] > thresholds.numpy()).reshape(300, 20)
    state = stored["state_dict"]
    layers = [(extract_tables(state, i), *extract_wiring(state, i, 6)) for i in (0, 1)]
    expected, scores = forward(bits, layers, 3)
    inside = read_model(tmp_path / "net.pt", ReadOptions(features=features))
    planes = (codes[:, :, None] >> np.arange(8) & 1).reshape(300, 32)
    np.testing.assert_array_equal(inside.predict(planes), expected)
    counts = inside.with_output("scores").output_bits(planes).reshape(300, 3, -1)
    np.testing.assert_array_equal(counts @ (1 << np.arange(counts.shape[2])), scores)
    outside = read_model(tmp_path / "net.pt", ReadOptions(features="bits"))
    np.testing.assert_array_equal(outside.predict(bits), expected)
    with pytest.raises(ModelError, match="thresholds compare floats; expected --features"):
        read_model(tmp_path / "net.pt")


class StandardScaler:
    def __init__(self, mean: np.ndarray, scale: np.ndarray) -> None:
        self.mean_, self.scale_ = mean, scale


StandardScaler.__module__ = "sklearn.preprocessing._data"


@pytest.mark.parametrize("live", [True, False])
def test_dwn_with_a_scaler(tmp_path: Path, live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    net = dwn_net(inputs=12)
    mean, scale = np.array([100.0, 90.0, 7.0]), np.array([31.0, 12.5, 77.0])
    thresholds = torch.tensor([[-1.3, -0.2, 0.21, 1.4], [-2.01, -0.51, 0.3, 1.1],
                               [-0.01, 0.4, 0.9, 1.99]])  # fmt: skip
    scaler: Any = {"mean": mean.tolist(), "scale": scale}
    if live:
        scaler = StandardScaler(mean, scale)
        module = type("Module", (), {"StandardScaler": StandardScaler})
        monkeypatch.setitem(__import__("sys").modules, "sklearn.preprocessing._data", module)
    value = {"model": net, "thermometer": Thermometer(thresholds), "scaler": scaler}
    path = save(value, tmp_path / "net.pt")
    model = read_model(path, ReadOptions(features="uint8"))
    codes = np.random.default_rng(0).integers(0, 256, size=(300, 3))
    x = torch.from_numpy((codes - mean) / scale)
    with torch.no_grad():
        expected = net(Thermometer(thresholds).binarize(x).flatten(1)).argmax(1).numpy()
    planes = (codes[:, :, None] >> np.arange(8) & 1).reshape(300, 24)
    np.testing.assert_array_equal(model.predict(planes), expected)
    assert "taken into the thresholds" in model.notes["scaler"]
    path = save(value | {"scaler": {"mean": [0.0] * 3, "scale": [1.0, 0.0, 1.0]}}, path)
    with pytest.raises(ModelError, match="scaler: no scaling that is known"):
        read_model(path, ReadOptions(features="uint8"))


def test_one_row_of_thresholds_for_all_features(tmp_path: Path) -> None:
    value = {"model": dwn_net(inputs=12), "thermometer": Thermometer(torch.tensor([0.2, 0.5, 0.8]))}
    path = save(value, tmp_path / "net.pt")
    model = read_model(path, ReadOptions(features="uint4,scale=1/15"))
    assert model.encoder is not None
    assert model.encoder.levels.tolist() == [[4, 8, 13]] * 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"0.luts": torch.zeros(20, 12)},
            r"layer 0: tables of shape \[20, 12\]; .*2\*\*n",
        ),
        ({"0.luts": torch.full((20, 16), torch.nan)}, "layer 0: weight .0, 0. is nan"),
        ({"0.mapping.weights": torch.rand(12, 79)}, r"mapping.weights of shape \[12, 79\]"),
        ({"1.mapping": torch.zeros(16, 3).int()}, "layer 1: mapping int32.*integers .16, 4."),
        ({"1.mapping": torch.full((16, 4), 20).int()}, "gate 0 reads input 20, but layer 0 has 20"),
        ({"2.bias": torch.zeros(3)}, "2.bias: unknown tensor"),
        ({"5.mapping": torch.zeros(16, 3).int()}, "layer 5: no luts"),
    ],
)
def test_dwn_files_that_are_refused(
    tmp_path: Path, change: dict[str, torch.Tensor], message: str
) -> None:
    path = save(dwn_net().state_dict() | change, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=f"net.pt: .*{message}"):
        read_model(path, ReadOptions(classes=3))


def test_dwn_modules_that_are_refused(tmp_path: Path) -> None:
    net = dwn_net()
    net[1].ste = False
    path = save(net, tmp_path / "net.pt")
    with pytest.raises(ModelError, match="ste=False, so it puts out trained floats"):
        read_model(path)
    with pytest.raises(ModelError, match="unknown layer; expected LUTLayer"):
        read_model(save(nn.Sequential(*dwn_net()[:2], nn.Linear(16, 3)), path))
    with pytest.raises(ModelError, match="thermometer: no thresholds"):
        read_model(save({"model": dwn_net(), "thermometer": {"bits": 3}}, path))
    wide = {"0.luts": torch.zeros(1, 1).expand(1 << 10, 1 << 16)}
    wide["0.mapping"] = torch.zeros(1, 1).int().expand(1 << 10, 16)
    with pytest.raises(LimitError, match="gates: 2097152; expected|elements"):
        save(wide, path)
        read_model(path, ReadOptions(inputs=3))
    with pytest.raises(UsageError, match="the model holds its wiring"):
        read_model(save(dwn_net(), path), ReadOptions(wiring=path))


def llnn_net(lut_size: list[int]) -> nn.Sequential:
    torch.manual_seed(len(lut_size))
    with contextlib.redirect_stdout(io.StringIO()):
        return LUTNN([18, 30], 2, lut_size, 11, 3, tau=4).eval()


@pytest.mark.parametrize("sizes", [[2, 2], [6, 3], [7, 8]])
def test_llnn_by_its_own_layers(tmp_path: Path, sizes: list[int]) -> None:
    net = llnn_net(sizes)
    layers = [part for part in net.model if hasattr(part, "w_comp")]
    with torch.no_grad():
        layers[1].w[0] = layers[1].w_comp[0]
    torch.save(net, tmp_path / "net.pth")
    model = read_model(tmp_path / "net.pth", ReadOptions(inputs=11))
    bits = np.random.default_rng(0).integers(0, 2, size=(300, 11))
    x = torch.from_numpy(bits).float()
    with torch.no_grad():
        expected, logits = net.model[:-1](x).numpy(), net(x).numpy()
    np.testing.assert_array_equal(model.with_output("bits").output_bits(bits), expected)
    np.testing.assert_array_equal(model.predict(bits), logits.argmax(1))
    assert "rounding" not in model.notes
    check_lowering(model, lower(model))
    path = save(net.state_dict(), tmp_path / "state.pth")
    with pytest.raises(ModelError, match="wiring is not in the file; expected --wiring FILE"):
        read_model(path, ReadOptions(inputs=11))
    with pytest.raises(ModelError, match="difflogic's wiring, not LLNN's"):
        read_model(path, ReadOptions(inputs=11, replay="seed=0"))
    wires = {f"layers.{i}.fanin": part.indices.T.numpy() for i, part in enumerate(layers)}
    np.savez(tmp_path / "w.npz", **wires)
    options = ReadOptions(inputs=11, classes=3, wiring=tmp_path / "w.npz")
    found = read_model(path, options).with_output("bits")
    np.testing.assert_array_equal(found.output_bits(bits), expected)


def test_llnn_tells_of_bits_that_hang_on_rounding(tmp_path: Path) -> None:
    net = llnn_net([2, 2])
    last = net.model[2]
    with torch.no_grad():
        last.w_comp[1], last.w[1] = 1.0, 1 + 2.0**-23
    torch.save(net, tmp_path / "net.pth")
    report = str(inspect_model(tmp_path / "net.pth"))
    assert "(LUTLayer): 4 table bits hang on rounding" in report


def difflut_net() -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(
        NodeLayer(9, 12, 3, DiffLogicNode, 2), NodeLayer(24, 10, 4, DWNNode, learned=True),
        NodeLayer(10, 12, 7, DWNNode), NodeLayer(12, 12, 2, DiffLogicNode),
    ).eval()  # fmt: skip


def test_difflut_state_dict(tmp_path: Path) -> None:
    net = difflut_net()
    path = save(net.state_dict(), tmp_path / "net.pt")
    model = read_model(path, ReadOptions(inputs=9, classes=3))
    assert "eval_mode='deterministic'" in model.notes["functions"]
    bits = np.random.default_rng(1).integers(0, 2, size=(200, 9))
    with torch.no_grad():
        expected = net(torch.from_numpy(bits).float()).numpy()
    np.testing.assert_array_equal(model.with_output("bits").output_bits(bits), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0._mapping_indices": torch.zeros(11, 3).int()}, "layer 0: no wiring"),
        ({"0.nodes.3.weights": torch.zeros(2, 15)}, "layer 0, node 3: .* of another shape"),
        ({"0.nodes.3.indices": torch.full((2, 2), 3)}, "node 3: indices reach beyond"),
        ({"0.nodes.3.truth_tables": torch.full((16, 4), 0.5)}, "truth_tables are not 0 and 1"),
        ({"1.nodes.3.luts": torch.zeros(1, 8)}, "layer 1, node 3: luts of 8 entries; expected 16"),
        ({"1.nodes.77.luts": torch.zeros(1, 16)}, r"layer 1: no wiring; expected integers \[11, n"),
        ({"4.weight": torch.zeros(2)}, "4.weight: unknown tensor"),
    ],
)
def test_difflut_files_that_are_refused(
    tmp_path: Path, change: dict[str, torch.Tensor], message: str
) -> None:
    path = save(difflut_net().state_dict() | change, tmp_path / "net.pt")
    with pytest.raises(GatecError, match=f"net.pt: .*{message}"):
        read_model(path, ReadOptions(inputs=9))

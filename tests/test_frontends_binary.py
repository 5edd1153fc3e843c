"""Binary and Boolean networks of PyTorch, judged by PyTorch: state dicts with an architecture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_binary import BinaryConv2d, BinaryLinear, BooleanLinear, Sign, with_statistics
from helpers_frontends import save
from helpers_trees import as_bits
from torch import nn

from gatec.errors import ModelError
from gatec.frontends import ReadOptions, inspect_model, read_model
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.proof.arithmetic import check_lowering

PIXELS = "uint8,scale=1/255"


def saved(folder: Path, net: nn.Module, listed: list[dict[str, Any]], **more: Any) -> Any:
    """Write state dict and architecture; return what reads them."""
    save(net.state_dict(), folder / "net.pt")
    (folder / "net.json").write_text(json.dumps(listed))
    return folder / "net.pt", ReadOptions(architecture=folder / "net.json", **more)


def judge(net: nn.Module, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return net.eval()(x).numpy()


def check(model: ModelGraph, bits: np.ndarray, scores: np.ndarray) -> None:
    assert np.array_equal(model.predict(bits), scores.argmax(1))
    whole = model.with_output("argmax")
    assert len(check_lowering(whole, lower(whole))) == len(whole.blocks) - 1


MLP = [
    {"Sign": {}}, {"BinaryLinear": {}}, {"BatchNorm1d": {}}, {"Sign": {}}, {"BinaryLinear": {}},
    {"BatchNorm1d": {}}, {"Hardtanh": {}}, {"Sign": {}}, {"BinaryLinear": {}}, {"LogSoftmax": {}},
]  # fmt: skip


def mlp(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return with_statistics(
        nn.Sequential(
            Sign(), BinaryLinear(20, 12), nn.BatchNorm1d(12), Sign(), BinaryLinear(12, 9),
            nn.BatchNorm1d(9), nn.Hardtanh(), Sign(), BinaryLinear(9, 4), nn.LogSoftmax(1),
        )
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_a_dense_net_is_pytorchs(tmp_path: Path, seed: int) -> None:
    net = mlp(seed)
    path, options = saved(tmp_path, net, MLP, features="bits")
    bits = np.random.default_rng(seed).integers(0, 2, size=(400, 20), dtype=np.uint8)
    check(read_model(path, options), bits, judge(net, torch.from_numpy(bits * 2.0 - 1).float()))


def test_pixels_go_through_the_first_layers_weights(tmp_path: Path) -> None:
    """The input is not binarised: a normalised pixel times +1 or -1, then a batch norm."""
    torch.manual_seed(3)
    net = with_statistics(
        nn.Sequential(BinaryLinear(6, 10), nn.BatchNorm1d(10), Sign(), BinaryLinear(10, 3))
    )
    listed = [{"BinaryLinear": {}}, {"BatchNorm1d": {}}, {"Sign": {}}, {"BinaryLinear": {}}]
    path, options = saved(tmp_path, net, listed, features="uint5,scale=0.125,offset=-2")
    codes = np.random.default_rng(0).integers(0, 32, size=(500, 6))
    x = torch.from_numpy(codes).float() * 0.125 - 2
    check(read_model(path, options), as_bits(codes, 5), judge(net, x))


def conv_net() -> nn.Module:
    """Return a net as BiPer's second stage computes: signs of sines, scaled by a trained alpha."""
    torch.manual_seed(5)
    return with_statistics(
        nn.Sequential(
            Sign(), BinaryConv2d(2, 5, 3, padding=1, freq=20.0), nn.MaxPool2d(2),
            nn.BatchNorm2d(5), Sign(), BinaryConv2d(5, 4, 2, bias=True), nn.BatchNorm2d(4),
            Sign(), nn.Flatten(), BinaryLinear(16, 3),
        )
    )  # fmt: skip


CONV = [
    {"Sign": {}}, {"BinaryConv2d": {"padding": 1, "freq": 20.0}},
    {"MaxPool2d": {"kernel_size": 2}}, {"BatchNorm2d": {}}, {"Sign": {}}, {"BinaryConv2d": {}},
    {"BatchNorm2d": {}}, {"Sign": {}}, {"Flatten": {}}, {"BinaryLinear": {}},
]  # fmt: skip


def test_a_convolutional_net_is_pytorchs(tmp_path: Path) -> None:
    net = conv_net()
    path, options = saved(tmp_path, net, CONV, features="bits", image="2x6x6")
    bits = np.random.default_rng(1).integers(0, 2, size=(200, 72), dtype=np.uint8)
    x = torch.from_numpy(bits * 2.0 - 1).float().reshape(-1, 2, 6, 6)
    check(read_model(path, options), bits, judge(net, x))


def test_signs_of_zero(tmp_path: Path) -> None:
    """Sums of an even number of signs are often 0: then +1, or 0 where a layer says so."""
    torch.manual_seed(2)
    for zero in (1, 0):
        net = nn.Sequential(Sign(), BinaryLinear(6, 8), Sign(zero), BinaryLinear(8, 3))
        listed = [
            {"Sign": {}},
            {"BinaryLinear": {}},
            {"Sign": {"zero": zero}},
            {"BinaryLinear": {}},
        ]
        path, options = saved(tmp_path, net, listed, features="bits")
        bits = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(np.uint8)
        x = torch.from_numpy(bits * 2.0 - 1).float()
        assert (net[:2](x) == 0).any()
        check(read_model(path, options), bits, judge(net, x))


def test_boolean_nets(tmp_path: Path) -> None:
    """XNORs counted, compared with integer thresholds; the last sums are the scores."""
    rng = np.random.default_rng(4)
    first, second = BooleanLinear(rng, 11, 8), BooleanLinear(rng, 8, 4, bias=True)
    state = {
        "fc1.weight": first.weight, "act.threshold": torch.tensor([5] * 4 + [6] * 4),
        "fc2.weight": second.weight, "fc2.bias": second.bias,
    }  # fmt: skip
    listed = [
        {"BooleanLinear": {"key": "fc1", "count": True}}, {"BooleanThreshold": {"key": "act"}},
        {"BooleanLinear": {"key": "fc2"}},
    ]  # fmt: skip
    save(state, tmp_path / "net.pt")
    (tmp_path / "net.json").write_text(json.dumps(listed))
    bits = rng.integers(0, 2, size=(300, 11), dtype=np.uint8)
    hidden = (first.agreements(bits) >= np.array([5] * 4 + [6] * 4)).astype(np.uint8)
    scores = 2 * second.agreements(hidden) - 8 + 2 * second.bias.numpy() - 1
    model = read_model(tmp_path / "net.pt", ReadOptions(architecture=tmp_path / "net.json"))
    check(model, bits, scores)


def test_what_padding_counts_as_is_not_guessed(tmp_path: Path) -> None:
    weight = torch.tensor([0, 1, 0, 1]).reshape(1, 1, 2, 2)
    listed: list[dict[str, Any]] = [{"BooleanConv2d": {"padding": 1, "count": True}},
                                    {"BooleanThreshold": {"threshold": 2}}]  # fmt: skip
    save({"0.weight": weight}, tmp_path / "net.pt")
    (tmp_path / "net.json").write_text(json.dumps(listed))
    options = ReadOptions(architecture=tmp_path / "net.json", image="1x3x3")
    with pytest.raises(ModelError, match="counts XNORs, and has padding; expected no .count"):
        read_model(tmp_path / "net.pt", options)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({2: {"ReLU": {}}}, {}, "not a layer"),
        ({1: {"BinaryLinear": {"stride": 2}}}, {}, "has no argument 'stride'"),
        ({0: {"Flatten": {}}}, {}, "no operator quantises"),
        ({3: {"Sign": {"zero": 2}}}, {}, "zero is 2; expected 0 or 1"),
        ({2: {"Hardtanh": {}}}, {}, "unknown tensor weight"),
        ({1: {"BinaryLinear": {"frequency": 2}}}, {}, "has no argument 'frequency'"),
        ({0: {"MaxPool2d": {"kernel_size": 1, "ceil_mode": True}}}, {}, "ceil_mode is True"),
        ({}, {"features": None}, "expected --features"),
        ({}, {"wiring": Path("w.npz")}, "--wiring"),
    ],
)
def test_refusals(
    tmp_path: Path, change: dict[int, Any], options: dict[str, Any], message: str
) -> None:
    listed = [change.get(i, layer) for i, layer in enumerate(MLP)]
    path, reading = saved(tmp_path, mlp(), listed, **({"features": "bits"} | options))
    with pytest.raises(Exception, match=message):
        read_model(path, reading)


def test_tensors_that_would_be_ignored_are_refused(tmp_path: Path) -> None:
    net = mlp()
    path, options = saved(tmp_path, net, MLP, features="bits")
    save(net.state_dict() | {"1.gamma": torch.ones(3)}, path)
    with pytest.raises(ModelError, match="unknown tensor gamma"):
        read_model(path, options)


def test_inspect_explains(tmp_path: Path) -> None:
    path, options = saved(tmp_path, mlp(), MLP)
    text = str(inspect_model(path, options))
    assert "binary (torch)" in text
    assert "threshold 12x20 of +-1" in text
    assert "LogSoftmax is left out" in text
    assert "missing: the model quantises its input itself" in text

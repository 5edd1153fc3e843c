"""Rows of the matrix: binary networks, weighted votes and decision trees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import helpers_larq
import numpy as np
import torch
from helpers import random_layers_model
from helpers_binary import (
    BinaryConv2d,
    BinaryLinear,
    BooleanLinear,
    Sign,
    answered,
    cascaded,
    random_pynq,
    run_pynq,
    with_statistics,
    write_cascade,
)
from helpers_forks import LogicLayerIWP, trained_head
from helpers_frontends import save
from helpers_luts import Thermometer, dwn_net
from helpers_matrix import VECTORS, Family, Reference, random_bits
from helpers_trees import as_bits, exported, stored
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from torch import nn

from gatec.frontends import ReadOptions

DATA = Path(__file__).parent / "data"


def pynq(_: Path) -> Reference:
    arrays = random_pynq((21, 12, 5), 0)
    np.savez("net.npz", **arrays)
    bits = random_bits(21)
    return Reference(bits, run_pynq(arrays, bits))


def quantised(_: Path) -> Reference:
    """Judged by QONNX's execution, stored beside the file that Brevitas wrote."""
    for path in DATA.glob("dense_1w1a.onnx*"):
        shutil.copy(path, path.name)
    with np.load(DATA / "dense_1w1a.npz") as images:
        pixels, scores = images["x"].reshape(-1, 64), images["scores"]
    return Reference(as_bits(pixels), classes=scores.argmax(1))


def forest(_: Path) -> Reference:
    x, y = load_iris(return_X_y=True)
    codes = np.round(x * 10)
    trained = RandomForestClassifier(5, max_depth=4, random_state=0).fit(codes, y)
    exported(trained, Path("forest.npz"))
    every = np.random.default_rng(0).integers(0, 128, size=(VECTORS, 4))
    return Reference(as_bits(every, 7), classes=trained.predict(every.astype(np.float32)))


def boosted(_: Path) -> Reference:
    shutil.copy(DATA / "xgb_multi.ubj", "net.ubj")
    return Reference(as_bits(stored("iris")), classes=stored("xgb_multi"))


def light_boosted(_: Path) -> Reference:
    shutil.copy(DATA / "lgb_binary.txt", "net.txt")
    return Reference(as_bits(stored("cancer")), classes=stored("lgb_binary"))


def pytorch(_: Path) -> Reference:
    torch.manual_seed(6)
    net = with_statistics(
        nn.Sequential(
            Sign(), BinaryConv2d(1, 4, 3, padding=1, freq=20.0), nn.MaxPool2d(2), nn.BatchNorm2d(4),
            Sign(), nn.Flatten(), BinaryLinear(16, 8), nn.BatchNorm1d(8), Sign(),
            BinaryLinear(8, 3),
        )
    )  # fmt: skip
    save(net.state_dict(), Path("net.pth"))
    listed = [{"Sign": {}}, {"BinaryConv2d": {"padding": 1, "freq": 20.0}},
              {"MaxPool2d": {"kernel_size": 2}}, {"BatchNorm2d": {}}, {"Sign": {}}, {"Flatten": {}},
              {"BinaryLinear": {}}, {"BatchNorm1d": {}}, {"Sign": {}},
              {"BinaryLinear": {}}]  # fmt: skip
    Path("net.json").write_text(json.dumps(listed))
    bits = random_bits(16)
    with torch.no_grad():
        found = net(torch.from_numpy(bits * 2.0 - 1).float().reshape(-1, 1, 4, 4)).numpy()
    return Reference(bits, classes=found.argmax(1))


def boolean(_: Path) -> Reference:
    rng = np.random.default_rng(8)
    first, second = BooleanLinear(rng, 12, 9), BooleanLinear(rng, 9, 4)
    save({"0.weight": first.weight, "2.weight": second.weight}, Path("net.pth"))
    listed = [{"BooleanLinear": {"count": True}}, {"BooleanThreshold": {"threshold": 6}},
              {"BooleanLinear": {}}]  # fmt: skip
    Path("net.json").write_text(json.dumps(listed))
    bits = random_bits(12)
    hidden = (first.agreements(bits) >= 6).astype(np.uint8)
    return Reference(bits, hidden, second.agreements(hidden).argmax(1))


def larq(_: Path) -> Reference:
    layers = helpers_larq.network()
    helpers_larq.write(Path("net.npz"), layers)
    bits = random_bits(72)
    images = np.moveaxis(bits.reshape(-1, 2, 6, 6), 1, -1) * 2.0 - 1
    return Reference(bits, classes=helpers_larq.run(layers, images).argmax(1))


def weighted(_: Path) -> Reference:
    torch.manual_seed(10)
    head = trained_head("bias weights", 3, 24, n_splits=2, gs_flip=3)
    net = nn.Sequential(LogicLayerIWP(9, 24, "sigmoid", "python"), head).eval()
    save(net, Path("net.pt"))
    bits = random_bits(9)
    with torch.no_grad():
        found = net(torch.from_numpy(bits).float()).numpy()
    return Reference(bits, classes=found.argmax(1))


def threshold_gates(_: Path) -> Reference:
    """Neurons of odd weights, as single nodes of the neutral form."""
    rng = np.random.default_rng(11)
    weights = [rng.integers(-4, 5, size=shape) for shape in ((10, 12), (6, 10))]
    levels = [rng.integers(-3, 4, size=(len(w), 1, 1)) for w in weights]
    keys = {f"layers.{i}.threshold.weights": w for i, w in enumerate(weights)}
    keys |= {f"layers.{i}.threshold.levels": level for i, level in enumerate(levels)}
    np.savez("net.npz", classes=np.array(3), **keys)
    bits = found = random_bits(12)
    for w, level in zip(weights, levels, strict=True):
        found = (found @ w.T >= level.reshape(-1)).astype(np.uint8)
    return Reference(bits, found, found.reshape(VECTORS, 3, -1).sum(2).argmax(1))


def cascade(_: Path) -> Reference:
    rng = np.random.default_rng(4)
    small, large = (random_layers_model(rng, 11, [width] * 2, 4) for width in (24, 60))
    write_cascade(Path(), small, large, 2)
    bits = random_bits(11)
    return Reference(bits, classes=cascaded(small, large, bits, 2)[0])


def encoded_cascade(_: Path) -> Reference:
    """A net of torch-dwn before a forest of scikit-learn, each with thresholds of its own."""
    x, y = load_iris(return_X_y=True)
    trained = RandomForestClassifier(5, max_depth=4, random_state=0).fit(np.round(x * 10), y)
    exported(trained, Path("forest.npz"))
    net, codes = dwn_net(6), np.random.default_rng(0).integers(0, 128, size=(VECTORS, 4))
    encoder = Thermometer(torch.arange(3).expand(4, 3) * 30 + 7.5 * torch.arange(4)[:, None])
    save({"model": net, "thermometer": encoder}, Path("dwn.pt"))
    named = {"small": {"file": "dwn.pt"}, "large": {"file": "forest.npz"}, "margin": 2}
    Path("net.json").write_text(json.dumps({"cascade": named}))
    with torch.no_grad():
        scores = net(encoder.binarize(torch.from_numpy(codes)).flatten(1)).numpy()
    counts = np.rint(scores * net[-1].tau).astype(int)
    others = trained.predict(codes.astype(np.float32))
    return Reference(as_bits(codes, 7), classes=answered(counts, others, 2)[0])


_UINT8 = ReadOptions(features="uint8")
_PIXELS = ReadOptions(features="uint8,scale=1/255")

FAMILIES = (
    Family("binary networks, QONNX", "dense_1w1a.onnx", quantised, _PIXELS),
    Family("binary networks, BNN-PYNQ", "net.npz", pynq),
    Family(
        "binary networks, PyTorch",
        "net.pth",
        pytorch,
        ReadOptions(features="bits", image="1x4x4", architecture=Path("net.json")),
    ),
    Family("binary networks, larq", "net.npz", larq, ReadOptions(features="bits")),
    Family("Boolean weights", "net.pth", boolean, ReadOptions(architecture=Path("net.json"))),
    Family("GroupSum with trained weights", "net.pt", weighted),
    Family("forests, scikit-learn", "forest.npz", forest, ReadOptions(features="uint7")),
    Family("boosted trees, XGBoost", "net.ubj", boosted, _UINT8),
    Family("boosted trees, LightGBM", "net.txt", light_boosted, _PIXELS),
    Family("threshold gates", "net.npz", threshold_gates, ReadOptions(inputs=12)),
    Family("cascades", "net.json", cascade),
    Family("cascades, encoders", "net.json", encoded_cascade, ReadOptions(features="uint7")),
)

"""Rows of the matrix: binary networks, weighted votes and decision trees."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from helpers_binary import random_pynq, run_pynq
from helpers_matrix import VECTORS, Family, Reference, random_bits
from helpers_trees import as_bits, exported, stored
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

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


_UINT8 = ReadOptions(features="uint8")
_PIXELS = ReadOptions(features="uint8,scale=1/255")

FAMILIES = (
    Family("binary networks, QONNX", "dense_1w1a.onnx", quantised, _PIXELS),
    Family("binary networks, BNN-PYNQ", "net.npz", pynq),
    Family("forests, scikit-learn", "forest.npz", forest, ReadOptions(features="uint7")),
    Family("boosted trees, XGBoost", "net.ubj", boosted, _UINT8),
    Family("boosted trees, LightGBM", "net.txt", light_boosted, _PIXELS),
)

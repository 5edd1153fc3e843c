"""Files of binary networks, trees and the like to damage: see `helpers_fuzz`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from helpers_binary import random_pynq
from helpers_fuzz import Format, npz_format, text_format, write_bytes
from helpers_trees import DATA, exported
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from gatec.frontends import ReadOptions


def binary_formats(folder: Path) -> dict[str, Format]:
    """Return the formats; `folder` is for what lies beside a model file."""
    x, y = load_iris(return_X_y=True)
    forest = RandomForestClassifier(2, max_depth=2, random_state=0).fit(x, y)
    with np.load(exported(forest, folder / "f.npz")) as stored:
        arrays = dict(stored)
    boosted = (DATA / "xgb_binary.json").read_text()
    light = (DATA / "lgb_binary.txt").read_text()
    return {
        "bnn-pynq": npz_format(random_pynq((10, 6, 4), 3), ReadOptions()),
        "trees": npz_format(arrays, ReadOptions(features="uint3")),
        "xgboost": text_format(boosted, ReadOptions(features="uint2,scale=1/3"), write_bytes),
        "xgboost, arrays": Format(ReadOptions(features="uint2,scale=1/3"), write_json),
        "ubjson": Format(ReadOptions(features="uint8"), write_ubjson),
        "lightgbm": text_format(light, ReadOptions(features="uint2,scale=1/3"), write_bytes),
    }


def write_json(path: Path, rng: np.random.Generator | None) -> None:
    """Damage values in a tree, so that the text stays JSON."""
    value = json.loads((DATA / "xgb_binary.json").read_text())
    trees = value["learner"]["gradient_booster"]["model"]["trees"]
    for _ in range(0 if rng is None else int(rng.integers(1, 4))):
        assert rng is not None
        tree = trees[rng.integers(0, len(trees))]
        key = str(rng.choice(sorted(tree)))
        odd = (-1, 0, 1, 5, 1 << 40, 0.5, float("nan"), 1e30, None, "x", [], True)
        bad = odd[rng.integers(0, len(odd))]
        if isinstance(tree[key], list) and tree[key] and rng.random() < 0.8:
            tree[key][rng.integers(0, len(tree[key]))] = bad
        else:
            tree[key] = bad
    path.write_text(json.dumps(value))


def write_ubjson(path: Path, rng: np.random.Generator | None) -> None:
    data = bytearray((DATA / "xgb_multi.ubj").read_bytes())
    if rng is not None:
        for position in rng.integers(0, len(data), size=rng.integers(1, 4)):
            data[position] = int(rng.integers(0, 256))
        if rng.random() < 0.2:
            del data[rng.integers(0, len(data)) :]
    path.write_bytes(bytes(data))

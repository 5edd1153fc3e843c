"""Files of binary networks, trees and the like to damage: see `helpers_fuzz`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import helpers_fuzz_judges as judges
import helpers_fuzz_trees as trees
import helpers_larq
import numpy as np
import torch
from helpers import random_layers_model
from helpers_binary import (
    BinaryConv2d,
    BinaryLinear,
    Sign,
    random_pynq,
    with_statistics,
    write_cascade,
)
from helpers_frontends import save
from helpers_fuzz import (
    Format,
    damage_arrays,
    json_format,
    npz_format,
    read_neutral,
    text_format,
    words_format,
    write_bytes,
)
from helpers_fuzz_counts import larq_arrays, larq_h5, listed_net
from helpers_fuzz_forms import neutral_layers
from helpers_trees import DATA, exported
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from torch import nn

from gatec.frontends import ReadOptions, read_model


def binary_formats(folder: Path) -> dict[str, Format]:
    """Return the formats; `folder` is for what lies beside a model file."""
    x, y = load_iris(return_X_y=True)
    forest = RandomForestClassifier(2, max_depth=2, random_state=0).fit(x, y)
    arrays = read_arrays(exported(forest, folder / "f.npz"))
    listing = folder / "binary.json"
    listed = [{"BinaryConv2d": {"padding": 1}}, {"MaxPool2d": {"kernel_size": 2}},
              {"BatchNorm2d": {}}, {"Sign": {}}, {"Flatten": {}}, {"BinaryLinear": {}},
              {"BooleanThreshold": {"threshold": 1}}, {"BooleanLinear": {}}]  # fmt: skip
    net = with_statistics(
        nn.Sequential(
            BinaryConv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(2), Sign(),
            nn.Flatten(), BinaryLinear(8, 5), nn.Identity(), BinaryLinear(5, 3),
        )
    )  # fmt: skip
    state = {key: value.numpy() for key, value in net.state_dict().items()}
    state["7.weight"] = (state["7.weight"] > 0).astype(np.uint8)

    def write_state(path: Path, rng: np.random.Generator | None) -> dict[str, Any]:
        listing.write_text(json.dumps(listed))
        found = state if rng is None else damage_arrays(state, rng)
        tensors = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in found.items()}
        save(tensors, path)
        return found

    def write_listing(path: Path, data: bytes) -> None:
        save({key: torch.from_numpy(value) for key, value in state.items()}, path)
        listing.write_bytes(data)

    reading = ReadOptions(features="uint5,scale=1/31", image="1x4x4", architecture=listing)
    rng = np.random.default_rng(0)
    nets = [random_layers_model(rng, 6, [width], 3) for width in (6, 9)]
    joined = write_cascade(folder, *nets, 1).read_text()

    def write_joined(path: Path, data: bytes) -> None:
        for name in ("small.npz", "large.npz"):
            if not (path.parent / name).exists():
                shutil.copy(folder / name, path.parent)
        path.write_bytes(data)

    larq = helpers_larq.write(folder / "larq.npz", helpers_larq.network())
    boosted = (DATA / "xgb_binary.json").read_text()
    thirds = ReadOptions(features="uint2,scale=1/3")
    light = (DATA / "lgb_binary.txt").read_text()
    return {
        "bnn-pynq": npz_format(random_pynq((10, 6, 4), 3), ReadOptions(), judges.pynq),
        "binary": Format(
            reading, write_state, lambda found, bits: listed_net(listed, found, bits)
        ),
        "binary, listed": json_format(
            json.dumps(listed), reading, write_listing,
            lambda text, bits: listed_net(json.loads(text), state, bits),
        ),
        "larq": npz_format(read_arrays(larq), ReadOptions(features="bits"), larq_arrays),
        "larq h5": Format(ReadOptions(features="bits"), write_keras, larq_h5),
        "cascade": words_format(
            joined, ReadOptions(), write_joined,
            judges.cascade({"small.npz": nets[0], "large.npz": nets[1]}),
        ),
        "sums": npz_format(
            read_neutral(read_model(folder / "net.json")), ReadOptions(), neutral_layers
        ),
        "trees": npz_format(arrays, ReadOptions(features="uint3"), trees.scikit),
        "xgboost": text_format(boosted, thirds, write_bytes, trees.xgboost_text),
        "xgboost, arrays": Format(thirds, trees.write_json, trees.xgboost(2, 3)),
        "ubjson": Format(
            ReadOptions(features="uint6"), trees.write_ubjson, trees.xgboost_binary
        ),
        "lightgbm": text_format(light, thirds, write_bytes, trees.lightgbm),
    }  # fmt: skip


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


def write_keras(path: Path, rng: np.random.Generator | None) -> bytes:
    """Damage a layer's arrays or the text of the layers; or bytes of the container."""
    text, weights = helpers_larq.described(helpers_larq.network())
    inside = rng is not None and rng.random() < 0.5
    if rng is not None and inside:
        layer = str(rng.choice([name for name, arrays in weights.items() if arrays]))
        weights[layer] = damage_arrays(weights[layer], rng)
    helpers_larq.write_h5(path, text, weights)
    if rng is not None and not inside:
        data = bytearray(path.read_bytes())
        for position in rng.integers(0, len(data), size=rng.integers(1, 5)):
            data[position] = int(rng.integers(0, 256))
        if rng.random() < 0.1:
            del data[int(rng.integers(0, len(data))) :]
        path.write_bytes(bytes(data))
    return path.read_bytes()

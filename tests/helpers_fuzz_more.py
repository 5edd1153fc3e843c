"""Files of torchlogix, difflogic's forks, gatec's own form and more: see `helpers_fuzz`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import helpers_fuzz_forms as forms
import numpy as np
import torch
from helpers import random_layers_model
from helpers_forks import Conv, ExtraGroupSum, Logic, LogicLayerIWP
from helpers_frontends import difflogic_net, save
from helpers_fuzz import (
    ODD,
    Format,
    damage_arrays,
    json_format,
    module_format,
    npz_format,
    read_neutral,
    words_format,
    write_bytes,
)
from helpers_fuzz_aiger import blif as read_blif
from helpers_fuzz_judges import built, neutral, runs
from helpers_torchlogix import save_module, torchlogix, trained
from torch import nn

from gatec.frontends import ReadOptions, read_model


def formats(folder: Path) -> dict[str, Format]:
    """Return the formats; `folder` is for what lies beside a model file."""
    torch.manual_seed(3)
    layers = torchlogix()
    images = trained(
        layers.FixedBinarization(torch.tensor([[0.2, 0.6]]), feature_dim=1),
        layers.LogicConv2d((4, 5), 2, 3, 2, 3, padding=1, parametrization="light"),
        layers.OrPooling2d(2, 2, 1),
        nn.Flatten(),
        layers.LogicDense(27, 16),
        layers.GroupSum(4, tau=2.0),
    )  # fmt: skip
    transposed = trained(layers.LogicConvTranspose2d(3, 1, 2, 1, 2, stride=2, output_padding=1))
    convolutions = nn.Sequential(
        Conv(1, 2, 2), nn.MaxPool2d(2, 2), nn.Flatten(), Logic(8, 8), ExtraGroupSum(2)
    )
    light = nn.Sequential(
        LogicLayerIWP(6, 12, "sigmoid", "python"),
        ExtraGroupSum(3, n_splits=2, gs_flip=2, in_dim=12),
    )
    dense = difflogic_net(inputs=6, widths=(8, 6), classes=3)
    pairs = [part.indices for part in dense if hasattr(part, "indices")]
    checkpoint = {f"w{i}": weights for i, weights in enumerate(dense.state_dict().values())}
    checkpoint |= {f"c{i}": torch.stack(sides) for i, sides in enumerate(pairs)}

    def write_checkpoint(path: Path, rng: np.random.Generator | None) -> Any:
        arrays = {key: value.numpy() for key, value in checkpoint.items()}
        if rng is not None:
            arrays = {**arrays, **damage_arrays(arrays, rng)}
        tensors = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}
        config: dict[str, Any] = {"output_size": 3, "tau": 1}
        if rng is not None and rng.random() < 0.4:
            config["output_size"] = ODD[rng.integers(0, len(ODD))]
        value = {
            "model_state_dict": {f"layers.{i}.weights": tensors[f"w{i}"] for i in range(2)},
            "connections": [tuple(tensors[f"c{i}"]) for i in range(2)],
            "model_config": config,
        }
        save(value, path)
        return value

    rng = np.random.default_rng(0)
    small = read_neutral(random_layers_model(rng, 7, [10, 9], None))
    recurrent = small | {"inputs": np.array(4), "state": np.array(3), "next_state": np.arange(3)}
    coded = small | {"codebook": rng.integers(0, 2, size=(4, 3))}
    grid = {
        "grid": np.array([2, 3, 3]), "periodic": np.array(1), "outputs": np.array([1]),
        "perceive.0.gates": rng.integers(0, 16, size=(2, 3)),
        "perceive.0.wires": rng.integers(0, 9, size=(2, 3)),
        "update.0.params": rng.normal(size=(2, 16)),
        "update.0.wires": rng.integers(0, 14, size=(2, 2)),
    }  # fmt: skip
    blif = ".model a\n.inputs a b\n.outputs y\n.latch n s 1\n.names a b s n\n1-0 1\n011 1\n"
    blif += ".names n s y\n10 0\n.end\n"
    listed = [{"Conv": {"in_channels": 1}}, {"MaxPool2d": {"kernel_size": 2, "stride": 2}},
              {"Flatten": {}}, {"Logic": {"in_dim": 8}}, {"GroupSum": {"k": 2}}]  # fmt: skip
    listing = folder / "layers.json"

    def write_listing(path: Path, data: bytes) -> None:
        save(convolutions.state_dict(), path)
        listing.write_bytes(data)

    inside = read_model_of(images, ReadOptions(features="uint4,scale=1/15"), folder)
    return {
        "torchlogix images": module_format(
            images, ReadOptions(features="bits"), save_module,
            runs((2, 4, 5), classes=True, skip=1),
        ),
        "torchlogix transposed": module_format(
            transposed, ReadOptions(), save_module, runs((1, 3, 3), classes=False)
        ),
        "difflogic convolutions": module_format(
            convolutions, ReadOptions(image="1x4x4"), judge=runs((1, 4, 4), classes=True)
        ),
        "input-wise": module_format(light, ReadOptions(), judge=runs((6,), classes=True)),
        "checkpoint": Format(ReadOptions(inputs=6), write_checkpoint, forms.stored_wiring),
        "neutral images": npz_format(inside, ReadOptions(), forms.neutral_layers),
        "recurrent": npz_format(recurrent, ReadOptions(steps=3), neutral),
        "codebook": npz_format(coded, ReadOptions(), neutral),
        "cellular": npz_format(grid, ReadOptions(steps=2), forms.cellular),
        "blif": words_format(blif, ReadOptions(steps=2), write_bytes, read_blif),
        "architecture": json_format(
            json.dumps(listed), ReadOptions(image="1x4x4", architecture=listing), write_listing,
            built(
                {"Conv": partial(Conv, out_channels=2, depth=2), "Logic": partial(Logic, out_dim=8),
                 "GroupSum": ExtraGroupSum, "MaxPool2d": nn.MaxPool2d, "Flatten": nn.Flatten},
                convolutions.state_dict(), (1, 4, 4),
            ),
        ),
    }  # fmt: skip


def read_model_of(net: nn.Module, options: ReadOptions, folder: Path) -> dict[str, Any]:
    """Return a module's model as keys of the neutral form."""
    return read_neutral(read_model(save_module(net, folder / "whole.pt"), options))

"""Files of weightless nets, networks of LUTs and circuits to damage: see `helpers_fuzz`."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers_frontends import save
from helpers_fuzz import ODD, Format, damage_module, damaged_array, module_format, npz_format
from helpers_luts import DiffLogicNode, DWNNode, NodeLayer, Thermometer, dwn_net
from llnn.lutnn import LUTNN
from torch import nn

from gatec.frontends import ReadOptions


def net_formats(folder: Path) -> dict[str, Format]:
    """Return the formats; `folder` is for what lies beside a model file."""
    rng = np.random.default_rng(1)
    torch.manual_seed(9)
    nodes = nn.Sequential(NodeLayer(6, 4, 3, DWNNode), NodeLayer(4, 4, 2, DiffLogicNode))
    llnn = {f"0.{key}": rng.normal(size=(4, 8)).astype("f4") for key in ("w", "w_comp")}
    np.savez(folder / "llnn.npz", **{"layers.0.fanin": rng.integers(0, 6, (4, 3))})
    few_best = {"layers.0.top_c": rng.normal(size=(3, 8)).astype("f4"),
                "layers.0.top_indices": rng.integers(0, 6, (3, 8)),
                "layers.1.w": rng.normal(size=(16, 4)).astype("f4")}  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        llnn_net = LUTNN([6, 10], 2, [3, 2], 6, 2).eval()
    return {
        "dwn": npz_format(arrays(dwn_net(3, inputs=6)[:2]), ReadOptions(inputs=6, classes=3)),
        "dwn module": module_format(dwn_net(3, inputs=6, permuted=True), ReadOptions()),
        "dwn checkpoint": Format(ReadOptions(features="uint3"), write_checkpoint),
        "wide luts": npz_format(arrays(dwn_net(7, inputs=9)[1:2]), ReadOptions(inputs=20)),
        "llnn": npz_format(llnn, ReadOptions(inputs=6, wiring=folder / "llnn.npz")),
        "llnn module": module_format(llnn_net, ReadOptions(inputs=6), save_plain),
        "difflut": npz_format(arrays(nodes), ReadOptions(inputs=6)),
        "few best": npz_format(few_best, ReadOptions(inputs=6)),
    }


def arrays(net: nn.Module) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in net.state_dict().items()}


def save_plain(value: Any, path: Path) -> None:
    torch.save(value, path)


def write_checkpoint(path: Path, rng: np.random.Generator | None) -> None:
    """Write a DWN as dwn2rtl's users do, with encoder and scaler."""
    net: nn.Module = dwn_net(2, inputs=6)
    rows = torch.arange(6).reshape(2, 3) * 0.9 + 0.35
    beside: dict[str, Any] = {"mean": [0.1, 0.2], "scale": np.array([0.9, 1.1])}
    if rng is not None:
        rows = torch.from_numpy(np.ascontiguousarray(damaged_array(rows.numpy(), rng)))
        odd = (ODD[rng.integers(0, len(ODD))], damaged_array(np.array([0.9, 1.1]), rng))
        if rng.random() < 0.7:
            beside[str(rng.choice(["mean", "scale"]))] = odd[rng.integers(0, 2)]
        net = damage_module(net, rng) if rng.random() < 0.4 else net
    save({"model": net, "thermometer": Thermometer(rows), "scaler": beside}, path)

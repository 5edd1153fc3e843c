"""Files of difflogic, torchlogix, gate lists, threshold gates and ONNX to damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from helpers_frontends import difflogic_net, torchlogix_net
from helpers_fuzz import Format, module_format, npz_format, state_format
from helpers_fuzz_judges import gate_lists, loads, runs, threshold_gates
from helpers_fuzz_onnx import run_onnx, write_onnx
from torch import nn

from gatec.frontends import ReadOptions


def gate_formats(folder: Path) -> dict[str, Format]:
    """Return the formats; `folder` is for what lies beside a model file."""
    net = difflogic_net(inputs=6, widths=(8, 6), classes=3)
    wiring = [torch.stack(part.indices, 1) for part in net if hasattr(part, "indices")]
    np.savez(folder / "w.npz", **{f"layers.{i}.fanin": w.numpy() for i, w in enumerate(wiring)})
    wired = ReadOptions(inputs=6, classes=3, wiring=folder / "w.npz")
    light = torchlogix_net(rank=4, parametrization="light", connections="learnable")
    reading = ReadOptions(inputs=12, classes=4, parametrization="light")
    rng = np.random.default_rng(3)
    sides = rng.integers(0, [[[9]], [[12]]], size=(2, 2, 12)).swapaxes(0, 1)
    listed = {"gate_types": rng.integers(1, 16, size=(2, 12)), "connections.A": sides[0],
              "connections.B": sides[1]}  # fmt: skip
    weights = [rng.integers(-4, 5, size=shape) for shape in ((10, 12), (6, 10))]
    neurons = {f"layers.{i}.threshold.weights": w for i, w in enumerate(weights)}
    neurons |= {f"layers.{i}.threshold.levels": rng.integers(-3, 4, size=(len(w), 1, 1))
                for i, w in enumerate(weights)}  # fmt: skip
    return {
        "difflogic": module_format(net, ReadOptions(), judge=runs((6,), classes=True)),
        "difflogic state dict": state_format(
            state_of(net), wired, loads(net, (6,), classes=True)
        ),
        "torchlogix": module_format(light, ReadOptions(), judge=runs((12,), classes=True)),
        "torchlogix state dict": state_format(
            state_of(light), reading, loads(light, (12,), classes=True)
        ),
        "gate lists": npz_format(listed, ReadOptions(inputs=9, classes=4), gate_lists),
        "threshold gates": npz_format(
            neurons | {"classes": np.array(3)}, ReadOptions(inputs=12), threshold_gates
        ),
        "onnx": Format(ReadOptions(features="uint8,scale=1/255"), write_onnx, run_onnx),
    }  # fmt: skip


def state_of(net: nn.Module) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in net.state_dict().items()}

"""The real torchlogix, to write files with and to judge what gatec makes of them.

Its package cannot be imported below Python 3.12: `circuit.py`, which it imports first, nests quotes
in an f-string. The layers need none of that, so they are imported around it. While other helpers
put look-alikes under the same names, the real modules are kept here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gatec.bits import pack, unpack
from gatec.model import ModelGraph

_PARTS = ("layers", "modules", "models.conv", "utils")
_loaded: dict[str, types.ModuleType] = {}


def _ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] == "torchlogix"


@contextmanager
def _in_place() -> Iterator[None]:
    """Put the real modules under their names, and what was there back afterwards."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _ours(name)}
    sys.modules.update(_loaded)
    try:
        yield
    finally:
        _loaded.update({name: m for name, m in sys.modules.items() if _ours(name)})
        for name in _loaded:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def torchlogix(part: str = "layers") -> Any:
    """Return one of the trainer's modules; skip the test when it is not installed."""
    if not _loaded:
        spec = importlib.util.find_spec("torchlogix")
        if spec is None or spec.submodule_search_locations is None:
            pytest.skip("torchlogix is not installed (.ci/install does it)")
        package = types.ModuleType("torchlogix")
        package.__path__ = list(spec.submodule_search_locations)
        _loaded["torchlogix"] = package
        with _in_place():
            for name in _PARTS:
                importlib.import_module(f"torchlogix.{name}")
    return _loaded[f"torchlogix.{part}"]


def save_module(net: nn.Module, path: Path) -> Path:
    """Write a whole module as the trainer's user would."""
    with _in_place():
        torch.save(net, path)
    return path


def trained(*parts: nn.Module, seed: int = 0) -> nn.Sequential:
    """Return a net in evaluation mode whose weights are random, as training leaves them."""
    net = nn.Sequential(*parts)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weights in net.named_parameters():
            if "weight" in name:
                weights.copy_(torch.randn(weights.shape, generator=generator))
    return net.eval()


def check_image_net(
    model: ModelGraph, net: nn.Sequential, shape: tuple[int, ...], samples: int = 70
) -> None:
    """Assert that a model's last bits and counts are torch's, on random images of bits."""
    rng = np.random.default_rng(5)
    bits = rng.integers(0, 2, size=(samples, *shape), dtype=np.uint8)
    flat = bits.reshape(samples, -1)
    result = model.evaluate(pack(flat), samples)
    body = [part for part in net if type(part).__name__ != "GroupSum"]
    with torch.no_grad():
        expected = nn.Sequential(*body)(torch.from_numpy(bits).float()).flatten(1).numpy()
        scores = net(torch.from_numpy(bits).float()).numpy()
    np.testing.assert_array_equal(unpack(result.bits, samples), expected)
    assert 0 < expected.mean() < 1
    if result.scores is not None:
        head = model.head
        assert head is not None
        tau, beta = head.tau or 1.0, head.beta or 0.0
        np.testing.assert_allclose((result.scores.T + beta) / tau, scores, rtol=1e-5)

"""Small torch modules that pickle like the trainers' own, and their evaluation by torch.

The classes carry the trainers' module and class names, so files look real; their forward passes
are written from the trainers' published formulas, independent of gatec's tables.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gatec.bits import pack, unpack
from gatec.model import ModelGraph


def gate(a: torch.Tensor, b: torch.Tensor, number: int) -> torch.Tensor:
    """Return one of the sixteen gates as real arithmetic, as difflogic writes them."""
    return (
        torch.zeros_like(a), a * b, a - a * b, a, b - a * b, b, a + b - 2 * a * b, a + b - a * b,
        1 - (a + b - a * b), 1 - (a + b - 2 * a * b), 1 - b, 1 - b + a * b, 1 - a, 1 - a + a * b,
        1 - a * b, torch.ones_like(a),
    )[number]  # fmt: skip


class LogicLayer(nn.Module):
    def __init__(self, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(out_dim, 16, generator=generator))
        self.in_dim, self.out_dim, self.device = in_dim, out_dim, "cpu"
        self.grad_factor, self.implementation, self.connections = 1.0, "python", "random"
        first = torch.randint(0, in_dim, (2, out_dim), generator=generator)
        self.indices = (first[0], first[1])
        self.num_neurons = self.num_weights = out_dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x[..., self.indices[0]], x[..., self.indices[1]]
        numbers = self.weights.argmax(-1).tolist()
        columns = [gate(a[..., i], b[..., i], number) for i, number in enumerate(numbers)]
        return torch.stack(columns, dim=-1)


class GroupSum(nn.Module):
    def __init__(self, k: int, tau: float = 1.0) -> None:
        super().__init__()
        self.k, self.tau, self.device = k, tau, "cpu"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(len(x), self.k, -1).sum(-1) / self.tau


class BiasedGroupSum(nn.Module):
    def __init__(self, k: int, tau: float = 1.0, beta: float = 0.0) -> None:
        super().__init__()
        self.k, self.tau, self.beta, self.export_mode = k, tau, beta, False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.reshape(len(x), self.k, -1).sum(-1) + self.beta) / self.tau


class _Parametrization(nn.Module):
    def __init__(self, lut_rank: int) -> None:
        super().__init__()
        self.lut_rank, self.lut_entries = lut_rank, 1 << lut_rank


class RawLUTParametrization(_Parametrization):
    def forward(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        numbers = weight.argmax(-1).tolist()
        columns = [gate(x[:, 0, i], x[:, 1, i], number) for i, number in enumerate(numbers)]
        return torch.stack(columns, dim=-1)


class WarpLUTParametrization(_Parametrization):
    def forward(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        # Basis function s is the product of the signs whose bit is in s, first input highest.
        signs = (1 - 2 * x).double()
        total = torch.zeros(len(x), len(weight), dtype=torch.float64)
        for s in range(self.lut_entries):
            basis = torch.ones(len(x), len(weight), dtype=torch.float64)
            for j in range(self.lut_rank):
                if s >> (self.lut_rank - 1 - j) & 1:
                    basis = basis * signs[:, j]
            total += weight[:, s].double() * basis
        return (-total > 0).float()


class LightLUTParametrization(_Parametrization):
    def forward(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(len(x), len(weight))
        for s in range(self.lut_entries):
            chosen = torch.ones(len(x), len(weight))
            for j in range(self.lut_rank):
                bit = s >> (self.lut_rank - 1 - j) & 1
                chosen = chosen * (x[:, j] if bit else 1 - x[:, j])
            total += (weight[:, s] > 0).float() * chosen
        return total


_PARAMETRIZATIONS = {
    "raw": RawLUTParametrization,
    "warp": WarpLUTParametrization,
    "light": LightLUTParametrization,
}


class FixedDenseConnections(nn.Module):
    def __init__(self, in_dim: int, out_dim: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.lut_rank, self.init_method = rank, "random"
        indices = torch.randint(0, in_dim, (rank, out_dim), generator=generator)
        self.register_buffer("indices", indices)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.indices]


class LearnableDenseConnections(nn.Module):
    def __init__(self, in_dim: int, out_dim: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        shape = (5, rank, out_dim)
        self.register_buffer("indices", torch.randint(0, in_dim, shape, generator=generator))
        self.weights = nn.Parameter(torch.rand(shape, generator=generator))

    def resolve_connections(self) -> torch.Tensor:
        return self.indices.gather(0, self.weights.argmax(0, keepdim=True))[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.resolve_connections()]


class LogicDense(nn.Module):
    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        generator: torch.Generator,
        *,
        lut_rank: int = 2,
        parametrization: str = "raw",
        connections: str = "fixed",
    ) -> None:
        super().__init__()
        self.in_dim, self.out_dim, self.lut_rank = in_dim, out_dim, lut_rank
        self.parametrization = _PARAMETRIZATIONS[parametrization](lut_rank)
        columns = 16 if parametrization == "raw" else 1 << lut_rank
        self.weight = nn.Parameter(torch.randn(out_dim, columns, generator=generator))
        learnt = connections == "learnable"
        kind = LearnableDenseConnections if learnt else FixedDenseConnections
        self.connections = kind(in_dim, out_dim, lut_rank, generator)

    def get_luts(self) -> torch.Tensor:
        """Return the tables, which in torchlogix come from the weights."""
        rows = torch.arange(1 << self.lut_rank)
        bits = torch.stack([(rows >> (self.lut_rank - 1 - j)) & 1 for j in range(self.lut_rank)], 1)
        x = bits[:, :, None].expand(-1, -1, self.out_dim).float()
        return self.parametrization(x, self.weight).T > 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.parametrization(self.connections(x), self.weight)


class FixedBinarization(nn.Module):
    def __init__(self, thresholds: torch.Tensor, feature_dim: int = -2) -> None:
        super().__init__()
        self.register_buffer("thresholds", thresholds)
        self.feature_dim = feature_dim

    def get_thresholds(self) -> torch.Tensor:
        return self.thresholds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.unsqueeze(-1) > self.get_thresholds()).float().flatten(-2)


class LearnableBinarization(FixedBinarization):
    def __init__(self, thresholds: torch.Tensor) -> None:
        super().__init__(thresholds)
        self.temperature_softplus = 0.1
        first = torch.zeros_like(thresholds[..., :1])
        self.raw_diffs = nn.Parameter(torch.diff(thresholds, prepend=first, dim=-1))

    def get_thresholds(self) -> torch.Tensor:
        scale = self.temperature_softplus + 1e-6
        gaps = scale * nn.functional.softplus(self.raw_diffs[..., 1:] / scale)
        return torch.cumsum(torch.cat([self.raw_diffs[..., :1], gaps], dim=-1), dim=-1)


_HOMES: dict[str, tuple[type[nn.Module], ...]] = {
    "difflogic.difflogic": (LogicLayer, GroupSum),
    "torchlogix.layers.groupsum": (BiasedGroupSum,),
    "torchlogix.layers.dense": (LogicDense,),
    "torchlogix.layers.binarization": (FixedBinarization, LearnableBinarization),
    "torchlogix.connections": (FixedDenseConnections, LearnableDenseConnections),
    "torchlogix.parametrization": tuple(_PARAMETRIZATIONS.values()),
}


def register(home: str, *classes: type[nn.Module]) -> None:
    """Let classes pickle as those of a trainer's module."""
    _HOMES[home] = tuple(dict.fromkeys((*_HOMES.get(home, ()), *classes)))
    for kind in classes:
        kind.__module__ = home


for _home, _classes in list(_HOMES.items()):
    register(_home, *_classes)
BiasedGroupSum.__name__ = BiasedGroupSum.__qualname__ = "GroupSum"


@contextmanager
def trainers() -> Iterator[None]:
    """Let pickle find the classes under the trainers' names while it writes."""
    for home, classes in _HOMES.items():
        module: Any = types.ModuleType(home)
        for kind in classes:
            setattr(module, kind.__name__, kind)
        for parent in (home.rpartition(".")[0], home.split(".")[0]):
            sys.modules.setdefault(parent, types.ModuleType(parent))
        sys.modules[home] = module
    try:
        yield
    finally:
        roots = {home.split(".")[0] for home in _HOMES}
        for name in [n for n in sys.modules if n.split(".")[0] in roots]:
            del sys.modules[name]


def save(value: object, path: Path, *, legacy: bool = False) -> Path:
    """Write a value with `torch.save`, in the zip or the old layout."""
    with trainers(), warnings.catch_warnings():
        # The old layout stores class sources, which these classes hide.
        warnings.filterwarnings("ignore", "Couldn't retrieve source code")
        torch.save(value, path, _use_new_zipfile_serialization=not legacy)
    return path


def random_generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def difflogic_net(
    seed: int = 0, inputs: int = 12, widths: tuple[int, ...] = (20, 18, 30), classes: int = 3
) -> nn.Sequential:
    generator = random_generator(seed)
    sizes = (inputs, *widths)
    layers = [LogicLayer(a, b, generator) for a, b in pairwise(sizes)]
    return nn.Sequential(nn.Flatten(), *layers, GroupSum(classes, tau=2.5)).eval()


def torchlogix_net(
    seed: int = 0,
    *,
    rank: int = 2,
    parametrization: str = "raw",
    connections: str = "fixed",
    encoder: nn.Module | None = None,
    inputs: int = 12,
) -> nn.Sequential:
    generator = random_generator(seed)
    sizes = (inputs, 20, 16, 12)
    layers = [
        LogicDense(a, b, generator, lut_rank=rank, parametrization=parametrization,
                   connections=connections)
        for a, b in pairwise(sizes)
    ]  # fmt: skip
    front = [] if encoder is None else [encoder, nn.Flatten()]
    return nn.Sequential(*front, *layers, BiasedGroupSum(4, tau=3.0, beta=1.5)).eval()


def check_same(model: ModelGraph, net: nn.Sequential, samples: int = 200, seed: int = 1) -> None:
    """Assert that a model's last bits and class counts are torch's, on random bits."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, size=(samples, model.num_inputs), dtype=np.uint8)
    result = model.evaluate(pack(bits), samples)
    body = [part for part in net if "GroupSum" not in type(part).__name__]
    with torch.no_grad():
        expected = nn.Sequential(*body)(torch.from_numpy(bits).float()).numpy()
    np.testing.assert_array_equal(unpack(result.bits, samples), expected)
    if model.head is not None:
        assert result.scores is not None
        with torch.no_grad():
            scores = net(torch.from_numpy(bits).float()).numpy()
        tau, beta = model.head.tau or 1.0, model.head.beta or 0.0
        np.testing.assert_allclose((result.scores.T + beta) / tau, scores, rtol=1e-6)


def same_layers(one: ModelGraph, other: ModelGraph) -> None:
    """Assert that two models have equal wiring and tables."""
    assert len(one.layers) == len(other.layers)
    for a, b in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(a.fanin, b.fanin)
        np.testing.assert_array_equal(a.tables, b.tables)

"""Layers of difflogic's forks, written from their published formulas, that pickle like theirs."""

from __future__ import annotations

from typing import Any

import torch
from helpers_frontends import gate, register
from torch import nn


class Logic(nn.Module):
    """Sixteen gates, wiring in buffers; nodes along dimension 1, as in the fork's trees."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.in_dim, self.out_dim, self.initialization_type = in_dim, out_dim, "residual"
        self.register_buffer("a", torch.randint(0, in_dim, (out_dim,)))
        self.register_buffer("b", torch.randint(0, in_dim, (out_dim,)))
        self.weights = nn.Parameter(torch.randn(out_dim, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x[:, self.a], x[:, self.b]
        numbers = self.weights.argmax(-1).tolist()
        return torch.stack([gate(a[:, i], b[:, i], n) for i, n in enumerate(numbers)], dim=1)


class LogicTree(nn.Module):
    def __init__(self, in_dim: int, depth: int) -> None:
        super().__init__()
        widths = [2**level for level in reversed(range(depth))]
        self.tree = nn.Sequential(
            *(Logic(a, b) for a, b in zip([in_dim, *widths], widths, strict=False))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tree(x)


class Conv(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, depth: int = 3, kernel_size: int = 3,
        stride: int = 1, padding: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.in_channels, self.out_channels = in_channels, out_channels
        width = kernel_size**2 * in_channels
        self.filters = nn.ModuleList([LogicTree(width, depth) for _ in range(out_channels)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = (
            (n + 2 * self.padding - self.kernel_size) // self.stride + 1 for n in x.shape[2:]
        )
        padded = nn.functional.pad(x, (self.padding,) * 4)
        patches = nn.functional.unfold(padded, self.kernel_size, stride=self.stride)
        rows = torch.cat([tree(patches) for tree in self.filters], dim=1)
        return rows.reshape(len(x), self.out_channels, height, width)


class LogicLayerIWP(nn.Module):
    def __init__(self, in_dim: int, out_dim: int, act_fn: str, implementation: str) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(out_dim, 4) * 2)
        self.in_dim, self.out_dim, self.device = in_dim, out_dim, "cpu"
        self.act_fn_str, self.implementation = act_fn, implementation
        self.indices = tuple(torch.randint(0, in_dim, (2, out_dim)).unbind())
        self.register_buffer("grad_mask", torch.ones(out_dim, 4, dtype=torch.bool))

    def active(self) -> torch.Tensor:
        w = self.weights
        if self.act_fn_str in ("SIN01", "sin-st"):
            return 0.5 + 0.5 * torch.sin(w)
        return torch.clamp(w, 0, 1) if self.act_fn_str == "linear" else torch.sigmoid(w)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value = self.active()
        w = torch.round(value) if self.implementation == "cuda" else (value >= 0.5).float()
        a, b = x[..., self.indices[0]], x[..., self.indices[1]]
        return (
            (1 - a) * (1 - b) * w[:, 0] + (1 - a) * b * w[:, 1] + a * (1 - b) * w[:, 2]
            + a * b * w[:, 3]
        )  # fmt: skip


class ExtraGroupSum(nn.Module):
    def __init__(
        self, k: int, tau: float = 1.0, n_splits: int = 1, gs_flip: int = 0, in_dim: int = 0,
        use_bias: bool = False, use_weights: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.k, self.tau, self.device, self.n_splits = k, tau, "cpu", n_splits
        self.for_each_split, self.gs_flip, self.in_dim = False, gs_flip, in_dim
        self.use_bias, self.use_weights = use_bias, use_weights
        self.bias = nn.Parameter(torch.zeros(k)) if use_bias else None
        self.weights = nn.Parameter(torch.ones(in_dim)) if use_weights else None
        if gs_flip:
            self.register_buffer("flip_mask", torch.arange(in_dim) % gs_flip == 0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.weights is not None:
            x = x * self.weights
        if self.gs_flip:
            x = x * (~self.flip_mask) + (1 - x) * self.flip_mask
        grouped = x.reshape(len(x), self.n_splits, self.k, -1)
        logits = grouped.sum(-1).sum(-2) / self.tau
        return logits if self.bias is None else logits + self.bias


def trained_head(what: str, k: int, in_dim: int, **more: Any) -> ExtraGroupSum:
    """Return a head whose weights or biases, or both, are trained ones."""
    extras = {"use_bias": "bias" in what, "use_weights": "weights" in what}
    head = ExtraGroupSum(k, 1.5, in_dim=in_dim, **extras, **more)
    with torch.no_grad():
        for part in (head.bias, head.weights):
            if part is not None:
                part.add_(torch.randn(part.shape) * 0.7)
    return head


ExtraGroupSum.__name__ = ExtraGroupSum.__qualname__ = "GroupSum"
register("difflogic.conv", Logic, LogicTree, Conv)
register("difflogic.difflogic_iwp", LogicLayerIWP, ExtraGroupSum)

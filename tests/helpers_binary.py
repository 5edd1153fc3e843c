"""Binary networks by the definitions in their trainers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gatec.bits import pack
from gatec.frontends import write_neutral
from gatec.model import ModelGraph


def random_pynq(
    widths: Sequence[int], seed: int, *, thresholds_at_the_end: bool = True
) -> dict[str, np.ndarray]:
    """Return the arrays of a binary network as BNN-PYNQ's parameters are published."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for i, (inputs, neurons) in enumerate(pairwise(widths)):
        weights = rng.integers(0, 2, size=(neurons, inputs), dtype=np.uint8)
        arrays[f"L{i}_weight_bits"] = np.packbits(weights, axis=1, bitorder="little")
        arrays[f"L{i}_shape"] = np.array(weights.shape)
        if thresholds_at_the_end or i < len(widths) - 2:
            spread = rng.integers(-2, 3, size=neurons)
            arrays[f"L{i}_threshold"] = (inputs // 2 + spread).astype(np.int32)
    return arrays


def run_pynq(arrays: dict[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    """Return the last layer's bits, or its counts where it has no thresholds."""
    for i in range(sum(key.endswith("_shape") for key in arrays)):
        inputs = arrays[f"L{i}_shape"][1]
        packed = arrays[f"L{i}_weight_bits"]
        weights = np.unpackbits(packed, axis=1, bitorder="little")[:, :inputs]
        padded = np.pad(bits, ((0, 0), (0, inputs - bits.shape[1])))
        # Agreements, as XNOR and popcount: in float32, where these sums are exact.
        signs = (2.0 * padded - 1).astype(np.float32) @ (2.0 * weights - 1).astype(np.float32).T
        counts = ((signs + inputs) / 2).astype(np.int64)
        if f"L{i}_threshold" not in arrays:
            return counts
        bits = (counts > arrays[f"L{i}_threshold"]).astype(np.uint8)
    return bits


class Sign(nn.Module):
    """+1 and -1, with a choice of what becomes of 0."""

    def __init__(self, zero: int = 1) -> None:
        super().__init__()
        self.zero = zero

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return signs(x) if self.zero else torch.sign(x)


def signs(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x >= 0, 1.0, -1.0)


class BinaryLinear(nn.Linear):
    """A dense layer of which the signs of the weights count."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__(inputs, outputs, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, signs(self.weight), self.bias)


class BinaryConv2d(nn.Conv2d):
    """The same for images; with `freq` as BiPer has it in its second stage, scaled by alpha."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, padding: int = 0, *,
        bias: bool = False, freq: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(inputs, outputs, kernel, padding=padding, bias=bias)
        self.freq = freq
        if freq is not None:
            self.alpha = nn.Parameter(torch.rand(outputs, 1, 1))
            self.register_buffer("tau", torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        latent = self.weight if self.freq is None else torch.sin(self.freq * self.weight)
        found = nn.functional.conv2d(x, signs(latent), self.bias, self.stride, self.padding)
        return found if self.freq is None else found * self.alpha


class BooleanLinear:
    """A layer of Boolean weights, and perhaps a Boolean bias."""

    def __init__(
        self, rng: np.random.Generator, inputs: int, outputs: int, bias: bool = False
    ) -> None:
        self.weight = torch.from_numpy(rng.random((outputs, inputs)) < 0.5)
        self.bias = torch.from_numpy(rng.random(outputs) < 0.5) if bias else None

    def agreements(self, bits: np.ndarray) -> np.ndarray:
        return (bits[:, None] == self.weight.numpy()).sum(axis=2)


def write_boolean_conv(folder: Path, bits: np.ndarray) -> np.ndarray:
    """Write BOLD's layers, two convolutions in front, and return the scores of 2x4x4 `bits`.

    The first counts the XNORs that are true; the second sums them as +1 and -1, with zeros around.
    """
    rng = np.random.default_rng(8)
    first, second = (torch.from_numpy(rng.random((3, n, 3, 3)) < 0.5) for n in (2, 3))
    dense = BooleanLinear(rng, 12, 4)
    tensors = {"0.weight": first, "2.weight": second, "5.weight": dense.weight}
    torch.save(tensors, folder / "net.pth")
    listed = [
        {"BooleanConv2d": {"count": True}}, {"BooleanThreshold": {"threshold": 9}},
        {"BooleanConv2d": {"padding": 1}}, {"BooleanThreshold": {"threshold": 1}},
        {"Flatten": {}}, {"BooleanLinear": {}},
    ]  # fmt: skip
    (folder / "net.json").write_text(json.dumps(listed))
    image = torch.from_numpy(bits).reshape(-1, 2, 4, 4)
    patches = nn.functional.unfold(image.double(), 3).reshape(-1, 1, 18, 4)
    counts = (patches == first.reshape(3, 18, 1)).sum(2).reshape(-1, 3, 2, 2)
    signed = torch.where(counts >= 9, 1.0, -1.0)
    sums = nn.functional.conv2d(signed, torch.where(second, 1.0, -1.0), padding=1)
    return dense.agreements((sums >= 1).flatten(1).numpy().astype(np.uint8))


def with_statistics(net: nn.Module) -> nn.Module:
    """Give the batch norms statistics and gains as training leaves them, some gains negative."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias, std=0.5)
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 4.0)
    return net.eval()


def write_cascade(folder: Path, small: ModelGraph, large: ModelGraph, margin: int) -> Path:
    """Write both nets in the neutral form, and the file that joins them."""
    for name, net in (("small", small), ("large", large)):
        write_neutral(net, folder / f"{name}.npz")
    names = {name: {"file": f"{name}.npz"} for name in ("small", "large")}
    (folder / "net.json").write_text(json.dumps({"cascade": {**names, "margin": margin}}))
    return folder / "net.json"


def cascaded(
    small: ModelGraph, large: ModelGraph, bits: np.ndarray, margin: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes that a cascade answers, and where the small net is sure."""
    counts = small.evaluate(pack(bits), len(bits)).scores
    assert counts is not None
    return answered(counts.T, large.predict(bits), margin)


def answered(counts: np.ndarray, others: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of the small net's counts `[samples, classes]` and the large one's classes."""
    ranked = np.sort(counts, axis=1)
    sure = ranked[:, -1] - ranked[:, -2] >= margin
    return np.where(sure, counts.argmax(axis=1), others), sure

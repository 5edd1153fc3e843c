"""Layers of torch-dwn and difflut, written from their published formulas, that pickle like theirs.

torch-dwn evaluates on a GPU only; its state dicts and modules are what matters here. LLNN and
dwn2rtl are installed and stand for themselves.
"""

from __future__ import annotations

import torch
from helpers_frontends import register
from torch import nn


class LearnableMapping(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.rand(inputs, outputs))
        self.tau = 0.001

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.weights.argmax(dim=0)]


class LUTLayer(nn.Module):
    def __init__(self, input_size: int, output_size: int, n: int, mapping: str = "random") -> None:
        super().__init__()
        self.input_size, self.output_size, self.n = input_size, output_size, n
        self.ste, self.clamp_luts = True, True
        self.alpha, self.beta = torch.tensor(0.5), torch.tensor(0.25)
        if mapping == "learnable":
            self.mapping = LearnableMapping(input_size, output_size * n)
            decoy = torch.arange(output_size * n).reshape(output_size, n).int()
            self.register_parameter("_LUTLayer__dummy_mapping", nn.Parameter(decoy, False))
        else:
            wires = torch.randint(0, input_size, (output_size, n)).int()
            self.mapping = nn.Parameter(wires, requires_grad=False)
        self.luts = nn.Parameter(torch.rand(output_size, 2**n) * 2 - 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if isinstance(self.mapping, LearnableMapping):
            x = self.mapping(x).reshape(len(x), self.output_size, self.n)
        else:
            x = x[:, self.mapping.long()]
        address = ((x > 0) * 2 ** torch.arange(self.n)).sum(-1)
        return (self.luts.gather(1, address.T).T > 0).float()


class WideGroupSum(nn.Module):
    def __init__(self, k: int, tau: float = 1, randperm: int = 0) -> None:
        super().__init__()
        self.k, self.tau = k, tau
        self.randperm = torch.randperm(randperm) if randperm else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x if self.randperm is None else x[:, self.randperm]
        x = nn.functional.pad(x, (0, -x.shape[1] % self.k))
        return x.reshape(len(x), self.k, -1).sum(-1) / self.tau


class Thermometer:
    def __init__(self, thresholds: torch.Tensor) -> None:
        self.num_bits, self.feature_wise = thresholds.shape[-1], thresholds.ndim > 1
        self.thresholds = thresholds

    def binarize(self, x: torch.Tensor) -> torch.Tensor:
        return (x.unsqueeze(-1) > self.thresholds).float()


WideGroupSum.__name__ = WideGroupSum.__qualname__ = "GroupSum"
register("torch_dwn.lut_layer", LUTLayer)
register("torch_dwn.mapping", LearnableMapping)
register("torch_dwn.utils", WideGroupSum)
register("torch_dwn.binarization", Thermometer)  # type: ignore[arg-type]


def dwn_net(n: int = 4, *, learned: bool = True, inputs: int = 12, classes: int = 3,
            permuted: bool = False) -> nn.Sequential:  # fmt: skip
    """Return two layers and a GroupSum, of whose groups the last is filled up."""
    torch.manual_seed(n)
    kind = "learnable" if learned else "random"
    return nn.Sequential(
        LUTLayer(inputs, 20, n, kind), LUTLayer(20, 16, n),
        WideGroupSum(classes, 2.0, 16 if permuted else 0),
    ).eval()  # fmt: skip


class DiffLogicNode(nn.Module):
    """Functions by their rows of outputs at (a, b) = 00, 01, 10, 11: difflogic's bits reversed."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(outputs, 16))
        pairs = torch.stack([torch.randperm(inputs)[:2] for _ in range(outputs)])
        self.register_buffer("indices", pairs)
        rows = (torch.arange(16)[:, None] >> torch.arange(4)) & 1
        self.register_buffer("truth_tables", rows.float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x[:, self.indices[:, 0]].long(), x[:, self.indices[:, 1]].long()
        return self.truth_tables[self.weights.argmax(-1), 2 * a + b]


class DWNNode(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("alpha", torch.tensor(0.5))
        self.register_buffer("beta", torch.tensor(0.5))
        self.luts = nn.Parameter(torch.rand(outputs, 2**inputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        address = (x * 2 ** torch.arange(x.shape[1])).sum(-1).long()
        return (self.luts[:, address].T >= 0.5).float()


class NodeLayer(nn.Module):
    """difflut's RandomLayer, or with `learned` its LearnableLayer."""

    def __init__(self, inputs: int, count: int, n: int, node: type[nn.Module], outputs: int = 1,
                 *, learned: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.nodes = nn.ModuleList([node(n, outputs) for _ in range(count)])
        self.n = n
        if learned:
            self.mapping = nn.Module()
            self.mapping.W = nn.Parameter(torch.randn(count * n, inputs))
        else:
            wires = torch.randint(0, inputs, (count, n)).to(torch.int16)
            self.register_buffer("_mapping_indices", wires)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wires = getattr(self, "_mapping_indices", None)
        if wires is None:
            wires = self.mapping.W.argmax(-1).reshape(-1, self.n)
        rows = [node(x[:, wires[i].long()]) for i, node in enumerate(self.nodes)]
        return torch.stack(rows, 1).flatten(1)


register("difflut.layers.random_layer", NodeLayer)

"""Layers of torch-dwn and difflut, written from their published formulas, that pickle like theirs.

torch-dwn evaluates on a GPU only; its state dicts and modules are what matters here. LLNN and
dwn2rtl are installed and stand for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
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
        self.eval_mode = "deterministic"
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
        self.n, self.input_size = n, inputs
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


class RandomLayer(NodeLayer):
    pass


class LearnableLayer(NodeLayer):
    pass


class PaddedGroupSum(WideGroupSum):
    """difflut's: tau is a buffer, the order is drawn anew or not at all."""

    def __init__(self, k: int, tau: float = 1.0) -> None:
        super().__init__(k)
        del self.tau, self.randperm
        self.register_buffer("tau", torch.tensor(tau))
        self.use_randperm, self.randperm = False, None


class SimpleFeedForward(nn.Module):
    """difflut's, with nothing for an encoder."""

    def __init__(self, layers: list[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.layers, self.output_layer = None, nn.ModuleList(layers), head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.output_layer(nn.Sequential(*self.layers)(x))
        return found


PaddedGroupSum.__name__ = PaddedGroupSum.__qualname__ = "GroupSum"
register("difflut.layers.random_layer", RandomLayer, NodeLayer)
register("difflut.layers.learnable_layer", LearnableLayer)
register("difflut.nodes.difflogic_node", DiffLogicNode)
register("difflut.nodes.dwn_node", DWNNode)
register("difflut.heads.groupsum", PaddedGroupSum)
register("difflut.models.feedforward", SimpleFeedForward)


def difflut_layers() -> list[nn.Module]:
    """Return layers of all sorts, the last of ten bits."""
    return [
        RandomLayer(9, 12, 3, DiffLogicNode, 2), LearnableLayer(24, 10, 4, DWNNode, learned=True),
        RandomLayer(10, 12, 7, DWNNode), RandomLayer(12, 10, 2, DiffLogicNode),
    ]  # fmt: skip


# Of a layer: bits of an input value and of an output value, and for each neuron the values that it
# reads and its table, `[2**(fan-in * bits)]` of output values.
Neurons = list[tuple[int, int, list[tuple[list[int], np.ndarray]]]]


def random_neurons(rng: np.random.Generator, sizes: list[tuple[int, int]], fan_in: int) -> Neurons:
    """Return layers of neurons; `sizes` has values and bits of each, first the input's 6."""
    found: Neurons = []
    for (count, bits), (width, out) in pairwise(sizes):
        neurons = [
            (sorted(rng.choice(count, fan_in, replace=False).tolist()),
             rng.integers(0, 1 << out, 1 << fan_in * bits))
            for _ in range(width)
        ]  # fmt: skip
        found.append((bits, out, neurons))
    return found


def write_logicnets(
    folder: Path,
    layers: Neurons,
    *,
    registers: bool = True,
    top: str = "logicnet",
    names: Sequence[str] = (),
) -> Callable[[np.ndarray], np.ndarray]:
    """Write a file for each neuron and layer as LogicNets does; return the net's evaluation.

    `top` and `names`, of the layers, are what its successors call theirs.
    """
    names = names or [f"layer{i}" for i in range(len(layers))]
    body: list[str] = []
    for i, (bits, out, neurons) in enumerate(layers):
        width = (6 if i == 0 else len(layers[i - 1][2])) * bits
        lines = [f"module {names[i]} (input [{width - 1}:0] M0, output "
                 f"[{len(neurons) * out - 1}:0] M1);\n"]  # fmt: skip
        for j, (indices, table) in enumerate(neurons):
            name, size = f"{names[i]}_N{j}", len(indices) * bits
            wires = ", ".join(f"M0[{k * bits + b}]" for k in indices for b in reversed(range(bits)))
            lines.append(f"wire [{size - 1}:0] {name}_wire = {{{wires}}};")
            ends = f"M1[{(j + 1) * out - 1}:{j * out}]"
            lines.append(f"{name} {name}_inst (.M0({name}_wire), .M1({ends}));\n")
            rows = [f"\t\t\t{size}'b{a:0{size}b}: M1r = {out}'b{v:0{out}b};"
                    for a, v in enumerate(table)]  # fmt: skip
            (folder / f"{name}.v").write_text(
                f"module {name} ( input [{size - 1}:0] M0, output [{out - 1}:0] M1 );\n\n"
                f'\t(*rom_style = "distributed" *) reg [{out - 1}:0] M1r;\n\tassign M1 = M1r;\n'
                "\talways @ (M0) begin\n\t\tcase (M0)\n" + "\n".join(rows)
                + "\n\t\tendcase\n\tend\nendmodule\n"
            )  # fmt: skip
        (folder / f"{names[i]}.v").write_text("\n".join([*lines, "endmodule"]))
        last = i == len(layers) - 1
        held = f"assign M{i}w = M{i};"
        if registers:
            held = (f"myreg #(.DataWidth({width})) {names[i]}_reg (.data_in(M{i}), .clk(clk), "
                    f".rst(rst), .data_out(M{i}w));")  # fmt: skip
        body += [f"wire [{width - 1}:0] M{i}w;", held]
        body += [] if last else [f"wire [{len(neurons) * out - 1}:0] M{i + 1};"]
        body.append(f"{names[i]} {names[i]}_inst (.M0(M{i}w), .M1(M{i + 1}));")
    ends = len(layers[-1][2]) * layers[-1][1]
    (folder / f"{top}.v").write_text(
        f"module {top} (input [{6 * layers[0][0] - 1}:0] M0, input clk, input rst, "
        f"output[{ends - 1}:0] M{len(layers)});\n" + "\n".join(body) + "\n\nendmodule\n"
    )
    (folder / "myreg.v").write_text(
        "module myreg #(parameter DataWidth=16) (\n    input [DataWidth-1:0] data_in,\n    input "
        "wire clk,\n    input wire rst,\n    output reg [DataWidth-1:0] data_out\n    );\n    "
        "always@(posedge clk) begin\n    if(!rst)\n        data_out<=data_in;\n    else\n        "
        "data_out<=0;\n    end\nendmodule\n"
    )

    def evaluate(x: np.ndarray) -> np.ndarray:
        for bits, out, neurons in layers:
            values = x.reshape(len(x), -1, bits) @ (1 << np.arange(bits))
            columns = []
            for indices, table in neurons:
                address = np.zeros(len(x), dtype=int)
                for index in indices:
                    address = address << bits | values[:, index]
                columns.append(table[address][:, None] >> np.arange(out) & 1)
            x = np.concatenate(columns, axis=1)
        return x

    return evaluate

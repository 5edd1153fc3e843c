"""What facts about thermometer codes gain, on nets that this script trains; every result is proved.

    python tests/bench/stated_facts.py [NAME ...]

The nets are two layers of tables that read thermometer bits, trained for some seconds on data sets
that come with scikit-learn, and one of random tables over 16 thermometers of 16 bits, which has the
shape of jet taggers. Their last layer is mapped to LUTs: as it is; with ABC's exchange of gates
once more, but without facts; with tables that do not read what the facts tell (`unread`); with
gates exchanged under don't-cares that the facts give (`exchange`); and with both. With an encoder
in the circuit (8-bit codes, the features' quantiles as levels), its comparators are counted too.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor, nn
from torch.nn import functional

from gatec.assumptions import encoder_care
from gatec.blocks import InputBits, LutLayer, Thermometer
from gatec.care import Care, Fact
from gatec.fact_steps import prove_under
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.passes import PIPELINES
from gatec.passes.facts import behind_encoder, exchange, unread
from gatec.passes.runner import run_passes
from gatec.proof.verdict import Verdict
from gatec.tables import expand

_CANDIDATES = 8
_TIMEOUT = 600.0


@dataclass(frozen=True)
class Shape:
    """Data (None: random tables), inputs of a table, bits of a thermometer, layers, steps."""

    data: str | None
    fanin: int
    bits: int
    widths: tuple[int, ...]
    steps: int = 0


SHAPES = {
    "digits, 2 inputs": Shape("digits", 2, 8, (300, 300), 700),
    "digits, 4 inputs": Shape("digits", 4, 8, (200, 200), 500),
    "cancer, 4 inputs": Shape("cancer", 4, 8, (150, 100), 400),
    "cancer, 6 inputs": Shape("cancer", 6, 12, (100, 60), 250),
    "random, 6 inputs": Shape(None, 6, 16, (60,)),
}


class Tables(nn.Module):
    """A layer of tables; each input chooses among a few random candidates."""

    candidates: Tensor

    def __init__(self, inputs: int, gates: int, fanin: int) -> None:
        super().__init__()
        self.fanin = fanin
        slots = gates * fanin * _CANDIDATES
        offered = torch.cat([torch.randperm(inputs) for _ in range(slots // inputs + 1)])[:slots]
        self.register_buffer("candidates", offered.view(gates, fanin, _CANDIDATES))
        self.choice = nn.Parameter(0.1 * torch.randn(gates, fanin, _CANDIDATES))
        first = (torch.arange(1 << fanin) & 1) * 2.0 - 1
        self.table = nn.Parameter(first + 0.5 * torch.randn(gates, 1 << fanin))

    def forward(self, bits: Tensor) -> Tensor:
        """Return `[samples, gates]`: hard values, soft gradients."""
        soft = self.choice.softmax(2)
        hard = functional.one_hot(self.choice.argmax(2), _CANDIDATES).float()
        offered = bits[:, self.candidates.reshape(-1)].view(len(bits), *self.candidates.shape)
        reads = (offered * (hard + soft - soft.detach())).sum(3)
        soft = self.table.sigmoid()
        values = ((self.table > 0).float() + soft - soft.detach())[None]
        for slot in reversed(range(self.fanin)):
            low, high = values.chunk(2, dim=2)
            read = reads[:, :, slot, None]
            values = low * (1 - read) + high * read
        return values[:, :, 0]

    def layer(self, name: str, width: int) -> LutLayer:
        """Return it as a block that reads `width` bits."""
        chosen = self.candidates.gather(2, self.choice.argmax(2, keepdim=True))[:, :, 0]
        ones = (self.table > 0).numpy().astype(np.uint64)
        packed = (ones << np.arange(ones.shape[1], dtype=np.uint64)).sum(1, dtype=np.uint64)
        return LutLayer(name, width, chosen.numpy(), expand(packed, self.fanin))


def make(shape: Shape) -> tuple[Thermometer, list[LutLayer], float]:
    """Return a net's encoder, its layers, and its accuracy on the rows that it was trained on."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if shape.data is None:
        rng = np.random.default_rng(1)
        levels = np.sort(rng.choice(np.arange(1, 255), (16, shape.bits)), axis=1)
        fanin = rng.integers(0, levels.size, (shape.widths[0], shape.fanin))
        tables = rng.integers(0, 1 << 63, shape.widths[0], dtype=np.uint64)
        return _encoder(levels), [LutLayer("layer0", levels.size, fanin, tables)], float("nan")
    data = load_digits() if shape.data == "digits" else load_breast_cancer()
    low, high = data.data.min(0), data.data.max(0)
    codes = np.round((data.data - low) / np.maximum(high - low, 1e-9) * 255)
    shares = (np.arange(shape.bits) + 1) / (shape.bits + 1)
    levels = np.clip(np.quantile(codes, shares, axis=0).T.round(), 1, 255).astype(np.int32)
    bits = torch.from_numpy((codes[:, :, None] >= levels).reshape(len(codes), -1)).float()
    labels, classes = torch.from_numpy(data.target), int(data.target.max()) + 1
    widths = (bits.shape[1], *shape.widths)
    pairs = list(zip(widths, shape.widths, strict=False))
    layers = nn.Sequential(*(Tables(*pair, shape.fanin) for pair in pairs))
    optimiser = torch.optim.Adam(layers.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.05, total_steps=shape.steps)
    for _ in range(shape.steps):
        rows = torch.randint(len(bits), (96,))
        scores = layers(bits[rows]).view(len(rows), classes, -1).sum(2)
        loss = functional.cross_entropy(scores / 2, labels[rows], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        best = layers(bits).round().view(len(bits), classes, -1).sum(2).argmax(1)
        blocks = [
            one.layer(f"layer{n}", pairs[n][0])
            for n, one in enumerate(layers)
            if isinstance(one, Tables)
        ]
    return _encoder(levels), blocks, float((best == labels).float().mean())


def _encoder(levels: np.ndarray) -> Thermometer:
    return Thermometer("encoder", levels.astype(np.int32), 8)


def mapped(net: Netlist, k: int) -> Netlist:
    """Return a netlist as `-O2` maps it."""
    return run_passes(net, PIPELINES[2](k))[0]


def proved(care: Care, net: Netlist, circuit: Netlist) -> int:
    """Return the LUTs of a circuit that is proved equal where the facts hold."""
    if prove_under(care, net, circuit, None, _TIMEOUT).verdict is not Verdict.EQUIVALENT:
        raise SystemExit("not proved")
    return circuit.num_gates


def sizes(encoder: Thermometer, layers: list[LutLayer], k: int) -> list[int]:
    """Return the LUTs by each way, and with the encoder without facts and with them."""
    width = encoder.out_width
    net = lower(ModelGraph.chain([InputBits("x", width), *layers], "net")).netlist
    groups = np.arange(width, dtype=np.int32).reshape(-1, encoder.levels.shape[1])
    care, nothing = Care(width, (Fact("thermometer", groups),)), Care(width)
    plain, less = mapped(net, k), mapped(unread(net, care), k)
    found = [plain, exchange(plain, nothing), less, exchange(plain, care), exchange(less, care)]
    model = ModelGraph.chain([InputBits("x", encoder.in_width), encoder, *layers], "net")
    lowering = lower(model)
    whole = lowering.netlist
    facts = encoder_care(encoder)
    known = behind_encoder(whole, lowering.block_nets["encoder"], facts)
    ends = [proved(Care(whole.num_inputs), whole, mapped(one, k)) for one in (whole, known)]
    return [*(proved(care, net, one) for one in found), *ends]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(SHAPES))
    print("| net | right | LUT | mapped | exchange, no facts | unread | exchange | both | ", end="")
    print("with encoder | the same, facts |")
    print("|---" * 10 + "|")
    for name in parser.parse_args().names:
        encoder, layers, right = make(SHAPES[name])
        for k in (4, 6):
            row = [
                "-" if np.isnan(right) else f"{right:.1%}",
                f"LUT{k}",
                *sizes(encoder, layers, k),
            ]
            print(f"| {name} | " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()

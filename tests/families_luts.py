"""Rows of the matrix: weightless nets and networks of trained LUTs."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import dwn2rtl
import numpy as np
import torch
from dwn2rtl.extract import extract_tables, extract_wiring, forward
from families_gates import judged
from helpers_bloom import ensemble, save_packed, wisard
from helpers_frontends import gate, save
from helpers_luts import (
    DiffLogicNode,
    DWNNode,
    NodeLayer,
    Thermometer,
    WideGroupSum,
    dwn_net,
    random_neurons,
    write_logicnets,
)
from helpers_matrix import VECTORS, Family, Reference, random_bits
from llnn.lutnn import LUTNN
from torch import nn

from gatec.frontends import ReadOptions


def dwn_module(_: Path) -> Reference:
    net = dwn_net(6, permuted=True)
    save(net, Path("net.pt"))
    return judged(net, (12,), 3)


def wide_dwn(_: Path) -> Reference:
    net = dwn_net(8)
    save(net.state_dict(), Path("net.pt"))
    return judged(net, (12,), 3)


def dwn2rtl_file(_: Path) -> Reference:
    """By dwn2rtl's own evaluation."""
    net = nn.Sequential(*dwn_net(6)[:2], WideGroupSum(4))
    thresholds = torch.arange(3).expand(4, 3) * 60 + 17.5 * torch.arange(4)[:, None]
    stored = dwn2rtl.save(net, Thermometer(thresholds), "net.pt")["state_dict"]
    planes = random_bits(32)
    codes = planes.reshape(VECTORS, 4, 8) @ (1 << np.arange(8))
    bits = (codes[:, :, None] > thresholds.numpy()).reshape(VECTORS, 12)
    layers = [(extract_tables(stored, i), *extract_wiring(stored, i, 6)) for i in (0, 1)]
    return Reference(planes, classes=forward(bits, layers, 4)[0])


def llnn(_: Path) -> Reference:
    torch.manual_seed(1)
    with contextlib.redirect_stdout(io.StringIO()):
        net = LUTNN([18, 30], 2, [6, 4], 11, 3, tau=4).eval()
    torch.save(net, "net.pth")
    return judged(net, (11,), 3)


def few_best(_: Path) -> Reference:
    """LILogicNet with the few best wires of each input kept."""
    torch.manual_seed(3)
    state: dict[str, Any] = {}
    bits = random_bits(9)
    x = torch.from_numpy(bits)
    for i, (inputs, gates) in enumerate(((9, 15), (15, 12))):
        scores, candidates = torch.randn(4, 2 * gates), torch.randint(0, inputs, (4, 2 * gates))
        logits = torch.randn(16, gates)
        state |= {f"layers.{2 * i}.top_c": scores, f"layers.{2 * i}.top_indices": candidates,
                  f"layers.{2 * i + 1}.w": logits}  # fmt: skip
        wires = candidates[scores.argmax(0), torch.arange(2 * gates)]
        pairs = x[:, wires].reshape(VECTORS, gates, 2).unbind(2)
        columns = [gate(pairs[0][:, g], pairs[1][:, g], n) for g, n in enumerate(logits.argmax(0))]
        x = torch.stack(columns, 1)
    torch.save(state, "net.pth")
    return Reference(bits, classes=x.reshape(VECTORS, 3, 4).sum(2).argmax(1).numpy())


def difflut(_: Path) -> Reference:
    torch.manual_seed(5)
    net = nn.Sequential(
        NodeLayer(9, 12, 3, DiffLogicNode, 2), NodeLayer(24, 12, 4, DWNNode, learned=True)
    ).eval()
    save(net.state_dict(), Path("net.pt"))
    return judged(nn.Sequential(net, WideGroupSum(3)), (9,), 3)


def bthowen(_: Path) -> Reference:
    model = wisard(np.random.default_rng(0), inputs=23, classes=4)
    save_packed(model, Path("net.pickle.lzma"))
    bits = random_bits(23)
    return Reference(bits, classes=model.responses(bits).argmax(1))


def uleen(_: Path) -> Reference:
    model = ensemble(np.random.default_rng(3))
    save_packed(model, Path("net.pickle.lzma"))
    bits = random_bits(24)
    return Reference(bits, classes=model.responses(bits).argmax(1))


def logicnets(folder: Path) -> Reference:
    layers = random_neurons(np.random.default_rng(2), [(6, 2), (8, 2), (4, 3)], fan_in=4)
    bits = random_bits(12)
    return Reference(bits, write_logicnets(folder, layers)(bits).astype(np.uint8))


FAMILIES = (
    Family("DWN, whole module", "net.pt", dwn_module),
    Family("DWN, state dict, LUT8", "net.pt", wide_dwn, ReadOptions(classes=3)),
    Family("DWN, file of dwn2rtl", "net.pt", dwn2rtl_file, ReadOptions(features="uint8")),
    Family("Bloom filters, BTHOWeN", "net.pickle.lzma", bthowen),
    Family("Bloom filters, ULEEN", "net.pickle.lzma", uleen),
    Family("LLNN", "net.pth", llnn, ReadOptions(inputs=11)),
    Family("LILogicNet, top-k", "net.pth", few_best, ReadOptions(inputs=9, classes=3)),
    Family("LogicNets, Verilog", "logicnet.v", logicnets, more=("--output", "bits")),
    Family("difflut", "net.pt", difflut, ReadOptions(inputs=9, classes=3)),
)

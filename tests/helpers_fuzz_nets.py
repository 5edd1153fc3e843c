"""Files of weightless nets, networks of LUTs and circuits to damage: see `helpers_fuzz`."""

from __future__ import annotations

import contextlib
import copy
import io
import lzma
from pathlib import Path
from typing import Any

import helpers_fuzz_judges as judges
import numpy as np
import torch
from helpers_bloom import ensemble, pickled, wisard
from helpers_circuits import as_text, random_aig
from helpers_frontends import save
from helpers_fuzz import (
    ODD,
    Format,
    damage_module,
    damaged_array,
    module_format,
    npz_format,
    text_format,
    words_format,
    write_bytes,
)
from helpers_fuzz_aiger import aiger
from helpers_fuzz_forms import parametrised, scaled_dwn
from helpers_fuzz_judges import loads, runs
from helpers_fuzz_verilog import have_icarus, icarus
from helpers_luts import (
    DiffLogicNode,
    DWNNode,
    NodeLayer,
    PaddedGroupSum,
    Thermometer,
    WideGroupSum,
    difflut_layers,
    dwn_net,
    random_neurons,
    write_logicnets,
)
from llnn.lutnn import LUTNN
from torch import nn

from gatec.aiger import write_aiger
from gatec.frontends import ReadOptions

_VERILOG = """module half #(parameter N = 1) (input x, y, output c, s); and (c, x, y);
  assign s = x ^ y; endmodule
module top(input [2:0] a, input clk, rst, output [3:0] q); wire c, t; reg [1:0] r;
  half #(.N(2)) h(a[0], a[1], c, t);
  always @(posedge clk) if (!rst) r <= {c, t}; else r <= 2'b0;
  reg e; always @(posedge clk) e <= a[2] == 1'b0 ? ^a : |a[1:0];
  assign q[3:2] = {2{e}} & ~r, q[1:0] = {r[0], 1'b1};
endmodule
"""


def net_formats(folder: Path) -> dict[str, Format]:
    """Return the formats; `folder` is for what lies beside a model file."""
    rng = np.random.default_rng(1)
    torch.manual_seed(9)
    nodes = nn.Sequential(NodeLayer(6, 4, 3, DWNNode), NodeLayer(4, 4, 2, DiffLogicNode))
    llnn = {f"0.{key}": rng.normal(size=(4, 8)).astype("f4") for key in ("w", "w_comp")}
    wires = rng.integers(0, 6, (4, 3))
    np.savez(folder / "llnn.npz", **{"layers.0.fanin": wires})
    dwn, wide = dwn_net(3, inputs=6), dwn_net(7, inputs=9)[1:2]
    few_best = {"layers.0.top_c": rng.normal(size=(3, 8)).astype("f4"),
                "layers.0.top_indices": rng.integers(0, 6, (3, 8)),
                "layers.1.w": rng.normal(size=(16, 4)).astype("f4")}  # fmt: skip
    layers = random_neurons(rng, [(6, 1), (2, 2)], 3)
    write_logicnets(folder, layers)
    neuron = (folder / "layer0_N0.v").read_text()
    ascii_text = as_text(random_aig(rng, 5, 8, 4), 2, [" 1", ""], binary=False).decode()

    def write_parameters(path: Path, rng: np.random.Generator | None) -> tuple[bytes, bytes]:
        bits = text_format("1011\n", ReadOptions(), write_bytes)
        text = bits.write(folder / "bits", None if rng is None or rng.random() < 0.3 else rng)
        # Of a seed with which every input counts.
        data = write_aiger(random_aig(np.random.default_rng(4), 7, 30, 6))
        mild = rng is None or rng.random() < 0.5
        return text, _write_aiger(path, bytearray(data), None if mild else rng)

    simulated = icarus if have_icarus() else None
    with contextlib.redirect_stdout(io.StringIO()):
        llnn_net = LUTNN([6, 10], 2, [3, 2], 6, 2).eval()
    return {
        "dwn": npz_format(
            arrays(dwn[:2]), ReadOptions(inputs=6, classes=3),
            loads(nn.Sequential(*dwn[:2], WideGroupSum(3)), (6,), classes=True),
        ),
        "dwn module": module_format(
            dwn_net(3, inputs=6, permuted=True), ReadOptions(), judge=runs((6,), classes=True)
        ),
        "dwn checkpoint": Format(ReadOptions(features="uint3"), write_checkpoint, scaled_dwn),
        "wide luts": npz_format(
            arrays(wide), ReadOptions(inputs=20), loads(wide, (20,), classes=False)
        ),
        "llnn": npz_format(
            llnn, ReadOptions(inputs=6, wiring=folder / "llnn.npz"), judges.llnn(wires)
        ),
        "llnn module": module_format(
            llnn_net, ReadOptions(inputs=6), save_plain, runs((6,), classes=True)
        ),
        "difflut": npz_format(
            arrays(nodes), ReadOptions(inputs=6), loads(nodes, (6,), classes=False)
        ),
        "difflut module": module_format(
            nn.Sequential(*difflut_layers(), PaddedGroupSum(4, 2.0)).eval(), ReadOptions(),
            judge=runs((9,), classes=True),
        ),
        "aiger": Format(ReadOptions(steps=2), write_aiger_file, aiger),
        "aiger ascii": words_format(ascii_text, ReadOptions(steps=2), write_bytes, aiger),
        "pla": words_format(
            ".i 3\n.o 2\n.type fd\n11- 1-\n0-1 01\n--0 10\n.e\n",
            ReadOptions(), write_bytes, judges.pla,
        ),
        "truth": text_format("11001000\n10010110\n", ReadOptions(), write_bytes, judges.truth),
        "bench": words_format(
            "INPUT(a)\nINPUT(b)\nOUTPUT(y)\nn = LUT 0x6 ( a, b )\ny = NAND(n, a)\n",
            ReadOptions(), write_bytes, judges.bench,
        ),
        "verilog": text_format(_VERILOG, ReadOptions(), write_bytes, simulated),
        "verilog words": words_format(_VERILOG, ReadOptions(), write_bytes, simulated),
        "verilog tables": words_format(neuron, ReadOptions(), write_bytes, simulated),
        "parameters": Format(
            ReadOptions(parameters=folder / "bits"), write_parameters, parametrised
        ),
        "bthowen": Format(ReadOptions(), write_bloom, judges.responses),
        "uleen": Format(ReadOptions(), write_ensemble, judges.responses),
        "few best": npz_format(few_best, ReadOptions(inputs=6), judges.few_best),
    }  # fmt: skip


def arrays(net: nn.Module) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in net.state_dict().items()}


def save_plain(value: Any, path: Path) -> None:
    torch.save(value, path)


def write_bloom(path: Path, rng: np.random.Generator | None) -> Any:
    return _write_packed(wisard(np.random.default_rng(0), inputs=8, reads=4, entries=8), path, rng)


def write_ensemble(path: Path, rng: np.random.Generator | None) -> Any:
    return _write_packed(ensemble(np.random.default_rng(0)), path, rng)


def _write_packed(model: Any, path: Path, rng: np.random.Generator | None) -> Any:
    """Write a packed model with an attribute of one of its objects damaged, or a byte or two.

    Return the model; of damaged bytes, None.
    """
    bare = rng is None
    model = copy.deepcopy(model)
    if rng is not None and rng.random() < 0.7:
        parts = [model]
        for part in parts:
            for value in list(vars(part).values()):
                values = value.values() if isinstance(value, dict) else value
                if isinstance(value, dict | list):
                    parts += [one for one in values if hasattr(one, "__dict__")]
        part = parts[rng.integers(0, len(parts))]
        name = str(rng.choice(sorted(vars(part))))
        value = vars(part)[name]
        odd = isinstance(value, np.ndarray) and rng.random() < 0.7
        vars(part)[name] = damaged_array(value, rng) if odd else ODD[rng.integers(0, len(ODD))]
        rng, bare = None, True
    data = bytearray(pickled(model))
    if rng is not None:
        for position in rng.integers(0, len(data), size=rng.integers(1, 4)):
            data[position] = int(rng.integers(0, 256))
    path.write_bytes(lzma.compress(bytes(data), preset=0))
    return model if bare else None


def write_aiger_file(path: Path, rng: np.random.Generator | None) -> bytes:
    """Write a binary file with latches, a few of its bytes changed."""
    circuit = random_aig(np.random.default_rng(2), 5, 9, 4)
    return _write_aiger(path, bytearray(as_text(circuit, 2, ["", " 1"], binary=True)), rng)


def _write_aiger(path: Path, data: bytearray, rng: np.random.Generator | None) -> bytes:
    if rng is not None:
        body = data.rindex(b"\n") + 1 if rng.random() < 0.8 else 0
        most = 16 if rng.random() < 0.7 else 256
        for position in rng.integers(body, len(data), size=rng.integers(1, 4)):
            data[position] = int(rng.integers(0, most))
        if rng.random() < 0.1:
            del data[int(rng.integers(0, len(data))) :]
    path.write_bytes(bytes(data))
    return bytes(data)


def write_checkpoint(path: Path, rng: np.random.Generator | None) -> Any:
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
    return net, rows.numpy(), beside

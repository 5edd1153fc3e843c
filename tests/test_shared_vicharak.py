"""Nets whose author published Verilog: gatec's answers are that Verilog's, at every step.

The goldens hold 2,048 test images and what the author's own Verilog makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers import require

import gatec
from gatec.backends.cells import cells_model, vendor_models
from gatec.backends.fpga.ice40 import synthesise
from gatec.backends.fpga.ice40_route import place_and_route
from gatec.bits import Bits, pack, to_integers, unpack
from gatec.devices.targets import find_device, find_target
from gatec.driver import CompileResult
from gatec.model import ModelGraph
from gatec.sim.rtl import simulate_rtl

SIZES = ("200_4", "800_4")


@dataclass(frozen=True)
class Golden:
    """A net with its published answers: `[2048, width]` each."""

    model: ModelGraph
    inputs: Bits
    last_layer: Bits
    counts: np.ndarray


@cache
def golden(shared: Path, size: str) -> Golden:
    folder = shared / "models" / "difflogic-vicharak"
    reading = gatec.ReadOptions(
        inputs=400,
        classes=10,
        replay="seed=0,connections=unique,device=cuda,draws-before=60000",
    )
    model = gatec.read_model(folder / f"model_None_mnist20x20_{size}.pt", reading)
    with np.load(folder / f"golden_mnist20x20_{size}.npz") as arrays:
        inputs = np.unpackbits(arrays["inputs"], axis=1)[:, :400]
        last = np.unpackbits(arrays["last_layer"], axis=1)
        return Golden(model, inputs, last, arrays["group_counts"].astype(np.int64))


@cache
def compiled(shared: Path, size: str, output: str) -> CompileResult:
    model = golden(shared, size).model
    return gatec.compile(model, "ice40", output=output, place_and_route=False, beat_bits=400)


@pytest.mark.parametrize("size", SIZES)
def test_the_replayed_net_gives_every_published_answer(shared: Path, size: str) -> None:
    known = golden(shared, size)
    result = known.model.evaluate(pack(known.inputs), len(known.inputs))
    assert result.scores is not None
    assert np.array_equal(unpack(result.bits, len(known.inputs)), known.last_layer)
    assert np.array_equal(result.scores.T, known.counts)


def run_rtl(result: CompileResult, texts: dict[str, str], inputs: Bits) -> Bits:
    shape = result.design.emitted.shape
    return simulate_rtl(
        texts,
        shape.top,
        inputs,
        beat_bits=shape.beat_bits,
        out_bits=shape.output_bits,
        out_beat_bits=shape.out_beat_bits,
    ).outputs


def verilog_of(result: CompileResult, netlist: str) -> dict[str, str]:
    if netlist == "emitted":
        return {"core.v": result.verilog, "cells.v": cells_model("ice40")}
    synthesis = synthesise({"core.v": result.verilog}, result.design.emitted.top)
    return {"synth.v": synthesis.verilog, "models.v": vendor_models("ice40")}


@pytest.mark.parametrize("netlist", ["emitted", "synthesised"])
@pytest.mark.parametrize("output", ["scores", "bits"])
@pytest.mark.parametrize("size", SIZES)
def test_verilog_gives_every_published_answer(
    shared: Path, size: str, output: str, netlist: str
) -> None:
    require("iverilog")
    known = golden(shared, size)
    result = compiled(shared, size, output)
    found = run_rtl(result, verilog_of(result, netlist), known.inputs)
    if output == "bits":
        assert np.array_equal(found, known.last_layer)
    else:
        assert np.array_equal(to_integers(found.reshape(len(found), 10, -1)), known.counts)


@pytest.mark.parametrize(("size", "luts", "levels"), [("200_4", 492, 7), ("800_4", 1994, 9)])
def test_sizes_are_kept(shared: Path, size: str, luts: int, levels: int) -> None:
    circuit = compiled(shared, size, "scores").manifest["circuit"]
    assert circuit["luts"]["gates_and_sums"] == luts
    assert circuit["levels"] == levels


# In one stage: the fewest logic cells, and the levels before pipelining.
@pytest.mark.parametrize(("size", "cells", "levels"), [("200_4", 450, 11), ("800_4", 1863, 18)])
def test_sizes_on_carry_chains_are_kept(shared: Path, size: str, cells: int, levels: int) -> None:
    model = golden(shared, size).model
    options = {"stages": 1, "head": "carry", "output": "scores", "place_and_route": False}
    circuit = gatec.compile(model, "ice40", **options).manifest["circuit"]
    assert (circuit["luts"]["gates_and_sums"], circuit["levels"]) == (cells, levels)


def test_the_larger_net_routes_at_100_mhz_on_an_hx8k(shared: Path) -> None:
    model = golden(shared, "800_4").model
    # What `--clock 100` finds; that search is tested with other circuits.
    result = gatec.compile(model, "ice40", device="hx8k", levels_per_stage=4)
    assert result.manifest["physical"]["fmax_mhz"] >= 100
    assert result.manifest["circuit"]["luts"]["gates_and_sums"] <= 2300


# The 400 inputs do not fit the pins: here each clock shifts 100 new bits into a window of 400, and
# the core takes the whole window in the same clock.
WINDOW = """
module window(input clk, input rst, input [99:0] pins, output [3:0] digit, output valid);
  reg [399:0] bits;
  always @(posedge clk) bits <= {bits, pins};
  CORE core(.clk(clk), .rst(rst), .i_payload(bits), .i_valid(1'b1), .i_ready(),
            .o_payload(digit), .o_valid(valid), .o_ready(1'b1));
endmodule
"""


def test_a_result_each_clock_routes_at_100_mhz_on_an_hx8k(shared: Path) -> None:
    model = golden(shared, "800_4").model
    result = gatec.compile(model, "ice40", place_and_route=False, beat_bits=400, levels_per_stage=4)
    assert result.manifest["interface"]["initiation_interval_cycles"] == 1
    window = WINDOW.replace("CORE", result.design.emitted.top)
    synthesis = synthesise({"core.v": result.verilog, "window.v": window}, "window")
    device = find_device(find_target("ice40"), "hx8k")
    routed = place_and_route(synthesis, device, device.package, clock_mhz=120.0)
    assert routed.fmax_mhz is not None
    assert routed.fmax_mhz >= 100

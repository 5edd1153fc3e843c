"""Boards that show stored vectors without a host: what the LEDs do, with wrong answers too."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from helpers import random_netlist, require
from helpers_backends import reference

from gatec.backends.board.stored_vectors import Demo
from gatec.backends.board.top import board_constraints, board_top
from gatec.backends.cells import cells_model, vendor_models
from gatec.backends.fpga.ice40 import synthesise
from gatec.backends.verilog import emit
from gatec.boards import load_board
from gatec.boards.recipe import Board
from gatec.demo import path as demo_path
from gatec.driver import compile as compile_net
from gatec.errors import UsageError
from gatec.flows.choice import choose_flow
from gatec.options import CompileOptions

INPUTS, CLASS_BITS, COUNT = 19, 3, 6
NET = random_netlist(np.random.default_rng(5), INPUTS, 60, CLASS_BITS)
CORE = emit(NET, style="ice40", beat_bits=8, out_beat_bits=8)
TICK = 60
BENCH = """`timescale 1ns/1ps
module bench;
  reg clk = 0;
  always #5 clk = ~clk;
  wire [{last}:0] led;
  {top} dut(.clk_osc(clk), .led(led));
  integer k, out;
  initial begin
    out = $fopen("led.txt", "w");
    for (k = 0; k < {cycles}; k = k + 1) begin @(negedge clk); $fdisplay(out, "%b", led); end
    $finish;
  end
endmodule
"""


def stored() -> Demo:
    samples = np.random.default_rng(6).integers(0, 2, (COUNT, INPUTS), dtype=np.uint8)
    samples[1] = samples[0]
    answers = reference(NET, samples) @ (1 << np.arange(CLASS_BITS))
    vectors = [row.tobytes() for row in np.packbits(samples, axis=1, bitorder="little")]
    return Demo(range(COUNT), vectors, answers.tolist())


def watch(
    tmp_path: Path, board: Board, demo: Demo, ticks: int, *, netlist: bool = False
) -> list[tuple[int, int]]:
    """Return what the LEDs show, 1 is lit, each value with how many ticks it lasted."""
    top = board_top(board, CORE.shape, link="demo", demo=demo, tick_ms=TICK / board.clock_mhz / 1e3)
    sources = {"top.v": top.verilog, "core.v": CORE.text}
    cells = cells_model("ice40")
    if netlist:
        design = synthesise(sources, top.top)
        assert all(cell.startswith("SB_") for cell in design.cells)
        sources = {"netlist.v": design.verilog}
        cells = vendor_models("ice40")
    bench = BENCH.format(last=len(board.leds) - 1, top=top.top, cycles=ticks * TICK)
    for name, text in {**sources, "cells.v": cells, "bench.v": bench}.items():
        (tmp_path / name).write_text(text)
    build = [
        require("iverilog"),
        "-g2012",
        "-s",
        "bench",
        "-o",
        "sim",
        *sources,
        "cells.v",
        "bench.v",
    ]
    subprocess.run(build, cwd=tmp_path, check=True)
    subprocess.run(["vvp", "-n", "sim"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    seen = (tmp_path / "led.txt").read_text().split()[20:]
    lit = [int(bits, 2) ^ (2 ** len(board.leds) - 1) * board.leds_active_low for bits in seen]
    return [(value, round(len(list(run)) / TICK)) for value, run in groupby(lit)]


@pytest.mark.parametrize("netlist", [False, True])
def test_classes_as_numbers_one_after_the_other(tmp_path: Path, netlist: bool) -> None:
    demo, board = stored(), load_board("icestick")
    steps = [(answer, 3) for answer in demo.answers]
    assert len(set(demo.answers)) > 2
    assert 0 not in demo.answers
    seen = watch(tmp_path, board, demo, 4 * (COUNT + 2), netlist=netlist)
    expected = [value for step in [*steps, steps[0]] for value in ((0, 1), step)]
    assert seen[: len(expected)] == expected


def test_classes_as_flashes_where_leds_are_few(tmp_path: Path) -> None:
    demo, board = stored(), load_board("icebreaker")
    answers = [0, *demo.answers[1:]]
    samples = np.random.default_rng(7).integers(0, 2, (1000, INPUTS), dtype=np.uint8)
    zero = samples[~reference(NET, samples).any(axis=1)][:1]
    vector = np.packbits(zero, axis=1, bitorder="little").tobytes()
    demo = replace(demo, vectors=[vector, *demo.vectors[1:]], answers=answers)
    seen = watch(tmp_path, board, demo, (4 + 2 * max(answers)) * COUNT)
    flashes = [length for value, length in seen if value == 3]
    assert {value for value, _ in seen} == {0, 3}
    assert flashes == [3, *[1] * sum(answers)]


@pytest.mark.parametrize("name", ["icestick", "icebreaker"])
def test_a_wrong_answer_lights_all_for_ever(tmp_path: Path, name: str) -> None:
    demo, board = stored(), load_board(name)
    answers = list(demo.answers)
    answers[2] ^= 1
    seen = watch(tmp_path, board, replace(demo, answers=answers), 200)
    value, ticks = seen[-1]
    assert value == 2 ** len(board.leds) - 1
    assert ticks > 100
    assert all(length < 4 for lit, length in seen[:-1] if lit == value)


def test_a_net_of_the_user_shows_its_test_vectors() -> None:
    result = compile_net(demo_path("digits"), board="icestick", link="demo", place_and_route=False)
    top = result.files["digits_icestick.v"].decode()
    assert "uart" not in top
    assert "initial begin" in top
    flow = choose_flow(CompileOptions(board="icestick", link="demo"))
    demo = flow.demo(result.design)  # type: ignore[attr-defined]
    assert len(demo.rows) == 16
    given = [int(line, 16) for line in result.files["vectors_in.hex"].split()]
    wanted = [int(line, 16) for line in result.files["vectors_out.hex"].split()]
    stored = [int.from_bytes(octets, "little") for octets in demo.vectors]
    assert stored == [given[row] for row in demo.rows]
    assert list(demo.answers) == [wanted[row] for row in demo.rows]
    assert len(set(demo.answers)) > 2
    assert "uart_rx" not in board_constraints(load_board("icestick"), "demo").pins


def test_a_demo_shows_classes_only() -> None:
    with pytest.raises(UsageError, match="--link demo with --output scores; expected --output arg"):
        choose_flow(CompileOptions(board="icestick", link="demo", output="scores"))

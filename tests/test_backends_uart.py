"""The board tops, driven at their pins: bytes in, results out, also when the line misbehaves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers import random_netlist
from helpers_uart import Event, UartLog, run_uart

from gatec.backends.board.top import BoardTop, board_top, core_clock
from gatec.backends.board.uart import baud_divisor
from gatec.backends.cells import cells_model, vendor_models
from gatec.backends.fpga.ice40 import synthesise
from gatec.backends.verilog import Emitted, emit
from gatec.bits import pack, unpack
from gatec.boards import load_board
from gatec.errors import UsageError
from gatec.evaluate import evaluate_outputs

INPUTS, OUTPUTS = 19, 11
FRAME, ANSWER = 3, 2
# Fast, so that simulations are short: 12 cycles of the iCEstick's 12 MHz to a bit.
BAUD = 1_000_000
BIT = 1_000_000
CLOCK = 83_334
PAUSE_BITS = 30
BOARD = replace(load_board("icestick"), baud=BAUD)

# SB_PLL40 as far as its output matters: F_out = F_ref * (DIVF + 1) / (2^DIVQ * (DIVR + 1)).
PLL_MODEL = """
module SB_PLL40_CORE #(
  parameter FEEDBACK_PATH = "", parameter [3:0] DIVR = 0, parameter [6:0] DIVF = 0,
  parameter [2:0] DIVQ = 0, parameter [2:0] FILTER_RANGE = 0
) (input REFERENCECLK, input RESETB, input BYPASS, output PLLOUTGLOBAL, output LOCK);
  reg out = 0; real last = 0; real half = 0; integer edges = 0;
  assign PLLOUTGLOBAL = out; assign LOCK = edges > 20;
  always @(posedge REFERENCECLK) begin
    half = ($realtime - last) * (DIVR + 1) * (1 << DIVQ) / (DIVF + 1) / 2;
    last = $realtime; edges = edges + 1;
  end
  always if (edges > 2) begin #(half) out = ~out; end else @(posedge REFERENCECLK);
endmodule
"""


@cache
def core() -> Emitted:
    net = random_netlist(np.random.default_rng(5), INPUTS, 60, OUTPUTS)
    return emit(net, style="ice40", beat_bits=8, out_beat_bits=8)


def answers(frames: list[bytes]) -> list[int]:
    """Return the bytes that the frames' results must be."""
    net = random_netlist(np.random.default_rng(5), INPUTS, 60, OUTPUTS)
    octets = np.frombuffer(b"".join(frames), dtype=np.uint8).reshape(len(frames), FRAME)
    samples = np.unpackbits(octets, axis=1, bitorder="little", count=INPUTS)
    outputs = unpack(evaluate_outputs(net, pack(samples)), len(frames))
    packed = np.packbits(outputs, axis=1, bitorder="little")
    assert packed.shape[1] == ANSWER
    return [int(octet) for octet in packed.reshape(-1)]


def random_frames(seed: int, count: int) -> list[bytes]:
    return [np.random.default_rng([seed, k]).bytes(FRAME) for k in range(count)]


def bytes_of(frames: list[bytes], bit_ps: int = BIT) -> list[Event]:
    return [["byte", octet, bit_ps] for frame in frames for octet in frame]


def emitted_top(**options: float) -> BoardTop:
    return board_top(BOARD, core().shape, pause_ms=PAUSE_BITS / BAUD * 1e3, **options)


def simulate(tmp_path: Path, events: list[Event]) -> UartLog:
    top = emitted_top()
    sources = {"top.v": top.verilog, "core.v": core().text, "cells.v": cells_model("ice40")}
    return run_uart(tmp_path, sources, top.top, events, clock="clk_osc", clock_ps=CLOCK, bit_ps=BIT)


@pytest.mark.parametrize("percent", [-2, 0, 2])
def test_frames_back_to_back_at_a_rate_that_is_off(tmp_path: Path, percent: int) -> None:
    frames = random_frames(1, 6)
    log = simulate(tmp_path, bytes_of(frames, BIT * (100 + percent) // 100))
    assert log.framed
    assert log.received == answers(frames)


def test_led_shows_the_low_bits_of_the_last_result(tmp_path: Path) -> None:
    frames = random_frames(2, 3)
    events = []
    for frame in frames:
        events += [*bytes_of([frame]), ["idle", 25 * BIT], ["led", 0]]
    log = simulate(tmp_path, events)
    expected = answers(frames)
    assert log.received == expected
    assert log.leds == [octet % 2 ** len(BOARD.leds) for octet in expected[::ANSWER]]
    assert len(set(log.leds)) > 1


def test_short_glitch_is_no_start_bit(tmp_path: Path) -> None:
    frames = random_frames(3, 2)
    glitch: list[Event] = [["low", BIT // 3], ["idle", 3 * BIT]]
    log = simulate(tmp_path, glitch + bytes_of(frames[:1]) + glitch + bytes_of(frames[1:]))
    assert log.received == answers(frames)


@pytest.mark.parametrize("came", range(1, FRAME))
def test_unfinished_frame_is_forgotten_after_a_pause(tmp_path: Path, came: int) -> None:
    frames = random_frames(4, 3)
    events = bytes_of(frames[:1]) + bytes_of(frames[1:2])[:came]
    events += [["idle", 2 * PAUSE_BITS * BIT], *bytes_of(frames[2:])]
    assert simulate(tmp_path, events).received == answers([frames[0], frames[2]])


def test_short_pause_inside_a_frame_is_none(tmp_path: Path) -> None:
    frames = random_frames(5, 1)
    events = bytes_of(frames)
    events.insert(1, ["idle", PAUSE_BITS * BIT // 2])
    assert simulate(tmp_path, events).received == answers(frames)


def test_framing_error_spoils_all_up_to_a_pause(tmp_path: Path) -> None:
    frames = random_frames(6, 4)
    bad: Event = ["bad", 0x55, BIT]
    events = [*bytes_of(frames[:1]), ["byte", 1, BIT], bad, ["idle", 2 * BIT]]
    events += bytes_of(frames[1:3])
    events += [["idle", 3 * PAUSE_BITS * BIT], *bytes_of(frames[3:])]
    assert simulate(tmp_path, events).received == answers([frames[0], frames[3]])


def test_break_between_frames_is_forgotten_after_a_pause(tmp_path: Path) -> None:
    frames = random_frames(7, 2)
    events = [*bytes_of(frames[:1]), ["low", 40 * BIT], ["idle", 2 * PAUSE_BITS * BIT]]
    assert simulate(tmp_path, events + bytes_of(frames[1:])).received == answers(frames)


def test_with_a_pll(tmp_path: Path) -> None:
    frames = random_frames(8, 2)
    top = emitted_top(clock_mhz=20.25)
    assert top.pll is not None
    assert top.clock_mhz == pytest.approx(20.25)
    sources = {"top.v": top.verilog, "core.v": core().text, "cells.v": cells_model("ice40")}
    log = run_uart(
        tmp_path,
        {**sources, "pll.v": PLL_MODEL},
        top.top,
        bytes_of(frames),
        clock="clk_osc",
        clock_ps=CLOCK,
        bit_ps=BIT,
    )
    assert log.framed
    assert log.received == answers(frames)


def test_after_synthesis(tmp_path: Path) -> None:
    frames = random_frames(9, 4)
    top = emitted_top()
    netlist = synthesise({"top.v": top.verilog, "core.v": core().text}, top.top)
    sources = {"netlist.v": netlist.verilog, "cells.v": vendor_models("ice40")}
    log = run_uart(
        tmp_path, sources, top.top, bytes_of(frames), clock="clk_osc", clock_ps=CLOCK, bit_ps=BIT
    )
    assert log.received == answers(frames)


def test_divisor_is_within_the_stated_error() -> None:
    assert baud_divisor(12.0, 115_200) == 104
    assert baud_divisor(16.0, 115_200) == 139
    with pytest.raises(UsageError, match=r"UART: 1000000 baud from 4\.5 MHz: 4\.50 cycles a bit"):
        baud_divisor(4.5, 1_000_000)
    with pytest.raises(UsageError, match="at least 4"):
        baud_divisor(3.0, 1_000_000)


def test_clock_is_what_the_pll_really_makes() -> None:
    board = load_board("icebreaker")
    assert core_clock(board, None) == core_clock(board, 12.0) == (12.0, None)
    mhz, pll = core_clock(board, 100.0)
    assert (mhz, pll is not None) == (100.5, True)


def test_core_with_other_beats_is_refused() -> None:
    net = random_netlist(np.random.default_rng(5), INPUTS, 60, OUTPUTS)
    wide = emit(net, style="ice40")
    with pytest.raises(UsageError, match="icestick: beats of 19 and 11 bits"):
        board_top(BOARD, wide.shape)


def test_same_input_gives_the_same_text() -> None:
    assert emitted_top() == emitted_top()

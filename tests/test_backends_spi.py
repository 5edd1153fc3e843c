"""Boards' tops over SPI: the answer comes in the frame, whatever the host's timing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import random_netlist
from helpers_backends import reference, staged
from helpers_spi import SpiHost, run_spi

from gatec.backends.board.spi_frame import MIN_CYCLES, longest_frame
from gatec.backends.board.top import board_constraints, board_top
from gatec.backends.cells import cells_model
from gatec.backends.verilog import Emitted, emit
from gatec.boards import list_boards, load_board
from gatec.errors import UsageError
from gatec.flows.choice import choose_flow
from gatec.netlist import Netlist
from gatec.options import CompileOptions

INPUTS, OUTPUTS = 19, 11
VECTOR, ANSWER = 3, 2
BOARD = load_board("icestick")
CLOCK = 83_334
# The board resets itself after configuration; a frame begins after that.
RESET_CYCLES = 20


def circuit(stages: int) -> Netlist:
    return staged(random_netlist(np.random.default_rng(5), INPUTS, 60, OUTPUTS), stages)


def core(stages: int) -> Emitted:
    return emit(circuit(stages), style="ice40", beat_bits=8, out_beat_bits=8)


def answer(vector: bytes) -> bytes:
    octets = np.frombuffer(vector, dtype=np.uint8).reshape(1, VECTOR)
    samples = np.unpackbits(octets, axis=1, bitorder="little", count=INPUTS)
    outputs = reference(circuit(1), samples)
    return np.packbits(outputs, axis=1, bitorder="little").tobytes()


def simulate(tmp_path: Path, host: SpiHost, stages: int) -> list[bytes]:
    emitted = core(stages)
    top = board_top(BOARD, emitted.shape, link="spi")
    sources = {"top.v": top.verilog, "core.v": emitted.text, "cells.v": cells_model("ice40")}
    return run_spi(tmp_path, sources, top.top, host, clock_ps=CLOCK, leds=len(BOARD.leds))


def check(seen: bytes, vector: bytes) -> None:
    """Nothing but zeros up to the byte 1, then the answer, then zeros again."""
    begin = seen.index(1)
    assert begin >= VECTOR
    assert not any(seen[:begin])
    assert seen[begin + 1 : begin + 1 + ANSWER] == answer(vector)
    assert not any(seen[begin + 1 + ANSWER :])


@pytest.mark.parametrize(("seed", "stages"), [(1, 1), (2, 3)])
def test_answers_come_in_the_frame_under_random_timing(
    tmp_path: Path, seed: int, stages: int
) -> None:
    rng = np.random.default_rng(seed)

    def wait() -> int:
        return int(rng.integers(MIN_CYCLES * CLOCK, 4 * MIN_CYCLES * CLOCK))

    host, vectors = SpiHost(wait), []
    host.events.append((RESET_CYCLES * CLOCK, 1, 0, 0))
    for _ in range(12):
        vector, rest = rng.bytes(VECTOR), rng.bytes(8)
        if rng.random() < 0.4:
            # A frame that ends early, somewhere: in the vector, before the answer, in it.
            host.frame(vector + rest, bits=int(rng.integers(0, 8 * (VECTOR + 4))))
            host.samples.pop()
        host.frame(vector + rest)
        vectors.append(vector)
    for seen, vector in zip(simulate(tmp_path, host, stages), vectors, strict=True):
        check(seen, vector)


def test_highest_clock_and_longest_frame(tmp_path: Path) -> None:
    stages = 4
    host, vectors = SpiHost(lambda: MIN_CYCLES * CLOCK), [bytes([k, 255 - k, 5]) for k in (3, 77)]
    longest = longest_frame(VECTOR, ANSWER, core(stages).shape.latency)
    host.events.append((RESET_CYCLES * CLOCK, 1, 0, 0))
    for vector in vectors:
        host.frame(vector.ljust(longest, b"\xff"))
    for seen, vector in zip(simulate(tmp_path, host, stages), vectors, strict=True):
        assert len(seen) == longest
        check(seen, vector)


def test_a_frame_waits_longer_for_a_deeper_core() -> None:
    assert longest_frame(8, 1, 3) == 8 + 0 + 1 + 1
    assert longest_frame(8, 1, 4) == 8 + 1 + 1 + 1
    assert longest_frame(8, 1, 67) == 8 + 1 + 1 + 1
    assert longest_frame(8, 1, 68) == 8 + 2 + 1 + 1


def test_pins_are_the_recipe_s() -> None:
    pins = board_constraints(BOARD, "spi").pins
    assert {name: pins[name] for name in pins if name.startswith("spi")} == {
        "spi_cs": "78",
        "spi_sck": "81",
        "spi_mosi": "79",
        "spi_miso": "80",
    }
    assert not any(name.startswith("uart") for name in pins)
    assert sum(bool(load_board(name).spi) for name in list_boards()) > 6


def test_boards_without_spi_and_links_without_boards_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--link spi on ulx3s_12f; expected --link uart, or a"):
        choose_flow(CompileOptions(board="ulx3s_12f", link="spi"))
    with pytest.raises(UsageError, match=r"--link spi; expected --board NAME and --link uart or"):
        CompileOptions(link="spi")
    with pytest.raises(UsageError, match=r"--link spi on icestick"):
        board_top(replace(BOARD, spi={}), core(1).shape, link="spi")

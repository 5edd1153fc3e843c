"""The flow for a board: the core behind a UART or SPI, on the board's pins and clock."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from gatec.backends.board.spi_frame import MIN_CYCLES, longest_frame
from gatec.backends.board.stored_vectors import Demo
from gatec.backends.board.top import (
    BEAT_BITS,
    BoardTop,
    board_constraints,
    board_top,
    core_clock,
    line_pins,
)
from gatec.backends.board.uart import baud_divisor
from gatec.backends.fpga.ice40 import synthesise
from gatec.boards import load_board
from gatec.boards.recipe import Board
from gatec.console import Progress
from gatec.design import Design
from gatec.devices.device import Device
from gatec.errors import LimitError, UsageError
from gatec.fact_steps import obeying_vectors
from gatec.flows.base import Files, Physical, core_files
from gatec.flows.fpga import FpgaFlow
from gatec.flows.ice40 import Ice40Flow
from gatec.flows.vendor import VendorFlow, source_of
from gatec.netlist import Netlist
from gatec.options import LinkKind
from gatec.vectors import spread_rows, to_hex

# How many vectors a demonstration keeps, in 16 seconds or somewhat more.
_DEMO_VECTORS = 16
# Bits of a byte on the line: start, 8 data, stop.
_LINE_BITS = 10
_BYTE = 8
# Cycles by which the front ends' sampling may shorten the time between two bytes.
_MARGIN = 4


class OnBoard(FpgaFlow):
    """What the flows of all boards share."""

    @cached_property
    def board(self) -> Board:
        """The board's recipe."""
        assert self.options.board is not None
        return load_board(self.options.board)

    @property
    def device(self) -> Device:
        """The board's device."""
        return self.board.device

    @property
    def package(self) -> str:
        """The board's package."""
        return self.board.package

    @property
    def required_clock(self) -> float:
        """What the core runs at: the oscillator, or what the PLL makes of the user's wish."""
        return core_clock(self.board, self.options.clock)[0]

    def beats(self, netlist: Netlist) -> tuple[int, int]:
        """Return bytes, as the UART carries them."""
        for name in ("beat_bits", "out_beat_bits"):
            if getattr(self.options, name) not in (None, BEAT_BITS):
                flag = f"--{name.replace('_', '-')} {getattr(self.options, name)}"
                raise UsageError(f"{flag} with --board", expected=f"{BEAT_BITS}, bytes on the line")
        return BEAT_BITS, BEAT_BITS

    def interval(self, least: int) -> int:
        """Return the cycles that a vector's beats take one after the other, and those of a byte.

        So long after a vector the core may be busy before the line's next byte comes: at most that
        is taken of what the user asks for. A demonstration waits for much longer.
        """
        byte = 2 * MIN_CYCLES * _BYTE
        if self.link == "uart":
            byte = _LINE_BITS * baud_divisor(self.required_clock, self.board.baud)
        free = least + byte - _MARGIN
        return min(self.options.interval or free, free)

    @property
    def link(self) -> LinkKind:
        """What carries vectors and results."""
        return self.options.link or "uart"

    def top(self, design: Design) -> BoardTop:
        """Return the board's top module around the core."""
        shape, clock = design.emitted.shape, self.options.clock
        demo = self.demo(design) if self.link == "demo" else None
        return board_top(self.board, shape, clock_mhz=clock, link=self.link, demo=demo)

    def demo(self, design: Design) -> Demo:
        """Return the test vectors that a demonstration keeps."""
        model = design.mapped.model
        if design.emitted.shape.output_bits > BEAT_BITS:
            raise LimitError(
                f"--link demo with classes of {design.emitted.shape.output_bits} bits",
                file=model.name,
                expected=f"up to {BEAT_BITS}",
            )
        rows = spread_rows(self.options.vectors, _DEMO_VECTORS)
        care = design.mapped.care
        inputs = obeying_vectors(care, model.num_inputs, self.options.vectors)[rows]
        octets = [row.tobytes() for row in np.packbits(inputs, axis=1, bitorder="little")]
        return Demo(
            rows, octets, [int(row, 16) for row in to_hex(model.output_bits(inputs)).split()]
        )

    def check(self) -> None:
        """Raise `UsageError` at the first option that does not go with the board."""
        super().check()
        line_pins(self.board, self.link)
        if self.link == "demo" and self.options.output != "argmax":
            flag = f"--link demo with --output {self.options.output}"
            raise UsageError(flag, expected="--output argmax: it shows classes")
        if self.link == "demo" and not self.board.leds:
            raise UsageError(f"--link demo on {self.board.name}", expected="a board with LEDs")

    def line(self, design: Design, top: BoardTop) -> Physical:
        """Return what is the board's own: clock, bytes on the line, and what these allow."""
        return {
            "board": self.board.name,
            "top": top.top,
            "clock_mhz": round(top.clock_mhz, 6),
            self.link: self._line_facts(design, top.clock_mhz),
        }

    def _line_facts(self, design: Design, clock_mhz: float) -> dict[str, Any]:
        shape = design.emitted.shape
        if self.link == "demo":
            stored = self.demo(design)
            return {"vectors": list(stored.rows), "classes": list(stored.answers)}
        facts: dict[str, float] = {"bytes_in": shape.beats_in, "bytes_out": shape.beats_out}
        if self.link == "uart":
            slowest = max(shape.beats_in, shape.beats_out)
            rate = self.board.baud / _LINE_BITS / slowest
            return {"baud": self.board.baud, **facts, "results_per_second": round(rate, 3)}
        mhz = clock_mhz / (2 * MIN_CYCLES)
        longest = longest_frame(shape.beats_in, shape.beats_out, shape.latency)
        return {
            "max_clock_mhz": round(mhz, 6),
            **facts,
            "bytes_of_a_frame": longest,
            "results_per_second": round(mhz * 1e6 / (8 * longest), 3),
        }


class BoardFlow(OnBoard, Ice40Flow):
    """A core on a board with an iCE40."""

    def finish(self, design: Design, progress: Progress) -> tuple[Physical | None, Files]:
        """Write the board's top, and make its bitstream unless the user wants the Verilog only."""
        shape = design.emitted.shape
        board = self.top(design)
        files = core_files(design)
        files |= {f"{board.top}.v": board.verilog.encode(), f"{board.top}.pcf": board.pcf.encode()}
        if not self.options.place_and_route:
            return None, files
        with progress.step(f"synthesise for {self.board.description}"):
            texts = {f"{shape.top}.v": design.emitted.text, f"{board.top}.v": board.verilog}
            rams = len(design.emitted.roms.instances)
            synthesis = synthesise(texts, board.top, rams=rams)
        routed, more = self.route(synthesis, progress, pcf=board.pcf)
        return self.physical(design, synthesis, routed) | self.line(design, board), files | more


class VendorBoardFlow(OnBoard, VendorFlow):
    """A core on a board of another family."""

    def finish(self, design: Design, progress: Progress) -> tuple[Physical | None, Files]:
        """Write the board's top, and make its bitstream unless the user wants the Verilog only."""
        emitted = design.emitted
        board = self.top(design)
        wanted = board_constraints(self.board, self.link)
        files = core_files(design) | {
            f"{board.top}.v": board.verilog.encode(),
            f"{board.top}.{self.family.constraints_suffix}": self.family.constraints(
                wanted
            ).encode(),
        }
        if not self.options.place_and_route:
            return None, files
        synthesis = self.synthesise(source_of(emitted, board), progress)
        routed, more = self.route(synthesis, wanted, progress)
        physical = self.physical(design, synthesis, routed)
        return physical | self.line(design, board), files | more

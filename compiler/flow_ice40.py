"""The iCE40 flow: widths that fit the pins, synthesis, place and route, bitstream."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gatec.backends.ice40 import Synthesis, synthesise
from gatec.backends.ice40_route import Routed, place_and_route
from gatec.console import Progress
from gatec.design import Design
from gatec.errors import LimitError
from gatec.flow import DEFAULT_LEVELS, Files, Flow, Physical, core_files, timing
from gatec.netlist import Netlist
from gatec.targets import Device, find_device

# clk, rst, and valid and ready of both streams.
_CONTROL_PINS = 6


@dataclass(frozen=True)
class Ice40Flow(Flow):
    """A core on the pins of one device."""

    @property
    def device(self) -> Device:
        """The device."""
        return find_device(self.target, self.options.device)

    @property
    def package(self) -> str:
        """Its package."""
        return self.device.choose_package(self.options.package)

    def check(self) -> None:
        """Raise `UsageError` at the first option that does not go with the device."""
        super().check()
        _ = self.package

    @property
    def chains(self) -> bool:
        """Every logic cell has a carry."""
        return True

    def levels_at(self, clock_mhz: float) -> int:
        """Return the device's estimate."""
        return self.device.delays.levels_at(clock_mhz)

    def beats(self, netlist: Netlist) -> tuple[int | None, int | None]:
        """Return what the user asked for; else whole vectors, or what the pins can carry."""
        free = self.device.packages[self.package] - _CONTROL_PINS
        out_bits = self.options.out_beat_bits or _beat(netlist.num_outputs, free // 2)
        in_bits = self.options.beat_bits or _beat(netlist.num_inputs, free - out_bits)
        return in_bits, out_bits

    def finish(self, design: Design, progress: Progress) -> tuple[Physical | None, Files]:
        """Synthesise, place, route and pack, unless the user wants the Verilog only."""
        files = core_files(design)
        if not self.options.place_and_route:
            return None, files
        top = design.emitted.top
        with progress.step(f"synthesise for {self.device.name}"):
            synthesis = synthesise({f"{top}.v": design.emitted.text}, top)
        pcf = f"# Pins: any that nextpnr chooses.\nset_frequency clk {self._goal():g}\n"
        routed, more = self.route(synthesis, progress, pcf=pcf)
        files |= {f"{top}.pcf": pcf.encode(), **more}
        return self.physical(design, synthesis, routed), files

    def route(self, synthesis: Synthesis, progress: Progress, *, pcf: str) -> tuple[Routed, Files]:
        """Place, route and pack; return also the files that come of it."""
        with progress.step(f"place and route on {self.device.name}-{self.package}"):
            routed = place_and_route(
                synthesis, self.device, self.package, pcf=pcf, seed=self.options.seed
            )
        top = synthesis.top
        return routed, {
            f"{top}_synth.v": synthesis.verilog.encode(),
            f"{top}.asc": routed.asc.encode(),
            f"{top}.bin": routed.bitstream,
        }

    def _goal(self) -> float:
        """Return the clock to aim for: the user's, or what the device's delays promise."""
        levels = self.pipelining()[1]
        return self.required_clock or self.device.delays.clock_at(levels or DEFAULT_LEVELS)

    def physical(self, design: Design, synthesis: Synthesis, routed: Routed) -> Physical:
        """Return what synthesis and nextpnr reported, for the manifest."""
        assert routed.fmax_mhz is not None, "a core has registers"
        clock = self.required_clock or routed.fmax_mhz
        return {
            "device": self.device.name,
            "package": self.package,
            "cells": dict(synthesis.cells),
            "used": {
                "LUT4": synthesis.luts,
                "FF": synthesis.ffs,
                "carry": synthesis.carries,
                "BRAM": synthesis.rams,
                "logic cells": routed.utilisation["ICESTORM_LC"][0],
            },
            "available": {"logic cells": self.device.luts, "BRAM": self.device.brams},
            "body_cells": synthesis.body_cells,
            "fmax_mhz": round(routed.fmax_mhz, 3),
            "clock_mhz": round(clock, 3),
            **timing(design.emitted.shape, clock),
            "critical_path": [asdict(hop) for hop in routed.critical_path],
        }


def _beat(bits: int, pins: int) -> int:
    """Return the whole width where it fits, else the largest power of two that does."""
    if pins < 1:
        raise LimitError("no pin is left for data", expected="a larger --package, or --board")
    return bits if bits <= pins else 1 << (pins.bit_length() - 1)

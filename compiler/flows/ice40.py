"""The iCE40 flow: synthesis, place and route, bitstream."""

from __future__ import annotations

from dataclasses import dataclass

from gatec.backends.fpga.ice40 import Synthesis, synthesise
from gatec.backends.fpga.ice40_route import place_and_route
from gatec.backends.fpga.routed import Routed
from gatec.chain_graph import LEVELS, Weights
from gatec.console import Progress
from gatec.design import Design
from gatec.flows.base import Files, Physical, core_files
from gatec.flows.fpga import FpgaFlow

# What the delay of a LUT is divided into, so that chains of different length differ.
_STEPS = 4


@dataclass(frozen=True)
class Ice40Flow(FpgaFlow):
    """A core on the pins of one iCE40."""

    @property
    def chains(self) -> bool:
        """Every logic cell has a carry."""
        return True

    @property
    def weights(self) -> Weights:
        """A LUT with a connection is four steps; chains by their carries, where a clock is asked.

        Without one a chain counts the LUTs in a row on it.
        """
        if self.required_clock is None:
            return LEVELS
        delays = self.device.delays
        step = delays.level / _STEPS
        return Weights(_STEPS, delays.carry / step, delays.chain / step)

    def finish(self, design: Design, progress: Progress) -> tuple[Physical | None, Files]:
        """Synthesise, place, route and pack, unless the user wants the Verilog only."""
        files = core_files(design)
        if not self.options.place_and_route:
            return None, files
        top = design.emitted.top
        with progress.step(f"synthesise for {self.device.name}"):
            rams = len(design.emitted.roms.instances)
            synthesis = synthesise({f"{top}.v": design.emitted.text}, top, rams=rams)
        pcf = f"# Pins: any that nextpnr chooses.\nset_frequency clk {self.goal_mhz:g}\n"
        routed, more = self.route(synthesis, progress, pcf=pcf)
        files |= {f"{top}.pcf": pcf.encode(), **more}
        return self.physical(design, synthesis, routed), files

    def route(self, synthesis: Synthesis, progress: Progress, *, pcf: str) -> tuple[Routed, Files]:
        """Place, route and pack; return also the files that come of it."""
        routed = self.best_seed(
            lambda seed: place_and_route(synthesis, self.device, self.package, pcf=pcf, seed=seed),
            progress,
        )
        assert routed.bitstream is not None, "icepack made one"
        top = synthesis.top
        return routed, {
            f"{top}_synth.v": synthesis.verilog.encode(),
            f"{top}.asc": routed.config,
            f"{top}.bin": routed.bitstream,
        }

    def physical(self, design: Design, synthesis: Synthesis, routed: Routed) -> Physical:
        """Return what synthesis and nextpnr reported, for the manifest."""
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
            **self.timing_section(design, routed),
        }

"""The flow of the families that Yosys maps by their own scripts: ECP5, Gowin, GateMate and others.

The shell goes through the family's script; gatec's look-up tables go around it, or through it too
where the user allows and it pays (`--resynthesis`).
"""

from __future__ import annotations

from dataclasses import dataclass

from gatec.backends.board.top import BoardTop
from gatec.backends.fpga.constraints import Constraints, assign_pins, port_bits
from gatec.backends.fpga.family import Family, find_family
from gatec.backends.fpga.routed import Routed
from gatec.backends.fpga.vendor_route import check_tools, place_and_route
from gatec.backends.fpga.vendor_synth import Source, VendorSynthesis, synthesise
from gatec.backends.verilog import Emitted
from gatec.console import Progress
from gatec.design import Design
from gatec.devices.pin_tables import low_voltage_pins
from gatec.flows.base import Files, Physical, core_files
from gatec.flows.fpga import FpgaFlow

# What the pins of banks of 1.8 V are set to.
_LOW_VOLTAGE = "LVCMOS18H"


def source_of(emitted: Emitted, board: BoardTop | None = None) -> Source:
    """Return a core, or a board's top around it, for synthesis."""
    shells = {"core.v": emitted.clocked} | ({} if board is None else {"board.v": board.verilog})
    top, rams = emitted.top if board is None else board.top, len(emitted.roms.instances)
    return Source(top, shells, emitted.stages, emitted.style, rams)


@dataclass(frozen=True)
class VendorFlow(FpgaFlow):
    """A core on the pins of one device of such a family."""

    @property
    def family(self) -> Family:
        """The family."""
        return find_family(self.target.name)

    @property
    def resynthesises(self) -> bool:
        """The family's script can."""
        return True

    def check(self) -> None:
        """Raise at the first option that does not go with the device, or a tool that lacks."""
        super().check()
        if self.options.place_and_route:
            check_tools(self.family)

    def finish(self, design: Design, progress: Progress) -> tuple[Physical | None, Files]:
        """Synthesise, place, route and pack, unless the user wants the Verilog only."""
        files = core_files(design)
        if not self.options.place_and_route:
            return None, files
        emitted = design.emitted
        synthesis = self.synthesise(source_of(emitted), progress)
        routed, more = self.bitstream(synthesis, progress)
        return self.physical(design, synthesis, routed), files | more

    def bitstream(self, synthesis: VendorSynthesis, progress: Progress) -> tuple[Routed, Files]:
        """Place, route and pack a core on its own; return also the files that come of it."""
        pins = self._pins(synthesis)
        low = low_voltage_pins(self.device.name, self.package)
        standard = {bit: _LOW_VOLTAGE for bit, pin in pins.items() if pin in low}
        wanted = Constraints("Pins: any that will do.", pins, "clk", self.goal_mhz, standard)
        return self.route(synthesis, wanted, progress)

    def _pins(self, synthesis: VendorSynthesis) -> dict[str, str]:
        """Return a pin for each port bit where nextpnr wants that."""
        if not self.family.place_all:
            return {}
        ports = dict(sorted(synthesis.ports.items(), key=lambda port: port[0] != "clk"))
        return assign_pins(port_bits(ports), self.device.pin_names[self.package])

    def synthesise(self, source: Source, progress: Progress) -> VendorSynthesis:
        """Return the design in the family's primitives, mapped again where the options say so."""
        with progress.step(f"synthesise for {self.device.name}"):
            asked = self.options.resynthesis
            tries = {"never": (True,), "always": (False,), "try": (True, False)}[asked]
            found = [synthesise(self.family, self.device, source, keep=keep) for keep in tries]
        return min(found, key=self._size)

    def _size(self, synthesis: VendorSynthesis) -> int:
        used = synthesis.used(self.family)
        return sum(used.get(name, 0) for name in ("LUT4", "LUT", "carry"))

    def route(
        self, synthesis: VendorSynthesis, wanted: Constraints, progress: Progress
    ) -> tuple[Routed, Files]:
        """Place, route and pack; return also the files that come of it."""
        family, top = self.family, synthesis.top
        text = family.constraints(wanted)
        routed = self.best_seed(
            lambda seed: place_and_route(
                family,
                synthesis,
                self.device,
                self.package,
                constraints=text,
                clock_mhz=self.goal_mhz,
                seed=seed,
            ),
            progress,
        )
        files = {
            f"{top}.{family.constraints_suffix}": text.encode(),
            f"{top}_synth.v": synthesis.verilog.encode(),
            f"{top}.{family.config_suffix}": routed.config,
        }
        if routed.bitstream is not None:
            files[f"{top}.{family.bit_suffix}"] = routed.bitstream
        return routed, files

    def physical(self, design: Design, synthesis: VendorSynthesis, routed: Routed) -> Physical:
        """Return what synthesis and nextpnr reported, for the manifest."""
        family, device = self.family, self.device
        logic, room = routed.utilisation[family.logic]
        return {
            "device": device.name,
            "package": self.package,
            "part": device.parts.get(self.package),
            "cells": dict(synthesis.cells),
            "used": {**synthesis.used(family), "logic cells": logic},
            "available": {"logic cells": room, "BRAM": device.brams},
            "body_cells": synthesis.body_cells,
            "bitstream": f"{synthesis.top}.{family.bit_suffix}",
            **self.timing_section(design, routed),
        }

"""The flow for AMD's and Intel's devices: a netlist of their cells, and a script for their tools.

Nothing is placed and routed here: the manifest says so, and has no clock that was reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatec.backends.fpga.fit import DoesNotFit
from gatec.backends.fpga.netlist_synth import AMD, VendorNetlist, write_netlist
from gatec.backends.fpga.vendor_route import fit_row
from gatec.backends.fpga.vendor_scripts import quartus_script, vivado_script, write_sdc, write_xdc
from gatec.backends.fpga.vendor_synth import Source
from gatec.console import Progress
from gatec.design import Design
from gatec.devices.fabrics import STYLE_FANIN, STYLES, Style
from gatec.errors import UsageError
from gatec.flows.base import Files, Physical, core_files
from gatec.flows.fpga import FpgaFlow

# What the constraints ask for when the user asks for no clock.
_DEFAULT_MHZ = 100.0
# Two functions of five inputs share a LUT6: on 800x4 1,211 of them, where mapping to six inputs
# leaves 1,404 (`tests/bench/dual_luts.py`).
_AMD_INPUTS = 5


@dataclass(frozen=True)
class NetlistFlow(FpgaFlow):
    """A core as a netlist for one device of such a vendor."""

    @property
    def routes(self) -> bool:
        """The vendor's tool does."""
        return False

    @property
    def style(self) -> Style:
        """The cells of the device's family."""
        found = [style for style in STYLES if style == self.device.die]
        return found[0] if found else AMD

    @property
    def lut_inputs(self) -> int:
        """What the user asked for, up to the fabric's; by default what needs the fewest."""
        most, asked = STYLE_FANIN[self.style], self.options.lut_inputs
        if asked is None:
            return min(most, _AMD_INPUTS) if self.style == AMD else most
        if not 2 <= asked <= most:
            raise UsageError(f"--lut-inputs {asked}", expected=f"2 to {most}")
        return asked

    def finish(self, design: Design, progress: Progress) -> tuple[Physical | None, Files]:
        """Map the shell and write what the vendor's tool reads, unless only the core is wanted."""
        files = core_files(design)
        if not self.options.place_and_route:
            return None, files
        emitted = design.emitted
        source = Source(emitted.top, {"shell.v": emitted.shell}, emitted.stages, emitted.style)
        with progress.step(f"map the shell for {self.device.name}"):
            netlist = write_netlist(source, self.device.die)
        self.check_fit(netlist)
        return self._physical(netlist), files | self._files(netlist)

    @property
    def _mhz(self) -> float:
        return self.required_clock or _DEFAULT_MHZ

    @property
    def _part(self) -> str:
        return self.device.parts[self.package]

    def _files(self, netlist: VendorNetlist) -> Files:
        top = netlist.top
        files = {f"{top}_synth.v": netlist.verilog.encode()}
        if netlist.edif is None:
            script = quartus_script(top, self._part, f"{top}_synth.v")
            return files | {
                f"{top}.sdc": write_sdc(self._mhz).encode(),
                f"{top}_quartus.tcl": script.encode(),
            }
        return files | {
            f"{top}.edif": netlist.edif,
            f"{top}.xdc": write_xdc(self._mhz, self.device.die).encode(),
            f"{top}_vivado.tcl": vivado_script(top, self._part).encode(),
        }

    def check_fit(self, netlist: VendorNetlist) -> None:
        """Raise `DoesNotFit` where the device is too small."""
        used, device = netlist.used(), self.device
        counts = (
            ("LUTs", used["LUT"], device.luts),
            ("flip-flops", used["FF"], device.ffs),
            ("I/O pins", netlist.pins, device.packages[self.package]),
            ("block RAMs", used["BRAM"], device.brams),
        )
        rows = [fit_row(self.target.name, device, *count) for count in counts]
        if not all(row.fits for row in rows):
            raise DoesNotFit(device, self.package, rows, "")

    def _physical(self, netlist: VendorNetlist) -> Physical:
        """Return what the manifest says of the netlist."""
        tool = "quartus_sh -t" if netlist.edif is None else "vivado -mode batch -source"
        name = "quartus" if netlist.edif is None else "vivado"
        return {
            "device": self.device.name,
            "package": self.package,
            "part": self._part,
            "cells": dict(netlist.cells),
            "used": netlist.used(),
            "available": {"LUT": self.device.luts, "FF": self.device.ffs},
            "body_cells": netlist.body_cells,
            "routed": False,
            "fmax_mhz": None,
            "clock_mhz": self._mhz,
            "next": f"{tool} {netlist.top}_{name}.tcl",
        }

"""What gatec compiles for: targets and their devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatec.devices.device import Device
from gatec.devices.fabrics import Style
from gatec.devices.ice40 import ice40_devices
from gatec.devices.netlist import amd_devices, intel_devices
from gatec.devices.vendor import (
    ecp5_devices,
    gatemate_devices,
    gowin_devices,
    machxo2_devices,
    nexus_devices,
)
from gatec.errors import UsageError


@dataclass(frozen=True)
class Target:
    """Something that gatec writes circuits for.

    Attributes
    ----------
    name, description
        As `gatec targets` shows them.
    lut_inputs
        Inputs of its LUTs; None where `--lut-inputs` chooses.
    style
        What stage bodies are made of (`gatec.devices.fabrics.Style`).
    devices
        By name; empty for a target without any.
    device
        The default device, or None.
    """

    name: str
    description: str
    lut_inputs: int | None
    style: Style
    devices: Mapping[str, Device]
    device: str | None


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target(
            "ice40",
            "Lattice iCE40: Yosys, nextpnr-ice40 and icepack, to a bitstream",
            4,
            "ice40",
            ice40_devices(),
            "hx8k",
        ),
        Target(
            "ecp5",
            "Lattice ECP5: Yosys, nextpnr-ecp5 and ecppack, to a bitstream",
            4,
            "lattice",
            ecp5_devices(),
            "25k",
        ),
        Target(
            "gowin",
            "Gowin LittleBee and Arora: Yosys, nextpnr-himbaechel and gowin_pack, to a bitstream",
            4,
            "gowin",
            gowin_devices(),
            "gw1nr-9c",
        ),
        Target(
            "gatemate",
            "Cologne Chip GateMate: Yosys, nextpnr-himbaechel and gmpack, to a bitstream",
            4,
            "generic",
            gatemate_devices(),
            "ccgm1a1",
        ),
        Target(
            "nexus",
            "Lattice CrossLink-NX: Yosys, nextpnr-nexus and prjoxide, to a bitstream",
            4,
            "nexus",
            nexus_devices(),
            "lifcl-17",
        ),
        Target(
            "machxo2",
            "Lattice MachXO2: Yosys, nextpnr-machxo2 and xo2pack, to a bitstream",
            4,
            "lattice",
            machxo2_devices(),
            "xo2-1200hc",
        ),
        Target(
            "xc7",
            "AMD 7 series: a netlist and a script for Vivado, not routed here",
            None,
            "xilinx",
            amd_devices("xc7"),
            "xc7a35t",
        ),
        Target(
            "xcu",
            "AMD UltraScale: a netlist and a script for Vivado, not routed here",
            None,
            "xilinx",
            amd_devices("xcu"),
            "xcku040",
        ),
        Target(
            "xcup",
            "AMD UltraScale+: a netlist and a script for Vivado, not routed here",
            None,
            "xilinx",
            amd_devices("xcup"),
            "xcku3p",
        ),
        Target(
            "intel",
            "Intel Cyclone V, MAX 10, Cyclone IV E: netlist and script for Quartus, not routed",
            None,
            "cyclonev",
            intel_devices(),
            "5ceba4",
        ),
        Target("asic", "Standard cells of a Liberty file, to proved gates", 6, "generic", {}, None),
        Target("generic", "Plain Verilog, without place and route", None, "generic", {}, None),
    )
}


# Those that end in a netlist for the vendor's tool.
NETLIST_TARGETS = ("xc7", "xcu", "xcup", "intel")


def find_target(name: str) -> Target:
    """Return a target; raise `UsageError` for an unknown one."""
    if name not in TARGETS:
        raise UsageError(f"unknown target {name!r}", expected=", ".join(TARGETS))
    return TARGETS[name]


def find_device(target: Target, name: str | None) -> Device:
    """Return a target's device, or its default for None; raise `UsageError` for an unknown one."""
    if not target.devices:
        raise UsageError(f"target {target.name} has no devices", expected="no --device")
    chosen = name or target.device
    if chosen is None or chosen not in target.devices:
        raise UsageError(
            f"unknown device {chosen!r}",
            place=f"target {target.name}",
            expected=", ".join(target.devices),
        )
    return target.devices[chosen]

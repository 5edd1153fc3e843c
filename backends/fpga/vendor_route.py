"""Place and route by nextpnr, and the packer of a family."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from gatec.backends.fpga.family import Family
from gatec.backends.fpga.fit import (
    FEWER_STAGES,
    NARROWER,
    DoesNotFit,
    FitRow,
    used_cells,
    why_full,
)
from gatec.backends.fpga.routed import Routed, read_report, routed
from gatec.backends.fpga.vendor_synth import VendorSynthesis
from gatec.devices.device import Device
from gatec.devices.targets import TARGETS
from gatec.errors import ToolError
from gatec.tools.nextpnr import yowasp_tool
from gatec.tools.runner import Tool, ToolFailed, ToolTimeout


def place_and_route(
    family: Family,
    design: VendorSynthesis,
    device: Device,
    package: str,
    *,
    constraints: str,
    clock_mhz: float,
    seed: int = 1,
    timeout: float = 3600.0,
) -> Routed:
    """Place and route a design and pack its bitstream.

    Parameters
    ----------
    package
        One of the device's.
    constraints
        Pins and clocks in the family's form.
    clock_mhz
        The clock to aim for. Missing it is no error: `fmax_mhz` says what was reached.
    seed
        Of the placer: the same seed gives the same bytes.
    timeout
        Seconds for nextpnr.

    Raises
    ------
    DoesNotFit
        The device is too small: by count, by what nextpnr says, or as it found no way in time.
    ToolError
        A tool is missing or failed otherwise.
    """
    table = check_fit(family, design, device, package)
    arguments = [*family.arguments(device, package), "--json", "design.json"]
    arguments += ["--report", "report.json", "--seed", str(seed), "--timing-allow-fail"]
    arguments += ["--freq", f"{clock_mhz:g}"]
    arguments += family.with_rams if design.used(family)["BRAM"] else ()
    try:
        run = _nextpnr(family).run(
            arguments,
            inputs={"design.json": design.json, "design.constraints": constraints},
            outputs=["design.config", "report.json"],
            timeout=timeout,
        )
    except ToolTimeout:
        why = f"not placed and routed after {timeout:g} s"
        raise DoesNotFit(device, package, table, why) from None
    except ToolFailed as error:
        why_not = why_full(error.log)
        if why_not is None:
            raise
        packed = used_cells(error.log, family.cells)
        rows = [fit_row(family.name, device, *counts) for counts in packed]
        raise DoesNotFit(device, package, rows, why_not) from None
    report = read_report(run.files["report.json"], family.tool)
    config = run.files["design.config"]
    return routed(report, config=config, bitstream=pack(family, device, config), log=run.log)


def check_tools(family: Family) -> None:
    """Raise `ToolError` unless the family's tools are installed."""
    _nextpnr(family)
    _packer_tool(family)


def pack(family: Family, device: Device, config: bytes) -> bytes:
    """Return the bitstream of nextpnr's configuration."""
    run = _packer_tool(family).run(
        family.packer.arguments(device), inputs={"design.config": config}, outputs=["design.bit"]
    )
    return run.files["design.bit"]


def _nextpnr(family: Family) -> Tool:
    return yowasp_tool(family.package, family.function, family.tool, family.name)


def _packer_tool(family: Family) -> Tool:
    packer = family.packer
    if packer.function:
        return yowasp_tool(packer.package, packer.function, packer.name, family.name)
    install = f"pip install 'gatec[{family.name}]'"
    if find_spec(packer.package) is None:
        raise ToolError("not found", file=packer.name, expected=install)
    module = f"{packer.package}.{packer.name}"
    command = (sys.executable, "-m", module)
    return Tool(packer.name, command, ("Traceback",), install)


def check_fit(
    family: Family, design: VendorSynthesis, device: Device, package: str
) -> list[FitRow]:
    """Return what a design needs of a device, before placing; raise `DoesNotFit` if too much."""
    used = design.used(family)
    luts = used.get("LUT4", used.get("LUT", 0))
    counts = (
        ("LUTs", luts, device.luts),
        ("flip-flops", used["FF"], device.ffs),
        ("I/O pins", sum(design.ports.values()), device.packages[package]),
        ("block RAMs", used["BRAM"], device.brams),
    )
    rows = [fit_row(family.name, device, *count) for count in counts]
    if not all(row.fits for row in rows):
        raise DoesNotFit(device, package, rows, "")
    return rows


def fit_row(target: str, device: Device, resource: str, needed: int, available: int) -> FitRow:
    """Return what a design needs of one resource, and what the user can change."""
    if needed <= available:
        return FitRow(resource, needed, available, "")
    larger = [other.name for other in TARGETS[target].devices.values() if other.luts > device.luts]
    changes = [f"--device {' or '.join(larger)}"] if larger else []
    if resource == "I/O pins":
        changes = [NARROWER]
    elif resource == "flip-flops":
        changes.append(FEWER_STAGES)
    else:
        changes += [FEWER_STAGES, "a higher -O"]
    return FitRow(resource, needed, available, ", ".join(changes))

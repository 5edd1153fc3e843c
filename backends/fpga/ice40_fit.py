"""Whether a synthesised design fits an iCE40 device, and what to change when it does not."""

from __future__ import annotations

from gatec.backends.fpga.fit import FEWER_STAGES, NARROWER, DoesNotFit, FitRow, used_cells, why_full
from gatec.backends.fpga.ice40 import Synthesis
from gatec.devices.device import Device
from gatec.devices.targets import TARGETS

GLOBAL_BUFFERS = 8

_CELL_NAMES = {
    "ICESTORM_LC": "logic cells",
    "ICESTORM_RAM": "block RAMs",
    "ICESTORM_PLL": "PLLs",
    "SB_IO": "I/O pins",
    "SB_GB": "global buffers",
}


def fit_table(design: Synthesis, device: Device, package: str) -> list[FitRow]:
    """Return what a design needs of a device, before placing: lower bounds, one row a resource.

    Rows of resources that suffice have nothing to change.
    """
    counts = (
        ("logic cells", design.logic_cells, device.luts),
        ("LUTs", design.luts, device.luts),
        ("flip-flops", design.ffs, device.ffs),
        ("carries", design.carries, device.luts),
        ("I/O pins", design.pins, device.packages[package]),
        ("block RAMs", design.rams, device.brams),
        ("PLLs", design.plls, device.plls),
        ("global buffers", design.global_buffers, GLOBAL_BUFFERS),
    )
    return [_row(name, used, room, design, device) for name, used, room in counts]


def check_fit(design: Synthesis, device: Device, package: str) -> list[FitRow]:
    """Return the table of `fit_table`; raise `DoesNotFit` when a resource is too few."""
    table = fit_table(design, device, package)
    if not all(row.fits for row in table):
        raise DoesNotFit(device, package, table, "")
    return table


def explain_failure(log: str, design: Synthesis, device: Device, package: str) -> DoesNotFit | None:
    """Return what nextpnr's log means when it is about too little room, else None."""
    why = why_full(log)
    if why is None:
        return None
    packed = [
        _row(name, used, room, design, device) for name, used, room in used_cells(log, _CELL_NAMES)
    ]
    return DoesNotFit(device, package, packed, why)


def _row(resource: str, needed: int, available: int, design: Synthesis, device: Device) -> FitRow:
    if needed <= available:
        return FitRow(resource, needed, available, "")
    larger = _larger(design, device)
    change = {
        "I/O pins": _pin_change(design, device),
        "flip-flops": ", ".join(filter(None, (larger, FEWER_STAGES))),
        "PLLs": "no --clock that differs from the oscillator's",
        "global buffers": "fewer clocks",
    }.get(resource, ", ".join(filter(None, (larger, FEWER_STAGES, "a higher -O"))))
    return FitRow(resource, needed, available, change)


def _larger(design: Synthesis, device: Device) -> str:
    """Name the iCE40 devices that have room where `device` has not, or nothing."""
    names = [
        other.name
        for other in TARGETS["ice40"].devices.values()
        if other.luts > device.luts and other.luts >= design.logic_cells
    ]
    return f"--device {' or '.join(names)}" if names else ""


def _pin_change(design: Synthesis, device: Device) -> str:
    wide = [name for name, count in device.packages.items() if count >= design.pins]
    return f"--package {' or '.join(wide)}, or {NARROWER}" if wide else NARROWER

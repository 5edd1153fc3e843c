"""Whether a synthesised design fits an iCE40 device, and what to change when it does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gatec.backends.ice40 import Synthesis
from gatec.errors import LimitError
from gatec.targets import TARGETS, Device

GLOBAL_BUFFERS = 8

_FEWER_STAGES = "fewer --stages (each adds registers)"
_NARROWER = "a smaller --beat-bits and --out-beat-bits, or --board with its UART"

# nextpnr: "Info:   ICESTORM_LC:  2350/ 1280   183%"
_USED = re.compile(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s", re.MULTILINE)
_FULL = (
    "no BELs remaining to implement cell type",
    "Unable to find a placement location",
    "Unable to find legal placement",
    "Failed to expand region",
    "Unable to place cell",
    "failed to place",
    "couldn't be placed anywhere",
)
_UNROUTABLE = ("Failed to find a route", "Failed to route", "Routing design failed")
_CELL_NAMES = {
    "ICESTORM_LC": "logic cells",
    "ICESTORM_RAM": "block RAMs",
    "ICESTORM_PLL": "PLLs",
    "SB_IO": "I/O pins",
    "SB_GB": "global buffers",
}


@dataclass(frozen=True)
class FitRow:
    """One resource.

    Attributes
    ----------
    resource
        Its name, in the plural.
    needed, available
        How many the design has and the device offers.
    change
        What the user can change when it is too few.
    """

    resource: str
    needed: int
    available: int
    change: str

    @property
    def fits(self) -> bool:
        """Whether there are enough."""
        return self.needed <= self.available


class DoesNotFit(LimitError):
    """A design is larger than its device.

    Attributes
    ----------
    table
        All resources, those that fit too.
    """

    def __init__(self, device: Device, package: str, table: Sequence[FitRow], why: str) -> None:
        self.table = tuple(table)
        over = [row for row in self.table if not row.fits]
        what = ", ".join(f"{row.needed} {row.resource} of {row.available}" for row in over)
        change = over[0].change if over else "a larger --device, or a higher -O"
        super().__init__(
            f"the design does not fit: {what or why}",
            file=f"{device.name}-{package}",
            expected=change,
        )


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
    unroutable = any(marker in log for marker in _UNROUTABLE)
    if not unroutable and not any(marker in log for marker in _FULL):
        return None
    packed = [
        _row(_CELL_NAMES[name], int(used), int(room), design, device)
        for name, used, room in _USED.findall(log)
        if name in _CELL_NAMES
    ]
    why = "its wiring is too dense to route" if unroutable else "no legal placement was found"
    return DoesNotFit(device, package, packed, why)


def _row(resource: str, needed: int, available: int, design: Synthesis, device: Device) -> FitRow:
    if needed <= available:
        return FitRow(resource, needed, available, "")
    larger = _larger(design, device)
    change = {
        "I/O pins": _pin_change(design, device),
        "flip-flops": ", ".join(filter(None, (larger, _FEWER_STAGES))),
        "PLLs": "no --clock that differs from the oscillator's",
        "global buffers": "fewer clocks",
    }.get(resource, ", ".join(filter(None, (larger, _FEWER_STAGES, "a higher -O"))))
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
    return f"--package {' or '.join(wide)}, or {_NARROWER}" if wide else _NARROWER

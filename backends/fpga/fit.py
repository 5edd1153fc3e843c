"""What a design needs of a device, and the error of one that is too large."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatec.devices.device import Device
from gatec.errors import LimitError

FEWER_STAGES = "fewer --stages (each adds registers)"
NARROWER = "a smaller --beat-bits and --out-beat-bits, or --board with its UART"

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


def why_full(log: str) -> str | None:
    """Return what nextpnr's log says when it is about too little room, else None."""
    if any(marker in log for marker in _UNROUTABLE):
        return "its wiring is too dense to route"
    return "no legal placement was found" if any(marker in log for marker in _FULL) else None


def used_cells(log: str, names: Mapping[str, str]) -> list[tuple[str, int, int]]:
    """Return (our name, used, available) of the kinds of cells in `names` that a log counts."""
    return [
        (names[name], int(used), int(room))
        for name, used, room in _USED.findall(log)
        if name in names
    ]

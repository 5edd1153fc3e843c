"""A routed design, and nextpnr's report of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatec.errors import ToolError


@dataclass(frozen=True)
class Hop:
    """A step of the critical path.

    Attributes
    ----------
    kind
        `clk-to-q`, `routing`, `logic` or `setup`.
    delay_ns
        Its delay.
    where
        The cell it leads to, or for `routing` the net.
    """

    kind: str
    delay_ns: float
    where: str


@dataclass(frozen=True)
class Routed:
    """A routed design.

    Attributes
    ----------
    config
        nextpnr's own form of the configuration.
    bitstream
        What goes into the board's flash; None where no packer is to be had.
    utilisation
        Used and available number of each kind of cell, nextpnr's names.
    fmax_mhz
        The highest clock that the slowest clock domain meets; None without registers.
    critical_path
        From register to register in that domain.
    log
        All that nextpnr printed.
    seed
        Of the placer, where it was one of several.
    """

    config: bytes
    bitstream: bytes | None
    utilisation: Mapping[str, tuple[int, int]]
    fmax_mhz: float | None
    critical_path: tuple[Hop, ...]
    log: str
    seed: int | None = None


def routed(
    report: Mapping[str, Any], *, config: bytes, bitstream: bytes | None, log: str
) -> Routed:
    """Return what a report says of a routed design."""
    clock = min(report["fmax"], key=lambda name: report["fmax"][name]["achieved"], default=None)
    return Routed(
        config=config,
        bitstream=bitstream,
        utilisation={
            name: (entry["used"], entry["available"])
            for name, entry in sorted(report["utilization"].items())
        },
        fmax_mhz=None if clock is None else report["fmax"][clock]["achieved"],
        critical_path=_critical_path(report, clock),
        log=log,
    )


def read_report(content: bytes, tool: str) -> dict[str, Any]:
    """Return nextpnr's report; raise `ToolError` when it is none."""
    try:
        report: dict[str, Any] = json.loads(content)
        missing = {"fmax", "utilization", "critical_paths"} - report.keys()
    except ValueError as error:
        raise ToolError(f"report is not JSON: {error}", file=tool) from None
    if missing:
        raise ToolError(f"report lacks {', '.join(sorted(missing))}", file=tool)
    return report


def _critical_path(report: Mapping[str, Any], clock: str | None) -> tuple[Hop, ...]:
    """Return the hops of the path from `clock` to `clock`; empty without one."""
    for path in report["critical_paths"]:
        if clock is not None and path["from"] == path["to"] == f"posedge {clock}":
            return tuple(
                Hop(hop["type"], hop["delay"], hop.get("net") or hop["to"]["cell"])
                for hop in path["path"]
            )
    return ()

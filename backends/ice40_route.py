"""Place and route for iCE40: nextpnr-ice40, its report, and icepack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gatec.backends.ice40 import Synthesis
from gatec.backends.ice40_fit import DoesNotFit, check_fit, explain_failure
from gatec.errors import ToolError
from gatec.targets import Device
from gatec.tools.nextpnr import icepack, nextpnr_ice40
from gatec.tools.runner import ToolFailed, ToolTimeout

Router = Literal["router1", "router2"]


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
    asc
        nextpnr's text form of the configuration.
    bitstream
        What goes into the board's flash.
    utilisation
        Used and available number of each kind of cell, nextpnr's names.
    fmax_mhz
        The highest clock that the slowest clock domain meets; None without registers.
    critical_path
        From register to register in that domain.
    log
        All that nextpnr printed.
    """

    asc: str
    bitstream: bytes
    utilisation: Mapping[str, tuple[int, int]]
    fmax_mhz: float | None
    critical_path: tuple[Hop, ...]
    log: str


def place_and_route(
    design: Synthesis,
    device: Device,
    package: str,
    *,
    pcf: str = "",
    clock_mhz: float | None = None,
    seed: int = 1,
    timeout: float = 1800.0,
    router: Router = "router1",
) -> Routed:
    """Place and route a design and pack its bitstream.

    Parameters
    ----------
    package
        One of the device's.
    pcf
        Pin constraints; ports without one get any pin.
    clock_mhz
        The clock to aim for. Missing it is no error: `fmax_mhz` says what was reached. None lets
        nextpnr aim for 12 MHz, or for what it derives for a PLL.
    seed
        Of the placer: the same seed gives the same bytes.
    timeout
        Seconds for nextpnr.
    router
        `router1` takes up to twice as long and finds faster routes: on a trained net of 2,326
        LUT4, 143 MHz in 40 s where `router2` found 104 MHz in 27 s.

    Raises
    ------
    DoesNotFit
        The device is too small: by count, by what nextpnr says, or as it found no way in time.
    ToolError
        A tool is missing or failed otherwise.
    """
    table = check_fit(design, device, package)
    arguments = [device.flag, "--package", package, "--json", "design.json", "--pcf", "design.pcf"]
    arguments += ["--asc", "design.asc", "--report", "report.json", "--seed", str(seed)]
    arguments += ["--router", router, "--pcf-allow-unconstrained", "--timing-allow-fail"]
    if clock_mhz is not None:
        arguments += ["--freq", f"{clock_mhz:g}"]
    try:
        run = nextpnr_ice40().run(
            arguments,
            inputs={"design.json": design.json, "design.pcf": pcf},
            outputs=["design.asc", "report.json"],
            timeout=timeout,
        )
    except ToolTimeout:
        # The router goes on for ever where the wires are too few: no fault of the tool's.
        why = f"not placed and routed after {timeout:g} s"
        raise DoesNotFit(device, package, table, why) from None
    except ToolFailed as error:
        explained = explain_failure(error.log, design, device, package)
        if explained is None:
            raise
        raise explained from None
    asc = run.files["design.asc"].decode()
    report = _read_report(run.files["report.json"])
    clock = min(report["fmax"], key=lambda name: report["fmax"][name]["achieved"], default=None)
    return Routed(
        asc=asc,
        bitstream=pack(asc),
        utilisation={
            name: (entry["used"], entry["available"])
            for name, entry in sorted(report["utilization"].items())
        },
        fmax_mhz=None if clock is None else report["fmax"][clock]["achieved"],
        critical_path=_critical_path(report, clock),
        log=run.log,
    )


def pack(asc: str) -> bytes:
    """Return the bitstream of nextpnr's text form."""
    run = icepack().run(["in.asc", "out.bin"], inputs={"in.asc": asc}, outputs=["out.bin"])
    return run.files["out.bin"]


def _read_report(content: bytes) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(content)
        missing = {"fmax", "utilization", "critical_paths"} - report.keys()
    except ValueError as error:
        raise ToolError(f"report is not JSON: {error}", file="nextpnr-ice40") from None
    if missing:
        raise ToolError(f"report lacks {', '.join(sorted(missing))}", file="nextpnr-ice40")
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

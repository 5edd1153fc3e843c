"""Place and route for iCE40: nextpnr-ice40, its report, and icepack."""

from __future__ import annotations

from typing import Literal

from gatec.backends.fpga.fit import DoesNotFit
from gatec.backends.fpga.ice40 import Synthesis
from gatec.backends.fpga.ice40_fit import check_fit, explain_failure
from gatec.backends.fpga.routed import Routed, read_report, routed
from gatec.devices.device import Device
from gatec.tools.nextpnr import icepack, nextpnr_ice40
from gatec.tools.runner import ToolFailed, ToolTimeout

Router = Literal["router1", "router2"]


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
    report = read_report(run.files["report.json"], "nextpnr-ice40")
    return routed(report, config=run.files["design.asc"], bitstream=pack(asc), log=run.log)


def pack(asc: str) -> bytes:
    """Return the bitstream of nextpnr's text form."""
    run = icepack().run(["in.asc", "out.bin"], inputs={"in.asc": asc}, outputs=["out.bin"])
    return run.files["out.bin"]

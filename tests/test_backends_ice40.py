"""iCE40: synthesis keeps what gatec mapped, place and route reports, a design that is too large."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import random_netlist, require

from gatec.backends.cells import vendor_models
from gatec.backends.fpga.fit import DoesNotFit
from gatec.backends.fpga.ice40 import Synthesis, synthesise
from gatec.backends.fpga.ice40_fit import check_fit, explain_failure, fit_table
from gatec.backends.fpga.ice40_route import place_and_route
from gatec.backends.verilog import Emitted, emit
from gatec.bits import from_integers, pack, unpack
from gatec.devices.device import Device
from gatec.devices.ice40_packages import packages
from gatec.devices.targets import TARGETS, find_device, find_target
from gatec.errors import ToolError, UsageError
from gatec.evaluate import evaluate_outputs
from gatec.tools.nextpnr import nextpnr_ice40
from gatec.tools.runner import ToolFailed

ICE40 = find_target("ice40")
HX1K = find_device(ICE40, "hx1k")
HX8K = find_device(ICE40, "hx8k")


def small_core(gates: int = 150) -> Emitted:
    net = random_netlist(np.random.default_rng(3), 24, gates, 12)
    used = net.replace(stage=[0] * (gates // 2) + [1] * (gates - gates // 2))
    return emit(used, style="ice40", beat_bits=8)


@pytest.fixture(scope="module")
def small() -> Synthesis:
    core = small_core()
    return synthesise({"core.v": core.text}, core.top)


def registers(count: int, *, ports: int = 0, luts: int = 0) -> Synthesis:
    """Return a design of shift registers and LUTs in chains, of an exact size."""
    body = [
        f"reg [{count - 1}:0] r; always @(posedge clk) r <= {{r, d}}; assign q = r[{count - 1}];"
    ]
    previous = "d"
    for k in range(luts):
        body.append(
            f"wire n{k}; SB_LUT4 #(.LUT_INIT(16'h6996)) l{k} "
            f"(.I0({previous}), .I1(d), .I2(1'b0), .I3(1'b0), .O(n{k}));"
        )
        previous = f"n{k}"
    wide = f", input [{ports - 1}:0] w, output v" if ports else ""
    body += [f"assign p = {previous};", "assign v = ^w;" if ports else ""]
    text = f"module top(input clk, input d, output q, output p{wide});" + "\n".join(body)
    return synthesise({"top.v": text + "\nendmodule\n"}, "top")


def test_body_cells_stay_as_they_are(small: Synthesis) -> None:
    text = small_core().text
    wanted = sorted(re.findall(r"LUT_INIT\(16'h(\w{4})\)", text))
    # The shell's own LUTs come on top, and nothing is lost.
    found = [f"{int(v, 2):04x}" for v in lut_tables(small)]
    assert small.body_cells == len(wanted)
    for table in wanted:
        found.remove(table)
    assert len(found) == small.luts - small.body_cells


def lut_tables(design: Synthesis) -> Iterator[str]:
    for cell in design.module["cells"].values():
        if cell["type"] == "SB_LUT4":
            yield cell["parameters"]["LUT_INIT"]


def test_only_primitives_are_left(small: Synthesis) -> None:
    assert all(cell.startswith("SB_") for cell in small.cells)
    assert small.ffs > 24 + 12
    assert small.luts > small.body_cells > 0
    assert small.logic_cells <= small.luts + small.ffs
    assert small.pins == 2 + 8 + 2 + 12 + 2
    assert (small.rams, small.plls, small.global_buffers) == (0, 0, 0)


def test_no_source_paths_and_the_same_bytes_again(small: Synthesis) -> None:
    again = synthesise({"core.v": small_core().text}, small.top)
    assert again == small
    for text in (small.json.decode(), small.verilog):
        assert "/ice40/" not in text
        assert "core.v" not in text
    routed = [place_and_route(design, HX1K, "tq144", clock_mhz=50) for design in (small, again)]
    assert routed[0].config == routed[1].config
    assert routed[0].bitstream == routed[1].bitstream
    other = place_and_route(small, HX1K, "tq144", clock_mhz=50, seed=2)
    assert other.bitstream != routed[0].bitstream


def test_bitstream_starts_with_the_preamble(small: Synthesis) -> None:
    routed = place_and_route(small, HX1K, "tq144")
    assert b"\x7e\xaa\x99\x7e" in routed.bitstream[:64]
    assert len(routed.bitstream) > 30_000


def test_report_is_read_back(small: Synthesis) -> None:
    routed = place_and_route(small, HX1K, "tq144", clock_mhz=50)
    used, available = routed.utilisation["ICESTORM_LC"]
    assert available == HX1K.luts
    assert small.logic_cells <= used <= small.logic_cells + small.carries + 4
    assert routed.utilisation["SB_IO"] == (small.pins, HX1K.packages["tq144"])
    assert routed.fmax_mhz is not None
    total = sum(hop.delay_ns for hop in routed.critical_path)
    assert total == pytest.approx(1000 / routed.fmax_mhz, rel=1e-3)
    kinds = [hop.kind for hop in routed.critical_path]
    assert (kinds[0], kinds[-1]) == ("clk-to-q", "setup")
    assert set(kinds[1:-1]) <= {"routing", "logic"}
    assert all(hop.where for hop in routed.critical_path)


def test_missed_clock_is_no_error(small: Synthesis) -> None:
    routed = place_and_route(small, HX1K, "tq144", clock_mhz=900)
    assert routed.fmax_mhz is not None
    assert routed.fmax_mhz < 900


def test_combinational_design_has_no_clock() -> None:
    text = "module top(input a, input b, output c); assign c = a & b; endmodule"
    routed = place_and_route(synthesise({"top.v": text}, "top"), HX1K, "tq144")
    assert (routed.fmax_mhz, routed.critical_path) == (None, ())


def test_too_many_cells_end_in_a_table() -> None:
    with pytest.raises(DoesNotFit) as caught:
        place_and_route(registers(700, luts=900), HX1K, "tq144")
    message = str(caught.value)
    assert message.startswith("hx1k-tq144: the design does not fit: 1600 logic cells of 1280;")
    assert "expected --device lp4k or lp8k or hx4k or hx8k or up3k or up5k or u4k" in message
    assert "\n" not in message
    rows = {row.resource: row for row in caught.value.table}
    assert [name for name, row in rows.items() if not row.fits] == ["logic cells"]
    assert (rows["LUTs"].needed, rows["flip-flops"].needed) == (900, 700)
    assert rows["LUTs"].change == ""


def test_too_many_pins_end_in_a_table() -> None:
    design = registers(2, ports=100)
    with pytest.raises(DoesNotFit, match=r"105 I/O pins of 96; expected a smaller --beat-bits"):
        check_fit(design, HX1K, "tq144")
    with pytest.raises(DoesNotFit, match="105 I/O pins of 95; expected --package "):
        check_fit(design, HX8K, "cb132")
    assert all(row.fits for row in check_fit(design, HX8K, "ct256"))


def test_every_resource_says_what_to_change() -> None:
    nothing = Device("lp384", "384", {"qn32": 0}, "qn32", 0, 0, 0, HX1K.delays)
    text = "module top(input clk, input [9:0] a, output reg [9:0] q); wire c, l, r, g;"
    text += "SB_PLL40_CORE p(.REFERENCECLK(clk), .PLLOUTCORE(c), .LOCK(l)); "
    text += "SB_GB b(.USER_SIGNAL_TO_GLOBAL_BUFFER(c), .GLOBAL_BUFFER_OUTPUT(g)); "
    text += "SB_RAM40_4K m(.RCLK(g), .RCLKE(1'b1), .RE(1'b1), .RADDR(a), .RDATA(r));"
    text += "always @(posedge g) q <= q + a + l + r; endmodule"
    rows = fit_table(synthesise({"top.v": text}, "top"), nothing, "qn32")
    assert [(row.resource, row.fits) for row in rows if row.resource == "global buffers"]
    for row in rows:
        assert row.needed > 0, row
        assert row.fits == (row.change == "")
    assert [row.resource for row in rows if row.fits] == ["global buffers"]


@pytest.mark.parametrize(
    "line",
    [
        "Unable to place cell 'x', no BELs remaining to implement cell type 'SB_RAM40_4K'",
        "Failed to expand region (0, 0) |_> (3, 3) of 9 ICESTORM_LCs",
        "Routing design failed.",
    ],
)
def test_words_of_nextpnr_are_explained(small: Synthesis, line: str) -> None:
    usage = "Info: \t         ICESTORM_LC:    12/  1280     0%\n"
    usage += "Info: \t        ICESTORM_RAM:    17/    16   106%\n"
    error = explain_failure(f"{usage}ERROR: {line}", small, HX1K, "tq144")
    assert error is not None
    assert "17 block RAMs of 16" in str(error)
    assert [(row.resource, row.needed, row.fits) for row in error.table] == [
        ("logic cells", 12, True),
        ("block RAMs", 17, False),
    ]
    without = explain_failure(f"ERROR: {line}", small, HX1K, "tq144")
    assert without is not None
    assert re.search("no legal placement|too dense to route", str(without))


def test_failure_of_nextpnr_itself_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    design = registers(700, luts=900)
    monkeypatch.setattr("gatec.backends.fpga.ice40_route.check_fit", lambda *_: [])
    with pytest.raises(DoesNotFit, match=r"logic cells of 1280") as caught:
        place_and_route(design, HX1K, "tq144")
    assert "logic cells" in [row.resource for row in caught.value.table if not row.fits]


def test_endless_routing_is_explained(small: Synthesis) -> None:
    with pytest.raises(DoesNotFit, match=r"not placed and routed after 0\.05 s; expected a larger"):
        place_and_route(small, HX1K, "tq144", timeout=0.05)


def test_other_failures_stay_tool_errors(small: Synthesis) -> None:
    assert explain_failure("ERROR: something else", small, HX1K, "tq144") is None
    with pytest.raises(ToolFailed, match="unsupported PCF command 'set_nothing'") as caught:
        place_and_route(small, HX1K, "tq144", pcf="set_nothing x\n")
    assert "\n" not in str(caught.value)
    with pytest.raises(ToolError, match="yosys: .*not_there"):
        synthesise({"top.v": "module top(input a); not_there x(.a(a)); endmodule"}, "top")


def test_synthesised_netlist_computes_the_core(small: Synthesis, tmp_path: Path) -> None:
    from gatec.sim.rtl import Traffic, simulate_rtl

    require("iverilog")
    net = random_netlist(np.random.default_rng(3), 24, 150, 12)
    vectors = from_integers(np.random.default_rng(1).integers(0, 1 << 24, size=64), 24)
    expected = unpack(evaluate_outputs(net, pack(vectors)), len(vectors))
    result = simulate_rtl(
        {"cells.v": vendor_models("ice40"), "netlist.v": small.verilog},
        small.top,
        vectors,
        beat_bits=8,
        out_bits=12,
        out_beat_bits=12,
        traffic=Traffic(gaps=0.2, stalls=0.2, seed=1),
    )
    assert np.array_equal(result.outputs, expected)


DIES = {"384": "lp384", "1k": "lp1k", "8k": "lp8k", "5k": "up5k", "u4k": "u4k"}
EVERY = [(DIES[die], package) for die in DIES for package in packages(die)] + [("hx4k", "tq144")]


@pytest.mark.parametrize(("name", "package"), EVERY)
def test_pin_tables_are_those_of_nextpnr(name: str, package: str) -> None:
    device = find_device(ICE40, name)
    pins = sorted(device.pins(package))
    ports = {f"p{k}": {"direction": "input", "bits": [k + 2]} for k in range(len(pins))}
    module = {"attributes": {"top": 1}, "ports": ports, "cells": {}, "netnames": {}}
    stop = ["--no-place", "--no-route"]
    run = nextpnr_ice40().run(
        [device.flag, "--package", package, "--json", "a.json", "--pcf", "a.pcf", *stop],
        inputs={
            "a.json": json.dumps({"modules": {"top": module}}),
            "a.pcf": "".join(f"set_io p{k} {pin}\n" for k, pin in enumerate(pins)),
        },
    )
    # All are accepted, and there are no others.
    assert len(re.findall(r"constrained 'p\d+' to bel", run.log)) == len(pins)
    assert re.findall(r"SB_IO:\s+(\d+)/\s*(\d+)", run.log) == [(str(len(pins)), str(len(pins)))]
    cells = re.findall(r"ICESTORM_LC:\s+\d+/\s*(\d+)", run.log)
    assert cells == [str(device.luts)]


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(UsageError, match="unknown target 'ecp6'; expected ice40, ecp5, "):
        find_target("ecp6")
    with pytest.raises(UsageError, match="target ice40: unknown device 'hx9k'; expected lp384, "):
        find_device(ICE40, "hx9k")
    with pytest.raises(UsageError, match="target generic has no devices; expected no --device"):
        find_device(TARGETS["generic"], None)
    with pytest.raises(UsageError, match="device hx1k: unknown package 'ct256'; expected cb121, "):
        HX1K.choose_package("ct256")
    assert find_device(ICE40, None).name == ICE40.device
    assert HX1K.choose_package(None) == "tq144"


def test_estimate_is_near_what_was_measured() -> None:
    measured = {2: 183, 3: 143, 4: 139, 6: 105}
    for levels, mhz in measured.items():
        assert HX8K.delays.clock_at(levels) == pytest.approx(mhz, rel=0.1)


def test_levels_at_a_clock_follow_the_estimate() -> None:
    for device in ICE40.devices.values():
        for clock in (12.0, 48.0, 100.0, 300.0):
            levels = device.delays.levels_at(clock)
            assert levels == 1 or device.delays.period(levels) <= 1000 / clock
            assert device.delays.period(levels + 1) > 1000 / clock

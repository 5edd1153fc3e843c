"""Class sums looked up in block RAMs: the plan, the netlist, the text, and what is refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from helpers import random_layers_model, require
from helpers_backends import every_input, reference, run_rtl
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.activity import inside_folder
from gatec.backends.cells import vendor_models
from gatec.backends.fpga.family import find_family
from gatec.backends.fpga.ice40 import synthesise as synthesise_ice40
from gatec.backends.fpga.synthesised import check_rams
from gatec.backends.fpga.vendor_synth import synthesise
from gatec.backends.readback.core import read_back
from gatec.backends.readback.rom_text import read_rom
from gatec.bits import Bits, pack, to_integers, unpack
from gatec.console import Progress
from gatec.demo import path as demo_path
from gatec.devices.fabrics import BLOCK_RAMS
from gatec.devices.targets import find_target
from gatec.driver import CompileResult, compile
from gatec.errors import DifferentError, GatecError, ModelError, ToolError, UsageError
from gatec.evaluate import evaluate_nets
from gatec.flows.vendor import source_of
from gatec.folder import OutputFolder
from gatec.heads.roms import RomPlan, count_rams, plan_reads
from gatec.lowering.model import lower
from gatec.mapping import map_model
from gatec.netlist import Netlist, NetlistError
from gatec.options import CompileOptions
from gatec.passes.pipeline import pipeline
from gatec.plans import plan_of
from gatec.proof.arithmetic import check_lowering
from gatec.proof.parts import prove_in_parts
from gatec.proof.verdict import Verdict
from gatec.roms import Roms
from gatec.sim.rtl import Traffic, simulate_rtl
from gatec.verify import verify_folder

CLASSES, GROUP = 3, 33
# Two layers of reads, an odd number of classes for two ports, and bits that no read takes.
MODEL = random_layers_model(np.random.default_rng(5), 16, [70, CLASSES * GROUP], CLASSES)
RAMS = 8


@pytest.fixture(scope="module")
def result() -> CompileResult:
    return compile(MODEL, "ecp5", block_rams=RAMS, place_and_route=False, vectors=8)


def samples(count: int = 300) -> Bits:
    return np.random.default_rng(1).integers(0, 2, (count, MODEL.num_inputs), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 200), st.integers(1, 12), st.sampled_from(sorted(BLOCK_RAMS)), st.integers(0, 60)
)
def test_a_plan_counts_every_bit_once(group: int, classes: int, target: str, most: int) -> None:
    ram = BLOCK_RAMS[target]
    plan = plan_reads(group, classes, ram, most)
    assert count_rams(plan.reads, classes, ram) <= most
    taken = [bit for read in plan.reads for bit in read.bits]
    assert len(set(taken)) == len(taken)
    assert sorted([*taken, *plan.left]) == list(range(len(plan.weights)))
    for number, read in enumerate(plan.reads):
        assert ram.holds(len(read.bits), read.width)
        assert read.weights == tuple(plan.weights[bit] for bit in read.bits)
        before = [other for other in plan.reads if other.layer < read.layer]
        assert max(read.bits) < plan.first_data(len(before)) <= plan.first_data(number)
    if plan.reads:
        assert RomPlan.restored(group, plan.recorded()) == plan


# Exact: block RAMs, layers, bits that go to look-up tables before and behind the reads.
@pytest.mark.parametrize(
    ("group", "target", "most", "wanted"),
    [
        (80, "ecp5", 56, (55, 3, 0, 8)),
        (80, "ecp5", 40, (40, 2, 0, 22)),
        (30, "ice40", 30, (30, 1, 0, 12)),
        (20, "ice40", 30, (30, 2, 0, 5)),
        (800, "ecp5", 56, (55, 1, 668, 54)),
    ],
)
def test_plans(group: int, target: str, most: int, wanted: tuple[int, ...]) -> None:
    ram = BLOCK_RAMS[target]
    plan = plan_reads(group, 10, ram, most)
    found = (count_rams(plan.reads, 10, ram), plan.layers, plan.loose, len(plan.left))
    assert found == wanted


def test_sums_of_a_plan_are_proved_and_a_nonsensical_plan_is_refused() -> None:
    plan = plan_reads(GROUP, CLASSES, BLOCK_RAMS["ecp5"], RAMS)
    assert (plan.layers, plan.loose) == (2, 0)
    lowering = lower(MODEL, plan)
    check_lowering(MODEL, lowering)
    assert [port.name for port in lowering.netlist.cuts] == ["leaves", "reads1", "reads2", "scores"]
    assert np.array_equal(reference(lowering.netlist, samples()), MODEL.output_bits(samples()))
    recorded = plan.recorded()
    assert plan_of(MODEL, None, recorded) == plan
    twice = [[*recorded[0][:-1], recorded[0][1]], *recorded[1:]]
    early = [*recorded[:-1], [1, *recorded[-1][1:]]]
    for wrong in (twice, early, [[]], [[1, GROUP]], [[2, 0, 1]], [[1]], [*recorded, [9, 0]]):
        with pytest.raises(ModelError):
            plan_of(MODEL, None, wrong)


def test_the_circuit_is_the_model_and_shorter(result: CompileResult) -> None:
    design, circuit = result.design, result.manifest["circuit"]
    net = design.netlist
    assert np.array_equal(reference(net, samples()), MODEL.output_bits(samples()))
    assert design.proof.verdict is Verdict.EQUIVALENT
    assert "leaves, reads1, reads2, scores" in design.proof.method
    assert circuit["head"] == "rom"
    plain = compile(MODEL, "ecp5", place_and_route=False, vectors=8).manifest["circuit"]
    assert (circuit["block_rams"], plain["block_rams"]) == (7, 0)
    assert (circuit["luts"], plain["luts"]) == (
        {"gates_and_sums": 71, "argmax": 22},
        {"gates_and_sums": 177, "argmax": 22},
    )


def test_every_option_of_the_pipeline_keeps_the_function(result: CompileResult) -> None:
    net = result.design.mapped.netlist
    assert net.roms is not None
    for options in ({"levels_per_stage": 1}, {"levels_per_stage": 7}, {"stages": 5}):
        staged = pipeline(net, **options)
        staged.verify()
        assert staged.num_stages == options.get("stages", staged.num_stages)
        for number, memory in enumerate(staged.roms.memories):  # type: ignore[union-attr]
            (stage,) = set(staged.stage[net.roms.memory == number].tolist())  # type: ignore[index]
            assert stage > 0
            assert memory.address_bits <= 12
    with pytest.raises(UsageError, match="2 stages with block RAMs.*at least 3"):
        pipeline(net, stages=2)


def test_rtl_with_stalls_gaps_and_a_reset(result: CompileResult) -> None:
    require("iverilog")
    bits = samples(40)
    traffic = Traffic(gaps=0.3, stalls=0.4, reset_after=21, seed=2)
    found = run_rtl(result.design.emitted, bits, traffic)
    assert np.array_equal(found.outputs, MODEL.output_bits(bits))


@pytest.mark.parametrize(("family", "cell"), [("ecp5", "DP16KD"), ("ice40", "SB_RAM40_4K")])
def test_what_synthesis_makes_simulates_with_models_of_its_cells(family: str, cell: str) -> None:
    require("iverilog")
    design = compile(MODEL, family, block_rams=RAMS, place_and_route=False, vectors=8).design
    emitted, shape = design.emitted, design.emitted.shape
    device = find_target(family).devices[{"ecp5": "12k", "ice40": "hx1k"}[family]]
    rams = len(emitted.roms.instances)
    made = (
        synthesise_ice40({"core.v": emitted.text}, emitted.top, rams=rams)
        if family == "ice40"
        else synthesise(find_family(family), device, source_of(emitted))
    )
    assert made.cells[cell] == rams > 0
    only = None if family == "ice40" else made.cells
    found = simulate_rtl(
        {"cells.v": vendor_models(family, only), "netlist.v": made.verilog},
        shape.top,
        samples(24),
        beat_bits=shape.beat_bits,
        out_bits=shape.output_bits,
        out_beat_bits=shape.out_beat_bits,
    )
    assert np.array_equal(found.outputs, MODEL.output_bits(samples(24)))


def test_a_memory_that_synthesis_puts_elsewhere_is_an_error() -> None:
    with pytest.raises(ToolError, match="6 block RAMs of 7 memories"):
        check_rams(6, 7)


def test_flipped_bits_of_memories_are_found(result: CompileResult) -> None:
    design = result.design
    emitted, lowered = design.emitted, design.mapped.lowering.netlist
    roms, vectors = design.netlist.roms, every_input(MODEL.num_inputs)
    assert roms is not None
    values = evaluate_nets(design.netlist, pack(vectors))
    wanted = reference(lowered, vectors)
    rng = np.random.default_rng(7)
    verdicts = []
    for memory in roms.memories[::2]:
        # An address that occurs, and any: of the latter, many do not occur.
        occurring = to_integers(unpack(values[memory.ports[0].address], len(vectors)))
        for address in (int(np.median(occurring)), int(rng.integers(len(memory.contents)))):
            contents = memory.contents.copy()
            contents[address] ^= 1 << int(rng.integers(memory.data_bits))
            old, new = (literal(c, memory.data_bits) for c in (memory.contents, contents))
            back = read_back(emitted.text.replace(old, new), emitted.shape)
            assert old in emitted.text
            proof = prove_in_parts(lowered, back.netlist, design.cut, 60)
            differs = not np.array_equal(reference(back.netlist, vectors), wanted)
            assert proof.verdict is (Verdict.DIFFERENT if differs else Verdict.EQUIVALENT)
            verdicts.append(proof.verdict)
    assert verdicts.count(Verdict.DIFFERENT) >= 4


def literal(contents: npt.NDArray[np.int64], width: int) -> str:
    bits = (contents[:, None] >> np.arange(width) & 1).reshape(-1)
    number = int("".join(map(str, bits[::-1])), 2)
    return f"'h{number:0{len(bits) // 4}x};"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if (en) q0", "if (!en) q0"),
        ("posedge clk) if", "negedge clk) if"),
        ("q0 <= rom[i[11:0]]", "q0 <= rom[i[12:1]]"),
        ("q0 <= rom[i[11:0]]", "q1 <= rom[i[11:0]]"),
        ("assign o = {q1, q0}", "assign o = {q0, q1}"),
        ("rom[k] = CONTENTS[k", "rom[k] <= CONTENTS[k"),
        ("k < 4096", "k < 4095"),
        ("  integer k;\n", "  integer k;\n  reg x;\n"),
        (".en(advance)", ".en(accept)"),
        (".clk(clk)", ".clk(rst)"),
    ],
)
def test_another_text_is_refused(result: CompileResult, old: str, new: str) -> None:
    emitted = result.design.emitted
    wrong = emitted.text.replace(old, new, 1)
    assert wrong != emitted.text
    with pytest.raises(DifferentError):
        read_back(wrong, emitted.shape)


def test_contents_of_another_width_are_refused() -> None:
    text = """\
module m (
  input  wire clk,
  input  wire en,
  input  wire [1:0] i,
  output wire [0:0] o
);
  localparam [3:0] CONTENTS = 4'h6;
  (* ram_style = "block" *) reg [0:0] rom [0:3];
  integer k;
  initial for (k = 0; k < 4; k = k + 1) rom[k] = CONTENTS[k * 1 +: 1];
  reg [0:0] q0;
  always @(posedge clk) if (en) q0 <= rom[i[1:0]];
  assign o = {q0};
endmodule
"""
    assert read_rom("m", text).contents.tolist() == [[False, True, True, False]]
    for wrong in ("3'h6", "4'h16", "5'h06", "4'h6x"):
        with pytest.raises(DifferentError):
            read_rom("m", text.replace("4'h6", wrong))


def test_verify_proves_a_folder_again_and_finds_a_fault(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    compile(MODEL, "generic", output_dir=folder, block_rams=4, vectors=8)
    facts = list(verify_folder(folder))
    assert any("the contents of 3 memories" in fact for fact in facts)
    assert any("the Verilog text is the model: equivalent" in fact for fact in facts)
    inside = inside_folder(OutputFolder.load(folder))
    stages = {signal.name: len(signal.nets) for signal in inside.signals}
    assert sum(n for name, n in stages.items() if name.startswith("stage")) == _gates(folder)
    core, manifest = folder / "random.v", folder / "manifest.json"
    text = core.read_text()
    # Wherever six of the bits are set, they count as seven.
    wrong = re.sub("(?<='h)([0-9a-f]{100,})", lambda found: found[0].replace("6", "7"), text)
    assert wrong != text
    core.write_text(wrong)
    old, new = (hashlib.sha256(each.encode()).hexdigest() for each in (text, wrong))
    manifest.write_text(manifest.read_text().replace(old, new))
    with pytest.raises(DifferentError, match="the Verilog is not the model"):
        list(verify_folder(folder))


def _gates(folder: Path) -> int:
    found = re.search("([0-9]+) gates", (folder / "random.v").read_text())
    assert found is not None
    return int(found[1])


def _with_roms(change: Callable[[Netlist, Roms], Roms]) -> Callable[[Netlist], Netlist]:
    def apply(net: Netlist) -> Netlist:
        assert net.roms is not None
        return net.replace(roms=change(net, net.roms))

    return apply


def _other_contents(_: Netlist, roms: Roms) -> Roms:
    first = roms.memories[0]
    return replace(roms, memories=(replace(first, contents=first.contents ^ 1), *roms.memories[1:]))


def _one_gate_outside(_: Netlist, roms: Roms) -> Roms:
    memory = roms.memory.copy()
    memory[int(np.flatnonzero(memory == 0)[0])] = -1
    return replace(roms, memory=memory)


def _read_at_once(net: Netlist) -> Netlist:
    assert net.stage is not None
    return net.replace(stage=np.zeros(net.num_gates, dtype=np.int32))


@pytest.mark.parametrize(
    "fault", [_with_roms(_other_contents), _with_roms(_one_gate_outside), _read_at_once]
)
def test_gates_that_are_no_memories_are_refused(
    result: CompileResult, fault: Callable[[Netlist], Netlist]
) -> None:
    with pytest.raises(NetlistError, match="memory"):
        fault(result.design.netlist).verify()


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("ecp5", {"device": "12k", "block_rams": 57}, "at most 56"),
        ("gowin", {"block_rams": 1}, "only ecp5, ice40, generic"),
        ("ice40", {"block_rams": 4, "head": "carry"}, "--head carry together"),
        ("ecp5", {"block_rams": -1}, "0 or more"),
        ("ecp5", {"block_rams": RAMS, "stages": 1}, "at least 3"),
    ],
)
def test_what_cannot_be_is_one_line(target: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(GatecError, match=message):
        compile(MODEL, target, place_and_route=False, **options)


@pytest.mark.parametrize(("group", "head"), [(80, "rom"), (100, "carry")])
def test_chains_count_where_block_rams_are_too_few(group: int, head: str) -> None:
    model = random_layers_model(np.random.default_rng(2), 16, [10 * group], 10)
    options = CompileOptions("ice40", block_rams=32)
    mapped = map_model(model, 4, options, Progress(), chains=True, block_ram=BLOCK_RAMS["ice40"])
    assert mapped.head == head


def test_the_shipped_net_on_the_up5k() -> None:
    found = compile(
        demo_path("digits"), "ice40", device="up5k", block_rams=30, place_and_route=False
    ).manifest
    assert found["circuit"]["luts"] == {"gates_and_sums": 407, "argmax": 103}
    assert found["circuit"]["block_rams"] == 30

"""Class sums that are counted in steps: right, proved, and chosen where they are smaller."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import helpers_cells
import numpy as np
import pytest
from helpers import random_layers_model
from helpers_backends import run_rtl

import gatec
from gatec.backends.readback.core import read_back
from gatec.bits import pack, random_words, unpack
from gatec.blocks import GroupSum
from gatec.cli import run
from gatec.console import Progress
from gatec.demo import path as demo_path
from gatec.design import build_design
from gatec.errors import ModelError, UsageError
from gatec.evaluate import evaluate_outputs
from gatec.fewest_stages import meet_with_fewest
from gatec.flows.choice import choose_flow
from gatec.flows.ice40 import Ice40Flow
from gatec.heads.in_turn import count_in_turn, join_in_turn
from gatec.heads.sequence import Timing
from gatec.heads.steps import plan_picking
from gatec.heads.turns import plan_turns
from gatec.lowering.model import lower
from gatec.mapping import Mapped, map_model
from gatec.model import ModelGraph
from gatec.options import CompileOptions
from gatec.passes import PIPELINES
from gatec.passes.runner import run_passes
from gatec.plans import plan_of
from gatec.proof.arithmetic import check_lowering
from gatec.proof.parts import prove_in_parts
from gatec.proof.verdict import Verdict
from gatec.sequence_stages import Pipelining
from gatec.sequences import SequenceMapper, step_choice
from gatec.sim.rtl import Traffic
from gatec.stages import packed_cells
from gatec.unroll import unrolled

DEMO = str(demo_path("digits"))


def random_model(seed: int) -> ModelGraph:
    rng = np.random.default_rng(seed)
    classes, group = int(rng.integers(2, 5)), int(rng.integers(4, 40))
    widths = [int(rng.integers(10, 40)), classes * group]
    return random_layers_model(rng, 12, widths, classes)


def circuits(model: ModelGraph, *, chains: bool) -> list[Mapped]:
    """Return a circuit for several pipelines and intervals."""
    mapper = SequenceMapper(model, 4, CompileOptions(optimise=1), chains=chains)
    found = []
    for (stages, levels), interval in product([(1, None), (4, None), (None, 2)], [4, 11]):
        staged = mapper.smallest(Pipelining(stages, levels, 1, 1, interval, forced=True))
        if staged is not None:
            mapped = mapper.mapped(staged)
            found.append(replace(mapped, netlist=staged.netlist))
    return found


@pytest.mark.parametrize(("output", "chains"), [("argmax", True), ("scores", False)])
def test_the_steps_add_up_to_the_model(output: str, chains: bool) -> None:
    seed = 1
    model = random_model(seed).with_output(output)  # type: ignore[arg-type]
    words = random_words(np.random.default_rng(seed), 12, 8)
    samples = unpack(words, 512)
    made = circuits(model, chains=chains)
    assert len(made) >= 4
    for mapped in made:
        sequence = mapped.sequence
        assert sequence is not None
        mapped.netlist.verify()
        flat = unrolled(mapped.netlist, sequence.phases).netlist
        found = unpack(evaluate_outputs(flat, pack(samples)), len(samples))
        assert np.array_equal(found, model.output_bits(samples))


@pytest.mark.parametrize("steps", [2, 3, 5, 8, 20])
def test_every_bit_is_counted_once(steps: int) -> None:
    model = random_model(steps)
    (sums,) = (block for block in model.blocks if block.name == "groupsum")
    bits, _ = run_passes(lower(model.with_output("bits")).netlist, PIPELINES[1](4))
    for at_inputs in (True, False):
        picking = plan_picking(bits, sums.classes, steps, at_inputs=at_inputs)  # type: ignore[attr-defined]
        plan = picking.plan
        assert plan.steps <= steps
        for row in plan.order.reshape(plan.classes, -1):
            assert sorted(row[row >= 0]) == list(range(sums.group))  # type: ignore[attr-defined]
        assert (plan.order[picking.absorbed] >= 0).all()
        # The plan in the manifest is the same plan, and its adders keep the sums.
        again = plan_of(model, json.loads(json.dumps(plan.order.tolist())))
        assert np.array_equal(again.order, plan.order)  # type: ignore[union-attr]
        check_lowering(model, lower(model, again))


@pytest.mark.parametrize(("steps", "low"), [(1, 1), (2, 2), (3, 3), (5, 4), (9, 3)])
def test_classes_one_after_the_other_count_every_bit_once(steps: int, low: int) -> None:
    model = random_model(steps)
    (sums,) = (block for block in model.blocks if isinstance(block, GroupSum))
    bits, _ = run_passes(lower(model.with_output("bits")).netlist, PIPELINES[1](4))
    turns = plan_turns(bits, sums.classes, steps, low)
    plan, order = turns.plan, turns.picking.plan.order
    assert plan.in_turn and plan.steps <= steps
    assert order.shape[1:] == (min(1 << low, turns.phases), plan.width * turns.segments)
    assert sorted(order[order >= 0]) == list(range(sums.classes * sums.group))
    again = plan_of(model, json.loads(json.dumps(plan.order.tolist())), in_turn=True)
    assert np.array_equal(again.order, plan.order)  # type: ignore[union-attr]
    facts = check_lowering(model, lower(model, again))
    assert facts[-1].startswith("argmax")


@pytest.mark.parametrize("chains", [True, False])
def test_one_class_after_the_other_is_the_model(chains: bool) -> None:
    """With ties in plenty: a class of two bits has three scores."""
    for seed, steps, low, timing in [
        (1, 1, 1, Timing(False, True)),
        (2, 3, 3, Timing(True, True)),
        (3, 2, 2, Timing(True, False)),
        (4, 7, 4, Timing(False, False)),
    ]:
        model = random_model(seed)
        mapper = SequenceMapper(model, 4, CompileOptions(optimise=1), chains=chains)
        bits, classes = mapper.bits, model.head.classes  # type: ignore[union-attr]
        turns = plan_turns(bits, classes, steps, low)
        phase_bits = (turns.phases + timing.extra - 1).bit_length()
        found = join_in_turn(
            turns,
            timing,
            bits,
            front=mapper.front,
            map_tables=mapper.map_tables,
            count=count_in_turn(turns.plan, timing, phase_bits, mapper.map_tables, chains=chains),
            like=lower(model).netlist,
        )
        found.netlist.verify()
        samples = unpack(random_words(np.random.default_rng(seed), 12, 8), 512)
        flat = unrolled(found.netlist, found.phases).netlist
        outputs = unpack(evaluate_outputs(flat, pack(samples)), len(samples))
        assert np.array_equal(outputs, model.output_bits(samples))


def test_an_order_that_counts_a_bit_twice_is_no_plan() -> None:
    model = random_model(1)
    bits, _ = run_passes(lower(model.with_output("bits")).netlist, PIPELINES[1](4))
    order = plan_picking(bits, len(lower(model).block_nets["groupsum"]), 3).plan.order.tolist()
    order[0][0][0] = order[0][1][0]
    with pytest.raises(ModelError, match="does not fit"):
        plan_of(model, order)
    with pytest.raises(ModelError, match="does not fit"):
        plan_of(model, [order[1][:1], *order[1:]])


def test_the_text_is_proved_and_faults_in_it_are_not() -> None:
    """The proof goes through the picked bits; of tables with a wrong bit some are harmless."""
    model = random_model(5)
    options = CompileOptions(head="sequential", interval=6, place_and_route=False)
    flow = choose_flow(options)
    mapped = map_model(model, 4, options, Progress(), chains=True)
    steps = step_choice(mapped, flow, options, Progress())
    design = build_design(mapped, flow.emit, options, Progress(), stages=2, steps=steps)
    assert design.proof.verdict is Verdict.EQUIVALENT
    assert "through the cut at picks, scores" in design.proof.method
    sequence = design.mapped.sequence
    assert sequence is not None
    samples = unpack(random_words(np.random.default_rng(0), 12, 1), 40)
    traffic = Traffic(gaps=0.2, stalls=0.4, seed=1)
    result = run_rtl(design.emitted, samples, traffic)
    assert np.array_equal(result.outputs, design.mapped.model.output_bits(samples))
    rng, text = np.random.default_rng(6), design.emitted.text
    tables = list(re.finditer(r"16'h([0-9a-f]{4})", text))
    reference = design.mapped.lowering.netlist
    words = random_words(rng, 12, 64)
    seen = 0
    for place in rng.choice(len(tables), 12, replace=False):
        table = tables[place]
        flips = 0xFFFF if seen % 2 else 1 << int(rng.integers(16))
        wrong = f"{int(table[1], 16) ^ flips:04x}"
        mutant = text[: table.start(1)] + wrong + text[table.end(1) :]
        circuit = read_back(mutant, design.emitted.shape).netlist
        proof = prove_in_parts(reference, circuit, design.cut, 60)
        differs = (evaluate_outputs(circuit, words) != evaluate_outputs(reference, words)).any()
        assert proof.verdict is (Verdict.DIFFERENT if differs else Verdict.EQUIVALENT)
        seen += bool(differs)
    assert seen >= 3


# Logic cells of the demo with flip-flops, in one stage.
@pytest.mark.parametrize(("interval", "cells"), [(1, 695), (4, 663), (8, 601), (32, 450)])
def test_sizes_of_the_demo(interval: int, cells: int) -> None:
    result = gatec.compile(DEMO, interval=interval, stages=1, place_and_route=False, vectors=1)
    circuit = result.manifest["circuit"]
    assert (circuit["head"], circuit["logic_cells"]) == (
        "carry" if interval == 1 else "sequential",
        cells,
    )
    assert circuit["initiation_interval_cycles"] <= interval
    assert result.design.mapped.netlist.cuts[-1].name == "scores"
    assert packed_cells(result.design.netlist) == cells


@pytest.mark.parametrize(
    "options",
    [
        {"board": "icebreaker"},
        {"board": "icebreaker", "link": "spi"},
        {"target": "gowin", "levels_per_stage": 12, "interval": 31},
    ],
)
def test_boards_and_other_fabrics_count_in_steps(options: dict[str, object]) -> None:
    """A byte on a board's line takes long; the levels of a stage hold as for any circuit."""
    result = gatec.compile(DEMO, place_and_route=False, vectors=1, **options)  # type: ignore[arg-type]
    circuit, shape = result.manifest["circuit"], result.design.emitted.shape
    assert circuit["head"] == "sequential" and circuit["head_in_turn"]
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    # Between two bytes on SPI there are 64 cycles.
    assert shape.sequence is not None and 10 < shape.sequence.phases <= 64
    assert shape.interval <= options.get("interval", shape.beats_in + 60)  # type: ignore[operator]
    assert result.design.mapped.sequence.levels <= 16  # type: ignore[union-attr]


def test_a_clock_is_met_with_sums_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of circuits that are not really routed: each level takes 2 ns."""
    options = CompileOptions(device="hx8k", clock=30.0, interval=20, head="sequential")
    model = random_model(5)
    monkeypatch.setattr(
        Ice40Flow,
        "finish",
        lambda _, design, __: ({"fmax_mhz": 500 / design.mapped.sequence.levels, "seed": 1}, {}),
    )
    flow = choose_flow(options)
    mapped = map_model(model, 4, options, Progress(), chains=True)
    steps = step_choice(mapped, flow, options, Progress())
    design, physical, _ = meet_with_fewest(mapped, flow, options, Progress(), steps)
    assert design.mapped.head == "sequential" and design.proof.verdict is Verdict.EQUIVALENT
    assert physical is not None and physical["fmax_mhz"] >= options.clock  # type: ignore[operator]
    assert physical["tries"][0]["fmax_mhz"] > 0


def test_other_heads_are_kept_when_asked_for() -> None:
    for head in ("tree", "carry"):
        result = gatec.compile(
            DEMO, interval=8, head=head, place_and_route=False, vectors=1, optimise=1
        )
        assert result.manifest["circuit"]["head"] == head
        assert result.manifest["interface"]["sequence"] is None


def test_what_cannot_be(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    liberty = tmp_path / "cells.lib"
    liberty.write_text(helpers_cells.liberty())
    out = ["-o", str(tmp_path / "out"), "--no-pnr"]
    for more, message in [
        (["--head", "sequential"], "one result every 1 cycle(s)"),
        (["--interval", "2", "--head", "sequential", "--stages", "4"], "a larger --interval"),
        (["--interval", "3", "--beat-bits", "32"], "4 beat(s) in and 1 out; expected at least 4"),
        (["--interval", "8", "--head", "sequential", "--output", "bits"], "without class sums"),
        (["--interval", "0"], "expected a positive number"),
        (
            ["--head", "sequential", "--target", "asic", "--liberty", str(liberty)],
            "one result every 1 cycle(s); expected a larger --interval, and --stages 1",
        ),
    ]:
        assert run(["compile", DEMO, *out, *more]) == UsageError.exit_code
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_is_verified_and_its_manifest_is_not_believed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    more = ["--no-pnr", "--interval", "8", "--target", "generic", "-q", "--head", "sequential"]
    assert run(["compile", DEMO, "-o", str(folder), *more]) == 0
    assert run(["verify", str(folder)]) == 0
    text = (folder / "manifest.json").read_text()
    manifest = json.loads(text)
    assert manifest["circuit"]["head"] == "sequential"
    assert run(["sim", str(folder), "--data", "demo:digits-test", "--rtl"]) == 0
    capsys.readouterr()
    for key, value in [("phases", 3), ("state", "0"), ("state", "2"), ("stage", -1)]:
        wrong = json.loads(text)
        wrong["interface"]["sequence"][key] = value
        (folder / "manifest.json").write_text(json.dumps(wrong))
        assert run(["verify", str(folder)]) in (3, 5)
    assert "Traceback" not in capsys.readouterr().err

"""Class sums one after the other in standard cells: right, proved, and chosen where smaller."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import random_layers_model, require
from helpers_cells import ADDERS, GATES, TIES, liberty

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.verilog import Emitted
from gatec.bits import pack, random_words, unpack
from gatec.cli import run
from gatec.driver import CompileResult
from gatec.errors import UsageError
from gatec.evaluate import evaluate_outputs
from gatec.heads.by_class import by_class, can_count
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.passes import tidy
from gatec.passes.runner import run_passes
from gatec.sim.rtl import Traffic, simulate_rtl
from gatec.unroll import unrolled

LIBERTY = liberty((*GATES, *ADDERS, *TIES))


def model_of(seed: int, classes: int, group: int) -> ModelGraph:
    rng = np.random.default_rng(seed)
    return random_layers_model(rng, 12, [30, classes * group], classes)


@pytest.mark.parametrize(("classes", "group"), [(2, 5), (5, 1), (7, 6), (10, 3)])
def test_the_best_class_so_far_is_the_class(classes: int, group: int) -> None:
    """With scores that are often equal: the lowest class of them."""
    model = model_of(classes, classes, group)
    bits, _ = run_passes(lower(model.with_output("bits")).netlist, tidy(6))
    like = lower(model).netlist
    words = random_words(np.random.default_rng(1), 12, 8)
    samples = unpack(words, 512)
    tried = 0
    for at_once in range(1, classes):
        if can_count(classes, at_once):
            found = by_class(bits, classes, at_once, like, lambda net: run_passes(net, tidy(6))[0])
            assert found.phases == -(-classes // at_once)
            flat = unrolled(found.netlist, found.phases).netlist
            outputs = unpack(evaluate_outputs(flat, pack(samples)), len(samples))
            assert np.array_equal(outputs, model.output_bits(samples))
            tried += 1
    assert tried == classes - 1
    assert not can_count(classes, classes)
    assert not can_count(200, 1)


def library(folder: Path) -> AsicOptions:
    file = folder / "cells.lib"
    file.write_text(LIBERTY)
    return AsicOptions(liberty=(file,))


def compiled(folder: Path, out: Path | None = None, **options: object) -> CompileResult:
    return gatec.compile(
        model_of(4, 6, 20), "asic", asic=library(folder), optimise=1, vectors=16, output_dir=out,
        **{"stages": 1, **options},
    )  # fmt: skip


def test_a_vector_in_beats_is_counted_class_by_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six classes, inputs in six beats: an answer every six cycles still, from fewer gates."""
    require("iverilog")
    out = tmp_path / "out"
    made = compiled(tmp_path, out, beat_bits=2)
    circuit, interface = made.manifest["circuit"], made.manifest["interface"]
    assert circuit["head"] == "sequential"
    assert circuit["initiation_interval_cycles"] == 6
    assert interface["early_words"] == interface["sequence"]["phases"] - 1 == 5
    assert made.design.proof.method == "structure, through the cut at scores"
    physical = made.manifest["physical"]
    assert physical["proof"]["equivalence"] == "equivalent"
    beside = compiled(tmp_path, beat_bits=2, head="tree").manifest
    assert beside["circuit"]["head"] == "tree"
    assert physical["area"] < 0.95 * beside["physical"]["area"]
    assert run(["verify", str(out)]) == 0
    emitted: Emitted = made.design.emitted
    samples = unpack(random_words(np.random.default_rng(0), 12, 1), 40)
    for traffic in (None, Traffic(gaps=0.3, stalls=0.3, reset_after=19, seed=4)):
        result = simulate_rtl(
            {n: made.files[n].decode() for n in made.files if "gates" in n and n.endswith(".v")},
            emitted.top, samples, beat_bits=2, out_bits=3, out_beat_bits=3, traffic=traffic,
        )  # fmt: skip
        assert np.array_equal(result.outputs, made.design.mapped.model.output_bits(samples))
    capsys.readouterr()
    manifest = out / "manifest.json"
    stated = json.loads(manifest.read_text())
    for wrong in (None, 3, -1):
        stated["interface"]["early_words"] = wrong
        manifest.write_text(json.dumps(stated))
        assert run(["verify", str(out)]) in (3, 5)
    assert "Traceback" not in capsys.readouterr().err


def test_an_interval_in_place_of_beats(tmp_path: Path) -> None:
    for interval, phases in ((3, 3), (6, 6), (40, 6)):
        made = compiled(tmp_path, interval=interval, place_and_route=False, head="sequential")
        sequence = made.manifest["interface"]["sequence"]
        assert sequence["phases"] <= phases
        assert made.manifest["circuit"]["initiation_interval_cycles"] <= interval
        assert made.manifest["interface"]["early_words"] is None


def test_what_cannot_be(tmp_path: Path) -> None:
    for options, message in [
        ({"head": "sequential"}, "one result every 1 cycle"),
        ({"head": "sequential", "output": "scores", "interval": 9}, "without class sums and argm"),
        ({"interval": 3, "beat_bits": 2}, "6 beat.s. in and 1 out; expected at least 6"),
    ]:
        with pytest.raises(UsageError, match=message):
            compiled(tmp_path, place_and_route=False, **options)


def test_a_clock_that_one_stage_meets(tmp_path: Path) -> None:
    """And one that it misses, for which there is a pipeline that adds at once."""
    slow = compiled(tmp_path, beat_bits=2, stages=None, clock=10).manifest
    assert slow["circuit"]["head"] == "sequential"
    assert slow["circuit"]["stages"] == 1
    assert slow["physical"]["clock_mhz"] == 10
    fmax = slow["physical"]["fmax_mhz"]
    fast = compiled(tmp_path, beat_bits=2, stages=None, clock=1.2 * fmax).manifest
    assert fast["circuit"]["head"] == "tree"
    assert fast["physical"]["fmax_mhz"] >= 1.2 * fmax
    with pytest.raises(UsageError, match="sequential for a clock"):
        compiled(tmp_path, beat_bits=2, stages=None, clock=1.2 * fmax, head="sequential")

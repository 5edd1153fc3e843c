"""Class sums counted in steps on families other than iCE40, in Icarus: text and netlist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import random_layers_model, require
from helpers_backends import run_rtl

import gatec
from gatec.backends.cells import vendor_models
from gatec.backends.fpga.family import find_family
from gatec.backends.fpga.vendor_synth import Source, synthesise
from gatec.devices.targets import find_target
from gatec.sim.rtl import Traffic

MODEL = random_layers_model(np.random.default_rng(5), 12, [30, 48], 3)
SAMPLES = np.random.default_rng(6).integers(0, 2, (24, 12), dtype=np.uint8)
TRAFFIC = Traffic(gaps=0.3, stalls=0.85, reset_after=9, seed=1)


def sequential(target: str, in_turn: bool, **options: Any) -> gatec.CompileResult:
    """Compile the net, its class sums in steps: one class after the other, or all at once."""
    result = gatec.compile(
        MODEL, target, head="sequential", place_and_route=False, vectors=1, optimise=1, **options
    )
    circuit = result.manifest["circuit"]
    assert (circuit["head"], circuit["head_in_turn"]) == ("sequential", in_turn)
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    return result


@pytest.mark.parametrize(
    ("target", "in_turn", "options", "traffic"),
    [
        ("ecp5", False, {"interval": 3, "levels_per_stage": 3}, None),
        ("ecp5", True, {"interval": 12, "beat_bits": 4}, TRAFFIC),
        ("gowin", False, {"interval": 3}, TRAFFIC),
        ("gowin", True, {"interval": 8, "out_beat_bits": 1}, None),
    ],
)
def test_the_text_answers_as_the_model(
    target: str, in_turn: bool, options: Any, traffic: Traffic | None
) -> None:
    require("iverilog")
    emitted = sequential(target, in_turn, **options).design.emitted
    result = run_rtl(emitted, SAMPLES, traffic)
    answers = MODEL.output_bits(SAMPLES)
    assert len(np.unique(answers, axis=0)) == 3
    assert np.array_equal(result.outputs, answers)
    if traffic is None:
        assert result.latency == emitted.latency
        shape = emitted.shape
        between = shape.interval * (len(SAMPLES) - 1)
        assert result.cycles <= shape.beats_in + between + emitted.latency + shape.beats_out - 1


def test_the_netlist_answers_as_the_model() -> None:
    """After synthesis for ECP5, in the models of its cells."""
    require("iverilog")
    emitted = sequential("ecp5", True, interval=8).design.emitted
    source = Source(emitted.top, {"shell.v": emitted.clocked}, emitted.stages, emitted.style)
    netlist = synthesise(find_family("ecp5"), find_target("ecp5").devices["25k"], source)
    cells = vendor_models("ecp5", netlist.cells)
    result = run_rtl(emitted, SAMPLES, TRAFFIC, text=netlist.verilog, cells=cells)
    assert np.array_equal(result.outputs, MODEL.output_bits(SAMPLES))

"""Icarus on a text in pieces: what it gives for the whole, and what it refuses."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest
from helpers import random_layers_model, require
from helpers_backends import every_input, random_staged, reference, run_rtl
from helpers_pieces import InPieces, run_stage

from gatec.backends.cells import cells_model
from gatec.backends.verilog import Emitted, emit
from gatec.devices.fabrics import Style
from gatec.errors import DifferentError
from gatec.flows.base import core_sources
from gatec.sim.rtl import RtlResult

NET = random_staged(5, inputs=7, gates=60, outputs=6, stages=3)
SAMPLES = every_input(7)[:100]
# Only what the circuit computes is looked at here, not what it should.
ANY = random_layers_model(np.random.default_rng(0), 7, [6], None)


@pytest.fixture(autouse=True)
def _icarus() -> None:
    require("iverilog")


def in_pieces(emitted: Emitted, text: str, lines: int) -> tuple[np.ndarray, int]:
    """Return outputs and latency of a text in place of an emitted one."""
    sources = core_sources(emitted.top, emitted.style, text)
    circuit = InPieces(ANY, emitted.shape, sources, lines)
    outputs, facts = circuit.simulate(SAMPLES, "icarus", None)
    return outputs, facts.latency


def damaged(text: str) -> str:
    """Return the text with the function of the gate behind the first output bit inverted."""
    name = re.findall(r"assign o\[0\] = (n\d+);", text)[-1]
    found = re.search(rf"wire {name}(?:; SB_LUT4 .*?16'h(\w+).*| = (.*));", text)
    assert found
    if found[1] is None:
        return text.replace(found[0], f"wire {name} = ~({found[2]});")
    return text.replace(found[0], found[0].replace(found[1], f"{0xFFFF ^ int(found[1], 16):04x}"))


@pytest.mark.parametrize(("style", "lines"), [("ice40", 11), ("generic", 1_000)])
def test_pieces_are_the_whole_and_show_a_planted_change(style: Style, lines: int) -> None:
    emitted = emit(NET, style=style)
    outputs, latency = in_pieces(emitted, emitted.text, lines)
    assert np.array_equal(outputs, reference(NET, SAMPLES))
    assert latency == emitted.latency
    text = damaged(emitted.text)
    whole: RtlResult = run_rtl(emitted, SAMPLES, text=text)
    assert not np.array_equal(whole.outputs, outputs)
    assert np.array_equal(whole.outputs, in_pieces(emitted, text, lines)[0])


def test_wires_of_the_clocked_part_that_are_swapped_are_found() -> None:
    emitted = emit(NET, style="ice40")
    text = re.sub(r"\.i\((\w+)\)", r".i(~\1)", emitted.text, count=1)
    assert text != emitted.text
    with pytest.raises(DifferentError, match="undefined"):
        in_pieces(emitted, text, 1_000)


def test_what_cannot_be_cut_is_refused() -> None:
    emitted = emit(NET, style="ice40")
    stage, cells = emitted.stages[0].text, cells_model("ice40")
    first = next(line for line in stage.splitlines(keepends=True) if "SB_LUT4" in line)
    late = stage.replace(first, "").replace("  assign", f"{first}  assign", 1)
    for text, why in (
        (stage.replace(first, f"  // none\n{first}"), "unexpected line"),
        (late, "before its declaration"),
        (stage.replace(first, first * 2), "declared twice"),
        (stage.replace("  assign o[1] = ", "  assign o[0] = "), "once each"),
        (re.sub(r"  assign o\[1\] .*\n", "", stage), "once each"),
    ):
        with pytest.raises(ValueError, match=why):
            run_stage(text, cells, SAMPLES, 4)
    with pytest.raises(subprocess.CalledProcessError):
        run_stage(stage.replace(first, first.replace("SB_LUT4", "SB_LUT5")), cells, SAMPLES, 4)

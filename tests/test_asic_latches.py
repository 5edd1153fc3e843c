"""Words in latches behind clock gates: smaller, proved and simulated; wrong ones are found."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers import random_layers_model, require
from helpers_backends import random_staged, reference, run_rtl
from helpers_cells import (
    GATES,
    RESET_FF,
    TIES,
    clock_gate,
    flip_flop,
    gates_of,
    latch,
    liberty,
    library_of,
)

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.asic.implement import prove_gates
from gatec.backends.asic.sta import analyse
from gatec.backends.asic.text import write_models
from gatec.backends.verilog import Emitted, emit
from gatec.cli import run
from gatec.errors import DifferentError
from gatec.liberty.arcs import Arcs
from gatec.proof.verdict import Verdict
from gatec.sim.rtl import Traffic

LIBERTY = liberty((*GATES, *TIES), flip_flop(RESET_FF), clock_gate(), latch())
NET = random_staged(11, inputs=24, gates=120, outputs=20, stages=1)


@cache
def core() -> Emitted:
    return emit(NET, style="generic", beat_bits=4, early=2)


def test_words_are_latches_with_one_flip_flop_a_bit_in_front(tmp_path: Path) -> None:
    require("iverilog")
    library = library_of(tmp_path, LIBERTY)
    gates = gates_of(core(), library)
    assert gates.proof.verdict is Verdict.EQUIVALENT
    counts = gates.netlist.counts
    assert counts["LATCH"] == len(re.findall(r" LATCH r_(?:vector|early)_\d", gates.text)) > 24
    assert not re.search(r" DFF r_(?:vector|early)_\d", gates.text)
    assert len(re.findall(r" DFF h\d", gates.text)) == 4
    plain = gates_of(
        core(),
        library_of(tmp_path, LIBERTY.replace("cell (LATCH) {", "cell (LATCH) { dont_use : true;")),
    )
    assert "LATCH" not in plain.netlist.counts
    saved = 3 * counts["LATCH"] - 4 * 12
    assert gates.netlist.area <= plain.netlist.area - saved + 2
    # From the clock through a flip-flop and a latch to the gates is a path.
    assert gates.timing is not None
    assert gates.timing.period_ns > 0.2 + 0.15
    assert gates.timing.period_ns == analyse(gates.netlist, Arcs(library)).period_ns
    vectors = np.random.default_rng(1).integers(0, 2, (40, 24), dtype=np.uint8)
    models = write_models(gates.netlist.kinds)
    for traffic in (None, Traffic(gaps=0.3, stalls=0.3, reset_after=7, seed=4)):
        result = run_rtl(core(), vectors, traffic, gates.text, models)
        assert np.array_equal(result.outputs, reference(NET, vectors))


def test_wrong_latches_are_found(tmp_path: Path) -> None:
    library = library_of(tmp_path, LIBERTY)
    text = gates_of(core(), library).text
    first = re.search(r"  LATCH r_early_1 .*", text)[0]  # type: ignore[index]
    last = re.search(r"  LATCH r_vector_1 .*", text)[0]  # type: ignore[index]
    other = re.findall(r"  LATCH r_vector_.*", text)[-1]
    held = re.search(r"  DFF h0 .*", text)[0]  # type: ignore[index]
    pin = {
        (cell, name): re.search(rf"\.{name}\(([^)]+)\)", cell)[1]  # type: ignore[index]
        for cell in (first, last, other, held)
        for name in ("D", "Q", "G", "CK")
        if f".{name}(" in cell
    }
    attacks = {
        "the gates are not the core": [
            (first, first.replace(f"G({pin[first, 'G']})", f"G({pin[other, 'G']})")),
            (first, first.replace(f"D({pin[first, 'D']})", f"D({pin[other, 'Q']})")),
            (last, last.replace(f"D({pin[last, 'D']})", f"D({pin[other, 'D']})")),
            (held, held.replace(f"D({pin[held, 'D']})", "D(i_payload[2])")),
        ],
        "takes what no register shows": [
            (first, first.replace(f"D({pin[first, 'D']})", f"D({pin[last, 'Q']})")),
            (first, first.replace(f"D({pin[first, 'D']})", "D(i_payload[0])")),
            (first, first.replace(f"D({pin[first, 'D']})", f"D({pin[first, 'Q']})")),
        ],
        "is open without a clock gate": [
            (first, first.replace(f"G({pin[first, 'G']})", "G(clk)")),
        ],
        "does not take its data": [
            (first, first.replace(f"G({pin[first, 'G']})", f"G({pin[first, 'D']})")),
        ],
    }
    for message, changes in attacks.items():
        for old, new in changes:
            assert text.count(old) == 1
            assert old != new
            with pytest.raises(DifferentError, match=message):
                prove_gates(text.replace(old, new), core().text, core().shape, library, 60)


def test_a_folder_with_latches_is_verified_again(tmp_path: Path) -> None:
    file = tmp_path / "cells.lib"
    file.write_text(LIBERTY)
    model = random_layers_model(np.random.default_rng(3), 20, [40, 60], 5)
    target = tmp_path / "out"
    options = AsicOptions(liberty=(file,), clock_gates=True)
    result = gatec.compile(
        model, "asic", asic=options, stages=1, beat_bits=4, output_dir=target, optimise=1
    )
    used = result.manifest["physical"]["used"]
    assert used["latches"] >= 20
    assert used["flip-flops"] < 30
    assert run(["verify", str(target)]) == 0

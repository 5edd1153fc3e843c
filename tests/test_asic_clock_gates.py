"""Clock gates: smaller, proved and simulated; a wrong one is found."""

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
    liberty,
    library_of,
)

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.asic.implement import prove_gates
from gatec.backends.asic.text import write_models
from gatec.backends.verilog import Emitted, emit
from gatec.cli import run
from gatec.errors import DifferentError, UsageError
from gatec.proof.verdict import Verdict
from gatec.sim.rtl import Traffic

LIBERTY = liberty((*GATES, *TIES), flip_flop(RESET_FF), clock_gate())
NET = random_staged(11, inputs=12, gates=40, outputs=5, stages=2)


@cache
def core(beat_bits: int | None, out_beat_bits: int | None) -> Emitted:
    return emit(NET, style="generic", beat_bits=beat_bits, out_beat_bits=out_beat_bits)


@pytest.mark.parametrize("beats", [(None, None), (5, 2)])
def test_clocks_stop_in_place_of_multiplexers(
    beats: tuple[int | None, int | None], tmp_path: Path
) -> None:
    require("iverilog")
    emitted, library = core(*beats), library_of(tmp_path, LIBERTY)
    gates, plain = gates_of(emitted, library), gates_of(emitted, library, gated=False)
    assert gates.proof.verdict is Verdict.EQUIVALENT
    registers = int(gates.netlist.is_register.sum() - gates.netlist.is_clock_gate.sum())
    assert registers == int(plain.netlist.is_register.sum())
    stopped = len(re.findall(r" DFF .*\.CK\(n\d+\)", gates.text))
    assert stopped >= 12 + 5
    # A multiplexer takes at least a gate of three inputs and area 4, a clock gate 9.
    assert gates.netlist.area <= plain.netlist.area - 4 * stopped + 9 * gates.netlist.counts["CG"]
    vectors = np.random.default_rng(1).integers(0, 2, (40, 12), dtype=np.uint8)
    traffic = Traffic(gaps=0.3, stalls=0.3, reset_after=7, seed=4)
    models = write_models(gates.netlist.kinds)
    result = run_rtl(emitted, vectors, traffic, gates.text, models)
    assert np.array_equal(result.outputs, reference(NET, vectors))


def test_wrong_clock_gates_are_found(tmp_path: Path) -> None:
    emitted, library = core(None, None), library_of(tmp_path, LIBERTY)
    text = gates_of(emitted, library).text
    gate, *others = re.findall(r"  CG c\d+ .*", text)
    enable, clock = re.search(r"\.EN\((\S+)\), \.GCK\((\w+)\)", gate).groups()  # type: ignore[union-attr]
    register = re.search(rf"  DFF .*\.CK\({clock}\).*", text)[0]  # type: ignore[index]
    logic = re.search(r"  NAND2 \w+ \(\.A\((\w+)\)", text)
    assert logic is not None
    data = re.search(r"\.D\((\S+)\)", register)[1]  # type: ignore[index]
    another = re.search(r"\.EN\((\S+)\)", others[0])[1]  # type: ignore[index]
    attacks = {
        "the gates are not the core": [
            (gate, gate.replace(f"EN({enable})", f"EN({another})")),
            (gate, gate.replace(f"EN({enable})", "EN(1'b1)")),
            (register, register.replace(f"CK({clock})", "CK(clk)")),
        ],
        "does not gate clk": [(gate, gate.replace("CK(clk)", f"CK({data})", 1))],
        "another source": [(gate, f"{gate}\n{gate.replace('CG c', 'CG d')}")],
        "has another source": [(logic[0], f"  INV more (.A({data}), .Y({clock}));\n{logic[0]}")],
        "a wire without a driver": [(logic[0], logic[0].replace(f"A({logic[1]}", f"A({clock}"))],
        "does not take its data": [(register, register.replace(f"CK({clock})", f"CK({data})"))],
    }
    for message, changes in attacks.items():
        for old, new in changes:
            assert text.count(old) == 1
            assert old != new
            with pytest.raises(DifferentError, match=message):
                prove_gates(text.replace(old, new), emitted.text, emitted.shape, library, 60)


def test_a_folder_with_clock_gates_is_verified_again(tmp_path: Path) -> None:
    file = tmp_path / "cells.lib"
    file.write_text(LIBERTY)
    model = random_layers_model(np.random.default_rng(3), 10, [24, 24], 3)
    target = tmp_path / "out"
    options = AsicOptions(liberty=(file,), clock_gates=True)
    result = gatec.compile(model, "asic", asic=options, stages=2, output_dir=target)
    used = result.manifest["physical"]["used"]
    assert used["clock gates"] >= 2
    assert used["flip-flops"] > 10
    assert run(["verify", str(target)]) == 0


def test_libraries_without_a_clock_gate_are_refused(tmp_path: Path) -> None:
    model = random_layers_model(np.random.default_rng(3), 10, [24, 24], 3)
    file = tmp_path / "cells.lib"
    with_test_pin = LIBERTY.replace("latch_posedge", "latch_posedge_precontrol")
    for text, patterns in ((liberty(), ()), (LIBERTY, ("C?",)), (with_test_pin, ())):
        file.write_text(text)
        options = AsicOptions(liberty=(file,), dont_use=patterns, clock_gates=True)
        with pytest.raises(UsageError, match="--clock-gates with little; expected a library with"):
            gatec.compile(model, "asic", asic=options)

"""Yosys as the second opinion on emitted text: its own parser, its own SAT solver.

Data registers become wires, so that the pipeline is the function it computes; the control is left
to the read-back's own tests.
"""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_layers_model

from gatec.backends.cells import cells_model
from gatec.backends.verilog import emit
from gatec.errors import ToolError
from gatec.lowering.model import lower
from gatec.netlist import Netlist
from gatec.passes.map_lut import map_lut
from gatec.passes.pipeline import pipeline
from gatec.tools.yosys import run_yosys

WIRES = """
module \\$dffe (CLK, EN, D, Q);
  parameter WIDTH = 1; parameter CLK_POLARITY = 1; parameter EN_POLARITY = 1;
  input CLK, EN; input [WIDTH-1:0] D; output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
"""
# The circuit under test shows its data output only: its control loops without the registers.
SCRIPT = (
    "read_verilog piped.v cells.v",
    "hierarchy -check -top piped",
    "proc",
    "flatten",
    "opt",
    "techmap -map wires.v",
    "delete -output w:i_ready w:o_valid",
    "opt_clean -purge",
    "delete -input w:clk w:rst w:i_valid w:o_ready",
    "rename piped gate",
    "read_verilog plain.v",
    "rename plain_stage0 gold",
    "cd gold",
    "rename i i_payload",
    "rename o o_payload",
    "cd ..",
    "miter -equiv -flatten -make_outputs gold gate miter",
    "hierarchy -top miter",
    "sat -verify -prove trigger 0 -show-inputs miter",
)


def second_opinion(reference: Netlist, circuit: Netlist) -> None:
    """Raise `ToolError` unless Yosys proves the circuit's text equal to the reference's."""
    plain = emit(reference.replace(name="plain"), style="generic")
    piped = emit(circuit.replace(name="piped"), style="ice40")
    run_yosys(
        SCRIPT,
        inputs={
            "plain.v": plain.bodies,
            "piped.v": piped.text,
            "cells.v": cells_model("ice40"),
            "wires.v": WIRES,
        },
        timeout=120,
    )


def mapped(seed: int) -> tuple[Netlist, Netlist]:
    model = random_layers_model(np.random.default_rng(seed), 10, [30, 24], 3)
    reference = lower(model.with_output("argmax")).netlist
    return reference.replace(cuts=()), pipeline(map_lut(reference), levels_per_stage=2)


@pytest.mark.parametrize("seed", range(3))
def test_yosys_agrees(seed: int) -> None:
    second_opinion(*mapped(seed))


def test_yosys_would_disagree() -> None:
    reference, circuit = mapped(0)
    (port,) = circuit.outputs
    wrong = circuit.replace(outputs=(type(port)(port.name, port.nets[::-1], port.encoding),))
    with pytest.raises(ToolError, match="proof did fail"):
        second_opinion(reference, wrong)

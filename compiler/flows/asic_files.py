"""What target asic adds to a proved gate-level netlist: folders for layout, and a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatec.backends.asic.implement import Gates, prove_gates
from gatec.backends.asic.layout import librelane_files, openroad_files
from gatec.backends.asic.source import source_machine
from gatec.backends.asic.text import write_gates, write_models
from gatec.backends.asic.threshold_cells import compare_threshold, read_threshold_cells
from gatec.backends.asic.tiny_tapeout import BEAT_BITS, project_files, shapes, tiles_for
from gatec.console import Progress
from gatec.design import Design
from gatec.errors import UnprovedError, UsageError
from gatec.fact_steps import obeying_vectors
from gatec.flows.base import Files
from gatec.liberty.fanout import gate_delay
from gatec.liberty.write import write_functions
from gatec.proof.verdict import Verdict
from gatec.vectors import to_hex
from gatec.verify_gates import gate_files

if TYPE_CHECKING:
    from gatec.flows.asic import AsicFlow

Facts = dict[str, Any]
# Vectors in a Tiny Tapeout project: through strobes, each takes some hundred cycles.
_VECTORS = 16
# What a CMOS gate takes where the library does not say: only cells of one delay are compared then.
_UNKNOWN_DELAY = 1.0


def check_tiny_tapeout(flow: AsicFlow) -> None:
    """Raise `UsageError` when a Tiny Tapeout project cannot be made of the library or options."""
    if flow.named is None:
        raise UsageError(
            f"--tiny-tapeout with {flow.lib.name}", expected="--library sky130hd, sg13g2 or gf180"
        )
    shapes(flow.named.name)
    for name in ("beat_bits", "out_beat_bits"):
        value = getattr(flow.options, name)
        if value not in (None, BEAT_BITS):
            raise UsageError(
                f"--{name.replace('_', '-')} {value} with --tiny-tapeout",
                expected=f"{BEAT_BITS}, its pins",
            )


def more_outputs(
    flow: AsicFlow, design: Design, gates: Gates, progress: Progress, clock_mhz: float
) -> tuple[Facts, Files]:
    """Return facts for the manifest and files, by their paths in the output folder."""
    facts: Facts = {}
    files: dict[str, str] = {}
    shape, period_ns = design.emitted.shape, 1000 / clock_mhz
    if flow.named is not None:
        period = period_ns / flow.lib.units.ns
        folders = {
            "openroad": openroad_files(shape, flow.named, period),
            "librelane": librelane_files(shape, flow.named, period_ns),
        }
        for folder, inside in folders.items():
            files |= {f"{folder}/{name}": text for name, text in inside.items()}
    if flow.asked.tiny_tapeout:
        more, project = _tiny_tapeout(flow, design, gates, clock_mhz)
        facts["tiny_tapeout"] = more
        files |= {f"tinytapeout/{name}": text for name, text in project.items()}
    if flow.asked.threshold_cells is not None:
        with progress.step("map to threshold logic, prove the gates"):
            facts["threshold"], compared = _threshold(flow, design)
        files |= compared
    return facts, {name: text.encode() for name, text in files.items()}


def _tiny_tapeout(
    flow: AsicFlow, design: Design, gates: Gates, clock_mhz: float
) -> tuple[Facts, dict[str, str]]:
    assert flow.named is not None, "checked before"
    shape, model = design.emitted.shape, design.mapped.model
    tiles = tiles_for(gates.netlist.area, flow.named.name, model.name)
    inputs = obeying_vectors(design.mapped.care, model.num_inputs, _VECTORS)
    answers = model.output_bits(inputs)
    numbers = [[int(row, 16) for row in to_hex(bits).split()] for bits in (inputs, answers)]
    project = project_files(
        shape,
        {f"{shape.top}_gates.v": gates.text},
        write_models(gates.netlist.kinds),
        list(zip(*numbers, strict=True)),
        title=model.name,
        tiles=tiles,
        clock_mhz=clock_mhz,
    )
    facts = {
        "tiles": tiles.name,
        "number": tiles.number,
        "filled": round(gates.netlist.area / tiles.area, 4),
    }
    return facts, project


def _threshold(flow: AsicFlow, design: Design) -> tuple[Facts, dict[str, str]]:
    assert flow.asked.threshold_cells is not None
    cells = read_threshold_cells(flow.asked.threshold_cells)
    emitted, library = design.emitted, flow.lib
    delay = gate_delay(library, flow.arcs) if flow.arcs.has_timing else _UNKNOWN_DELAY
    found = compare_threshold(source_machine(emitted), library, cells, flow.scripts, delay)
    netlist = found.both
    text = write_gates(
        netlist,
        [
            f"Gate-level netlist of {emitted.top}, in {library.name} and cells of threshold logic.",
            "Names of those end in their weights, inputs A, B, ... in order, and the threshold.",
        ],
    )
    _, proof = prove_gates(
        text, emitted.text, emitted.shape, found.mixed.lib, flow.options.proof_timeout
    )
    if proof.verdict is not Verdict.EQUIVALENT and not flow.options.allow_unproved:
        raise UnprovedError(
            f"equivalence of the threshold gates is {proof.verdict.value}",
            file=emitted.top,
            expected="a larger --proof-timeout, or --allow-unproved",
        )
    facts = {
        "area": round(netlist.area, 4),
        "cmos_area": round(found.cmos.area, 4),
        "cells": dict(netlist.counts),
        "cmos_cells": found.cmos.num_instances,
        "threshold_cells": found.threshold_gates,
        "proof": proof.verdict.value,
    }
    text_file, cells_file = gate_files(emitted.top, "threshold")
    return facts, {
        text_file: text,
        cells_file: write_functions(f"{emitted.top}_threshold_cells", netlist.kinds),
        f"{emitted.top}_threshold_cells.v": write_models(netlist.kinds),
    }

"""The manifest: what went in, what came out, and what was proved. No time, path or host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gatec.backends.credit_core import CreditShape
from gatec.backends.fpga.family import family_packages
from gatec.design import Design, circuit_facts
from gatec.fact_steps import facts_used
from gatec.model import ModelGraph
from gatec.options import CompileOptions
from gatec.versions import tool_versions


def model_section(model: ModelGraph, sha256: str | None) -> dict[str, Any]:
    """Return what is known of the model; `sha256` is its file's, None for a live module."""
    return {
        "name": model.name,
        "sha256": sha256,
        "blocks": [f"{block.name}: {block.describe()}" for block in model.blocks],
        "gates": model.num_gates,
        "notes": dict(model.notes),
    }


def interface_section(design: Design) -> dict[str, Any]:
    """Return the circuit's ports and timing in cycles."""
    shape, netlist = design.emitted.shape, design.netlist
    return {
        "top": shape.top,
        "style": design.emitted.style,
        "input": _port(netlist.inputs[0].encoding, shape.input_bits, shape.beat_bits),
        "output": _port(netlist.outputs[0].encoding, shape.output_bits, shape.out_beat_bits),
        "stage_bits": list(shape.rank_bits),
        "credits": shape.depth if isinstance(shape, CreditShape) else None,
        "sequence": None if shape.sequence is None else asdict(shape.sequence),
        "early_words": shape.early,
        "cut_nets": None if design.cut is None else design.cut.nets.tolist(),
        "cut_inverted": None if design.cut is None else design.cut.inverted.astype(int).tolist(),
        "latency_cycles": shape.latency,
        "initiation_interval_cycles": shape.interval,
    }


def _port(encoding: str, bits: int, beat_bits: int) -> dict[str, Any]:
    return {"encoding": encoding, "bits": bits, "beat_bits": beat_bits}


def passes_section(design: Design) -> list[dict[str, Any]]:
    """Return gates and levels before and after each pass, in order."""
    return [
        {
            "name": report.name,
            "gates": [report.gates_before, report.gates_after],
            "levels": [report.levels_before, report.levels_after],
        }
        for report in design.mapped.passes
    ]


def make_manifest(
    design: Design,
    options: CompileOptions,
    sha256: str | None,
    physical: Mapping[str, Any] | None,
    files: Mapping[str, bytes],
    *,
    approximation: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the manifest of a compilation.

    Parameters
    ----------
    sha256
        Of the model file.
    physical
        What place and route reported; None without it.
    files
        All other files of the folder.
    approximation
        What was given up; None when the circuit is the trained net.
    """
    return {
        "gatec": tool_versions()["gatec"],
        "tools": tool_versions(family_packages(options.target)),
        "model": model_section(design.mapped.model, sha256),
        "approximation": approximation,
        "clocked": None,
        "options": options.recorded(),
        "passes": passes_section(design),
        "circuit": circuit_facts(design),
        "interface": interface_section(design),
        "facts": facts_used(design.mapped.model, design.mapped.care, options),
        "proof": {
            "equivalence": design.proof.verdict.value,
            "method": design.proof.method,
            "against": "the model" if approximation is None else "the approximated net",
            "on": "inputs that obey what is assumed" if design.mapped.care.facts else "all inputs",
            "facts": design.facts,
        },
        "physical": physical,
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    }


def to_json(manifest: Mapping[str, Any]) -> str:
    """Return the manifest as text, the same for the same manifest."""
    return json.dumps(manifest, indent=2, ensure_ascii=True) + "\n"

"""From a model to proved Verilog: everything of a compilation that needs no target's tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gatec.backends.readback import read_back
from gatec.backends.verilog import Emitted
from gatec.blocks import IntArray
from gatec.console import Progress
from gatec.errors import DifferentError, UnprovedError
from gatec.lower import SCORES_CUT, Lowering, lower
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.passes import PIPELINES, tidy
from gatec.passes.pipeline import pipeline
from gatec.passes.runner import PassReport, run_passes
from gatec.proof.arithmetic import check_lowering
from gatec.proof.parts import prove_in_parts
from gatec.proof.verdict import Proof, Verdict
from gatec.segments import put_together, take_apart
from gatec.stages import register_bits

# Gates from which on a layer of threshold neurons is not mapped. On 64 neurons of 784 inputs ABC's
# mapping takes 38 s to save 2 % of the look-up tables, and the proof 368 s where it takes 1.
_WIDE = 10_000


@dataclass(frozen=True)
class Mapped:
    """A model's circuit before pipelining.

    Attributes
    ----------
    model
        Ends in the block that the circuit's output shows.
    lowering
        The reference netlist, proved to be the model.
    netlist
        Mapped to LUTs, without stages.
    passes
        What each pass did.
    facts
        What the arithmetic proof established.
    """

    model: ModelGraph
    lowering: Lowering
    netlist: Netlist
    passes: list[PassReport]
    facts: list[str]


@dataclass(frozen=True)
class Design:
    """A pipelined circuit, its Verilog, and the proof that the Verilog is the model.

    Attributes
    ----------
    mapped
        Where it comes from.
    netlist
        With stages.
    emitted
        The Verilog.
    cut
        Where the reference netlist's cuts are in the text (`emitted_cut`), or None.
    proof
        Of the emitted text against the reference netlist.
    facts
        All that was proved, in words.
    """

    mapped: Mapped
    netlist: Netlist
    emitted: Emitted
    cut: IntArray | None
    proof: Proof
    facts: list[str]


def map_model(
    model: ModelGraph, lut_inputs: int, options: CompileOptions, progress: Progress
) -> Mapped:
    """Lower a model, prove the lowering, optimise and map it."""
    model = model.with_output(options.output)
    with progress.step(f"lower {model.num_gates} gates, prove the sums"):
        lowering = lower(model)
        facts = check_lowering(model, lowering)
    with progress.step(f"optimise -O{options.optimise}, map to LUT{lut_inputs}"):
        netlist, reports = _optimise(lowering.netlist, lut_inputs, options)
    return Mapped(model, lowering, netlist, reports, facts)


def _optimise(
    net: Netlist, lut_inputs: int, options: CompileOptions
) -> tuple[Netlist, list[PassReport]]:
    """Run the passes: on each segment by itself where there are several cuts.

    A mapper gains next to nothing on wide sums, whose adder cells fit look-up tables as they are,
    and restructures what the proof then searches for in vain: large segments are only cleaned up.
    """
    segments = take_apart(net) if len(net.cuts) > 1 else None
    found, reports = [], []
    for number, segment in enumerate(segments or [net]):
        folder = options.dump_passes
        if folder is not None and segments:
            folder = folder / f"segment{number}"
        wide = segments is not None and segment.num_gates > _WIDE and options.optimise
        steps = tidy(lut_inputs) if wide else PIPELINES[options.optimise](lut_inputs)
        done, more = run_passes(
            segment,
            steps,
            dump_dir=folder,
            prove_each=options.prove_each,
        )
        found.append(done)
        reports += more
    return (put_together(found, net) if segments else found[0]), reports


def build_design(
    mapped: Mapped,
    emit_core: Callable[[Netlist], Emitted],
    options: CompileOptions,
    progress: Progress,
    *,
    stages: int | None = None,
    levels_per_stage: int | None = None,
) -> Design:
    """Pipeline, emit and prove.

    Parameters
    ----------
    emit_core
        Turns a netlist with stages into Verilog, with the target's style and widths.
    stages, levels_per_stage
        Exactly one.

    Raises
    ------
    DifferentError
        The emitted text is not the model.
    UnprovedError
        That could not be decided in time, and the options do not allow it.
    """
    with progress.step("pipeline, emit Verilog"):
        staged = pipeline(mapped.netlist, stages=stages, levels_per_stage=levels_per_stage)
        staged.verify()
        emitted = emit_core(staged)
    with progress.step("prove the Verilog text equal to the model"):
        cut = emitted_cut(staged)
        proof, facts = prove_text(mapped, emitted, cut, options)
    return Design(mapped, staged, emitted, cut, proof, [*mapped.facts, *facts])


def prove_text(
    mapped: Mapped, emitted: Emitted, cut: IntArray | None, options: CompileOptions
) -> tuple[Proof, list[str]]:
    """Read the emitted text back and prove it equal to the reference netlist."""
    back = read_back(emitted.text, emitted.shape)
    proof = prove_in_parts(mapped.lowering.netlist, back.netlist, cut, options.proof_timeout)
    if proof.verdict is Verdict.DIFFERENT:
        raise DifferentError(
            f"the emitted Verilog is not the model: {proof.counterexample}", file=mapped.model.name
        )
    if proof.verdict is not Verdict.EQUIVALENT and not options.allow_unproved:
        raise UnprovedError(
            f"equivalence is {proof.verdict.value} after {options.proof_timeout:g} s",
            file=mapped.model.name,
            expected="a larger --proof-timeout, or --allow-unproved",
        )
    return proof, [*back.facts, f"emitted text against reference netlist: {proof.verdict.value}"]


def emitted_cut(staged: Netlist) -> IntArray | None:
    """Return where the cuts of a staged netlist are in its emitted text: a hint for the proof.

    The text holds the gates stage by stage, each stage in the netlist's order.
    """
    if not staged.cuts or staged.stage is None:
        return None
    position = np.arange(staged.num_nets, dtype=np.int32)
    order = np.argsort(staged.stage, kind="stable")
    position[staged.first_gate + order] = np.arange(staged.first_gate, staged.num_nets)
    return position[staged.cut_nets]


def count_luts(netlist: Netlist) -> dict[str, int]:
    """Return the LUTs of gates and class sums, and those that only the argmax needs."""
    cut = [net for port in netlist.cuts if port.name == SCORES_CUT for net in port.nets.tolist()]
    if not cut:
        return {"gates_and_sums": netlist.num_gates, "argmax": 0}
    needed = np.zeros(netlist.num_nets, dtype=bool)
    needed[cut] = True
    for start, stop in reversed(netlist.blocks):
        rows = needed[netlist.first_gate + start : netlist.first_gate + stop]
        needed[netlist.fanin[start:stop][rows]] = True
    before = int(needed[netlist.first_gate :].sum())
    return {"gates_and_sums": before, "argmax": netlist.num_gates - before}


def circuit_facts(design: Design) -> dict[str, object]:
    """Return the exact sizes of a design, for the manifest."""
    netlist = design.netlist
    return {
        "luts": count_luts(netlist),
        "levels": netlist.depth,
        "stages": netlist.num_stages,
        "pipeline_registers": register_bits(netlist) + netlist.num_inputs,
        "latency_cycles": design.emitted.latency,
        "initiation_interval_cycles": design.emitted.shape.interval,
    }

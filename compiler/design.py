"""From a model to proved Verilog: everything of a compilation that needs no target's tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.backends.readback.core import ReadBack, read_back
from gatec.backends.verilog import Emitted
from gatec.blocks import IntArray
from gatec.chain_graph import LEVELS, Weights, longest_chain
from gatec.chains import carry_gates, count_cells
from gatec.console import Progress
from gatec.errors import DifferentError, UnprovedError
from gatec.fact_steps import prove_under
from gatec.heads.by_class import ClassCircuit
from gatec.heads.roms import RomPlan
from gatec.heads.sequence import StepCircuit
from gatec.heads.tree import StepPlan
from gatec.lowering.model import SCORES_CUT
from gatec.mapping import Mapped
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.passes.pipeline import pipeline
from gatec.proof.parts import Cut
from gatec.proof.verdict import Proof, Verdict
from gatec.roms import rom_gates
from gatec.sequences import Steps
from gatec.stages import packed_cells, register_bits


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
    cut: Cut | None
    proof: Proof
    facts: list[str]


def build_design(
    mapped: Mapped,
    emit_core: Callable[[Netlist, int], Emitted],
    options: CompileOptions,
    progress: Progress,
    *,
    stages: int | None = None,
    levels_per_stage: int | None = None,
    weights: Weights = LEVELS,
    steps: Steps | None = None,
) -> Design:
    """Pipeline, emit and prove.

    Parameters
    ----------
    emit_core
        Turns a netlist with stages, and its number of phases, into Verilog, with the target's
        style and widths.
    stages, levels_per_stage
        Exactly one.
    weights
        How many levels gates and chains count. Other than with `LEVELS`, the fewest stages win over
        the fewest logic cells.
    steps
        How class sums may be counted in steps; None: not at all.

    Raises
    ------
    DifferentError
        The emitted text is not the model.
    UnprovedError
        That could not be decided in time, and the options do not allow it.
    """
    with progress.step("pipeline, emit Verilog"):
        levels = None if levels_per_stage is None else max(1, levels_per_stage // weights.lut)
        in_steps = None if steps is None else steps.smallest(stages, levels)
        staged = smallest_pipeline(mapped, stages, levels_per_stage, weights)
        if steps is not None and in_steps is not None and steps.better(in_steps, staged):
            mapped, staged = steps.mapped(in_steps), in_steps.netlist
        staged.verify()
        emitted = emit_core(staged, phases_of(mapped))
    with progress.step("prove the Verilog text equal to the model"):
        back = read_back(emitted.text, emitted.shape)
        cut = emitted_cut(staged, mapped.inverted, emitted, back, mapped.sequence)
        proof, facts = prove_text(mapped, back, cut, options)
    return Design(mapped, staged, emitted, cut, proof, [*mapped.facts, *facts])


def smallest_pipeline(
    mapped: Mapped, stages: int | None, levels: int | None, weights: Weights = LEVELS
) -> Netlist:
    """Return the choice with stages that takes the fewest logic cells, flip-flops included.

    Chains with many additions save cells, but have more levels and so more registers.
    """
    choices = [mapped.netlist, *mapped.others]
    if stages != 1:
        # A chain lies in one stage. With a number of stages their length is yet to be found.
        most = 1 if levels is None else levels
        choices = [net for net in choices if longest_chain(net, weights) <= most]
    staged = [
        pipeline(net, stages=stages, levels_per_stage=levels, weights=weights) for net in choices
    ]
    if weights == LEVELS:
        return min(staged, key=packed_cells)
    return min(staged, key=lambda net: (net.num_stages, packed_cells(net)))


def prove_text(
    mapped: Mapped, back: ReadBack, cut: Cut | None, options: CompileOptions
) -> tuple[Proof, list[str]]:
    """Prove the emitted text, as read back, equal to the reference netlist."""
    proof = prove_circuit(mapped, back.netlist, cut, options)
    return proof, [*back.facts, f"emitted text against reference netlist: {proof.verdict.value}"]


def prove_circuit(
    mapped: Mapped, circuit: Netlist, cut: Cut | None, options: CompileOptions
) -> Proof:
    """Prove a netlist that was read back equal to the reference netlist; see `build_design`."""
    proof = prove_under(
        mapped.care, mapped.lowering.netlist, circuit, cut, options.proof_timeout, mapped.route
    )
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
    return proof


def phases_of(mapped: Mapped) -> int:
    """Return the cycles that the circuit works on a vector in its sequence; 1 without one."""
    return 1 if mapped.sequence is None else mapped.sequence.phases


def emitted_cut(
    staged: Netlist,
    inverted: npt.NDArray[np.bool_],
    emitted: Emitted,
    back: ReadBack,
    sequence: StepCircuit | ClassCircuit | None = None,
) -> Cut | None:
    """Return where the cuts of a staged netlist are in its emitted text: a hint for the proof.

    A stage holds its gates in the order of the text; what memories give, it has as inputs. Of a
    sequence it is where they are in each phase.
    """
    if not staged.cuts or staged.stage is None:
        return None
    position = np.arange(staged.num_nets, dtype=np.int32)
    order = emitted.order[~rom_gates(staged)[emitted.order]]
    for number, stage in enumerate(emitted.stages):
        position[stage.nets] = back.stage_inputs[stage.name]
        gates = order[staged.stage[order] == number]
        position[staged.first_gate + gates] = back.first_gates[stage.name] + np.arange(len(gates))
    if sequence is None or back.phases is None:
        return Cut(position[staged.cut_nets], inverted)
    cuts = [position[port.nets] for port in staged.cuts]
    return Cut(sequence.cut_nets(cuts, back.phases, len(inverted)), inverted)


def count_luts(netlist: Netlist) -> dict[str, int]:
    """Return the LUTs of gates and class sums, and those that only the argmax needs.

    Where there are carries, these are logic cells: a carry without a LUT beside it counts too.
    """
    total = count_cells(netlist)
    scores = [port for port in netlist.cuts if port.name == SCORES_CUT]
    if not scores:
        return {"gates_and_sums": total, "argmax": 0}
    needed = _read_by(netlist, scores[0].nets)
    counted = ~(carry_gates(netlist) | rom_gates(netlist))
    behind = int((~needed[netlist.first_gate :] & counted).sum())
    return {"gates_and_sums": total - behind, "argmax": behind}


def _read_by(netlist: Netlist, sinks: IntArray) -> npt.NDArray[np.bool_]:
    """Return `bool[nets]`: what some nets depend on, through registers too."""
    needed = np.zeros(netlist.num_nets, dtype=bool)
    needed[sinks] = True
    known = -1
    while known < (known := int(needed.sum())):
        state = needed[netlist.first_register : netlist.first_gate]
        needed[netlist.register_d[state]] = True
        for start, stop in reversed(netlist.blocks):
            rows = needed[netlist.first_gate + start : netlist.first_gate + stop]
            needed[netlist.fanin[start:stop][rows]] = True
    return needed


def circuit_facts(design: Design) -> dict[str, object]:
    """Return the exact sizes of a design, for the manifest."""
    netlist, plan = design.netlist, design.mapped.plan
    return {
        "luts": count_luts(netlist),
        "logic_cells": packed_cells(netlist),
        "primitives": int((~rom_gates(netlist)).sum()),
        "block_rams": 0 if netlist.roms is None else netlist.roms.count,
        "carries": int(carry_gates(netlist).sum()),
        "head": design.mapped.head,
        "head_order": None if plan is None or isinstance(plan, RomPlan) else plan.order.tolist(),
        "head_in_turn": isinstance(plan, StepPlan) and plan.in_turn,
        "head_reads": plan.recorded() if isinstance(plan, RomPlan) else None,
        "levels": netlist.depth,
        "stages": netlist.num_stages,
        "pipeline_registers": register_bits(netlist) + netlist.inputs[0].width,
        "latency_cycles": design.emitted.latency,
        "initiation_interval_cycles": design.emitted.shape.interval,
    }

"""From a recurrent net to a proved clocked core: its step, its registers, and the head behind it.

Two combinational netlists are made and proved as those of any model: the step, and the head that
makes an answer of what leaves a step. The step lies between registers in one stage, since the next
step waits for it; the head has pipeline stages as it likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gatec.backends.clocked_core import ClockedShape
from gatec.backends.clocked_verilog import clocked_name, emit_clocked
from gatec.backends.readback.clocked import read_clocked_back
from gatec.backends.testbench import testbench, testbench_name
from gatec.backends.verilog import Emitted, emit
from gatec.chains import count_cells
from gatec.clock import meet_clock
from gatec.console import Progress
from gatec.design import (
    Design,
    circuit_facts,
    emitted_cut,
    prove_circuit,
    smallest_pipeline,
)
from gatec.errors import ModelError
from gatec.flows.base import Flow, core_sources
from gatec.folder import MODEL_FILE
from gatec.frontends import clocked_bytes
from gatec.frontends.clocked import ClockedModel
from gatec.manifest import make_manifest, model_section, passes_section
from gatec.mapping import Mapped, map_model
from gatec.netlist import Netlist, Port, make_ports
from gatec.proof.verdict import Proof, Verdict
from gatec.sim.sequences import Head, Sequences, make_sequences, sequence_files


@dataclass(frozen=True)
class ClockedDesign(Design):
    """A clocked core with its proof; what `Design` has of a circuit is here of the head.

    Attributes
    ----------
    model
        The net.
    step
        Its step, mapped.
    """

    model: ClockedModel
    step: Mapped

    @property
    def shape(self) -> ClockedShape:
        """The core's widths."""
        assert isinstance(self.emitted.shape, ClockedShape)
        return self.emitted.shape


def compile_clocked(
    model: ClockedModel, sha256: str | None, flow: Flow, progress: Progress
) -> tuple[ClockedDesign, dict[str, Any], dict[str, bytes]]:
    """Compile a recurrent net; return the design, its manifest, and all other files.

    Raises
    ------
    GatecError
        As `gatec.driver.compile_model`.
    """
    options = flow.options
    if model.steps == 1 and not model.from_input:
        raise ModelError(
            "--steps 1 with --clocked: no step would see a state but the first",
            file=model.name,
            expected="2 or more, or no --clocked",
        )
    step = _mapped(model, "step", flow, progress)
    head = _mapped(model, "head", flow, progress)
    build = partial(_build, model, step, head, flow, progress=progress)
    design, physical, files = meet_clock(
        lambda stages, levels: build(stages=stages, levels=levels),
        flow,
        model.name,
        progress,
    )
    sources = list(core_sources(design.shape.top, design.emitted.style, ""))
    found = make_sequences(model, options.vectors)
    files |= bench_files(design.shape, model, head.model.output_bits, sources, found)
    files[MODEL_FILE] = clocked_bytes(model)
    manifest = make_manifest(design, options, sha256, physical, files)
    return design, manifest | _sections(design, manifest, sha256), files


def bench_files(
    shape: ClockedShape,
    model: ClockedModel,
    head: Head,
    sources: Sequence[str],
    found: Sequences,
) -> dict[str, bytes]:
    """Return a testbench of a clocked core with its vectors, by file name.

    Parameters
    ----------
    head
        See `Sequences.answers`.
    sources
        Names of the core's Verilog files.
    """
    answers = int(found.num_answers(model).sum())
    bench = testbench(shape, len(found.vectors), sources, answers)
    return sequence_files(model, head, found) | {testbench_name(shape.top): bench.encode()}


def _mapped(model: ClockedModel, part: str, flow: Flow, progress: Progress) -> Mapped:
    """Map the step or the head."""
    dumps = flow.options.dump_passes
    options = replace(flow.options, dump_passes=None if dumps is None else dumps / part)
    graph = model.tail
    if part == "step":
        graph, options = model.step, replace(options, output="bits", block_rams=0)
    return map_model(
        graph,
        flow.lut_inputs,
        options,
        progress,
        chains=flow.chains,
        block_ram=flow.block_ram,
        keep_gates=flow.keeps_gates,
    )


def _build(
    model: ClockedModel,
    step: Mapped,
    head: Mapped,
    flow: Flow,
    *,
    stages: int | None,
    levels: int | None,
    progress: Progress,
) -> ClockedDesign:
    """Pipeline the head, emit the core, and prove it."""
    options = flow.options
    with progress.step("pipeline, emit Verilog"):
        staged = smallest_pipeline(head, stages, levels)
        staged.verify()
        core, emitted = _emit(model, step.netlist, staged, flow)
    with progress.step("prove the Verilog text equal to the model"):
        assert isinstance(emitted.shape, ClockedShape)
        back = read_clocked_back(emitted.text, emitted.shape)
        cut = emitted_cut(staged, head.inverted, core, back.head)
        proofs = {
            "step": prove_circuit(step, back.step, None, options),
            "head": prove_circuit(head, back.head.netlist, cut, options),
        }
    facts = [f"step: {fact}" for fact in step.facts] + [f"head: {fact}" for fact in head.facts]
    facts += back.facts
    facts += [f"{part}: {proof.verdict.value}" for part, proof in proofs.items()]
    proof = joined_proof(proofs)
    return ClockedDesign(head, staged, emitted, cut, proof, facts, model=model, step=step)


def joined_proof(proofs: dict[str, Proof]) -> Proof:
    """Return one proof for all parts: equivalent only when each of them is."""
    open_ones = [proof for proof in proofs.values() if proof.verdict is not Verdict.EQUIVALENT]
    method = "; ".join(f"{part}: {proof.method}" for part, proof in proofs.items())
    verdict = open_ones[0].verdict if open_ones else Verdict.EQUIVALENT
    return Proof(verdict, f"{method}; registers and handshake on every assignment")


def _emit(model: ClockedModel, step: Netlist, head: Netlist, flow: Flow) -> tuple[Emitted, Emitted]:
    """Return the head by itself, and the whole."""
    top = clocked_name(model.name)
    # What the flow fits onto the pins are the ports of the whole.
    outside = Netlist(
        top,
        make_ports(("x", model.inputs)),
        (Port("y", np.zeros(head.num_outputs, dtype=np.int32)),),
        np.zeros((0, 1), dtype=np.int32),
        np.zeros(0, dtype=np.uint64),
    )
    beat_bits, out_beat_bits = flow.beats(outside)
    core = emit(head.replace(name=f"{top}_head"), style=flow.style,
                out_beat_bits=out_beat_bits)  # fmt: skip
    return core, emit_clocked(
        step,
        core,
        inputs=model.inputs,
        init=model.init.tolist(),
        steps=model.steps,
        every_step=model.every_step,
        from_input=model.from_input,
        beat_bits=beat_bits,
        header=[f"Clocked circuit of the trained net {model.name}."],
    )


def _sections(
    design: ClockedDesign, manifest: dict[str, Any], sha256: str | None
) -> dict[str, Any]:
    """Return the sections of the manifest that speak of the whole, not of the head."""
    shape, model, step = design.shape, design.model, design.step.netlist
    whole = model_section(model.step, sha256)
    whole["blocks"] += [f"head: {block.describe()}" for block in design.mapped.model.blocks[2:]]
    whole["gates"] += design.mapped.model.num_gates
    passes = [entry | {"name": f"{entry['name']} (head)"} for entry in passes_section(design)]
    of_step = replace(design, mapped=design.step)
    steps = [entry | {"name": f"{entry['name']} (step)"} for entry in passes_section(of_step)]
    circuit = circuit_facts(design)
    cells = count_cells(step)
    circuit["luts"] = {"step": cells, **manifest["circuit"]["luts"]}
    circuit["step_levels"] = step.depth
    circuit["state_registers"] = shape.state_bits
    return {
        "model": whole,
        "passes": [*steps, *passes],
        "circuit": circuit,
        "clocked": {
            "inputs": model.inputs,
            "leaving": model.leaving,
            "state": model.state,
            "init": None if model.from_input else "".join(map(str, model.init.tolist())),
            "steps": model.steps,
            "every_step": model.every_step,
            "state_from_input": model.from_input,
            "step_interval_cycles": shape.step_interval,
            "proved": proved(shape, design.proof.verdict),
        },
    }


def proved(shape: ClockedShape, verdict: Verdict) -> dict[str, str]:
    """Return what the proof says of a clocked core, claim by claim."""
    start = "the model's, at power-up, after rst and after the last step of each sequence"
    if shape.from_input:
        start = "the input of each sequence"
    answered = "each step" if shape.every_step else "the last step of a sequence"
    ends = "i_last says" if shape.steps is None else f"a counter says after {shape.steps} steps"
    return {
        "transition_function": f"next state and what leaves a step: {verdict.value}",
        "initial_state": start,
        "end_of_sequence": f"as {ends}",
        "answers": f"{verdict.value}, one after {answered}",
    }

"""Check an output folder with a clocked circuit against its model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gatec.backends.clocked_core import ClockedShape
from gatec.backends.readback.clocked import read_clocked_back
from gatec.folder import OutputFolder
from gatec.frontends import ReadOptions
from gatec.frontends.clocked import ClockedModel, read_clocked
from gatec.lowering.model import Lowering, lower
from gatec.model import ModelGraph
from gatec.plans import stated_plan
from gatec.proof.arithmetic import check_lowering
from gatec.sim.sequences import check_sequences
from gatec.stated import check_original, prove_stated, stated_cut
from gatec.vectors import INPUT_FILE, OUTPUT_FILE


def verify_clocked(
    folder: OutputFolder, model_file: Path | None, reading: ReadOptions | None, timeout: float
) -> Iterator[str]:
    """Yield what is proved of a clocked circuit; see `gatec.verify.verify_folder`."""
    if model_file is None:
        yield "the model is the folder's own copy: --model ties it to your file"
        model = folder.clocked_model()
    else:
        every_step = folder.manifest["options"].get("every_step")
        reading = reading or ReadOptions()
        model = read_clocked(model_file, reading, apart=True, every_step=every_step)
        check_original(folder, model_file)
    head = model.tail.with_output(folder.manifest["options"]["output"])
    back = read_clocked_back(folder.verilog, clocked_shape(folder, model))
    yield from back.facts
    step = lower(model.step)
    yield from _proved_lowering("step", model.step, step)
    proof = prove_stated(folder, step.netlist, back.step, None, timeout)
    yield f"the step is the model's: {proof.verdict.value} ({proof.method})"
    after = lower(head, stated_plan(head, folder.manifest["circuit"]))
    yield from _proved_lowering("head", head, after)
    proof = prove_stated(folder, after.netlist, back.head.netlist, stated_cut(folder), timeout)
    yield f"the head is the model's: {proof.verdict.value} ({proof.method})"
    found = check_sequences(
        model, head.output_bits, folder.read(INPUT_FILE), folder.read(OUTPUT_FILE)
    )
    yield f"{found} answers to the test vectors agree"


def clocked_shape(folder: OutputFolder, model: ClockedModel) -> ClockedShape:
    """Return the machine that a model wants, in the widths that the manifest states."""
    stated = folder.manifest["interface"]
    return ClockedShape(
        stated["top"],
        model.inputs,
        stated["output"]["bits"],
        tuple(stated["stage_bits"]),
        stated["input"]["beat_bits"],
        stated["output"]["beat_bits"],
        init=tuple(model.init.tolist()),
        leaving_bits=model.leaving,
        steps=model.steps,
        every_step=model.every_step,
        from_input=model.from_input,
    )


def _proved_lowering(part: str, model: ModelGraph, lowering: Lowering) -> Iterator[str]:
    return (f"{part}: {fact}" for fact in check_lowering(model, lowering))

"""Check an output folder against its model, from its files alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gatec.approx.record import redo
from gatec.backends.core import CoreShape, SequenceShape
from gatec.backends.credit_core import with_credits
from gatec.backends.readback.core import read_back
from gatec.bits import pack, unpack
from gatec.certify import check_certificate
from gatec.errors import DifferentError
from gatec.evaluate import evaluate_outputs
from gatec.folder import RECORD_FILE, OutputFolder
from gatec.frontends import ReadOptions, read_model
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.options import check_timeout
from gatec.plans import stated_plan
from gatec.proof.arithmetic import check_lowering
from gatec.stated import check_original, prove_stated, stated_cut
from gatec.vectors import INPUT_FILE, OUTPUT_FILE, from_hex
from gatec.verify_clocked import verify_clocked
from gatec.verify_gates import check_gates


def verify_folder(
    path: Path,
    model_file: Path | None = None,
    reading: ReadOptions | None = None,
    timeout: float = 600.0,
    liberty: Sequence[Path] = (),
) -> Iterator[str]:
    """Yield each fact as it is established; raise the error of the first that does not hold.

    Parameters
    ----------
    model_file, reading
        The original model and how to read it; the folder's own copy when None.
    timeout
        Seconds for the equivalence proof.
    liberty
        Files with the cells of target asic; the folder's own list of their functions when empty.
    """
    check_timeout(timeout)
    folder = OutputFolder.load(path)
    yield f"{folder.check_files()} files are as written"
    if folder.is_clocked:
        yield from verify_clocked(folder, model_file, reading, timeout)
        return
    if model_file is None:
        yield "the model is the folder's own copy: --model ties it to your file"
    if folder.manifest.get("approximation") is not None:
        yield f"APPROXIMATED: the model is the trained net less what {RECORD_FILE} lists"
    model = folder.model() if model_file is None else _original(folder, model_file, reading)
    for fact in folder.care(model.num_inputs).facts:
        yield f"ASSUMED: {fact.describe()}"
    lowering = lower(model, stated_plan(model, folder.manifest["circuit"]))
    yield from check_lowering(model, lowering)
    back = read_back(folder.verilog, core_shape(folder))
    yield from back.facts
    cut = stated_cut(folder)
    proof = prove_stated(folder, lowering.netlist, back.netlist, cut, timeout)
    yield f"the Verilog text is the model: {proof.verdict.value} ({proof.method})"
    yield from check_gates(folder, core_shape(folder), liberty, timeout)
    yield from check_certificate(folder, lowering.netlist, back.netlist)
    yield f"{_check_vectors(folder, model, back.netlist)} test vectors agree"


def core_shape(folder: OutputFolder) -> CoreShape:
    """Return the widths that the manifest states of the core."""
    stated = folder.manifest["interface"]
    shape = CoreShape(
        stated["top"],
        stated["input"]["bits"],
        stated["output"]["bits"],
        tuple(stated["stage_bits"]),
        stated["input"]["beat_bits"],
        stated["output"]["beat_bits"],
        sequence=None if stated["sequence"] is None else SequenceShape(**stated["sequence"]),
        early=stated["early_words"],
    )
    depth = stated["credits"]
    return shape if depth is None else with_credits(shape, depth)


def _original(folder: OutputFolder, file: Path, reading: ReadOptions | None) -> ModelGraph:
    """Read the original model file and check that it is the one that was compiled."""
    graph = read_model(file, reading or ReadOptions())
    check_original(folder, file)
    if folder.manifest.get("approximation") is not None:
        graph = redo(graph, folder.read(RECORD_FILE), str(folder.path / RECORD_FILE))
    return graph.with_output(folder.manifest["options"]["output"])


def _check_vectors(folder: OutputFolder, model: ModelGraph, circuit: Netlist) -> int:
    """Check the stored vectors against model and circuit; return how many there are."""
    inputs = from_hex(folder.read(INPUT_FILE).decode(), circuit.num_inputs)
    expected = from_hex(folder.read(OUTPUT_FILE).decode(), circuit.num_outputs)
    found = unpack(evaluate_outputs(circuit, pack(inputs)), len(inputs))
    if not np.array_equal(expected, model.output_bits(inputs)) or not np.array_equal(
        expected, found
    ):
        raise DifferentError("the stored vectors disagree", file=folder.path)
    return len(inputs)

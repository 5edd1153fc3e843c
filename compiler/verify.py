"""Check an output folder against its model, from its files alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gatec.approx.record import redo
from gatec.backends.core import CoreShape
from gatec.backends.readback import read_back
from gatec.bits import pack, unpack
from gatec.certify import check_certificate
from gatec.errors import DifferentError, ModelError, UnprovedError
from gatec.evaluate import evaluate_outputs
from gatec.folder import RECORD_FILE, OutputFolder
from gatec.frontends import ReadOptions, read_model
from gatec.lower import lower
from gatec.mapping import fast_route, plan_of
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.options import check_timeout
from gatec.proof.arithmetic import check_lowering
from gatec.proof.cover import Route
from gatec.proof.parts import Cut, prove_in_parts
from gatec.proof.verdict import Verdict
from gatec.vectors import INPUT_FILE, OUTPUT_FILE, from_hex
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
    if model_file is None:
        yield "the model is the folder's own copy: --model ties it to your file"
    if folder.manifest.get("approximation") is not None:
        yield f"APPROXIMATED: the model is the trained net less what {RECORD_FILE} lists"
    model = folder.model() if model_file is None else _original(folder, model_file, reading)
    circuit = folder.manifest["circuit"]
    lowering = lower(model, plan_of(model, circuit["head_order"], circuit["head_reads"]))
    yield from check_lowering(model, lowering)
    back = read_back(folder.verilog, core_shape(folder))
    yield from back.facts
    if (back.netlist.num_inputs, back.netlist.num_outputs) != (
        lowering.netlist.num_inputs,
        lowering.netlist.num_outputs,
    ):
        raise DifferentError("the Verilog has other widths than the model", file=path)
    stated = folder.manifest["interface"]
    cut = None
    if stated["cut_nets"] is not None and stated["cut_inverted"] is not None:
        nets, inverted = (np.array(stated[key]) for key in ("cut_nets", "cut_inverted"))
        cut = Cut(nets.astype(np.int32), inverted.astype(bool))
    proof = prove_in_parts(
        lowering.netlist, back.netlist, cut, timeout, _route(folder, lowering.netlist, back.netlist)
    )
    if proof.verdict is Verdict.DIFFERENT:
        raise DifferentError(f"the Verilog is not the model: {proof.counterexample}", file=path)
    if proof.verdict is not Verdict.EQUIVALENT:
        raise UnprovedError(f"equivalence is {proof.verdict.value} after {timeout:g} s", file=path)
    yield f"the Verilog text is the model: {proof.verdict.value} ({proof.method})"
    yield from check_gates(folder, core_shape(folder), liberty, timeout)
    yield from check_certificate(folder, lowering.netlist, back.netlist)
    yield f"{_check_vectors(folder, model, back.netlist)} test vectors agree"


def _route(folder: OutputFolder, reference: Netlist, circuit: Netlist) -> Route:
    """Return how the circuit was probably made, where that can be told: a hint for the proof."""
    stated = folder.manifest["options"].get("optimise"), folder.manifest["circuit"]["head_order"]
    if stated != (1, None):
        return ()
    return fast_route(reference, max(2, int(circuit.arity.max(initial=0))))


def core_shape(folder: OutputFolder) -> CoreShape:
    """Return the widths that the manifest states of the core."""
    stated = folder.manifest["interface"]
    return CoreShape(
        stated["top"],
        stated["input"]["bits"],
        stated["output"]["bits"],
        tuple(stated["stage_bits"]),
        stated["input"]["beat_bits"],
        stated["output"]["beat_bits"],
    )


def _original(folder: OutputFolder, file: Path, reading: ReadOptions | None) -> ModelGraph:
    """Read the original model file and check that it is the one that was compiled."""
    graph = read_model(file, reading or ReadOptions())
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    known = folder.manifest["model"]["sha256"]
    if found != known:
        raise ModelError(
            f"is not the compiled model: sha256 {found[:16]}...", file=file, expected=str(known)
        )
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

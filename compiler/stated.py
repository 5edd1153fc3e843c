"""What a folder's manifest states of a circuit, as hints and claims for the proof."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from gatec.errors import DifferentError, ModelError, UnprovedError
from gatec.fact_steps import prove_under
from gatec.folder import OutputFolder
from gatec.mapping_steps import fast_route
from gatec.netlist import Netlist
from gatec.proof.cover import Route
from gatec.proof.parts import Cut
from gatec.proof.verdict import Proof, Verdict


def stated_cut(folder: OutputFolder) -> Cut | None:
    """Return where the circuit is said to hold the cuts of its reference."""
    stated = folder.manifest["interface"]
    if stated["cut_nets"] is None or stated["cut_inverted"] is None:
        return None
    nets, inverted = (np.array(stated[key]) for key in ("cut_nets", "cut_inverted"))
    return Cut(nets.astype(np.int32), inverted.astype(bool))


def stated_route(folder: OutputFolder, reference: Netlist, circuit: Netlist) -> Route:
    """Return how the circuit was probably made, where that can be told: a hint for the proof."""
    stated = folder.manifest["options"].get("optimise"), folder.manifest["circuit"]["head_order"]
    if stated != (1, None):
        return ()
    return fast_route(reference, max(2, int(circuit.arity.max(initial=0))))


def check_original(folder: OutputFolder, file: Path) -> None:
    """Raise `ModelError` unless a model file is the one that was compiled."""
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    known = folder.manifest["model"]["sha256"]
    if found != known:
        raise ModelError(
            f"is not the compiled model: sha256 {found[:16]}...", file=file, expected=str(known)
        )


def prove_stated(
    folder: OutputFolder, reference: Netlist, circuit: Netlist, cut: Cut | None, timeout: float
) -> Proof:
    """Prove a circuit of a folder equal to its reference.

    Raises `DifferentError` where it is not, and `UnprovedError` where that was not decided in time.
    """
    widths = reference.num_inputs, reference.num_outputs
    if (circuit.num_inputs, circuit.num_outputs) != widths:
        raise DifferentError("the Verilog has other widths than the model", file=folder.path)
    route = stated_route(folder, reference, circuit)
    care = folder.care(reference.num_inputs)
    proof = prove_under(care, reference, circuit, cut, timeout, route)
    if proof.verdict is Verdict.DIFFERENT:
        raise DifferentError(
            f"the Verilog is not the model: {proof.counterexample}", file=folder.path
        )
    if proof.verdict is not Verdict.EQUIVALENT:
        raise UnprovedError(
            f"equivalence is {proof.verdict.value} after {timeout:g} s", file=folder.path
        )
    return proof

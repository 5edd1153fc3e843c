"""Where facts about the inputs come into a compilation: passes, proof, vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from gatec.assumptions import encoder_care
from gatec.bits import Bits, pack, unpack
from gatec.care import Care
from gatec.lowering.model import Lowering
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.passes import Pass, Step
from gatec.passes.facts import behind_encoder, exchange, unread
from gatec.proof.cover import Route
from gatec.proof.parts import Cut, prove_in_parts
from gatec.proof.verdict import Proof
from gatec.vectors import make_vectors

# From this effort on, facts are used: `-O1` is for nets on which ABC would take long.
_EFFORT = 2


def steps_before(
    model: ModelGraph, lowering: Lowering, care: Care, options: CompileOptions
) -> list[Step]:
    """Return the passes that use facts on a reference netlist, before all others."""
    steps: list[Step] = []
    if options.optimise < _EFFORT:
        return steps
    if model.encoder is not None:
        nets, facts = lowering.block_nets[model.encoder.name], encoder_care(model.encoder)
        run = partial(behind_encoder, nets=nets, care=facts)
        steps.append(Pass("facts (encoder)", "Do not read what the encoder's codes tell.", run))
    if care.facts:
        run = partial(unread, care=care)
        steps.append(Pass("facts", "Do not read what stated facts tell.", run))
    return steps


def steps_behind(care: Care, options: CompileOptions) -> list[Step]:
    """Return the passes that use stated facts on what was mapped, of the model's own inputs."""
    if not care.facts or options.optimise < _EFFORT:
        return []
    return [Pass("exchange", "Exchange gates where facts allow it.", partial(exchange, care=care))]


def facts_used(model: ModelGraph, care: Care, options: CompileOptions) -> dict[str, list[str]]:
    """Return what is known of the bits that gates read, for the manifest.

    What is `assumed` the proof assumes, too; what comes `from_encoder` it does not need to.
    """
    known = []
    if model.encoder is not None and options.optimise >= _EFFORT:
        known = [fact.describe() for fact in encoder_care(model.encoder).facts]
    return {"assumed": [fact.describe() for fact in care.facts], "from_encoder": known}


def prove_under(  # noqa: PLR0917  as prove_in_parts
    care: Care,
    reference: Netlist,
    circuit: Netlist,
    cut: Cut | None,
    timeout: float,
    route: Route = (),
) -> Proof:
    """Decide whether two netlists are equal on the vectors that occur; see `prove_in_parts`.

    A counterexample is a vector that occurs.
    """
    if not care.facts:
        return prove_in_parts(reference, circuit, cut, timeout, route)
    one, _ = care.under(reference)
    other, number = care.under(circuit)
    moved = None if cut is None else Cut(number[cut.nets], cut.inverted)
    proof = prove_in_parts(one, other, moved, timeout)
    found = proof.counterexample
    if found is None:
        return replace(proof, method=f"{proof.method}, behind the guard of the assumptions")
    inputs = obeying(care, found.inputs[None, :])[0]
    return replace(proof, counterexample=replace(found, inputs=inputs))


def under(care: Care, nets: Sequence[Netlist]) -> list[Netlist]:
    """Return netlists behind the guard, if there is one."""
    return [care.under(net)[0] if care.facts else net for net in nets]


def obeying(care: Care, vectors: Bits) -> Bits:
    """Return vectors, `[count, num_inputs]`, made such that they occur."""
    if not care.facts:
        return vectors
    return unpack(care.obeying(pack(vectors)), len(vectors)).astype(np.uint8)


def obeying_vectors(care: Care, num_inputs: int, count: int) -> Bits:
    """Return the test vectors of a circuit, `[count, num_inputs]`."""
    return obeying(care, make_vectors(num_inputs, count))

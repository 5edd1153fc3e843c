"""Prove a large circuit in parts, on all cores: output by output, and on both sides of a cut."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.cone import OpenConeError, cone
from gatec.netlist import FIRST_INPUT, Netlist, Port
from gatec.proof.equivalence import check_widths, find_difference, prove_equal, smoke_words
from gatec.proof.verdict import Proof, Verdict

# Below this many gates in both circuits, starting ABC more than once costs more than it gains.
_LARGE = 10_000
# Parts share gates: more of them are less work each, but more in sum. On the trained nets of 48,000
# gates 5 and 10 parts took the same time, half of that of a proof in one piece.
_MOST_PARTS = 10


def prove_in_parts(
    reference: Netlist, circuit: Netlist, cut: IntArray | None, timeout: float
) -> Proof:
    """Decide whether `circuit` computes what `reference` computes, as `prove_equal` does.

    Parameters
    ----------
    cut
        Nets of `circuit` that are said to hold the cuts of `reference`, in order; None for no such
        claim. It is a hint, not trusted: first the cuts are proved equal, then the outputs as
        functions of the cuts. Where either fails the circuits are compared as a whole.
    timeout
        Seconds for each ABC run, and for all parts together.
    """
    check_widths(reference, circuit)
    found = find_difference(reference, circuit, smoke_words(reference.num_inputs))
    if found is not None:
        return Proof(Verdict.DIFFERENT, "random vectors", found)
    deadline = time.monotonic() + timeout
    proof = _through_cut(reference, circuit, cut, deadline)
    if proof is None:
        proof = _by_outputs(reference, circuit, deadline)
    if proof.verdict is not Verdict.DIFFERENT or proof.counterexample is None:
        return proof
    # The part's witness, as a witness of the whole.
    words = proof.counterexample.inputs.astype(np.uint64)[:, None] * np.uint64(2**64 - 1)
    return Proof(Verdict.DIFFERENT, proof.method, find_difference(reference, circuit, words))


def _through_cut(
    reference: Netlist, circuit: Netlist, cut: IntArray | None, deadline: float
) -> Proof | None:
    """Return a proof of equivalence by way of the cut, or None where that way is closed."""
    known = reference.cut_nets
    if cut is None or not len(known) or len(cut) != len(known) or not _is_of(circuit, cut):
        return None
    try:
        behind = _behind(reference, known, cut)
        other = _behind(circuit, cut, cut)
    except OpenConeError:
        return None
    sides = _in_front(reference, known), _in_front(circuit, cut)
    if find_difference(*sides, smoke_words(reference.num_inputs)) is not None:
        return None
    proofs = [prove_equal(behind, other, timeout=_left(deadline))]
    if proofs[0].verdict is Verdict.EQUIVALENT:
        proofs.append(_by_outputs(*sides, deadline))
    equal = all(proof.verdict is Verdict.EQUIVALENT for proof in proofs)
    method = f"{proofs[-1].method}, through the cut at {reference.cuts[0].name}"
    return Proof(Verdict.EQUIVALENT, method) if equal else None


def _in_front(net: Netlist, cut: IntArray) -> Netlist:
    """Return the netlist whose outputs are the cut."""
    return net.replace(outputs=(Port("y", cut),), cuts=(), stage=None)


def _behind(net: Netlist, own: IntArray, cut: IntArray) -> Netlist:
    """Return what computes the outputs from the cut, which is at the nets `own`.

    In the circuit, two bits of the cut may share a net or be constant; the proof in front of the
    cut shows that for the reference too. So one input is read in place of all its equals.
    """
    behind = cone(net, own, net.output_nets)
    _, first, which = np.unique(cut, return_index=True, return_inverse=True)
    renamed = np.arange(behind.num_nets, dtype=np.int32)
    inputs = slice(behind.first_input, behind.first_register)
    renamed[inputs] = np.where(cut < FIRST_INPUT, cut, behind.first_input + first[which])
    (port,) = behind.outputs
    outputs = (Port(port.name, renamed[port.nets], port.encoding),)
    return behind.replace(fanin=renamed[behind.fanin], outputs=outputs)


def _is_of(circuit: Netlist, cut: IntArray) -> bool:
    return bool(((cut >= 0) & (cut < circuit.num_nets)).all())


def _by_outputs(reference: Netlist, circuit: Netlist, deadline: float) -> Proof:
    """Prove groups of outputs side by side; the first that is not equal decides.

    Random vectors were tried on all of them before.
    """
    count = min(_MOST_PARTS, reference.num_outputs)
    if count < 2 or reference.num_gates + circuit.num_gates < _LARGE:
        return prove_equal(reference, circuit, timeout=_left(deadline), simulate=False)
    stop = Event()

    def prove(group: npt.NDArray[np.integer]) -> Proof:
        one, other = _part(reference, group), _part(circuit, group)
        return prove_equal(one, other, timeout=_left(deadline), simulate=False, stop=stop)

    groups = np.array_split(np.arange(reference.num_outputs), count)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        try:
            proofs = [pool.submit(prove, group) for group in groups]
            for proof in proofs:
                if proof.result().verdict is not Verdict.EQUIVALENT:
                    return proof.result()
        finally:
            # Where the others no longer matter, or on Ctrl-C, nobody waits for them.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
    return Proof(Verdict.EQUIVALENT, f"{proofs[0].result().method} in {count} parts")


def _part(net: Netlist, group: npt.NDArray[np.integer]) -> Netlist:
    inputs = np.arange(net.first_input, net.first_register, dtype=np.int32)
    return cone(net, inputs, net.output_nets[group])


def _left(deadline: float) -> float:
    return max(1.0, deadline - time.monotonic())

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
from gatec.proof.structure import equal_outputs
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
    """Return a proof of equivalence by way of the cuts, or None where that way is closed.

    From the outputs back to the inputs, each cut as a function of the one before it. The first that
    is not equal ends it: what is behind may still be equal as a whole.
    """
    if cut is None or not len(reference.cut_nets) or len(cut) != len(reference.cut_nets):
        return None
    if not _is_of(circuit, cut):
        return None
    known = [port.nets for port in reference.cuts]
    said = np.split(cut, np.cumsum([len(nets) for nets in known])[:-1])
    sides = _in_front(reference, reference.cut_nets), _in_front(circuit, cut)
    try:
        segments = _segments(reference, circuit, known, said)
    except OpenConeError:
        return None
    if find_difference(*sides, smoke_words(reference.num_inputs)) is not None:
        return None
    proof = prove_equal(*segments.pop(), timeout=_left(deadline))
    methods = []
    while proof.verdict is Verdict.EQUIVALENT and segments:
        proof = _by_outputs(*segments.pop(), deadline)
        methods.append(proof.method)
    if proof.verdict is not Verdict.EQUIVALENT:
        return None
    names = ", ".join(port.name for port in reference.cuts)
    method = " and ".join(dict.fromkeys(reversed(methods)))
    return Proof(Verdict.EQUIVALENT, f"{method}, through the cut at {names}")


def _segments(
    reference: Netlist, circuit: Netlist, known: list[IntArray], said: list[IntArray]
) -> list[tuple[Netlist, Netlist]]:
    """Return both sides of each segment: inputs to first cut, cut to cut, last cut to outputs.

    The first may read all inputs. Raises `OpenConeError` where a segment reads past its cut.
    """
    pairs = [(_in_front(reference, known[0]), _in_front(circuit, said[0]))]
    ends = [*known[1:], reference.output_nets], [*said[1:], circuit.output_nets]
    for own, cut, sinks, others in zip(known, said, *ends, strict=True):
        one, other = _behind(reference, own, cut, sinks), _behind(circuit, cut, cut, others)
        pairs.append((one, other))
    return pairs


def _in_front(net: Netlist, cut: IntArray) -> Netlist:
    """Return the netlist whose outputs are the cut."""
    return net.replace(outputs=(Port("y", cut),), cuts=(), stage=None)


def _behind(net: Netlist, own: IntArray, cut: IntArray, sinks: IntArray) -> Netlist:
    """Return what computes `sinks` from the cut, which is at the nets `own`.

    In the circuit, two bits of the cut may share a net or be constant; the proof in front of the
    cut shows that for the reference too. So one input is read in place of all its equals.
    """
    behind = cone(net, own, sinks)
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

    Random vectors were tried on all of them before. Outputs whose structure shows that they are
    equal are done first.
    """
    unknown = np.flatnonzero(~equal_outputs(reference, circuit))
    if not len(unknown):
        return Proof(Verdict.EQUIVALENT, "structure")
    if len(unknown) < reference.num_outputs:
        reference, circuit = _part(reference, unknown), _part(circuit, unknown)
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

"""Prove a large circuit: along the way that it was made, or in parts, on all cores.

The parts are groups of outputs, on both sides of a cut.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.cone import OpenConeError, complemented, cone
from gatec.netlist import FIRST_INPUT, Netlist, Port
from gatec.proof.cover import Route, proved_along
from gatec.proof.equivalence import check_widths, find_difference, prove_equal, smoke_words
from gatec.proof.structure import equal_outputs
from gatec.proof.verdict import Proof, Verdict

# Below this many gates in both circuits, starting ABC more than once costs more than it gains.
_LARGE = 10_000
# Parts share gates: more of them are less work each, but more in sum. On the trained nets of 48,000
# gates 5 and 10 parts took the same time, half of that of a proof in one piece.
_MOST_PARTS = 10


@dataclass(frozen=True, eq=False)
class Cut:
    """Where a circuit is said to hold the cuts of its reference; a hint, not trusted.

    Attributes
    ----------
    nets
        `int32[bits]`: nets of the circuit, for the cuts of the reference in order. Each cut but the
        first depends on the one before it alone.
    inverted
        `bool[bits]`: whether a net holds the bit's complement.
    """

    nets: IntArray
    inverted: npt.NDArray[np.bool_]


def prove_in_parts(
    reference: Netlist, circuit: Netlist, cut: Cut | None, timeout: float, route: Route = ()
) -> Proof:
    """Decide whether `circuit` computes what `reference` computes, as `prove_equal` does.

    Parameters
    ----------
    cut
        Where `circuit` is said to hold the cuts of `reference`, or None. The outputs are proved as
        functions of the last cut, it as a function of the one before, and the first as a function
        of the inputs. Where that fails the circuits are compared as a whole.
    timeout
        Seconds for each ABC run, and for all parts together.
    route
        How `circuit` is said to have been made from `reference`. A hint too: where it does not
        prove them equal, all else is tried.
    """
    check_widths(reference, circuit)
    if proved_along(reference, circuit, route):
        count = sum(link.coarse.num_gates for link in route)
        return Proof(Verdict.EQUIVALENT, f"structure, and {count} cones on all inputs")
    found = find_difference(reference, circuit, smoke_words(reference.num_inputs))
    if found is not None:
        return Proof(Verdict.DIFFERENT, "random vectors", found)
    deadline = time.monotonic() + timeout
    proof = _through_cuts(reference, circuit, cut, deadline)
    if proof is None:
        proof = _by_outputs(reference, circuit, deadline)
    if proof.verdict is not Verdict.DIFFERENT or proof.counterexample is None:
        return proof
    # The part's witness, as a witness of the whole.
    words = proof.counterexample.inputs.astype(np.uint64)[:, None] * np.uint64(2**64 - 1)
    return Proof(Verdict.DIFFERENT, proof.method, find_difference(reference, circuit, words))


def _through_cuts(
    reference: Netlist, circuit: Netlist, cut: Cut | None, deadline: float
) -> Proof | None:
    """Return a proof of equivalence by way of the cuts, or None where that way is closed.

    From the outputs back to the inputs, each cut as a function of the one before it. The first that
    is not equal ends it: what is behind may still be equal as a whole.
    """
    levels = _levels(reference, circuit, cut)
    if cut is None or not levels:
        return None
    try:
        segments = _segments(reference, circuit, levels)
    except OpenConeError:
        return None
    nothing = np.zeros(reference.num_inputs, dtype=bool)
    known = complemented(_in_front(reference, reference.cut_nets), nothing, cut.inverted)
    sides = known, _in_front(circuit, cut.nets)
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


def _levels(reference: Netlist, circuit: Netlist, cut: Cut | None) -> list[Cut]:
    """Return the circuit's bits for each cut of the reference; none if the claim makes no sense."""
    known = len(reference.cut_nets)
    if cut is None or not known or len(cut.nets) != known or len(cut.inverted) != known:
        return []
    if not ((cut.nets >= 0) & (cut.nets < circuit.num_nets)).all():
        return []
    ends = np.cumsum([port.width for port in reference.cuts])[:-1]
    split = zip(np.split(cut.nets, ends), np.split(cut.inverted, ends), strict=True)
    return [Cut(nets, inverted) for nets, inverted in split]


def _segments(
    reference: Netlist, circuit: Netlist, levels: list[Cut]
) -> list[tuple[Netlist, Netlist]]:
    """Return both sides of each segment: inputs to first cut, cut to cut, last cut to outputs.

    The first may read all inputs. Raises `OpenConeError` where a segment reads past its cut.
    """
    known = [port.nets for port in reference.cuts]
    nothing = np.zeros(reference.num_inputs, dtype=bool)
    front = complemented(_in_front(reference, known[0]), nothing, levels[0].inverted)
    pairs = [(front, _in_front(circuit, levels[0].nets))]
    outputs = Cut(circuit.output_nets, np.zeros(circuit.num_outputs, dtype=bool))
    ends = zip([*known[1:], reference.output_nets], [*levels[1:], outputs], strict=True)
    for sources, level, (sinks, after) in zip(known, levels, ends, strict=True):
        one = complemented(cone(reference, sources, sinks), level.inverted, after.inverted)
        other = cone(circuit, level.nets, after.nets)
        pairs.append((_by_nets(one, level.nets), _by_nets(other, level.nets)))
    return pairs


def _in_front(net: Netlist, cut: IntArray) -> Netlist:
    """Return the netlist whose outputs are the cut."""
    return net.replace(outputs=(Port("y", cut),), cuts=(), stage=None)


def _by_nets(behind: Netlist, cut: IntArray) -> Netlist:
    """Return the netlist behind a cut that reads one input in place of all that share a net.

    In the circuit, two bits of the cut may share a net or be constant; the proof in front of the
    cut shows that for the reference too.
    """
    _, first, which = np.unique(cut, return_index=True, return_inverse=True)
    renamed = np.arange(behind.num_nets, dtype=np.int32)
    inputs = slice(behind.first_input, behind.first_register)
    renamed[inputs] = np.where(cut < FIRST_INPUT, cut, behind.first_input + first[which])
    (port,) = behind.outputs
    outputs = (Port(port.name, renamed[port.nets], port.encoding),)
    return behind.replace(fanin=renamed[behind.fanin], outputs=outputs)


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

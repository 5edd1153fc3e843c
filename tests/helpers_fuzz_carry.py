"""Fuzzing of nets on carry chains: mapped, staged, broken, proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from helpers import random_layers_model
from helpers_shapes import FAULTS, Rng, vectors

from gatec.backends.readback.core import read_back
from gatec.backends.verilog import emit
from gatec.bits import Words
from gatec.chain_graph import longest_chain
from gatec.chains import CARRY_SLOT, NO_CHAIN
from gatec.console import Progress
from gatec.design import emitted_cut
from gatec.evaluate import evaluate_outputs
from gatec.mapping import Mapped, map_model
from gatec.model import ModelGraph
from gatec.netlist import Netlist, NetlistError, Port
from gatec.options import CompileOptions
from gatec.passes.pipeline import pipeline
from gatec.proof.parts import Cut, prove_in_parts
from gatec.proof.verdict import Proof, Verdict

SHAPE = "on carry chains"
_TIMEOUT = 120.0


class CarryFuzz:
    """Counts and failures of nets on carry chains.

    Attributes
    ----------
    counts
        By `("net", shape)`, `("fault", name, what)` and `("proof", what)`.
    failures
        What went wrong, one line each.
    """

    def __init__(self, counts: Counter[tuple[str, ...]]) -> None:
        self.counts = counts
        self.failures: list[str] = []

    def run(self, rng: Rng, size: int) -> None:
        """Try `size` nets; of the first, the emitted text too."""
        for place in range(size):
            self.counts["net", SHAPE] += 1
            mapped = _mapped(rng)
            words = vectors([mapped.lowering.netlist], rng)
            expected = evaluate_outputs(mapped.lowering.netlist, words)
            for number, net in enumerate((mapped.netlist, *mapped.others)):
                net.verify()
                if (evaluate_outputs(net, words) != expected).any():
                    self.failures.append(f"chains of form {number} compute something else")
            choices = (mapped.netlist, *mapped.others)
            staged = _staged(choices[int(rng.integers(len(choices)))], rng)
            self._prove(mapped, staged, written=place == 0)
            self._break(mapped, staged, words, expected, rng)

    def _prove(self, mapped: Mapped, staged: Netlist, *, written: bool) -> None:
        """The staged circuit, or what is read from its text, is proved to be the reference."""
        staged.verify()
        circuit, cut = staged, None
        if written:
            emitted = emit(staged, style="ice40")
            back = read_back(emitted.text, emitted.shape)
            circuit, cut = back.netlist, emitted_cut(staged, mapped.inverted, emitted, back)
        proof = prove_in_parts(mapped.lowering.netlist, _plain(circuit), cut, _TIMEOUT)
        if proof.verdict is not Verdict.EQUIVALENT:
            self.failures.append(f"proof of a right circuit: {proof.verdict.value}")
        self.counts["proof", "carry chains, text" if written else "carry chains"] += 1

    def _break(
        self, mapped: Mapped, staged: Netlist, words: Words, expected: Words, rng: Rng
    ) -> None:
        """Put in a fault: it is refused as a chain, or proved to be what the vectors show."""
        faults = CHAIN_FAULTS if rng.random() < _CHAIN_SHARE else FAULTS
        name = str(rng.choice(list(faults)))
        mutant = faults[name](staged, rng)
        differs = bool((evaluate_outputs(mutant, words) != expected).any())
        refused = False
        try:
            mutant.verify()
        except NetlistError:
            self.counts["fault", name, "refused as a chain"] += 1
            refused = True
        try:
            proof = self._judged(mapped, mutant)
        except NetlistError as error:
            # A gate that reads a later stage: no text can say so.
            if not refused:
                self.failures.append(f"fault {name}: {error}, and it was not refused")
            return
        agrees = (
            (proof.verdict is Verdict.DIFFERENT)
            if differs
            else (proof.verdict is Verdict.EQUIVALENT)
        )
        if not agrees:
            said = f"differs is {differs}, verdict is {proof.verdict.value}"
            self.failures.append(f"fault {name}: {said}")
        what = "caught" if differs else "harmless, proved so"
        self.counts["fault", name, what] += agrees

    @staticmethod
    def _judged(mapped: Mapped, mutant: Netlist) -> Proof:
        """Prove a mutant as the driver would: with the cuts as hints."""
        order = np.argsort(mutant.stage, kind="stable")  # type: ignore[arg-type]
        position = np.arange(mutant.num_nets, dtype=np.int32)
        position[mutant.first_gate + order] = np.arange(mutant.first_gate, mutant.num_nets)
        cut = Cut(position[mutant.cut_nets], mapped.inverted)
        return prove_in_parts(
            mapped.lowering.netlist, _plain(_reordered(mutant, order)), cut, _TIMEOUT
        )


# How many of the faults are of chains.
_CHAIN_SHARE = 0.5


def _mapped(rng: Rng) -> Mapped:
    """Return a random layered net with its class sums on chains."""
    while True:
        mapped = map_model(
            _model(rng),
            4,
            CompileOptions(
                head="carry",
                optimise=int(rng.integers(0, 3)),
                output="scores" if rng.random() < 0.3 else "argmax",
            ),
            Progress(),
            chains=True,
        )
        if mapped.netlist.chains is not None and mapped.netlist.chains.count:
            return mapped


def _model(rng: Rng) -> ModelGraph:
    """Return a net of few inputs, so that all vectors can be tried."""
    classes = int(rng.integers(2, 5))
    widths = [int(rng.integers(4, 40)) for _ in range(rng.integers(0, 2))]
    widths.append(classes * int(rng.integers(5, 31)))
    inputs = int(rng.integers(2, 13))
    return random_layers_model(rng, inputs, widths, classes, fanin=int(rng.integers(1, 5)))


def _staged(net: Netlist, rng: Rng) -> Netlist:
    if rng.random() < 0.3:
        return pipeline(net, stages=1)
    return pipeline(net, levels_per_stage=longest_chain(net) + int(rng.integers(0, 4)))


def _plain(net: Netlist) -> Netlist:
    return net.replace(stage=None, chains=None, cuts=())


def _reordered(net: Netlist, order: np.ndarray) -> Netlist:
    """Return the netlist with its gates in the order of the text."""
    number = np.arange(net.num_nets, dtype=np.int32)
    number[net.first_gate + order] = np.arange(net.first_gate, net.num_nets)
    return _plain(net).replace(
        fanin=number[net.fanin[order]],
        tables=net.tables[order],
        outputs=tuple(Port(p.name, number[p.nets], p.encoding) for p in net.outputs),
    )


# --- faults of chains ----------------------------------------------------------------------------


def _member(net: Netlist, rng: Rng) -> int:
    assert net.chains is not None
    return int(rng.choice(np.flatnonzero(net.chains.chain != NO_CHAIN)))


def _carry(net: Netlist, rng: Rng) -> int:
    assert net.chains is not None
    return int(rng.choice(np.flatnonzero(net.chains.carry)))


def _other_chain(net: Netlist, rng: Rng) -> Netlist:
    assert net.chains is not None
    chain = net.chains.chain.copy()
    chain[_member(net, rng)] = rng.integers(-1, net.chains.count)
    return net.replace(chains=replace(net.chains, chain=chain))


def _not_a_carry(net: Netlist, rng: Rng) -> Netlist:
    assert net.chains is not None
    carry = net.chains.carry.copy()
    carry[_carry(net, rng)] = False
    return net.replace(chains=replace(net.chains, carry=carry))


def _carry_moved(net: Netlist, rng: Rng) -> Netlist:
    """A carry arrives from another cell, or from a constant."""
    fanin, gate = net.fanin.copy(), _carry(net, rng)
    nets = net.first_gate + np.arange(gate)
    fanin[gate, CARRY_SLOT] = rng.choice([0, 1, *nets.tolist()])
    return net.replace(fanin=fanin)


def _operands_apart(net: Netlist, rng: Rng) -> Netlist:
    """A carry adds something else than the LUT beside it."""
    fanin, gate = net.fanin.copy(), _carry(net, rng)
    fanin[gate, int(rng.integers(1, 3))] = rng.integers(net.first_gate + gate)
    return net.replace(fanin=fanin)


def _carry_leaves(net: Netlist, rng: Rng) -> Netlist:
    """A carry is read outside of its chain."""
    nets = net.output_nets.copy()
    nets[rng.integers(len(nets))] = net.first_gate + _carry(net, rng)
    (port,) = net.outputs
    return net.replace(outputs=(Port(port.name, nets, port.encoding),))


CHAIN_FAULTS: dict[str, Callable[[Netlist, Rng], Netlist]] = {
    "gate on another chain": _other_chain,
    "carry marked as a LUT": _not_a_carry,
    "carry arrives from elsewhere": _carry_moved,
    "carry of other operands": _operands_apart,
    "carry as an output": _carry_leaves,
}

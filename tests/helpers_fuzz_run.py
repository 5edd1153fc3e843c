"""A fuzzing campaign: random passes in random orders over random nets, then faults to be caught."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from helpers_fuzz_carry import CarryFuzz
from helpers_sat import sat_verdict
from helpers_shapes import (
    EXHAUSTIVE_BITS,
    Rng,
    random_fault,
    random_shape,
    side_by_side,
    taken_out,
    vectors,
)

from gatec.bits import Words, random_words
from gatec.errors import GatecError
from gatec.evaluate import evaluate_nets, evaluate_outputs
from gatec.netlist import Netlist, NetlistError
from gatec.passes import PASSES, Pass
from gatec.passes.map_lut import BEST
from gatec.passes.runner import run_passes
from gatec.proof.certificate import certify
from gatec.proof.check_certificate import Rejected, check_folder
from gatec.proof.cover import Route, proved_along
from gatec.proof.equivalence import prove_equal
from gatec.proof.verdict import Verdict
from gatec.rewire import rewired, sort_by_level

# Of a batch, nets that are also certified; and every so many batches, one where ABC has to find the
# faults without random vectors in front, and where the passes are proved too.
_CERTIFIED = 2
_PROVED_EVERY = 10
# Every so many batches are nets on carry chains.
_CARRY_EVERY = 20
# Budget of a certificate.
_SECONDS = 60.0
_SORTED = 0.95
# In the other batches so many nets follow one another, gate after gate, and each is slow.
_UNSORTED = 4
# Faults that each route is tried with.
_MUTANTS = 5
_Key = tuple[str, ...]


@dataclass(frozen=True)
class _Injected:
    """A net with a fault, whether vectors show it, and whether those are all there are."""

    name: str
    net: Netlist
    differs: bool
    decided: bool


@dataclass
class Campaign:
    """Counts and failures of all batches so far.

    Attributes
    ----------
    seed
        With a batch's number it decides the batch.
    counts
        By what was counted: `("net", shape)`, `("pass", name, what)`, `("fault", name, what)`, ...
    failures
        One line each, with the number of the batch.
    """

    seed: int
    counts: Counter[_Key] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def run(self, number: int, size: int) -> None:
        """Run one batch of `size` nets."""
        rng = np.random.default_rng([self.seed, number])
        if number % _CARRY_EVERY == _CARRY_EVERY - 1:
            carry = CarryFuzz(self.counts)
            carry.run(rng, size)
            for line in carry.failures:
                self._fail(number, line)
            return
        registers = rng.random() < 0.3
        nets = []
        for _ in range(size):
            shape, net = random_shape(rng, registers)
            net.verify()
            self.counts["net", shape] += 1
            nets.append(net)
        batch = _joined(nets, 0 if rng.random() < _SORTED else _UNSORTED)
        batch.verify()
        words = vectors(nets, rng)
        optimised = self._optimised(number, size, batch, words, rng)
        if optimised is None:
            return
        before, after = taken_out(batch, nets), taken_out(optimised, nets)
        thorough = number % _PROVED_EVERY == 0
        if thorough:
            self._prove(number, before, after)
        faults = _injected(before, after, np.concatenate(rows(nets, words)), rng)
        self._judge(number, before, faults, simulate=not thorough)
        if optimised.stage is not None:
            self._move_stage(number, optimised, rng)

    def _fail(self, number: int, what: str) -> None:
        self.failures.append(f"seed {self.seed}, batch {number}: {what}")

    def _optimised(
        self, number: int, size: int, net: Netlist, words: Words, rng: Rng
    ) -> Netlist | None:
        """Run passes in a random order, each checked on the vectors; None after a failure."""
        expected = _roots(net, words)
        for chosen in _order(net, rng):
            before, routes = net, []
            if chosen.name == "map_fast":
                chosen = chosen.having(routes=routes)  # noqa: PLW2901
            try:
                net, _ = run_passes(net, [chosen])
            except (GatecError, NetlistError, AssertionError, ValueError, IndexError) as error:
                self._fail(number, f"pass {chosen.name}: {type(error).__name__}: {error}")
                return None
            name = chosen.name
            self.counts["pass", name, "orders"] += 1
            self.counts["pass", name, "nets"] += size
            self.counts["pass", name, "gates before"] += before.num_gates
            self.counts["pass", name, "gates after"] += net.num_gates
            wrong = (_roots(net, words) != expected).any(axis=1)
            if wrong.any():
                self._fail(number, f"pass {name} changed {int(wrong.sum())} roots")
                return None
            if routes:
                self._along(number, before, net, routes[0], rng)
        return net

    def _along(self, number: int, before: Netlist, after: Netlist, route: Route, rng: Rng) -> None:
        """The fast mapper's own route proves what it made, and nothing else."""
        if before.num_registers:
            return
        if not proved_along(before, after, route):
            self._fail(number, "the route of map_fast does not prove it")
        self.counts["proof", "along the mapper's route"] += 1
        for _ in range(_MUTANTS):
            name, mutant = random_fault(after, rng)
            words = random_words(rng, before.num_inputs, 64)
            differs = (evaluate_outputs(before, words) != evaluate_outputs(mutant, words)).any()
            if proved_along(before, mutant, route) and differs:
                self._fail(number, f"fault {name}: proved along the route, but it differs")
            self.counts["route", "faults that differ" if differs else "other faults"] += 1

    def _prove(self, number: int, before: list[Netlist], after: list[Netlist]) -> None:
        """Prove by ABC, PySAT and a checked certificate that nothing changed."""
        joined = [_sorted(side) for side in (before, after)]
        if prove_equal(*joined).verdict is not Verdict.EQUIVALENT:
            self._fail(number, "ABC does not prove what the passes made")
        self.counts["proof", "ABC"] += len(before)
        for one, other in list(zip(before, after, strict=True))[:_CERTIFIED]:
            verdict = sat_verdict(one, other)
            if verdict is Verdict.DIFFERENT:
                self._fail(number, "PySAT refutes what the passes made")
            decided = verdict is Verdict.EQUIVALENT
            self.counts["proof", "PySAT" if decided else "PySAT undecided"] += 1
            certificate = self._certified(number, one, other)
            if certificate is not Verdict.EQUIVALENT:
                self._fail(number, f"certificate: {certificate.value}")

    def _certified(self, number: int, one: Netlist, other: Netlist) -> Verdict:
        """Return the verdict of a certificate; one that says equal is checked."""
        made = certify(one, other, _SECONDS)
        if made.verdict is not Verdict.EQUIVALENT:
            return made.verdict
        with tempfile.TemporaryDirectory() as folder:
            for name, content in made.files.items():
                (Path(folder) / name).write_bytes(content)
            try:
                check_folder(Path(folder), drat=bool(number % 2))
            except Rejected as error:
                self._fail(number, f"certificate rejected: {error}")
        self.counts["proof", "certificate, checked"] += 1
        return made.verdict

    def _judge(
        self, number: int, before: list[Netlist], faults: list[_Injected], *, simulate: bool
    ) -> None:
        """Prove each net different or not; it must be as the vectors say, where those are all.

        Nets that look alike go to ABC side by side, and one by one when they are not all equal.
        """
        pairs = list(zip(before, faults, strict=True))
        alike = [(one, fault) for one, fault in pairs if not fault.differs]
        together = False
        if simulate and alike:
            right = _sorted([one for one, _ in alike])
            wrong = _sorted([fault.net for _, fault in alike])
            together = prove_equal(right, wrong).verdict is Verdict.EQUIVALENT
        for one, fault in pairs:
            if together and not fault.differs:
                verdict = Verdict.EQUIVALENT
            else:
                verdict = prove_equal(one, fault.net, simulate=simulate).verdict
            self.counts["prover", "random vectors and ABC" if simulate else "ABC alone"] += 1
            self._compare(number, one, fault, verdict)

    def _compare(self, number: int, one: Netlist, fault: _Injected, verdict: Verdict) -> None:
        """Count a verdict, or note that it is wrong."""
        if verdict is Verdict.DIFFERENT and (fault.differs or not fault.decided):
            self.counts["fault", fault.name, "caught"] += 1
        elif verdict is not Verdict.EQUIVALENT or fault.differs:
            said = f"differs is {fault.differs}, verdict is {verdict.value}"
            self._fail(number, f"fault {fault.name}: {said}")
        else:
            self._harmless(number, one, fault)

    def _harmless(self, number: int, one: Netlist, fault: _Injected) -> None:
        """Ask others than ABC about a fault that it proved harmless, unless all vectors said so."""
        what = "harmless, proved so"
        if not fault.decided:
            second = sat_verdict(one, fault.net)
            if second is Verdict.DIFFERENT:
                said = "PySAT finds a difference that ABC does not"
                self._fail(number, f"fault {fault.name}: {said}")
                return
            if second is not Verdict.EQUIVALENT:
                self.counts["proof", "PySAT undecided"] += 1
                if self._certified(number, one, fault.net) is not Verdict.EQUIVALENT:
                    what = "harmless by ABC alone"
        self.counts["fault", fault.name, what] += 1

    def _move_stage(self, number: int, net: Netlist, rng: Rng) -> None:
        """Move one gate to another stage: refused, or a schedule as good as any."""
        assert net.stage is not None
        if not net.num_gates:
            return
        gate, stage = int(rng.integers(net.num_gates)), net.stage.copy()
        stage[gate] += rng.choice([-1, 1])
        own = net.first_gate + gate
        reads = net.fanin[gate][net.fanin[gate] >= net.first_gate] - net.first_gate
        readers = np.flatnonzero((net.fanin == own).any(axis=1))
        legal = stage[gate] >= 0
        legal &= bool((stage[reads] <= stage[gate]).all() and (stage[readers] >= stage[gate]).all())
        try:
            net.replace(stage=stage).verify()
        except NetlistError:
            refused = True
        else:
            refused = False
        if refused is bool(legal):
            self._fail(
                number, f"gate in stage {stage[gate]}: legal is {legal}, refused is {refused}"
            )
        what = "caught" if refused else "harmless, proved so"
        self.counts["fault", "stage moved", what] += 1


def _roots(net: Netlist, words: Words) -> Words:
    return evaluate_nets(net, words[: net.num_inputs], words[net.num_inputs :])[net.root_nets]


def _injected(
    before: list[Netlist], after: list[Netlist], words: Words, rng: Rng
) -> list[_Injected]:
    """Put a fault into each optimised net, and ask the vectors whether it changes anything.

    `words` has for each net in turn its inputs and states.
    """
    named = [random_fault(net, rng) for net in after]
    mutants = [mutant for _, mutant in named]
    values = [evaluate_outputs(_sorted(side), words) for side in (before, mutants)]
    unlike = (values[0] != values[1]).any(axis=1)
    ends = np.cumsum([net.num_outputs for net in before])[:-1]
    return [
        _Injected(name, mutant, bool(differs.any()), net.num_inputs <= EXHAUSTIVE_BITS)
        for (name, mutant), net, differs in zip(named, before, np.split(unlike, ends), strict=True)
    ]


def _joined(nets: list[Netlist], unsorted: int) -> Netlist:
    """Return nets side by side, the gates by level; those of the last few in their own order."""
    batch = side_by_side(nets)
    tail = sum(net.num_gates for net in nets[len(nets) - unsorted :])
    key = batch.levels[batch.first_gate :].copy()
    key[len(key) - tail :] = np.arange(tail) + key.max(initial=0)
    order = np.argsort(key, kind="stable")
    place = np.arange(batch.num_nets, dtype=np.int32)
    place[batch.first_gate + order] = np.arange(batch.first_gate, batch.num_nets)
    return rewired(batch, place, place[batch.fanin[order]], batch.tables[order])


def _sorted(nets: list[Netlist]) -> Netlist:
    return sort_by_level(side_by_side(nets))


def rows(nets: list[Netlist], words: Words) -> list[Words]:
    """Return for each net of a batch the vectors of its inputs and states."""
    inputs = np.cumsum([0, *(net.num_inputs for net in nets)])
    states = inputs[-1] + np.cumsum([0, *(net.num_registers for net in nets)])
    return [
        np.concatenate([words[inputs[n] : inputs[n + 1]], words[states[n] : states[n + 1]]])
        for n in range(len(nets))
    ]


# The passes that run ABC, which takes longer than all others.
_ABC = ("map_lut", "map_best")


def _order(net: Netlist, rng: Rng) -> list[Pass]:
    """Return up to eight passes, at most one of them ABC's; pipelining comes last, if at all."""
    by_name = {chosen.name: chosen for chosen in PASSES}
    last = by_name.pop("pipeline")
    chosen = [str(name) for name in rng.choice(list(by_name), size=rng.integers(1, 9))]
    first_map = next((n for n, name in enumerate(chosen) if name in _ABC), len(chosen))
    order = [
        _configured(by_name[name], rng)
        for place, name in enumerate(chosen)
        if name not in _ABC or place == first_map
    ]
    if not net.num_registers and rng.random() < 0.5:
        order.append(last.having(levels_per_stage=int(rng.integers(1, 6))))
    return order


def _configured(chosen: Pass, rng: Rng) -> Pass:
    """Return a pass with random options, where it has any."""
    k = int(rng.integers(2, 7))
    if chosen.name == "map_lut":
        # All scripts that any level of -O runs, one at a time.
        return chosen.having(k=k, scripts=(str(rng.choice(list(BEST))),))
    if chosen.name == "map_fast":
        return chosen.having(k=k, large=0)
    if chosen.name == "windows":
        return chosen.having(k=k, most_steps=200)
    if chosen.name == "map_best":
        return chosen.having(k=k, scripts=(str(rng.choice(list(BEST))),))
    return chosen.having(k=k) if chosen.name in ("split", "collapse") else chosen

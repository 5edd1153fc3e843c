"""SAT sweeping: merge the equal nets of two netlists, in topological order, with a proof of each.

Simulation says which nets may be equal, up to a complement. For each such pair a SAT solver refutes
that they differ, on a *window*: a few gates in front of both, in which every net that was merged
before is its representative. So the merged part grows from the inputs on, and no window sees more
than the little between two rows of merged nets. A window too small to decide is made larger.

All that is learnt stands in one `Derivation`: axioms (`gate_clauses`), the same over
representatives, the solver's lemmas, and for each merged net the two clauses that say so.
"""

from __future__ import annotations

import time
from enum import Enum

import numpy as np

from gatec.bits import Bits
from gatec.netlist import FIRST_INPUT, Netlist
from gatec.proof.candidates import Candidates
from gatec.proof.clauses import TRUE, Clause, Kind
from gatec.proof.merged import Merged
from gatec.proof.refute import Refuted, Satisfied, refute

# Gates in a window beyond those between a net and its merged fan-in, and the solver's conflicts.
_LIMITS = ((0, 5000), (12, 500), (40, 1000), (150, 2000), (600, 4000))
# Nets of one class that a net is compared with, and how many windows a constant is worth: of nets
# that seldom change, most look constant and are not.
_CANDIDATES = 4
_CONSTANT_LIMITS = 3


class _End(Enum):
    PROVED = "proved"
    DIFFERENT = "different"
    OPEN = "open"


class Sweep:
    """One run over the union of two netlists.

    Attributes
    ----------
    both
        The union.
    merged
        What came of it.
    """

    def __init__(self, both: Netlist, first_circuit_gate: int) -> None:
        self.both = both
        self.merged = Merged(both, first_circuit_gate)
        self._candidates = Candidates(both)

    def run(self, deadline: float) -> bool:
        """Merge what can be merged; return whether there was time for all of it."""
        for net in range(self.both.num_nets):
            if net >= self.both.first_gate:
                if time.monotonic() > deadline:
                    return False
                self.merged.place(net)
                if self._merge(net):
                    continue
            if net != TRUE:
                self._candidates.enter(net)
        return True

    def _merge(self, net: int) -> bool:
        """Merge a net with the first candidate that is proved equal, if any."""
        candidates = self._ranked(net)
        for tries, (gates, conflicts) in enumerate(_LIMITS):
            for literal in tuple(candidates):
                if abs(literal) == TRUE and tries >= _CONSTANT_LIMITS:
                    continue
                end = self._compare(net, literal, gates, conflicts)
                if end is _End.PROVED:
                    return True
                if end is _End.DIFFERENT:
                    candidates.remove(literal)
        return False

    def _ranked(self, net: int) -> list[int]:
        """Return the candidates for a net; of many, those that read what it reads."""
        candidates = self._candidates.of(net)
        if len(candidates) <= 2:
            return candidates
        _, leaves = self.merged.leaves(net)
        constants = [literal for literal in candidates if abs(literal) == TRUE]
        shared = {
            literal: len(leaves & self.merged.near(abs(literal)))
            for literal in candidates
            if abs(literal) != TRUE
        }
        ranked = sorted((c for c in shared if shared[c]), key=lambda c: -shared[c])
        return ranked[:_CANDIDATES] + constants

    def _compare(self, net: int, literal: int, gates: int, conflicts: int) -> _End:
        """Try to prove a net equal to a literal on a window with so many gates more than needed."""
        window, whole = self.merged.window(net, abs(literal), gates)
        known = [number for gate in window for number in self.merged.clauses(gate)]
        local = _Local([self.merged.derivation.literals[number] for number in known])
        refuted: list[tuple[Clause, Refuted] | None] = []
        for units in ((net, -literal), (-net, literal)):
            if -TRUE in units:
                refuted.append(None)
                continue
            assumed = tuple(unit for unit in units if unit != TRUE)
            end = refute([*local.clauses, *((local.to(unit),) for unit in assumed)], conflicts)
            if isinstance(end, Satisfied) and whole:
                self._candidates.refine(local.inputs(end.model, self.both.num_inputs))
                return _End.DIFFERENT
            if not isinstance(end, Refuted):
                return _End.OPEN
            refuted.append((assumed, end))
        forward, back = (part and self._record(known, local, *part) for part in refuted)
        self.merged.merge(net, literal, forward, back)
        return _End.PROVED

    def _record(self, known: list[int], local: _Local, units: Clause, refuted: Refuted) -> int:
        """Copy the refutation of some units: each lemma holds, or one of the units is false."""
        excuse = {-unit for unit in units}
        place = dict(enumerate(known))
        given = len(known) + len(units)
        for at, lemma in enumerate(refuted.lemmas, start=given):
            kind = Kind.LEMMA if lemma.literals else Kind.EQUAL
            literals = {local.back(literal) for literal in lemma.literals} | excuse
            # The units are no hints: they are false with the clause.
            hints = [place[hint] for hint in lemma.hints if hint in place]
            place[at] = self.merged.derivation.add(kind, literals, hints)
        return place[given + len(refuted.lemmas) - 1]


class _Local:
    """A window's clauses over variables from 1 on."""

    def __init__(self, clauses: list[Clause]) -> None:
        self._number: dict[int, int] = {}
        self._variables = [0]
        self.clauses = [tuple([self.to(literal) for literal in clause]) for clause in clauses]

    def to(self, literal: int) -> int:
        """Return the literal in the window."""
        variable = abs(literal)
        number = self._number.get(variable)
        if number is None:
            number = self._number[variable] = len(self._variables)
            self._variables.append(variable)
        return number if literal > 0 else -number

    def back(self, literal: int) -> int:
        """Return the literal of the netlists."""
        variable = self._variables[abs(literal)]
        return variable if literal > 0 else -variable

    def inputs(self, model: list[int], count: int) -> Bits:
        """Return the input vector of a model, 0 where the window does not say."""
        bits = np.zeros(count, dtype=np.uint8)
        for literal in model:
            variable = self._variables[abs(literal)]
            if literal > 0 and variable < FIRST_INPUT + count:
                bits[variable - FIRST_INPUT] = 1
        return bits

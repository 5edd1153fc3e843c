"""Unit propagation that remembers its reasons."""

from __future__ import annotations

from collections.abc import Sequence

from gatec.proof.clauses import Clause

_GIVEN = -1


class Propagation:
    """Clauses, what follows from them by unit propagation, and by which of them.

    Clauses are numbered in the order in which they came. Literals index lists from both ends: of a
    list of `2 * variables + 1`, entry -3 belongs to the complement of 3.
    """

    def __init__(self, clauses: Sequence[Clause]) -> None:
        variables = max((abs(literal) for clause in clauses for literal in clause), default=0)
        self._value = [0] * (2 * variables + 1)
        self._watches: list[list[int]] = [[] for _ in range(2 * variables + 1)]
        self._reason = [_GIVEN] * (variables + 1)
        self._clauses: list[list[int]] = []
        self._trail: list[int] = []
        self._done = 0
        # The clause that is false under what follows from the clauses alone.
        self._conflict: int | None = None
        for clause in clauses:
            self.add(clause)

    @property
    def contradictory(self) -> bool:
        """Whether propagation alone refutes the clauses."""
        return self._conflict is not None

    def add(self, clause: Clause) -> None:
        """Append a clause, and what follows from it."""
        number, value = len(self._clauses), self._value
        # Watch what is not false; then literals that became false last would do, but nothing of
        # this level is ever undone.
        literals = sorted(clause, key=lambda literal: value[literal] < 0)
        self._clauses.append(literals)
        if self._conflict is not None:
            return
        if len(literals) > 1:
            for literal in literals[:2]:
                self._watches[-literal].append(number)
        if not literals or value[literals[0]] < 0:
            self._conflict = number
        elif (len(literals) == 1 or value[literals[1]] < 0) and not value[literals[0]]:
            self._assign(literals[0], number)
            self._conflict = self._propagate()

    def reason(self, clause: Clause) -> tuple[int, ...] | None:
        """Return clauses that become unit in turn, the last one false, once `clause` is false.

        None when propagation does not get there: `clause` may follow, but not in one step.
        """
        start = len(self._trail)
        conflict = self._conflict
        for literal in clause:
            if conflict is not None:
                break
            if self._value[literal] > 0:
                conflict = self._reason[abs(literal)]
                # A tautology has no reason: none is asked for.
            elif not self._value[literal]:
                self._assign(-literal, _GIVEN)
        if conflict is None:
            conflict = self._propagate()
        found = None if conflict is None else self._antecedents(conflict)
        for literal in self._trail[start:]:
            self._value[literal] = self._value[-literal] = 0
        del self._trail[start:]
        self._done = min(self._done, start)
        return found

    def _assign(self, literal: int, reason: int) -> None:
        self._value[literal], self._value[-literal] = 1, -1
        self._reason[abs(literal)] = reason
        self._trail.append(literal)

    def _propagate(self) -> int | None:
        """Extend the trail by all that follows; return the first clause found false."""
        value, watches, clauses = self._value, self._watches, self._clauses
        while self._done < len(self._trail):
            true = self._trail[self._done]
            self._done += 1
            watching, kept = watches[true], []
            for place, number in enumerate(watching):
                literals = clauses[number]
                if literals[0] == -true:
                    literals[0], literals[1] = literals[1], -true
                first = literals[0]
                if value[first] <= 0:
                    for other in range(2, len(literals)):
                        if value[literals[other]] >= 0:
                            literals[1], literals[other] = literals[other], -true
                            watches[-literals[1]].append(number)
                            break
                    else:
                        kept.append(number)
                        if value[first] < 0:
                            kept += watching[place + 1 :]
                            watches[true] = kept
                            return number
                        self._assign(first, number)
                    continue
                kept.append(number)
            watches[true] = kept
        return None

    def _antecedents(self, conflict: int) -> tuple[int, ...]:
        """Return the reasons behind a false clause in the order of the trail, itself last."""
        wanted = {abs(literal) for literal in self._clauses[conflict]}
        found = [conflict]
        for literal in reversed(self._trail):
            reason = self._reason[abs(literal)]
            if abs(literal) in wanted and reason not in (_GIVEN, conflict):
                found.append(reason)
                wanted.update(map(abs, self._clauses[reason]))
        return tuple(reversed(found))

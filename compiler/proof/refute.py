"""Refute a small set of clauses: a SAT solver finds the lemmas, propagation finds their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatec.errors import ToolError
from gatec.proof.clauses import Clause
from gatec.proof.propagation import Propagation


@dataclass(frozen=True)
class Lemma:
    """A clause that follows from earlier ones by unit propagation.

    Attributes
    ----------
    literals
        The clause.
    hints
        Places of the clauses that become unit one after the other when all literals are false; the
        last one becomes empty. A place counts the given clauses, then the lemmas.
    """

    literals: Clause
    hints: tuple[int, ...]


@dataclass(frozen=True)
class Refuted:
    """A refutation: lemmas that are needed, the last of them empty."""

    lemmas: list[Lemma]


@dataclass(frozen=True)
class Satisfied:
    """Literals that satisfy all clauses."""

    model: list[int]


def refute(clauses: Sequence[Clause], conflicts: int) -> Refuted | Satisfied | None:
    """Return a refutation, or a model, or None where `conflicts` did not decide.

    The solver is not trusted: a lemma of its that does not follow raises `ToolError`.
    """
    solver_type = _solver_type()
    with solver_type(bootstrap_with=clauses, with_proof=True) as solver:
        solver.conf_budget(conflicts)
        found = solver.solve_limited()
        if found is None:
            return None
        if found:
            return Satisfied(solver.get_model())
        lines = solver.get_proof()
    learnt = [
        tuple(map(int, line.split()[:-1])) for line in lines or () if not line.startswith("d")
    ]
    return Refuted(_explained(clauses, learnt))


def _solver_type() -> Any:
    """Return the solver: of those in PySAT, one that logs proofs and obeys a budget."""
    try:
        from pysat.solvers import Glucose42
    except ImportError:
        raise ToolError(
            "not found", file="python-sat", expected="pip install 'gatec[proof]'"
        ) from None
    return Glucose42


def _explained(clauses: Sequence[Clause], learnt: Sequence[Clause]) -> list[Lemma]:
    """Return the learnt clauses that the refutation needs, each with its hints."""
    known = Propagation(clauses)
    hints: list[tuple[int, ...]] = []
    lemmas: list[Clause] = []
    for wanted in (*learnt, ()):
        # Once propagation alone fails, the rest of what was learnt is not needed.
        clause = () if known.contradictory else wanted
        reason = known.reason(clause)
        if reason is None:
            raise ToolError("a lemma does not follow", file="Glucose")
        lemmas.append(clause)
        hints.append(reason)
        if not clause:
            break
        known.add(clause)
    return _needed(len(clauses), lemmas, hints)


def _needed(given: int, lemmas: list[Clause], hints: list[tuple[int, ...]]) -> list[Lemma]:
    """Return the lemmas on which the last depends, renumbered."""
    wanted = [False] * len(lemmas)
    wanted[-1] = True
    for number in reversed(range(len(lemmas))):
        if wanted[number]:
            for hint in hints[number]:
                if hint >= given:
                    wanted[hint - given] = True
    place = list(range(given))
    kept: list[Lemma] = []
    for number, (clause, reason) in enumerate(zip(lemmas, hints, strict=True)):
        place.append(given + len(kept))
        if wanted[number]:
            kept.append(Lemma(clause, tuple(place[hint] for hint in reason)))
    return kept

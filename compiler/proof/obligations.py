"""Cut a derivation into obligations, and write each as CNF with its DRAT and LRAT proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatec.proof.clauses import Clause, Derivation, Kind


@dataclass(frozen=True)
class Obligation:
    """A part of a derivation; clauses by their numbers in it.

    Attributes
    ----------
    axioms
        The clauses of gates that it uses.
    assumed
        The clauses that it uses and that earlier obligations prove.
    derived
        Its own clauses, each after those that it follows from.
    proved
        The clauses that later obligations use, or that are claimed.
    """

    axioms: list[int]
    assumed: list[int]
    derived: list[int]
    proved: list[int]


def split(derivation: Derivation, claims: Sequence[int], size: int) -> list[Obligation]:
    """Return obligations of about `size` clauses of refutations that together prove the claims."""
    chunks = _chunks(derivation, _needed(derivation, claims), size)
    # A claim that is no end of a refutation follows from the ends; the last obligation shows it.
    loose = [number for number in claims if derivation.kinds[number] is not Kind.EQUAL]
    if loose:
        chunks = chunks or [[]]
        chunks[-1] += loose
    parts = [_closed(derivation, chunk) for chunk in chunks]
    used = {number for _, assumed, _ in parts for number in assumed}.union(claims)
    return [
        Obligation(axioms, assumed, derived, [number for number in chunk if number in used])
        for chunk, (axioms, assumed, derived) in zip(chunks, parts, strict=True)
    ]


def _needed(derivation: Derivation, claims: Iterable[int]) -> list[int]:
    """Return the ends of refutations and their lemmas that the claims rest on, ascending."""
    wanted = bytearray(len(derivation.literals))
    for number in claims:
        wanted[number] = True
    for number in reversed(range(len(wanted))):
        if wanted[number]:
            for hint in derivation.hints[number]:
                wanted[hint] = True
    ends = (Kind.LEMMA, Kind.EQUAL)
    return [n for n, kind in enumerate(derivation.kinds) if wanted[n] and kind in ends]


def _chunks(derivation: Derivation, needed: list[int], size: int) -> list[list[int]]:
    """Cut between refutations: lemmas are read only up to the end of their own."""
    chunks: list[list[int]] = []
    chunk: list[int] = []
    for number in needed:
        chunk.append(number)
        if len(chunk) >= size and derivation.kinds[number] is Kind.EQUAL:
            chunks.append(chunk)
            chunk = []
    return [*chunks, chunk] if chunk else chunks


def _closed(derivation: Derivation, chunk: Iterable[int]) -> tuple[list[int], list[int], list[int]]:
    """Return the axioms, the assumed clauses and all derived ones in order that a chunk needs."""
    own = set(chunk)
    axioms: set[int] = set()
    assumed: set[int] = set()
    derived: dict[int, None] = {}
    for number in chunk:
        stack = [number]
        while stack:
            top = stack[-1]
            if derivation.kinds[top] is Kind.AXIOM:
                axioms.add(top)
            elif derivation.kinds[top] is Kind.EQUAL and top not in own:
                assumed.add(top)
            elif top not in derived:
                waiting = [
                    hint
                    for hint in derivation.hints[top]
                    if hint not in derived and hint not in axioms and hint not in assumed
                ]
                if waiting:
                    stack += waiting
                    continue
                derived[top] = None
            stack.pop()
    return sorted(axioms), sorted(assumed), list(derived)


@dataclass(frozen=True)
class Written:
    """An obligation as text.

    Attributes
    ----------
    cnf, drat, lrat
        Files: clauses of gates, then assumed clauses, then those that negate what is proved.
    gate_clauses, assumed_clauses
        How many of the first two sorts.
    proves
        The clauses that hold when the CNF cannot be satisfied.
    """

    cnf: bytes
    drat: bytes
    lrat: bytes
    gate_clauses: int
    assumed_clauses: int
    proves: list[Clause]


def write(derivation: Derivation, part: Obligation, first_free: int) -> Written:
    """Return an obligation's files; variables from `first_free` on are not used by the netlists."""
    proves = [derivation.literals[number] for number in part.proved]
    negation, unlike = _negation(proves, first_free)
    given = [derivation.literals[number] for number in (*part.axioms, *part.assumed)]
    cnf = [*given, *negation]
    place = {number: at for at, number in enumerate((*part.axioms, *part.assumed), start=1)}
    drat: list[str] = []
    lrat: list[str] = []
    dying = _last_uses(derivation, part)
    dead: list[int] = []
    for at, number in enumerate(part.derived, start=len(cnf) + 1):
        place[number] = at
        text = _text(derivation.literals[number])
        hints = " ".join([str(place[hint]) for hint in derivation.hints[number]])
        drat.append(text)
        lrat.append(f"{at} {text} {hints} 0")
        dead += dying.get(number, ())
        if derivation.kinds[number] is Kind.EQUAL and dead:
            # DRAT checkers keep unit clauses anyway, and say so of each that is deleted.
            longer = [old for old in dead if len(derivation.literals[old]) > 1]
            drat += [f"d {_text(derivation.literals[old])}" for old in longer]
            lrat.append(f"{at} d {' '.join([str(place[old]) for old in dead])} 0")
            dead = []
    at = len(cnf) + len(part.derived)
    rows = len(given) + 1
    for variable, number, clause in zip(unlike, part.proved, proves, strict=True):
        at += 1
        false = " ".join(map(str, range(rows, rows + len(clause))))
        rows += len(clause)
        drat.append(f"-{variable} 0")
        lrat.append(f"{at} -{variable} 0 {false} {place[number]} 0")
    units = " ".join(map(str, range(at - len(unlike) + 1, at + 1)))
    drat.append("0")
    lrat.append(f"{at + 1} 0 {units} {len(cnf)} 0")
    head = f"p cnf {first_free - 1 + len(unlike)} {len(cnf)}"
    return Written(
        _lines([head, *map(_text, cnf)]),
        _lines(drat),
        _lines(lrat),
        len(part.axioms),
        len(part.assumed),
        proves,
    )


def _negation(proves: list[Clause], first_free: int) -> tuple[list[Clause], range]:
    """Return clauses that say that one of some clauses is false, and the variables for which."""
    unlike = range(first_free, first_free + len(proves))
    false = [
        (-variable, -literal)
        for variable, clause in zip(unlike, proves, strict=True)
        for literal in clause
    ]
    return [*false, tuple(unlike)], unlike


def _last_uses(derivation: Derivation, part: Obligation) -> dict[int, list[int]]:
    """Return for each derived clause the clauses that it is the last to follow from."""
    last: dict[int, int] = {}
    for number in part.derived:
        last.update(dict.fromkeys(derivation.hints[number], number))
    kept = set(part.proved)
    dying: dict[int, list[int]] = {}
    for number, user in last.items():
        if number not in kept:
            dying.setdefault(user, []).append(number)
    return dying


def _text(clause: Clause) -> str:
    return " ".join([*map(str, clause), "0"])


def _lines(lines: Iterable[str]) -> bytes:
    return "".join([f"{line}\n" for line in lines]).encode()

"""The clauses that define gates, and a list of clauses in which each follows from earlier ones."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

import numpy as np

from gatec.netlist import Netlist, Port

# A clause is a tuple of literals; a literal is a variable or its negative, as DIMACS has it.
Clause = tuple[int, ...]
# The constant 1 as a literal; it is in no clause.
TRUE = 1


class Kind(Enum):
    """What a clause of a derivation is."""

    AXIOM = "axiom"  # of one gate
    MERGED = "merged"  # an axiom over representatives
    LEMMA = "lemma"  # of one refutation, read by nothing else
    EQUAL = "equal"  # the end of a refutation


class Derivation:
    """Clauses in order, each an axiom or with the reason why it follows.

    Attributes
    ----------
    literals
        Each clause, sorted by variable.
    hints
        The numbers of earlier clauses that become unit one after the other once the clause is
        false, the last one false; none for an axiom.
    kinds
        What each is.
    """

    def __init__(self) -> None:
        self.literals: list[Clause] = []
        self.hints: list[tuple[int, ...]] = []
        self.kinds: list[Kind] = []
        self._number: dict[Clause, int] = {}

    def add(self, kind: Kind, literals: Iterable[int], hints: Iterable[int] = ()) -> int:
        """Return the number of a clause: of an equal one outside of refutations, or a new one."""
        clause = tuple(sorted(set(literals), key=abs))
        known = self._number.get(clause)
        if known is not None:
            return known
        number = len(self.literals)
        if kind is not Kind.LEMMA:
            self._number[clause] = number
        self.literals.append(clause)
        self.hints.append(tuple(hints))
        self.kinds.append(kind)
        return number


def union(reference: Netlist, circuit: Netlist) -> Netlist:
    """Return both netlists on the same inputs: the gates of `reference`, then `circuit`'s.

    Its net numbers are the variables of all clauses: net 0 is the literal -1, net 1 the literal 1.
    """
    shift = np.arange(circuit.num_nets, dtype=np.int32)
    shift[circuit.first_gate :] += reference.num_gates
    width = max(reference.fanin.shape[1], circuit.fanin.shape[1])
    fanin = [
        np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
        for rows in (reference.fanin, shift[circuit.fanin])
    ]
    return Netlist(
        "union",
        reference.inputs,
        (Port("reference", reference.output_nets), Port("circuit", shift[circuit.output_nets])),
        np.concatenate(fanin),
        np.concatenate([reference.tables, circuit.tables]),
    )


def literal_of(net: int) -> int:
    """Return the literal of a net of the union."""
    return net if net else -TRUE


@lru_cache(maxsize=1 << 16)
def gate_clauses(table: int, size: int) -> tuple[Clause, ...]:
    """Return every prime clause of "slot `size` + 1 is the table of slots 1 to `size`".

    All primes, not just a cover: then unit propagation finds all that a single gate implies, and
    refutations get short. They are the primes of the relation that holds on the rows where the
    output is not the table's (Quine's merging of rows), complemented.

    Parameters
    ----------
    table
        Expanded, as in `gatec.tables`.
    size
        Slots of the gate. The literals are 1 to `size` for them and `size` + 1 for the output.
    """
    rows = range(1 << size)
    # A cube is the values of its variables, and which are left out.
    cubes = {(row | (1 - (table >> row & 1)) << size, 0) for row in rows}
    primes: list[tuple[int, int]] = []
    while cubes:
        larger: set[tuple[int, int]] = set()
        merged: set[tuple[int, int]] = set()
        for values, free in cubes:
            for bit in range(size + 1):
                other = (values ^ 1 << bit, free)
                if not free >> bit & 1 and other in cubes:
                    merged |= {(values, free), other}
                    larger.add((values & ~(1 << bit), free | 1 << bit))
        primes += sorted(cubes - merged)
        cubes = larger
    return tuple(
        tuple(
            -bit - 1 if values >> bit & 1 else bit + 1
            for bit in range(size + 1)
            if not free >> bit & 1
        )
        for values, free in primes
    )

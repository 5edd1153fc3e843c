"""Two netlists while they are being merged: what each gate reads, and its clauses, by now."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from gatec.netlist import Netlist
from gatec.proof.clauses import TRUE, Clause, Derivation, Kind, gate_clauses, literal_of

# Most gates between a net and its merged fan-in.
_CLOSE = 400
_Heap = list[tuple[int, int]]


class Merged:
    """The union of two netlists in which nets are merged in topological order.

    Attributes
    ----------
    derivation
        All clauses, with the reasons why they hold.
    representative
        For each net the literal that it was merged with; its own when it was not.
    equal
        For each merged net the numbers of the clauses "net implies representative" and the reverse;
        None where the representative is constant and the clause says nothing.
    """

    def __init__(self, both: Netlist, first_circuit_gate: int) -> None:
        self.derivation = Derivation()
        self.representative = [literal_of(net) for net in range(both.num_nets)]
        self.equal: dict[int, tuple[int | None, int | None]] = {}
        self._first_gate = both.first_gate
        self._first_circuit_gate = first_circuit_gate
        self._fanin = both.fanin.tolist()
        self._tables = both.tables.tolist()
        # By net: the representatives that its gate reads, the longest path of gates up to it, and
        # the numbers of its gate's clauses.
        self._reads: list[tuple[int, ...]] = [()] * both.num_nets
        self._level = [0] * both.num_nets
        self._clauses: list[list[int] | None] = [None] * both.num_nets

    def place(self, net: int) -> None:
        """Take in a gate, after all that it reads."""
        fanin = self._fanin[net - self._first_gate]
        reads = sorted({abs(self.representative[read]) for read in fanin} - {TRUE})
        self._reads[net] = tuple(reads)
        self._level[net] = 1 + max((self._level[read] for read in reads), default=0)

    def merge(self, net: int, literal: int, forward: int | None, back: int | None) -> None:
        """Let a literal stand for a net; see `equal`."""
        self.representative[net] = literal
        self.equal[net] = (forward, back)

    def clauses(self, net: int) -> list[int]:
        """Return the numbers of a gate's clauses over representatives."""
        found = self._clauses[net]
        if found is None:
            gate = net - self._first_gate
            nets = (*self._fanin[gate], net)
            patterns = gate_clauses(self._tables[gate], len(nets) - 1)
            axioms = (self._axiom(pattern, nets) for pattern in patterns)
            merged = [self._merged(number) for number in axioms if number is not None]
            found = self._clauses[net] = [number for number in merged if number is not None]
        return found

    def _axiom(self, pattern: Clause, nets: Sequence[int]) -> int | None:
        """Return a clause of a gate over its nets; None where constants make it say nothing."""
        literals = {literal_of(nets[abs(p) - 1]) * (1 if p > 0 else -1) for p in pattern}
        if _says_nothing(literals):
            return None
        return self.derivation.add(Kind.AXIOM, literals - {-TRUE})

    def _merged(self, number: int) -> int | None:
        """Return a clause with representatives in place of nets; None where it says nothing."""
        literals, hints = set(), []
        for literal in self.derivation.literals[number]:
            other = self.representative[abs(literal)] * (1 if literal > 0 else -1)
            if other != literal:
                hints.append(self.equal[abs(literal)][literal < 0])
            literals.add(other)
        if not hints:
            return number
        if _says_nothing(literals):
            return None
        # The representatives are false with the clause: each hint is unit at once.
        reasons = [hint for hint in hints if hint is not None]
        return self.derivation.add(Kind.MERGED, literals - {-TRUE}, (*reasons, number))

    def near(self, net: int) -> set[int]:
        """Return a net with what its gate reads, directly and through one other."""
        direct = self._reads[net]
        return {net, *direct, *(read for between in direct for read in self._reads[between])}

    def leaves(self, net: int) -> tuple[list[int], set[int]]:
        """Return the gates between a net and what was merged before it, and what those read.

        Between them are nets of the second netlist that have no equal in the first.
        """
        gates: list[int] = []
        leaves: set[int] = set()
        seen, waiting = {net}, [net]
        while waiting:
            gate = waiting.pop()
            gates.append(gate)
            for read in self._reads[gate]:
                if read >= self._first_circuit_gate and len(gates) < _CLOSE:
                    if read not in seen:
                        seen.add(read)
                        waiting.append(read)
                else:
                    leaves.add(read)
        return gates, leaves - seen

    def window(self, net: int, other: int, more: int) -> tuple[list[int], bool]:
        """Return gates in front of two nets, and whether they reach the inputs.

        First those of `net` down to its merged fan-in, and those of `other` down to the same nets
        as far as it gets there; then `more` gates, the highest first.
        """
        window, leaves = self.leaves(net)
        seen = {*window, *leaves}
        lowest = min((self._level[leaf] for leaf in leaves), default=0)
        waiting: _Heap = []
        self._push(waiting, [other], seen)
        later = [(-self._level[leaf], leaf) for leaf in leaves]
        while waiting:
            rank, high = heapq.heappop(waiting)
            if high == other or (-rank > lowest and len(window) < 2 * _CLOSE):
                if high >= self._first_gate:
                    window.append(high)
                    self._push(waiting, self._reads[high], seen)
            else:
                later.append((rank, high))
        heapq.heapify(later)
        most = len(window) + more
        while later and len(window) < most:
            _, high = heapq.heappop(later)
            if high >= self._first_gate:
                window.append(high)
                self._push(later, self._reads[high], seen)
        return window, all(high < self._first_gate for _, high in later)

    def _push(self, heap: _Heap, nets: Sequence[int], seen: set[int]) -> None:
        for net in nets:
            if net not in seen:
                seen.add(net)
                heapq.heappush(heap, (-self._level[net], net))


def _says_nothing(literals: set[int]) -> bool:
    return TRUE in literals or any(-literal in literals for literal in literals)

"""Build an and-inverter graph gate by gate, each distinct gate once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from gatec.aig import Aig, trimmed


class AigBuilder:
    """Collects AND gates; equal ones share, trivial ones fold."""

    def __init__(self, num_inputs: int) -> None:
        self.inputs = [2 * number for number in range(1, num_inputs + 1)]
        self._fanin: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}

    def and_(self, a: int, b: int) -> int:
        """Return a literal for the AND of two."""
        a, b = min(a, b), max(a, b)
        if a == 0 or a == b ^ 1:
            return 0
        if a in (1, b):
            return b
        found = self._known.get((a, b))
        if found is None:
            self._fanin.append((a, b))
            found = self._known[a, b] = 2 * (len(self.inputs) + len(self._fanin))
        return found

    def or_(self, a: int, b: int) -> int:
        """Return a literal for the OR of two."""
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def mux(self, select: int, high: int, low: int) -> int:
        """Return a literal for `high` where `select` is 1, else `low`."""
        if high == low ^ 1:
            both, none = self.and_(select, high), self.and_(select ^ 1, high ^ 1)
            return self.or_(both, none)
        return self.or_(self.and_(select, high), self.and_(select ^ 1, low))

    def xor(self, a: int, b: int) -> int:
        """Return a literal for the XOR of two."""
        return self.mux(a, b ^ 1, b)

    def all_of(self, literals: Iterable[int]) -> int:
        """Return a literal for the AND of any number, as a balanced tree."""
        level = list(literals) or [1]
        while len(level) > 1:
            pairs = [self.and_(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
            level = pairs + level[len(pairs) * 2 :]
        return level[0]

    def any_of(self, literals: Iterable[int]) -> int:
        """Return a literal for the OR of any number, as a balanced tree."""
        return self.all_of(literal ^ 1 for literal in literals) ^ 1

    def cube(self, pattern: str, signals: Sequence[int]) -> int:
        """Return a literal for a cube: `0`, `1` or `-` for each signal."""
        chosen = zip(pattern, signals, strict=True)
        return self.all_of(s ^ (column == "0") for column, s in chosen if column != "-")

    def decide(self, table: int, signals: Sequence[int]) -> int:
        """Return a literal for a truth table, as a shared decision diagram.

        Parameters
        ----------
        table
            Bit `a` is the output at address `a`; signal `j` is bit `j` of the address. The last
            signal is decided on first.
        """
        return self._decide(table, len(signals), signals, {})

    def decide_all(self, tables: Sequence[int], signals: Sequence[int]) -> list[int]:
        """Return literals for several truth tables that share one decision diagram."""
        known: dict[tuple[int, int], int] = {}
        return [self._decide(table, len(signals), signals, known) for table in tables]

    def _decide(
        self, table: int, level: int, signals: Sequence[int], known: dict[tuple[int, int], int]
    ) -> int:
        # A function and its complement are one entry: the one that is 0 at address 0.
        width = 1 << level
        if table & 1:
            return self._decide(table ^ ((1 << width) - 1), level, signals, known) ^ 1
        if table == 0:
            return 0
        found = known.get((level, table))
        if found is None:
            half = width // 2
            low, high = table & ((1 << half) - 1), table >> half
            below = level - 1
            if low == high:
                found = self._decide(low, below, signals, known)
            else:
                when_high = self._decide(high, below, signals, known)
                when_low = self._decide(low, below, signals, known)
                found = self.mux(signals[below], when_high, when_low)
            known[level, table] = found
        return found

    def build(
        self,
        outputs: Sequence[int],
        input_names: Sequence[str] = (),
        output_names: Sequence[str] = (),
    ) -> Aig:
        """Return the circuit with these output literals, without gates that nothing reads."""
        fanin = np.array(self._fanin, dtype=np.int32).reshape(-1, 2)
        aig = Aig(
            len(self.inputs),
            fanin,
            np.array(outputs, dtype=np.int32),
            tuple(input_names),
            tuple(output_names),
        )
        return trimmed(aig)

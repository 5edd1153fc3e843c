"""Which nets may be equal: those that no simulated vector tells apart."""

from __future__ import annotations

import numpy as np

from gatec.bits import ALL_ONES, Bits, pack, random_words
from gatec.evaluate import evaluate_nets
from gatec.netlist import Netlist
from gatec.proof.clauses import TRUE

# 4,096 random vectors, as in `gatec.proof.equivalence`.
_WORDS = 64
_SEED = 0x53EED
# Vectors around each counterexample: it, and it with each input flipped this likely.
_NEIGHBOURS = 63
_FLIPPED = 0.02


class Candidates:
    """Classes of nets with one value, up to a complement, on every vector so far.

    Nets enter one by one; `of` answers with those that entered before.
    """

    def __init__(self, net: Netlist) -> None:
        self._net = net
        self._rng = np.random.default_rng(_SEED)
        values = evaluate_nets(net, random_words(self._rng, net.num_inputs, _WORDS))
        phase = (values[:, :1] & np.uint64(1)) * ALL_ONES
        self._phase = phase
        self._inverted = (phase[:, 0] != 0).tolist()
        self._signature = values ^ phase
        self._classes: dict[bytes, list[int]] = {}
        # Values on the vectors that came later, in the same phase.
        self._later = np.zeros((net.num_nets, 0), dtype=np.uint64)

    def enter(self, net: int) -> None:
        """Let a net be a candidate for those that come later."""
        self._classes.setdefault(self._signature[net].tobytes(), []).append(net)

    def of(self, net: int) -> list[int]:
        """Return the literals that may equal a net, in the order in which they entered."""
        members = self._classes.get(self._signature[net].tobytes(), ())
        later = self._later
        return [
            # Net 0 is the complement of the literal 1.
            (member or -TRUE) * (1 if self._inverted[net] == self._inverted[member] else -1)
            for member in members
            if np.array_equal(later[net], later[member])
        ]

    def refine(self, inputs: Bits) -> None:
        """Take `uint8[num_inputs]`, on which two candidates differ, and vectors near it."""
        flips = self._rng.random((_NEIGHBOURS + 1, len(inputs))) < _FLIPPED
        flips[0] = False
        values = evaluate_nets(self._net, pack(inputs[None, :] ^ flips))
        self._later = np.concatenate([self._later, values ^ self._phase], axis=1)

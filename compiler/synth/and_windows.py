"""Windows of AND gates: what one computes, and the circuit with another in its place."""

from __future__ import annotations

import numpy as np

from gatec.aig import Aig
from gatec.blocks import IntArray
from gatec.synth.windows import Circuit, Window, make_circuit, still_convex


class AndCircuit:
    """An AND graph whose gates stand anywhere in `fanin`, and who reads whom in it.

    Attributes
    ----------
    fanin, outputs
        Literals, `int32[V, 2]` and `int32[O]`.
    circuit
        Their variables.
    """

    def __init__(self, fanin: IntArray, outputs: IntArray, inputs: int) -> None:
        self.fanin, self.outputs = fanin, outputs
        self.circuit: Circuit = make_circuit(fanin >> 1, outputs >> 1, inputs)

    @classmethod
    def of(cls, aig: Aig) -> AndCircuit:
        """Return the circuit of an AND graph."""
        padding = np.zeros((aig.first_and, 2), dtype=np.int32)
        fanin = np.concatenate([padding, aig.fanin])
        return cls(fanin, np.array(aig.outputs), aig.num_inputs)

    def window_aig(self, window: Window) -> Aig:
        """Return what a window computes: leaves are its inputs, roots its outputs."""
        number = np.zeros(len(self.fanin), dtype=np.int32)
        number[window.leaves] = 1 + np.arange(len(window.leaves))
        number[window.gates] = 1 + len(window.leaves) + np.arange(len(window.gates))
        literals = self.fanin[window.gates]
        fanin = 2 * number[literals >> 1] + (literals & 1)
        return Aig(len(window.leaves), fanin, 2 * number[window.roots])

    def splice(self, window: Window, found: Aig) -> AndCircuit:
        """Return the circuit with a window replaced by a circuit of no more gates.

        A window that is no longer convex, after others near it were replaced, stays as it is.
        """
        if not still_convex(self.circuit, window):
            return self
        # New gates take the places of the old.
        own = window.gates[: found.num_ands]
        place = np.concatenate([[0], window.leaves, own]).astype(np.int32)
        fanin = self.fanin.copy()
        fanin[own] = 2 * place[found.fanin >> 1] + (found.fanin & 1)
        moved = 2 * np.arange(len(fanin), dtype=np.int32)
        moved[window.roots] = 2 * place[found.outputs >> 1] + (found.outputs & 1)
        outside = np.ones(len(fanin), dtype=np.bool_)
        outside[own] = False
        fanin[outside] = moved[fanin[outside] >> 1] ^ (fanin[outside] & 1)
        outputs = moved[self.outputs >> 1] ^ (self.outputs & 1)
        return AndCircuit(fanin, outputs, self.circuit.inputs)

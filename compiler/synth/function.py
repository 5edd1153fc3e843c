"""What is to be synthesised: a circuit that computes it, and where its outputs count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.aig import Aig, to_netlist
from gatec.bits import ALL_ONES, Words, all_inputs
from gatec.evaluate import evaluate_outputs
from gatec.netlist import Netlist
from gatec.proof.equivalence import check_widths, prove_equal
from gatec.proof.verdict import Counterexample, Proof, Verdict

# Up to so many inputs a function is handled by its values on all assignments: 65,536 of them.
MAX_TABLE_INPUTS = 16


@dataclass(frozen=True, eq=False)
class Function:
    """A combinational function of several outputs.

    Attributes
    ----------
    name
        For the written circuit.
    aig
        A circuit that computes it, with the names of inputs and outputs.
    cares
        `uint64[outputs, words]` over all assignments (`gatec.bits.all_inputs`): where each output
        counts. None: everywhere. Only with up to `MAX_TABLE_INPUTS` inputs.
    """

    name: str
    aig: Aig
    cares: Words | None = None

    @property
    def has_table(self) -> bool:
        """Whether the function is small enough to be handled by its truth table."""
        return self.aig.num_inputs <= MAX_TABLE_INPUTS


def tables_of(circuit: Netlist) -> Words:
    """Return a circuit's outputs on all assignments, `uint64[outputs, words]`."""
    return evaluate_outputs(circuit, all_inputs(circuit.num_inputs))


def prove(function: Function, circuit: Netlist, timeout: float) -> Proof:
    """Decide whether a circuit computes a function wherever it counts.

    Small functions are compared on every assignment by the NumPy reference, the others by SAT.
    """
    reference = to_netlist(function.aig)
    check_widths(reference, circuit)
    if not function.has_table:
        return prove_equal(reference, circuit, timeout)
    count = 1 << reference.num_inputs
    expected, found = tables_of(reference), tables_of(circuit)
    unlike = expected ^ found
    if function.cares is not None:
        unlike &= function.cares
    if not unlike.any():
        return Proof(Verdict.EQUIVALENT, f"all {count} assignments")
    output, word = (int(place[0]) for place in np.nonzero(unlike))
    bits = int(unlike[output, word])
    assignment = word * 64 + (bits & -bits).bit_length() - 1
    inputs = (assignment % count >> np.arange(reference.num_inputs) & 1).astype(np.uint8)
    value = int(expected[output, word]) >> (assignment % 64) & 1
    witness = Counterexample(inputs, output, value, 1 - value)
    return Proof(Verdict.DIFFERENT, f"all {count} assignments", witness)


def all_care(function: Function) -> Words:
    """Return `cares`, filled in where the function counts everywhere."""
    if function.cares is not None:
        return function.cares
    words = all_inputs(function.aig.num_inputs).shape[1]
    return np.full((function.aig.num_outputs, words), ALL_ONES)

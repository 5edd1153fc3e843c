"""Random and-inverter graphs, and their comparison."""

from __future__ import annotations

import numpy as np

from gatec.aig import Aig, to_netlist
from gatec.bits import all_inputs
from gatec.evaluate import evaluate_outputs


def random_aigs(count: int, *, max_inputs: int = 7, max_ands: int = 40) -> list[Aig]:
    """Return random circuits, some without gates or with constant outputs."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(count):
        inputs, ands = int(rng.integers(1, max_inputs + 1)), int(rng.integers(0, max_ands + 1))
        own = inputs + 1 + np.arange(ands)
        # Distinct variables: the constant and equal fan-ins are for the folding tests.
        a = rng.integers(0, own)
        b = (a + 1 + rng.integers(0, own - 1)) % own
        fanin = 2 * np.stack([a, b], axis=1) + rng.integers(0, 2, (ands, 2))
        outputs = rng.integers(0, 2 * (inputs + 1 + ands), int(rng.integers(1, 5)))
        found.append(Aig(inputs, fanin, outputs))
    return found


def wide_aig(seed: int, ands: int = 150, inputs: int = 24) -> Aig:
    """Return a random circuit whose gates read near ones, so that paths meet again."""
    rng = np.random.default_rng(seed)
    own = inputs + 1 + np.arange(ands)
    a = own - 1 - rng.integers(0, 12, ands)
    b = own - 1 - rng.integers(0, 24, ands)
    b = np.where(a == b, 1 + rng.integers(0, inputs, ands), np.maximum(b, 1))
    fanin = 2 * np.stack([np.maximum(a, 1), b], axis=1) + rng.integers(0, 2, (ands, 2))
    return Aig(inputs, fanin, 2 * own[-8:] + rng.integers(0, 2, 8))


def tables(aig: Aig) -> np.ndarray:
    """Return the outputs of a circuit on all assignments."""
    return evaluate_outputs(to_netlist(aig), all_inputs(aig.num_inputs))


def same_function(a: Aig, b: Aig) -> bool:
    """Return whether two circuits of few inputs agree on every assignment."""
    return np.array_equal(tables(a), tables(b))

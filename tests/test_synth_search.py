"""The search: always the same function, and the sizes that it is known to reach."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_synth import random_aigs, same_function
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.aig import Aig, to_netlist
from gatec.bits import all_inputs
from gatec.proof.verdict import Verdict
from gatec.synth.builder import AigBuilder
from gatec.synth.function import Function, prove
from gatec.synth.read_tables import read_pla, read_truth
from gatec.synth.search import Effort, smallest
from gatec.synth.state import make_state


def search(function: Function, steps: int = 20_000, seed: int = 1) -> Aig:
    effort = Effort(steps=steps, seed=seed)
    found = smallest([function.aig], effort, function.cares)
    assert prove(function, to_netlist(found), 10).verdict is Verdict.EQUIVALENT
    return found


def counted(inputs: int, value: object) -> Function:
    """Return the function of the number of ones that `value` gives, a bit for each output."""
    ones = [bin(address).count("1") for address in range(1 << inputs)]
    rows = list(zip(*[value(count) for count in ones[::-1]], strict=True))  # type: ignore[operator]
    return read_truth("\n".join("".join(map(str, row)) for row in rows), "f", "f")


@pytest.mark.parametrize(
    ("function", "ands"),
    [
        (counted(3, lambda n: (n & 1, n >> 1)), 7),  # a full adder
        (counted(4, lambda n: (n & 1,)), 9),  # the parity of four
        (counted(5, lambda n: (int(n >= 3),)), 10),  # the majority of five
        (counted(4, lambda n: (0,)), 0),
    ],
)
def test_known_smallest_circuits_are_found(function: Function, ands: int) -> None:
    assert search(function).num_ands == ands


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 7), st.data())
def test_random_functions_stay_themselves(inputs: int, data: st.DataObject) -> None:
    count = 1 << inputs
    rows = data.draw(st.lists(st.integers(0, (1 << count) - 1), min_size=1, max_size=4))
    function = read_truth("\n".join(f"{row:0{count}b}" for row in rows), "f", "f")
    assert search(function, 1500).num_ands <= function.aig.num_ands


def test_circuits_with_constants_and_repeated_outputs_stay_themselves() -> None:
    for aig in random_aigs(25):
        found = smallest([aig], Effort(steps=800))
        assert same_function(found, aig)
        assert found.num_ands <= aig.num_ands


def test_dont_cares_make_circuits_smaller() -> None:
    rows = [f"{address:04b} {int(address in (2, 3, 5, 7))}" for address in range(10)]
    text = ".i 4\n.o 1\n.type fr\n" + "\n".join(rows)
    prime = read_pla(text, "prime", "f")
    assert search(prime).num_ands < search(Function("all", prime.aig)).num_ands


def test_steps_and_seed_fix_the_result() -> None:
    function = counted(7, lambda n: (int(n in (2, 3, 6)),))
    first, again = (search(function, 3000, seed=5) for _ in range(2))
    assert np.array_equal(first.fanin, again.fanin)
    other = search(function, 3000, seed=6)
    assert not (first.num_ands == other.num_ands and np.array_equal(first.fanin, other.fanin))


def test_a_wrong_circuit_is_refuted_with_a_witness() -> None:
    function = counted(4, lambda n: (int(n >= 2),))
    builder = AigBuilder(4)
    wrong = builder.or_(builder.any_of(builder.inputs[:2]), builder.and_(*builder.inputs[2:]))
    proof = prove(function, to_netlist(builder.build([wrong])), 10)
    assert proof.verdict is Verdict.DIFFERENT
    assert proof.counterexample is not None
    ones = int(proof.counterexample.inputs.sum())
    assert proof.counterexample.expected == int(ones >= 2) != proof.counterexample.found


def test_the_state_simulates_all_assignments() -> None:
    for aig in random_aigs(10):
        state = make_state(aig, 1)
        assert np.array_equal(state.values[1 : aig.first_and], all_inputs(aig.num_inputs))

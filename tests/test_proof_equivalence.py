"""The checker itself: right both ways, never a truth value, agreed with by a second prover."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_netlist
from helpers_sat import sat_verdict

from gatec.bits import all_inputs
from gatec.errors import ToolError
from gatec.evaluate import evaluate_outputs
from gatec.netlist import Netlist, Port, make_ports
from gatec.proof import equivalence
from gatec.proof.equivalence import find_difference, prove_equal
from gatec.proof.verdict import Verdict
from gatec.tables import AND2, XOR2
from gatec.tools.runner import ToolRun, ToolTimeout


def mutate(net: Netlist, rng: np.random.Generator) -> Netlist:
    """Flip one address of one gate's table, among the addresses that the gate's arity has."""
    gate = int(rng.integers(net.num_gates))
    bits = np.uint64(0x0001_0001_0001_0001 << int(rng.integers(16)))
    tables = net.tables.copy()
    tables[gate] ^= bits
    return net.replace(tables=tables)


def truly_equal(a: Netlist, b: Netlist) -> bool:
    words = all_inputs(a.num_inputs)
    return np.array_equal(evaluate_outputs(a, words), evaluate_outputs(b, words))


def test_verdict_is_not_a_bool() -> None:
    with pytest.raises(TypeError):
        bool(Verdict.EQUIVALENT)


@pytest.mark.parametrize("seed", range(25))
def test_abc_and_sat_and_exhaustion_agree_on_mutants(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = random_netlist(rng, inputs=9, gates=60, outputs=5)
    mutant = mutate(net, rng)
    equal = truly_equal(net, mutant)
    proof = prove_equal(net, mutant)
    assert (proof.verdict is Verdict.EQUIVALENT) == equal
    assert (proof.verdict is Verdict.DIFFERENT) == (not equal)
    assert (sat_verdict(net, mutant) is Verdict.EQUIVALENT) == equal


def rare(flip: bool) -> Netlist:
    """A 40-input AND, or constant 0: random vectors never tell them apart."""
    ports = make_ports(("x", 40))
    fanin = [[2, 3]] + [[42 + i, 4 + i] for i in range(38)]
    tables = np.full(39, AND2)
    if flip:
        tables[-1] = 0
    return Netlist("rare", ports, (Port("y", [80]),), np.array(fanin), tables)


def test_a_difference_that_random_vectors_miss_is_found_with_its_witness() -> None:
    proof = prove_equal(rare(False), rare(True))
    assert proof.verdict is Verdict.DIFFERENT
    assert proof.counterexample is not None
    assert proof.counterexample.inputs.all()
    assert (proof.counterexample.expected, proof.counterexample.found) == (1, 0)
    assert str(proof.counterexample) == (
        "input vector 0xffffffffff gives output bit 0 = 0 instead of 1"
    )


def test_a_difference_that_random_vectors_see_needs_no_tool() -> None:
    ports = make_ports(("x", 2))
    a = Netlist("a", ports, (Port("y", [4]),), np.array([[2, 3]]), np.array([AND2]))
    b = a.replace(tables=np.array([XOR2]))
    proof = prove_equal(a, b)
    assert proof.verdict is Verdict.DIFFERENT
    assert "random vectors" in proof.method


def test_a_witness_may_lie_in_inputs_that_the_reference_does_not_read() -> None:
    nothing = rare(False).replace(outputs=(Port("y", [0]),))
    proof = prove_equal(nothing, rare(False))
    assert proof.verdict is Verdict.DIFFERENT
    assert proof.counterexample is not None
    assert proof.counterexample.inputs.all()


def test_interfaces_must_match() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="7 inputs and 3 outputs against 7 and 4"):
        prove_equal(random_netlist(rng, 7, 9, 3), random_netlist(rng, 7, 9, 4))


def fake_abc(monkeypatch: pytest.MonkeyPatch, log: str) -> None:
    def run(*_: object, **__: object) -> ToolRun:
        return ToolRun(log, {}, 0.0)

    monkeypatch.setattr(equivalence, "run_abc", run)


def test_undecided_is_not_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_abc(monkeypatch, "Networks are UNDECIDED.  Time = 1.00 sec")
    assert prove_equal(rare(False), rare(False)).verdict is Verdict.UNDECIDED


def test_silence_is_not_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_abc(monkeypatch, "")
    with pytest.raises(ToolError, match="ended without a verdict"):
        prove_equal(rare(False), rare(False))


def test_a_witness_that_shows_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_abc(monkeypatch, "Networks are NOT EQUIVALENT.\nInput pattern:  pi0=1 pi1=0")
    with pytest.raises(ToolError, match="does not show a difference"):
        prove_equal(rare(False), rare(False))


def test_a_hanging_prover_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> ToolRun:
        raise ToolTimeout("not done", file="abc")

    monkeypatch.setattr(equivalence, "run_abc", run)
    assert prove_equal(rare(False), rare(False)).verdict is Verdict.TIMEOUT


def test_a_really_undecided_problem_says_so_in_time() -> None:
    left, right = multiplier(18, 18), multiplier(18, 18, swapped=True)
    proof = prove_equal(left, right, timeout=2)
    assert proof.verdict in (Verdict.UNDECIDED, Verdict.TIMEOUT)


def multiplier(width: int, count: int, *, swapped: bool = False) -> Netlist:
    """An array multiplier's middle output bit; `swapped` adds its rows in the other order."""
    from gatec.lowering.sums import lower_sums
    from gatec.netlist_builder import NetlistBuilder

    builder = NetlistBuilder(width + count)
    ports = make_ports(("x", width + count))
    a, b = ports[0].nets[:width], ports[0].nets[width:]
    columns: list[list[int]] = [[] for _ in range(width + count)]
    rows = range(count)
    for row in reversed(rows) if swapped else rows:
        pairs = np.stack([a, np.full(width, b[row])], axis=1)
        for column, net in enumerate(builder.add(AND2, pairs)):
            columns[row + column].append(int(net))
    carry: list[int] = []
    for column in columns[: width + 2]:
        sums, _ = lower_sums(builder, np.array([column + carry], dtype=np.int32))
        carry = [int(n) for n in sums[0, 1:]]
        last = int(sums[0, 0])
    return builder.build("multiplier", ports, (Port("y", [last]),))


def test_find_difference_names_the_sample() -> None:
    words = np.zeros((40, 2), dtype=np.uint64)
    words[:, 1] = 4
    found = find_difference(rare(False), rare(True), words)
    assert found is not None
    assert found.inputs.all()

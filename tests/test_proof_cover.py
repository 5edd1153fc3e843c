"""Proofs along a route: complete on what the fast mapper makes, and no forged claim gets by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers import random_layers_model, random_netlist
from helpers_shapes import FAULTS
from helpers_synthetic import synthetic_model
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.bits import all_inputs, random_words
from gatec.evaluate import evaluate_nets, evaluate_outputs
from gatec.heads.carry import carry_head
from gatec.heads.tree import HeadPlan, plan_tree
from gatec.lowering.model import lower
from gatec.netlist import CONST0_NET, Netlist, Port, make_ports
from gatec.passes.map_fast import map_fast
from gatec.proof import cover
from gatec.proof.cover import Link, Route, proved_along, proved_by_claims
from gatec.proof.cover_kernel import MAX_WORK
from gatec.proof.parts import prove_in_parts
from gatec.proof.structure import equal_outputs
from gatec.proof.verdict import Verdict
from gatec.tables import AND2, VARIABLE, XOR2

INPUTS = 9


def mapped(net: Netlist, k: int = 4) -> tuple[Netlist, Route]:
    """Return what the fast mapper makes of a net, and its route; empty where it gained nothing."""
    routes: list[Route] = []
    circuit = map_fast(net, k, large=0, routes=routes)
    return circuit, routes[0] if routes else ()


@cache
def made_link(seed: int) -> Link:
    """Return a link from a random net's mapping: of a mapping, a refinement or a split."""
    rng = np.random.default_rng(seed)
    while True:
        net = random_netlist(rng, INPUTS, int(rng.integers(20, 90)), 12, int(rng.integers(2, 7)))
        _, route = mapped(net, int(rng.integers(3, 7)))
        if route:
            link = route[int(rng.integers(len(route)))]
            if link.coarse.num_gates and link.fine.num_gates:
                return link


def some_link(seed: int) -> tuple[Link, np.random.Generator]:
    """Return a link, and what to change it by."""
    return made_link(seed % 60), np.random.default_rng(seed)


def true_claims(link: Link) -> bool:
    """Return whether every gate computes what is claimed of it, on all inputs."""
    words = all_inputs(INPUTS)
    one, other = evaluate_nets(link.coarse, words), evaluate_nets(link.fine, words)
    return bool((one[link.coarse.first_gate :] == other[link.claims]).all())


def same_outputs(link: Link) -> np.ndarray:
    """Return for each output whether it is the same in both netlists, on all inputs."""
    words = all_inputs(INPUTS)
    one, other = (evaluate_outputs(net, words) for net in (link.coarse, link.fine))
    return (one == other).all(axis=1)


@pytest.mark.parametrize("k", [2, 3, 4, 6])
def test_what_the_fast_mapper_makes_is_proved_throughout(k: int) -> None:
    model = synthetic_model(3000, inputs=64)
    for output in ("argmax", "scores", "bits"):
        reference = lower(model.with_output(output)).netlist
        circuit, route = mapped(reference, k)
        assert len(route) >= 2
        assert all(proved_by_claims(link).all() for link in route)
        assert proved_along(reference, circuit, route)
        proof = prove_in_parts(reference, circuit, None, 60, route)
        assert proof.verdict is Verdict.EQUIVALENT
        assert "cones on all inputs" in proof.method


@pytest.mark.parametrize("side", ["coarse", "fine"])
@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_on_either_side_of_a_link_is_caught(fault: str, side: str) -> None:
    wrong = harmless = 0
    for seed in range(60):
        link, rng = some_link(seed)
        assert proved_by_claims(link).all()
        mutant = replace(link, **{side: FAULTS[fault](getattr(link, side), rng)})
        proved, same = proved_by_claims(mutant), same_outputs(mutant)
        assert not (proved & ~same).any()
        wrong += not same.all()
        harmless += bool(same.all())
    assert wrong >= 10, "too few faults that change anything"
    assert wrong + harmless == 60


def shifted(claims: np.ndarray, link: Link, rng: np.random.Generator) -> np.ndarray:
    """One gate is said to compute another net."""
    claims[rng.integers(len(claims))] = rng.integers(link.fine.num_nets)
    return claims


def exchanged(claims: np.ndarray, link: Link, rng: np.random.Generator) -> np.ndarray:
    """Two gates are said to compute what the other does."""
    one, other = rng.integers(len(claims), size=2)
    claims[[one, other]] = claims[[other, one]]
    return claims


def invented(claims: np.ndarray, link: Link, rng: np.random.Generator) -> np.ndarray:
    """Nothing is true."""
    return rng.integers(link.fine.num_nets, size=len(claims)).astype(np.int32)


def circular(claims: np.ndarray, link: Link, rng: np.random.Generator) -> np.ndarray:
    """Every gate is said to compute one and the same net."""
    return np.full(len(claims), rng.integers(link.fine.num_nets), dtype=np.int32)


def beyond(claims: np.ndarray, link: Link, rng: np.random.Generator) -> np.ndarray:
    """A net that there is not."""
    claims[rng.integers(len(claims))] = rng.choice([-1, link.fine.num_nets, 2**31 - 1])
    return claims


Forgery = Callable[[np.ndarray, Link, np.random.Generator], np.ndarray]


@pytest.mark.parametrize("forge", [shifted, exchanged, invented, circular, beyond])
def test_forged_claims_prove_nothing_that_is_false(forge: Forgery) -> None:
    """Also where the netlists are a wrong pair: claims must not make up for that."""
    refused = 0
    for seed in range(60):
        link, rng = some_link(seed)
        forged = replace(link, claims=forge(link.claims.copy(), link, rng))
        refused += not proved_by_claims(forged).all()
        fault = str(rng.choice(list(FAULTS)))
        both = replace(forged, fine=FAULTS[fault](forged.fine, rng))
        assert not (proved_by_claims(both) & ~same_outputs(both)).any()
    assert refused >= 10


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_all_proved_means_all_claims_true(seed: int) -> None:
    link, rng = some_link(seed)
    forge = [shifted, exchanged, invented][seed % 3]
    forged = replace(link, claims=forge(link.claims.copy(), link, rng))
    # Every gate an output, so that the kernel's word on each is seen.
    nets = np.arange(forged.coarse.first_gate, forged.coarse.num_nets)
    watched = replace(
        forged,
        coarse=forged.coarse.replace(outputs=(Port("y", nets),)),
        fine=forged.fine.replace(outputs=(Port("y", forged.claims),)),
    )
    proved = proved_by_claims(watched)
    assert not (proved & ~same_outputs(watched)).any()
    if proved.all():
        assert true_claims(forged)


@pytest.mark.parametrize("seed", range(6))
def test_a_wrong_route_costs_nothing_but_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = random_layers_model(rng, INPUTS, [40, 50], 5)
    reference = lower(model.with_output("argmax")).netlist
    circuit, route = mapped(reference)
    assert proved_along(reference, circuit, route)
    first, last = route[-2:]
    name = list(FAULTS)[seed % len(FAULTS)]
    broken = replace(last, coarse=FAULTS[name](last.coarse, rng))
    other, foreign = mapped(random_netlist(rng, INPUTS, 60, reference.num_outputs))
    for wrong in ((first, broken), (last,), (first,), (last, first), foreign, ()):
        found = prove_in_parts(reference, circuit, None, 60, wrong)
        assert found.verdict is Verdict.EQUIVALENT
    # The wrong circuit with the right route, its own route, and a route that ends in it.
    mutant = FAULTS[name](circuit, rng)
    words = all_inputs(INPUTS)
    same = np.array_equal(evaluate_outputs(reference, words), evaluate_outputs(mutant, words))
    itself = Link(mutant, mutant, np.arange(mutant.first_gate, mutant.num_nets), refines=True)
    for hint in (route, (itself,), (first, last, itself), (first, broken)):
        found = prove_in_parts(reference, mutant, None, 60, hint)
        assert (found.verdict is Verdict.EQUIVALENT) is same
        if not same:
            assert found.verdict is Verdict.DIFFERENT
    assert not proved_along(reference, other, foreign)


def chain(gates: int, table: np.uint64) -> Netlist:
    """Return a chain of gates of one input and the gate before."""
    fanin = np.stack([np.arange(3, 3 + gates), np.full(gates, 2)], axis=1)
    ports = make_ports(("x", 2))
    return Netlist("chain", ports, (Port("y", [3 + gates]),), fanin, np.full(gates, table))


def parities(coarse_gates: int, gates: int) -> Link:
    """Return a link of look-up tables over two inputs, each the end of a chain of gates."""
    fine = chain(gates, XOR2)
    odd = np.arange(1, coarse_gates + 1) % 2 == 1
    tables = np.where(odd, VARIABLE[1] ^ VARIABLE[0], VARIABLE[1])
    nets = np.arange(4, 4 + coarse_gates)
    coarse = Netlist("luts", fine.inputs, (Port("y", nets),), [[2, 3]] * coarse_gates, tables)
    watched = fine.replace(outputs=(Port("y", nets),))
    return Link(coarse, watched, nets.astype(np.int32), refines=False)


def test_a_cone_may_be_the_whole_circuit() -> None:
    """Batch 40 of fuzz_passes.py: a net of one input, and cones of 1,709 gates of two over it."""
    reference = chain(1025, XOR2)
    circuit, route = mapped(reference, 2)
    assert circuit.num_gates == 1
    assert proved_along(reference, circuit, route)
    turned = circuit.replace(tables=~circuit.tables)
    assert not proved_along(reference, turned, route)


def test_cones_that_are_too_much_work_in_sum_are_not_proved() -> None:
    link = parities(5000, 5000)
    # Gate n has a cone of n + 1 gates.
    expected = np.cumsum(np.arange(1, 5001)) <= MAX_WORK * 10_000
    assert not expected.all()
    assert (proved_by_claims(link) == expected).all()
    turned = replace(link, coarse=link.coarse.replace(tables=~link.coarse.tables))
    assert not proved_by_claims(turned).any()


def test_leaves_may_be_constants_equal_or_the_root_itself() -> None:
    fine = Netlist("fine", make_ports(("x", 2)), (Port("y", [4, 2, 0]),), [[2, 3]], [AND2])
    # A buffer of an input, a gate of constants, and AND over a net that comes twice.
    tables = [VARIABLE[0], AND2, VARIABLE[0] & VARIABLE[1] & VARIABLE[2]]
    coarse = Netlist(
        "coarse", fine.inputs, (Port("y", [6, 4, 5]),), [[2, 0, 0], [0, 1, 0], [4, 3, 4]], tables
    )
    claims = np.array([2, 0, 4], dtype=np.int32)
    assert proved_by_claims(Link(coarse, fine, claims, refines=True)).all()
    for gate in range(3):
        wrong = coarse.tables.copy()
        wrong[gate] ^= np.uint64(2**64 - 1)
        link = Link(coarse.replace(tables=wrong), fine, claims, refines=True)
        assert not proved_by_claims(link).all()


def test_what_rests_on_an_unproved_gate_is_not_proved() -> None:
    # Gate 0 is wrong, and gate 1 right if gate 0 were.
    fine = chain(2, AND2)
    coarse = chain(2, AND2).replace(tables=[XOR2, AND2])
    link = Link(coarse, fine, np.array([4, 5], dtype=np.int32), refines=True)
    assert not proved_by_claims(link).any()


def test_without_numba_routes_prove_nothing_and_abc_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = lower(synthetic_model(600, inputs=32)).netlist
    circuit, route = mapped(reference)
    monkeypatch.setattr(cover, "find_spec", lambda _name: None)
    assert not proved_along(reference, circuit, route)
    proof = prove_in_parts(reference, circuit, None, 60, route)
    assert proof.verdict is Verdict.EQUIVALENT
    assert "cones" not in proof.method
    slow, nothing = mapped(reference)
    assert not nothing
    assert prove_in_parts(reference, slow, None, 60).verdict is Verdict.EQUIVALENT


def test_structure_does_not_mind_slots_that_nothing_reads() -> None:
    for seed in range(10):
        net = random_netlist(np.random.default_rng(seed), INPUTS, 60, 12)
        wide = net.replace(fanin=np.pad(net.fanin, ((0, 0), (0, 6 - net.fanin.shape[1]))))
        assert equal_outputs(net, wide).all()
        assert equal_outputs(wide, net).all()


def test_structure_takes_carries_for_gates() -> None:
    """They add no level to their chain, and are computed one after the other all the same."""
    plan = HeadPlan(np.arange(30)[None], *plan_tree(30))
    net = carry_head(plan, "head", 6).netlist
    level = net.levels
    within = (level[net.fanin] == level[net.first_gate :, None]) & (net.fanin >= net.first_gate)
    assert within.any()
    cut = net.replace(fanin=np.where(within, CONST0_NET, net.fanin), chains=None)
    words = random_words(np.random.default_rng(0), net.num_inputs, 4)
    same = (evaluate_outputs(net, words) == evaluate_outputs(cut, words)).all(axis=1)
    assert not (equal_outputs(net, cut) & ~same).any()
    assert equal_outputs(net, net.replace(chains=None)).all()

"""A seeded share of the fuzzing campaign, and that the campaign itself finds what it is for.

The whole is `python tests/bench/fuzz_passes.py`.
"""

from __future__ import annotations

from collections import Counter

import helpers_fuzz_run
import numpy as np
import pytest
from helpers_fuzz_carry import CHAIN_FAULTS, CarryFuzz
from helpers_fuzz_run import Campaign
from helpers_shapes import (
    FAULTS,
    SHAPES,
    random_fault,
    random_shape,
    side_by_side,
    taken_out,
    vectors,
)

from gatec.evaluate import evaluate_outputs
from gatec.heads.carry import carry_head
from gatec.heads.tree import HeadPlan, plan_tree
from gatec.netlist import Netlist, NetlistError
from gatec.passes import PASSES
from gatec.proof.verdict import Proof, Verdict


def test_passes_in_random_orders_keep_random_nets() -> None:
    campaign = Campaign(seed=2)
    for batch in range(5):
        campaign.run(batch, 8)
    assert campaign.failures == []
    counts = campaign.counts
    assert {key[1] for key in counts if key[0] == "pass"} <= {chosen.name for chosen in PASSES}
    assert sum(n for key, n in counts.items() if key[0] == "net") == 40
    assert sum(n for key, n in counts.items() if key[0] == "prover") == 40
    proofs = {key[1] for key in counts if key[0] == "proof"}
    assert proofs >= {"ABC", "PySAT", "certificate, checked"}


def test_nets_on_carry_chains_stay_what_they_are_and_their_faults_are_found() -> None:
    fuzz = CarryFuzz(Counter())
    fuzz.run(np.random.default_rng(1), 12)
    assert fuzz.failures == []
    counts = fuzz.counts
    assert sum(n for key, n in counts.items() if key[0] == "proof") == 12
    assert counts["proof", "carry chains, text"] == 1
    judged = ("caught", "harmless, proved so")
    assert sum(n for key, n in counts.items() if key[2:] and key[2] in judged) == 12


@pytest.mark.parametrize("name", CHAIN_FAULTS)
def test_faults_of_chains_are_refused_or_judged(name: str) -> None:
    rng = np.random.default_rng(5)
    plan = HeadPlan(np.tile(np.arange(40), (2, 1)), *plan_tree(40))
    head = carry_head(plan, "sums", 2).netlist
    refused = 0
    for _ in range(20):
        try:
            CHAIN_FAULTS[name](head, rng).verify()
        except NetlistError:
            refused += 1
    assert refused


def test_a_route_that_proves_a_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers_fuzz_run, "proved_along", lambda *_: True)
    rng = np.random.default_rng(0)
    net = random_shape(rng, registers=False)[1]
    campaign = Campaign(seed=5)
    for _ in range(5):
        campaign._along(0, net, net, (), rng)
    assert any("proved along the route, but it differs" in line for line in campaign.failures)


def test_a_pass_that_changes_a_function_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(net: Netlist, **_options: object) -> Netlist:
        tables = net.tables.copy()
        tables[net.output_nets[net.output_nets >= net.first_gate][:1] - net.first_gate] ^= 1
        return net.replace(tables=tables)

    passes = tuple(
        p if p.name == "pipeline" else helpers_fuzz_run.Pass(p.name, "", broken) for p in PASSES
    )
    monkeypatch.setattr(helpers_fuzz_run, "PASSES", passes)
    monkeypatch.setattr(helpers_fuzz_run, "_configured", lambda chosen, rng: chosen)
    campaign = Campaign(seed=3)
    campaign.run(1, 10)
    (failure,) = campaign.failures
    assert failure.startswith("seed 3, batch 1: pass ")
    assert "changed" in failure or "NetlistError" in failure


def test_a_proof_that_misses_faults_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(*nets: Netlist, **options: object) -> Proof:
        return Proof(Verdict.EQUIVALENT, "nothing")

    monkeypatch.setattr(helpers_fuzz_run, "prove_equal", blind)
    campaign = Campaign(seed=4)
    campaign.run(1, 20)
    assert any("differs is True, verdict is equivalent" in line for line in campaign.failures)


def test_nets_side_by_side_come_out_as_they_went_in() -> None:
    rng = np.random.default_rng(6)
    nets = [random_shape(rng, registers=True)[1] for _ in range(20)]
    batch = side_by_side(nets)
    batch.verify()
    words = vectors(nets, rng)
    assert len(words) == batch.num_inputs + batch.num_registers
    split = helpers_fuzz_run.rows(nets, words)
    for net, alone, row in zip(nets, taken_out(batch, nets), split, strict=True):
        expected = helpers_fuzz_run._roots(net, row)
        ends = [net.num_outputs, len(net.cut_nets), net.num_registers]
        assert alone.num_outputs == sum(ends)
        assert np.array_equal(expected, evaluate_outputs(alone, row))


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_legal_and_mostly_changes_something(name: str) -> None:
    changed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shape = random_shape(rng, False)[1]
        (net,) = taken_out(side_by_side([shape]), [shape])
        if not net.num_gates or not net.fanin.shape[1]:
            continue
        mutant = FAULTS[name](net, rng)
        mutant.verify()
        words = vectors([net], rng)
        changed += not np.array_equal(*(evaluate_outputs(n, words) for n in (net, mutant)))
    assert changed


def test_a_net_without_gates_can_only_have_moved_outputs() -> None:
    rng = np.random.default_rng(0)
    bare = SHAPES["no gates"][1](rng, False)
    assert random_fault(bare, rng)[0] == "output moved"

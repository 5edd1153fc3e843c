"""Chains of ABC scripts: what they go on from, what they find, and that time bounds them."""

from __future__ import annotations

from itertools import islice, repeat

import pytest
from helpers_synth import wide_aig

from gatec.aig import Aig, to_netlist
from gatec.proof.verdict import Verdict
from gatec.synth import chain
from gatec.synth.builder import AigBuilder
from gatec.synth.chain import LINK, and_chains, links, mixed_chains, mixed_links, polishing_links
from gatec.synth.function import Function, prove
from gatec.synth.partition import partitioned
from gatec.synth.search import Clock, Effort
from gatec.synthesis import lut_chains


def selected(count: int) -> Aig:
    """Return the AND of `count` times `s ? x | y : y`, which is `y | s & x`."""
    builder = AigBuilder(3 * count)
    blocks = []
    for place in range(0, 3 * count, 3):
        s, x, y = builder.inputs[place : place + 3]
        blocks.append(builder.mux(s, builder.mux(x, builder.or_(x, y), y), y))
    return builder.build([builder.all_of(blocks)])


def test_a_chain_finds_the_tree_that_reads_each_input_once() -> None:
    aig = selected(8)
    effort = Effort(steps=2 * LINK, walks=1, seed=0)
    clock = Clock(effort)
    found = and_chains(aig, effort).advance(aig, clock, 0.0, 1.0)
    assert prove(Function("f", aig), to_netlist(found), 60).verdict is Verdict.EQUIVALENT
    assert (aig.num_ands, found.num_ands) == (63, 23)


def test_a_chain_of_tables_comes_close_to_one_for_two_inputs() -> None:
    net = to_netlist(selected(8))
    effort = Effort(steps=2 * LINK, walks=1, seed=0)
    found = lut_chains(net, 3, effort).advance(net, Clock(effort), 0.0, 1.0)
    assert prove(Function("f", selected(8)), found, 60).verdict is Verdict.EQUIVALENT
    # A table of three inputs leaves two signals fewer: 24 inputs take 12 at least.
    assert (net.num_gates, found.num_gates) == (63, 13)
    assert found.fanin.shape[1] == 3


def test_chains_and_windows_shrink_a_random_circuit_the_same_way_each_time() -> None:
    aig = wide_aig(3)
    sizes = []
    for _ in range(2):
        found = partitioned(aig, Effort(steps=4 * LINK))
        sizes.append(found.num_ands)
    assert prove(Function("f", aig), to_netlist(found), 60).verdict is Verdict.EQUIVALENT
    assert sizes == [22, 22]


def test_flows_take_every_table_size_and_differ() -> None:
    flows = [list(islice(links(seed), 1, 21)) for seed in range(3)]
    for flow in flows:
        assert {script.partition("if -K ")[2][0] for script in flow} == set("23456")
    assert not set(flows[0]) & set(flows[1])
    assert not set(flows[0]) & set(flows[2])


def test_a_chain_goes_on_from_what_is_hardly_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {200: 190, 190: 191, 191: 193, 193: 0}
    asked: list[int] = []

    def fake(aig: Aig, _commands: list[str], _timeout: float) -> Aig:
        asked.append(aig.num_ands)
        return chain_of(sizes[aig.num_ands])

    monkeypatch.setattr(chain, "run_on_aig", fake)
    effort = Effort(steps=4 * LINK, walks=1)
    start = chain_of(200)
    found = and_chains(start, effort).advance(start, Clock(effort), 0.0, 1.0)
    # 191 is within 1 % of 190; 193 is not, so that 191 is tried again.
    assert asked == [200, 190, 191, 191]
    assert found.num_ands == 190


def test_a_race_keeps_the_smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    # The fewest gates that each of four chains gets to.
    least = dict(zip((first_table(seed) for seed in range(1, 5)), (9, 7, 5, 8), strict=True))

    def fake(aig: Aig, commands: list[str], _timeout: float) -> Aig:
        return chain_of(max(aig.num_ands - 1, least.get(commands[0], 0)))

    monkeypatch.setattr(chain, "run_on_aig", fake)
    monkeypatch.setattr(chain, "links", lambda seed: repeat(first_table(seed)))
    start = chain_of(20)
    effort = Effort(steps=400 * LINK, walks=1)
    chains = and_chains(start, effort, 4)
    assert chains.race(1, start, Clock(effort), 0.0, 1.0).num_ands == 5
    # What is left goes on as the third chain.
    asked: list[str] = []
    monkeypatch.setattr(chain, "run_on_aig", lambda aig, script, _s: asked.append(script[0]) or aig)
    more = Effort(steps=3 * LINK, walks=1)
    chains.advance(start, Clock(more), 0.0, 1.0)
    assert set(asked) == {first_table(3)}


def test_a_race_without_time_for_links_tries_the_first_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def fake(aig: Aig, commands: list[str], _timeout: float) -> Aig:
        asked.append(commands[0])
        return chain_of(aig.num_ands - 1)

    monkeypatch.setattr(chain, "run_on_aig", fake)
    monkeypatch.setattr(chain, "links", lambda seed: repeat(first_table(seed)))
    effort = Effort(steps=7 * LINK, walks=1)
    start = chain_of(20)
    found = and_chains(start, effort, 4).race(1, start, Clock(effort), 0.0, 1.0)
    # The link during which the first slice ends counts in the next one, too.
    assert asked == [first_table(1)] * 8
    assert found.num_ands == 12


def first_table(seed: int) -> str:
    return next(islice(links(seed), 1, None))


def test_polishing_needs_no_larger_circuit_on_its_way() -> None:
    aig = wide_aig(3)
    effort = Effort(steps=3 * LINK, walks=1)
    found = mixed_chains(aig, effort).advance(aig, Clock(effort), 0.0, 1.0)
    assert prove(Function("f", aig), to_netlist(found), 60).verdict is Verdict.EQUIVALENT
    assert (aig.num_ands, found.num_ands) == (150, 30)


def test_links_of_a_flow_come_between_polishing_ones() -> None:
    scripts, flow = list(islice(mixed_links(2), 10)), list(islice(links(2), 3))
    assert [scripts[4], scripts[9]] == flow[1:]
    polishing = list(islice(polishing_links(2), 8))
    assert scripts[:4] + scripts[5:9] == polishing
    assert all(" -z" in script and "if -K" not in script for script in polishing)


def test_without_time_a_circuit_stays_what_it_is() -> None:
    aig = selected(4)
    effort = Effort(seconds=1e-6)
    assert and_chains(aig, effort).advance(aig, Clock(effort), 0.0, 1.0) is aig


def chain_of(ands: int) -> Aig:
    builder = AigBuilder(ands + 1)
    last = builder.inputs[0]
    for signal in builder.inputs[1:]:
        last = builder.and_(last, signal)
    return builder.build([last])

"""Pipeline registers: legal schedules, their count, and what crosses each boundary."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from helpers_passes import random_netlists

from gatec.errors import UsageError
from gatec.netlist import Netlist
from gatec.passes.pipeline import pipeline
from gatec.stages import live_nets, register_bits
from gatec.text import from_text, to_text

TREE = """\
netlist tree k=2
input x[4] bits
g0 = lut2:8 x[0] x[1]
g1 = lut2:8 x[2] x[3]
g2 = lut2:8 g0 g1
g3 = lut2:8 g2 x[3]
output y[3] bits = g3 g0 1
"""


def longest_in_stage(net: Netlist) -> int:
    """Return the most gates that follow one another inside a stage."""
    assert net.stage is not None
    length = np.zeros(net.num_nets, dtype=int)
    stage = np.concatenate([np.full(net.first_gate, -1), net.stage])
    for gate, row in enumerate(net.fanin):
        own = net.first_gate + gate
        inside = [length[n] for n in row if stage[n] == stage[own]]
        length[own] = 1 + max(inside, default=0)
    return int(length.max(initial=0))


def ranks(net: Netlist) -> list[set[int]]:
    """Return the nets behind each stage, from the definition: one register for each boundary."""
    assert net.stage is not None
    birth = [0] * net.first_gate + net.stage.tolist()
    held: list[set[int]] = [set() for _ in range(net.num_stages)]
    reads = [(n, int(s)) for row, s in zip(net.fanin.tolist(), net.stage, strict=True) for n in row]
    reads += [(n, net.num_stages) for n in net.output_nets.tolist()]
    for source, stage in reads:
        for boundary in range(birth[source], stage):
            if source > 1:
                held[boundary].add(source)
    return held


def nets_with_gates(count: int) -> list[Netlist]:
    return [net for net in random_netlists(count) if net.num_gates]


def test_levels_per_stage_are_obeyed_with_the_fewest_stages() -> None:
    for net in nets_with_gates(20):
        depth = int(net.levels.max())
        for levels in (1, 2, 3, depth):
            staged = pipeline(net, levels_per_stage=levels)
            staged.verify()
            assert longest_in_stage(staged) <= levels
            assert staged.num_stages == -(-depth // levels)
            assert to_text(staged.replace(stage=None)) == to_text(net)


def test_the_number_of_stages_is_obeyed_with_the_fewest_levels() -> None:
    for net in nets_with_gates(20):
        depth = int(net.levels.max())
        for stages in {1, 2, 3, depth - 1, depth} & set(range(1, depth + 1)):
            staged = pipeline(net, stages=stages)
            staged.verify()
            assert staged.num_stages == stages
            assert longest_in_stage(staged) <= -(-depth // stages)


def test_live_nets_and_register_bits_are_as_defined() -> None:
    rng = np.random.default_rng(3)
    for net in nets_with_gates(60):
        late = net.levels[net.first_gate :] + np.cumsum(rng.random(net.num_gates) < 0.05)
        for staged in (pipeline(net, levels_per_stage=2), net.replace(stage=late)):
            live = live_nets(staged)
            assert [set(rank.tolist()) for rank in live] == ranks(staged)
            assert all(np.array_equal(rank, np.unique(rank)) for rank in live)
            assert register_bits(staged) == sum(map(len, live))
            outputs = set(staged.output_nets.tolist()) - {0, 1}
            assert set(live[-1].tolist()) == outputs


def test_worked_example() -> None:
    net = from_text(TREE)
    one = pipeline(net, stages=1)
    assert [rank.tolist() for rank in live_nets(one)] == [[6, 9]]
    two = pipeline(net, levels_per_stage=2)
    # g0, g1 and g2 first: g0, g2 and x[3] wait for g3, then g3 and g0 leave.
    assert two.stage is not None
    assert two.stage.tolist() == [0, 0, 0, 1]
    assert [rank.tolist() for rank in live_nets(two)] == [[5, 6, 8], [6, 9]]
    assert register_bits(two) == 5


def test_few_registers() -> None:
    """As few as an exhaustive search finds on small nets, and never more than the plain orders."""
    found = best = 0
    for net in random_netlists(40, max_fanin=3):
        small = net.replace(fanin=net.fanin[:6], tables=net.tables[:6])
        used = np.minimum(net.output_nets, small.num_nets - 1)
        small = small.replace(outputs=(net.outputs[0].__class__("y", used),), cuts=())
        if small.num_gates < 6:
            continue
        found += register_bits(pipeline(small, levels_per_stage=1))
        best += min(exhaustive(small))
    assert best <= found <= 1.02 * best


def exhaustive(net: Netlist) -> list[int]:
    """Return the registers of every schedule of one level to a stage."""
    depth = int(net.levels.max())
    bits = []
    for stage in product(range(depth), repeat=net.num_gates):
        whole = np.concatenate([np.full(net.first_gate, -1), stage])
        if max(stage) == depth - 1 and (whole[net.fanin].max(axis=1) < stage).all():
            bits.append(register_bits(net.replace(stage=np.array(stage))))
    return bits


def test_a_net_without_gates_has_one_stage() -> None:
    wires = from_text("netlist wires k=0\ninput x[2] bits\noutput y[3] bits = x[1] 0 x[0]\n")
    for staged in (pipeline(wires, stages=1), pipeline(wires, levels_per_stage=3)):
        assert staged.num_stages == 1
        assert [rank.tolist() for rank in live_nets(staged)] == [[2, 3]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected either"),
        ({"stages": 1, "levels_per_stage": 1}, "expected either"),
        ({"stages": 0}, "pipeline of 0"),
        ({"levels_per_stage": -1}, "pipeline of -1"),
        ({"stages": 4}, "4 stages for 3 levels of gates; expected 1..3"),
    ],
)
def test_bad_requests_are_usage_errors(options: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pipeline(from_text(TREE), **options)

"""Carry chains in the netlist: what is one, what it costs, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from helpers_passes import random_netlist
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.backends.readback.core import read_back
from gatec.backends.verilog import emit
from gatec.bits import pack, unpack
from gatec.chain_graph import LEVELS, Weights, whole_chains
from gatec.chains import CARRY, Chains, count_cells
from gatec.errors import UsageError
from gatec.evaluate import evaluate_outputs
from gatec.heads.carry import CarryHead, carry_head
from gatec.heads.group import group_bits
from gatec.heads.tree import HeadPlan, plan_tree
from gatec.netlist import Netlist, NetlistError, Port
from gatec.passes.pipeline import fewest_stages, pipeline


def plan(group: int, classes: int) -> HeadPlan:
    leaves, adds = plan_tree(group)
    return HeadPlan(np.tile(np.arange(group), (classes, 1)), leaves, adds)


def leaf_bits(plan: HeadPlan, bits: np.ndarray) -> np.ndarray:
    """Return `[samples, leaf bits * classes]` for `[samples, classes, group]` bits."""
    values, taken = [], 0
    for size in plan.leaves:
        ones = bits[:, :, taken : taken + size].sum(axis=2)
        taken += size
        values += [ones >> place & 1 for place in range(min(size, 2))]
    return np.stack(values, axis=1).reshape(len(bits), -1)


def scores(head: CarryHead, plan: HeadPlan, bits: np.ndarray) -> np.ndarray:
    words = pack((leaf_bits(plan, bits) ^ head.inverted).astype(np.uint8))
    found = unpack(evaluate_outputs(head.netlist, words), len(bits)).astype(np.int64)
    found = found.reshape(len(bits), len(plan.order), -1)
    return (found << np.arange(found.shape[2])).sum(axis=2)


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 90), st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_chains_count(group: int, classes: int, most_adds: int, seed: int) -> None:
    planned = plan(group, classes)
    head = carry_head(planned, "sums", most_adds)
    head.netlist.verify()
    rng = np.random.default_rng(seed)
    density = rng.choice([0.0, 0.1, 0.5, 0.9, 1.0], size=(130, 1, 1))
    bits = (rng.random((130, classes, group)) < density).astype(np.int64)
    assert np.array_equal(scores(head, planned, bits), bits.sum(axis=2))


# Exact: logic cells for ten classes without their leaves, and LUT levels.
@pytest.mark.parametrize(
    ("group", "most_adds", "cells", "levels"),
    [(20, 1, 230, 3), (20, 3, 198, 8), (80, 1, 980, 5), (80, 3, 849, 14), (400, 3, 4306, 21)],
)
def test_sizes(group: int, most_adds: int, cells: int, levels: int) -> None:
    head = carry_head(plan(group, 10), "sums", most_adds)
    assert (count_cells(head.netlist), head.netlist.depth) == (cells, levels)


@given(st.integers(1, 3000))
def test_a_plan_takes_every_bit_once_and_every_number_once(group: int) -> None:
    leaves, adds = plan_tree(group)
    assert sum(leaves) == group
    used = [n for add in adds for n in (add.a, add.b, add.carry_in) if n >= 0]
    assert sorted(used) == list(range(len(leaves) + len(adds) - 1))
    bits = [min(size, 2) for size in leaves]
    for add in adds:
        assert bits[add.a] == add.width >= bits[add.b]
        assert add.carry_in < 0 or bits[add.carry_in] == 1
        bits.append(add.width + 1)
    assert bits[-1] == group.bit_length()


def test_the_text_of_chains_reads_back() -> None:
    planned = plan(31, 3)
    head = carry_head(planned, "sums")
    emitted = emit(head.netlist, style="ice40")
    assert emitted.text.count("SB_CARRY") == int(head.netlist.chains.carry.sum())  # type: ignore[union-attr]
    back = read_back(emitted.text, emitted.shape).netlist
    words = np.random.default_rng(3).integers(0, 2**64, (back.num_inputs, 8), dtype=np.uint64)
    assert np.array_equal(evaluate_outputs(back, words), evaluate_outputs(head.netlist, words))


def test_a_pin_swapped_in_the_text_is_another_function() -> None:
    head = carry_head(plan(15, 2), "sums")
    emitted = emit(head.netlist, style="ice40")
    at = emitted.text.index(".CI(", emitted.text.index("SB_CARRY c8 "))
    end = emitted.text.index(")", at)
    wrong = emitted.text[:at] + ".CI(1'b0" + emitted.text[end:]
    back = read_back(wrong, emitted.shape).netlist
    words = np.random.default_rng(3).integers(0, 2**64, (back.num_inputs, 8), dtype=np.uint64)
    assert not np.array_equal(evaluate_outputs(back, words), evaluate_outputs(head.netlist, words))


def _with_fanin(row: int, slot: int, value: int) -> Callable[[Netlist], Netlist]:
    def change(net: Netlist) -> Netlist:
        fanin = net.fanin.copy()
        fanin[row, slot] = value
        return net.replace(fanin=fanin)

    return change


def _carry_as_output(net: Netlist) -> Netlist:
    assert net.chains is not None
    carry = net.first_gate + int(np.flatnonzero(net.chains.carry)[0])
    (port,) = net.outputs
    return net.replace(outputs=(Port("y", np.append(port.nets, carry)),))


def _not_a_majority(net: Netlist) -> Netlist:
    tables = net.tables.copy()
    assert net.chains is not None
    tables[np.flatnonzero(net.chains.carry)[1]] ^= np.uint64(0x0001_0001_0001_0001)
    return net.replace(tables=tables)


def _off_the_chain(net: Netlist) -> Netlist:
    assert net.chains is not None
    chain = net.chains.chain.copy()
    chain[np.flatnonzero(net.chains.carry)[0]] = -1
    return net.replace(chains=Chains(chain, net.chains.carry))


def _in_two_stages(net: Netlist) -> Netlist:
    return net.replace(stage=np.arange(net.num_gates) // (net.num_gates // 2 + 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_carry_as_output, "a carry is an output"),
        (_not_a_majority, "no majority of slots 1 to 3"),
        (_off_the_chain, "on no chain"),
        (_in_two_stages, "a chain lies in two stages"),
    ],
)
def test_what_is_no_chain_is_refused(change: Callable[[Netlist], Netlist], message: str) -> None:
    net = carry_head(plan(15, 2), "sums").netlist
    with pytest.raises(NetlistError, match=message):
        change(net).verify()


def test_a_carry_read_elsewhere_is_refused() -> None:
    net = carry_head(plan(15, 2), "sums").netlist
    assert net.chains is not None
    carry = int(np.flatnonzero(net.chains.carry)[0])
    later = int(np.flatnonzero(net.chains.chain != net.chains.chain[carry])[-1])
    for slot, message in ((3, "another chain"), (1, "another slot")):
        with pytest.raises(NetlistError, match=message):
            _with_fanin(later, slot, net.first_gate + carry)(net).verify()


@pytest.mark.parametrize(
    ("levels", "weights"),
    [(n, LEVELS) for n in (3, 4, 5, 9)] + [(n, Weights(4, 0.5, 1.0)) for n in (22, 23, 27, 50)],
)
def test_a_pipeline_keeps_chains_whole(levels: int, weights: Weights) -> None:
    net = carry_head(plan(60, 3), "sums").netlist
    staged = pipeline(net, levels_per_stage=levels, weights=weights)
    staged.verify()
    assert staged.stage is not None
    graph = whole_chains(net, weights)
    assert staged.num_stages == fewest_stages(graph, levels)
    # Inside a stage no path takes longer than it may.
    ready = np.zeros((staged.num_stages, graph.net.num_nets), dtype=np.int64)
    stage_of_node = np.zeros(graph.net.num_gates, dtype=np.int64)
    stage_of_node[graph.node_of_gate] = staged.stage
    for node, stage in enumerate(stage_of_node.tolist()):
        above = ready[stage, graph.net.fanin[node]].max()
        ready[stage, graph.net.first_gate + node] = above + graph.steps[node]
    assert ready.max() <= levels


@pytest.mark.parametrize("most_adds", [1, 3])
def test_a_chain_takes_its_longest_path(most_adds: int) -> None:
    net = carry_head(plan(60, 2), "sums", most_adds).netlist
    chains, lut, carry, enter = net.chains, 4, 0.5, 1.25
    assert chains is not None
    # Gate by gate, the definition: what the path inside the chain takes up to each.
    longest: dict[int, float] = {}
    delay = np.zeros(net.num_nets)
    for gate, row in enumerate(net.fanin):
        inside = [
            delay[one]
            for one in row
            if one >= net.first_gate and chains.chain[one - net.first_gate] == chains.chain[gate]
        ]
        own = carry if chains.carry[gate] else lut
        delay[net.first_gate + gate] = own + max(inside, default=0)
        chain = int(chains.chain[gate])
        longest[chain] = max(longest.get(chain, 0), delay[net.first_gate + gate] + enter)
    graph = whole_chains(net, Weights(lut, carry, enter))
    for chain, path in longest.items():
        node = graph.node_of_gate[int(np.flatnonzero(chains.chain == chain)[0])]
        assert graph.steps[node] == np.ceil(path)
    assert graph.steps.max() > (5 if most_adds == 1 else 13)


def test_a_stage_too_short_for_a_chain_is_refused() -> None:
    net = carry_head(plan(60, 3), "sums").netlist
    with pytest.raises(UsageError, match="2 LUT levels in a stage"):
        pipeline(net, levels_per_stage=2)


@pytest.mark.parametrize("seed", range(3))
def test_grouping_orders_each_class(seed: int) -> None:
    net = random_netlist(np.random.default_rng(seed), 12, 80, 60)
    leaves, _ = plan_tree(20)
    order = group_bits(net, 3, leaves)
    assert np.array_equal(np.sort(order, axis=1), np.tile(np.arange(20), (3, 1)))


def test_bits_that_share_their_inputs_share_an_adder() -> None:
    # Six gates: 0, 2 and 4 read inputs 0 to 2, the others read apart.
    pairs = [(2, 3), (6, 7), (3, 4), (8, 9), (2, 4), (10, 11)]
    net = random_netlist(np.random.default_rng(0), 12, 6, 6)
    fanin = np.zeros((6, 2), dtype=np.int32)
    fanin[:] = pairs
    tables = np.full(6, 0x8888_8888_8888_8888, dtype=np.uint64)
    net = net.replace(
        fanin=fanin, tables=tables, outputs=(Port("y", net.first_gate + np.arange(6)),)
    )
    order = group_bits(net, 1, [3, 3])
    assert {frozenset(row) for row in order.reshape(2, 3).tolist()} == {
        frozenset({0, 2, 4}),
        frozenset({1, 3, 5}),
    }


def test_a_carry_is_the_majority() -> None:
    rows = np.arange(16)
    a, b, c = rows >> 1 & 1, rows >> 2 & 1, rows >> 3 & 1
    assert [int(CARRY) >> r & 1 for r in rows.tolist()] == ((a + b + c) >= 2).astype(int).tolist()


def test_equal_bits_and_constants_share_an_adder() -> None:
    # Bits 1 and 4 are one net, bit 2 is constant.
    net = random_netlist(np.random.default_rng(0), 12, 6, 6)
    fanin = np.array([(2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (12, 13)], dtype=np.int32)
    tables = np.full(6, 0x8888_8888_8888_8888, dtype=np.uint64)
    gate = net.first_gate
    nets = np.array([gate, gate + 1, 1, gate + 3, gate + 1, gate + 5])
    net = net.replace(fanin=fanin, tables=tables, outputs=(Port("y", nets),), cuts=())
    first, second = group_bits(net, 1, [3, 3]).reshape(2, 3).tolist()
    assert {1, 4} < set(first)
    assert 2 in second


def test_other_seeds_give_other_orders_of_the_same_bits() -> None:
    net = random_netlist(np.random.default_rng(1), 12, 80, 60)
    leaves, _ = plan_tree(20)
    orders = [group_bits(net, 3, leaves, seed) for seed in range(3)]
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])
    assert np.array_equal(orders[2], group_bits(net, 3, leaves, 2))
    for order in orders:
        assert np.array_equal(np.sort(order, axis=1), np.tile(np.arange(20), (3, 1)))


def doubled(net: Netlist, order: np.ndarray, singles: list[int], inverted: list[bool]) -> int:
    """Return how many nets the chains need as they are and inverted."""
    nets = net.output_nets.reshape(len(order), -1)
    single = np.take_along_axis(nets, order, axis=1)[:, singles]
    both = [set(single[:, np.array(inverted) == side].ravel().tolist()) for side in (False, True)]
    return len(both[0] & both[1])


def test_a_bit_of_several_classes_goes_to_chains_in_one_polarity() -> None:
    # All three classes have the same bits in other orders, gates of three inputs: no adder absorbs
    # them.
    net = random_netlist(np.random.default_rng(0), 12, 9, 9)
    rows = np.array([(g, g + 1, g + 2) for g in range(2, 11)], dtype=np.int32)
    nets = np.concatenate([net.first_gate + np.roll(np.arange(9), turn) for turn in range(3)])
    tables = np.full(9, 0x9696_9696_9696_9696, dtype=np.uint64)
    net = net.replace(fanin=rows, tables=tables, outputs=(Port("y", nets),), cuts=())
    leaves, singles = [3, 1, 1, 1, 1, 1, 1], list(range(3, 9))
    inverted = [False, True, False, True, False, True, False]
    order = group_bits(net, 3, leaves, inverted=inverted)
    assert np.array_equal(np.sort(order, axis=1), np.tile(np.arange(9), (3, 1)))
    assert doubled(net, order, singles, inverted[1:]) == 0
    assert doubled(net, group_bits(net, 3, leaves), singles, inverted[1:]) > 0


def test_bits_that_take_an_inverter_avoid_the_chains_that_want_one() -> None:
    # Bits 0 to 2 are inputs, 3 and 4 a gate and its complement, 5 to 7 gates.
    net = random_netlist(np.random.default_rng(0), 12, 5, 5)
    rows = np.array([(2, 3, 4), (2, 3, 4), (5, 6, 7), (6, 7, 8), (7, 8, 9)], dtype=np.int32)
    tables = np.full(5, 0x9696_9696_9696_9696, dtype=np.uint64)
    tables[1] = ~tables[0]
    nets = np.concatenate([[11, 12, 13], net.first_gate + np.arange(5)])
    net = net.replace(fanin=rows, tables=tables, outputs=(Port("y", nets),), cuts=())
    (order,) = group_bits(net, 1, [3, 3, 1, 1], inverted=[False, False, True, True])
    assert set(order[6:].tolist()) <= {5, 6, 7}
    # Where all bits are single, inputs stand where true bits are wanted, and of a gate and its
    # complement one is inverted.
    inverted = [True, False] * 4
    (order,) = group_bits(net, 1, [1] * 8, inverted=inverted)
    side = dict(zip(order.tolist(), inverted, strict=True))
    assert not side[0] and not side[1] and not side[2]
    assert side[3] != side[4]

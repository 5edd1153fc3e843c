"""The mapper by priority cuts: small LUTs that compute the same, exact sizes, any shape of net."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import random_layers_model
from helpers_passes import assert_equivalent, random_netlists
from helpers_synthetic import synthetic_model

from gatec.lowering.model import lower
from gatec.netlist import Netlist, Port, make_ports
from gatec.passes import CLEAN, UNPACK
from gatec.passes.map_fast import map_fast
from gatec.passes.map_lut import FAST, map_lut
from gatec.passes.runner import run_passes
from gatec.passes.split import split
from gatec.tables import MAJ3, VARIABLE, XOR2, XOR3, flip

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_luts_are_narrow_and_compute_the_same(k: int) -> None:
    for net in random_netlists(24, registers=True):
        mapped = map_fast(net, k, large=0)
        mapped.verify()
        assert mapped.fanin.shape[1] <= k
        assert_equivalent(net, mapped)


@pytest.mark.parametrize("k", [3, 4, 6])
def test_heads_keep_their_cut(k: int) -> None:
    for seed in range(3):
        model = random_layers_model(np.random.default_rng(seed), 9, [40, 60], 6)
        net = lower(model.with_output("argmax")).netlist
        mapped = map_fast(net, k, large=0)
        assert_equivalent(net, mapped)
        # What is behind the scores reads nothing else.
        inside = np.zeros(mapped.num_nets, dtype=bool)
        inside[mapped.cut_nets] = inside[:2] = True
        needed = np.zeros(mapped.num_nets, dtype=bool)
        needed[mapped.output_nets] = True
        for gate in range(mapped.num_gates - 1, -1, -1):
            if needed[mapped.first_gate + gate] and not inside[mapped.first_gate + gate]:
                needed[mapped.fanin[gate]] = True
        assert not (needed & ~inside)[: mapped.first_gate].any()


def test_unpack_keeps_the_function_with_every_polarity() -> None:
    tables = [XOR3, ~XOR3]
    for inverted in range(8):
        table = np.array([MAJ3])
        for slot in range(3):
            table = flip(table, slot) if inverted >> slot & 1 else table
        tables.append(table[0])
    fanin = np.tile([[2, 3, 4], [4, 2, 3]], (10, 1))
    net = Netlist(
        "cells",
        make_ports(("x", 3)),
        (Port("y", np.arange(5, 25)),),
        fanin,
        np.repeat(np.array(tables), 2),
    )
    after = UNPACK.run(net)
    assert_equivalent(net, after)
    # One comparison for the twenty gates.
    assert after.num_gates == 21
    assert int((after.tables == XOR2).sum()) == 1 + 2


def test_sizes_of_synthetic_nets_stay() -> None:
    sizes = {}
    for gates in (600, 6000):
        net, _ = run_passes(lower(synthetic_model(gates, inputs=64)).netlist, [CLEAN])
        mapped = {k: map_fast(net, k, large=0) for k in (4, 6)}
        sizes[gates] = [(found.num_gates, found.depth) for found in mapped.values()]
        assert mapped[4].num_gates <= map_lut(net, 4, FAST).num_gates
    assert sizes == {600: [(280, 19), (226, 13)], 6000: [(2877, 29), (2286, 21)]}


def test_small_nets_go_to_abc() -> None:
    net = lower(synthetic_model(300, inputs=32)).netlist
    assert map_fast(net).num_gates == map_lut(net, 4, FAST).num_gates


def test_a_long_chain_of_gates_over_two_inputs_is_one_lut() -> None:
    # A cone of thousands of gates behind one cut, and a tree that no sharing ends.
    count = 3000
    rng = np.random.default_rng(0)
    fanin = np.stack([np.arange(3, 3 + count), np.full(count, 2)], axis=1)
    tables = np.where(rng.random(count) < 0.5, XOR2, ~XOR2)
    chain = Netlist("chain", make_ports(("x", 2)), (Port("y", [3 + count]),), fanin, tables)
    mapped = map_fast(chain, 4, large=0)
    assert mapped.num_gates <= 1
    assert_equivalent(chain, mapped)


def test_an_input_that_is_small_already_is_kept() -> None:
    for net in random_netlists(40):
        mapped = map_fast(net, 6, large=0)
        assert mapped.num_gates <= net.num_gates


def test_a_slot_that_no_table_reads_may_be_connected() -> None:
    # Six slots, of which two are read, and the others hold nets: no reason to split for ever.
    net = Netlist("wired", make_ports(("x", 6)), (Port("y", [8]),), [[2, 3, 4, 5, 6, 7]], [XOR2])
    for k in (2, 4):
        mapped = map_fast(net, k, large=0)
        assert mapped.num_gates == 1
        assert_equivalent(net, mapped)
    assert split(net, 2).fanin.shape[1] == 2
    assert split(net, 4).fanin.shape[1] == 4


def test_unpack_takes_gates_with_unread_slots_between() -> None:
    # Slots 0, 2 and 3, as no folded gate has them.
    table = (VARIABLE[0] & VARIABLE[2]) | VARIABLE[3]
    net = Netlist("gap", make_ports(("x", 4)), (Port("y", [6]),), [[2, 3, 4, 5]], [table])
    assert_equivalent(net, UNPACK.run(net))
    for random in random_netlists(30, registers=True):
        assert_equivalent(random, UNPACK.run(random))

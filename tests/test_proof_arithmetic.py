"""The arithmetic proof accepts what lowering makes and refuses every damage to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import random_layers_model

from gatec.bits import pack, unpack
from gatec.blocks import GroupSum, InputBits, LutLayer, Thermometer
from gatec.errors import DifferentError
from gatec.evaluate import evaluate_outputs
from gatec.lowering.argmax import greater
from gatec.lowering.model import Lowering, lower
from gatec.model import OUTPUT_KINDS, ModelGraph
from gatec.netlist import CONST0_NET, CONST1_NET, FIRST_INPUT, Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.proof import arithmetic
from gatec.proof.arithmetic import check_greater, check_lowering, ripple_greater
from gatec.proof.verdict import Proof
from gatec.tables import AND2, expand


def encoded_model(rng: np.random.Generator) -> ModelGraph:
    levels = rng.integers(0, 17, size=(5, 3))
    fanin = rng.integers(0, 15, size=(24, 3))
    tables = expand(rng.integers(0, 256, size=24).astype(np.uint64), 3)
    return ModelGraph.chain(
        [
            InputBits("input", 20),
            Thermometer("encoder", levels, 4),
            LutLayer("layer0", 15, fanin, tables),
            GroupSum("groupsum", 24, 4),
        ],
        "encoded",
    )


@pytest.mark.parametrize("kind", OUTPUT_KINDS)
@pytest.mark.parametrize("classes", [1, 2, 3, 5, 10])
def test_lowering_equals_the_model_and_is_proved(classes: int, kind: str) -> None:
    rng = np.random.default_rng(classes)
    model = random_layers_model(rng, 12, [40, 30 * classes], classes).with_output(kind)
    lowering = lower(model)
    facts = check_lowering(model, lowering)
    assert len(facts) == len(model.blocks) - 1
    samples = rng.integers(0, 2, size=(500, 12))
    found = unpack(evaluate_outputs(lowering.netlist, pack(samples)), 500)
    assert np.array_equal(found, model.output_bits(samples))


def test_thermometer_is_lowered_for_every_code() -> None:
    rng = np.random.default_rng(3)
    model = encoded_model(rng).with_output("argmax")
    lowering = lower(model)
    check_lowering(model, lowering)
    samples = rng.integers(0, 2, size=(700, 20))
    found = unpack(evaluate_outputs(lowering.netlist, pack(samples)), 700)
    assert np.array_equal(found, model.output_bits(samples))


def flip_one_row(net: Netlist, gate: int, row: int) -> Netlist:
    tables = net.tables.copy()
    arity = max(1, int(net.arity[gate]))
    tables[gate] ^= expand(np.array([1 << (row % (1 << arity))], dtype=np.uint64), arity)[0]
    return net.replace(tables=tables)


def test_every_gate_that_matters_is_checked() -> None:
    rng = np.random.default_rng(5)
    model = encoded_model(rng).with_output("argmax")
    lowering = lower(model)
    alive = np.zeros(lowering.netlist.num_nets, dtype=bool)
    alive[lowering.netlist.root_nets] = True
    for gate in reversed(range(lowering.netlist.num_gates)):
        if alive[lowering.netlist.first_gate + gate]:
            alive[lowering.netlist.fanin[gate]] = True
    survived = []
    for gate in np.flatnonzero(alive[lowering.netlist.first_gate :]):
        for row in range(8):
            mutant = flip_one_row(lowering.netlist, int(gate), row)
            try:
                check_lowering(model, replace(lowering, netlist=mutant))
            except DifferentError:
                continue
            survived.append((int(gate), row))
    # A chain of a comparator may hold a gate whose row cannot occur; the model's function is what
    # counts, so a survivor must compute it.
    samples = rng.integers(0, 2, size=(4096, 20))
    expected = model.output_bits(samples)
    for gate, row in survived:
        mutant = flip_one_row(lowering.netlist, gate, row)
        assert np.array_equal(unpack(evaluate_outputs(mutant, pack(samples)), 4096), expected)


def rewired(lowering: Lowering, gate: int, slot: int, net: int) -> Lowering:
    fanin = lowering.netlist.fanin.copy()
    fanin[gate, slot] = net
    return replace(lowering, netlist=lowering.netlist.replace(fanin=fanin))


def test_rewired_gates_are_refused() -> None:
    rng = np.random.default_rng(7)
    model = random_layers_model(rng, 10, [24, 32], 4).with_output("argmax")
    lowering = lower(model)
    samples = rng.integers(0, 2, size=(1024, 10))
    expected = model.output_bits(samples)
    refused = 0
    for _ in range(200):
        gate = int(rng.integers(lowering.netlist.num_gates))
        mutant = rewired(lowering, gate, int(rng.integers(2)), int(rng.integers(2, 12 + gate)))
        try:
            check_lowering(model, mutant)
        except DifferentError:
            refused += 1
            continue
        found = unpack(evaluate_outputs(mutant.netlist, pack(samples)), 1024)
        assert np.array_equal(found, expected)
    assert refused > 150


def damage_certificate(lowering: Lowering, kind: str) -> Lowering:
    cells, selects = list(lowering.compressors), list(lowering.selects)
    if kind == "cell missing":
        return replace(lowering, compressors=cells[1:])
    if kind == "cell twice":
        return replace(lowering, compressors=[*cells, cells[0]])
    if kind == "cell of another weight":
        return replace(lowering, compressors=[replace(cells[0], weight=1), *cells[1:]])
    if kind == "match missing":
        return replace(lowering, selects=selects[:-1])
    if kind == "contenders swapped":
        node = selects[0]
        return replace(
            lowering, selects=[replace(node, first=node.second, second=node.first), *selects[1:]]
        )
    if kind == "split moved":
        winner = selects[0].winner
        moved = replace(
            winner,
            score=np.append(winner.score, winner.number[0]),
            number=winner.number[1:],
        )
        return replace(lowering, selects=[replace(selects[0], winner=moved), *selects[1:]])
    node = selects[-1]
    forged = replace(node.winner, score=node.first.score)
    return replace(lowering, selects=[*selects[:-1], replace(node, winner=forged)])


@pytest.mark.parametrize(
    "kind",
    [
        "cell missing",
        "cell twice",
        "cell of another weight",
        "match missing",
        "contenders swapped",
        "winner forged",
        "split moved",
    ],
)
def test_a_damaged_certificate_is_refused(kind: str) -> None:
    model = random_layers_model(np.random.default_rng(9), 8, [20, 40], 5).with_output("argmax")
    lowering = lower(model)
    check_lowering(model, lowering)
    with pytest.raises(DifferentError):
        check_lowering(model, damage_certificate(lowering, kind))


@pytest.mark.parametrize("width", range(1, 8))
def test_the_ripple_comparator_is_right(width: int) -> None:
    number = np.arange(width, dtype=np.int32) + FIRST_INPUT
    net = ripple_greater(2 * width, number, number + width)
    rows = np.arange(1 << 2 * width)
    planes = rows[:, None] >> np.arange(2 * width) & 1
    found = unpack(evaluate_outputs(net, pack(planes)), len(rows))[:, 0]
    assert np.array_equal(found, (rows >> width) > (rows & ((1 << width) - 1)))


@pytest.mark.parametrize("width", [10, 13])
def test_wide_comparators_are_checked_both_ways(width: int) -> None:
    builder = NetlistBuilder(2 * width)
    ports = make_ports(("x", 2 * width))
    a, b = ports[0].nets[:width], ports[0].nets[width:]
    result = greater(builder, a, b)
    net = builder.build("wide", ports, (Port("y", [result]),))
    check_greater(net, "wide", a, b, result)
    with pytest.raises(DifferentError, match="a comparator is wrong"):
        check_greater(net, "wide", b, a, result)


@pytest.mark.parametrize("width", [3, 12])
def test_comparators_of_shared_and_constant_bits(width: int) -> None:
    """Class sums share bits, and their constants leave some that never change."""
    builder = NetlistBuilder(2 * width)
    (port,) = make_ports(("x", 2 * width))
    a, b = port.nets[:width].copy(), port.nets[width:].copy()
    a[0], b[1], b[2] = CONST0_NET, CONST1_NET, a[2]
    result = greater(builder, a, b)
    net = builder.build("wide", (port,), (Port("y", [result]),))
    check_greater(net, "wide", a, b, result)
    for wrong in (b, np.roll(a, 1)):
        with pytest.raises(DifferentError, match="wide"):
            check_greater(net, "wide", wrong, b, result)


def test_comparators_of_constants_alone() -> None:
    builder = NetlistBuilder(1)
    ports = make_ports(("x", 1))
    a, b = (np.array(bits, dtype=np.int32) for bits in ([1, 0], [0, 1]))
    result = greater(builder, a, b)
    net = builder.build("none", ports, (Port("y", [result]),))
    check_greater(net, "none", a, b, result)
    with pytest.raises(DifferentError, match="a comparator is wrong"):
        check_greater(net, "none", b, a, result)


def test_a_popcount_of_thousands_is_proved() -> None:
    model = random_layers_model(np.random.default_rng(2), 16, [6000], 2).with_output("argmax")
    assert "5986 adder cells" in check_lowering(model, lower(model))[1]


def test_an_and_is_not_an_adder() -> None:
    model = random_layers_model(np.random.default_rng(4), 8, [12], 3).with_output("scores")
    lowering = lower(model)
    gate = int(lowering.compressors[0].total[0]) - lowering.netlist.first_gate
    tables = lowering.netlist.tables.copy()
    tables[gate] = AND2
    with pytest.raises(DifferentError, match="adder cell"):
        check_lowering(model, replace(lowering, netlist=lowering.netlist.replace(tables=tables)))


def test_equal_wide_comparators_are_proved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    proved: list[Netlist] = []
    real = arithmetic.prove_equal

    def counting(reference: Netlist, circuit: Netlist) -> Proof:
        proved.append(circuit)
        return real(reference, circuit)

    monkeypatch.setattr(arithmetic, "prove_equal", counting)
    width = 12
    builder = NetlistBuilder(3 * width)
    a, b, c = np.arange(3 * width, dtype=np.int32).reshape(3, width) + FIRST_INPUT
    first, second = greater(builder, a, b), greater(builder, b, c)
    # As the first, but for its highest bits in the place of each other.
    swapped = b[[*range(width - 2), width - 1, width - 2]]
    third = greater(builder, a, swapped)
    net = builder.build("three", make_ports(("x", 3 * width)), (Port("y", np.array([first])),))
    known: set[bytes] = set()
    check_greater(net, "first", a, b, first, known=known)
    check_greater(net, "second", b, c, second, known=known)
    assert len(proved) == 1
    with pytest.raises(DifferentError, match="third"):
        check_greater(net, "third", a, b, third, known=known)
    with pytest.raises(DifferentError, match="fourth"):
        check_greater(net, "fourth", b, a, first, known=known)
    check_greater(net, "fifth", a, swapped, third, known=known)
    assert len(proved) == 4

"""The search for fewer look-up tables: always the same function, sizes and levels as promised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers_synth import random_aigs
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.aig import Aig, to_netlist
from gatec.netlist import FIRST_INPUT, Netlist, Port
from gatec.passes.fold import fold
from gatec.proof.equivalence import prove_equal
from gatec.proof.verdict import Verdict
from gatec.synth.builder import AigBuilder
from gatec.synth.function import Function, prove
from gatec.synth.lut_search import by_lut_windows, fewest_luts
from gatec.synth.lut_state import make_lut_state, sort_luts
from gatec.synth.luts import from_netlist
from gatec.synth.luts import to_netlist as luts_to_netlist
from gatec.synth.read_tables import read_pla, read_truth
from gatec.synth.search import Clock, Effort
from gatec.synthesis import SynthOptions, search_luts, synthesise


def searched(function: Function, k: int, steps: int = 3000) -> Netlist:
    found = search_luts(function, k, Effort(steps=steps))
    assert prove(function, found, 60).verdict is Verdict.EQUIVALENT
    assert int(from_netlist(found).width.max(initial=0)) <= k
    return found


def parity(inputs: int) -> Aig:
    builder = AigBuilder(inputs)
    value = builder.inputs[0]
    for signal in builder.inputs[1:]:
        value = builder.xor(value, signal)
    return builder.build([value])


@pytest.mark.parametrize(("inputs", "k", "luts"), [(6, 6, 1), (11, 6, 2), (10, 4, 3), (7, 2, 6)])
def test_parities_take_the_fewest_tables(inputs: int, k: int, luts: int) -> None:
    assert searched(Function("f", parity(inputs)), k, 400).num_gates == luts


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.integers(2, 6), st.data())
def test_random_functions_stay_themselves(inputs: int, k: int, data: st.DataObject) -> None:
    count = 1 << inputs
    rows = data.draw(st.lists(st.integers(0, (1 << count) - 1), min_size=1, max_size=4))
    searched(read_truth("\n".join(f"{row:0{count}b}" for row in rows), "f", "f"), k, 300)


def test_circuits_with_constants_and_repeated_outputs_stay_themselves() -> None:
    for aig in random_aigs(25):
        net = fold(to_netlist(aig))
        effort = Effort(steps=600)
        found = fewest_luts(from_netlist(net), 4, Clock(effort), effort)
        again = luts_to_netlist(found, net)
        assert prove(Function("f", aig), again, 10).verdict is Verdict.EQUIVALENT
        assert found.count <= net.num_gates + 1  # a constant 1 is a table here


def test_dont_cares_make_networks_smaller() -> None:
    text = (
        ".i 4\n.o 1\n0000 0\n1111 1\n0011 -\n0101 -\n01-0 -\n1--0 -\n0--1 -\n-011 -\n1101 -\n.e\n"
    )
    assert searched(read_pla(text, "f", "f"), 2, 500).num_gates <= 2


def random_netlist(seed: int, luts: int = 90, inputs: int = 20) -> Netlist:
    """Return random tables of four inputs that read near ones, so that paths meet again."""
    rng = np.random.default_rng(seed)
    own = FIRST_INPUT + inputs + np.arange(luts)
    fanin = np.maximum(FIRST_INPUT, own[:, None] - 1 - rng.integers(0, 22, (luts, 4)))
    halves = rng.integers(0, 1 << 16, luts, dtype=np.uint64)
    tables = halves * np.uint64(0x0001_0001_0001_0001)
    ports = Port("x", np.arange(FIRST_INPUT, FIRST_INPUT + inputs)), Port("y", own[-9:])
    return fold(Netlist("f", ports[:1], ports[1:], fanin, tables))


@pytest.mark.parametrize("seed", range(4))
def test_windows_keep_the_function_and_the_levels(seed: int) -> None:
    net = random_netlist(seed)
    effort = Effort(steps=6000, seed=seed)
    found = by_lut_windows(from_netlist(net), 4, Clock(effort), effort, net.depth)
    again = luts_to_netlist(found, net)
    again.verify()
    assert prove_equal(net, again, 60).verdict is Verdict.EQUIVALENT
    assert again.depth <= net.depth
    assert again.num_gates < net.num_gates


def test_a_state_knows_when_an_output_is_late() -> None:
    net = fold(to_netlist(parity(5)))
    limit = np.array([net.depth], dtype=np.int32)
    state = make_lut_state(from_netlist(net), 1, limit=limit)
    assert state.level[state.outputs[0]] == net.depth
    assert sort_luts(state)
    limit -= 1
    assert not sort_luts(state)


def test_what_is_written_was_searched_as_tables(tmp_path: Path) -> None:
    source, target = tmp_path / "f.truth", tmp_path / "f.blif"
    source.write_text("11101000\n10010110\n")
    result = synthesise(source, target, SynthOptions(Effort(steps=100), lut_inputs=3))
    assert (result.after.luts, result.circuit.num_gates) == (2, 2)
    assert "ANDs" not in str(result)


def test_a_circuit_without_gates_still_says_so(tmp_path: Path) -> None:
    source = tmp_path / "f.truth"
    source.write_text("1100\n")
    result = synthesise(source, tmp_path / "f.aig", SynthOptions(Effort(steps=10)))
    assert result.after.ands == 0
    assert "-> 0, levels" in str(result)

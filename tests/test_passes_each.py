"""Every pass: legal, equivalent, deterministic, and never larger."""

from __future__ import annotations

import pkgutil
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import random_tables
from helpers_passes import assert_equivalent, check_pass, random_netlists

import gatec.passes
from gatec.errors import ToolError
from gatec.netlist import Netlist, Port, make_ports
from gatec.passes import (
    ABSORB,
    CLEAN,
    COLLAPSE,
    FOLD,
    MAP_LUT,
    MERGE,
    PASSES,
    PIPELINES,
    PRUNE,
    SPLIT,
    WINDOWS,
    Pass,
)
from gatec.passes.map_best import map_best
from gatec.passes.map_lut import STANDARD, map_lut
from gatec.passes.runner import run_passes
from gatec.text import from_text, to_text
from gatec.tools.runner import ToolTimeout

LOCAL = (FOLD, ABSORB, MERGE, PRUNE)
# Files in passes/ that are not a pass: engines of passes, what runs them, and passes that are made
# for the facts that a user states (`tests/test_facts.py`).
INFRASTRUCTURE = {"sweep", "runner", "lut_search", "lut_cuts", "lut_cover", "facts"}


def test_every_file_is_a_listed_pass() -> None:
    files = {module.name for module in pkgutil.iter_modules(gatec.passes.__path__)}
    on_disk = {path.stem for path in Path(gatec.passes.__file__).parent.glob("*.py")}
    assert files == on_disk - {"__init__"}
    assert files - INFRASTRUCTURE == {chosen.name for chosen in PASSES}


def test_names_are_unique_and_helps_are_sentences() -> None:
    assert len({chosen.name for chosen in PASSES}) == len(PASSES)
    for chosen in PASSES:
        assert chosen.help.endswith("."), chosen.name
        assert len(chosen.help) < 90


@pytest.mark.parametrize("chosen", LOCAL, ids=lambda p: p.name)
def test_local_pass(chosen: Pass) -> None:
    check_pass(chosen.run, random_netlists(200, registers=True), idempotent=True)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_split_obeys_k(k: int) -> None:
    for net in random_netlists(100, registers=True):
        after = SPLIT.having(k=k).run(net)
        after.verify()
        assert after.fanin.shape[1] <= k
        assert_equivalent(net, after)
        if net.fanin.shape[1] <= k:
            assert after is net


@pytest.mark.parametrize("k", [2, 3, 6])
def test_collapse_makes_no_gate_wider_than_k(k: int) -> None:
    run = COLLAPSE.having(k=k).run
    check_pass(run, random_netlists(100, registers=True), idempotent=False)
    for net in random_netlists(50):
        assert run(net).fanin.shape[1] <= max(k, net.fanin.shape[1])


def test_collapse_takes_in_what_has_one_reader() -> None:
    text = """netlist chain k=2
input x[4] bits
g0 = lut2:8 x[0] x[1]
g1 = lut2:6 g0 x[2]
g2 = lut2:e g1 x[3]
output y[1] bits = g2
"""
    net = from_text(text)
    assert [COLLAPSE.having(k=k).run(net).num_gates for k in (2, 3, 4)] == [3, 2, 1]
    shared = net.replace(outputs=(*net.outputs, Port("z", np.array([net.first_gate]))))
    assert COLLAPSE.having(k=4).run(shared).num_gates == 2


@pytest.mark.parametrize("k", [2, 4, 6])
def test_map_lut_obeys_k_and_keeps_cuts_and_registers(k: int) -> None:
    check_pass(
        MAP_LUT.having(k=k).run,
        (net for net in random_netlists(12, registers=True) if net.fanin.shape[1] <= k),
        idempotent=False,
    )


@pytest.mark.parametrize("k", [3, 4])
def test_map_lut_splits_wide_gates(k: int) -> None:
    for net in random_netlists(12):
        after = MAP_LUT.having(k=k).run(net)
        after.verify()
        assert after.fanin.shape[1] <= k
        assert_equivalent(net, after)


@pytest.mark.parametrize("k", [3, 4, 6])
def test_windows_keep_cuts_registers_and_levels(k: int) -> None:
    run = WINDOWS.having(k=k, most_steps=300).run
    check_pass(run, random_netlists(12, registers=True), idempotent=False)
    for net in random_netlists(12):
        after = run(net)
        assert after.num_gates <= net.num_gates
        assert after.depth <= net.depth or after is net


def test_windows_find_what_mapping_leaves() -> None:
    # y = (a & b) | (a & ~b & c), and z reads the same three: two tables, not four.
    net = from_text(
        "netlist small k=2\ninput x[3] bits\ng0 = lut2:8 x[0] x[1]\ng1 = lut2:2 x[0] x[1]\n"
        "g2 = lut2:8 g1 x[2]\ng3 = lut2:e g0 g2\noutput y[1] bits = g3\n"
    )
    assert WINDOWS.having(k=2).run(net).num_gates == 2
    assert WINDOWS.having(k=3).run(net).num_gates == 1


def test_map_lut_keeps_a_smaller_input() -> None:
    net = from_text(
        "netlist small k=4\ninput x[5] bits\n"
        "g0 = lut4:8000 x[0] x[1] x[2] x[3]\ng1 = lut2:6 g0 x[4]\noutput y[1] bits = g1\n"
    )
    assert map_lut(net, scripts=["strash; if -K 2"]) is not net
    assert to_text(map_lut(net, scripts=["strash; if -K 2"])) == to_text(net)
    # Nor is a result with too wide gates taken, however few they are.
    assert to_text(map_lut(net, scripts=["strash; if -K 6"])) == to_text(net)


def test_map_lut_prefers_fewer_gates_then_fewer_levels() -> None:
    chain = "\n".join(
        f"g{n} = lut2:8 {'x[0]' if n == 0 else f'g{n - 1}'} x[{n + 1}]" for n in range(9)
    )
    net = from_text(f"netlist chain k=2\ninput x[10] bits\n{chain}\noutput y[1] bits = g8\n")
    mapped = map_lut(net, k=2, scripts=["strash; if -K {k}", "strash; balance; if -K {k}"])
    assert (mapped.num_gates, mapped.depth) == (9, 4)
    assert map_lut(net, k=4).num_gates == 3


def test_map_best_is_never_larger_and_notes_what_is_flatter() -> None:
    gained, noted = 0, 0
    for net in random_netlists(12):
        flatter: list[Netlist] = []
        smallest = map_best(net, 4, STANDARD, flatter)
        alone = map_lut(net, 4, STANDARD)
        assert smallest.num_gates <= alone.num_gates
        gained += smallest.num_gates < alone.num_gates
        for flat in flatter:
            assert_equivalent(net, flat)
            assert flat.num_gates > smallest.num_gates
            assert flat.depth < smallest.depth
        noted += len(flatter)
    assert gained
    assert noted


@pytest.mark.parametrize("script", ["nonsense", "strash; if -K 99", "read_blif absent.blif"])
def test_a_failing_script_is_a_tool_error(script: str) -> None:
    (net,) = random_netlists(1)
    with pytest.raises(ToolError, match="abc"):
        map_lut(net, scripts=[script])


def test_a_slow_script_is_stopped() -> None:
    (net,) = random_netlists(1)
    with pytest.raises(ToolTimeout, match="not done after"):
        map_lut(net, scripts=["strash; sleep 30"], timeout=0.5)


@pytest.mark.parametrize("level", sorted(PIPELINES))
def test_pipelines_of_all_levels(level: int) -> None:
    for net in random_netlists(4, registers=True):
        for k in (2, 4, 6):
            after, _ = run_passes(net, PIPELINES[level](k))
            assert after.fanin.shape[1] <= k
            assert_equivalent(net, after)


def test_local_passes_in_any_order() -> None:
    rng = np.random.default_rng(5)
    for net in random_netlists(60, registers=True):
        order = rng.choice(len(LOCAL), size=6)
        after, reports = run_passes(net, [LOCAL[i] for i in order])
        assert_equivalent(net, after)
        counts = [net.num_gates, *(report.gates_after for report in reports)]
        assert counts == sorted(counts, reverse=True)


def cleaned(text: str, *chosen: Pass) -> str:
    """Return the text form after passes, without its first line."""
    net, _ = run_passes(from_text(text), chosen)
    return to_text(net).split("\n", 1)[1]


def test_fold_a_constant_through_three_gates() -> None:
    text = """\
netlist fold k=3
input x[2] bits
g0 = lut2:8 x[0] 0
g1 = lut3:e8 x[0] g0 x[1]
g2 = lut2:6 g1 g1
g3 = lut2:e g2 x[1]
g4 = lut3:96 x[1] x[0] x[1]
output y[4] bits = g1 g2 g3 g4
"""
    # A majority with a 0 is an AND, x ^ x is 0, and x ^ y ^ x is y.
    assert (
        cleaned(text, FOLD)
        == """\
input x[2] bits
g0 = lut2:8 x[0] x[1]
g1 = lut1:2 x[1]
g2 = lut1:2 x[0]
output y[4] bits = g0 0 g1 g2
"""
    )


def test_absorb_pushes_inverters_into_readers_and_out_of_outputs() -> None:
    text = """\
netlist absorb k=2
input x[2] bits
g0 = lut1:1 x[0]
g1 = lut2:8 g0 x[1]
g2 = lut1:1 g1
g3 = lut1:2 g2
g4 = lut2:6 g3 x[1]
output y[3] bits = g3 g4 g0
"""
    # y[0] is the complement of an AND, which becomes a NAND, as no root reads the AND itself; y[2]
    # is that of an input, so an inverter.
    assert (
        cleaned(text, ABSORB, PRUNE)
        == """\
input x[2] bits
g0 = lut2:b x[0] x[1]
g1 = lut2:6 g0 x[1]
g2 = lut1:1 x[0]
output y[3] bits = g0..2
"""
    )
    # Where one does, both are needed.
    assert (
        cleaned(text.replace("= g3 g4 g0", "= g3 g4 g1"), ABSORB, PRUNE)
        == """\
input x[2] bits
g0 = lut2:4 x[0] x[1]
g1 = lut2:9 g0 x[1]
g2 = lut2:b x[0] x[1]
output y[3] bits = g2 g1 g0
"""
    )


def test_merge_finds_permuted_and_complemented_gates() -> None:
    text = """\
netlist merge k=3
input x[3] bits
g0 = lut3:10 x[0] x[1] x[2]
g1 = lut3:04 x[0] x[2] x[1]
g2 = lut3:fb x[0] x[2] x[1]
g3 = lut2:8 g0 g1
g4 = lut2:6 g1 g2
output y[2] bits = g3 g4
cut c[1] bits = g2
"""
    # g1 is g0 with two inputs exchanged; g2 is its complement, which the cut needs and g0 becomes.
    assert (
        cleaned(text, MERGE)
        == """\
input x[3] bits
g0 = lut3:ef x[0] x[1] x[2]
g1 = lut2:1 g0 g0
g2 = lut2:9 g0 g0
cut c[1] bits = g0
output y[2] bits = g1 g2
"""
    )
    assert (
        cleaned(text, MERGE, FOLD, ABSORB, PRUNE)
        == """\
input x[3] bits
g0 = lut3:ef x[0] x[1] x[2]
g1 = lut3:10 x[0] x[1] x[2]
cut c[1] bits = g0
output y[2] bits = g1 1
"""
    )


def test_prune_keeps_what_outputs_cuts_and_registers_need() -> None:
    text = """\
netlist prune k=2
input x[2] bits
r0 = g2 init 0
g0 = lut2:8 x[0] x[1]
g1 = lut2:6 g0 x[1]
g2 = lut2:e r0 g0
g3 = lut2:1 x[0] x[1]
g4 = lut2:7 g3 g1
g5 = lut1:1 x[0]
cut c[1] bits = g5
output y[1] bits = x[0]
"""
    assert (
        cleaned(text, PRUNE)
        == """\
input x[2] bits
r0 = g1 init 0
g0 = lut2:8 x[0] x[1]
g1 = lut2:e r0 g0
g2 = lut1:1 x[0]
cut c[1] bits = g2
output y[1] bits = x[0]
"""
    )


def test_split_writes_a_multiplexer_of_cofactors() -> None:
    text = """\
netlist split k=4
input x[4] bits
g0 = lut2:6 x[0] x[1]
g1 = lut4:6996 x[0] x[1] x[2] x[3]
g2 = lut2:8 g0 g1
output y[1] bits = g2
"""
    assert (
        cleaned(text, SPLIT.having(k=3))
        == """\
input x[4] bits
g0 = lut2:6 x[0] x[1]
g1 = lut3:96 x[0] x[1] x[2]
g2 = lut3:69 x[0] x[1] x[2]
g3 = lut3:ca g1 g2 x[3]
g4 = lut2:8 g0 g3
output y[1] bits = g4
"""
    )


def test_local_passes_are_linear() -> None:
    """A quarter of a million gates in a few seconds; a loop over gates would take minutes."""
    rng = np.random.default_rng(1)
    width, layers = 25_000, 10
    fanin = [2 + rng.integers(0, 784, size=(width, 2))]
    fanin += [2 + 784 + n * width + rng.integers(0, width, (width, 2)) for n in range(layers - 1)]
    last = 2 + 784 + (layers - 1) * width
    net = Netlist(
        "layers",
        make_ports(("x", 784)),
        (Port("y", np.arange(last, last + width)),),
        np.concatenate(fanin),
        random_tables(rng, 2, width * layers),
    )
    start = time.process_time()
    after, _ = run_passes(net, [CLEAN])
    assert time.process_time() - start < 10
    assert after.num_gates < net.num_gates / 2

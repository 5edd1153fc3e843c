"""Clock gates that share latches behind a decoder: smaller, proved, simulated; wrong ones found."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers import require
from helpers_backends import random_staged, reference, run_rtl
from helpers_cells import (
    GATES,
    PLAIN_FF,
    TIES,
    clock_gate,
    flip_flop,
    gates_of,
    latch,
    liberty,
    library_of,
)

from gatec.backends.asic import abc_map
from gatec.backends.asic.implement import net_rates, prove_gates
from gatec.backends.asic.sta import analyse
from gatec.backends.asic.text import write_models
from gatec.backends.verilog import Emitted, emit
from gatec.errors import DifferentError, ToolError
from gatec.liberty.arcs import Arcs
from gatec.proof.verdict import Verdict
from gatec.sim.rtl import Traffic
from gatec.tools.abc import run_abc
from gatec.tools.runner import ToolRun

NOR3 = ("NOR3", 4, "ABC", {"Y": "!(A + B + C)"})
CELLS = ((*GATES, NOR3, *TIES), flip_flop(PLAIN_FF), clock_gate(area=16), latch())
LIBERTY = liberty(*CELLS)
NET = random_staged(12, inputs=48, gates=120, outputs=20, stages=1)


@cache
def core() -> Emitted:
    return emit(NET, style="generic", beat_bits=4, early=2)


def test_words_share_the_latches_of_their_clock_gates(tmp_path: Path) -> None:
    require("iverilog")
    library = library_of(tmp_path, LIBERTY)
    gates = gates_of(core(), library)
    assert gates.proof.verdict is Verdict.EQUIVALENT
    netlist = gates.netlist
    # Twelve words, numbered by four bits, and the request.
    assert netlist.is_low_latch.sum() == 5
    assert netlist.is_clock_nor.sum() == 12
    apart = gates_of(
        core(), library_of(tmp_path, liberty(*CELLS[:2], clock_gate(area=5), latch()))
    ).netlist
    assert not apart.is_low_latch.any()
    assert apart.is_clock_gate.sum() == 12 + netlist.is_clock_gate.sum()
    # Twelve clock gates at 16 for five latches, inverters (some in the decoder), and NORs.
    assert netlist.area < apart.area + 12 * 11 - (12 * 16 - 5 * 9 - 4 * 2 - 12 * 4)
    vectors = np.random.default_rng(1).integers(0, 2, (40, 48), dtype=np.uint8)
    models = write_models(netlist.kinds)
    for traffic in (None, Traffic(gaps=0.3, stalls=0.3, reset_after=7, seed=4)):
        result = run_rtl(core(), vectors, traffic, gates.text, models)
        assert np.array_equal(result.outputs, reference(NET, vectors))


def test_what_gates_clocks_is_timed_and_counted(tmp_path: Path) -> None:
    library = library_of(tmp_path, LIBERTY)
    gates = gates_of(core(), library)
    assert gates.timing is not None
    # Latches that open in the middle and then take a clock's time leave less than half of it.
    found = gates_of(core(), library_of(tmp_path, liberty(*CELLS[:3], latch(opens=15)))).timing
    assert found is not None
    assert found.period_ns >= 2 * 15 > 20 > gates.timing.period_ns
    assert [step.cell for step in found.path][:: len(found.path) - 1] == ["LATCH", "NOR3"]
    machine = gates.read.machine.netlist
    ones = np.full(machine.num_nets, 100)
    rates = net_rates(gates, np.zeros(machine.num_nets, dtype=np.int64), ones, 100)
    nors = gates.netlist.is_clock_nor
    outputs = gates.netlist.pins[nors, gates.netlist.num_inputs[nors]]
    assert (rates[outputs] == 2).all()
    assert analyse(gates.netlist, Arcs(library)).period_ns == gates.timing.period_ns


def test_wrong_shared_gates_are_found(tmp_path: Path) -> None:
    library = library_of(tmp_path, LIBERTY)
    text = gates_of(core(), library).text
    nor, *others = re.findall(r"  NOR3 c\d+ .*", text)
    held, another = re.findall(r"  LATCH l\d+ .*", text)[:2]
    low = re.search(r"  INV low1 .*", text)[0]  # type: ignore[index]
    state = re.search(r"  DFF r_beat_in_0 .*", text)[0]  # type: ignore[index]
    plain = re.search(r"  DFF r_o__valid_0 .*", text)[0]  # type: ignore[index]

    def pin(line: str, name: str) -> str:
        return re.search(rf"\.{name}\(([^)]+)\)", line)[1]  # type: ignore[index]

    def swapped(line: str, name: str, net: str) -> tuple[str, str]:
        return line, line.replace(f".{name}({pin(line, name)})", f".{name}({net})")

    thirds = [pin(line, "C") for line in others]
    attacks = {
        "the gates are not the core": [
            swapped(nor, "C", next(p for p in thirds if p != pin(nor, "C"))),
            swapped(held, "D", pin(another, "D")),
            swapped(held, "D", "1'b1"),
        ],
        "reads what changes while clk is high": [
            swapped(nor, "B", pin(state, "Q")),
            swapped(nor, "B", "i_valid"),
            swapped(held, "G", pin(state, "Q")),
            (low, low.replace("INV ", "BUF ")),
        ],
        "is not low while clk is": [(nor, nor.replace("NOR3", "NAND3"))],
        "a wire without a driver": [
            swapped(plain, "D", pin(held, "Q")),
            swapped(plain, "D", pin(low, "Y")),
            swapped(plain, "D", pin(nor, "Y")),
        ],
        "another source": [(nor, f"{nor}\n{nor.replace(' c', ' more')}")],
    }
    for message, changes in attacks.items():
        for old, new in changes:
            assert text.count(old) == 1
            assert old != new
            with pytest.raises(DifferentError, match=message):
                prove_gates(text.replace(old, new), core().text, core().shape, library, 60)


def test_a_net_on_which_dont_cares_fail_is_mapped_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tripping(commands: list[str], **more: object) -> ToolRun:
        if any("mfs3" in command for command in commands):
            raise ToolError("exit code -6", file="abc")
        return run_abc(commands, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(abc_map, "run_abc", tripping)
    library = library_of(tmp_path, LIBERTY)
    with_cares = abc_map.FAST[0]
    mapping = abc_map.map_gates(NET, library, with_cares)
    assert with_cares == f"{mapping.script}; {with_cares.split('; ')[-1]}"
    assert mapping.gates
    with pytest.raises(ToolError, match="exit code -6"):
        abc_map.map_gates(NET, library, "strash; map; mfs3 -a")

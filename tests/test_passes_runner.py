"""The runner: reports, dumps, proofs, and the broken passes that it catches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gatec.passes.runner
from gatec.errors import DifferentError, UnprovedError, UsageError
from gatec.netlist import Netlist, NetlistError, Port
from gatec.passes import ABSORB, CLEAN, FOLD, PRUNE, Pass, Repeat
from gatec.passes.runner import PassReport, run_passes
from gatec.proof.verdict import Proof, Verdict
from gatec.text import from_text, to_text

TEXT = """\
netlist chain k=2
input x[2] bits
g0 = lut2:8 x[0] x[1]
g1 = lut1:1 g0
g2 = lut1:1 g1
cut c[1] bits = g1
output y[1] bits = g2
"""


def net() -> Netlist:
    return from_text(TEXT)


def broken(run: Callable[[Netlist], Netlist]) -> Pass:
    return Pass("broken", "Breaks it.", run)


def test_reports_count_gates_and_levels() -> None:
    seen: list[PassReport] = []
    after, reports = run_passes(net(), (FOLD, ABSORB, PRUNE), on_step=seen.append)
    assert seen == reports
    rows = [
        (r.name, r.gates_before, r.gates_after, r.levels_before, r.levels_after) for r in reports
    ]
    assert rows == [("fold", 3, 3, 3, 3), ("absorb", 3, 2, 3, 1), ("prune", 2, 2, 1, 1)]
    assert all(0 <= report.seconds < 5 for report in reports)
    assert all(report.proof is None for report in reports)
    assert after.num_gates == 2


def test_repeat_ends_when_nothing_changes_and_is_bounded() -> None:
    _, reports = run_passes(net(), [CLEAN])
    assert len(reports) == 2 * len(CLEAN.passes)

    def grow(before: Netlist) -> Netlist:
        fanin, tables = [*before.fanin, before.fanin[-1]], [*before.tables, before.tables[-1]]
        return before.replace(fanin=fanin, tables=tables)

    after, reports = run_passes(net(), [Repeat((Pass("grow", "Grows.", grow),), rounds=7)])
    assert len(reports) == 7
    assert after.num_gates == 10


def test_dumps_are_the_text_form_after_each_pass(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "dumps"
    after, _ = run_passes(net(), (FOLD, ABSORB, PRUNE), dump_dir=folder)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["00-input.txt", "01-fold.txt", "02-absorb.txt", "03-prune.txt"]
    assert (folder / "00-input.txt").read_text() == TEXT
    assert (folder / "03-prune.txt").read_text() == to_text(after)


def test_a_dump_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        run_passes(net(), [FOLD], dump_dir=tmp_path / "file" / "dumps")


def test_each_pass_is_proved() -> None:
    _, reports = run_passes(net(), [CLEAN], prove_each=True)
    for report in reports:
        assert report.proof is not None
        assert report.proof.verdict is Verdict.EQUIVALENT


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda n: n.replace(fanin=n.fanin + 9), "reads a net that is not before it"),
        (lambda n: n.replace(fanin=n.fanin[:, :1]), "reads slot 1"),
        (lambda n: n.replace(outputs=(Port("y", [99]),)), r"y\[0\] is net 99"),
        (lambda n: n.replace(outputs=()), "changed the name, ports"),
        (lambda n: n.replace(cuts=()), "changed the name, ports"),
        (lambda n: n.replace(name="other"), "changed the name, ports"),
    ],
)
def test_an_illegal_result_names_the_pass(run: Callable[[Netlist], Netlist], message: str) -> None:
    with pytest.raises(NetlistError, match="pass broken: .*" + message):
        run_passes(net(), [FOLD, broken(run)])


def flip_one_bit(before: Netlist) -> Netlist:
    tables = before.tables.copy()
    tables[0] ^= np.uint64(0x1111_1111_1111_1111)
    return before.replace(tables=tables)


def move_the_cut(before: Netlist) -> Netlist:
    return before.replace(cuts=(Port("c", before.output_nets),))


@pytest.mark.parametrize("run", [flip_one_bit, move_the_cut])
def test_a_wrong_function_is_caught_when_each_pass_is_proved(
    run: Callable[[Netlist], Netlist],
) -> None:
    run_passes(net(), [broken(run)])
    with pytest.raises(DifferentError, match="pass broken: changed the function: input vector"):
        run_passes(net(), [FOLD, broken(run)], prove_each=True)


def test_a_wrong_next_state_is_caught() -> None:
    text = TEXT.replace("g0 =", "r0 = g1 init 0\ng0 =", 1)

    def other_state(before: Netlist) -> Netlist:
        return before.replace(register_d=before.output_nets)

    with pytest.raises(DifferentError, match="pass broken"):
        run_passes(from_text(text), [broken(other_state)], prove_each=True)


@pytest.mark.parametrize("verdict", [Verdict.UNDECIDED, Verdict.TIMEOUT])
def test_no_verdict_is_not_a_proof(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: Netlist, timeout: float) -> Proof:
        return Proof(verdict, f"gave up after {timeout}")

    monkeypatch.setattr(gatec.passes.runner, "prove_equal", give_up)
    with pytest.raises(UnprovedError, match=f"pass fold: equivalence is {verdict.value}"):
        run_passes(net(), [FOLD], prove_each=True, proof_timeout=3)

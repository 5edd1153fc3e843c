"""`gatec synth` from file to proved file, and its refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatec import synthesis
from gatec.aig import Aig
from gatec.aiger import read_aiger
from gatec.cli import run
from gatec.tools.abc import run_abc

# Output 0 is the majority of three, output 1 their parity: a full adder.
ADDER = "11101000\n10010110\n"


@pytest.fixture
def adder(tmp_path: Path) -> Path:
    path = tmp_path / "adder.truth"
    path.write_text(ADDER)
    return path


def test_every_format_is_written_proved_and_read(
    adder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix in (".aag", ".blif", ".v", ".aig"):
        target = adder.with_suffix(suffix)
        assert run(["synth", str(adder), "-o", str(target), "--steps", "4000", "-q"]) == 0
        assert target.stat().st_size > 0
    assert capsys.readouterr().out == ""
    target = adder.with_suffix(".aig")
    assert read_aiger(target.read_bytes()).num_ands == 7
    commands = ["read_truth -xf adder.truth", "strash", "write_aiger ref.aig"]
    commands += ["cec -n ref.aig adder.aig", "cec -n ref.aig adder.blif"]
    inputs = {f"adder{s}": adder.with_suffix(s).read_bytes() for s in (".aig", ".blif")}
    log = run_abc(commands, inputs={"adder.truth": ADDER, **inputs}).log
    assert log.count("Networks are equivalent") == 2


def test_the_summary_is_one_line(adder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = adder.with_suffix(".blif")
    assert run(["synth", str(adder), "-o", str(target), "--steps", "4000", "--lut", "4"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("adder: 3 inputs, 2 outputs: LUT4 2 -> 2, levels ")
    assert "LUT4 2 -> 2, levels 1 -> 1; equivalent (all 8 assignments)" in line
    assert line.count("\n") == 1


def test_names_survive(tmp_path: Path) -> None:
    source = tmp_path / "x.blif"
    source.write_text(".inputs reg a[1]\n.outputs out\n.names reg a[1] out\n01 1\n10 1\n.end\n")
    for suffix in (".v", ".blif", ".aag"):
        target = tmp_path / f"y{suffix}"
        assert run(["synth", str(source), "-o", str(target), "--steps", "500", "-q"]) == 0
        assert all(name in target.read_text() for name in ("reg", "a[1]", "out"))


def test_many_inputs_are_proved_by_sat(tmp_path: Path) -> None:
    source, target = tmp_path / "wide.pla", tmp_path / "wide.aig"
    rows = [f"{'-' * n}11{'-' * (18 - n)} 1" for n in range(19)]
    source.write_text(".i 20\n.o 1\n.type f\n" + "\n".join(rows) + "\n.e\n")
    assert run(["synth", str(source), "-o", str(target), "--effort", "1", "-q"]) == 0
    assert read_aiger(target.read_bytes()).num_inputs == 20


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no.truth", "-o", "y.aig"], 3, "cannot be read"),
        (["adder.truth", "-o", "y.txt"], 2, "suffix '.txt'; expected .aig .aag .blif .v"),
        (["adder.txt", "-o", "y.aig"], 2, "suffix '.txt'; expected .truth"),
        (["adder.truth", "-o", "y.aig", "--lut", "4"], 2, "expected .blif or .v"),
        (["adder.truth", "-o", "y.v", "--lut", "7"], 2, "--lut 7; expected 2 to 6"),
        (["adder.truth", "-o", "y.v", "--effort", "nan"], 2, "--effort nan"),
        (["adder.truth", "-o", "none/y.v"], 2, "cannot be written"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(
    adder: Path,
    arguments: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(adder.parent)
    assert run(["synth", "-q", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert [path.name for path in adder.parent.iterdir()] == ["adder.truth"]


def test_a_wrong_result_is_never_written(
    adder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(synthesis, "search", lambda *_: Aig(3, [[2, 4]], [8, 8]))
    assert run(["synth", "-q", str(adder), "-o", str(adder.with_suffix(".aig"))]) == 5
    assert "gives output bit" in capsys.readouterr().err
    assert not adder.with_suffix(".aig").exists()

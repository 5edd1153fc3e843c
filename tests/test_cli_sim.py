"""`gatec sim` on the Verilog: every simulator, and the testbench that is written out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import pywellen
from helpers import require

from gatec.cli import run
from gatec.demo import path as demo_path
from gatec.errors import DifferentError
from gatec.folder import OutputFolder
from gatec.rtl import check_rtl, circuit_of
from gatec.sim.data import load_data

DEMO = ["sim", "demo:digits", "--data", "demo:digits-test"]
TEST = load_data(demo_path("digits-test"), num_inputs=128).bits


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("sim") / "out"
    assert run(["compile", "demo:digits", "-q", "--no-pnr", "-o", str(target)]) == 0
    return target


def simulate_bench(folder: Path) -> str:
    command = "iverilog -g2012 -o sim *_tb.sv digits.v digits_cells.v && vvp -n sim && rm sim"
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True)  # noqa: PLW1510
    return f"{done.stdout} exit code {done.returncode}"


def test_the_folder_holds_a_testbench_that_passes(folder: Path) -> None:
    require("iverilog")
    assert "PASS: 256 vectors in 262 cycles" in simulate_bench(folder)
    assert run(["verify", str(folder)]) == 0


def test_a_testbench_of_the_users_data(folder: Path, tmp_path: Path) -> None:
    require("iverilog")
    target = tmp_path / "bench"
    arguments = ["sim", str(folder), "--data", "demo:digits-test", "--limit", "30"]
    for _ in range(2):  # the second run replaces what the first wrote
        assert run([*arguments, "--write-testbench", str(target)]) == 0
    assert "PASS: 30 vectors" in simulate_bench(target)
    answers = (target / "vectors_out.hex").read_text().split()
    (target / "vectors_out.hex").write_text("\n".join([*answers[:-1], "a"]))
    said = simulate_bench(target)
    assert "FAIL: vector 29" in said
    assert "exit code 0" not in said


def test_a_testbench_never_replaces_other_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert run([*DEMO, "--write-testbench", str(tmp_path)]) == 2
    assert "holds files that gatec did not write, such as thesis.txt" in capsys.readouterr().err


def test_the_netlist_in_the_text_is_simulated_without_a_simulator(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    arguments = ["--data", "demo:digits-test", "--rtl", "--simulator", "netlist", "--json"]
    assert run(["sim", str(folder), *arguments]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rtl"] == "equal to the reference on every bit"
    assert found["rtl_latency_cycles"] == 6
    assert "rtl_cycles" not in found


@pytest.mark.parametrize("judge", ["icarus", "netlist"])
def test_a_changed_gate_is_found(folder: Path, judge: str) -> None:
    if judge == "icarus":
        require("iverilog")
    loaded = OutputFolder.load(folder)
    circuit = circuit_of(loaded.model(), "argmax", loaded)
    text = circuit.sources["digits.v"]
    # The last LUT of the last stage: bit 3 of the class.
    head, mark, tail = text.rpartition("SB_LUT4 #(.LUT_INIT(16'h")
    assert mark
    changed = f"{head}{mark}{int(tail[:4], 16) ^ 0xFFFF:04x}{tail[4:]}"
    circuit.sources["digits.v"] = changed
    with pytest.raises(DifferentError, match=r"gives 0x\w for sample \d+; expected 0x\w"):
        check_rtl(circuit, TEST[:50], judge)  # type: ignore[arg-type]


def test_waves_of_the_verilog_follow_the_clock(folder: Path, tmp_path: Path) -> None:
    require("iverilog")
    target = tmp_path / "rtl.fst"
    chosen = ["--signals", "clk", "--signals", "o_*", "--signals", "rank0[0]"]
    arguments = ["--data", "demo:digits-test", "--limit", "5", "--rtl", "--waves", str(target)]
    assert run(["sim", str(folder), "-q", *arguments, *chosen]) == 0
    waves = pywellen.Waveform(str(target))
    signals = {v.name: v.signal for v in waves.all_vars()}
    assert set(signals) == {"clk", "o_ready", "o_payload", "o_valid", "rank0"}
    assert [signals["clk"].value_at(t) for t in (0, 5, 10, 15)] == [1, 0, 1, 0]
    seen = [
        signals["o_payload"].value_at(time)
        for time in range(5, 300, 10)
        if signals["o_valid"].value_at(time) == 1
    ]
    expected = circuit_of(OutputFolder.load(folder).model(), "argmax", OutputFolder.load(folder))
    classes = expected.model.predict(TEST[:5])
    assert seen == classes.tolist()
    assert run(["sim", str(folder), *arguments, "--signals", "nothing"]) == 2

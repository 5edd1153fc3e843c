"""Every user-caused error: one line, the right exit code, nothing left behind."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

import gatec
from gatec import driver
from gatec.cli import run
from gatec.commands import boards
from gatec.demo import path as demo_path

DEMO = str(demo_path("digits"))


def good() -> dict[str, np.ndarray]:
    return {
        "inputs": np.array(4),
        "layers.0.fanin": np.array([[0, 1], [2, 3], [1, 2], [0, 3]]),
        "layers.0.gates": np.array([1, 6, 7, 14]),
        "classes": np.array(2),
    }


def write_npz(path: Path, **changes: object) -> Path:
    arrays = {key: value for key, value in (good() | changes).items() if value is not None}
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def complain(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: object, code: int
) -> str:
    """Run gatec, check exit code, one line and no output; return the line."""
    before = set(tmp_path.rglob("*"))
    assert run([str(argument) for argument in arguments]) == code
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith("gatec: ")
    assert set(tmp_path.rglob("*")) == before
    return captured.err.removeprefix("gatec: ").rstrip()


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"layers.0.fanin": np.array([[0, 1], [2, 4], [1, 2], [0, 3]])}, 3, "gate 1 reads input 4"),
        (
            {"layers.0.fanin": np.array([[0, 1], [2, -1], [1, 2], [0, 3]])},
            3,
            "gate 1 reads input -1",
        ),
        (
            {"layers.0.fanin": np.array([[0, 1.5], [2, 3], [1, 2], [0, 3]])},
            3,
            "layer 0: wiring of type",
        ),
        ({"layers.0.gates": np.array([1, 6, 7, 16])}, 3, "16"),
        ({"classes": np.array(3)}, 3, "4 outputs do not divide into 3 classes"),
        ({"inputs": None}, 3, "--inputs N"),
        ({"classes": None}, 2, "--classes N"),
        ({"layers.0.gates": None}, 3, "layers.0"),
    ],
)
def test_bad_models(
    changes: dict[str, object],
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = write_npz(tmp_path / "model.npz", **changes)
    out = tmp_path / "out"
    assert message in complain(capsys, tmp_path, "compile", file, "--quiet", "-o", out, code=code)


def test_a_good_one_of_these_compiles(tmp_path: Path) -> None:
    file = write_npz(tmp_path / "model.npz")
    assert run(["compile", str(file), "--no-pnr", "--quiet", "-o", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize("size", [0, 1, 100, 5_000])
def test_truncated_files(size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cut.pt"
    file.write_bytes(Path(DEMO).read_bytes()[:size])
    assert "cut.pt" in complain(capsys, tmp_path, "compile", file, "-q", code=3)


def test_a_pickle_with_code_is_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "mark"
    file = tmp_path / "evil.pt"
    file.write_bytes(f"cos\nsystem\n(S'touch {mark}'\ntR.".encode())
    assert "evil.pt" in complain(capsys, tmp_path, "compile", file, "-q", code=3)
    assert not mark.exists()


def test_missing_and_foreign_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing.pt" in complain(capsys, tmp_path, "inspect", tmp_path / "nothing.pt", code=3)
    assert complain(capsys, tmp_path, "compile", tmp_path, "-q", code=3)
    (tmp_path / "text.pt").write_text("hello")
    assert complain(capsys, tmp_path, "compile", tmp_path / "text.pt", "-q", code=3)
    assert "no demo file" in complain(capsys, tmp_path, "compile", "demo:cats", code=2)


def test_a_hostile_name_stays_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\nb\x1b[31m.pt"
    line = complain(capsys, tmp_path, "compile", tmp_path / name, "-q", code=3)
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "vax"], "unknown target 'vax'"),
        (["--device", "hx9k"], "unknown device 'hx9k'"),
        (["--device", "up5k", "--package", "ct256"], "unknown package 'ct256'"),
        (["--board", "icebraker"], "icebraker"),
        (["--board", "icebreaker", "--device", "up5k"], "--board and --device together"),
        (["--board", "icebreaker", "--beat-bits", "4"], "--beat-bits 4 with --board"),
        (["--board", "icebreaker", "--clock", "600"], "600"),
        (["--target", "generic", "--device", "up5k"], "--device with target generic"),
        (["--target", "generic", "--clock", "100"], "--clock 100 with target generic"),
        (["--target", "generic", "--lut-inputs", "9"], "--lut-inputs 9"),
        (["--lut-inputs", "6"], "--lut-inputs 6"),
        (["--stages", "3", "--clock", "10"], "--stages and --clock together"),
        (["--stages", "0"], "--stages 0"),
        (["--stages", "999"], "999 stages for"),
        (["--clock", "-5"], "--clock -5"),
        (["--clock", "nan"], "--clock nan"),
        (["-O", "4"], "4 is not in the range"),
        (["--effort", "1000"], "--effort 1000 with -O2; expected -O3"),
        (["-O3", "--effort", "0"], "--effort 0; expected 1 to 1000000000"),
        (["--output", "probabilities"], "'probabilities' is not one of"),
        (["--beat-bits", "0"], "--beat-bits 0"),
        (["--vectors", "0"], "--vectors 0"),
        (["--vectors", "100000000000"], "--vectors 100000000000"),
        (["--seed", "99999999999999999999"], "--seed"),
        (["--clock", "50", "--no-pnr"], "--clock without place and route"),
        (["--seeds", "4", "--no-pnr"], "--seeds 4 with --no-pnr"),
        (["--resynthesis", "try", "--no-pnr"], "--resynthesis try with --no-pnr"),
        (["--resynthesis", "try"], "--resynthesis try with target ice40"),
        (["--target", "generic", "--seeds", "4"], "--seeds 4 with target generic"),
        (["--target", "generic", "--head", "carry"], "--head carry; expected --head tree"),
        (["--board", "tang_nano_9k", "--clock", "100"], "no PLL is set on gowin"),
        (["--board", "icebreaker", "--target", "ecp5"], "--target ecp5 with --board icebreaker"),
        (["--inputs", "99999999999"], "--inputs"),
        (["--proof-timeout", "0"], "--proof-timeout 0"),
        (["--proof-timeout", "inf"], "--proof-timeout inf"),
        (["--replay", "seed=x"], "replay"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_bad_options(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert message in complain(
        capsys, tmp_path, "compile", "demo:digits", "-q", "-o", out, *arguments, code=2
    )


def test_unwritable_outputs_are_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object) -> None:
        raise AssertionError("the model was read")

    monkeypatch.setattr(driver, "read_any", work)
    file = tmp_path / "file"
    file.write_text("x")
    for target in (file, file / "below", Path("/proc/gatec")):
        complain(capsys, tmp_path, "compile", "demo:digits", "-q", "-o", target, code=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    line = complain(
        capsys, tmp_path, "compile", "demo:digits", "-q", "-o", tmp_path / "mine", code=2
    )
    assert "holds files that gatec did not write, such as thesis.tex" in line


def test_a_design_that_does_not_fit_says_what_to_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    options = ["compile", "demo:digits", "-q", "--device", "lp384", "-o", target]
    assert run([str(option) for option in options]) == 7
    first, head, *rows = capsys.readouterr().err.splitlines()
    assert first.startswith("gatec: lp384-qn32: the design does not fit: ")
    assert head.split() == ["resource", "needed", "available", "what", "to", "change"]
    table = {row[:17].strip(): row[17:].split(maxsplit=2) for row in rows}
    assert int(table["logic cells"][0]) > int(table["logic cells"][1]) == 384
    assert "--device" in table["logic cells"][2]
    assert table["PLLs"] == ["0", "0", "fits"]
    assert not target.exists()


def test_a_missing_tool_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = complain(
        capsys, tmp_path, "sim", "demo:digits", "--data", "demo:digits-test", "--rtl", code=6
    )
    assert line == "iverilog: not found; expected apt-get install iverilog"


def test_folders_that_are_none_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("verify", "flash"):
        assert "has no manifest.json" in complain(capsys, tmp_path, command, tmp_path, code=3)
    for text in ("{", "[]", "{}", "9" * 5000, json.dumps({"gatec": "1", "model": 5})):
        (tmp_path / "manifest.json").write_text(text)
        assert complain(capsys, tmp_path, "verify", tmp_path, code=3)


def test_verify_notices_every_changed_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    assert run(["compile", "demo:digits", "--no-pnr", "-q", "-o", str(target)]) == 0
    for file in sorted(target.iterdir()):
        content = file.read_bytes()
        file.write_bytes(content[:-2] + b"~\n")
        assert run(["verify", str(target)]) == 3, file.name
        assert file.name in capsys.readouterr().err
        file.write_bytes(content)
    assert run(["verify", str(target)]) == 0
    capsys.readouterr()
    other = write_npz(tmp_path / "other.npz")
    assert run(["verify", str(target), "--model", str(other)]) == 3
    assert "is not the compiled model" in capsys.readouterr().err


def test_a_rewritten_manifest_does_not_fool_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    assert run(["compile", "demo:digits", "--no-pnr", "-q", "-o", str(target)]) == 0
    verilog = target / "digits.v"
    text = verilog.read_text()
    at = text.rindex(".LUT_INIT(16'h") + len(".LUT_INIT(16'h")
    verilog.write_text(text[:at] + f"{int(text[at : at + 4], 16) ^ 0xFFFF:04x}" + text[at + 4 :])
    manifest = json.loads((target / "manifest.json").read_text())
    manifest["files"]["digits.v"] = hashlib.sha256(verilog.read_bytes()).hexdigest()
    (target / "manifest.json").write_text(json.dumps(manifest))
    assert "the Verilog is not the model" in complain(capsys, tmp_path, "verify", target, code=5)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("interface", "top"), 5),
        (("interface", "cut_nets"), ["a"]),
        (("interface", "cut_nets"), [1 << 40]),
        (("interface", "input"), None),
        (("interface", "stage_bits"), [-1]),
        (("files",), []),
        (("files",), {"../x": ""}),
        (("options", "output"), "nonsense"),
        (("model", "name"), 5),
    ],
)
def test_a_damaged_manifest_is_a_bad_file(
    place: tuple[str, ...], value: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    assert run(["compile", "demo:digits", "--no-pnr", "-q", "-o", str(target)]) == 0
    manifest = json.loads((target / "manifest.json").read_text())
    inner = manifest
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (target / "manifest.json").write_text(json.dumps(manifest))
    line = complain(capsys, tmp_path, "verify", target, code=3)
    assert f"{'.'.join(place)}" in line


def test_no_command_is_wrong_usage_with_the_whole_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [[], ["compile"], ["sim"], ["verify"], ["inspect"], ["flash"], ["boards"], ["targets"]],
)
def test_help_is_there(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*arguments, "--help"]) == 0
    assert "Usage: gatec" in capsys.readouterr().out


def test_a_bug_leaves_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down() -> list[str]:
        raise RuntimeError("our fault")

    monkeypatch.setattr(boards, "list_boards", break_down)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run(["boards"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("gatec: a bug of gatec: please report ")
    report = Path(last.rpartition(" ")[2]).read_text()
    assert report.startswith("gatec boards\n")
    assert "RuntimeError: our fault" in report

    def fail_to_read() -> list[str]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(boards, "list_boards", fail_to_read)
    assert run(["boards"]) == 1
    assert "please report" in capsys.readouterr().err.splitlines()[-1]


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "gatec", "targets"],
            stdout=closed,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            check=False,
        )
    assert b"Traceback" not in done.stderr


def test_interrupted_tools_end_in_one_line(tmp_path: Path) -> None:
    """SIGINT and SIGTERM at several moments: one line, code 130, nothing left."""
    # Jobs in the background of a shell inherit that SIGINT is ignored.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from gatec.cli import main; main(sys.argv[1:])"
    )
    for signal_number, delay in ((2, 0.1), (15, 0.4), (15, 1.5)):
        process = subprocess.Popen(
            [sys.executable, "-c", code, "compile", "demo:digits", "-o", tmp_path / "out"],
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"read the model")
        time.sleep(delay)
        process.send_signal(signal_number)
        error = process.communicate(timeout=60)[1]
        assert process.returncode == 130
        assert error.splitlines()[-1] == b"gatec: interrupted"
        assert b"Traceback" not in error
        assert list(tmp_path.iterdir()) == []


def test_a_full_standard_output_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gatec", "targets"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"gatec: cannot write: No space left on device\n"


def test_odd_paths_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = tmp_path / ("x" * 300)
    complain(capsys, tmp_path, "compile", "demo:digits", "-q", "-o", long, code=2)
    complain(capsys, tmp_path, "verify", long, code=3)
    sim = ["sim", "demo:digits", "--data", "demo:digits-test"]
    complain(capsys, tmp_path, *sim, "-o", tmp_path / "no" / "x.npy", code=2)


def test_values_that_are_not_bits_are_refused() -> None:
    model = gatec.read_model(Path(DEMO))
    for samples in (np.full((2, 128), 0.4), np.full((2, 128), np.nan), np.ones(128)):
        with pytest.raises(gatec.GatecError, match="matrix of 0 and 1"):
            model.predict(samples)

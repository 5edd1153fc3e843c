"""`gatec compile --approximate` end to end, on the shipped demo model and its images."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import gatec
from gatec.cli import run
from gatec.demo import path as demo_path

DATA = "demo:digits-test"
COMPILE = ["compile", "demo:digits", "--no-pnr", "--quiet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, approximated."""
    target = tmp_path_factory.mktemp("approximate") / "digits"
    asked = ["--approximate", "--data", DATA, "--max-drop", "1%"]
    assert run([*COMPILE, *asked, "-o", str(target)]) == 0
    return target


def test_the_manifest_says_what_was_given_up(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    found = manifest["approximation"]
    assert found["approximated"] is True
    assert found["rows"] == {"fit": 300, "held_out": 150}
    before, after = found["accuracy"]["held_out"]
    assert before - after <= 0.0101
    # Before pipelining, which may choose shorter chains of more cells.
    assert found["luts"][1] <= sum(manifest["circuit"]["luts"].values())
    assert found["luts"][1] < 0.85 * found["luts"][0]
    assert found["gates"][1] < found["gates"][0]
    record = json.loads((folder / "approximation.json").read_text())
    given_up = found["given_up"]
    assert len(record["merges"]) == given_up["constant"] + given_up["equal"] > 0
    assert 0 < len(record["votes"]) <= given_up["votes"]
    assert manifest["proof"]["equivalence"] == "equivalent"
    assert manifest["proof"]["against"] == "the approximated net"
    assert manifest["options"]["approximation"]["max_drop"] == 0.01
    sha256 = hashlib.sha256(demo_path("digits").read_bytes()).hexdigest()
    assert manifest["model"]["sha256"] == sha256


def test_it_is_said_loudly(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "APPROXIMATED" in (folder / "report.txt").read_text()
    assert "not exact" in (folder / "digits.v").read_text().splitlines()[1]
    assert run(["sim", str(folder), "--data", DATA, "--quiet"]) == 0
    assert "net: approximated" in capsys.readouterr().out


def test_the_folder_runs_and_proves_the_approximated_net(folder: Path) -> None:
    stated = json.loads((folder / "manifest.json").read_text())["approximation"]["accuracy"]
    trained = gatec.simulate(demo_path("digits"), data=demo_path("digits-test")).accuracy
    found = gatec.simulate(folder, data=demo_path("digits-test")).accuracy
    for side, accuracy in enumerate((trained, found)):
        assert accuracy == pytest.approx(
            (2 * stated["fit"][side] + stated["held_out"][side]) / 3, abs=1e-5
        )
    for model in (None, demo_path("digits")):
        facts = list(gatec.verify_folder(folder, model))
        assert any("APPROXIMATED" in fact for fact in facts)
        assert any("the Verilog text is the model: equivalent" in fact for fact in facts)


def test_a_record_that_leaves_something_out_is_found_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    record = json.loads((other / "approximation.json").read_text())
    record["votes"].popitem()
    text = json.dumps(record)
    (other / "approximation.json").write_text(text)
    assert run(["verify", str(other)]) == 3
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["files"]["approximation.json"] = hashlib.sha256(text.encode()).hexdigest()
    (other / "manifest.json").write_text(json.dumps(manifest))
    assert run(["verify", str(other), "--model", "demo:digits"]) == 5
    assert "the Verilog is not the model" in capsys.readouterr().err


def test_an_exact_folder_says_nothing_of_it(tmp_path: Path) -> None:
    result = gatec.compile(demo_path("digits"), "generic", place_and_route=False)
    assert result.manifest["approximation"] is None
    assert result.manifest["options"]["approximation"] is None
    assert "approximation.json" not in result.files
    assert "APPROX" not in result.files["report.txt"].decode()


def test_scores_keep_all_their_votes() -> None:
    asked = gatec.ApproximateOptions(demo_path("digits-test"), max_drop=0.01)
    result = gatec.compile(
        demo_path("digits"), "generic", output="scores", place_and_route=False, approximation=asked
    )
    assert result.manifest["approximation"]["given_up"]["votes"] == 0
    assert result.manifest["approximation"]["given_up"]["equal"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--approximate"], "--approximate without --data; expected --data FILE"),
        (["--data", DATA], "--data without --approximate"),
        (["--keep-votes"], "--keep-votes without --approximate"),
        (["--approximate", "--data", DATA, "--max-drop", "0.1"], "--max-drop 0.1; expected a perc"),
        (["--approximate", "--data", DATA, "--max-drop", "0%"], "--max-drop 0%; expected more"),
        (["--approximate", "--data", DATA, "--max-drop", "100%"], "--max-drop 100%; expected"),
        (["--approximate", "--data", DATA, "--split-seed", "-1"], "--split-seed -1; expected 0"),
    ],
)
def test_options_that_do_not_go_together(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*COMPILE, *options, "-o", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

"""Certificates are accepted when they hold, and rejected when anything in them is changed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dratify
import numpy as np
import pytest
from helpers import random_layers_model, random_netlist

from gatec.cli import run
from gatec.errors import ToolError
from gatec.lowering.model import lower
from gatec.netlist import Netlist, Port
from gatec.passes import CLEAN
from gatec.passes.map_lut import FAST, map_lut
from gatec.passes.runner import run_passes
from gatec.proof import certificate, check_certificate, refute
from gatec.proof.certificate import INDEX, Certificate, certify
from gatec.proof.check_certificate import Rejected, check_drat, check_folder, check_lrat, read_cnf
from gatec.proof.verdict import Verdict

CHECKER = Path(check_certificate.__file__)


def written(made: Certificate, folder: Path) -> Path:
    assert made.verdict is Verdict.EQUIVALENT
    for name, content in made.files.items():
        (folder / name).write_bytes(content)
    return folder


def accepted(folder: Path) -> list[str]:
    """Check both kinds of proof; they must have as many steps."""
    lines = check_folder(folder)
    assert check_folder(folder, drat=True) == lines
    return lines


def cleaned(net: Netlist) -> Netlist:
    return run_passes(net, (CLEAN,))[0]


def scores_and_winner() -> tuple[Netlist, Netlist]:
    """Return a lowered net with adders and comparators, and its mapping."""
    model = random_layers_model(np.random.default_rng(3), 12, [30, 40], 4)
    reference = lower(model.with_output("argmax")).netlist
    return reference, map_lut(cleaned(reference), scripts=FAST)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate of several obligations."""
    monkeypatch.setattr(certificate, "_OBLIGATION", 150)
    return written(certify(*scores_and_winner(), 60), tmp_path)


@pytest.mark.parametrize("seed", range(12))
def test_what_passes_make_of_a_netlist_is_certified(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    net = random_netlist(rng, 1 + seed, 5 * seed, 6, max_fanin=1 + seed % 6)
    accepted(written(certify(net, cleaned(net), 60), tmp_path))


def test_obligations_compose(folder: Path) -> None:
    *obligations, last = accepted(folder)
    assert len(obligations) > 2
    assert last == "2 outputs are equal on every input"


def test_the_checker_needs_nothing_but_python(folder: Path) -> None:
    command = [sys.executable, "-I", "-S", str(CHECKER), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("2 outputs are equal on every input\n")
    (folder / "proof_000.lrat").write_bytes(b"")
    broken = subprocess.run(command, capture_output=True, text=True, check=False)
    assert broken.returncode == 1
    assert broken.stderr == "rejected: proof_000.lrat: was changed\n"


@pytest.mark.parametrize("seed", range(20))
def test_a_wrong_circuit_gets_no_certificate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, circuit = scores_and_winner()
    tables = circuit.tables.copy()
    tables[rng.integers(len(tables))] ^= np.uint64(0x0001_0001_0001_0001 << int(rng.integers(16)))
    mutant = circuit.replace(tables=tables)
    made = certify(reference, mutant, 60)
    if made.verdict is Verdict.EQUIVALENT:
        from gatec.bits import all_inputs
        from gatec.evaluate import evaluate_outputs

        words = all_inputs(12)
        same = [evaluate_outputs(net, words) for net in (reference, mutant)]
        assert np.array_equal(*same)
    else:
        assert not made.files


def replaced(name: str, change: Callable[[str], str]) -> Callable[[Path, dict], None]:  # type: ignore[type-arg]
    def forge(folder: Path, index: dict) -> None:  # type: ignore[type-arg]
        before = (folder / name).read_text()
        after = change(before)
        assert after != before
        (folder / name).write_text(after)
        index["files"][name] = hashlib.sha256(after.encode()).hexdigest()

    return forge


def lines_changed(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda text: "\n".join(change(text.splitlines())) + "\n"


def _without_outputs(folder: Path, index: dict) -> None:  # type: ignore[type-arg]
    index["obligations"] = index["obligations"][:-1]


def _out_of_order(folder: Path, index: dict) -> None:  # type: ignore[type-arg]
    index["obligations"].reverse()


def _claim_more(folder: Path, index: dict) -> None:  # type: ignore[type-arg]
    index["obligations"][0]["proves"].append([2])


def _assume(folder: Path, index: dict) -> None:  # type: ignore[type-arg]
    """Pass off gate clauses as assumed ones: nothing proved them."""
    entry = index["obligations"][0]
    entry["gate_clauses"] -= 1
    entry["assumed_clauses"] += 1


FORGERIES = {
    "a gate clause with a literal turned": replaced(
        "proof_000.cnf",
        lines_changed(
            lambda rows: [rows[0], rows[1].replace(" ", " -", 1).replace("--", ""), *rows[2:]]
        ),
    ),
    "a unit clause that nothing says": replaced(
        "proof_000.cnf", lines_changed(lambda rows: [rows[0], "2 0", *rows[2:]])
    ),
    "no proof": replaced("proof_000.lrat", lines_changed(lambda rows: rows[:-1])),
    "a step left out": replaced("proof_001.lrat", lines_changed(lambda rows: rows[1:])),
    "another gate": replaced(
        "proof_circuit.blif",
        lambda text: (
            text.replace(" g20\n0", " g20\n1", 1)
            .replace(" g21\n0", " g21\n1", 1)
            .replace(" g22\n1", " g22\n0", 1)
        ),
    ),
    "outputs swapped": replaced(
        "proof_circuit.blif",
        lambda text: (
            text.replace(" o0\n", " oX\n").replace(" o1\n", " o0\n").replace(" oX\n", " o1\n")
        ),
    ),
    "no last obligation": _without_outputs,
    "obligations out of order": _out_of_order,
    "a claim more": _claim_more,
    "an assumption that nothing proved": _assume,
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_certificate_is_rejected(name: str, folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    FORGERIES[name](folder, index)
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(Rejected):
        check_folder(folder)


def test_every_corrupted_step_of_a_proof_is_rejected_or_harmless(folder: Path) -> None:
    # A clause without one of its literals says more than was proved; most such do not follow.
    cnf = read_cnf((folder / "proof_000.cnf").read_text())
    steps = (folder / "proof_000.lrat").read_text().splitlines()
    rejected = 0
    for at, step in enumerate(steps):
        number, literal, *rest = step.split()
        if literal in ("d", "0"):
            continue
        forged = [*steps[:at], " ".join([number, *rest]), *steps[at + 1 :]]
        try:
            check_lrat(cnf, "\n".join(forged))
        except Rejected:
            rejected += 1
    assert rejected > len(steps) // 3


# x1 and x2 are free, so x3 = x1 and x2 may be defined: RAT on x3, not RUP.
SATISFIABLE = [(1, 2)]
CONTRADICTION = [(1, 2), (1, -2), (-1, 2), (-1, -2)]


def test_drat_accepts_definitions() -> None:
    definition = "3 -1 -2 0\n-3 1 0\n-3 2 0\n"
    assert check_drat(CONTRADICTION, definition + "1 0\n0\n") == 5
    with pytest.raises(Rejected, match="does not reach"):
        check_drat(SATISFIABLE, definition)


@pytest.mark.parametrize(
    "proof",
    ["0\n", "3 0\n-3 0\n0\n", "-1 0\n-2 0\n0\n", "1 0\nd 1 2 0\nd 1 2 0\n", "d 5 0\n", "1\n0\n"],
)
def test_drat_rejects_what_does_not_follow(proof: str) -> None:
    with pytest.raises(Rejected):
        check_drat(SATISFIABLE, proof)


def test_a_deleted_clause_is_gone() -> None:
    assert check_drat(CONTRADICTION, "1 0\n0\n") == 2
    with pytest.raises(Rejected, match="neither RUP nor RAT"):
        check_drat(CONTRADICTION, "d -1 2 0\nd -1 -2 0\n1 0\nd 1 0\n0\n")


def test_lrat_rejects_wrong_hints() -> None:
    assert check_lrat(CONTRADICTION, "5 1 0 1 2 0\n6 0 5 3 4 0\n") == 2
    for proof in ("5 1 0 1 3 0\n", "6 0 3 4 0\n", "5 1 0 1 2 0\n6 0 5 3 0\n", "4 1 0 1 2 0\n"):
        with pytest.raises(Rejected):
            check_lrat(CONTRADICTION, proof)


def test_a_constant_output_and_a_shared_input_are_certified(tmp_path: Path) -> None:
    net = random_netlist(np.random.default_rng(1), 4, 20, 3)
    ends = Port("y", np.array([0, 1, 2, 5, int(net.output_nets[0])]))
    same = net.replace(outputs=(ends,))
    assert accepted(written(certify(same, cleaned(same), 60), tmp_path))[-1].startswith("5 outputs")


def test_no_time_is_no_certificate() -> None:
    made = certify(*scores_and_winner(), 1e-9)
    assert made.verdict is Verdict.TIMEOUT
    assert made.files == {}


def test_the_solver_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    solver = refute._solver_type()
    monkeypatch.setattr(solver, "solve_limited", lambda self: False)
    with pytest.raises(ToolError, match="a lemma does not follow"):
        refute.refute(SATISFIABLE, 100)


def test_the_demo_is_certified_and_verify_checks_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "digits"
    command = ["compile", "demo:digits", "--no-pnr", "--quiet", "-o", str(target)]
    assert run([*command, "--proof", "--proof-time", "0.001"]) == 4
    assert "the certificate is timeout after 0.001 s; expected" in capsys.readouterr().err
    assert not target.exists()
    assert run([*command, "--proof"]) == 0
    facts = json.loads((target / "manifest.json").read_text())["proof"]["certificate"]
    assert facts["verdict"] == "equivalent"
    checker = [sys.executable, "-I", "-S", str(CHECKER), str(target)]
    for option in ([], ["--drat"]):
        done = subprocess.run([*checker, *option], capture_output=True, text=True, check=True)
        assert done.stdout.endswith("4 outputs are equal on every input\n")
    cnf, drat = ((target / f"proof_000.{kind}").read_text() for kind in ("cnf", "drat"))
    assert dratify.check_proof(dratify.parse_dimacs(cnf), drat).ok
    half = drat[: drat.index("\n", len(drat) // 2) + 1]
    assert not dratify.check_proof(dratify.parse_dimacs(cnf), half).ok
    assert run(["verify", str(target)]) == 0
    assert "certificate: 1 obligation(s) checked" in capsys.readouterr().out

"""Clocked circuits: the net's own arithmetic, the RTL under traffic, the proof, and faults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import require
from helpers_clocked import CASES, INIT, Case, compiled, run_clocked, stimulus, tamper
from test_backends_mutants import shell_token
from test_frontends_recurrent import automaton, cell_file
from test_sim_clocked import COUNTER

import gatec
from gatec.backends.cells import vendor_models
from gatec.backends.clocked_core import ClockedShape
from gatec.backends.fpga.ice40 import synthesise
from gatec.backends.readback.clocked import read_clocked_back
from gatec.cli import run
from gatec.driver import CompileResult
from gatec.errors import DifferentError, ModelError, UsageError
from gatec.frontends import ReadOptions
from gatec.sim.rtl import Traffic
from gatec.verify import verify_folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CompileResult]:
    """Each case, compiled to a folder."""
    found = {}
    for name, case in CASES.items():
        folder = tmp_path_factory.mktemp("net")
        found[name] = compiled(case, folder, output_dir=folder / "out")
    return found


def shape_of(result: CompileResult) -> ClockedShape:
    shape = result.design.emitted.shape
    assert isinstance(shape, ClockedShape)
    return shape


@pytest.mark.parametrize("name", CASES)
def test_rtl_answers_as_the_net_does(
    made: dict[str, CompileResult], name: str, tmp_path: Path
) -> None:
    require("iverilog")
    result, wanted = made[name], stimulus(CASES[name], tmp_path)
    assert len(np.unique(wanted.expected, axis=0)) > 1
    reset = 3 * shape_of(result).beats_in + 1
    traffic = Traffic(gaps=0.4, stalls=0.5, reset_after=reset, seed=1)
    found = run_clocked(result, wanted, traffic)
    np.testing.assert_array_equal(found.outputs, wanted.expected)


@pytest.mark.parametrize("name", ["open, last", "fixed, every", "cellular, every"])
def test_it_is_as_fast_as_it_says(
    made: dict[str, CompileResult], name: str, tmp_path: Path
) -> None:
    require("iverilog")
    result, wanted = made[name], stimulus(CASES[name], tmp_path)
    found, shape = run_clocked(result, wanted), shape_of(result)
    np.testing.assert_array_equal(found.outputs, wanted.expected)
    assert found.latency == shape.latency
    most = len(wanted.vectors) * shape.step_interval
    if CASES[name].every_step:
        most = len(wanted.expected) * shape.interval
    # But for what the first vector and the last answer take.
    assert found.cycles <= most + shape.latency + shape.beats_in + shape.beats_out


@pytest.mark.parametrize("name", CASES)
def test_a_folder_is_proved_again(made: dict[str, CompileResult], name: str) -> None:
    result = made[name]
    assert result.directory is not None
    facts = list(verify_folder(result.directory))
    assert any(fact.startswith("the step is the model's: equivalent") for fact in facts)
    assert any(fact.startswith("the head is the model's: equivalent") for fact in facts)
    assert any("answers to the test vectors agree" in fact for fact in facts)


def test_the_manifest_says_what_was_proved(made: dict[str, CompileResult]) -> None:
    manifest = made["open, last"].manifest
    assert manifest["proof"]["equivalence"] == "equivalent"
    assert manifest["clocked"]["init"] == "".join(map(str, INIT))
    assert manifest["clocked"]["proved"] == {
        "transition_function": "next state and what leaves a step: equivalent",
        "initial_state": "the model's, at power-up, after rst and after the last step of each "
        "sequence",
        "end_of_sequence": "as i_last says",
        "answers": "equivalent, one after the last step of a sequence",
    }
    other = made["cellular, every"].manifest["clocked"]["proved"]
    assert other["initial_state"] == "the input of each sequence"
    assert other["end_of_sequence"] == "as a counter says after 3 steps"
    assert other["answers"] == "equivalent, one after each step"


def change_table(text: str) -> tuple[str, str]:
    """Return a look-up table of the step and another in its place: next state or what leaves."""
    step = text[text.index("_step_stage0 (") :]
    found = re.search(r"LUT_INIT\(16'h([0-9a-f]{4})\)", step)
    assert found is not None
    return found[0], f"LUT_INIT(16'h{int(found[1], 16) ^ 0x8001:04x})"


FAULTS = {
    "next state": change_table,
    "initial value": lambda _: ("state = 4'hd", "state = 4'hc"),
    "value under rst": lambda _: ("if (rst) state <= 4'hd", "if (rst) state <= 4'h5"),
    "value after a sequence": lambda _: ("at_last ? 4'hd", "at_last ? 4'hf"),
    "what the step reads": lambda _: (".i({ state, vector })", ".i({ vector, state })"),
    "what the head gets": lambda _: (".i_payload(leaving)", ".i_payload({ leaving[5:1], rst })"),
    "enable of the state": lambda _: ("(take) state", "(accept) state"),
    "when the head gets it": lambda _: ("head_valid = full & at_last", "head_valid = full & take"),
    "the end of a sequence": lambda _: ("(accept) at_last", "(take) at_last"),
    "the head's reset": lambda _: (".rst(rst)", ".rst(full)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(tmp_path: Path, made: dict[str, CompileResult], fault: str) -> None:
    out = tmp_path / "out"
    directory = made["open, last"].directory
    assert directory is not None
    out.mkdir()
    for path in directory.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    old, new = FAULTS[fault]((out / "net.v").read_text())
    tamper(out, "net.v", old, new)
    with pytest.raises(DifferentError):
        list(verify_folder(out))


@pytest.mark.parametrize("name", ["fixed, last", "cellular, every", "open, every"])
def test_mutants_of_the_shell(
    made: dict[str, CompileResult], name: str, tmp_path: Path, count: int = 6
) -> None:
    emitted = made[name].design.emitted
    rng = np.random.default_rng([count, len(emitted.text)])
    refused = 0
    for number in range(count):
        mutant = emitted.text
        while mutant == emitted.text:
            mutant = shell_token(rng, emitted.text)
        try:
            read_clocked_back(mutant, shape_of(made[name]))
        except DifferentError:
            refused += 1
            continue
        assert acquitted(made[name], CASES[name], mutant, tmp_path), f"mutant {number}"
    assert refused > count // 2


def acquitted(result: CompileResult, case: Case, mutant: str, folder: Path) -> bool:
    """Return whether a changed text still answers rightly, as Icarus sees it."""
    require("iverilog")
    wanted = stimulus(case, folder)
    sources = {"net.v": mutant, "cells.v": result.files[f"{result.design.emitted.top}_cells.v"]}
    texts = {n: t if isinstance(t, str) else t.decode() for n, t in sources.items()}
    found = run_clocked(result, wanted, Traffic(0.3, 0.5, 5, seed=1), texts)
    return bool(np.array_equal(found.outputs, wanted.expected))


def test_the_netlist_after_synthesis_answers_as_the_net_does(
    made: dict[str, CompileResult], tmp_path: Path
) -> None:
    require("iverilog")
    result = made["open, last"]
    emitted = result.design.emitted
    netlist = synthesise({"net.v": emitted.text}, emitted.top)
    wanted = stimulus(CASES["open, last"], tmp_path)
    sources = {"cells.v": vendor_models("ice40"), "netlist.v": netlist.verilog}
    found = run_clocked(result, wanted, Traffic(gaps=0.2, stalls=0.2, seed=1), sources)
    np.testing.assert_array_equal(found.outputs, wanted.expected)


def test_latches_become_registers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "count.blif").write_text(COUNTER)
    words = ["--clocked", "--output", "bits", "--no-pnr", "-o", str(tmp_path / "out")]
    assert run(["compile", str(tmp_path / "count.blif"), "--quiet", *words]) == 0
    report = (tmp_path / "out" / "report.txt").read_text()
    assert "2 registers; a step: 2 LUTs, 1 levels" in report
    assert "of any length, ended by i_last; an answer after each step" in report
    np.savetxt(tmp_path / "up.csv", [[1, 1, 0, 1, 1, 1], [0, 0, 0, 1, 0, 0]], "%d", ",")
    arguments = ["sim", str(tmp_path / "out"), "--data", str(tmp_path / "up.csv"), "--steps", "6"]
    assert run([*arguments, "--rtl", "--simulator", "netlist"]) == 0
    shown = capsys.readouterr().out
    # Each step's two bits as they are before its edge, the first step last.
    assert shown.splitlines()[:2] == ["001110100100", "010100000000"]
    assert "rtl: equal to the reference on every bit" in shown


def test_a_class_for_each_step(tmp_path: Path, made: dict[str, CompileResult]) -> None:
    folder = made["fixed, every"].directory
    assert folder is not None
    path, _ = cell_file(tmp_path, classes=3, state_init=INIT)
    bits = np.random.default_rng(1).integers(0, 2, (9, 3, 5), dtype=np.uint8)
    np.save(tmp_path / "x.npy", bits)
    found = gatec.simulate(folder, data=tmp_path / "x.npy", rtl=True, simulator="netlist")
    assert found.outputs is not None
    assert found.outputs.shape == (9, 3)
    # The file itself says that only the last step is answered.
    last = gatec.simulate(path, data=tmp_path / "x.npy", clocked=True, reading=ReadOptions(steps=3))
    np.testing.assert_array_equal(last.outputs, found.outputs[:, -1])


def test_the_original_file_is_read_again(made: dict[str, CompileResult]) -> None:
    folder = made["fixed, last"].directory
    assert folder is not None
    file = folder.parent / "net.npz"
    assert (
        "answers to the test vectors" in list(verify_folder(folder, file, ReadOptions(steps=4)))[-1]
    )
    with pytest.raises(DifferentError):
        list(verify_folder(folder, file, ReadOptions(steps=3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"proof": True}, "--proof with --clocked"),
        ({"board": "icebreaker"}, "--board with --clocked"),
        ({"target": "asic"}, "--target asic with --clocked"),
        ({"every_step": True, "clocked": False}, "--every-step without --clocked"),
        ({"beat_bits": 0}, "--beat-bits 0"),
    ],
)
def test_options_that_do_not_go_with_it(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    path, _ = cell_file(tmp_path, classes=3)
    with pytest.raises(UsageError, match=message):
        gatec.compile(path, **{"clocked": True, **options})


def test_nets_that_are_refused(tmp_path: Path) -> None:
    path, _ = cell_file(tmp_path)
    with pytest.raises(UsageError, match="output 'argmax' needs the number of classes"):
        gatec.compile(path, clocked=True)
    with pytest.raises(ModelError, match="--steps 1 with --clocked"):
        gatec.compile(path, clocked=True, output="bits", reading=ReadOptions(steps=1))
    ca, _ = automaton(tmp_path, 1)
    with pytest.raises(ModelError, match="how often the rule is applied"):
        gatec.compile(ca, clocked=True, output="bits")
    (tmp_path / "net.blif").write_text(COUNTER.replace(".latch n1 b1 0", ".latch n1 b1 3"))
    with pytest.raises(ModelError, match="latch 'b1' starts with an unknown value"):
        gatec.compile(tmp_path / "net.blif", clocked=True, output="bits")
    with pytest.raises(UsageError, match="but the net is not recurrent"):
        gatec.compile(gatec.demo.path("digits"), clocked=True)


def test_a_folder_says_which_steps_it_wants(tmp_path: Path, made: dict[str, CompileResult]) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 4, 5), dtype=np.uint8))
    directories = [made[name].directory for name in ("open, last", "fixed, last")]
    assert None not in directories
    with pytest.raises(UsageError, match="no --steps .*; expected --steps N, of each sample"):
        gatec.simulate(str(directories[0]), data=tmp_path / "x.npy")
    with pytest.raises(UsageError, match="--steps 4 .*; expected none: it has 4"):
        gatec.simulate(str(directories[1]), data=tmp_path / "x.npy", reading=ReadOptions(steps=4))
    with pytest.raises(UsageError, match="holds a clocked circuit"):
        gatec.Classifier(str(directories[0])).fit(np.zeros((2, 5)), [0, 1])

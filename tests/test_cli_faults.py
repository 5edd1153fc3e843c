"""A fault in any pass, in lowering or in the emitter ends in exit 5 and an empty output folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gatec import design as design_module
from gatec import mapping, mapping_steps
from gatec.backends.verilog import Emitted
from gatec.cli import run
from gatec.lowering.model import Lowering
from gatec.netlist import CONST0_NET, Netlist
from gatec.passes import PASSES
from gatec.proof import equivalence
from gatec.proof.verdict import Proof, Verdict

COMPILE = ["compile", "demo:digits", "--no-pnr", "--quiet", "--vectors", "4"]


def damaged(net: Netlist) -> Netlist:
    """Tie the lowest output bit to 0: done twice, it is still wrong."""
    (port,) = net.outputs
    nets = port.nets.copy()
    nets[0] = CONST0_NET
    return net.replace(outputs=(replace(port, nets=nets),))


def compile_into(tmp_path: Path) -> tuple[int, list[Path]]:
    target = tmp_path / "out"
    code = run([*COMPILE, "-o", str(target)])
    return code, sorted(tmp_path.rglob("*"))


def break_pass(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make one pass of the pipeline damage what it returns."""
    real_walk = mapping_steps.run_passes

    def run_broken(net: Netlist, steps: object, **options: object) -> object:
        return real_walk(net, [broken_step(step, name) for step in steps], **options)  # type: ignore[attr-defined, arg-type]

    for module in (mapping, mapping_steps):
        monkeypatch.setattr(module, "run_passes", run_broken)


def broken_step(step: object, name: str) -> object:
    if hasattr(step, "passes"):
        passes = tuple(broken_step(chosen, name) for chosen in step.passes)
        return replace(step, passes=passes)  # type: ignore[type-var]
    if step.name != name:  # type: ignore[attr-defined]
        return step
    run_right: Callable[[Netlist], Netlist] = step.run  # type: ignore[attr-defined]
    return replace(step, run=lambda net: damaged(run_right(net)))  # type: ignore[type-var]


def used_passes() -> list[str]:
    return ["fold", "absorb", "merge", "prune", "map_best"]


def test_the_list_below_is_of_real_passes() -> None:
    assert set(used_passes()) <= {chosen.name for chosen in PASSES}


@pytest.mark.parametrize("name", used_passes())
def test_a_broken_pass_is_proved_wrong(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    break_pass(monkeypatch, name)
    code, left = compile_into(tmp_path)
    assert (code, left) == (5, [])
    message = capsys.readouterr().err
    assert message.startswith("gatec: digits: the emitted Verilog is not the model: input vector")
    assert message.count("\n") == 1


def test_prove_each_names_the_broken_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_pass(monkeypatch, "absorb")
    assert run([*COMPILE, "--prove-each", "-o", str(tmp_path / "out")]) == 5
    assert capsys.readouterr().err.startswith("gatec: pass absorb: changed the function: input")
    assert list(tmp_path.iterdir()) == []


def broken_pipeline(real: Callable[..., Netlist]) -> Callable[..., Netlist]:
    def run_broken(*arguments: object, **options: object) -> Netlist:
        return damaged(real(*arguments, **options))

    return run_broken


def test_a_broken_pipeline_is_proved_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design_module, "pipeline", broken_pipeline(design_module.pipeline))
    assert compile_into(tmp_path) == (5, [])


def test_a_broken_lowering_is_proved_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = mapping.lower

    def lower_broken(*arguments: object) -> Lowering:
        right = real(*arguments)  # type: ignore[arg-type]
        return replace(right, netlist=damaged(right.netlist))

    monkeypatch.setattr(mapping, "lower", lower_broken)
    assert compile_into(tmp_path) == (5, [])


def invert_lut(text: str) -> str:
    at = text.rindex(".LUT_INIT(16'h") + len(".LUT_INIT(16'h")
    return text[:at] + f"{int(text[at : at + 4], 16) ^ 0xFFFF:04x}" + text[at + 4 :]


def drop_register(text: str) -> str:
    return text.replace("rank0 <= stage0_o", "rank0 <= rank0", 1)


def swap_wires(text: str) -> str:
    first, second = re.findall(r"\.I[01]\((\w+(?:\[\d+\])?)\)", text)[-2:]
    at = text.rindex(f"({first})")
    return text[:at] + text[at:].replace(first, second, 1)


def misplace_reset(text: str) -> str:
    return text.replace("if (rst)", "if (!rst)", 1)


def cut_the_end(text: str) -> str:
    return text[: len(text) * 2 // 3]


@pytest.mark.parametrize(
    "damage", [invert_lut, drop_register, swap_wires, misplace_reset, cut_the_end]
)
def test_a_broken_emitter_is_proved_wrong(
    damage: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Emitted.text.fget  # type: ignore[attr-defined]
    changed = []

    def text(emitted: Emitted) -> str:
        right = real(emitted)
        wrong = damage(right)
        changed.append(wrong != right)
        return wrong

    monkeypatch.setattr(Emitted, "text", property(text))
    code, left = compile_into(tmp_path)
    assert changed
    assert all(changed)
    assert (code, left) == (5, [])


@pytest.mark.parametrize("verdict", [Verdict.UNDECIDED, Verdict.TIMEOUT])
def test_an_unfinished_proof_publishes_nothing_unless_allowed(
    verdict: Verdict,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def give_up(*_: object) -> Proof:
        return Proof(verdict, "ABC cec")

    monkeypatch.setattr(equivalence, "_prove_by_abc", give_up)
    assert compile_into(tmp_path) == (4, [])
    assert capsys.readouterr().err == (
        f"gatec: digits: equivalence is {verdict.value} after 600 s; "
        "expected a larger --proof-timeout, or --allow-unproved\n"
    )
    target = tmp_path / "out"
    assert run([*COMPILE, "--allow-unproved", "-o", str(target)]) == 0
    assert f'"equivalence": "{verdict.value}"' in (target / "manifest.json").read_text()
    assert run(["verify", str(target)]) == 4

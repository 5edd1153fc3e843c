"""The shell with credits in Icarus and through the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from helpers import require
from helpers_backends import random_staged, reference, run_rtl
from helpers_cells import liberty

from gatec import fewest_stages
from gatec.backends.credit_core import CreditShape
from gatec.backends.verilog import Emitted, emit
from gatec.chain_graph import Weights
from gatec.cli import run
from gatec.console import Progress
from gatec.errors import LimitError, UsageError
from gatec.fewest_stages import ClockMissed, meet_with_fewest
from gatec.flows.base import Flow
from gatec.mapping import Mapped
from gatec.options import CompileOptions
from gatec.sim.rtl import Traffic

NET = random_staged(21, inputs=12, gates=60, outputs=9, stages=3)
SAMPLES = np.random.default_rng(3).integers(0, 2, (80, 12), dtype=np.uint8)


def core(beat: int | None, out: int | None) -> Emitted:
    return emit(NET, style="generic", beat_bits=beat, out_beat_bits=out, credits=True)


@pytest.mark.parametrize("beats", [(None, None), (None, 4), (5, 4)])
def test_full_speed(beats: tuple[int | None, int | None]) -> None:
    require("iverilog")
    emitted = core(*beats)
    shape = emitted.shape
    result = run_rtl(emitted, SAMPLES)
    assert np.array_equal(result.outputs, reference(NET, SAMPLES))
    assert result.latency == emitted.latency
    assert shape.interval == max(shape.beats_in, shape.beats_out)
    between = shape.interval * (len(SAMPLES) - 1)
    assert result.cycles == shape.beats_in + between + emitted.latency + shape.beats_out - 1


@pytest.mark.parametrize(
    ("beats", "traffic"),
    [
        ((None, None), Traffic(gaps=0.2, stalls=0.5, reset_after=38, seed=4)),
        ((5, None), Traffic(stalls=0.8, seed=5)),
        ((5, 4), Traffic(gaps=0.2, stalls=0.7, reset_after=39, seed=7)),
    ],
)
def test_traffic(beats: tuple[int | None, int | None], traffic: Traffic) -> None:
    require("iverilog")
    emitted = core(*beats)
    result = run_rtl(emitted, SAMPLES, traffic)
    assert np.array_equal(result.outputs, reference(NET, SAMPLES))
    assert result.latency >= emitted.latency - 1


def test_back_pressure_fills_the_queue_and_costs_nothing_else() -> None:
    """With an output that is taken every other cycle, it is the output that limits."""
    require("iverilog")
    result = run_rtl(core(None, None), SAMPLES, Traffic(stalls=0.5, seed=2))
    assert np.array_equal(result.outputs, reference(NET, SAMPLES))
    assert result.cycles < 2.5 * len(SAMPLES)


def test_through_the_command_line(tmp_path: Path) -> None:
    target = tmp_path / "digits"
    asked = ["--target", "generic", "--levels-per-stage", "3", "--flow-control", "credits"]
    assert run(["compile", "demo:digits", *asked, "--quiet", "-o", str(target)]) == 0
    manifest = json.loads((target / "manifest.json").read_text())
    assert manifest["options"]["flow_control"] == "credits"
    stages = len(manifest["interface"]["stage_bits"])
    assert manifest["interface"]["credits"] == stages + 5
    assert manifest["circuit"]["latency_cycles"] == stages + 5
    assert manifest["circuit"]["initiation_interval_cycles"] == 1
    assert f"{stages + 5} credits" in (target / "report.txt").read_text()
    assert run(["verify", str(target)]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flow_control": "hope"}, "--flow-control hope; expected stall or credits"),
        ({"flow_control": "credits", "head": "sequential"}, "credits and --head sequential"),
        ({"flow_control": "stall", "clocked": True}, "--flow-control with --clocked"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CompileOptions(**options)


def test_standard_cells_stall(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.lib").write_text(liberty())
    asked = ["compile", "demo:digits", "--target", "asic", "--liberty", str(tmp_path / "x.lib")]
    assert run([*asked, "--flow-control", "credits"]) == 2
    assert "expected --flow-control stall for asic" in capsys.readouterr().err


class Routes:
    """A search that reaches so many MHz with each flow control."""

    def __init__(self, stall: float, credits: float) -> None:
        self.reached = {"credits": credits, "stall": stall, None: stall}
        self.tried: list[str | None] = []

    def __call__(self, mapped: Mapped, flow: Flow, *_: object) -> Any:
        asked = flow.options.flow_control
        self.tried.append(asked)
        fmax = self.reached[asked]

        def search(_: int) -> str:
            if fmax < cast("float", flow.required_clock):
                raise ClockMissed(fmax, f"routed at {fmax:.1f} MHz")
            return "built"

        return SimpleNamespace(run=search)


@pytest.mark.parametrize(
    ("stall", "credits", "asked", "tried"),
    [
        (250.0, 300.0, None, [None]),
        (150.0, 300.0, None, [None, "credits"]),
        (150.0, 160.0, None, [None, "credits"]),
        (150.0, 300.0, "stall", ["stall"]),
        (150.0, 160.0, "credits", ["credits"]),
    ],
)
def test_a_clock_that_stalling_misses_is_tried_with_credits(
    monkeypatch: pytest.MonkeyPatch,
    stall: float,
    credits: float,
    asked: Any,
    tried: list[str | None],
) -> None:
    routes = Routes(stall, credits)
    monkeypatch.setattr(fewest_stages, "_search", routes)
    options = CompileOptions(clock=200.0, flow_control=asked)

    @dataclass(frozen=True)
    class Given:
        options: CompileOptions
        required_clock = 200.0
        weights = Weights()
        has_credits = True
        counts_at_a_clock = False

        def pipelining(self) -> tuple[None, int]:
            return None, 4

    mapped = cast("Mapped", SimpleNamespace(netlist=NET, others=[]))
    flow = cast("Flow", Given(options))
    best = max(routes.reached[one] for one in tried)
    if best < 200:
        with pytest.raises(LimitError, match=f"routed at {best:.1f} MHz"):
            meet_with_fewest(mapped, flow, options, Progress())
    else:
        assert meet_with_fewest(mapped, flow, options, Progress()) == "built"
    assert routes.tried == tried


def test_what_the_shape_says() -> None:
    shape = core(5, 4).shape
    assert isinstance(shape, CreditShape)
    assert (shape.depth, shape.latency, shape.interval) == (5, 3 + 5 + 1 + 3, 3)

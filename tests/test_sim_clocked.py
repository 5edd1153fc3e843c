"""Recurrent nets cycle by cycle, against the same nets unrolled."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pywellen
from test_frontends_recurrent import (
    INPUTS,
    LEAVING,
    SHAPE,
    STATE,
    automaton,
    cell_file,
    lively_rule,
)

import gatec
from gatec.cli import run
from gatec.demo import path as demo_path
from gatec.errors import ModelError, UsageError
from gatec.frontends import ReadOptions, clocked_bytes
from gatec.frontends.clocked import read_clocked

STEPS, SAMPLES = 6, 70
SEQUENCES = np.random.default_rng(1).integers(0, 2, (SAMPLES, STEPS, INPUTS), dtype=np.uint8)
COUNTER = """.model count
.inputs up
.outputs b0 b1
.latch n0 b0 0
.latch n1 b1 0
.names up b0 n0
10 1
01 1
.names up b0 b1 n1
0-1 1
-01 1
110 1
.end
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sequences, which are read in chunks of 32."""
    monkeypatch.setattr("gatec.sim.data._MAX_CHUNK_ROWS", 32)
    np.save(tmp_path / "x.npy", SEQUENCES)
    return tmp_path / "x.npy"


@pytest.mark.parametrize("engine", ["numpy", "llvm"])
@pytest.mark.parametrize("kind", ["bits", "scores", "argmax"])
@pytest.mark.parametrize("every_step", [0, 1])
def test_clocked_is_unrolled(
    tmp_path: Path, data: Path, engine: Any, kind: Any, every_step: int
) -> None:
    extra = {"next_state": [1, 9, 1, 4], "outputs": [9, 0, 2], "state_init": [1, 0, 1, 1]}
    path, _ = cell_file(tmp_path, classes=3, every_step=every_step, **extra)
    reading = ReadOptions(steps=STEPS)
    found = [
        gatec.simulate(
            path, data=data, reading=reading, output=kind, engine=engine, clocked=clocked
        ).outputs
        for clocked in (False, True)
    ]
    assert found[0] is not None
    assert len(found[0]) == SAMPLES
    assert np.array_equal(*found)


def test_latches_are_registers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "count.blif").write_text(COUNTER)
    np.savetxt(tmp_path / "up.csv", [[1, 1, 0, 1, 1, 1], [0, 0, 0, 1, 0, 0]], "%d", ",")
    arguments = [str(tmp_path / "count.blif"), "--data", str(tmp_path / "up.csv"), "--steps", "6"]
    assert run(["sim", *arguments, "--clocked"]) == 0
    lines = capsys.readouterr().out.splitlines()[:2]
    # Each step's two bits as they are before its edge, the first step last.
    counts = [[int(line[10 - 2 * t : 12 - 2 * t], 2) for t in range(6)] for line in lines]
    assert counts == [[0, 1, 2, 2, 3, 0], [0, 0, 0, 0, 1, 1]]


def test_toggles_and_waves_show_the_cycles(tmp_path: Path, data: Path) -> None:
    path, cell = cell_file(tmp_path)
    waves, toggles = tmp_path / "w.fst", tmp_path / "t.csv"
    reading = ReadOptions(steps=STEPS)
    gatec.simulate(
        path, data=data, reading=reading, clocked=True,
        toggles=toggles, waves=waves, signals=["x", "y", "state"],
    )  # fmt: skip
    state = np.zeros((SAMPLES, STATE), dtype=np.uint8)
    rows = []
    for cycle in range(STEPS):
        bits = cell.output_bits(np.concatenate([SEQUENCES[:, cycle], state], axis=1))
        rows.append(np.concatenate([SEQUENCES[:, cycle], bits[:, :LEAVING], state], axis=1))
        state = bits[:, LEAVING:]
    seen = np.stack(rows, axis=1)
    shown = {v.name: v.signal for v in pywellen.Waveform(str(waves)).all_vars()}
    ends = np.cumsum([0, INPUTS, LEAVING, STATE])
    for name, start, end in zip(("x", "y", "state"), ends[:-1], ends[1:], strict=True):
        numbers = seen.reshape(SAMPLES * STEPS, -1)[:, start:end] @ (1 << np.arange(end - start))
        found = [shown[name].value_at(10 * step) for step in range(SAMPLES * STEPS)]
        assert [int(value) for value in found] == numbers.tolist()
    with toggles.open() as file:
        counts = {row["name"]: int(row["toggles"]) for row in csv.DictReader(file)}
    changes = np.abs(np.diff(seen.astype(int), axis=1)).sum(axis=(0, 1))
    assert [counts[f"x[{i}]"] for i in range(INPUTS)] == changes[:INPUTS].tolist()
    assert [counts[f"state[{i}]"] for i in range(STATE)] == changes[-STATE:].tolist()


def test_what_is_not_recurrent_is_refused(tmp_path: Path, data: Path) -> None:
    path, _ = cell_file(tmp_path)
    steps = ReadOptions(steps=STEPS)
    with pytest.raises(ModelError, match="expected --steps N"):
        read_clocked(path, ReadOptions())
    every, _ = cell_file(tmp_path, classes=3, every_step=1)
    with pytest.raises(UsageError, match="a class for all steps; expected a folder"):
        gatec.simulate(every, data=data, reading=steps, clocked=True, testbench=tmp_path / "tb")
    with pytest.raises(UsageError, match="--clocked, but the net is not recurrent"):
        gatec.simulate(demo_path("digits"), data=data, clocked=True)
    out = tmp_path / "out"
    gatec.compile(path, reading=steps, output_dir=out, output="bits", place_and_route=False)
    with pytest.raises(UsageError, match="no such option: that is unrolled"):
        gatec.simulate(out, data=data, clocked=True)


@pytest.mark.parametrize("engine", ["numpy", "llvm"])
def test_a_cellular_net_is_its_unrolled_self(tmp_path: Path, engine: Any) -> None:
    path, _ = automaton(tmp_path, 1, **lively_rule(), outputs=np.array([2, 0]))
    grids = np.random.default_rng(2).integers(0, 2, (SAMPLES, *SHAPE), dtype=np.uint8)
    np.save(tmp_path / "grids.npy", grids)
    reading = ReadOptions(steps=4)
    found = [
        gatec.simulate(
            path, data=tmp_path / "grids.npy", reading=reading, engine=engine, clocked=clocked
        ).outputs
        for clocked in (False, True)
    ]
    assert found[0] is not None
    assert len(np.unique(found[0], axis=0)) > SAMPLES // 2
    assert np.array_equal(*found)


@pytest.mark.parametrize("extra", [{}, {"classes": 3, "every_step": 1}, {"codebook": np.eye(3)}])
def test_a_clocked_net_written_and_read_is_the_same(tmp_path: Path, extra: Any) -> None:
    if "codebook" in extra:
        extra = {"codebook": np.eye(3, dtype=np.uint8)}
    init = {"state_init": [1, 0, 1, 1], "next_state": [1, 9, 1, 4], "outputs": [9, 0, 2]}
    path, _ = cell_file(tmp_path, **extra, **init)
    model = read_clocked(path, ReadOptions(name="net"), apart=True)
    (tmp_path / "copy.npz").write_bytes(clocked_bytes(model))
    copy = read_clocked(tmp_path / "copy.npz", ReadOptions(name="net"), apart=True)
    assert clocked_bytes(copy) == clocked_bytes(model)
    assert (copy.inputs, copy.state, copy.leaving) == (INPUTS, STATE, 3)
    assert copy.every_step == model.every_step
    assert np.array_equal(copy.init, [1, 0, 1, 1])
    assert np.array_equal(copy.netlist.tables, model.netlist.tables)
    assert [block.describe() for block in copy.tail.blocks] == [
        block.describe() for block in model.tail.blocks
    ]

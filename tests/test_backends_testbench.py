"""The testbench for people without Python: it passes what is right, and fails what is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from helpers import require
from helpers_backends import random_staged, reference

from gatec.backends import testbench as bench
from gatec.backends.cells import cells_model
from gatec.backends.verilog import Emitted, emit
from gatec.vectors import INPUT_FILE, OUTPUT_FILE, make_vectors, to_hex

NET = random_staged(28, inputs=12, gates=60, outputs=9, stages=3)
COUNT = 40
BEATS = [(None, None), (5, 4), (12, 1), (1, 9), (4, 3)]


@pytest.fixture(autouse=True)
def _icarus() -> None:
    require("iverilog")


def write(folder: Path, beats: tuple[int | None, int | None] = (None, None)) -> Emitted:
    emitted = emit(NET, style="ice40", beat_bits=beats[0], out_beat_bits=beats[1])
    vectors = make_vectors(NET.num_inputs, COUNT)
    (folder / "core.v").write_text(emitted.text)
    (folder / "cells.v").write_text(cells_model("ice40"))
    (folder / "tb.sv").write_text(bench.testbench(emitted.shape, COUNT, ["core.v", "cells.v"]))
    (folder / INPUT_FILE).write_text(to_hex(vectors))
    (folder / OUTPUT_FILE).write_text(to_hex(reference(NET, vectors)))
    return emitted


def run_bench(folder: Path, *arguments: str) -> tuple[int, str]:
    """Compile and run as the header of the testbench says; return exit code and output."""
    build = ["iverilog", "-g2012", "-Wall", "-o", "sim", "tb.sv", "core.v", "cells.v"]
    built = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=True)
    assert "tb.sv" not in built.stderr
    command = ["vvp", "-n", "sim", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("beats", BEATS)
@pytest.mark.parametrize("arguments", [[], ["+traffic"]])
def test_a_right_core_passes(
    tmp_path: Path, beats: tuple[int | None, int | None], arguments: list[str]
) -> None:
    shape = write(tmp_path, beats).shape
    code, said = run_bench(tmp_path, *arguments)
    assert code == 0, said
    assert f"PASS: {COUNT} vectors in " in said
    if not arguments and min(shape.beats_in, shape.beats_out) == 1:
        # From the last beat of the first vector on: one vector each interval, then the pipeline.
        cycles = shape.interval * (COUNT - 1) + shape.latency + shape.beats_out
        assert f"in {cycles} cycles" in said


def test_one_wrong_answer_fails(tmp_path: Path) -> None:
    write(tmp_path)
    lines = (tmp_path / OUTPUT_FILE).read_text().split()
    lines[17] = f"{int(lines[17], 16) ^ 4:x}"
    (tmp_path / OUTPUT_FILE).write_text("\n".join(lines))
    code, said = run_bench(tmp_path)
    assert code != 0
    assert "FAIL: vector 17: " in said
    assert "PASS" not in said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("assign i_ready = ", "assign i_ready = 1'bx & ", "i_ready is x"),
        ("assign o_valid = ", "assign o_valid = 1'b0 & ", "FAIL: only 0 of 40 results came"),
        ("assign advance = ", "assign advance = 1'b1 | ", "FAIL: "),
    ],
)
def test_a_broken_core_fails(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = write(tmp_path).text
    assert text.count(old) == 1
    (tmp_path / "core.v").write_text(text.replace(old, new))
    code, said = run_bench(tmp_path, "+traffic")
    assert code != 0
    assert message in said


def test_a_core_with_another_latency_fails(tmp_path: Path) -> None:
    emitted = write(tmp_path)
    (tmp_path / "tb.sv").write_text(
        bench.testbench(emitted.shape, COUNT, []).replace("LATENCY = 4;", "LATENCY = 5;")
    )
    code, said = run_bench(tmp_path)
    assert code != 0
    assert "FAIL: latency 4 cycles; expected 5" in said


def test_waves_are_written_on_request(tmp_path: Path) -> None:
    emitted = write(tmp_path)
    run_bench(tmp_path)
    name = f"{emitted.top}_tb.vcd"
    assert not (tmp_path / name).exists()
    run_bench(tmp_path, "+waves")
    assert "$var wire 12" in (tmp_path / name).read_text().replace("  ", " ")

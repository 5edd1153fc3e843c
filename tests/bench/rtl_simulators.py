"""Run the Verilog of a large net in each simulator; print processor time, memory and verdict.

    python tests/bench/rtl_simulators.py [--gates N] [--stages S] [--vectors V] [RUN ...]

The net is a random one (see `scale.py`), compiled at `-O1` to generic Verilog without place and
route. RUN is `netlist`, `icarus` or `verilator`: `gatec sim FOLDER --rtl --simulator RUN`, which
compares every bit; or `icarus-testbench` or `verilator-testbench`: the folder's own `NAME_tb.sv`,
built and run by the commands in its header. All of them by default. CPU seconds are those of all
processes together, the peak is the sum over those that run at one time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers_synthetic import synthetic_model
from scale import Peak, cpu_seconds, resident, show

import gatec
from gatec.frontends import write_neutral
from gatec.sim.simulators import find_simulator

NAME = "net"
INPUTS = 3072
JUDGES = ("netlist", "icarus", "verilator")
TESTBENCHES = ("icarus-testbench", "verilator-testbench")


def compiled(gates: int, stages: int, folder: Path) -> str:
    """Compile a net into `folder/net`; return its size."""
    model = synthetic_model(gates, INPUTS)
    write_neutral(model, folder / f"{NAME}.npz")
    result = gatec.compile(
        folder / f"{NAME}.npz",
        "generic",
        output_dir=folder / NAME,
        optimise=1,
        place_and_route=False,
        stages=stages,
    )
    luts = sum(result.manifest["circuit"]["luts"].values())
    return f"{model.num_gates:,} gates, {luts:,} LUT4, {stages} stages"


def steps(run: str, folder: Path, vectors: int) -> tuple[list[list[str]], Mapping[str, str]]:
    """Return the commands of a run, to be started in the net's folder, and their variables."""
    if run in JUDGES:
        data = folder / "data.npy"
        rng = np.random.default_rng(vectors)
        np.save(data, rng.integers(0, 2, size=(vectors, INPUTS), dtype=np.uint8))
        sim = [sys.executable, "-m", "gatec", "sim", ".", "--data", str(data), "--rtl"]
        return [[*sim, "--simulator", run, "-o", str(folder / "out.npy")]], {}
    build, sources = folder / run, [f"{NAME}_tb.sv", f"{NAME}.v"]
    if run == "icarus-testbench":
        compiler = find_simulator("icarus").command
        return [[*compiler, "-g2012", "-o", str(build), *sources], ["vvp", str(build)]], {}
    found = find_simulator("verilator")
    top = f"{NAME}_tb"
    make = [part for setting in found.make for part in ("-MAKEFLAGS", setting)]
    options = ["--binary", "-Wno-fatal", "--top-module", top, "-Mdir", str(build), *make]
    return [[*found.command, *options, *sources], [str(build / f"V{top}")]], found.environment


def measure(run: str, folder: Path, vectors: int) -> dict[str, object]:
    """Return the row of a run."""
    commands, environment = steps(run, folder, vectors)
    peak, cpu, start = Peak(os.getpid()), cpu_seconds(), time.monotonic()
    own, said = resident(os.getpid()), ""
    for command in commands:
        done = subprocess.run(
            command,
            cwd=folder / NAME,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said = _verdict(done.stdout)
        if done.returncode:
            break
    peak.stop()
    return {
        "run": run,
        "seconds": time.monotonic() - start,
        "CPU s": cpu_seconds() - cpu,
        "peak MB": (peak.peak - own) >> 20,
        "verdict": said,
    }


def _verdict(log: str) -> str:
    """Return the line that says how a run ended."""
    lines = [line for line in log.splitlines() if line.strip()] or ["no output"]
    return next((line for line in lines if line.startswith(("rtl:", "PASS", "FAIL"))), lines[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=200_000)
    parser.add_argument("--stages", type=int, default=1)
    parser.add_argument("--vectors", type=int, default=256)
    parser.add_argument("runs", nargs="*", default=[*JUDGES, *TESTBENCHES])
    arguments = parser.parse_args()
    if wrong := set(arguments.runs) - {*JUDGES, *TESTBENCHES}:
        parser.error(f"no such run: {', '.join(sorted(wrong))}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(compiled(arguments.gates, arguments.stages, folder), flush=True)
        for number, run in enumerate(arguments.runs):
            show([measure(run, folder, arguments.vectors)], header=number == 0)


if __name__ == "__main__":
    main()

"""Compile synthetic nets of a hundred thousand to millions of gates; print time, memory and size.

    python tests/bench/scale.py [--gates 100000 300000 1000000] [--full] [--no-yosys]

Each net is written to a file first, as a trainer would. Then `gatec compile -O1` without place and
route runs in a process of its own, from that file to the published folder: one pipeline stage, the
emitted Verilog text proved equal to the model. A second table shows each step. `--full` adds the
net of 7,000,000 gates, which takes minutes.

CPU seconds are those of gatec, from Python's start on, and of the tools that it runs, in an
installation that has compiled before: a small net goes first, so that Python's and numba's compiled
files are there. The peak is the sum over all these processes at one time, sampled twenty times a
second. Sizes are exact;
seconds depend on the machine. The last columns are Yosys' `synth_ice40` on Verilog of the same net,
with one expression a gate and `+` for the class sums, where it ends within ten minutes: it proves
nothing. After a net on which it does not, larger ones are not tried.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers_synthetic import synthetic_model

from gatec.backends.expressions import expression
from gatec.blocks import GroupSum, LutLayer
from gatec.console import Progress
from gatec.model import ModelGraph
from gatec.tools.runner import ToolTimeout
from gatec.tools.yosys import run_yosys

_SAMPLES_A_SECOND = 20
# Steps of fewer seconds are counted to the next one.
_BRIEF = 0.05
_FULL = 7_000_000
# Just large enough for gatec's own mapper.
_FIRST = 30_000
_YOSYS_SECONDS = 600


def cpu_seconds() -> float:
    """Return the processor time of this process and of those that it waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


class Recorder(Progress):
    """Prints a JSON line at the end of each step; the first counts from the process's start."""

    def __init__(self) -> None:
        self._cpu = 0.0
        self._begun = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Report the step, and what was done since the last one under a name of its own."""
        self.end("between the steps")
        yield
        self.end(title)

    def end(self, title: str) -> None:
        """Report what was done since the last report."""
        cpu, now = cpu_seconds(), time.monotonic()
        if now - self._begun < _BRIEF:
            return
        row = {"step": title, "seconds": now - self._begun, "CPU s": cpu - self._cpu}
        print(json.dumps(row), flush=True)
        self._cpu, self._begun = cpu, now


def compile_one(file: Path) -> None:
    """Compile a file in this process, reporting on standard output."""
    recorder = Recorder()
    import gatec
    from gatec.cli import collect_rarely

    collect_rarely()

    result = gatec.compile(
        file,
        "ice40",
        output_dir=file.with_suffix(""),
        progress=recorder,
        optimise=1,
        place_and_route=False,
        stages=1,
    )
    recorder.end("manifest, vectors, publish")
    circuit, proof = result.manifest["circuit"], result.manifest["proof"]
    row = {
        "luts": circuit["luts"]["gates_and_sums"],
        "argmax": circuit["luts"]["argmax"],
        "levels": circuit["levels"],
        "proof": proof["equivalence"],
        "method": proof["method"],
    }
    print(json.dumps(row), flush=True)


class Peak:
    """Samples the memory of a process and all its descendants."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak, self.since = pid, 0, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(1 / _SAMPLES_A_SECOND):
            now = sum(map(resident, family(self.pid)))
            self.peak, self.since = max(self.peak, now), max(self.since, now)

    def take(self) -> int:
        """Return the peak since the last call, in bytes."""
        found, self.since = self.since, 0
        return found

    def stop(self) -> None:
        """End the sampling."""
        self._stop.set()
        self._thread.join()


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:  # it ended meanwhile
                continue
    return found


def resident(pid: int) -> int:
    """Return the resident bytes of a process, shared pages counted in full."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def used_before(folder: Path) -> dict[str, str]:
    """Return the environment of an installation that keeps compiled files, as Python does."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def measure(gates: int, folder: Path) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Return the row of one net and those of its steps."""
    from gatec.frontends import write_neutral

    model = synthetic_model(gates)
    file = folder / f"net{gates}.npz"
    write_neutral(model, file)
    count = model.num_gates
    del model
    command = [sys.executable, __file__, "--one", str(file)]
    start = time.monotonic()
    environment = used_before(folder)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        peak = Peak(process.pid)
        rows = [json.loads(line) | {"peak MB": peak.take() >> 20} for line in process.stdout]
        peak.stop()
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
    seconds = time.monotonic() - start
    *steps, end = rows
    cpu = sum(row["CPU s"] for row in steps)
    result = {
        "gates": count,
        "seconds": round(seconds, 1),
        "CPU s": round(cpu, 1),
        "ns a gate": round(seconds / count * 1e9),
        "CPU ns a gate": round(cpu / count * 1e9),
        "peak MB": peak.peak >> 20,
        "LUT4": end["luts"] + end["argmax"],
        "levels": end["levels"],
        "proof": end["proof"],
        "method": end["method"],
    }
    return result, steps


def flat_verilog(model: ModelGraph) -> str:
    """Return a model of layers, class sums and an argmax as a person would write it."""
    lines = [f"module net (input [{model.num_inputs - 1}:0] l0, output [3:0] best);"]
    layers = [block for block in model.blocks if isinstance(block, LutLayer)]
    for number, layer in enumerate(layers, 1):
        lines.append(f"wire [{layer.out_width - 1}:0] l{number};")
        for gate, (table, fanin) in enumerate(
            zip(layer.tables.tolist(), layer.fanin.tolist(), strict=True)
        ):
            template, slots = expression(table)
            text = template % tuple(f"l{number - 1}[{fanin[slot]}]" for slot in slots)
            lines.append(f"assign l{number}[{gate}] = {text};")
    head = model.head
    assert isinstance(head, GroupSum)
    width, last = head.score_bits, f"l{len(layers)}"
    for score in range(head.classes):
        bits = [f"{last}[{score * head.group + bit}]" for bit in range(head.group)]
        lines.append(f"wire [{width - 1}:0] s{score} = {added(bits)};")
    high, best = "s0", "4'd0"
    for score in range(1, head.classes):
        lines.append(f"wire g{score} = s{score} > {high};")
        lines.append(f"wire [{width - 1}:0] h{score} = g{score} ? s{score} : {high};")
        lines.append(f"wire [3:0] b{score} = g{score} ? 4'd{score} : {best};")
        high, best = f"h{score}", f"b{score}"
    return "\n".join([*lines, f"assign best = {best};", "endmodule", ""])


def added(terms: list[str]) -> str:
    """Return a sum in halves: Yosys' parser crashes on thousands of `+` in a row."""
    half = len(terms) // 2
    return f"({added(terms[:half])} + {added(terms[half:])})" if half else terms[0]


def measure_yosys(gates: int) -> dict[str, object]:
    """Return seconds, peak and LUTs of Yosys; `-` where it does not end in time."""
    text = flat_verilog(synthetic_model(gates))
    commands = [
        "read_verilog net.v",
        "synth_ice40 -top net",
        "tee -o count.json stat -json",
    ]
    peak, start = Peak(os.getpid()), time.monotonic()
    base = resident(os.getpid())
    try:
        run = run_yosys(
            commands, inputs={"net.v": text}, outputs=["count.json"], timeout=_YOSYS_SECONDS
        )
    except ToolTimeout:
        return {"Yosys s": f"> {_YOSYS_SECONDS}", "Yosys MB": "-", "Yosys LUT4": "-"}
    finally:
        peak.stop()
    cells = json.loads(run.files["count.json"])["design"]["num_cells_by_type"]
    return {
        "Yosys s": round(time.monotonic() - start, 1),
        "Yosys MB": (peak.peak - base) >> 20,
        "Yosys LUT4": cells["SB_LUT4"],
    }


def show(rows: list[dict[str, object]], header: bool) -> None:
    """Print rows of a table."""
    if header:
        print("\n| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
    for row in rows:
        cells = (round(v, 1) if isinstance(v, float) else v for v in row.values())
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, nargs="*", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--no-yosys", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        compile_one(arguments.one)
        return
    with tempfile.TemporaryDirectory() as folder:
        results, asked = [], not arguments.no_yosys
        measure(_FIRST, Path(folder))
        for gates in arguments.gates + [_FULL] * arguments.full:
            row, steps = measure(gates, Path(folder))
            show(steps, header=True)
            rival: dict[str, object] = dict.fromkeys(("Yosys s", "Yosys MB", "Yosys LUT4"), "-")
            if asked:
                rival = measure_yosys(gates)
                asked = not isinstance(rival["Yosys s"], str)
            results.append(row | rival)
    show(results, header=True)


if __name__ == "__main__":
    main()

"""Synthesise the benchmark functions of ../shared/circuits and compare with the best known.

    python tests/bench/synth_circuits.py truth|learned|cifar|epfl [--effort SECONDS] [NAME ...]

`truth`: the LogicNets neurons of the IWLS 2022 contest (ex68 to ex99), AND gates against the best
AIG in the folder, `--jobs` functions side by side with one walk each. `learned` and `cifar`: the
AIGs of IWLS 2020 and 2021, AND gates against ABC's `&deepsyn -T` in the same wall time, run right
before on the same machine. `epfl`: LUT6 of the random-control circuits against the best known.

Every row is proved equal to its input, or the script fails. A row has the wall and processor
seconds of the search, tools included (and what ran beside it, with `--jobs`): gatec uses two cores,
`&deepsyn` one. Where `&deepsyn` does not end in three times its time, it found nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gatec.aig import to_netlist, trimmed
from gatec.netlist import Netlist
from gatec.proof.verdict import Verdict
from gatec.synth.files import read_function
from gatec.synth.function import Function, prove
from gatec.synth.scripts import run_on_aig
from gatec.synth.search import Effort
from gatec.synthesis import search, search_luts
from gatec.tools.runner import ToolTimeout

CIRCUITS = Path(__file__).resolve().parents[3] / "shared" / "circuits"
RANDOM_CONTROL = (
    "arbiter", "cavlc", "ctrl", "dec", "i2c",
    "int2float", "mem_ctrl", "priority", "router", "voter",
)  # fmt: skip
_ROW = "| {:<18} | {:>8} | {:>8} | {:>7} | {:>11} | {:>11} | {:<24} |"
# Wall and processor seconds.
Times = tuple[float, float]


class Row(NamedTuple):
    """A function, its size, the size to compare with (0: none), their times, what proved it."""

    name: str
    size: int
    other: int
    times: Times
    other_times: Times | None
    proof: str


class Stopwatch:
    """Wall and processor time, with that of tools that ended, since it was made."""

    def __init__(self) -> None:
        self._start = self._now()

    @staticmethod
    def _now() -> Times:
        used = os.times()
        return time.monotonic(), sum(used[:4])

    def read(self) -> Times:
        """Return the seconds."""
        wall, cpu = self._now()
        return wall - self._start[0], cpu - self._start[1]


def proved(function: Function, circuit: Netlist) -> str:
    """Return what a circuit was proved by; fail when it was not."""
    proof = prove(function, circuit, 3600)
    assert proof.verdict is Verdict.EQUIVALENT, f"{function.name}: {proof}"
    return proof.method


def truth_row(path: Path, effort: Effort) -> Row:
    """Synthesise one truth table; compare with the contest's best."""
    function, watch = read_function(path), Stopwatch()
    found, times = search(function, effort), watch.read()
    best = read_function(path.with_suffix(".best.aig")).aig.num_ands
    return Row(path.stem, found.num_ands, best, times, None, proved(function, to_netlist(found)))


def circuit_row(path: Path, effort: Effort) -> Row:
    """Shrink one AIG; compare with what `&deepsyn` does in the same time."""
    function = read_function(path)
    start = trimmed(function.aig)
    watch = Stopwatch()
    try:
        other = run_on_aig(start, [f"&deepsyn -T {effort.seconds:.0f}"], 3 * effort.seconds)
    except ToolTimeout:
        other = start
    other_times, watch = watch.read(), Stopwatch()
    found, times = search(function, effort), watch.read()
    size, proof = found.num_ands, proved(function, to_netlist(found))
    return Row(path.stem, size, other.num_ands, times, other_times, proof)


def lut_row(path: Path, effort: Effort) -> Row:
    """Map one AIG to LUT6; compare with the best known."""
    function, watch = read_function(path), Stopwatch()
    found, times = search_luts(function, 6, effort), watch.read()
    best = sorted((path.parent / "best_size").glob(f"{path.stem}_size_*.blif"))
    known = best[-1].read_text().count("\n.names") if best else 0
    return Row(path.stem, found.num_gates, known, times, None, proved(function, found))


def print_table(rows: Iterator[Row], what: str, against: str) -> None:
    """Print rows as they come, and their sum."""
    print(_ROW.format("function", what, against, "ratio", "wall/cpu s", "its", "equal by"))
    print("|---|--:|--:|--:|--:|--:|---|")
    watch = Stopwatch()
    total = compared = known = 0
    for name, size, other, times, other_times, proof in rows:
        total += size
        compared, known = (compared + size, known + other) if other else (compared, known)
        ratio = f"{size / other:.3f}" if other else "-"
        both = [f"{t[0]:.0f}/{t[1]:.0f}" if t else "-" for t in (times, other_times)]
        print(_ROW.format(name, size, other or "-", ratio, *both, proof))
        sys.stdout.flush()
    spent = "{:.0f}/{:.0f}".format(*watch.read())
    print(_ROW.format("total", total, known, f"{compared / max(1, known):.3f}", spent, "", ""))


# Folder, suffix, how a row is made, what is counted and against what.
Table = tuple[str, str, Callable[[Path, Effort], Row], str, str]
TABLES: dict[str, Table] = {
    "truth": ("iwls2022-logicnets", ".truth", truth_row, "ANDs", "best"),
    "learned": ("iwls2020-learned", ".aig", circuit_row, "ANDs", "deepsyn"),
    "cifar": ("iwls2021-cifar10", ".aig", circuit_row, "ANDs", "deepsyn"),
    "epfl": ("epfl", ".aig", lut_row, "LUT6", "best"),
}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("names", nargs="*", help="of files, without suffix")
    parser.add_argument("--effort", type=float, default=100.0, help="seconds for each function")
    parser.add_argument("--jobs", type=int, default=2, help="truth tables side by side")
    arguments = parser.parse_args()
    if not CIRCUITS.is_dir():
        sys.exit("skipped: ../shared is absent")
    folder, suffix, make, what, against = TABLES[arguments.table]
    names = arguments.names or (RANDOM_CONTROL if arguments.table == "epfl" else ())
    paths = sorted(
        path
        for path in (CIRCUITS / folder).glob(f"*{suffix}")
        if not names or path.name.removesuffix(suffix) in names
    )
    truth = arguments.table == "truth"
    effort = Effort(seconds=arguments.effort, walks=1 if truth else 2)
    with ThreadPoolExecutor(arguments.jobs if truth else 1) as pool:
        print_table(pool.map(partial(make, effort=effort), paths), what, against)


if __name__ == "__main__":
    main()

"""Synthesise the benchmark functions of ../shared/circuits and compare with the best known.

    python tests/bench/synth_circuits.py truth [--effort SECONDS] [--jobs N] [NAME ...]

`truth`: the LogicNets neurons of the IWLS 2022 contest (ex68 to ex99), AND gates against the best
AIG in the folder. Every row was proved equal to its truth table on all assignments. Seconds are
wall time, cpu the processor seconds spent.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gatec.aig import to_netlist
from gatec.proof.verdict import Verdict
from gatec.synth.files import read_function
from gatec.synth.function import prove
from gatec.synth.search import Effort
from gatec.synthesis import search

CIRCUITS = Path(__file__).resolve().parents[3] / "shared" / "circuits"
_ROW = "| {:<10} | {:>8} | {:>8} | {:>7} | {:>8} | {:<20} |"


def truth_row(path: Path, effort: Effort) -> tuple[int, int, str]:
    """Synthesise one truth table on one core; return AND gates, the best known, and the proof."""
    best = read_function(path.with_suffix(".best.aig"))
    function = read_function(path)
    found = search(function, effort)
    proof = prove(function, to_netlist(found), 600)
    assert proof.verdict is Verdict.EQUIVALENT, f"{path}: {proof}"
    return found.num_ands, best.aig.num_ands, proof.method


def truth_table(names: list[str], seconds: float, jobs: int) -> None:
    """Print the table of the truth tables, `jobs` side by side, one walk each."""
    folder = CIRCUITS / "iwls2022-logicnets"
    paths = sorted(p for p in folder.glob("*.truth") if not names or p.stem in names)
    print(_ROW.format("function", "ANDs", "best", "ratio", "seconds", "equal on"))
    print("|---|--:|--:|--:|--:|---|")
    start, cpu = time.monotonic(), time.process_time()
    effort = Effort(seconds=seconds, walks=1)
    total = total_best = 0
    with ThreadPoolExecutor(jobs) as pool:
        for path, (ands, best, proof) in zip(
            paths, pool.map(lambda path: truth_row(path, effort), paths), strict=True
        ):
            total, total_best = total + ands, total_best + best
            spent = f"{time.monotonic() - start:.0f}"
            print(_ROW.format(path.stem, ands, best, f"{ands / best:.3f}", spent, proof))
            sys.stdout.flush()
    spent = f"{time.monotonic() - start:.0f}"
    ratio = f"{total / max(1, total_best):.3f}"
    cpu_text = f"cpu {time.process_time() - cpu:.0f} s"
    print(_ROW.format("total", total, total_best, ratio, spent, cpu_text))


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", choices=["truth"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--effort", type=float, default=100.0, help="seconds for each function")
    parser.add_argument("--jobs", type=int, default=2, help="functions side by side")
    arguments = parser.parse_args()
    if not CIRCUITS.is_dir():
        sys.exit("skipped: ../shared is absent")
    truth_table(arguments.names, arguments.effort, arguments.jobs)


if __name__ == "__main__":
    main()

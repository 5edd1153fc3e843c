"""Fuzz the passes and the proof: random nets, random orders, injected faults; print the counts.

    python tests/bench/fuzz_passes.py [--nets 20000] [--seed 1] [--batch 100] [--jobs 1] [--keep F]

Nets go through the passes side by side in one netlist, so that one call of ABC serves a whole
batch. After each pass every output, cut and next state is compared on 4,096 vectors with NumPy:
all there are for up to 12 inputs and state bits. Of every tenth batch, all nets are proved by ABC
and some by PySAT and a checked certificate. Then each optimised net gets one fault, which the proof
must catch, or prove harmless: where not all vectors say so, PySAT too, and where it does not decide
within its budget, a checked certificate. Every twentieth batch has its class sums on carry chains:
mapped, staged and proved, and its faults are refused as chains or judged by the proof. Where the
fast mapper ran, its route must prove the result, and none of five faults in it that show.

Every thousand nets the counts so far are printed. `--jobs` runs batches side by side; `--keep`
writes the counts to a file after each batch, and goes on from it. Exit code 1 on any failure; each
names seed and batch, and `--only BATCH` runs that one again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers_fuzz_carry import CHAIN_FAULTS, SHAPE
from helpers_fuzz_run import Campaign
from helpers_shapes import FAULTS, SHAPES

from gatec.passes import PASSES

_EVERY = 1_000
_Ended = tuple[int, "Counter[tuple[str, ...]]", list[str], float]


def one_batch(seed: int, number: int, size: int) -> _Ended:
    """Run a batch; return its number, counts, failures, and processor seconds with all tools."""
    before = os.times()
    campaign = Campaign(seed)
    campaign.run(number, size)
    after = os.times()
    seconds = sum(after[:4]) - sum(before[:4])
    return number, campaign.counts, campaign.failures, seconds


def run_all(seed: int, numbers: Iterable[int], size: int, jobs: int) -> Iterator[_Ended]:
    """Run batches, `jobs` at a time; yield each when it is done."""
    if jobs == 1:
        yield from (one_batch(seed, number, size) for number in numbers)
        return
    default = (signal.SIGTERM, signal.SIG_DFL)
    with multiprocessing.Pool(jobs, initializer=signal.signal, initargs=default) as pool:
        yield from pool.imap_unordered(partial(one_batch, seed, size=size), numbers)


class Kept:
    """The batches that ended, with their counts, in a file if there is one."""

    def __init__(self, file: Path | None, campaign: Campaign, asked: list[int]) -> None:
        self._file, self._campaign, self._asked = file, campaign, asked
        self.done: set[int] = set()
        self.seconds = 0.0
        if file is None or not file.exists():
            return
        kept = json.loads(file.read_text())
        if kept["asked"] != asked:
            sys.exit(f"{file}: is of seed and batch {kept['asked']}, not {asked}")
        self.done, self.seconds = set(kept["done"]), kept["seconds"]
        campaign.failures += kept["failures"]
        campaign.counts.update({tuple(key): count for key, count in kept["counts"]})

    def add(self, ended: _Ended) -> None:
        """Add a batch, and write the file anew."""
        number, counts, failures, seconds = ended
        self.done.add(number)
        self.seconds += seconds
        self._campaign.counts.update(counts)
        self._campaign.failures += failures
        if self._file is None:
            return
        state = {
            "asked": self._asked,
            "done": sorted(self.done),
            "seconds": self.seconds,
            "failures": self._campaign.failures,
            "counts": sorted([list(key), count] for key, count in self._campaign.counts.items()),
        }
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(state))
        beside.replace(self._file)


def table(campaign: Campaign, kind: str, rows: list[str], columns: list[str]) -> None:
    """Print one table of counts, with a sum."""
    print(f"\n| {kind} | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for row in rows:
        cells = [campaign.counts[kind, row, column] for column in columns]
        print(f"| {row} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    sums = [sum(campaign.counts[kind, row, column] for row in rows) for column in columns]
    print("| all | " + " | ".join(f"{cell:,}" for cell in sums) + " |")


def progress(campaign: Campaign, seconds: float) -> str:
    """Return one line of what was done so far."""
    counts = campaign.counts
    nets = sum(n for key, n in counts.items() if key[0] == "net")
    passes = sum(n for key, n in counts.items() if key[0] == "pass" and key[2] == "nets")
    faults = dict.fromkeys(("caught", "harmless, proved so"), 0)
    for key, n in counts.items():
        if key[0] == "fault" and key[2] in faults:
            faults[key[2]] += n
    found = ", ".join(f"{n:,} {what}" for what, n in faults.items())
    lost = len(campaign.failures)
    return (
        f"{nets:,} nets, {passes:,} times a pass; faults: {found}; {lost} failures; {seconds:.0f} s"
    )


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the campaign and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", type=int)
    arguments = parser.parse_args()
    campaign = Campaign(arguments.seed)
    kept = Kept(arguments.keep, campaign, [arguments.seed, arguments.batch])
    count = -(-arguments.nets // arguments.batch)
    batches = [arguments.only] if arguments.only is not None else list(range(count))
    left = [number for number in batches if number not in kept.done]
    # Stopped by a time limit, it takes the processes of its batches along.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        for ended in run_all(arguments.seed, left, arguments.batch, arguments.jobs):
            kept.add(ended)
            for failure in ended[2]:
                print(failure, file=sys.stderr, flush=True)
            if len(kept.done) * arguments.batch % _EVERY < arguments.batch:
                print(progress(campaign, kept.seconds), flush=True)
    except KeyboardInterrupt:
        campaign.failures.append(f"interrupted after {len(kept.done)} of {count} batches")
    shapes = {shape: campaign.counts["net", shape] for shape in [*SHAPES, SHAPE]}
    print(f"{sum(shapes.values()):,} nets: {shapes}")
    names = [chosen.name for chosen in PASSES]
    if arguments.only is None:
        idle = [name for name in names if not campaign.counts["pass", name, "orders"]]
        campaign.failures += [f"pass {name} never ran: take more nets" for name in idle]
    table(campaign, "pass", names, ["orders", "nets", "gates before", "gates after"])
    faults = [*FAULTS, *CHAIN_FAULTS, "stage moved"]
    ends = ["caught", "harmless, proved so", "harmless by ABC alone", "refused as a chain"]
    table(campaign, "fault", faults, ends)
    others = {
        key: n for key, n in campaign.counts.items() if key[0] in ("proof", "prover", "route")
    }
    print("\n" + "; ".join(f"{' '.join(key)}: {n:,}" for key, n in sorted(others.items())))
    print(f"{len(campaign.failures)} failures, {kept.seconds:.0f} s of CPU")
    for failure in campaign.failures:
        print(failure)
    sys.exit(bool(campaign.failures))


if __name__ == "__main__":
    main()

"""Fuzz the passes and the proof: random nets, random orders, injected faults; print the counts.

    python tests/bench/fuzz_passes.py [--nets 20000] [--seed 1] [--batch 40]

Nets go through the passes side by side in one netlist, so that one call of ABC serves a whole
batch. After each pass every output, cut and next state is compared on 4,096 vectors with NumPy:
all there are for up to 12 inputs and state bits. Of every tenth batch, all nets are proved by ABC
and some by PySAT and a checked certificate. Then each optimised net gets one fault, which the proof
must catch, or prove harmless. Every twentieth batch has its class sums on carry chains: mapped,
staged and proved, and its faults are refused as chains or judged by the proof. Where the fast
mapper ran, its route must prove the result, and none of five faults in it that show. Exit code 1 on
any failure; each names seed and batch, and `--only BATCH` runs that one again.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers_fuzz_carry import CHAIN_FAULTS, SHAPE
from helpers_fuzz_run import Campaign
from helpers_shapes import FAULTS, SHAPES

from gatec.passes import PASSES


def table(campaign: Campaign, kind: str, rows: list[str], columns: list[str]) -> None:
    """Print one table of counts, with a sum."""
    print(f"\n| {kind} | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for row in rows:
        cells = [campaign.counts[kind, row, column] for column in columns]
        print(f"| {row} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    sums = [sum(campaign.counts[kind, row, column] for row in rows) for column in columns]
    print("| all | " + " | ".join(f"{cell:,}" for cell in sums) + " |")


def main() -> None:
    """Run the campaign and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--only", type=int)
    arguments = parser.parse_args()
    campaign = Campaign(arguments.seed)
    start = time.process_time()
    batches = range(-(-arguments.nets // arguments.batch))
    try:
        for number in batches if arguments.only is None else (arguments.only,):
            known = len(campaign.failures)
            campaign.run(number, arguments.batch)
            for failure in campaign.failures[known:]:
                print(failure, file=sys.stderr, flush=True)
            if sys.stderr.isatty():
                print(f"\rbatch {number + 1} of {len(batches)}", end="", file=sys.stderr)
    except KeyboardInterrupt:
        campaign.failures.append(f"interrupted in batch {number} of {len(batches)}")
    shapes = {shape: campaign.counts["net", shape] for shape in [*SHAPES, SHAPE]}
    print(f"{sum(shapes.values()):,} nets: {shapes}")
    names = [chosen.name for chosen in PASSES]
    if arguments.only is None:
        idle = [name for name in names if not campaign.counts["pass", name, "orders"]]
        campaign.failures += [f"pass {name} never ran: take more nets" for name in idle]
    table(campaign, "pass", names, ["orders", "nets", "gates before", "gates after"])
    faults = [*FAULTS, *CHAIN_FAULTS, "stage moved"]
    table(campaign, "fault", faults, ["caught", "harmless, proved so", "refused as a chain"])
    others = {
        key: n for key, n in campaign.counts.items() if key[0] in ("proof", "prover", "route")
    }
    print("\n" + "; ".join(f"{' '.join(key)}: {n:,}" for key, n in sorted(others.items())))
    print(f"{len(campaign.failures)} failures, {time.process_time() - start:.0f} s without ABC")
    for failure in campaign.failures:
        print(failure)
    sys.exit(bool(campaign.failures))


if __name__ == "__main__":
    main()

"""Logic cells of an iCE40 by initiation interval, with class sums that are counted in steps.

    python tests/bench/sequential.py [-O LEVEL] [--intervals 1,4,16] [NAME ...]

In one stage, whole vectors in one beat, each proved. `gates_and_sums` are look-up tables, carries
without one beside them, and the flip-flops of the state that do not share a cell; with the counter
of the phases and what starts and stops it. `argmax` is beside it. Needs the folder `../shared`.
"""

from __future__ import annotations

import argparse
import sys

from compile_nets import NETS, SHARED

INTERVALS = (1, 2, 4, 8, 16, 32)


def measure(name: str, interval: int, level: int) -> dict[str, object]:
    """Compile one net for one interval."""
    import gatec

    file, inputs, more = NETS[name]
    reading = gatec.ReadOptions(inputs=inputs, classes=10, **more)  # type: ignore[arg-type]
    result = gatec.compile(
        SHARED / file,
        reading=reading,
        place_and_route=False,
        stages=1,
        beat_bits=inputs,
        interval=interval,
        optimise=level,
        head="carry" if interval == 1 else "sequential",
    )
    circuit = result.manifest["circuit"]
    return {
        **circuit["luts"],
        "logic_cells": circuit["logic_cells"],
        "initiation_interval": circuit["initiation_interval_cycles"],
        "latency": circuit["latency_cycles"],
        "levels": circuit["levels"],
        "proof": result.manifest["proof"]["equivalence"],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--intervals", default=",".join(map(str, INTERVALS)))
    parser.add_argument("-O", dest="level", type=int, default=2)
    parser.add_argument("names", nargs="*", default=list(NETS))
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit("skipped: ../shared is absent")
    first = True
    for name in arguments.names:
        for interval in map(int, arguments.intervals.split(",")):
            row = measure(name, interval, arguments.level)
            if first:
                print("| net | interval | " + " | ".join(row) + " |")
                print("|---" * (len(row) + 2) + "|")
            first = False
            values = " | ".join(str(value) for value in row.values())
            print(f"| {name} | {interval} | {values} |", flush=True)


if __name__ == "__main__":
    main()

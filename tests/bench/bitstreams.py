"""The shipped net to a bitstream on each family, simulated after synthesis: the nightly table.

    python tests/bench/bitstreams.py [FAMILY ...] [--seeds N] [--resynthesis try]

Each row: LUTs and flip-flops after synthesis, MHz after routing, bytes of the bitstream, whether
the netlist after synthesis gave the model's answers with the vendor's cell models, and seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from gatec.backends.fpga.family import FAMILIES

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

COLUMNS = ("family", "device", "LUTs", "FFs", "MHz", "bytes", "simulated", "seconds")


def row(family: str, seeds: int, resynthesis: str) -> list[object]:
    """Compile, simulate and return one row."""
    from helpers_bitstreams import bitstream, distinct_images, equal_in_vendor_cells, to_bitstream

    start = time.perf_counter()
    result = to_bitstream(family, seeds=seeds, resynthesis=resynthesis)
    images = distinct_images()
    right = equal_in_vendor_cells(result, images)
    physical = result.manifest["physical"]
    luts = physical["used"].get("LUT4", physical["used"].get("LUT"))
    numbers = [luts, physical["used"]["FF"], round(physical["fmax_mhz"], 1)]
    verdict = f"{len(images)} equal" if right else "DIFFERENT"
    seconds = round(time.perf_counter() - start, 1)
    size = len(bitstream(result))
    return [family, physical["device"], *numbers, size, verdict, seconds]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", default=["ice40", *FAMILIES])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--resynthesis", default="never")
    options = parser.parse_args()
    print("|".join(["", *COLUMNS, ""]))
    print("|---" * len(COLUMNS) + "|")
    for family in options.families:
        cells = row(family, options.seeds, options.resynthesis)
        print("|".join(["", *map(str, cells), ""]), flush=True)


if __name__ == "__main__":
    main()

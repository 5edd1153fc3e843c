"""The shipped net to a bitstream on each family, simulated after synthesis: the nightly table.

    python tests/bench/bitstreams.py [FAMILY ...] [--seeds N] [--resynthesis try]

Each row: LUTs and flip-flops after synthesis, MHz after routing, bytes of the bitstream, whether
the netlist after synthesis gave the model's answers with the vendor's cell models, and seconds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from gatec.backends.cells import vendor_models
from gatec.backends.family import FAMILIES
from gatec.demo import path as demo_path
from gatec.driver import compile
from gatec.sim.rtl import simulate_rtl
from gatec.targets import find_target

# The smallest device on which it fits.
DEVICES = {"ice40": "up5k", "gowin": "gw1nsr-4c", "ecp5": "12k"}
COLUMNS = ("family", "device", "LUTs", "FFs", "MHz", "bytes", "simulated", "seconds")


def row(family: str, seeds: int, resynthesis: str) -> list[object]:
    """Compile, simulate and return one row."""
    start = time.perf_counter()
    device = DEVICES.get(family, find_target(family).device)
    result = compile(
        demo_path("digits"), family, device=device, seeds=seeds, resynthesis=resynthesis
    )
    physical, shape = result.manifest["physical"], result.design.emitted.shape
    suffix = FAMILIES[family].bit_suffix if family in FAMILIES else "bin"
    with np.load(demo_path("digits-test")) as data:
        images = np.unique(data["x"], axis=0)
    outputs = simulate_rtl(
        {
            "netlist.v": result.files[f"{shape.top}_synth.v"].decode(),
            "cells.v": vendor_models(family, None if family == "ice40" else physical["cells"]),
        },
        shape.top,
        images,
        beat_bits=shape.beat_bits,
        out_bits=shape.output_bits,
        out_beat_bits=shape.out_beat_bits,
    ).outputs
    right = np.array_equal(outputs, result.design.mapped.model.output_bits(images))
    luts = physical["used"].get("LUT4", physical["used"].get("LUT"))
    numbers = [luts, physical["used"]["FF"], round(physical["fmax_mhz"], 1)]
    size = len(result.files[f"{shape.top}.{suffix}"])
    verdict = f"{len(images)} equal" if right else "DIFFERENT"
    return [family, device, *numbers, size, verdict, round(time.perf_counter() - start, 1)]


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

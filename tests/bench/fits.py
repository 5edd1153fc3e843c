"""What fits: nets on iCE40 UP5K and HX8K, ECP5-25k and 85k, and on Tiny Tapeout's tiles.

    python tests/bench/fits.py [NET ...] [--devices up5k hx8k 25k 85k tiles] [-O 2]

Every net is compiled in one pipeline stage, which is the smallest, with bytes in and out, and
placed and routed with seed 1; MHz is therefore that of the whole net between two registers. Where a
net is too large, the table says how many of the cells it needs. ECP5 counts LUT4 and carries, each
two cells. On Tiny Tapeout it is the area of sky130hd's cells, sized for 10 MHz, in tiles of which
cells may take the share that `gatec.backends.asic.tiny_tapeout` gives, with where its sizes come
from. The net of 3x2550 gates is not trained: gates and wires are drawn as in nets that are. The
others, except the demo, need the folder `../shared`.
"""

from __future__ import annotations

import argparse
import sys
import time
from math import ceil
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from compile_nets import NETS, SHARED
from helpers_synthetic import synthetic_model

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.asic.tiny_tapeout import UTILISATION, shapes
from gatec.backends.fpga.fit import DoesNotFit
from gatec.console import Progress
from gatec.demo import path as demo_path
from gatec.flows.choice import choose_flow
from gatec.frontends import ReadOptions, read_model
from gatec.model import ModelGraph
from gatec.options import CompileOptions

LIBERTY = SHARED.parent / "liberty" / "sky130_fd_sc_hd__tt_025C_1v80.lib.gz"
AVOID = ("*__lpflow_*", "*__probe*")
DEMO, RANDOM = "demo:digits", "like trained 3x2550"
NAMES = [DEMO, "vicharak 200x4", "vicharak 800x4", RANDOM, "tt10 6x4000"]
TARGETS = {"up5k": "ice40", "hx8k": "ice40", "25k": "ecp5", "85k": "ecp5"}
TILES = "tiles"
BYTES = {"stages": 1, "beat_bits": 8, "out_beat_bits": 8}


def read(name: str) -> ModelGraph:
    """Return a net by its name in the table."""
    if name == DEMO:
        return read_model(demo_path("digits"))
    if name == RANDOM:
        return synthetic_model(7650, inputs=256, layers=3)
    file, inputs, more = NETS[name]
    return read_model(SHARED / file, ReadOptions(inputs=inputs, classes=10, **more))


def routed(design: gatec.CompileResult, device: str, level: int) -> list[str]:
    """Return the cells used of those there are, whether it was routed, and MHz."""
    options = CompileOptions(TARGETS[device], device=device, optimise=level, **BYTES)
    try:
        physical, _ = choose_flow(options).finish(design.design, Progress())
    except DoesNotFit as error:
        row = next((row for row in error.table if not row.fits), error.table[0])
        return [f"{row.needed} / {row.available}", "no", ""]
    assert physical is not None
    used, there = physical["used"]["logic cells"], physical["available"]["logic cells"]
    return [f"{used} / {there}", "yes", f"{physical['fmax_mhz']:.1f}"]


def tiles(model: ModelGraph) -> list[str]:
    """Return the area in tiles of the largest shape, whether it fits, and MHz without wires."""
    largest = shapes("sky130hd")[-1]
    asic = AsicOptions(liberty=(LIBERTY,), known="sky130hd", dont_use=AVOID)
    result = gatec.compile(model, "asic", asic=asic, optimise=1, clock=10.0, beat_bits=8)
    physical = result.manifest["physical"]
    room = UTILISATION * largest.area / largest.number
    number = ceil(physical["area"] / room)
    cells = f"{physical['area']:.0f} um2, {number} / {largest.number} tiles"
    return [cells, "no layout" if number <= largest.number else "no", f"{physical['fmax_mhz']:.1f}"]


def rows(name: str, devices: list[str], level: int) -> None:
    """Print the rows of one net."""
    model = read(name)
    designs: dict[str, gatec.CompileResult] = {}
    for device in devices:
        start = time.monotonic()
        if device == TILES:
            row = tiles(model)
        else:
            target = TARGETS[device]
            if target not in designs:
                designs[target] = gatec.compile(
                    model, target, optimise=level, place_and_route=False, device=device, **BYTES
                )
            row = routed(designs[target], device, level)
        shown = [name, device, *row, f"{time.monotonic() - start:.0f}"]
        print("| " + " | ".join(shown) + " |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--devices", nargs="+", default=[*TARGETS, TILES], metavar="DEVICE")
    parser.add_argument("-O", type=int, default=2, dest="level")
    options = parser.parse_args()
    print("| net | on | cells used / there | routed | MHz | seconds |\n|---|---|---|---|---|---|")
    for name in options.names:
        if name not in (DEMO, RANDOM) and not SHARED.is_dir():
            print(f"| {name} | skipped: ../shared is absent |")
            continue
        rows(name, options.devices, options.level)


if __name__ == "__main__":
    main()

"""Map the larger trained nets to standard cells, beside ABC alone and beside stock Yosys.

    python tests/bench/asic.py scripts [NET ...]    # area of gates and class sums, by ABC script
    python tests/bench/asic.py stock [NET ...]      # beside behavioural Verilog through stock Yosys
    python tests/bench/asic.py words [NET ...]      # the same in beats of 8 bits
    python tests/bench/asic.py tiles [NET ...]      # Tiny Tapeout: area with byte streams, tiles

`scripts` compares combinational areas without buffers and sizing: the best of gatec's scripts on
split adders with and without the library's adder cells, and the best of three scripts that are
standard with ABC (`map -a` and `amap` after `dch`, and Yosys' default) on the same net, adders as
ABC reads them. `stock` puts gatec beside plain behavioural Verilog of the same net
(`asic_stock.py`) through stock Yosys, each time with the same in it on both sides: the logic alone,
without buffers and sizes; that with a plain register at each input and output; and the core, with
the stream handshake, its enables and reset, one stage, buffered and sized for 100 MHz by ABC's
commands for that (delays of both by gatec's timing analysis, power of gatec's), as it is and with
clock gates on both sides (`--clock-gates`, Yosys' `clockgate`). `words` does so with beats of 8
bits in, which take as many cycles on both sides, and takes the smaller of two ways to write the
stock core: with words in their places, and shifted. Needs the folder `../shared`. Areas are exact.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
from asic_stock import plain_core, stock_netlist, stream_core, word_cores
from compile_nets import NETS, SHARED

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.asic.abc_map import FAST, STANDARD, map_gates
from gatec.backends.asic.adders import split_adders
from gatec.backends.asic.boxes import adder_cell, adder_parts, take_out
from gatec.backends.asic.flip_flops import choose_register
from gatec.backends.asic.sta import analyse
from gatec.blocks import Argmax, Block, GroupSum, InputBits, LutLayer
from gatec.errors import LimitError
from gatec.flows.asic import DEFAULT_MHZ
from gatec.frontends import ReadOptions, read_model
from gatec.liberty.arcs import Arcs
from gatec.liberty.load import Library, load_library
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.netlist import Netlist, Port
from gatec.passes import tidy
from gatec.passes.runner import run_passes
from gatec.tables import expand

LIBERTY = SHARED.parent / "liberty"
FILES = {
    "sky130hd": "sky130_fd_sc_hd__tt_025C_1v80.lib.gz",
    "sg13g2": "sg13g2_stdcell_typ_1p20V_25C.lib.gz",
}
RANDOM = "random 3x2550"
BEAT = 8
AVOID = ("*__lpflow_*", "*__probe*")
ABC_ALONE = (
    "strash; dch; map -a",
    "strash; dch; amap",
    # What Yosys runs for `abc -liberty` without a clock.
    "strash; &get -n; &fraig -x; &put; scorr; dc2; dch -f; strash; &get -n; &nf; &put",
)


def read(name: str) -> ModelGraph:
    """Return a net of the shared folder, or a random one of three layers of 2,550 gates."""
    if name == RANDOM:
        rng = np.random.default_rng(0)
        blocks: list[Block] = [InputBits("input", 256)]
        for layer in range(3):
            before = blocks[-1].out_width
            wiring = rng.integers(0, before, (2550, 2))
            tables = expand(rng.integers(0, 16, 2550, dtype=np.uint64), 2)
            blocks.append(LutLayer(f"layer{layer}", before, wiring, tables))
        blocks += [GroupSum("groupsum", 2550, 10), Argmax("argmax", 10)]
        return ModelGraph.chain(blocks, "random")
    file, inputs, more = NETS[name]
    model = read_model(SHARED / file, ReadOptions(inputs=inputs, classes=10, **more))
    return model.with_output("argmax")


def area(net: Netlist, library: Library, script: str) -> float:
    """Return the area of the gates that a script makes of a combinational netlist."""
    return sum(gate.cell.area for gate in map_gates(net, library, script).gates)


def logic(model: ModelGraph) -> Netlist:
    """Return the gates of a net, cleaned up."""
    net, _ = run_passes(lower(model).netlist, tidy(6))
    return net.replace(outputs=(Port("y", net.output_nets),), cuts=())


def smallest(net: Netlist, library: Library, scripts: Sequence[str]) -> float:
    """Return the area of gatec's best mapping by some scripts."""
    found = [area(split_adders(net), library, script) for script in scripts]
    cell = adder_cell(library, 3)
    if cell is not None:
        rest, boxes = take_out(net, adder_parts(net, {3: cell}))
        subject, adders = split_adders(rest), len(boxes) * cell.cell.area
        found += [adders + area(subject, library, script) for script in scripts]
    return min(found)


def compare_scripts(name: str, library: Library) -> list[str]:
    """Return a row: ABC's three scripts, gatec's best, and their ratio."""
    net = logic(read(name).with_output("scores"))
    alone = [area(net, library, script) for script in ABC_ALONE]
    ours = smallest(net, library, STANDARD)
    verdict = "yes" if ours <= min(alone) else "NO"
    return [*(f"{a:.0f}" for a in (*alone, ours)), f"{ours / min(alone):.3f}", verdict]


def compare_stock(name: str, library: str) -> list[list[str]]:
    """Return rows: logic, logic between plain registers, and whole cores of both flows."""
    files = [LIBERTY / FILES[library]]
    model, cells = read(name), load_library(files, dont_use=AVOID)
    plain = stock_netlist(plain_core(model), cells)
    bits = int(plain.is_register.sum())
    flip_flop = choose_register(cells).cell.area
    ours = smallest(logic(model), cells, FAST)
    pairs = [
        ("logic", ours, plain.area - float(plain.areas[plain.is_register].sum()), ""),
        (f"logic, {bits} registers", ours + bits * flip_flop, plain.area, ""),
    ]
    for gated in (False, True):
        asic = AsicOptions(liberty=tuple(files), dont_use=AVOID, clock_gates=gated)
        result = gatec.compile(model, target="asic", asic=asic, stages=1, optimise=1)
        physical = result.manifest["physical"]
        stock = stock_netlist(
            stream_core(model), cells, period_ns=1000 / DEFAULT_MHZ, clock_gates=gated
        )
        delays = f"{physical['delay_ns']:.2f}, {analyse(stock, Arcs(cells)).period_ns:.2f}"
        shown = f"{delays} ns, {physical['power_uw']['total'] / 1000:.2f} mW"
        what = "core, clock gates" if gated else "core, 100 MHz"
        pairs.append((what, physical["area"], stock.area, shown))
    return [[what, f"{a:.0f}", f"{b:.0f}", f"{a / b:.3f}", more] for what, a, b, more in pairs]


def compare_words(name: str, library: str) -> list[list[str]]:
    """Return rows: cores in beats of 8 bits, without and with clock gates."""
    files = [LIBERTY / FILES[library]]
    model, cells = read(name), load_library(files, dont_use=AVOID)
    rows = []
    for gated in (False, True):
        asic = AsicOptions(liberty=tuple(files), dont_use=AVOID, clock_gates=gated)
        made = gatec.compile(model, target="asic", asic=asic, stages=1, optimise=1, beat_bits=BEAT)
        ours, circuit = made.manifest["physical"], made.manifest["circuit"]
        stocks = [
            stock_netlist(text, cells, period_ns=1000 / DEFAULT_MHZ, clock_gates=gated)
            for text in word_cores(model, BEAT)
        ]
        stock = min(stocks, key=lambda netlist: netlist.area)
        slowest = analyse(stock, Arcs(cells)).period_ns
        times = f"{circuit['initiation_interval_cycles']}, latency {circuit['latency_cycles']} and"
        shown = (
            f"{ours['delay_ns']:.2f}, {slowest:.2f} ns, {ours['power_uw']['total'] / 1000:.2f} mW"
        )
        rows.append(
            [
                "clock gates" if gated else "plain",
                f"{ours['area']:.0f}",
                f"{stock.area:.0f}",
                f"{ours['area'] / stock.area:.3f}",
                f"{shown}, a result every {times} 2",
            ]
        )
    return rows


def compare_tiles(name: str, library: str) -> list[str]:
    """Return a row: area of the core with bytes in and out, tiles, and how full they are."""
    options = AsicOptions(
        liberty=(LIBERTY / FILES[library],), known=library, dont_use=AVOID, tiny_tapeout=True
    )
    try:
        result = gatec.compile(
            read(name), target="asic", asic=options, stages=1, optimise=1, vectors=16
        )
    except LimitError as error:
        return ["", "none", str(error)]
    physical = result.manifest["physical"]
    tiles = physical["tiny_tapeout"]
    return [f"{physical['area']:.0f}", tiles["tiles"], f"{tiles['filled']:.0%}"]


HEADS = {
    "tiles": ["area", "tiles", "filled"],
    "scripts": [
        *("dch; map -a", "dch; amap", "Yosys' default", "gatec", "gatec / best"),
        "at least as small",
    ],
    "words": ["of both", "gatec", "stock", "ratio", "delays, gatec's power, cycles of both"],
    "stock": ["of both", "gatec", "stock", "ratio", "delays, gatec's power"],
}


def main() -> None:
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(HEADS))
    parser.add_argument("names", nargs="*", default=list(NETS))
    parser.add_argument("--libraries", nargs="+", choices=list(FILES), default=list(FILES))
    arguments = parser.parse_args()
    if not LIBERTY.is_dir():
        sys.exit("skipped: ../shared is absent")
    head = ["net", "library", *HEADS[arguments.what], "seconds"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for name in arguments.names:
        for library in arguments.libraries:
            start = time.monotonic()
            if arguments.what == "tiles":
                rows = [compare_tiles(name, library)]
            elif arguments.what == "scripts":
                rows = [
                    compare_scripts(name, load_library([LIBERTY / FILES[library]], dont_use=AVOID))
                ]
            elif arguments.what == "words":
                rows = compare_words(name, library)
            else:
                rows = compare_stock(name, library)
            for row in rows:
                shown = [name, library, *row, f"{time.monotonic() - start:.0f}"]
                print("| " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()

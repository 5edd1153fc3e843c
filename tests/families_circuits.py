"""Rows of the matrix: learned circuits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers_circuits import as_text, evaluate, random_aig
from helpers_matrix import VECTORS, ClockedFamily, Family, Reference, random_bits

from gatec.aiger import write_aiger
from gatec.frontends import ReadOptions

BITS = ("--output", "bits")


def aiger(_: Path) -> Reference:
    aig = random_aig(np.random.default_rng(5), 8, 60, 4)
    Path("net.aig").write_bytes(write_aiger(aig))
    bits = random_bits(8)
    return Reference(bits, evaluate(aig, bits))


def aiger_latches(_: Path) -> Reference:
    aig = random_aig(np.random.default_rng(8), 6, 40, 5)
    Path("net.aag").write_bytes(as_text(aig, 3, ["", " 1", " 0"], binary=False))
    bits = random_bits(12).reshape(VECTORS, 4, 3)
    state, said = np.tile([0, 1, 0], (VECTORS, 1)), []
    for step in range(4):
        out = evaluate(aig, np.hstack([bits[:, step], state]).astype(int))
        said, state = [*said, out[:, :2]], out[:, 2:]
    return Reference(bits.reshape(VECTORS, 12), np.hstack(said))


def parameters(_: Path) -> Reference:
    aig = random_aig(np.random.default_rng(6), 14, 80, 4)
    Path("net.aig").write_bytes(write_aiger(aig))
    chosen = random_bits(6)[0]
    Path("learned.txt").write_text("".join(map(str, chosen)))
    bits = random_bits(8)
    return Reference(bits, evaluate(aig, np.hstack([bits, np.tile(chosen, (VECTORS, 1))])))


def cover(_: Path) -> Reference:
    """Two outputs of five inputs: three of them are 1, and the first two differ."""
    rows = ["111-- 10", "11-1- 10", "1-11- 10", "-111- 10", "01--- 01", "10--- 01"]
    Path("net.pla").write_text("\n".join([".i 5", ".o 2", ".type f", *rows, ".e"]))
    bits = random_bits(5)
    return Reference(bits, np.stack([bits[:, :4].sum(1) > 2, bits[:, 0] ^ bits[:, 1]], 1))


def truth_table(_: Path) -> Reference:
    Path("net.truth").write_text("11101000\n10010110\n")
    bits = random_bits(3)
    return Reference(bits, np.stack([bits.sum(1) > 1, bits.sum(1) % 2], 1))


def verilog(_: Path) -> Reference:
    """A two-bit adder of gates."""
    Path("adder.v").write_text("""module half(input x, y, output c, s);
  and (c, x, y); xor (s, x, y);
endmodule
module adder(input [1:0] a, b, output [2:0] s);
  wire c0, c1, c2, t;
  half h0(a[0], b[0], c0, s[0]), h1(a[1], b[1], c1, t), h2(.x(t), .y(c0), .c(c2), .s(s[1]));
  assign s[2] = c1 | c2;
endmodule
""")
    bits = random_bits(4)
    total = bits[:, :2] @ [1, 2] + bits[:, 2:] @ [1, 2]
    return Reference(bits, total[:, None] >> np.arange(3) & 1)


FAMILIES = (
    Family("AIGER", "net.aig", aiger, more=BITS),
    Family("AIGER with latches", "net.aag", aiger_latches, ReadOptions(steps=4), BITS),
    ClockedFamily(
        "AIGER with latches, clocked", "net.aag", aiger_latches,
        more=("--clocked", *BITS), length=4,
    ),
    Family(
        "Boolean parameters", "net.aig", parameters,
        ReadOptions(parameters=Path("learned.txt")), BITS,
    ),
    Family("structural Verilog", "adder.v", verilog, more=BITS),
    Family("PLA", "net.pla", cover, more=BITS),
    Family("truth tables", "net.truth", truth_table, more=BITS),
)  # fmt: skip

"""Verilog that is too large for Icarus at once, simulated by Icarus piece by piece.

The stage modules of an emitted core are one statement a line, in topological order. A piece is some
lines of one, untouched, in a module of its own that feeds them what earlier pieces gave for the
nets that they read, and prints what later ones need. So Icarus reads and evaluates every line. The
rest of the text is simulated with tables of these answers in place of the stage modules, clock by
clock: what a table does not hold is undefined, and the answer with it.

Here the text is only cut, at its line ends. `default_nettype none` makes Icarus refuse a piece that
lacks a net, and a line of unknown shape, or one that reads a net of a later piece, is an error.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gatec.bits import Bits
from gatec.rtl import Circuit, RtlFacts
from gatec.sim.rtl import RtlWaves
from gatec.sim.simulators import Simulator, find_simulator

# Lines of gates take as long each up to 10,000; many that drive bits of one vector take longer.
LINES = 2_000

_MODULE = re.compile(r"^module (\w+) ?\(.*?^endmodule\n", re.MULTILINE | re.DOTALL)
_STAGE = re.compile(
    r"module \w+ \(\n  input  wire \[(\d+):0\] i,\n  output wire \[(\d+):0\] o\n\);\n"
    r"(.*)endmodule\n",
    re.DOTALL,
)
# What a line declares, and the names that it reads: those of an expression, or at pins of a cell.
_CELL = re.compile(r"  wire (\w+); \w+ (?:#\([^;]*?\) )?\w+ (\([^;]*\));")
_FORMULA = re.compile(r"  (?:wire (\w+)|assign o\[(\d+)\]) = ([^;]*);")
_PIN = re.compile(r"\.\w+\(([a-z]\w*)\)")
_NAME = re.compile(r"(?<![\w'])[a-z]\w*")


@dataclass
class Piece:
    """Some lines of a stage module, by the names that they declare and read.

    `outputs` are the bits of `o` that they drive.
    """

    lines: list[str] = field(default_factory=list)
    declares: list[str] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    outputs: list[int] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Take one line; raise `ValueError` where it is not of a known shape."""
        if found := _CELL.fullmatch(line):
            self.declares.append(found[1])
            self.reads.update(_PIN.findall(found[2]))
        elif found := _FORMULA.fullmatch(line):
            self.reads.update(_NAME.findall(found[3]))
            if found[1] is None:
                self.outputs.append(int(found[2]))
            else:
                self.declares.append(found[1])
        else:
            raise ValueError(f"unexpected line: {line[:80]}")
        self.lines.append(line)


def cut(body: str, lines: int) -> list[Piece]:
    """Return the pieces of a stage's lines."""
    every = body.splitlines()
    pieces = []
    for start in range(0, len(every), lines):
        piece = Piece()
        for line in every[start : start + lines]:
            piece.add(line)
        pieces.append(piece)
    return pieces


def run_stage(text: str, cells: str, inputs: Bits, lines: int = LINES) -> Bits:
    """Return what a stage module puts out for `uint8[vectors, width of i]`, as Icarus computes it.

    Raises
    ------
    ValueError
        The text is not a stage module, or not in topological order, or a bit is undefined.
    subprocess.CalledProcessError
        Icarus refuses a piece.
    """
    stage = _STAGE.fullmatch(text)
    if stage is None or int(stage[1]) + 1 != inputs.shape[1]:
        raise ValueError(f"not a stage of {inputs.shape[1]} inputs: {text[:80]!r}")
    pieces = cut(stage[3], lines)
    declared = [name for piece in pieces for name in piece.declares]
    if len(set(declared)) != len(declared):
        raise ValueError("a net is declared twice")
    driven = [bit for piece in pieces for bit in piece.outputs]
    if sorted(driven) != list(range(int(stage[2]) + 1)):
        raise ValueError("the bits of o are not driven once each")
    last_read = {name: number for number, piece in enumerate(pieces) for name in piece.reads}
    outputs = np.zeros((len(inputs), len(driven)), dtype=np.uint8)
    # Packed along the vectors: a net of a million others takes 32 bytes for 256 of them.
    known: dict[str, Bits] = {}
    for number, piece in enumerate(pieces):
        held = sorted(piece.reads - set(piece.declares) - {"i"})
        if missing := [name for name in held if name not in known]:
            raise ValueError(f"reads {missing[0]} before its declaration")
        columns = [np.unpackbits(known[name], count=len(inputs)) for name in held]
        rows = np.stack(columns, axis=1) if held else np.zeros((len(inputs), 0), dtype=np.uint8)
        shown = [name for name in piece.declares if last_read.get(name, -1) > number]
        result = _run_piece(piece, cells, held, shown, rows, inputs)
        known.update(zip(shown, np.packbits(result[:, : len(shown)].T, axis=1), strict=True))
        outputs[:, piece.outputs] = result[:, len(shown) :]
    return outputs


def _run_piece(
    piece: Piece,
    cells: str,
    held: Sequence[str],
    shown: Sequence[str],
    rows: Bits,
    inputs: Bits,
) -> Bits:
    """Return the bits of `shown`, then of `o` where the piece drives it."""
    show = [*shown, *(f"o[{bit}]" for bit in piece.outputs)]
    if not show:
        return np.zeros((len(rows), 0), dtype=np.uint8)
    # Bit 0 of a row is its last character, and `i` is in front of what else the piece reads.
    width_i = inputs.shape[1] if "i" in piece.reads else 0
    rows = np.concatenate([inputs[:, :width_i], rows], axis=1)
    count, wide = rows.shape[0], max(1, rows.shape[1])
    first, last = min(piece.outputs, default=0), max(piece.outputs, default=0)
    module = [
        "`default_nettype none",
        "module piece;",
        f"  reg [{wide - 1}:0] ROW, ROWS [0:{count - 1}]; integer ROW_NUMBER;",
        f"  wire [{last}:{first}] o;",
        *([f"  wire [{width_i - 1}:0] i = ROW[{width_i - 1}:0];"] if width_i else []),
        *(f"  wire {name} = ROW[{bit}];" for bit, name in enumerate(held, width_i)),
    ]
    module += [
        *piece.lines,
        '  initial begin $readmemb("rows.txt", ROWS);',
        f"    for (ROW_NUMBER = 0; ROW_NUMBER < {count}; ROW_NUMBER = ROW_NUMBER + 1) begin",
        f'      ROW = ROWS[ROW_NUMBER]; #1 $display("%b", {{{", ".join(show)}}});',
        "    end",
        "  end",
        "endmodule",
        "",
    ]
    text = rows if rows.shape[1] else np.zeros((count, 1), dtype=np.uint8)
    lines = [(row[::-1] + ord("0")).tobytes().decode() for row in text]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "piece.v").write_text("\n".join(module))
        (folder / "cells.v").write_text(cells)
        (folder / "rows.txt").write_text("\n".join(lines))
        iverilog = find_simulator("icarus").command
        for command in (
            [*iverilog, "-g2012", "-s", "piece", "-o", "piece", "cells.v", "piece.v"],
            ["vvp", "-n", "piece"],
        ):
            done = subprocess.run(
                command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
            )
    said = np.frombuffer("".join(done.stdout.split()).encode(), dtype=np.uint8) - ord("0")
    if said.size != count * len(show) or (said > 1).any():
        raise ValueError("a bit is undefined")
    return said.reshape(count, len(show))


@dataclass(frozen=True)
class InPieces(Circuit):
    """A circuit that Icarus simulates piece by piece; for `gatec.rtl.check_rtl`.

    Of cores without memories and sequences: each stage reads what the one in front put out.
    """

    lines: int = LINES

    def simulate(
        self, bits: Bits, simulator: Simulator, waves: RtlWaves | None
    ) -> tuple[Bits, RtlFacts]:
        """Return the outputs of the Verilog, and the latency of the clocked part."""
        assert simulator == "icarus", "only Icarus is asked"
        assert waves is None, "no waves in pieces"
        text, values = self.text, np.ascontiguousarray(bits, dtype=np.uint8)
        cells = "".join(self.sources[name] for name in self.sources if name.endswith("_cells.v"))
        modules = {found[1]: found[0] for found in _MODULE.finditer(text)}
        stages = [f"{self.shape.top}_stage{number}" for number in range(len(modules) - 1)]
        if modules.keys() != {self.shape.top, *stages}:
            raise ValueError(f"modules beside the stages: {sorted(modules)}")
        for name in stages:
            results = run_stage(modules[name], cells, values, self.lines)
            text = text.replace(modules[name], "".join(_table(name, values, results)))
            values = results
        sources = {**self.sources, f"{self.shape.top}.v": text}
        shell = Circuit(self.model, self.shape, sources)
        return shell.simulate(bits, simulator, None)


def _table(name: str, inputs: Bits, outputs: Bits) -> Iterator[str]:
    """Return a module that knows the answers to some inputs, and to others none."""
    wide, out = inputs.shape[1], outputs.shape[1]
    both = np.unique(np.concatenate([inputs, outputs], axis=1), axis=0)
    count = len(both)
    yield f"module {name} (input wire [{wide - 1}:0] i, output reg [{out - 1}:0] o);\n"
    yield f"  reg [{wide - 1}:0] KEYS [0:{count - 1}];\n"
    yield f"  reg [{out - 1}:0] VALUES [0:{count - 1}];\n"
    # Memories, and no `case`: that would build each of its wide constants at every change.
    yield "  integer ROW;\n  task find; begin\n"
    yield f"    o = {{{out}{{1'bx}}}};\n    for (ROW = 0; ROW < {count}; ROW = ROW + 1)\n"
    yield f"      if (KEYS[ROW] === i) begin o = VALUES[ROW]; ROW = {count}; end\n"
    yield "  end endtask\n  always @(i) find;\n  initial begin\n"
    for number, row in enumerate(both):
        bits = (row[::-1] + ord("0")).tobytes().decode()
        yield f"    KEYS[{number}] = {wide}'b{bits[out:]};\n"
        yield f"    VALUES[{number}] = {out}'b{bits[:out]};\n"
    yield "    find;\n  end\nendmodule\n"

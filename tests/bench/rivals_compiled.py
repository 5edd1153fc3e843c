"""Nets as C and as Verilog, compiled, for `rivals.py`; and the limit that the caches set."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rivals_base import Rival, Unavailable

from gatec.bits import Words, random_words
from gatec.model import ModelGraph
from gatec.sim.simulators import find_simulator

GCC = ("gcc", "-shared", "-fPIC", "-march=native")
# C's expression for each table of two inputs, address bit 0 = slot 0.
_EXPRESSIONS = (
    *("0", "~(A|B)", "A&~B", "~B", "B&~A", "~A", "A^B", "~(A&B)"),
    *("A&B", "~(A^B)", "A", "A|~B", "B", "B|~A", "A|B", "~0ULL"),
)


def statements(model: ModelGraph, inputs: str, outputs: str) -> list[str]:
    """Return an assignment for each gate, to `v{layer}_{gate}` or to an element of the outputs."""
    lines = []
    before = [f"{inputs}[{i}]" for i in range(model.num_inputs)]
    for number, layer in enumerate(model.layers):
        last = number == len(model.layers) - 1
        after = []
        for gate, ((a, b), table) in enumerate(
            zip(layer.fanin.tolist(), layer.tables.tolist(), strict=True)
        ):
            form = _EXPRESSIONS[table & 15].replace("A", "@").replace("B", before[b])
            after.append(f"{outputs}[{gate}]" if last else f"v{number}_{gate}")
            lines.append(f"{after[-1]} = {form.replace('@', before[a])};")
        before = after
    return lines


def c_text(model: ModelGraph) -> str:
    """Return a C function of one statement a gate, as difflogic's CompiledLogicNet writes it.

    The same form: a constant 64-bit variable for each gate, in order, outputs stored in an array.
    """
    lines = ["typedef unsigned long long word;", "void net(word const *inp, word *out) {"]
    lines += [
        line if line.startswith("out") else f"const word {line}"
        for line in statements(model, "inp", "out")
    ]
    lines.append("}")
    lines.append("void many(word const *inp, word *out, long n, long width)")
    lines.append("{ for (long i = 0; i < n; i++) net(inp + i * width, out); }")
    return "\n".join(lines)


def run_within(
    command: list[str], folder: Path, budget: float, environment: Mapping[str, str] | None = None
) -> None:
    """Run a command of which each process may take so many seconds of processor time."""
    limit = int(budget)
    done = subprocess.run(
        command,
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
    )
    if done.returncode:
        raise Unavailable(f"failed, or took more than {limit} s: {done.stderr.strip()[-200:]}")


class DifflogicC(Rival):
    """C as difflogic generates it, through gcc with the optimisation level in its name."""

    @property
    def _library(self) -> Path:
        return self.folder / "net.so"

    def build(self) -> None:
        """Write the C and compile it."""
        if shutil.which("gcc") is None:
            raise Unavailable("gcc is not installed")
        source = self.folder / "net.c"
        source.write_text(c_text(self.model))
        level = self.name.split()[-1]
        run_within([*GCC, level, "-o", str(self._library), str(source)], self.folder, self.budget)

    def load(self) -> None:
        """Load the function."""
        self._many = ctypes.CDLL(str(self._library)).many
        self._width = self.model.num_inputs
        self._out = np.zeros(self.model.layers[-1].out_width, dtype=np.uint64)

    def outputs(self, words: Words) -> Words:
        """Return the last layer's bits for one word of samples, `[inputs]`."""
        self._many(*map(_address, (words, self._out)), ctypes.c_long(1), ctypes.c_long(self._width))
        return self._out.copy()

    def seconds(self, samples: int) -> float:
        """Return the seconds of `samples // 64` calls of the function."""
        count = max(1, samples // 64)
        words = random_words(np.random.default_rng(0), count, self._width)
        arguments = [*map(_address, (words, self._out)), *map(ctypes.c_long, (count, self._width))]
        start = time.thread_time()
        self._many(*arguments)
        return time.thread_time() - start


_VERILATOR_MAIN = """#include "Vnet.h"
#include <cstdio>
#include <cstdlib>
#include <ctime>
int main(int, char** argv) {
  Vnet* net = new Vnet; unsigned long long seed = 1; const long calls = atol(argv[1]);
  const clock_t start = clock();
  for (long k = 0; k < calls; k++) {
    for (auto& word : net->x.m_storage)
      word = seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    net->eval();
  }
  std::printf("%.9f\\n", double(clock() - start) / CLOCKS_PER_SEC);
}"""


class Verilator(Rival):
    """Verilator's C++ of the net with words of 64 bits for wires."""

    def build(self) -> None:
        """Write the Verilog and build a program of it."""
        outputs = self.model.layers[-1].out_width
        lines = [
            f"module net (input [63:0] x [0:{self.model.num_inputs - 1}],",
            f"output [63:0] y [0:{outputs - 1}]);",
            *(f"wire [63:0] {line}" for line in statements(self.model, "x", "y") if line[0] == "v"),
            *(f"assign {line}" for line in statements(self.model, "x", "y") if line[0] == "y"),
            "endmodule",
        ]
        text = "\n".join(lines).replace("~0ULL", "~64'd0").replace("= 0;", "= 64'd0;")
        (self.folder / "net.sv").write_text(text)
        (self.folder / "main.cpp").write_text(_VERILATOR_MAIN)
        tool = find_simulator("verilator")
        made = [flag for setting in tool.make for flag in ("-MAKEFLAGS", setting)]
        command = [*tool.command, "--cc", "--exe", "--build", *made, "-O3"]
        command += ["-CFLAGS", "-O1 -march=native", "-Wno-fatal"]
        more = ["--top-module", "net", "--prefix", "Vnet", "net.sv", "main.cpp"]
        run_within([*command, *more], self.folder, self.budget, tool.environment)

    def seconds(self, samples: int) -> float:
        """Return the seconds of a run, as its process measures them."""
        program = self.folder / "obj_dir" / "Vnet"
        command = [str(program), str(max(1, samples // 64))]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Streams:
    """The limit that a cache sets: `z = x & y` over three arrays that fill half of it."""

    _TEXT = """typedef unsigned long long word;
    void streams(word const *restrict x, word const *restrict y, word *restrict z, long n, long m)
    { for (long k = 0; k < m; k++) {
        for (long i = 0; i < n; i++) z[i] = x[i] & y[i];
        __asm__ volatile("" : : "r"(z) : "memory"); } }"""

    def __init__(self, folder: Path, size: int) -> None:
        source, library = folder / "streams.c", folder / "streams.so"
        source.write_text(self._TEXT)
        subprocess.run([*GCC, "-O3", "-o", str(library), str(source)], check=True)
        self._streams = ctypes.CDLL(str(library)).streams
        self._count = size // 2 // 3 // 64 * 8
        self._arrays = [np.arange(self._count, dtype=np.uint64) for _ in range(3)]

    def rate(self) -> float:
        """Return gate evaluations per second: 64 for each word of the result."""
        rounds = 40_000_000 // self._count
        start = time.thread_time()
        self._streams(*map(_address, self._arrays), *map(ctypes.c_long, (self._count, rounds)))
        return rounds * self._count * 64 / (time.thread_time() - start)


def _address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)

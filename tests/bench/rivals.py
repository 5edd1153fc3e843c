"""Other simulators of gate nets, for `simulate.py`: each prepares a net, then runs random samples.

Each is given its best case. difflogic's C gets packed inputs in its own order and skips its class
sums; torch computes a gate as one product and three sums and not as difflogic's sixteen functions;
ABC draws its own inputs. gatec's engine, against these, also counts the classes and compares them.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gatec.bits import Words, random_words, unpack
from gatec.blif import write_blif
from gatec.errors import ToolError
from gatec.lower import lower
from gatec.model import ModelGraph
from gatec.sim.simulators import find_simulator
from gatec.tools.abc import run_abc

GCC = ("gcc", "-shared", "-fPIC", "-march=native")


class Unavailable(Exception):
    """A rival that is not installed, or that did not get ready in time."""


class Rival(ABC):
    """A simulator with a net in it.

    Attributes
    ----------
    prepared
        Seconds of processor time from the model in memory until it could run.
    """

    prepared: float = 0.0

    @abstractmethod
    def seconds(self, samples: int) -> float:
        """Return the seconds of processor time that a run over about `samples` samples takes."""

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample of one run."""
        return self.seconds(samples) / samples


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
    """C as difflogic generates it, through gcc."""

    def __init__(self, model: ModelGraph, level: int, folder: Path, budget: float) -> None:
        if shutil.which("gcc") is None:
            raise Unavailable("gcc is not installed")
        source, library = folder / "net.c", folder / f"net{level}.so"
        source.write_text(c_text(model))
        command = [*GCC, f"-O{level}", "-o", str(library), str(source)]
        before = _children_seconds()
        run_within(command, folder, budget)
        self.prepared = _children_seconds() - before
        self._many = ctypes.CDLL(str(library)).many
        self._width = model.num_inputs
        self._out = np.zeros(model.layers[-1].out_width, dtype=np.uint64)

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


class Torch(Rival):
    """PyTorch on one thread: a gate is `c0 + c1 a + c2 b + c3 a b` of float32 values 0 and 1."""

    _BATCH = 256

    def __init__(self, model: ModelGraph) -> None:
        try:
            import torch
        except ImportError:
            raise Unavailable("torch is not installed") from None
        start = _seconds()
        torch.set_num_threads(1)
        self._torch = torch
        self._layers = []
        for layer in model.layers:
            rows = unpack(layer.tables[:, None], 4).astype(np.float32)
            f00, f10, f01, f11 = rows
            terms = np.stack([f00, f10 - f00, f01 - f00, f11 - f10 - f01 + f00])
            fanin = torch.tensor(layer.fanin.T.astype(np.int64))
            self._layers.append((fanin[0], fanin[1], *torch.tensor(terms)))
        self._inputs = torch.randint(0, 2, (self._BATCH, model.num_inputs)).float()
        assert model.head is not None
        self._classes = model.head.classes
        self.prepared = _seconds() - start

    def forward(self, values):  # torch is optional, so are its types
        """Return the class of each row."""
        torch = self._torch
        for first, second, c0, c1, c2, c3 in self._layers:
            a = torch.index_select(values, 1, first)
            b = torch.index_select(values, 1, second)
            values = torch.addcmul(torch.addcmul(c0 + c1 * a, c2, b), c3, a * b)
        return values.reshape(len(values), self._classes, -1).sum(2).argmax(1)

    def seconds(self, samples: int) -> float:
        """Return the seconds for as many batches as hold the samples."""
        start = time.thread_time()
        with self._torch.inference_mode():
            for _ in range(max(1, samples // self._BATCH)):
                self.forward(self._inputs)
        return time.thread_time() - start

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample of one run of a few batches."""
        batches = max(1, min(4, samples // self._BATCH))
        return self.seconds(batches * self._BATCH) / (batches * self._BATCH)


class AbcSim(Rival):
    """ABC's `&sim` on the AIG: what a longer run takes more than a shorter one."""

    def __init__(self, model: ModelGraph) -> None:
        start = _seconds()
        net = lower(model.with_output("bits")).netlist
        # `&sim` refuses networks without a latch, so there is one.
        text = write_blif(net).replace(".outputs ", ".outputs latched ", 1)
        text = text.replace("\n.end", "\n.latch o0 latched 0\n.end")
        run = run_abc(
            ["read_blif in.blif", "strash", "&get -n", "&write out.aig"],
            inputs={"in.blif": text},
            outputs=["out.aig"],
        )
        self._aig = run.files["out.aig"]
        self.prepared = _seconds() - start

    def seconds(self, samples: int) -> float:
        """Return the seconds of processor time for so many samples, reading apart."""
        frames = max(8, samples // (32 * _ABC_WORDS))
        return self._run(frames + 1) - self._run(1)

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample, of at least 8 frames."""
        frames = max(8, samples // (32 * _ABC_WORDS))
        return max(self.seconds(samples), 1e-9) / (frames * 32 * _ABC_WORDS)

    def _run(self, frames: int) -> float:
        before = _children_seconds()
        command = f"&sim -T 100000 -F {frames} -W {_ABC_WORDS}"
        run_abc(["&r in.aig", command], inputs={"in.aig": self._aig})
        return _children_seconds() - before


# 32-bit words a frame: the fastest of 4 to 256 at 48,000 gates.
_ABC_WORDS = 16


class Mockturtle(Rival):
    """mockturtle's simulation of patterns, as aigverse offers it: one sample a cycle."""

    _SAMPLES = 20

    def __init__(self, model: ModelGraph, folder: Path) -> None:
        try:
            from aigverse import algorithms, io
        except ImportError:
            raise Unavailable("aigverse is not installed") from None
        start = _seconds()
        net = lower(model.with_output("bits")).netlist
        run = run_abc(
            ["read_blif in.blif", "strash", "write_aiger out.aig"],
            inputs={"in.blif": write_blif(net)},
            outputs=["out.aig"],
        )
        path = folder / "net.aig"
        path.write_bytes(run.files["out.aig"])
        self._simulate = algorithms.simulate_sequential
        self._aig = io.read_aiger_into_sequential_aig(str(path))
        bits = np.random.default_rng(0).integers(0, 2, size=(self._SAMPLES, model.num_inputs))
        self._stimulus = bits.astype(bool).tolist()
        self.prepared = _seconds() - start

    def seconds(self, samples: int) -> float:
        """Return the seconds for `samples` samples."""
        start = time.thread_time()
        self._simulate(self._aig, samples, self._stimulus)
        return time.thread_time() - start

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample of a short run."""
        del samples
        return self.seconds(self._SAMPLES) / self._SAMPLES


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

    def __init__(self, model: ModelGraph, folder: Path, budget: float) -> None:
        lines = [
            f"module net (input [63:0] x [0:{model.num_inputs - 1}],",
            f"output [63:0] y [0:{model.layers[-1].out_width - 1}]);",
            *(f"wire [63:0] {line}" for line in statements(model, "x", "y") if line[0] == "v"),
            *(f"assign {line}" for line in statements(model, "x", "y") if line[0] == "y"),
            "endmodule",
        ]
        text = "\n".join(lines).replace("~0ULL", "~64'd0").replace("= 0;", "= 64'd0;")
        (folder / "net.sv").write_text(text)
        (folder / "main.cpp").write_text(_VERILATOR_MAIN)
        before = _children_seconds()
        tool = find_simulator("verilator")
        command = [*tool.command, "--cc", "--exe", "--build", "-O3", "-CFLAGS", "-O1 -march=native"]
        more = ["-Wno-fatal", "--top-module", "net", "--prefix", "Vnet", "net.sv", "main.cpp"]
        run_within([*command, *more], folder, budget, tool.environment)
        self.prepared = _children_seconds() - before
        self._program = folder / "obj_dir" / "Vnet"

    def seconds(self, samples: int) -> float:
        """Return the seconds of a run, as its process measures them."""
        command = [str(self._program), str(max(1, samples // 64))]
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


def _seconds() -> float:
    """Return the processor time of this process and its children so far."""
    return time.process_time() + _children_seconds()


def _children_seconds() -> float:
    """Return the processor time of all child processes so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def prepare(name: str, model: ModelGraph, folder: Path, budget: float) -> Rival | None:
    """Return a rival by its name in the table, or None and a line on stderr that says why not."""
    makers = {
        "difflogic C -O1": lambda: DifflogicC(model, 1, folder, budget),
        "difflogic C -O3": lambda: DifflogicC(model, 3, folder, budget),
        "Verilator": lambda: Verilator(model, folder, budget),
        "torch": lambda: Torch(model),
        "ABC &sim": lambda: AbcSim(model),
        "mockturtle": lambda: Mockturtle(model, folder),
    }
    try:
        return makers[name]()
    except (Unavailable, ToolError, subprocess.CalledProcessError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return None


NAMES = ("difflogic C -O1", "difflogic C -O3", "Verilator", "torch", "ABC &sim", "mockturtle")

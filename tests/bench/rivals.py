"""Other simulators of gate nets, for `simulate.py`: each prepares a net, then runs random samples.

Each is given its best case. difflogic's C gets packed inputs in its own order and skips its class
sums; torch computes a gate as one product and three sums and not as difflogic's sixteen functions;
ABC draws its own inputs. gatec's engine, against these, also counts the classes and compares them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from rivals_base import Rival, Unavailable, children_seconds, processor_seconds
from rivals_compiled import DifflogicC, Verilator

from gatec.bits import unpack
from gatec.blif import write_blif
from gatec.errors import ToolError
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.tools.abc import run_abc


class Torch(Rival):
    """PyTorch on one thread: a gate is `c0 + c1 a + c2 b + c3 a b` of float32 values 0 and 1."""

    _BATCH = 256

    def load(self) -> None:
        """Make the tensors."""
        try:
            import torch
        except ImportError:
            raise Unavailable("torch is not installed") from None
        torch.set_num_threads(1)
        self._torch = torch
        self._layers = []
        for layer in self.model.layers:
            rows = unpack(layer.tables[:, None], 4).astype(np.float32)
            f00, f10, f01, f11 = rows
            terms = np.stack([f00, f10 - f00, f01 - f00, f11 - f10 - f01 + f00])
            fanin = torch.tensor(layer.fanin.T.astype(np.int64))
            self._layers.append((fanin[0], fanin[1], *torch.tensor(terms)))
        self._inputs = torch.randint(0, 2, (self._BATCH, self.model.num_inputs)).float()
        assert self.model.head is not None
        self._classes = self.model.head.classes

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

    @property
    def _aig(self) -> Path:
        return self.folder / "net.aig"

    def build(self) -> None:
        """Write the net as an AIG."""
        net = lower(self.model.with_output("bits")).netlist
        # `&sim` refuses networks without a latch, so there is one.
        text = write_blif(net).replace(".outputs ", ".outputs latched ", 1)
        text = text.replace("\n.end", "\n.latch o0 latched 0\n.end")
        run = run_abc(
            ["read_blif in.blif", "strash", "&get -n", "&write out.aig"],
            inputs={"in.blif": text},
            outputs=["out.aig"],
        )
        self._aig.write_bytes(run.files["out.aig"])

    def seconds(self, samples: int) -> float:
        """Return the seconds of processor time for so many samples, reading apart."""
        frames = max(8, samples // (32 * _ABC_WORDS))
        return self._run(frames + 1) - self._run(1)

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample, of at least 8 frames."""
        frames = max(8, samples // (32 * _ABC_WORDS))
        return max(self.seconds(samples), 1e-9) / (frames * 32 * _ABC_WORDS)

    def _run(self, frames: int) -> float:
        before = children_seconds()
        command = f"&sim -T 100000 -F {frames} -W {_ABC_WORDS}"
        run_abc(["&r in.aig", command], inputs={"in.aig": self._aig.read_bytes()})
        return children_seconds() - before


# 32-bit words a frame: the fastest of 4 to 256 at 48,000 gates.
_ABC_WORDS = 16


class Mockturtle(Rival):
    """mockturtle's simulation of patterns, as aigverse offers it: one sample a cycle."""

    _SAMPLES = 20

    @property
    def _aig(self) -> Path:
        return self.folder / "net.aig"

    def build(self) -> None:
        """Write the net as an AIG."""
        net = lower(self.model.with_output("bits")).netlist
        run = run_abc(
            ["read_blif in.blif", "strash", "write_aiger out.aig"],
            inputs={"in.blif": write_blif(net)},
            outputs=["out.aig"],
        )
        self._aig.write_bytes(run.files["out.aig"])

    def load(self) -> None:
        """Read the AIG."""
        try:
            from aigverse import algorithms, io
        except ImportError:
            raise Unavailable("aigverse is not installed") from None
        self._simulate = algorithms.simulate_sequential
        self._net = io.read_aiger_into_sequential_aig(str(self._aig))
        shape = (self._SAMPLES, self.model.num_inputs)
        self._stimulus = np.random.default_rng(0).integers(0, 2, size=shape).astype(bool).tolist()

    def seconds(self, samples: int) -> float:
        """Return the seconds for `samples` samples."""
        start = time.thread_time()
        self._simulate(self._net, samples, self._stimulus)
        return time.thread_time() - start

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample of a short run."""
        del samples
        return self.seconds(self._SAMPLES) / self._SAMPLES


KINDS: dict[str, type[Rival]] = {
    **dict.fromkeys(("difflogic C -O0", "difflogic C -O1", "difflogic C -O3"), DifflogicC),
    "Verilator": Verilator,
    "torch": Torch,
    "ABC &sim": AbcSim,
    "mockturtle": Mockturtle,
}
NAMES = tuple(KINDS)


def prepare(
    name: str, model: ModelGraph, folder: Path, budget: float, *, build: bool = True
) -> Rival | None:
    """Return a rival by its name in the table, or None and a line on stderr that says why not.

    What was built in `folder` before, or failed to be, is not built again; without `build`, nothing
    is.
    """
    own = folder / name.replace(" ", "_").replace("&", "")
    own.mkdir(parents=True, exist_ok=True)
    rival = KINDS[name](name, model, own, budget)
    record = own / "built.json"
    try:
        if not record.exists():
            if not build:
                raise Unavailable(f"not built in {folder}")
            record.write_text(json.dumps(_build(rival)))
        built = json.loads(record.read_text())
        if "failed" in built:
            raise Unavailable(built["failed"])
        start = processor_seconds()
        rival.load()
    except Unavailable as error:
        print(f"{name}: {error}", file=sys.stderr)
        return None
    rival.prepared = built["seconds"] + processor_seconds() - start
    return rival


def _build(rival: Rival) -> dict[str, float | str]:
    """Build a rival; return the seconds that it took, or why it failed."""
    start = processor_seconds()
    try:
        rival.build()
    except (Unavailable, ToolError, subprocess.CalledProcessError) as error:
        return {"failed": str(error)}
    return {"seconds": processor_seconds() - start}

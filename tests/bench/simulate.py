"""Measure gatec's engine against other simulators of gate nets, and against the caches.

    python tests/bench/simulate.py [--sizes 48k 384k 1M] [--rounds 5] [--skip NAME] [--out DIR]

Random nets of two-input gates of all sixteen functions, wired as difflogic wires them: each layer
reads every output of the one before equally often. 48k is six layers of 8,000 gates, 384k six of
64,000, 1M eight of 128,000. One thread each; seconds are of processor time, so that a busy machine
disturbs less; rounds are interleaved, and medians printed. gatec's figures are from packed inputs
to class numbers. A compiler may take `--budget` seconds for a net; what it made is kept in `--out`
and taken from there the next time; a rival that failed at one size is not tried at the next.
`--build` stops when all is built, `--built` leaves out what is not. Below the table stands what
gatec promises, and whether it held.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import rivals
from rivals_base import Rival, processor_seconds
from rivals_compiled import DifflogicC, Streams

from gatec.bits import pack, random_words
from gatec.blocks import Argmax, Block, GroupSum, InputBits, LutLayer
from gatec.frontends import ReadOptions, read_model
from gatec.model import ModelGraph
from gatec.sim.engine import Engine, make_engine
from gatec.tables import expand

SHARED = Path(__file__).resolve().parents[3] / "shared"
# Inputs and layers: those of the net in the README, and two like difflogic's for CIFAR-10.
SIZES = {"48k": (784, [8_000] * 6), "384k": (3_072, [64_000] * 6), "1M": (3_072, [128_000] * 8)}
CLASSES = 10
MNIST_TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
_SAMPLES = 10_000
OURS = ("gatec llvm", "gatec numpy")
_OPTIMISED_C = ("difflogic C -O1", "difflogic C -O3")


def random_model(inputs: int, widths: list[int], seed: int = 0) -> ModelGraph:
    """Return a random net of two-input gates with a head."""
    rng = np.random.default_rng(seed)
    blocks: list[Block] = [InputBits("input", inputs)]
    for number, width in enumerate(widths):
        before = blocks[-1].out_width
        fanin = rng.permutation(before)[rng.permutation(2 * width) % before].reshape(width, 2)
        tables = expand(rng.integers(0, 16, size=width, dtype=np.uint64), 2)
        blocks.append(LutLayer(f"layer{number}", before, fanin, tables))
    head = GroupSum("groupsum", widths[-1], CLASSES)
    return ModelGraph.chain([*blocks, head, Argmax("argmax", CLASSES)], "random")


class Ours(Rival):
    """gatec's engine, from packed inputs to class numbers."""

    def load(self) -> None:
        """Make the engine."""
        self.engine: Engine = make_engine(self.model, self.name.split()[1], threads=1)  # type: ignore[arg-type]

    def seconds(self, samples: int) -> float:
        """Return the seconds for `samples` samples."""
        count = -(-samples // 512) * 8
        words = random_words(np.random.default_rng(1), self.model.num_inputs, count)
        start = time.thread_time()
        self.engine.predict(words, count * 64)
        return time.thread_time() - start

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample; the reference gets fewer."""
        count = samples if self.engine.name == "llvm" else max(512, samples // 16)
        count = -(-count // 512) * 512
        return self.seconds(count) / count


def check_equal(model: ModelGraph, ours: Engine, rival: DifflogicC) -> None:
    """Stop when difflogic's C and the engine differ on a word of samples."""
    words = random_words(np.random.default_rng(2), model.num_inputs, 1)
    if not np.array_equal(rival.outputs(words[:, 0]), ours.run(words)[:, 0]):
        sys.exit("difflogic's C and gatec differ")


@dataclass(frozen=True)
class Row:
    """Medians of one simulator on one net.

    Attributes
    ----------
    each
        Seconds per sample.
    ready
        Seconds from the model to the first sample, of gatec with LLVM's start.
    """

    each: float
    ready: float

    @property
    def whole(self) -> float:
        """Seconds for 10,000 samples, from the model on."""
        return self.ready + self.each * _SAMPLES


@dataclass(frozen=True)
class Table:
    """What was measured on one net.

    Attributes
    ----------
    gates
        Of the net.
    rows
        By name; those that did not get ready are missing.
    limit
        Gate evaluations per second that three streams through the second cache allow.
    """

    gates: int
    rows: dict[str, Row]
    limit: float


def prepare(
    model: ModelGraph, names: list[str], folder: Path, budget: float, *, build: bool
) -> dict[str, Rival]:
    """Return gatec's engines and the rivals that got ready, by name."""
    entries: dict[str, Rival] = {}
    for name in OURS:
        entries[name] = Ours(name, model, folder, budget)
        start = processor_seconds()
        entries[name].load()
        entries[name].prepared = processor_seconds() - start
    for name in names:
        found = rivals.prepare(name, model, folder, budget, build=build)
        if isinstance(found, DifflogicC):
            check_equal(model, make_engine(model, "llvm"), found)
        if found is not None:
            entries[name] = found
    return entries


def measure(model: ModelGraph, entries: dict[str, Rival], rounds: int) -> Table:
    """Run all in turn, several times."""
    samples = max(10_240, 3_000_000_000 // model.num_gates // 512 * 512)
    limits = []
    times: dict[str, list[float]] = {key: [] for key in entries}
    with tempfile.TemporaryDirectory() as name:
        limit = Streams(Path(name), _l2_bytes())
        for _ in range(rounds):
            limits.append(limit.rate())
            for key, entry in entries.items():
                times[key].append(entry.per_sample(samples))
    rows = {key: Row(statistics.median(times[key]), entries[key].prepared) for key in entries}
    return Table(model.num_gates, rows, statistics.median(limits))


def show(size: str, names: list[str], table: Table) -> None:
    """Print the rows of one net."""
    ours = table.rows[OURS[0]]
    for key in [*OURS, *names]:
        row = table.rows.get(key)
        if row is None:
            print(f"| {size} | {key} | n/a | | | | |")
            continue
        print(
            f"| {size} | {key} | {1 / row.each / 1e6:.3g} | {table.gates / row.each / 1e9:.3g} | "
            f"{row.each / ours.each:.2f} | {row.ready:.2f} | {row.whole / ours.whole:.1f} |"
        )
    print(f"| {size} | three L2 streams | | {table.limit / 1e9:.0f} | | | |", flush=True)


def promises(tables: dict[str, Table]) -> None:
    """Print what gatec promises beside what was measured."""
    costs = {size: table.rows[OURS[0]].each / table.gates for size, table in tables.items()}
    for size, table in tables.items():
        ours = table.rows[OURS[0]]
        others = {key: row for key, row in table.rows.items() if key not in OURS}
        if others:
            nearest = min(others, key=lambda key: others[key].each)
            ahead = others[nearest].each / ours.each
            _say(f"{size}: ahead of every other, the nearest {nearest}", ahead, 1)
        compiled = [row for key, row in others.items() if key in _OPTIMISED_C]
        if size == "48k" and compiled:
            run = min(row.each for row in compiled) / ours.each
            whole = min(row.whole for row in compiled) / ours.whole
            _say(f"{size}: times difflogic's C, running alone", run, 2)
            _say(f"{size}: times difflogic's C, 10,000 samples with compiling", whole, 50)
        if size != "1M":
            share = table.gates / ours.each / table.limit
            _say(f"{size}: times what three L2 streams allow", share, 1)
    spread = max(costs.values()) / min(costs.values())
    print(
        f"- cost per gate, dearest to cheapest: {spread:.2f}, at most 1.5: {_held(spread <= 1.5)}"
    )


def _say(what: str, found: float, least: float) -> None:
    print(f"- {what}: {found:.2f}, at least {least}: {_held(found >= least)}")


def _held(held: bool) -> str:
    return "held" if held else "NOT HELD"


def mnist(rounds: int) -> None:
    """Print what all test images of MNIST take through the net `own`, from pixels to classes."""
    if not SHARED.is_dir():
        print("MNIST: skipped, ../shared is absent")
        return
    reading = ReadOptions(inputs=784, classes=10)
    model = read_model(SHARED / "models" / "own" / "mnist_784_6x8000.npz", reading)
    folder = SHARED / "datasets" / "mnist"
    # idx: 16 bytes of header before the images, 8 before the labels.
    images, marks = (gzip.decompress((folder / name).read_bytes()) for name in MNIST_TEST)
    pixels = np.frombuffer(images, dtype=np.uint8, offset=16).reshape(-1, 784)
    labels = np.frombuffer(marks, dtype=np.uint8, offset=8)
    times: dict[str, list[float]] = {"start": [], "pack": [], "predict": []}
    for _ in range(rounds):
        begun = time.process_time()
        engine = make_engine(model, "llvm", threads=1)
        times["start"].append(time.process_time() - begun)
        begun = time.process_time()
        words = pack(pixels > 127)
        times["pack"].append(time.process_time() - begun)
        begun = time.process_time()
        classes = engine.predict(words, len(pixels))
        times["predict"].append(time.process_time() - begun)
    medians = {key: statistics.median(values) for key, values in times.items()}
    steps = ", ".join(f"{key} {seconds:.4f} s" for key, seconds in medians.items())
    print(f"MNIST, {len(pixels)} images, {np.mean(classes == labels):.2%} right: {steps}")


def _l2_bytes() -> int:
    """Return the size of a core's second cache; Linux says it as `1024K`."""
    path = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
    return int(path.read_text().strip().removesuffix("K")) * 1024 if path.exists() else 1 << 20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--budget", type=float, default=600.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--built", action="store_true")
    parser.add_argument("--skip", nargs="*", choices=rivals.NAMES, default=[])
    arguments = parser.parse_args()
    names = [name for name in rivals.NAMES if name not in arguments.skip]
    tables = {}
    with ExitStack() as stack:
        out = arguments.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # The first engine of a process waits for LLVM: that is counted for each net.
        start = processor_seconds()
        make_engine(random_model(32, [100, 100]), "llvm")
        llvm = processor_seconds() - start
        print("| net | simulator | M samples/s | G gates/s | time, gatec 1 | ready, s |", end="")
        print(" 10,000 samples |\n|---|---|---|---|---|---|---|", flush=True)
        trying = list(names)
        for size in arguments.sizes:
            model = random_model(*SIZES[size])
            build = not arguments.built
            entries = prepare(model, trying, out / size, arguments.budget, build=build)
            entries[OURS[0]].prepared += llvm
            trying = [name for name in trying if name in entries]
            if not arguments.build:
                tables[size] = measure(model, entries, arguments.rounds)
                show(size, names, tables[size])
    if tables:
        promises(tables)
        mnist(arguments.rounds)


if __name__ == "__main__":
    main()

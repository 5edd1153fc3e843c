"""Measure gatec's engine against other simulators of gate nets, and against the caches.

    python tests/bench/simulate.py [--sizes 48k 384k 1M] [--budget 600] [--rounds 5] [--skip NAME]

Random nets of two-input gates of all sixteen functions, wired as difflogic wires them: each layer
reads every output of the one before equally often. One thread each; seconds are of processor time,
so that a busy machine disturbs less; rounds are interleaved, and medians printed. gatec's figures
are from packed inputs to class numbers. `--budget` is what gcc may take for a net, in seconds.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import rivals

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
_COMPILED_FOR = 10_000


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


class Ours(rivals.Rival):
    """gatec's engine, from packed inputs to class numbers."""

    def __init__(self, model: ModelGraph, name: str) -> None:
        start = time.process_time()
        self.engine: Engine = make_engine(model, name, threads=1)  # type: ignore[arg-type]
        self.prepared = time.process_time() - start
        self._inputs = model.num_inputs

    def seconds(self, samples: int) -> float:
        """Return the seconds for `samples` samples."""
        count = -(-samples // 512) * 8
        words = random_words(np.random.default_rng(1), self._inputs, count)
        start = time.thread_time()
        self.engine.predict(words, count * 64)
        return time.thread_time() - start

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample; the reference gets fewer."""
        count = samples if self.engine.name == "llvm" else max(512, samples // 16)
        count = -(-count // 512) * 512
        return self.seconds(count) / count


def check_equal(model: ModelGraph, ours: rivals.Rival, rival: rivals.Rival) -> None:
    """Stop when difflogic's C and the engine differ on a word of samples."""
    assert isinstance(ours, Ours)
    assert isinstance(rival, rivals.DifflogicC)
    words = random_words(np.random.default_rng(2), model.num_inputs, 1)
    if not np.array_equal(rival.outputs(words[:, 0]), ours.engine.run(words)[:, 0]):
        sys.exit("difflogic's C and gatec differ")


def measure(size: str, names: list[str], budget: float, rounds: int) -> None:
    """Print the rows of one net."""
    model = random_model(*SIZES[size])
    samples = max(2048, 3_000_000_000 // model.num_gates // 512 * 512)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        limit = rivals.Streams(folder, _l2_bytes())
        ours = {f"gatec {name}": Ours(model, name) for name in ("llvm", "numpy")}
        entries: dict[str, rivals.Rival] = dict(ours)
        for rival in names:
            found = rivals.prepare(rival, model, folder, budget)
            if isinstance(found, rivals.DifflogicC):
                check_equal(model, ours["gatec llvm"], found)
            if found is not None:
                entries[rival] = found
        limits = []
        times: dict[str, list[float]] = {key: [] for key in entries}
        for _ in range(rounds):
            limits.append(limit.rate())
            for key, entry in entries.items():
                times[key].append(entry.per_sample(samples))
    best = statistics.median(times["gatec llvm"])
    total = entries["gatec llvm"].prepared + best * _COMPILED_FOR
    for key in [*ours, *names]:
        if key not in entries:
            print(f"| {size} | {key} | n/a | | | | |", flush=True)
            continue
        each, ready = statistics.median(times[key]), entries[key].prepared
        whole = (ready + each * _COMPILED_FOR) / total
        print(
            f"| {size} | {key} | {1 / each / 1e6:.3g} | {model.num_gates / each / 1e9:.0f} | "
            f"{each / best:.2f} | {ready:.2f} | {whole:.1f} |",
            flush=True,
        )
    print(f"| {size} | three L2 streams | | {statistics.median(limits) / 1e9:.0f} | | | |")


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
    print(
        f"MNIST, {len(pixels)} images, {np.mean(classes == labels):.2%} right: {steps}; first ",
        end="",
    )
    print(f"start in this process {times['start'][0]:.3f} s")


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
    parser.add_argument("--skip", nargs="*", choices=rivals.NAMES, default=[])
    arguments = parser.parse_args()
    print(
        "| net | simulator | M samples/s | G gates/s | time, gatec 1 | ready, s | 10,000 samples |"
    )
    print("|---|---|---|---|---|---|---|")
    names = [name for name in rivals.NAMES if name not in arguments.skip]
    for size in arguments.sizes:
        measure(size, names, arguments.budget, arguments.rounds)


if __name__ == "__main__":
    main()

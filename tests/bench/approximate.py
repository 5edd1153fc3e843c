"""What `--approximate` gains on trained nets, and what it costs on rows that nobody used.

    python tests/bench/approximate.py [--max-drop PERCENT] [NAME ...]

Needs the folder `../shared`. Approximated on MNIST's 60,000 training images (two thirds to fit, one
to hold out), judged on its 10,000 test images, which neither training nor approximation saw. Every
circuit is proved equal to its net. Sizes and accuracies are exact, seconds are not.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from compile_nets import NETS, SHARED

import gatec
from gatec.approx.rows import Judge, Rows, split_rows
from gatec.approx.search import approximate
from gatec.bits import Bits, pack
from gatec.model import ModelGraph
from gatec.sim.data import load_data

MNIST = SHARED.parent / "datasets" / "mnist"
PIXELS = 784
LUT_SIZES = (4, 6)
# ws0 was trained on Fashion-MNIST, which the folder does not have.
NAMES = ("own 6x8000", "tt10 6x4000")


def bits_of(name: str, part: str) -> tuple[Bits, np.ndarray]:
    """Return a part of MNIST as a net takes it, and the labels."""
    file = MNIST / f"{part}-images-idx3-ubyte.gz"
    if name.startswith("own"):
        data = load_data(file, num_inputs=PIXELS, threshold=127)
        return data.bits, data.labels
    # Not exactly what it was trained with, which is not known: 94.0 % where its file says 95.6 %.
    import torch

    data = load_data(file, num_inputs=PIXELS * 8, code_bits=8)
    codes = np.packbits(data.bits.reshape(-1, PIXELS, 8), axis=2, bitorder="little")
    planes = torch.tensor(codes.reshape(-1, 1, 28, 28)).float() / 255
    small = torch.nn.functional.interpolate(planes, (16, 16), mode="bicubic", antialias=True)
    return (small.numpy().reshape(len(small), -1) > 0.04).astype(np.uint8), data.labels


def sizes(model: ModelGraph) -> list[object]:
    """Return LUTs of gates and sums, and of the argmax, for each LUT size, and the proof."""
    cells: list[object] = []
    for k in LUT_SIZES:
        done = gatec.compile(model, "generic", lut_inputs=k, place_and_route=False)
        circuit = done.manifest["circuit"]
        cells += [*circuit["luts"].values(), circuit["levels"]]
        cells.append(done.manifest["proof"]["equivalence"])
    return cells


def rows_of(name: str, max_drop: float) -> None:
    """Print the rows of one net."""
    file, inputs, more = NETS[name]
    reading = gatec.ReadOptions(inputs=inputs, classes=10, **more)  # type: ignore[arg-type]
    model = gatec.read_model(SHARED / file, reading)
    bits, labels = bits_of(name, "train")
    split = split_rows(bits, labels, seed=1)
    bits, labels = bits_of(name, "t10k")
    unseen = Judge(model, Rows(pack(bits), len(bits)), labels)
    trained = unseen.share(unseen.trained)
    show(name, "trained", sizes(model), [0, 0, "0.00", "0.00", trained, 0])
    for kind, drop_votes in (("merges", False), ("merges and votes", True)):
        start = time.monotonic()
        found = approximate(model, split, max_drop, drop_votes=drop_votes)
        seconds = round(time.monotonic() - start)
        before, after = found.accuracy["held_out"]
        right = unseen.share(unseen(found.model))
        drop = f"{100 * (before - after):.2f}", f"{100 * (trained - right):.2f}"
        facts = [found.dropped_votes, len(found.merges), *drop, right, seconds]
        show(name, kind, sizes(found.model), facts)


def show(name: str, kind: str, sizes: list[object], facts: list[object]) -> None:
    """Print a row."""
    print(f"| {name} | {kind} | " + " | ".join(map(str, [*sizes, *facts])) + " |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-drop", type=float, default=0.1, help="per cent")
    parser.add_argument("names", nargs="*", default=list(NAMES))
    arguments = parser.parse_args()
    if not MNIST.is_dir():
        sys.exit("skipped: ../shared is absent")
    heads = ["net", "what"]
    for k in LUT_SIZES:
        heads += [f"LUT{k} gates and sums", f"LUT{k} argmax", f"LUT{k} levels", "proof"]
    heads += ["votes", "merges", "drop on held-out, %", "drop on unseen, %", "accuracy on unseen"]
    print("| " + " | ".join([*heads, "seconds"]) + " |")
    print("|---" * (len(heads) + 1) + "|")
    for name in arguments.names:
        rows_of(name, arguments.max_drop / 100)


if __name__ == "__main__":
    main()

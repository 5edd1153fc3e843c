"""Compare every engine with the NumPy reference on random nets, bit by bit.

    python tests/bench/fuzz_engines.py [--nets 5000] [--seed 0]

Half of the nets are netlists of gates of 0 to 6 inputs with every sort of redundancy, constants,
registers and several cycles; half are models of layers with a head. Prints the counts, or the seed
of the first net on which an engine differs, and exits 1.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from helpers import random_layers_model
from helpers_passes import random_wide_netlist

from gatec.bits import ALL_ONES, num_words, random_words
from gatec.evaluate import evaluate_nets
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.sim import program, schedule
from gatec.sim.engine import ENGINE_NAMES, Engine, make_engine

WINDOWS = "llvm, as large nets"
ENGINES = [*(name for name in ENGINE_NAMES if name != "auto"), WINDOWS]
SAMPLES = (0, 1, 2, 63, 64, 65, 511, 512, 513, 700, 1025)


def make(net: ModelGraph | Netlist, name: str, threads: int) -> Engine:
    """Return an engine; the last of `ENGINES` treats the net as it does nets of many gates.

    By windows, here of 16 nodes, and with slots that take 32 bits.
    """
    if name != WINDOWS:
        return make_engine(net, name, threads)  # type: ignore[arg-type]
    with ExitStack() as stack:
        settings = {"_WIDE": 0, "_RUN": 0, "WINDOW": 16}
        stack.enter_context(patch.multiple(schedule, **settings))
        stack.enter_context(patch.object(program, "_MANY_SLOTS", 0))
        engine = make_engine(net, "llvm", threads)
        # The program for bits is made when they are first asked for.
        engine.run(np.zeros((net.num_inputs, 0), dtype=np.uint64))
        return engine


def check_netlist(seed: int, count: Counter[str]) -> None:
    """Run a netlist for three cycles in every engine."""
    rng = np.random.default_rng(seed)
    net = random_wide_netlist(rng)
    samples = int(rng.choice(SAMPLES))
    words = num_words(samples)
    inputs = [random_words(rng, net.num_inputs, words) for _ in range(3)]
    for name in ENGINES:
        engine = make(net, name, int(rng.integers(1, 3)))
        state = engine.initial_state(words)
        expected = np.repeat(net.register_init[:, None] * ALL_ONES, words, axis=1)
        for frame in inputs:
            values = evaluate_nets(net, frame, expected)
            expected = values[net.register_d]
            state, outputs = engine.step(state, frame)
            assert np.array_equal(outputs, values[net.output_nets]), name
            assert np.array_equal(state, expected), name
            count[f"{name}: output and state bits"] += outputs.size * 64 + state.size * 64
    count[f"netlists of gates of up to {net.fanin.shape[1]} inputs"] += 1
    count["netlists with registers"] += net.num_registers > 0
    count[f"{samples} samples"] += 1


def check_model(seed: int, count: Counter[str]) -> None:
    """Run a model's bits, scores and classes in every engine."""
    rng = np.random.default_rng(seed)
    fanin = 1 + seed % 6
    classes = int(rng.integers(1, 12))
    widths = [int(width) for width in rng.integers(1, 200, size=rng.integers(0, 5))]
    widths.append(classes * int(rng.integers(1, 70)))
    model = random_layers_model(rng, int(rng.integers(1, 40)), widths, classes, fanin)
    samples = int(rng.choice(SAMPLES))
    words = random_words(rng, model.num_inputs, num_words(samples))
    expected = model.evaluate(words, samples)
    assert expected.scores is not None
    assert expected.classes is not None
    for name in ENGINES:
        engine = make(model, name, int(rng.integers(1, 3)))
        assert np.array_equal(engine.run(words), expected.bits), name
        assert np.array_equal(engine.scores(words, samples), expected.scores), name
        assert np.array_equal(engine.predict(words, samples), expected.classes), name
        count[f"{name}: output and state bits"] += expected.bits.size * 64
        count[f"{name}: scores"] += expected.scores.size
    count[f"models of {fanin}-input gates"] += 1
    count[f"{samples} samples"] += 1


def check(seed: int, count: Counter[str]) -> None:
    """Check one net; an even seed makes a netlist, an odd one a model."""
    if seed % 2:
        check_model(seed // 2, count)
    else:
        check_netlist(seed // 2, count)


def main() -> None:
    """Check the nets and print what was compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    count: Counter[str] = Counter()
    for seed in range(arguments.seed, arguments.seed + arguments.nets):
        try:
            check(seed, count)
        except AssertionError as error:
            sys.exit(f"seed {seed}: {error} differs from the reference")
    for key in sorted(count):
        print(f"{count[key]:>14,} {key}")
    print(f"{arguments.nets:>14,} nets, every bit equal in {' and '.join(ENGINES)}")


if __name__ == "__main__":
    main()

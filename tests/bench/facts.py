"""How much don't-cares that are facts could gain on trained nets: an upper bound, by simulation.

    python tests/bench/facts.py [NAME ...]

Needs the folder `../shared`. Counts, on 65,536 random inputs: votes that are constant, that occur
in every class (they cancel in front of an argmax), pairs of a vote and its complement and
duplicates within a class, pairs in a class that are never both 1 or never both 0 (their sum is one
bit and a constant; the most such pairs without a common vote), and live gates with an input
combination that never occurs. What is a fact occurs here; what occurs here need not be one. No
encoder is in these nets, so thermometer codes are no facts about them.
"""

from __future__ import annotations

import argparse
import sys

import networkx as nx
import numpy as np
from compile_nets import NETS, SHARED

import gatec
from gatec.approx.candidates import real_gates
from gatec.approx.rows import Rows
from gatec.approx.stack import LayerStack
from gatec.approx.statistics import profile, row_weights
from gatec.bits import Bits, random_words, unpack

ROWS = 1 << 16


def unseen_combinations(stack: LayerStack, rows: Rows) -> int:
    """Return how many live gates never see one of the combinations of their inputs."""
    width = max(layer.fanin.shape[1] for layer in stack.layers)
    seen = np.zeros((1 << width, stack.num_signals), dtype=np.bool_)
    for _, words, count in rows.batches():
        values = stack.values(words, count)
        for depth in range(1, len(stack.layers) + 1):
            inputs = [values[column] for column in stack.reads(depth).T]
            for address in range(1 << len(inputs)):
                planes = [v if address >> j & 1 else ~v for j, v in enumerate(inputs)]
                hit = np.bitwise_and.reduce(planes).any(axis=1)
                seen[address, stack.signals(depth)] |= hit
    # Two-input gates, as all of these nets have.
    return int((~seen[:4, real_gates(stack)]).any(axis=0).sum())


def exclusive_pairs(votes: Bits) -> int:
    """Return how many disjoint pairs of a class' votes (`[votes, rows]`) are one bit's worth."""
    ones = votes.astype(np.float32)
    both = ones @ ones.T
    count = ones.sum(axis=1)
    neither = votes.shape[1] - count[:, None] - count + both
    graph = nx.Graph(np.argwhere(np.triu((both == 0) | (neither == 0), 1)).tolist())
    return len(nx.max_weight_matching(graph, maxcardinality=True))


def measure(name: str) -> list[int]:
    """Return the counts of one net."""
    file, inputs, more = NETS[name]
    reading = gatec.ReadOptions(inputs=inputs, classes=10, **more)  # type: ignore[arg-type]
    model = gatec.read_model(SHARED / file, reading)
    stack, head = LayerStack.of(model), model.head
    assert head is not None
    rows = Rows(random_words(np.random.default_rng(1), model.num_inputs, ROWS // 64), ROWS)
    found = profile(stack, rows, row_weights(stack, rows))
    last = stack.signals(len(stack.layers))
    moving = (found.ones[last] > 0) & (found.ones[last] < ROWS)
    # A key names a signal up to a complement; the first row's value tells which of the two it is.
    first_row = stack.values(rows.words[:, :1], 64)[last, 0] & np.uint64(1)
    keys = found.keys[last, 0]
    in_all = pairs = duplicates = exclusive = 0
    votes = np.stack([keys, first_row]).T.reshape(head.classes, head.group, 2)
    sets = [
        set(map(tuple, group[kept].tolist()))
        for group, kept in zip(votes, moving.reshape(head.classes, -1), strict=True)
    ]
    in_all = len(set.intersection(*sets))
    for number, group in enumerate(sets):
        pairs += sum((key, 1 - sign) in group for key, sign in group) // 2
        duplicates += int(moving.reshape(head.classes, -1)[number].sum()) - len(group)
    values = np.concatenate(
        [stack.values(words, count)[last] for _, words, count in rows.batches()], axis=1
    )
    for group, kept in zip(
        np.split(unpack(values, ROWS).T, head.classes), np.split(moving, head.classes), strict=True
    ):
        exclusive += exclusive_pairs(group[kept])
    gates = len(real_gates(stack))
    unseen = unseen_combinations(stack, rows)
    return [len(last), int((~moving).sum()), in_all, pairs, duplicates, exclusive, gates, unseen]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NETS))
    if not SHARED.is_dir():
        sys.exit("skipped: ../shared is absent")
    print("| net | votes | constant | in all classes | f and not f | duplicates | ", end="")
    print("exclusive pairs | live gates of 2 inputs | with an unseen combination |")
    print("|---" * 9 + "|")
    for name in parser.parse_args().names:
        print(f"| {name} | " + " | ".join(map(str, measure(name))) + " |", flush=True)


if __name__ == "__main__":
    main()

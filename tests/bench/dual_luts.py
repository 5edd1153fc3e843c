"""How many LUT6 with two outputs the shared nets need, by mapping and by way of pairing.

    python tests/bench/dual_luts.py [NAME ...]

Each net is mapped at `-O2` for 4, 5 and 6 inputs, in stages of four levels. Columns: look-up tables
before pairing; then physical LUT6, where pairs are chosen greedily (most shared inputs first), by
the fewest partners first (what gatec does), and as a maximum matching of networkx. Needs the folder
`../shared`, but for the demo net.
"""

from __future__ import annotations

import argparse
import time

import networkx as nx
from compile_nets import NETS, SHARED

from gatec.backends.dual_luts import Edges, Matcher, count_cells, pair_gates, supports
from gatec.console import Progress
from gatec.demo import path as demo_path
from gatec.driver import read_any
from gatec.frontends import ReadOptions
from gatec.mapping import map_model
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.passes.pipeline import pipeline

COLUMNS = ("net", "inputs", "levels", "LUTs", "greedy", "fewest first", "maximum", "seconds each")


def greedy(net: Netlist) -> Matcher:
    """Return the choice of the edges that share most, one after the other."""
    reads = supports(net)

    def match(edges: Edges) -> Edges:
        taken: set[int] = set()
        chosen = []
        for a, b in sorted(edges, key=lambda e: (-len(reads[e[0]] & reads[e[1]]), e)):
            if a not in taken and b not in taken:
                taken |= {a, b}
                chosen.append((a, b))
        return chosen

    return match


def maximum(edges: Edges) -> Edges:
    """Return the largest choice, by networkx."""
    return sorted(nx.max_weight_matching(nx.Graph(edges), maxcardinality=True))


def read(name: str) -> ModelGraph:
    """Return one of the nets."""
    if name == "digits":
        return read_any(demo_path("digits"), ReadOptions())[0]
    file, inputs, more = NETS[name]
    reading = ReadOptions(inputs=inputs, classes=10, **more)  # type: ignore[arg-type]
    return read_any(SHARED / file, reading)[0]


def row(name: str, fanin: int) -> list[object]:
    """Return one row."""
    options = CompileOptions(target="generic", lut_inputs=fanin)
    net = pipeline(map_model(read(name), fanin, options, Progress()).netlist, levels_per_stage=4)
    counts, seconds = [], []
    for match in (greedy(net), None, maximum):
        start = time.process_time()
        counts.append(count_cells(pair_gates(net, match)))
        seconds.append(f"{time.process_time() - start:.2f}")
    return [name, fanin, net.depth, net.num_gates, *counts, " ".join(seconds)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["digits", *list(NETS)[:2]])
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for name in options.names:
        for fanin in (4, 5, 6):
            print("| " + " | ".join(map(str, row(name, fanin))) + " |", flush=True)


if __name__ == "__main__":
    main()

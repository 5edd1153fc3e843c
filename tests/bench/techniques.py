"""Print what each step of the optimiser gains on the larger trained nets.

    python tests/bench/techniques.py [--effort N] [NAME ...]

Look-up tables of four inputs, or logic cells where there are carry chains, of gates and class sums;
then the same in look-up tables of six inputs. From left to right: the gates as trained with adder
trees; cleaned up (folded, absorbed, merged, pruned); mapped to cuts (`-O1`); with area recovery,
internal don't-cares and repacking (`-O2 --head tree`); with the sums on carry chains (`-O2`); with
other orders of the bits, several mapping scripts and rebuilt windows (`-O3`, with `--effort N`).

Sizes are of the netlist before pipelining and are not proved here: `compile_nets.py` does that.
Needs the folder `../shared`.
"""

from __future__ import annotations

import argparse
import sys

from compile_nets import NETS, SHARED

import gatec
from gatec.console import Progress
from gatec.design import count_luts
from gatec.driver import read_any
from gatec.mapping import map_model
from gatec.model import ModelGraph
from gatec.options import MAX_EFFORT, CompileOptions, HeadKind

# Name, LUT inputs, `-O` level, head, whether gates stay as they are after the clean-up.
Step = tuple[str, int, int, HeadKind, bool]
STEPS: tuple[Step, ...] = (
    ("as trained", 4, 0, "tree", False),
    ("cleaned up", 4, 2, "tree", True),
    ("-O1", 4, 1, "tree", False),
    ("-O2 trees", 4, 2, "tree", False),
    ("-O2", 4, 2, "carry", False),
    ("-O3", 4, 3, "carry", False),
    ("LUT6 -O1", 6, 1, "tree", False),
    ("LUT6 -O2", 6, 2, "tree", False),
    ("LUT6 -O3", 6, 3, "tree", False),
)


def size(model: ModelGraph, step: Step, effort: int | None) -> str:
    """Return the cells of gates and sums, and the levels with the argmax."""
    _, k, level, head, keep = step
    bound = effort if level == MAX_EFFORT else None
    options = CompileOptions(optimise=level, head=head, effort=bound)
    mapped = map_model(model, k, options, Progress(), chains=head == "carry", keep_gates=keep)
    return f"{count_luts(mapped.netlist)['gates_and_sums']} ({mapped.netlist.depth})"


def main() -> None:
    """Print the table, a row for each net; in brackets the levels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--effort", type=int)
    parser.add_argument("names", nargs="*", default=list(NETS))
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit("skipped: ../shared is absent")
    print("| net | " + " | ".join(step[0] for step in STEPS) + " |")
    print("|---" + "|--:" * len(STEPS) + "|")
    for name in arguments.names:
        file, inputs, more = NETS[name]
        reading = gatec.ReadOptions(inputs=inputs, classes=10, **more)  # type: ignore[arg-type]
        model, _ = read_any(SHARED / file, reading)
        print(f"| {name} |", end="", flush=True)
        for step in STEPS:
            print(f" {size(model, step, arguments.effort)} |", end="", flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()

"""Mutants of clocked circuits' shells: how many the reader refuses, and whether it misses one.

python tests/bench/fuzz_clocked.py [--count 240] [--seed 1]

A mutant that reads back as the stated machine must answer as the net does, as Icarus sees it under
gaps, stalls and a reset; where it does not, it is counted as missed and printed.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    """Mutate each kind of circuit in turn and print the counts."""
    from helpers_clocked import CASES, compiled
    from test_backends_mutants import delete_line, shell_token
    from test_clocked import acquitted, shape_of

    from gatec.backends.readback.clocked import read_clocked_back
    from gatec.errors import DifferentError

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, found = np.random.default_rng(arguments.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        circuits = [(case, compiled(case, folder)) for case in CASES.values()]
        for number in range(arguments.count):
            case, result = circuits[number % len(circuits)]
            text = mutant = result.design.emitted.text
            while mutant == text:
                mutant = (delete_line if number % 4 == 3 else shell_token)(rng, text)
            try:
                read_clocked_back(mutant, shape_of(result))
            except DifferentError:
                found["refused"] += 1
                continue
            harmless = acquitted(result, case, mutant, folder)
            found["harmless" if harmless else "missed"] += 1
            if not harmless:
                lines = difflib.unified_diff(text.split("\n"), mutant.split("\n"), lineterm="", n=0)
                print("\n".join(lines))
    print(f"{arguments.count} mutants: {dict(found)}")
    sys.exit(found["missed"] > 0)


if __name__ == "__main__":
    main()

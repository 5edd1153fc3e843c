"""Read thousands of damaged files of each format and print how they end.

    python tests/bench/fuzz_frontends.py [--files N] [--seed S] [NAME ...]

Every file must end in a net that lowers and is proved, or in one clear line. Of most formats a
judge that shares nothing with the frontend (the trainer's own layers, a second reader, plain NumPy)
says what a file that still reads computes; `judged equal` counts the nets of which it could. A
traceback, a hang, a wrong lowering or another function is told of with the number of the file.
The address space is bounded.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# Of one format, before it is given up.
_MOST_FAILURES = 10


def main() -> None:
    """Print a row for each format."""
    import torch
    from helpers_fuzz import End, ends_well
    from helpers_fuzz_binary import binary_formats
    from helpers_fuzz_gates import gate_formats
    from helpers_fuzz_more import formats
    from helpers_fuzz_nets import net_formats

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    # Nets this small only wait for a second thread.
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    print("| format | files | nets | judged equal | one-line errors |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = gate_formats(folder) | formats(folder)
        found |= binary_formats(folder) | net_formats(folder)
        bad = 0
        for title, kind in found.items():
            if arguments.names and title not in arguments.names:
                continue
            ends: Counter[End] = Counter()
            failed = 0
            for number in range(arguments.files):
                rng = np.random.default_rng([arguments.seed, number])
                path = folder / "net.file"
                content = kind.write(path, rng)
                try:
                    ends[ends_well(path, kind, content)] += 1
                except Exception:  # noqa: BLE001  # the next file may show another
                    print(f"{title}: file {number} of seed {arguments.seed}", file=sys.stderr)
                    traceback.print_exc(limit=-2)
                    failed += 1
                    if failed == _MOST_FAILURES:
                        sys.exit(f"{title}: {failed} files that do not end well")
            bad += failed
            judged = ends[End.JUDGED] if kind.judge is not None else "-"
            nets = ends[End.JUDGED] + ends[End.READ]
            row = (title, arguments.files, nets, judged, ends[End.ERROR])
            print(f"| {' | '.join(map(str, row))} |", flush=True)
    if bad:
        sys.exit(f"{bad} files that do not end well")


if __name__ == "__main__":
    main()

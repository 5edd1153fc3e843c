"""Read thousands of damaged files of each newer format and print how they end.

    python tests/bench/fuzz_frontends.py [--files N] [--seed S] [NAME ...]

Every file must end in a model that lowers and is proved, or in one clear line; a traceback, a hang
or a wrong lowering ends the run with the seed of the file. The address space is bounded.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    """Print a row for each format."""
    from helpers_fuzz import ends_well, formats
    from helpers_fuzz_binary import binary_formats
    from helpers_fuzz_nets import net_formats

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    print("| format | files | models | one-line errors |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = formats(folder) | binary_formats(folder) | net_formats(folder)
        for title, kind in found.items():
            if arguments.names and title not in arguments.names:
                continue
            models = 0
            for number in range(arguments.files):
                rng = np.random.default_rng([arguments.seed, number])
                path = folder / "net.file"
                kind.write(path, rng)
                try:
                    models += ends_well(path, kind.options)
                except BaseException:
                    print(f"{title}: file {number} of seed {arguments.seed}", file=sys.stderr)
                    raise
            errors = arguments.files - models
            print(f"| {title} | {arguments.files} | {models} | {errors} |", flush=True)


if __name__ == "__main__":
    main()

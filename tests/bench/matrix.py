"""Print the README's matrix of families, from the runs that its test repeats.

python tests/bench/matrix.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    """Run every family and print its row."""
    from helpers_matrix import HEADER
    from test_matrix import FAMILIES

    print("\n".join(HEADER))
    for family in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            print(family.row(), flush=True)
            os.chdir("/")


if __name__ == "__main__":
    main()

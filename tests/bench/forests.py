"""Train random forests on the 8x8 digits, compile them to LUT4, and print their sizes.

    python tests/bench/forests.py [--trees N]

All predictions are compared with scikit-learn's own on the whole data set, and the circuits proved.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    """Print a row for each forest."""
    from helpers_trees import as_bits, exported
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier

    import gatec

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=30)
    arguments = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    reading = gatec.ReadOptions(features="uint5")
    print(
        "| forest | trees | LUT4 | argmax | predictions equal | proof |\n|---|---|---|---|---|---|"
    )
    for name, more in (("votes", {}), ("fractions", {"max_depth": 6})):
        trained = RandomForestClassifier(arguments.trees, random_state=0, **more)
        trained.fit(x[:1000], y[:1000])
        with tempfile.TemporaryDirectory() as folder:
            path = exported(trained, Path(folder) / "forest.npz")
            found = gatec.read_model(path, reading)
            result = gatec.compile(path, reading=reading, optimise=1, place_and_route=False)
        equal = int((found.predict(as_bits(x, 5)) == trained.predict(np.float32(x))).sum())
        luts = result.manifest["circuit"]["luts"]
        sizes = f"{luts['gates_and_sums']:,} | {luts['argmax']:,} | {equal} of {len(x)}"
        proof = result.manifest["proof"]["equivalence"]
        print(f"| {name} | {found.notes['trees']} | {sizes} | {proof} |", flush=True)


if __name__ == "__main__":
    main()

"""Trees that scikit-learn, XGBoost and LightGBM trained, and what they themselves say of data.

The files in tests/data were saved by XGBoost 3.2.0 and LightGBM 4.7.0; `trees.npz` holds the data
sets' integer codes and each library's own `predict` of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gatec.bits import from_integers
from gatec.frontends.trees import EXPORTER

DATA = Path(__file__).parent / "data"


def stored(name: str) -> np.ndarray:
    with np.load(DATA / "trees.npz") as arrays:
        return arrays[name]


def as_bits(codes: np.ndarray, width: int = 8) -> np.ndarray:
    """Return integer features `[samples, features]` as input bits."""
    return from_integers(codes.astype(np.int64), width).reshape(len(codes), -1)


def exported(model: Any, path: Path) -> Path:
    """Run the statements that the user of scikit-learn is told to run."""
    exec(EXPORTER.replace('"forest.npz"', repr(str(path))), {"model": model, "numpy": np})
    return path

"""Files of binary networks, trees and the like to damage: see `helpers_fuzz`."""

from __future__ import annotations

from pathlib import Path

from helpers_binary import random_pynq
from helpers_fuzz import Format, npz_format

from gatec.frontends import ReadOptions


def binary_formats(folder: Path) -> dict[str, Format]:
    """Return the formats; `folder` is for what lies beside a model file."""
    return {
        "bnn-pynq": npz_format(random_pynq((10, 6, 4), 3), ReadOptions()),
    }

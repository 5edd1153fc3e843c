"""Binary networks by the definitions in their trainers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def random_pynq(
    widths: Sequence[int], seed: int, *, thresholds_at_the_end: bool = True
) -> dict[str, np.ndarray]:
    """Return the arrays of a binary network as BNN-PYNQ's parameters are published."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for i, (inputs, neurons) in enumerate(pairwise(widths)):
        weights = rng.integers(0, 2, size=(neurons, inputs), dtype=np.uint8)
        arrays[f"L{i}_weight_bits"] = np.packbits(weights, axis=1, bitorder="little")
        arrays[f"L{i}_shape"] = np.array(weights.shape)
        if thresholds_at_the_end or i < len(widths) - 2:
            spread = rng.integers(-2, 3, size=neurons)
            arrays[f"L{i}_threshold"] = (inputs // 2 + spread).astype(np.int32)
    return arrays


def run_pynq(arrays: dict[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    """Return the last layer's bits, or its counts where it has no thresholds."""
    for i in range(sum(key.endswith("_shape") for key in arrays)):
        inputs = arrays[f"L{i}_shape"][1]
        packed = arrays[f"L{i}_weight_bits"]
        weights = np.unpackbits(packed, axis=1, bitorder="little")[:, :inputs]
        padded = np.pad(bits, ((0, 0), (0, inputs - bits.shape[1])))
        # Agreements, as XNOR and popcount: in float32, where these sums are exact.
        signs = (2.0 * padded - 1).astype(np.float32) @ (2.0 * weights - 1).astype(np.float32).T
        counts = ((signs + inputs) / 2).astype(np.int64)
        if f"L{i}_threshold" not in arrays:
            return counts
        bits = (counts > arrays[f"L{i}_threshold"]).astype(np.uint8)
    return bits

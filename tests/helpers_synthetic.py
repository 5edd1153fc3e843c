"""Synthetic gate nets of any size that look like trained ones: wiring, gate types and head."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import Argmax, Block, GroupSum, InputBits, LutLayer
from gatec.frontends.gates import GATE_TABLES
from gatec.model import ModelGraph

CLASSES = 10
# How many of 1000 gates a trained net of 6x8000 gates (MNIST, 95.0 %) has of difflogic's types 0 to
# 15, layer by layer: from the first to the last, constants vanish, buffers and parities grow.
SHARES = np.array(
    [
        [50, 44, 64, 67, 63, 64, 62, 90, 86, 65, 67, 60, 68, 64, 41, 45],
        [58, 70, 67, 84, 62, 75, 30, 66, 62, 29, 76, 63, 77, 64, 61, 56],
        [41, 58, 64, 95, 62, 98, 27, 58, 63, 28, 95, 61, 95, 60, 56, 39],
        [20, 53, 56, 111, 59, 106, 38, 54, 56, 45, 106, 57, 110, 57, 54, 18],
        [8, 50, 48, 112, 42, 121, 66, 55, 49, 60, 113, 51, 118, 47, 52, 8],
        [1, 56, 52, 126, 51, 120, 95, 27, 50, 94, 124, 27, 124, 28, 26, 1],
    ]
)


def synthetic_model(
    gates: int, inputs: int = 3072, seed: int = 0, layers: int = len(SHARES)
) -> ModelGraph:
    """Return a net of up to six equal layers with about `gates` gates, ten classes and an argmax.

    Fewer layers are like some of the six, the first and the last among them.
    """
    rng = np.random.default_rng(seed)
    width = CLASSES * max(1, round(gates / layers / CLASSES))
    like = SHARES[np.linspace(0, len(SHARES) - 1, layers).astype(int)]
    blocks: list[Block] = [InputBits("input", inputs)]
    for layer, shares in enumerate(like):
        before = blocks[-1].out_width
        types = rng.choice(16, size=width, p=shares / shares.sum())
        fanin = _unique_wiring(rng, before, width)
        blocks.append(LutLayer(f"layer{layer}", before, fanin, GATE_TABLES[types]))
    blocks += [GroupSum("groupsum", width, CLASSES), Argmax("argmax", CLASSES)]
    return ModelGraph.chain(blocks, f"synthetic_{gates}")


def _unique_wiring(rng: np.random.Generator, inputs: int, gates: int) -> npt.NDArray[np.int64]:
    """Return `[gates, 2]` different pairs that read each input about equally often.

    Like difflogic's wiring: permutations of the inputs one after the other, as often as needed.
    Pairs of one input and pairs that were drawn before are drawn again.
    """
    slots = -(-2 * gates // inputs) * inputs
    drawn = rng.permutation(np.arange(slots) % inputs)[: 2 * gates].reshape(gates, 2)
    while True:
        low, high = drawn.min(axis=1), drawn.max(axis=1)
        first = np.unique(low * inputs + high, return_index=True)[1]
        again = np.ones(gates, dtype=bool)
        again[first] = False
        again |= low == high
        if not again.any():
            return drawn
        drawn[again] = rng.integers(inputs, size=(int(again.sum()), 2))

"""BTHOWeN's and ULEEN's models, written from their published formulas, that pickle like theirs."""

from __future__ import annotations

import lzma
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np


class BloomFilter:
    def __init__(self, data: np.ndarray, hashes: np.ndarray, bleach: int | None) -> None:
        self.data, self.hash_values = data, hashes
        if bleach is not None:
            self.bleach = np.array(bleach)

    def says_yes(self, x: np.ndarray) -> np.ndarray:
        places = np.bitwise_xor.reduce(x[:, None, :] * self.hash_values, axis=2)
        return self.data[places].min(axis=1) >= getattr(self, "bleach", 1)


class Discriminator:
    def __init__(self, filters: dict[int, BloomFilter], total: int, *, sparse: bool) -> None:
        self.num_filters = total
        if sparse:
            self.nonsparse_filters = filters
        else:
            self.filters = [filters[i] for i in range(total)]

    def response(self, x: np.ndarray) -> np.ndarray:
        runs = x.reshape(len(x), self.num_filters, -1)
        listed = getattr(self, "nonsparse_filters", None)
        chosen = enumerate(self.filters) if listed is None else listed.items()
        return sum((f.says_yes(runs[:, i]).astype(int) for i, f in chosen),
                   np.zeros(len(x), dtype=int))  # fmt: skip


class WiSARD:
    def __init__(self, order: np.ndarray, zeros: int, discriminators: list[Discriminator], *,
                 sparse: bool) -> None:  # fmt: skip
        self.input_order, self.discriminators = order, discriminators
        setattr(self, "pad" if sparse else "pad_zeros", zeros)
        self.zeros = zeros

    def responses(self, x: np.ndarray) -> np.ndarray:
        x = np.pad(x, ((0, 0), (0, self.zeros)))[:, self.input_order]
        return np.stack([one.response(x) for one in self.discriminators], axis=1)


class EnsembleWiSARD:
    def __init__(self, models: list[WiSARD], bias: np.ndarray, features: int, bits: int) -> None:
        self.wisard_models, self.bias, self.num_models = models, bias, len(models)
        self.num_inputs, self.encoding_bits = features, bits

    def responses(self, x: np.ndarray) -> np.ndarray:
        return sum(model.responses(x) for model in self.wisard_models) + self.bias


_HOMES = {"bloom_filter": (BloomFilter,), "wisard": (Discriminator, WiSARD)}


def wisard(
    rng: np.random.Generator, *, inputs: int = 22, classes: int = 3, reads: int = 5,
    entries: int = 32, hashes: int = 2, sparse: bool = False,
) -> WiSARD:  # fmt: skip
    """Return a trained model; `sparse` as ULEEN prunes them."""
    zeros = -inputs % reads
    total = (inputs + zeros) // reads
    numbers = rng.integers(0, entries, size=(hashes, reads))
    found = []
    for _ in range(classes):
        kept = [i for i in range(total) if not sparse or i == 0 or rng.random() < 0.7]
        filters = {
            i: BloomFilter(rng.random(entries) < 0.6, numbers, None) if sparse
            else BloomFilter(rng.integers(0, 4, entries), numbers, 2)
            for i in kept
        }  # fmt: skip
        found.append(Discriminator(filters, total, sparse=sparse))
    return WiSARD(rng.permutation(inputs + zeros), zeros, found, sparse=sparse)


def ensemble(rng: np.random.Generator) -> EnsembleWiSARD:
    models = [wisard(rng, inputs=24, sparse=True),
              wisard(rng, inputs=24, reads=4, entries=16, hashes=1, sparse=True)]  # fmt: skip
    return EnsembleWiSARD(models, rng.integers(0, 3, 3), 8, 3)


def pickled(model: Any) -> bytes:
    """Return the pickle that the trainer writes, before it is packed."""
    homes = dict(_HOMES)
    if isinstance(model, EnsembleWiSARD):
        homes = {"__main__": (BloomFilter, Discriminator, WiSARD, EnsembleWiSARD)}
    before = {name: sys.modules.get(name) for name in homes}
    try:
        for name, classes in homes.items():
            module: Any = types.ModuleType(name)
            for kind in classes:
                kind.__module__ = name
                setattr(module, kind.__name__, kind)
            sys.modules[name] = module
        return pickle.dumps({"info": {"num_classes": 3}, "model": model})
    finally:
        for name, old in before.items():
            sys.modules.pop(name)
            if old is not None:
                sys.modules[name] = old


def save_packed(model: Any, path: Path) -> Path:
    path.write_bytes(lzma.compress(pickled(model)))
    return path

"""Random and-inverter graphs, their plain evaluation, and AIGER files of them with latches."""

from __future__ import annotations

import numpy as np

from gatec.aig import Aig
from gatec.aiger import write_aiger


def random_aig(rng: np.random.Generator, inputs: int, ands: int, outputs: int) -> Aig:
    fanin = rng.integers(0, 2 * (inputs + 1 + np.arange(ands))[:, None], size=(ands, 2))
    return Aig(inputs, fanin, rng.integers(0, 2 * (inputs + 1 + ands), size=outputs))


def evaluate(aig: Aig, bits: np.ndarray) -> np.ndarray:
    """Return the outputs `[samples, outputs]`, one gate after the other."""
    values = [np.zeros(len(bits), dtype=int), *bits.T]
    for a, b in aig.fanin:
        values.append((values[a >> 1] ^ (a & 1)) & (values[b >> 1] ^ (b & 1)))
    return np.stack([values[literal >> 1] ^ (literal & 1) for literal in aig.outputs], axis=1)


def as_text(aig: Aig, latches: int, first: list[str], *, binary: bool) -> bytes:
    """Return an AIGER file whose last inputs and outputs are latches; plain, gate by gate."""
    plain = write_aiger(Aig(aig.num_inputs, aig.fanin, aig.outputs), binary=binary)
    head, *lines = plain.split(b"\n")
    form, maximum, inputs, _, outputs, ands = head.split()
    own, ends = int(inputs) - latches, int(outputs) - latches
    skip = 0 if binary else int(inputs)
    following = lines[skip + ends : skip + ends + latches]
    rows = [following[n] + first[n].encode() for n in range(latches)]
    if not binary:
        rows = [lines[own + n] + b" " + row for n, row in enumerate(rows)]
    counts = f" {maximum.decode()} {own} {latches} {ends} {ands.decode()}".encode()
    parts = [form + counts, *lines[: own if not binary else 0], *rows]
    return b"\n".join([*parts, *lines[skip : skip + ends], *lines[skip + ends + latches :]])

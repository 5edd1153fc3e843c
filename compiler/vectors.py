"""Test vectors for people who check the emitted Verilog with their own tools."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.bits import Bits
from gatec.model import ModelGraph

INPUT_FILE = "vectors_in.hex"
OUTPUT_FILE = "vectors_out.hex"
_SEED = 0x7E57


def make_vectors(num_inputs: int, count: int) -> Bits:
    """Return `count` input vectors, `[count, num_inputs]`: corners first, then random ones.

    Corners: all zeros, all ones, the two alternating patterns, then single ones walking over the
    input in even steps, for up to half of the vectors. The random ones have different densities,
    since counters saturate only where nearly all bits agree. The seed is fixed.
    """
    rng = np.random.default_rng(_SEED)
    positions = np.arange(num_inputs)
    corners = [positions * 0, positions * 0 + 1, positions % 2, 1 - positions % 2]
    walking = max(0, min(num_inputs, count // 2 - len(corners)))
    steps = np.linspace(0, num_inputs - 1, walking).astype(int)
    corners += [(positions == step).astype(int) for step in steps]
    rest = max(0, count - len(corners))
    density = rng.choice([0.05, 0.2, 0.5, 0.5, 0.8, 0.95], size=(rest, 1))
    random = rng.random((rest, num_inputs)) < density
    return np.concatenate([np.array(corners), random])[:count].astype(np.uint8)


def vector_files(model: ModelGraph, vectors: Bits) -> dict[str, bytes]:
    """Return the two files for `$readmemh`: one hexadecimal number a line, bit 0 lowest."""
    return {
        INPUT_FILE: to_hex(vectors).encode(),
        OUTPUT_FILE: to_hex(model.output_bits(vectors)).encode(),
    }


def spread_rows(count: int, kept: int) -> list[int]:
    """Return `kept` of `count` rows in even steps, corners and others; all if there are fewer."""
    return np.linspace(0, count - 1, min(count, kept)).astype(int).tolist()


def to_hex(rows: Bits) -> str:
    """Return each row of `[rows, width]` bits as a line of hexadecimal digits, bit 0 lowest."""
    width = rows.shape[1]
    digits = -(-width // 4)
    octets = np.packbits(rows, axis=1, bitorder="little")
    lines = [f"{int.from_bytes(row.tobytes(), 'little'):0{digits}x}\n" for row in octets]
    return "".join(lines)


def from_hex(text: str, width: int) -> Bits:
    """Return the `[rows, width]` bits that `to_hex` wrote."""
    size = -(-width // 8)
    rows: list[npt.NDArray[np.uint8]] = [
        np.frombuffer(int(line, 16).to_bytes(size, "little"), dtype=np.uint8)
        for line in text.split()
    ]
    octets = np.array(rows, dtype=np.uint8).reshape(len(rows), size)
    return np.unpackbits(octets, axis=1, bitorder="little", count=width)

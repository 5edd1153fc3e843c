"""Packing of sample bits into machine words.

Bit-parallel arrays hold one row per net and one bit per sample: shape `[nets, words]`, dtype
`uint64`, sample `s` in bit `s % 64` (least significant first) of word `s // 64`. The bits above the
last sample are padding and may hold anything.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint8]

WORD_BITS = 64
ALL_ONES = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def num_words(num_samples: int) -> int:
    """Return how many words hold `num_samples` bits."""
    return -(-num_samples // WORD_BITS)


def pack(samples: npt.NDArray[np.generic]) -> Words:
    """Pack a `[samples, nets]` matrix of bits (non-zero is 1) into `[nets, words]`.

    Padding bits are 0. Eight samples become a byte of each net before anything is transposed, eight
    nets at a time: a third of the time that transposing the bits first takes.
    """
    count, nets = samples.shape
    octets, wide = num_words(count) * (WORD_BITS // 8), -(-nets // 8) * 8
    bits = (samples != 0).view(np.uint8)
    if bits.shape != (octets * 8, wide):
        padded = np.zeros((octets * 8, wide), dtype=np.uint8)
        padded[:count, :nets] = bits
        bits = padded
    eights = np.ascontiguousarray(bits).reshape(-1).view(np.uint64).reshape(octets, 8, wide // 8)
    # A byte holds 0 or 1, so that no shift below 8 leaves it.
    packed = eights[:, 0].copy()
    for bit in range(1, 8):
        packed |= eights[:, bit] << np.uint64(bit)
    rows = packed.reshape(-1).view(np.uint8).reshape(octets, wide)[:, :nets]
    return (
        np.ascontiguousarray(rows.T)
        .reshape(-1)
        .view("<u8")
        .astype(np.uint64, copy=False)
        .reshape(nets, num_words(count))
    )


def unpack(words: Words, num_samples: int) -> Bits:
    """Return the `[samples, nets]` matrix of 0/1 that `words` (`[nets, words]`) holds."""
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    octets = octets.reshape(words.shape[0], words.shape[1] * 8)
    rows = np.unpackbits(octets, axis=1, bitorder="little", count=num_samples)
    return np.ascontiguousarray(rows.T)


def random_words(rng: np.random.Generator, nets: int, words: int) -> Words:
    """Return uniformly random `[nets, words]` patterns."""
    return rng.integers(0, 1 << 64, size=(nets, words), dtype=np.uint64)


def all_inputs(nets: int) -> Words:
    """Return all `2**nets` input patterns, `[nets, words]`: in sample `s` net `j` is bit `j`.

    For fewer than six nets the patterns repeat up to the end of the one word.
    """
    words = num_words(1 << nets)
    samples = np.arange(words * WORD_BITS, dtype=np.int64)
    planes = (samples >> np.arange(nets)[:, None] & 1).astype(np.uint8)
    octets = np.packbits(planes, axis=1, bitorder="little")
    return octets.view("<u8").astype(np.uint64, copy=False)


def to_integers(bits: Bits) -> npt.NDArray[np.int64]:
    """Return the number that each row of `[..., width]` bits stands for, bit 0 first.

    `width` must be below 63.
    """
    weights = np.left_shift(np.int64(1), np.arange(bits.shape[-1], dtype=np.int64))
    return bits.astype(np.int64) @ weights


def from_integers(values: npt.NDArray[np.integer], width: int) -> Bits:
    """Return the `[..., width]` bits of non-negative `values`, bit 0 first."""
    shifts = np.arange(width, dtype=np.int64)
    return ((values.astype(np.int64)[..., None] >> shifts) & 1).astype(np.uint8)

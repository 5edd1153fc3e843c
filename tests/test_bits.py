"""Packing and unpacking, against the plainest way to do it."""

from __future__ import annotations

import numpy as np
import pytest

from gatec.bits import num_words, pack, unpack


@pytest.mark.parametrize("dtype", ["u1", "?", "i8", "f4"])
@pytest.mark.parametrize("nets", [0, 1, 7, 8, 9, 64, 65])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 63, 64, 65, 130])
def test_pack_puts_sample_s_into_bit_s(count: int, nets: int, dtype: str) -> None:
    rng = np.random.default_rng(count * 100 + nets)
    samples = (rng.integers(0, 3, (count, nets)) * 0.5).astype(dtype)
    words = pack(samples)
    assert words.dtype == np.uint64
    assert words.shape == (nets, num_words(count))
    for net in range(nets):
        number = sum(int(bool(samples[s, net])) << s for s in range(count))
        assert sum(int(word) << 64 * i for i, word in enumerate(words[net])) == number
    assert np.array_equal(unpack(words, count), samples != 0)


def test_pack_takes_views_that_lie_otherwise() -> None:
    samples = np.random.default_rng(1).integers(0, 2, (64, 130), dtype=np.uint8)
    assert np.array_equal(pack(samples.T), pack(np.ascontiguousarray(samples.T)))
    assert np.array_equal(pack(samples[:, ::2]), pack(samples[:, ::2].copy()))

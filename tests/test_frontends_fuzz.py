"""Every small damage to a file ends in a result or in one clear line."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import random_layers_model
from helpers_frontends import difflogic_net, save, torchlogix_net
from safetensors.torch import save as save_safetensors

from gatec.errors import GatecError
from gatec.frontends import ReadOptions, inspect_model, neutral_bytes, read_model

OPTIONS = ReadOptions(inputs=6, classes=2)


def small_torch(folder: Path) -> bytes:
    net = difflogic_net(inputs=6, widths=(4, 4), classes=2)
    return save(net, folder / "small.pt").read_bytes()


def small_legacy(folder: Path) -> bytes:
    """Return a state dict with buffers: a whole module would bring its source text along."""
    net = difflogic_net(inputs=6, widths=(4, 4), classes=2)
    state = dict(net.state_dict())
    for i in (1, 2):
        state[f"{i}.a"], state[f"{i}.b"] = net[i].indices
    return save(state, folder / "small.pt", legacy=True).read_bytes()


def small_npz(_: Path) -> bytes:
    return neutral_bytes(random_layers_model(np.random.default_rng(0), 6, [4, 4], 2))


def small_compressed(_: Path) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **np.load(io.BytesIO(small_npz(_))))
    return stream.getvalue()


def small_safetensors(_: Path) -> bytes:
    state = torchlogix_net(inputs=6).state_dict()
    return save_safetensors({key: v for key, v in state.items() if key.startswith("0.")})


FILES: dict[str, Callable[[Path], bytes]] = {
    "zip.pt": small_torch,
    "legacy.pt": small_legacy,
    "neutral.npz": small_npz,
    "compressed.npz": small_compressed,
    "dense.safetensors": small_safetensors,
}


def ends_well(path: Path, data: bytes, *, inspect: bool = False) -> bool:
    """Read damaged bytes; return whether there was a model."""
    path.write_bytes(data)
    if inspect:
        try:
            inspect_model(path, OPTIONS)
        except GatecError as error:
            check_line(error, path)
    try:
        read_model(path, OPTIONS)
    except GatecError as error:
        check_line(error, path)
        return False
    return True


def check_line(error: GatecError, path: Path) -> None:
    message = str(error)
    assert message.isprintable()
    assert path.name in message
    assert len(message) < 700


@pytest.mark.parametrize("name", FILES)
def test_whole_file_is_good(tmp_path: Path, name: str) -> None:
    assert ends_well(tmp_path / name, FILES[name](tmp_path), inspect=True)


@pytest.mark.parametrize("name", FILES)
def test_truncated_at_every_byte(tmp_path: Path, name: str) -> None:
    data = FILES[name](tmp_path)
    whole = [size for size in range(len(data)) if ends_well(tmp_path / name, data[:size])]
    assert whole == []


@pytest.mark.parametrize("name", FILES)
def test_random_bit_flips(tmp_path: Path, name: str) -> None:
    data = FILES[name](tmp_path)
    rng = np.random.default_rng(len(data))
    for _ in range(500):
        damaged = np.frombuffer(data, dtype=np.uint8).copy()
        for position in rng.integers(0, len(data), size=rng.integers(1, 4)):
            damaged[position] ^= 1 << rng.integers(0, 8)
        ends_well(tmp_path / name, damaged.tobytes(), inspect=True)


@pytest.mark.parametrize("name", FILES)
def test_random_bytes_put_in_and_taken_out(tmp_path: Path, name: str) -> None:
    data = FILES[name](tmp_path)
    rng = np.random.default_rng(1)
    for _ in range(200):
        start, size = int(rng.integers(0, len(data))), int(rng.integers(1, 40))
        noise = rng.bytes(size)
        ends_well(tmp_path / name, data[:start] + noise + data[start:])
        ends_well(tmp_path / name, data[:start] + data[start + size :])
        ends_well(tmp_path / name, data[:start] + noise + data[start + size :])

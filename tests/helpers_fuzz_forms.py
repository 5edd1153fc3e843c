"""What damaged files of gatec's own form, of cellular nets and of checkpoints compute, by NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from helpers_frontends import gate
from helpers_fuzz_aiger import aiger
from helpers_fuzz_trees import codes

Arrays = Mapping[str, np.ndarray]


def neutral_layers(arrays: Arrays, bits: np.ndarray) -> np.ndarray | None:
    """Layers of every kind but circuits and merges, with an encoder and class sums."""
    now = bits
    if "levels" in arrays:
        features = codes(bits, int(arrays["code_bits"]))
        now = (features[:, :, None] >= arrays["levels"]).reshape(len(bits), -1)
    known = {-1: now.astype(np.uint8)}
    numbers = {int(key.split(".")[1]) for key in arrays if key.startswith("layers.")}
    for i in range(len(numbers)):
        own = {key.removeprefix(f"layers.{i}."): value for key, value in arrays.items()
               if key.startswith(f"layers.{i}.")}  # fmt: skip
        reads = np.atleast_1d(own.pop("reads", np.array(i - 1)))
        x = np.hstack([known[int(read)] for read in reads])
        kind = next(iter(sorted(own)))
        if kind == "fanin" and set(own) == {"fanin", "tables"}:
            known[i] = _tables(x, own["fanin"], own["tables"])
        else:
            known[i] = _KINDS[kind](x, own)
    x = known[len(numbers) - 1].astype(int)
    if "scores.weights" in arrays:
        return (x @ arrays["scores.weights"].T + arrays["scores.bias"]).argmax(1)
    if "classes" in arrays:
        return x.reshape(len(x), int(arrays["classes"]), -1).sum(2).argmax(1)
    return x


def _tables(x: np.ndarray, fanin: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Return what gates put out; a table's first input is the most significant."""
    if tables.shape != (len(fanin), 1 << fanin.shape[1]) or fanin.min() < 0:
        raise ValueError("not a layer")
    place = x[:, fanin].astype(int) @ (1 << np.arange(fanin.shape[1])[::-1])
    return tables[np.arange(len(fanin)), place].astype(np.uint8)


def _wires(x: np.ndarray, own: Arrays) -> np.ndarray:
    # -1 and -2 are the last two columns.
    found = np.hstack([x, np.ones_like(x[:, :1]), np.zeros_like(x[:, :1])])
    return found[:, own["wires"]]


def _pixels(x: np.ndarray, own: Arrays) -> tuple[Any, list[tuple[int, ...]]]:
    """Return a function of channel, position and offset, and all positions of the window."""
    shape, out, stride, padding, spread = (
        [int(n) for n in np.atleast_1d(own[f"window.{key}"])]
        for key in ("shape", "out", "stride", "padding", "spread")
    )
    image = x.reshape(len(x), *shape)

    def pixel(channel: int, position: tuple[int, ...], offset: Any) -> np.ndarray:
        at = [
            p * s - b + int(o) for p, s, b, o in zip(position, stride, padding, offset, strict=True)
        ]
        inside = all(
            a % s == 0 and 0 <= a // s < size
            for a, s, size in zip(at, spread, shape[1:], strict=True)
        )
        if not inside:
            return np.zeros(len(x), dtype=np.uint8)
        if channel < 0:
            raise ValueError("no channel")
        return image[(slice(None), channel, *(a // s for a, s in zip(at, spread, strict=True)))]

    return pixel, list(itertools.product(*(range(n) for n in out)))


def _conv(x: np.ndarray, own: Arrays) -> np.ndarray:
    pixel, positions = _pixels(x, own)
    leaves = own["conv.leaves"]
    columns = []
    for number, position in itertools.product(range(len(leaves)), positions):
        taps = leaves[number]
        now = np.stack([pixel(int(tap[0]), position, tap[1:]) for node in taps for tap in node], 1)
        fanin = np.arange(now.shape[1]).reshape(taps.shape[:2])
        for level in range(sum(key.startswith("conv.tables") for key in own)):
            if level:
                fanin = own[f"conv.children.{level}"][number]
            now = _tables(now, fanin, own[f"conv.tables.{level}"][number])
        columns.append(now[:, 0])
    return np.stack(columns, 1)


def _pool(x: np.ndarray, own: Arrays) -> np.ndarray:
    pixel, positions = _pixels(x, own)
    window = list(itertools.product(*(range(int(n)) for n in np.atleast_1d(own["pool.kernel"]))))
    channels = range(int(own["window.shape"][0]))
    columns = [
        np.any([pixel(channel, position, offset) for offset in window], axis=0)
        for channel, position in itertools.product(channels, positions)
    ]
    return np.stack(columns, 1).astype(np.uint8)


def _threshold(x: np.ndarray, own: Arrays) -> np.ndarray:
    weights, levels, fanin = (own[f"threshold.{key}"] for key in ("weights", "levels", "fanin"))
    padded = np.hstack([x, np.zeros_like(x[:, :1])]).astype(int)
    if levels.ndim != 3 or fanin.ndim != 2:
        raise ValueError("axes")
    # [samples, positions, neurons], then [samples, neurons, positions, levels].
    sums = (padded[:, fanin] @ weights.astype(int).T).transpose(0, 2, 1)
    return (sums[..., None] >= levels).reshape(len(x), -1).astype(np.uint8)


def _sums(x: np.ndarray, own: Arrays) -> np.ndarray:
    weights, bias = own["sums.weights"].astype(int), own["sums.bias"].astype(int)
    found = x.astype(int) @ weights.T + bias
    width = int((np.maximum(weights, 0).sum(1) + bias).max()).bit_length()
    return (found[:, :, None] >> np.arange(width) & 1).reshape(len(x), -1).astype(np.uint8)


_KINDS = {
    "wires": _wires, "width": _wires, "conv.children.1": _conv, "pool.kernel": _pool,
    "threshold.fanin": _threshold, "sums.bias": _sums,
}  # fmt: skip


def cellular(arrays: Arrays, bits: np.ndarray) -> np.ndarray:
    """Two steps of a grid, every cell at once."""
    channels, height, width = (int(n) for n in arrays["grid"])
    grid = torch.from_numpy(bits.reshape(len(bits), channels, height, width))
    for _ in range(2):
        grid = _step(arrays, grid, bool(arrays["periodic"]))
    shown = arrays.get("outputs", np.arange(channels))
    return grid[:, shown.tolist()].reshape(len(bits), -1).numpy()


def _step(arrays: Arrays, grid: torch.Tensor, periodic: bool) -> torch.Tensor:
    _, channels, height, width = grid.shape
    out = torch.zeros_like(grid)
    for y, x in itertools.product(range(height), range(width)):
        said = []
        for channel in range(channels):
            seen = [_cell(grid[:, channel], y + dy, x + dx, periodic)
                    for dy in (-1, 0, 1) for dx in (-1, 0, 1)]  # fmt: skip
            kernels = [_rule(arrays, "perceive", seen, kernel)
                       for kernel in range(len(_numbers(arrays, "perceive.0")))]  # fmt: skip
            said += [one for outputs in zip(*kernels, strict=True) for one in outputs]
        found = _rule(arrays, "update", [*grid[:, :, y, x].T, *said], None)
        out[:, :, y, x] = torch.stack(found, 1)
    return out


def _cell(grid: torch.Tensor, y: int, x: int, periodic: bool) -> torch.Tensor:
    _, height, width = grid.shape
    if periodic:
        return grid[:, y % height, x % width]
    inside = 0 <= y < height and 0 <= x < width
    return grid[:, y, x] if inside else torch.zeros_like(grid[:, 0, 0])


def _numbers(arrays: Arrays, layer: str) -> np.ndarray:
    if f"{layer}.gates" in arrays:
        return arrays[f"{layer}.gates"]
    params = arrays[f"{layer}.params"]
    if params.shape[-1] != 16 or not np.isfinite(params).all():
        raise ValueError("not gates")
    return params.argmax(-1)


def _rule(
    arrays: Arrays, part: str, now: list[torch.Tensor], kernel: int | None
) -> list[torch.Tensor]:
    for layer in itertools.count():
        if f"{part}.{layer}.wires" not in arrays:
            return now
        numbers = _numbers(arrays, f"{part}.{layer}")
        numbers = numbers if kernel is None else numbers[kernel]
        first, second = arrays[f"{part}.{layer}.wires"]
        rows = zip(numbers, first, second, strict=True)
        now = [gate(now[a], now[b], int(number)) for number, a, b in rows if min(a, b) >= 0]
    raise AssertionError


def stored_wiring(value: Any, bits: np.ndarray) -> np.ndarray | None:
    """Gates of difflogic with their connections beside them."""
    x = torch.from_numpy(bits)
    classes = value["model_config"]["output_size"]
    for i, (a, b) in enumerate(value["connections"]):
        weights = value["model_state_dict"][f"layers.{i}.weights"]
        if weights.shape != (len(a), 16) or not torch.isfinite(weights).all():
            return None
        numbers = weights.argmax(1).tolist()
        columns = [gate(x[:, a[g]], x[:, b[g]], number) for g, number in enumerate(numbers)]
        x = torch.stack(columns, 1)
    if type(classes) is not int or classes < 1:
        return x.numpy()
    return x.reshape(len(x), classes, -1).sum(2).numpy().argmax(1)


def scaled_dwn(parts: tuple[Any, np.ndarray, dict[str, Any]], bits: np.ndarray) -> np.ndarray:
    """Scale codes of three bits, compare them, and run the net itself."""
    net, rows, scaler = parts
    x = codes(bits, 3).astype(float)
    scaled = (x - np.array(scaler["mean"], float)) / np.array(scaler["scale"], float)
    above = scaled[:, :, None] > rows.reshape(-1, rows.shape[-1])
    with torch.no_grad():
        found = net(torch.from_numpy(above.reshape(len(bits), -1)).float())
    return found.numpy().argmax(1)


def parametrised(parts: tuple[bytes, bytes], bits: np.ndarray) -> np.ndarray | None:
    """A circuit without latches whose last inputs are the digits of a text."""
    text, data = parts
    fixed = np.array([int(c, 2) for c in "".join(text.decode("ascii").split())])
    whole = np.hstack([bits, np.tile(fixed, (len(bits), 1))])
    # Its reader takes two steps.
    found = aiger(data, np.hstack([whole, whole]))
    return None if found is None else found[:, : found.shape[1] // 2]

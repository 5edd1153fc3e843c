"""Files of every newer format, and damage to them that keeps the container whole.

Flipped bytes mostly end in a container's checksum. So what is in the file is damaged instead:
arrays lose their type, shape or values, modules their attributes, text its characters.
"""

from __future__ import annotations

import copy
import io
import json
import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers_frontends import save
from helpers_fuzz_judges import Judge
from torch import nn

from gatec.errors import GatecError
from gatec.frontends import ReadOptions, neutral_bytes, read_model
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.proof.arithmetic import check_lowering

Damage = Callable[[np.random.Generator], None]
# Seconds of this process for one file; a hang would take forever.
MOST_SECONDS = 20.0
ODD: tuple[Any, ...] = (
    *(-1, 0, 1, 2, 3, 5, 64, 1 << 20, 1 << 40, -(1 << 62), 0.5, float("nan"), None, "x", "warp"),
    *(True, (1, 2), (3, -1), [2, 2], (1 << 30, 1 << 30)),
)


@dataclass(frozen=True)
class Format:
    """A format to damage.

    Attributes
    ----------
    options
        To read it with.
    write
        Write a damaged file to a path; without a generator, the whole one. Return what is in it,
        for the judge.
    judge
        What the file's net computes, see `helpers_fuzz_judges`; None where there is no second
        reading.
    """

    options: ReadOptions
    write: Callable[[Path, np.random.Generator | None], Any]
    judge: Judge | None = None


class End(Enum):
    """How the reading of a file ended."""

    ERROR = "one-line error"
    READ = "a sound net"
    JUDGED = "a sound net that computes what its judge says"


def ends_well(path: Path, kind: Format, content: Any) -> End:
    """Read a file; fail when the net is unsound or another one, or the refusal is unclear."""
    start = time.process_time()
    try:
        model = read_model(path, kind.options)
    except GatecError as error:
        message = str(error)
        assert message.isprintable(), message
        assert len(message) < 900, message
        return End.ERROR
    finally:
        assert time.process_time() - start < MOST_SECONDS
    if model.num_gates >= 20_000 or model.num_inputs >= 20_000:
        return End.READ
    # What was read must be a net: it lowers, and the proof holds.
    check_lowering(model, lower(model))
    if kind.judge is None:
        return End.READ
    return End.JUDGED if agrees(model, kind.judge, content) else End.READ


def agrees(model: ModelGraph, judge: Judge, content: Any) -> bool:
    """Return whether the judge had an opinion on 64 random vectors; fail when it is another."""
    bits = np.random.default_rng(1).integers(0, 2, (64, model.num_inputs), dtype=np.uint8)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            expected = judge(content, bits)
    except Exception:  # noqa: BLE001  # the trainer's own code fails on damage in every way
        return False
    # Layers that lost their shape may take several samples for one.
    if expected is None or len(expected) != len(bits):
        return False
    one = expected.ndim == 1
    found = model.predict(bits) if one else model.with_output("bits").output_bits(bits)
    said = expected >= 0
    np.testing.assert_array_equal(np.where(said, found.astype(np.int64), -1), expected)
    return bool(said.any())


def check_damaged(kind: Format, path: Path, files: int = 60) -> None:
    """Assert that the whole file of a format is a model, and that damaged ones end well."""
    whole = ends_well(path, kind, kind.write(path, None))
    assert whole is (End.READ if kind.judge is None else End.JUDGED)
    ends = set()
    for number in range(files):
        content = kind.write(path, np.random.default_rng([0, number]))
        ends.add(ends_well(path, kind, content))
    assert End.ERROR in ends


def damaged_array(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an array with another type, shape or value somewhere."""
    kind = rng.integers(0, 8)
    out = array.copy()
    if kind == 0:
        return out.astype(rng.choice(["f4", "i8", "u1", "i2", "f8", "?"]))
    if kind == 1:
        return out.reshape(-1)
    if kind == 2 and out.ndim:
        return out[: rng.integers(0, len(out) + 1)]
    if kind == 3:
        return np.stack([out] * int(rng.integers(1, 4)))
    if kind == 4:
        return out.T
    if kind == 5 and out.ndim:
        return np.concatenate([out, out[:1]])
    if out.size == 0:
        return out
    odd = [-1, 0, 1, 2, 3, 15, 16, 255, 1 << 31, -(1 << 40), np.nan, np.inf]
    values = np.array(odd, dtype="f8")
    with np.errstate(invalid="ignore"):
        flat = out.reshape(-1)
        for position in rng.integers(0, flat.size, size=rng.integers(1, 4)):
            flat[position] = values[rng.integers(0, len(values))].astype(out.dtype)
    return out


def damage_arrays(values: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return arrays by name, some damaged, gone, or under another name."""
    out = dict(values)
    for _ in range(rng.integers(1, 3)):
        key = str(rng.choice(sorted(out)))
        choice = rng.integers(0, 12)
        if choice == 0:
            out.pop(key)
        elif choice == 1:
            out[key.replace("0", "1") if "0" in key else f"{key}.0"] = out[key]
        elif choice == 2:
            out[key] = out[str(rng.choice(sorted(out)))]
        else:
            out[key] = damaged_array(np.asarray(out[key]), rng)
        if not out:
            return dict(values)
    return out


def damage_module(net: nn.Module, rng: np.random.Generator) -> nn.Module:
    """Return a copy of a module with an attribute or tensor of one of its parts damaged."""
    out = copy.deepcopy(net)
    parts = list(out.modules())
    for _ in range(rng.integers(1, 3)):
        part = parts[rng.integers(0, len(parts))]
        tensors = {**part._parameters, **part._buffers}
        plain = [k for k in vars(part) if not k.startswith("_") and k != "training"]
        names = [*[k for k, v in tensors.items() if v is not None], *plain]
        if not names:
            continue
        name = str(rng.choice(names))
        if name in tensors:
            array = damaged_array(tensors[name].detach().numpy(), rng)
            store = part._parameters if name in part._parameters else part._buffers
            store[name] = torch.from_numpy(np.ascontiguousarray(array))  # type: ignore[assignment]
        else:
            part.__dict__[name] = ODD[rng.integers(0, len(ODD))]
    return out


def npz_format(values: dict[str, Any], options: ReadOptions, judge: Judge | None = None) -> Format:
    def write(path: Path, rng: np.random.Generator | None) -> dict[str, Any]:
        found = values if rng is None else damage_arrays(values, rng)
        with path.open("wb") as stream:
            np.savez(stream, **found)
        return found

    return Format(options, write, judge)


def state_format(
    values: dict[str, Any], options: ReadOptions, judge: Judge | None = None
) -> Format:
    def write(path: Path, rng: np.random.Generator | None) -> dict[str, Any]:
        found = values if rng is None else damage_arrays(values, rng)
        save({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in found.items()}, path)
        return found

    return Format(options, write, judge)


def module_format(
    net: nn.Module,
    options: ReadOptions,
    write: Callable[[Any, Path], Any] = save,
    judge: Judge | None = None,
) -> Format:
    def damaged(path: Path, rng: np.random.Generator | None) -> nn.Module:
        found = net if rng is None else damage_module(net, rng)
        write(found, path)
        return found

    return Format(options, damaged, judge)


def text_format(
    text: str,
    options: ReadOptions,
    write: Callable[[Path, bytes], None],
    judge: Judge | None = None,
) -> Format:
    digits = {c for c in text.encode() if c in b"0123456789"}

    def damaged(path: Path, rng: np.random.Generator | None) -> bytes:
        data = bytearray(text.encode())
        if rng is not None and rng.random() < 0.5:
            # Mostly still a file: other digits of those that it has.
            places = [place for place, c in enumerate(data) if c in digits]
            for place in rng.choice(places, size=rng.integers(1, 3)):
                data[place] = rng.choice(sorted(digits - {data[place]}))
        elif rng is not None:
            for position in rng.integers(0, len(data), size=rng.integers(1, 5)):
                data[position] = int(rng.integers(9, 127))
            if rng.random() < 0.3:
                start, size = rng.integers(0, len(data)), rng.integers(1, 30)
                del data[start : start + size]
        write(path, bytes(data))
        return bytes(data)

    return Format(options, damaged, judge)


def json_format(
    text: str,
    options: ReadOptions,
    write: Callable[[Path, bytes], None],
    judge: Judge | None = None,
) -> Format:
    """Damage JSON by its characters, or more often what it says."""
    by_characters = text_format(text, options, write, judge)

    def damaged(path: Path, rng: np.random.Generator | None) -> Any:
        if rng is not None and rng.random() < 0.3:
            return by_characters.write(path, rng)
        data = text if rng is None else json.dumps(damaged_json(json.loads(text), rng))
        write(path, data.encode())
        return data.encode()

    return Format(options, damaged, judge)


def damaged_json(value: Any, rng: np.random.Generator) -> Any:
    """Return a value in JSON of which a part is another, gone, twice, or elsewhere."""
    out = copy.deepcopy(value)
    for _ in range(rng.integers(1, 3)):
        found = [out]
        for part in found:
            inner = part.values() if isinstance(part, dict) else part
            found += [one for one in inner if isinstance(one, dict | list) and one]
        part = found[rng.integers(0, len(found))]
        places = sorted(part) if isinstance(part, dict) else range(len(part))
        place, other = (places[i] for i in rng.integers(0, len(places), size=2))
        kind = rng.integers(0, 6)
        if kind == 0 and len(part) > 1:
            del part[place]
        elif kind == 1:
            part[place], part[other] = part[other], part[place]
        elif kind == 2 and isinstance(part, list):
            part.insert(place, copy.deepcopy(part[other]))
        elif kind == 2 and rng.random() < 0.5:
            part[f"{place}s"] = part.pop(place)
        elif type(part[place]) in (int, float, bool) and rng.random() < 0.8:
            part[place] = int(rng.integers(0, 4))
        elif not isinstance(part[place], dict | list) or rng.random() < 0.3:
            odd = ODD[rng.integers(0, len(ODD))]
            part[place] = list(odd) if isinstance(odd, tuple) else odd
    return out


def words_format(
    text: str,
    options: ReadOptions,
    write: Callable[[Path, bytes], None],
    judge: Judge | None = None,
) -> Format:
    """Damage by words: one takes another's place, goes, or comes twice; mostly still a sentence."""
    words = re.split(r"(\W)", text)

    def damaged(path: Path, rng: np.random.Generator | None) -> bytes:
        found = list(words)
        for _ in range(0 if rng is None else rng.integers(1, 4)):
            assert rng is not None
            place, other = rng.integers(0, len(found), size=2)
            kind = rng.integers(0, 4)
            same = found[place].isalnum()
            alike = [word for word in words if word.isalnum() == same and word.strip()] or words
            found[place : place + 1] = (
                [], [found[place]] * 2, [found[other]], [str(rng.choice(alike))]
            )[kind]  # fmt: skip
        data = "".join(found).encode()
        write(path, data)
        return data

    return Format(options, damaged, judge)


def write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def read_neutral(model: Any) -> dict[str, Any]:
    """Return the keys of a model's neutral form."""
    return dict(np.load(io.BytesIO(neutral_bytes(model))))

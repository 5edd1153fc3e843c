"""A small net that answers where it is sure, and a large one elsewhere, as one circuit.

A JSON file names both model files, which lie beside it, and the margin:

    {"cascade": {"small": {"file": "small.npz", "classes": 10},
                 "large": {"file": "large.pt", "inputs": 784, "wiring": "large-wiring.npz"},
                 "margin": 5}}

Beside `file` stand the options that the file needs, named as in `gatec.frontends.options`. Where
the small net's largest score is at least `margin` above its next one, its class is the answer, else
the large net's. Scores are gatec's integers: of a GroupSum the counts. Both nets read the same bits
and know the same classes.

The circuit computes both. One bit for each class says that the small net is sure of it; in the sums
of the large one that bit weighs more than all else.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from gatec import limits
from gatec.blocks import GroupSum, InputBits, LutLayer
from gatec.blocks_bits import BitBlock, Wires
from gatec.blocks_threshold import ClassScores, ScoreBits, ThresholdLayer
from gatec.errors import ModelError
from gatec.frontends.content import Content
from gatec.frontends.draft import FRONT, Draft, DraftBlock, DraftLayer, naming
from gatec.frontends.options import ReadOptions
from gatec.frontends.records import shown
from gatec.frontends.wiring import refuse_wiring
from gatec.model import ModelGraph

_FILES = ("wiring", "architecture")
_NUMBERS = ("inputs", "classes", "steps")
_TEXTS = ("format", "replay", "parametrization", "codebook", "image")
_MOST_PAIRS = 1 << 14
Layers = list[DraftLayer | DraftBlock]


def matches(content: Content) -> bool:
    """Return whether the file describes a cascade."""
    return content.container == "json" and "cascade" in content.value


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return the one net that both make."""
    file = content.label
    refuse_wiring(options, file=file)
    described = content.value.get("cascade") if isinstance(content.value, dict) else None
    if not isinstance(described, dict) or set(described) != {"small", "large", "margin"}:
        raise ModelError("no cascade", file=file, expected='"small", "large" and "margin"')
    margin = described["margin"]
    if type(margin) is not int or not 1 <= margin < 1 << 20:
        raise ModelError(f"margin is {shown(margin)}", file=file, expected="1 and more")
    small, large = (_net(described[key], key, file) for key in ("small", "large"))
    head, sure = _head(large, file), _head(small, file)
    if small.num_inputs != large.num_inputs or sure.classes != head.classes:
        raise ModelError(
            f"small: {small.num_inputs} inputs, {sure.classes} classes; large: {large.num_inputs} "
            f"inputs, {head.classes} classes",
            file=file,
            expected="the same",
        )
    layers: Layers = []
    ends = [_append(layers, net, name) for net, name in ((small, "small"), (large, "large"))]
    with naming(file):
        layers += _sure(sure, margin, ends[0], len(layers), file)
        answer = len(layers) - 1
        widths = (head.in_width, sure.classes)
        joined = Wires("joined", widths, np.arange(sum(widths), dtype=np.int32))
        layers.append(DraftBlock("both nets", joined, (ends[1], answer)))
        scores = _joined_scores(head)
    notes = {
        "cascade": f"the small net answers where its best score is at least {margin} above its next"
    }
    return Draft(layers, small.num_inputs, head=scores, notes=notes)


def _net(described: Any, key: str, file: str) -> ModelGraph:
    """Return one of the two nets."""
    from gatec.frontends.registry import open_with, read_opened

    if not isinstance(described, dict) or not isinstance(described.get("file"), str):
        raise ModelError("names no file", file=file, place=key, expected='{"file": NAME, ...}')
    values: dict[str, Any] = {}
    for name, value in described.items():
        if name == "file":
            continue
        good = (name in _NUMBERS and type(value) is int) or (
            name in (*_TEXTS, *_FILES) and isinstance(value, str)
        )
        if not good:
            raise ModelError(
                f"{str(name)[:40]} is {shown(value)}",
                file=file,
                place=key,
                expected=f"numbers for {', '.join(_NUMBERS)}, text for {', '.join(_TEXTS)}, files "
                f"for {', '.join(_FILES)}",
            )
        values[name] = _beside(value, key, file) if name in _FILES else value
    assert set(values) <= {field.name for field in fields(ReadOptions)}
    reading = ReadOptions(**values)
    content = open_with(_beside(described["file"], key, file), reading)
    if matches(content):
        raise ModelError("is a cascade itself", file=file, place=key, expected="a net")
    return read_opened(content, reading)


def _beside(name: str, key: str, file: str) -> Path:
    """Return the path of a file beside the cascade; raise `ModelError` at any other."""
    path = Path(file).parent / name
    if "/" in name or "\\" in name or name in ("", ".", "..") or "\0" in name or path.is_symlink():
        raise ModelError(
            f"file {name[:60]!r}", file=file, place=key, expected="one right beside, and no link"
        )
    return path


def _head(net: ModelGraph, file: str) -> ClassScores:
    """Return a net's class sums as weights."""
    head = net.head
    if head is None:
        raise ModelError("has no classes", file=file, place=net.name, expected='"classes": N')
    if isinstance(head, GroupSum):
        limits.check_limit(head.classes * head.in_width, 1 << 27, "weights", file=file)
        weights = np.repeat(np.eye(head.classes, dtype=np.int32), head.group, axis=1)
        return ClassScores(head.name, head.in_width, weights, np.zeros(head.classes, np.int32))
    return head


def _append(layers: Layers, net: ModelGraph, name: str) -> int:
    """Append a net's layers, and return the number of the last."""
    number = {net.input.name: FRONT}
    for block in net.with_output("bits").blocks:
        if isinstance(block, InputBits):
            continue
        reads = tuple(number[before] for before in net.reads[block.name])
        place = f"{name}: {block.name}"
        if isinstance(block, LutLayer):
            found: DraftLayer | DraftBlock = DraftLayer(
                place, block.tables, block.fanin, block.out_width, reads
            )
        elif isinstance(block, BitBlock):
            found = DraftBlock(place, block, reads)
        else:
            raise ModelError(
                f"{block.name}: {block.describe()}", file=net.name, place=name,
                expected="a net of bits: its encoder outside of the circuit",
            )  # fmt: skip
        number[block.name] = len(layers)
        layers.append(found)
    return len(layers) - 1


def _sure(head: ClassScores, margin: int, reads: int, first: int, file: str) -> Layers:
    """Return the layers whose last has a bit for each class, set where the net is sure of it."""
    classes, width = head.classes, head.score_bits
    limits.check_limit(classes * (classes - 1), _MOST_PAIRS, "pairs of classes", file=file)
    sums = ScoreBits("sums", head.in_width, head.weights, head.bias)
    found: Layers = [DraftBlock("small: scores", sums, (reads,))]
    if classes == 1:
        # Alone, a class is always sure.
        wires = Wires("sure", (sums.out_width,), np.full(1, -2, dtype=np.int32))
        return [*found, DraftBlock("small: sure", wires, (first,))]
    pairs = np.array([(c, d) for c in range(classes) for d in range(classes) if c != d])
    bit = 1 << np.arange(width, dtype=np.int32)
    fanin = (pairs[:, :, None] * width + np.arange(width)).reshape(len(pairs), -1)
    ahead = ThresholdLayer(
        "ahead", sums.out_width, np.concatenate([bit, -bit])[None],
        np.full((1, 1, 1), margin, np.int32), fanin.astype(np.int32),
    )  # fmt: skip
    every = np.arange(len(pairs), dtype=np.int32).reshape(classes, classes - 1)
    ones = np.ones((1, classes - 1), np.int32)
    of_all = ThresholdLayer(
        "sure", len(pairs), ones, np.full((1, 1, 1), classes - 1, np.int32), every
    )
    return [
        *found,
        DraftBlock(f"small: ahead by {margin}", ahead, (first,)),
        DraftBlock("small: sure", of_all, (first + 1,)),
    ]


def _joined_scores(head: ClassScores) -> ClassScores:
    """Return the large net's sums with one more bit for each class, heavier than all others."""
    high = np.maximum(head.weights, 0).sum(axis=1, dtype=np.int64) + head.bias
    heavy = (int(high.max()) + 1) * np.eye(head.classes, dtype=np.int64)
    weights = np.concatenate([head.weights, heavy], axis=1).astype(np.int32)
    return replace(head, name="scores", in_width=weights.shape[1], weights=weights)

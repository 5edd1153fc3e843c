"""A small net that answers where it is sure, and a large one elsewhere, as one circuit.

A JSON file names both model files, which lie beside it, and the margin:

    {"cascade": {"small": {"file": "small.npz", "classes": 10},
                 "large": {"file": "large.pt", "inputs": 784, "wiring": "large-wiring.npz"},
                 "margin": 5}}

Beside `file` stand the options that the file needs, named as in `gatec.frontends.options`. Where
the small net's largest score is at least `margin` above its next one, its class is the answer, else
the large net's. Scores are gatec's integers: of a GroupSum the counts. Both nets know the same
classes and read the same input. An encoder in one of them, or in both, compares its integer codes:
`"features"` beside its file, or `--features` for each net that needs it, says what they stand for.
`"encoder": "shared"` is for a file without an encoder whose net reads the bits of the other's.

The circuit computes both. One bit for each class says that the small net is sure of it; in the sums
of the large one that bit weighs more than all else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from gatec import limits
from gatec.blocks import GroupSum, InputBits, LutLayer, Thermometer
from gatec.blocks_bits import BitBlock, Wires
from gatec.blocks_threshold import ClassScores, ScoreBits, ThresholdLayer
from gatec.errors import ModelError, UsageError
from gatec.frontends.draft import (
    Draft,
    DraftBlock,
    DraftLayer,
    complete,
    lacks,
    lacks_classes,
    naming,
)
from gatec.frontends.files.content import Content
from gatec.frontends.files.records import shown
from gatec.frontends.joint_encoder import Start, join_fronts
from gatec.frontends.options import ReadOptions
from gatec.frontends.wiring import refuse_wiring
from gatec.model import ModelGraph

_FILES = ("wiring", "architecture")
_NUMBERS = ("inputs", "classes", "steps")
_TEXTS = ("format", "replay", "parametrization", "codebook", "image", "features")
_SHARED = "shared"
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
    opened = {key: _open(described[key], key, options, file) for key in ("small", "large")}
    missing = [what for key, net in opened.items() for what in net.lacks(key)]
    if missing:
        return Draft([], missing=tuple(missing))
    nets = {key: net.complete() for key, net in opened.items()}
    small, large = nets.values()
    if options.features is not None and all("features" in described[key] for key in nets):
        raise UsageError("--features was given, but the file has it beside both nets", file=file)
    head, sure = _head(large, file), _head(small, file)
    if sure.classes != head.classes:
        raise ModelError(
            f"small: {sure.classes} classes; large: {head.classes} classes",
            file=file,
            expected="the same",
        )
    shares = frozenset(key for key in nets if "encoder" in described[key])
    front = join_fronts(nets, shares, file=file)
    layers: Layers = []
    ends = [_append(layers, net, name, front.starts[name]) for name, net in nets.items()]
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
    return Draft(layers, head=scores, notes=notes | _notes(nets), **front.facts)


@dataclass(frozen=True)
class _Net:
    """One of the two nets, as far as its file and what stands beside it tell."""

    file: str
    stem: str
    draft: Draft
    reading: ReadOptions

    def lacks(self, key: str) -> list[str]:
        """Return what must still be given beside the file."""
        place = f"{key}: {Path(self.file).name}"
        missing = lacks(self.draft, self.reading)
        found = [f'{place}: {what}, as a key beside "file" without the dashes' for what in missing]
        if self.draft.layers and lacks_classes(self.draft, self.reading):
            found.append(f'{place}: has no classes; expected "classes": N')
        return found

    def complete(self) -> ModelGraph:
        """Return the net."""
        return complete(self.draft, self.reading, file=self.file, stem=self.stem)


def _open(described: Any, key: str, options: ReadOptions, file: str) -> _Net:
    """Return one of the two nets, complete or not."""
    from gatec.frontends.registry import open_with, require_frontend

    if not isinstance(described, dict) or not isinstance(described.get("file"), str):
        raise ModelError("names no file", file=file, place=key, expected='{"file": NAME, ...}')
    values: dict[str, Any] = {}
    for name, value in described.items():
        if name == "file" or (name == "encoder" and value == _SHARED):
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
                f"for {', '.join(_FILES)}; for encoder {_SHARED!r}",
            )
        values[name] = _beside(value, key, file) if name in _FILES else value
    assert set(values) <= {field.name for field in fields(ReadOptions)}
    reading = ReadOptions(**values)
    content = open_with(_beside(described["file"], key, file), reading)
    if matches(content):
        raise ModelError("is a cascade itself", file=file, place=key, expected="a net")
    frontend = require_frontend(content, reading)
    found = frontend.draft(content, reading)
    general = options.features if reading.features is None else None
    if general == "bits" or (general is not None and lacks(found, reading)):
        reading = replace(reading, features=general)
        found = frontend.draft(content, reading)
    return _Net(content.label, content.stem, found, reading)


def _notes(nets: Mapping[str, ModelGraph]) -> dict[str, str]:
    """Return what was found in the nets; of features what holds for all."""
    notes = {
        f"{key}: {name}": text for key, net in nets.items() for name, text in net.notes.items()
    }
    said = {key: net.notes["features"] for key, net in nets.items() if "features" in net.notes}
    if said:
        notes["features"] = "; ".join(f"{key} {text}" for key, text in said.items())
    return notes


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
    assert head is not None, "`_Net.lacks` asks for classes"
    if isinstance(head, GroupSum):
        limits.check_limit(head.classes * head.in_width, 1 << 27, "weights", file=file)
        weights = np.repeat(np.eye(head.classes, dtype=np.int32), head.group, axis=1)
        return ClassScores(head.name, head.in_width, weights, np.zeros(head.classes, np.int32))
    return head


def _append(layers: Layers, net: ModelGraph, name: str, start: Start) -> int:
    """Append a net's layers, and return the number of the last."""
    first = start.reads
    if start.wires is not None:
        first = len(layers)
        wires = Wires("encoder", (start.width,), start.wires)
        layers.append(DraftBlock(f"{name}: encoder", wires, (start.reads,)))
    number = {net.input.name: first}
    for block in net.with_output("bits").blocks:
        if isinstance(block, InputBits):
            continue
        if isinstance(block, Thermometer):
            number[block.name] = first
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
            raise NotImplementedError(type(block).__name__)
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

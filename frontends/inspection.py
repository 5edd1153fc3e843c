"""What is in a model file, also when it is not enough for a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gatec.frontends.draft import (
    Draft,
    DraftBlock,
    DraftLayer,
    complete,
    input_width,
    lacks,
    lacks_classes,
)
from gatec.frontends.files.content import Content
from gatec.frontends.gates import GATE_NAMES, gates_of
from gatec.frontends.modules import all_modules
from gatec.frontends.options import ReadOptions
from gatec.frontends.registry import choose, open_with, summary

# The format of a file that no frontend knows.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Inspection:
    """A report on a model file.

    Attributes
    ----------
    file, sha256
        Which file.
    container
        What the first bytes say: `npz`, `safetensors`, `torch`, `onnx`, `json` and the like.
    format
        Name of the frontend, or `UNKNOWN`.
    blocks
        One line for each block that was found, in data order.
    shapes
        Tensor shapes by name.
    gate_types
        For each layer of two-input gates, how many of each of `GATE_NAMES` it has.
    num_gates
        In all layers.
    notes
        Findings such as ties between weights.
    missing
        What must still be given, each with its option.
    """

    file: str
    sha256: str
    container: str
    format: str
    blocks: list[str] = field(default_factory=list)
    shapes: dict[str, list[int]] = field(default_factory=dict)
    gate_types: dict[str, dict[str, int]] = field(default_factory=dict)
    num_gates: int = 0
    notes: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the report as lines of text."""
        lines = [
            f"{self.file}: {self.format} ({self.container}), {self.num_gates} gates",
            f"  sha256 {self.sha256}",
        ]
        lines += [f"  {line}" for line in self.blocks]
        if not self.blocks:
            lines += [f"  {name}: {shape}" for name, shape in self.shapes.items()]
        for layer, counts in self.gate_types.items():
            shown = "  ".join(f"{name} {count}" for name, count in counts.items() if count)
            lines.append(f"  {layer} gate types: {shown}")
        lines += [f"  note: {key}: {text}" for key, text in self.notes.items()]
        lines += [f"  missing: {text}" for text in self.missing]
        return "\n".join(lines)


def inspect_model(path: str | Path, options: ReadOptions | None = None) -> Inspection:
    """Return what is in a model file; an incomplete model is no error, a broken file is.

    Raises `ModelError`, `LimitError` and `UsageError` as `read_model` does, except that what is
    missing is listed in the report.
    """
    options = options or ReadOptions()
    content = open_with(Path(path), options)
    frontend = choose(content, options)
    shapes = {name: list(shape) for name, shape in _shapes(content).items()}
    if frontend is None:
        return Inspection(
            content.label,
            content.sha256,
            content.container,
            UNKNOWN,
            shapes=shapes,
            notes={"content": summary(content)},
            missing=["a model that gatec knows"],
        )
    frontend.refuse_unknown(options, file=content.label)
    draft = frontend.draft(content, options)
    missing, notes = lacks(draft, options), dict(draft.notes)
    if not missing:
        # What contradicts itself is an error here too.
        model = complete(draft, options, file=content.label, stem=content.stem)
        notes = dict(model.notes)
    if draft.layers and lacks_classes(draft, options):
        missing.append("number of classes is not in the file; --classes N (or --output bits)")
    return Inspection(
        content.label,
        content.sha256,
        content.container,
        frontend.name,
        _blocks(draft, options),
        shapes,
        {
            f"layer{i}": histogram(layer)
            for i, layer in enumerate(draft.layers)
            if isinstance(layer, DraftLayer) and _is_two(layer)
        },
        sum(
            layer.block.num_gates if isinstance(layer, DraftBlock) else layer.width
            for layer in draft.layers
        ),
        notes,
        missing,
    )


def histogram(layer: DraftLayer) -> dict[str, int]:
    """Return how many gates of each of the sixteen kinds a two-input layer has."""
    assert layer.tables is not None
    counts = np.bincount(gates_of(layer.tables), minlength=16)
    return {name: int(count) for name, count in zip(GATE_NAMES, counts, strict=True)}


def _is_two(layer: DraftLayer) -> bool:
    """Return whether a layer has two-input gates, which wiring or table width tells."""
    if layer.tables is None:
        return False
    return layer.fanin is None or (layer.fanin.ndim == 2 and layer.fanin.shape[1] == 2)


def _blocks(draft: Draft, options: ReadOptions) -> list[str]:
    width = input_width(draft, options)
    lines = [f"input: {'? bits' if width is None else f'{width} bits'}"]
    if draft.thresholds is not None:
        lines.append(f"encoder: thresholds {list(draft.thresholds.shape)}")
    if draft.levels is not None:
        lines.append(f"encoder: levels {list(draft.levels.shape)} of {draft.code_bits}-bit codes")
    for i, layer in enumerate(draft.layers):
        if isinstance(layer, DraftBlock):
            lines.append(f"layer{i}: {layer.block.describe()}, {layer.place}")
            continue
        fanin = "?" if layer.fanin is None or layer.fanin.ndim != 2 else layer.fanin.shape[1]
        lines.append(f"layer{i}: {layer.width} gates of {fanin} inputs, {layer.place}")
    if draft.head is not None:
        lines.append(draft.head.describe())
    classes = draft.classes if draft.classes is not None else options.classes
    if classes is not None:
        facts = (("tau", draft.tau), ("beta", draft.beta))
        extra = "".join(f" {key}={value:g}" for key, value in facts if value is not None)
        lines.append(f"groupsum: {classes} classes{extra}")
    return lines


def _shapes(content: Content) -> dict[str, tuple[int, ...]]:
    found = {name: tensor.shape for name, tensor in content.tensors.items()}
    for module in all_modules(content.model):
        for name, value in module.values.items():
            if isinstance(value, np.ndarray):
                found[f"{module.path}.{name}".lstrip(".")] = value.shape
    return found

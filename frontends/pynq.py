"""Binary networks as Xilinx' BNN-PYNQ runs them: packed weights and popcount thresholds in `.npz`.

For layers `i` = 0, 1, ... `L{i}_weight_bits` `uint8[neurons, bytes]` (the first input is bit 0 of
the first byte; 1 stands for +1 and 0 for -1), `L{i}_shape` (neurons, inputs) and, but perhaps for
the last layer, `L{i}_threshold` `[neurons]`. A neuron counts the inputs that equal its weight, and
puts out `count > threshold`. With a threshold the last layer has a bit for each class, of which the
first that is set decides; without one its counts are the class scores.

The accelerator's layers are padded to the width of its words: inputs of the first layer with bits
0 whose weights are 1, and classes with thresholds that no count exceeds. How many inputs and
classes are real is not in the file.
"""

from __future__ import annotations

import re

import numpy as np

from gatec.blocks_threshold import ClassScores, dense_thresholds
from gatec.errors import ModelError
from gatec.frontends.draft import Draft, DraftBlock, naming
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import ReadOptions
from gatec.frontends.wiring import refuse_wiring

_KEY = re.compile(r"L([0-9]{1,3})_(weight_bits|shape|threshold)")
_MOST = 1 << 20


def matches(content: Content) -> bool:
    """Return whether there are packed weights of a layer 0."""
    return "L0_weight_bits" in content.tensors


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells; asks for widths that padding hides."""
    file = content.label
    refuse_wiring(options, file=file)
    layers = _layers(content)
    found: list[DraftBlock] = []
    missing: list[str] = []
    first = _weights(layers[0], file, "L0")
    padding = _padding(first)
    inputs = options.inputs
    if inputs is None:
        inputs = first.shape[1]
        if padding:
            missing.append(
                f"the last {padding} of {inputs} inputs have weight 1 in every neuron, as padding "
                f"has; expected --inputs {inputs - padding} (or {inputs})"
            )
    elif not first.shape[1] - padding <= inputs <= first.shape[1]:
        raise ModelError(
            f"--inputs {inputs} was given, but layer 0 reads {first.shape[1]}, of which the last "
            f"{padding} may be padding",
            file=file,
        )
    width = inputs
    for i, layer in enumerate(layers):
        place = f"L{i}"
        weights = _weights(layer, file, place)
        if i == 0:
            weights = weights[:, :inputs]
        if weights.shape[1] != width:
            raise ModelError(
                f"reads {weights.shape[1]} inputs, but layer {i - 1} has {width} neurons",
                file=file,
                place=place,
                expected="dense layers: what a convolution slides over is not in the file",
            )
        last = i == len(layers) - 1
        if last:
            weights = weights[: _classes(layer, len(weights), options, missing, file)]
        signs = np.where(weights, 1, -1).astype(np.int32)
        # count = (inputs where weight and bit are 1) + (where both are 0).
        zeros = (signs < 0).sum(axis=1)
        width = len(signs)
        if "threshold" not in layer:
            with naming(file):
                head = ClassScores("scores", signs.shape[1], signs, zeros)
            return Draft(found, inputs, head=head, missing=tuple(missing))
        thresholds = _thresholds(layer, file, place)[:width]
        levels = np.clip(thresholds, -1, signs.shape[1]) + 1 - zeros
        found.append(DraftBlock(f"layer {i}", dense_thresholds(place, signs, levels)))
    notes = {"classes": "the first output bit that is set; BNN-PYNQ's own host takes the last"}
    return Draft(found, inputs, classes=width, notes=notes, missing=tuple(missing))


def _layers(content: Content) -> list[dict[str, Array]]:
    """Return the arrays of each layer, by the last part of their names."""
    file = content.label
    layers: dict[int, dict[str, Array]] = {}
    for key, tensor in content.tensors.items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise ModelError(
                "unknown tensor",
                file=file,
                place=key[:80],
                expected="L{i}_weight_bits, L{i}_shape, L{i}_threshold",
            )
        layers.setdefault(int(match[1]), {})[match[2]] = tensor
    for i in range(max(1, len(layers))):
        for key in ("weight_bits", "shape", *(("threshold",) if i < len(layers) - 1 else ())):
            if key not in layers.get(i, {}):
                raise ModelError("missing in the file", file=file, place=f"L{i}_{key}")
    return [layers[i] for i in range(len(layers))]


def _weights(layer: dict[str, Array], file: str, place: str) -> Array:
    """Return 0/1 weights `[neurons, inputs]`."""
    packed, shape = layer["weight_bits"], layer["shape"]
    whole = shape.shape == (2,) and shape.dtype.kind in "iu" and 1 <= shape.min() <= shape.max()
    if not whole or shape.max() > _MOST:
        raise ModelError(
            f"shape {shape.dtype}{list(shape.shape)}", file=file, place=place, expected="two sizes"
        )
    neurons, inputs = (int(size) for size in shape)
    if packed.dtype != np.uint8 or packed.shape != (neurons, -(-inputs // 8)):
        raise ModelError(
            f"weight_bits {packed.dtype}{list(packed.shape)}",
            file=file,
            place=place,
            expected=f"uint8{[neurons, -(-inputs // 8)]} for shape {[neurons, inputs]}",
        )
    return np.unpackbits(packed, axis=1, bitorder="little")[:, :inputs]


def _padding(weights: Array) -> int:
    """Return how many of the last inputs have weight 1 in all of several neurons."""
    if len(weights) < 2:
        return 0
    real = np.flatnonzero(~weights.all(axis=0))
    return weights.shape[1] - (int(real[-1]) + 1 if len(real) else weights.shape[1])


def _thresholds(layer: dict[str, Array], file: str, place: str) -> Array:
    found = layer["threshold"]
    neurons = int(layer["shape"][0])
    if found.dtype.kind not in "iu" or found.shape != (neurons,):
        raise ModelError(
            f"threshold {found.dtype}{list(found.shape)}",
            file=file,
            place=place,
            expected=f"integers {[neurons]}",
        )
    # Padding may have the largest number that the type holds: not -1, which all counts exceed.
    most = min(np.iinfo(found.dtype).max, np.iinfo(np.int64).max)
    return np.minimum(found, most).astype(np.int64)


def _classes(
    layer: dict[str, Array], neurons: int, options: ReadOptions, missing: list[str], file: str
) -> int:
    """Return how many neurons of the last layer stand for classes."""
    if "threshold" in layer:
        can = np.flatnonzero(_thresholds(layer, file, "the last layer") < int(layer["shape"][1]))
        # The others never fire: as classes they are never chosen.
        least = int(can[-1]) + 1 if len(can) else 1
    else:
        least = 1
        if options.classes is None:
            missing.append(
                f"the last layer has {neurons} neurons, of which some may be padding; "
                f"expected --classes N (at most {neurons})"
            )
    if options.classes is None:
        return least if "threshold" in layer else neurons
    if not least <= options.classes <= neurons:
        raise ModelError(
            f"--classes {options.classes} was given, but the last layer has from {least} to "
            f"{neurons}",
            file=file,
        )
    return options.classes

"""Whole modules of torchlogix: dense layers, convolutions, pooling, residual blocks, encoders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gatec.blocks_bits import Merge
from gatec.blocks_conv import Sizes
from gatec.errors import ModelError
from gatec.frontends.dense import chosen_wiring, dense_layer
from gatec.frontends.difflogic_modules import head_facts
from gatec.frontends.draft import FRONT, OUTSIDE, Draft
from gatec.frontends.files.records import Record, shown
from gatec.frontends.modules import Module, array, integer, number
from gatec.frontends.options import Parametrization, ReadOptions
from gatec.frontends.thresholds import Encoder, read_encoder
from gatec.frontends.torchlogix_conv import CONVOLUTIONS, POOLS, convolution, in_shape
from gatec.frontends.walk import Walk
from gatec.tables import OR2

_RESIDUAL = "ResidualLogicBlock"
_ENCODERS = ("FixedBinarization", "SoftBinarization", "LearnableBinarization")
KNOWN = frozenset({"LogicDense", *POOLS, *_ENCODERS, *CONVOLUTIONS, _RESIDUAL})
"""Classes whose presence makes a module one of torchlogix."""
_KINDS: dict[str, Parametrization] = {
    "RawLUTParametrization": "raw",
    "LightLUTParametrization": "light",
    "WarpLUTParametrization": "warp",
    "WalshLUTParametrization": "warp",
    # As the constructor's argument says it, in an architecture file.
    "raw": "raw",
    "light": "light",
    "warp": "warp",
}


def from_module(record: Record, options: ReadOptions, *, file: str) -> Draft:
    """Return what a whole module tells."""
    walk = _Walk(options, file)
    for module in walk.parts(record):
        walk.take(module)
    read = None if walk.encoder is None else partial(_encoder_module, walk.encoder, file)
    front, lacking = encoder_facts(read, walk.inputs, options, walk.notes, walk.image)
    facts = head_facts(walk.head, file=file)
    return Draft(walk.found, walk.inputs, notes=walk.notes, missing=lacking, **front, **facts)


def encoder_facts(
    read: Callable[[], Encoder] | None,
    inputs: int | None,
    options: ReadOptions,
    notes: dict[str, str],
    image: Sizes | None = None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the encoder's thresholds as keywords of `Draft`, or what it takes to know them.

    Parameters
    ----------
    image
        `(channels, *sizes)` of the bits that the encoder puts out, where they are an image.
    """
    if read is None:
        return {}, ()
    if options.features == "bits":
        notes["encoder"] = OUTSIDE
        return {}, ()
    try:
        encoder = read()
        if image is None:
            thresholds, order = encoder.expand(inputs), None
        else:
            thresholds, order = encoder.over_image(image)
    except ModelError as error:
        return {}, (str(error),)
    slack = encoder.slack
    if slack is not None and image is not None:
        slack, _ = replace(encoder, thresholds=slack).over_image(image)
    elif slack is not None:
        slack = np.broadcast_to(slack.reshape(-1, slack.shape[-1]), thresholds.shape)
    return {"thresholds": thresholds, "threshold_slack": slack, "order": order}, ()


@dataclass(eq=False)
class _Walk(Walk):
    """A walk over torchlogix's layers; `encoder` is the binarisation in front of them."""

    encoder: Module | None = None

    whole = frozenset({*CONVOLUTIONS, _RESIDUAL})
    layers_are = "torchlogix's layers, binarisation and Flatten"

    def layer(self, module: Module) -> bool:
        """Append the layers of a module of torchlogix."""
        if module.name in _ENCODERS and self.encoder is None and not self.found:
            self.encoder = module
        elif module.name == "LogicDense":
            self._dense(module)
        elif module.name in CONVOLUTIONS:
            self._convolve(module)
        elif module.name in POOLS:
            self.pool(module, POOLS[module.name])
        elif module.name == _RESIDUAL:
            self._residual(module)
        else:
            return module.name == "DummyBinarization"
        return True

    def _dense(self, module: Module) -> None:
        self.refuse_image(module)
        self.inputs = self.inputs or integer(module, "in_dim", file=self.file)
        weight = array(module, "weight", file=self.file)
        # Versions up to 0.1 keep the indices in the layer itself.
        source = module.child("connections") or module
        scores = source.values.get("weights")
        fanin = chosen_wiring(
            array(source, "indices", file=self.file),
            scores if isinstance(scores, np.ndarray) else None,
            self.notes,
            file=self.file,
            place=source.place,
        )
        self._check_rank(module, fanin.shape[1])
        kind = self._kind(module)
        layer, missing = dense_layer(
            weight, fanin, kind, self.notes, file=self.file, place=module.place
        )
        if missing:
            raise ModelError(missing, file=self.file, place=module.place)
        self.add_dense(layer)

    def _kind(self, module: Module) -> Parametrization | None:
        """Return a layer's parametrization; version 0.2.2 makes it a module, earlier ones not."""
        record = module.children.get("parametrization", module.values.get("parametrization"))
        name = getattr(record, "path", str(record)).rpartition(".")[2]
        given = self.options.parametrization
        kind = _KINDS.get(name, given)
        if given not in (None, kind):
            raise ModelError(
                f"--parametrization {given} was given, but it is {kind}",
                file=self.file,
                place=module.place,
            )
        return kind

    def _check_rank(self, module: Module, rank: int) -> None:
        """Raise `ModelError` where a layer or a part of it says other than its wiring."""
        stated = {"lut_rank": rank, "lut_entries": 1 << rank}
        parts = (module, module.child("parametrization"), module.child("connections"))
        for part in filter(None, parts):
            for name, value in stated.items():
                found = part.values.get(name, value)
                if type(found) is not int or found != value:
                    raise self.error(part, f"{name} is {shown(found)}", f"{value}, as it is wired")

    def _convolve(self, module: Module) -> None:
        shape = in_shape(module, file=self.file)
        if "lut_rank" in module.values:
            self._check_rank(module, integer(module, "lut_rank", file=self.file))
        if not self.found:
            self.begin_image(shape)
        if self.shape != shape:
            found = "a row of bits" if self.shape is None else f"an image {list(self.shape)}"
            raise self.error(module, f"reads {found}", f"an image {list(shape)}")
        kind = self._kind(module)
        if kind is None:
            raise self.error(module, "unknown parametrization", "--parametrization KIND")
        self.add(module, convolution(module, kind, self.notes, file=self.file))

    def _residual(self, module: Module) -> None:
        """Join what `main` and `shortcut` make of the same image by OR."""
        start, shape = self.last(), self.shape
        main = self.parts(module.children.get("main"), f"{module.path}.main")
        for part in main:
            self.take(part)
        if not main or self.shape is None:
            raise self.error(module, "no layers in main", "a convolution")
        shape = self.image if start == FRONT else shape
        end = self.last()
        after, self.shape, self.reads = self.shape, shape, start
        for part in self.parts(module.children.get("shortcut"), f"{module.path}.shortcut"):
            self.take(part)
        # Without layers the shortcut is the block's input itself.
        other = start if self.reads is not None else self.last()
        if self.shape != after:
            raise self.error(
                module, f"joins images {list(after)} and {list(self.shape or ())}", "equal ones"
            )
        self.add_merge(module, Merge("merge", int(np.prod(after)), OR2), (end, other))


def _encoder_module(module: Module, file: str) -> Encoder:
    raw = module.values.get("raw_diffs")
    learned = module.name == "LearnableBinarization"
    return read_encoder(
        None if learned else array(module, "thresholds", file=file),
        raw if isinstance(raw, np.ndarray) else None,
        softplus=number(module, "temperature_softplus", file=file) if learned else None,
        feature_dim=_whole(module.values.get("feature_dim")),
        place=module.place,
    )


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None

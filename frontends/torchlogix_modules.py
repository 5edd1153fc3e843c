"""Whole modules of torchlogix: the layers in their order, and the shape of images between them.

Dense layers, convolutions, pooling and residual blocks read a row of bits or an image; which, and
of what shape, is followed from layer to layer as torch would, and refused where it would refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from gatec.blocks_bits import BitBlock, Merge
from gatec.blocks_conv import LutConv, OrPool, Sizes
from gatec.errors import ModelError
from gatec.frontends.dense import chosen_wiring, dense_layer
from gatec.frontends.difflogic import head_facts
from gatec.frontends.draft import FRONT, OUTSIDE, Draft, DraftBlock, DraftLayer
from gatec.frontends.modules import FLATTEN, Module, array, integer, layers, number
from gatec.frontends.options import Parametrization, ReadOptions
from gatec.frontends.records import Record
from gatec.frontends.thresholds import Encoder, read_encoder
from gatec.frontends.torchlogix_conv import CONVOLUTIONS, POOLS, convolution, in_shape, pooling
from gatec.tables import OR2

_RESIDUAL = "ResidualLogicBlock"
_ENCODERS = ("FixedBinarization", "SoftBinarization", "LearnableBinarization")
_WHOLE = frozenset({*CONVOLUTIONS, _RESIDUAL})
KNOWN = frozenset({"LogicDense", *POOLS, *_ENCODERS, *_WHOLE})
"""Classes whose presence makes a module one of torchlogix."""
_KINDS: dict[str, Parametrization] = {
    "RawLUTParametrization": "raw",
    "LightLUTParametrization": "light",
    "WarpLUTParametrization": "warp",
    "WalshLUTParametrization": "warp",
}


def from_module(record: Record, options: ReadOptions, *, file: str) -> Draft:
    """Return what a whole module tells."""
    walk = _Walk(options, file)
    for module in _parts(record, "", file):
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


def _parts(record: Any, path: str, file: str) -> list[Module]:
    return layers(record, file=file, path=path, whole=_WHOLE, keep=frozenset({FLATTEN}))


@dataclass(eq=False)
class _Walk:
    """What the layers so far have told.

    Attributes
    ----------
    shape
        `(channels, *sizes)` of the image that the last layer put out, None for a row of bits.
    image
        The same of the first layer's input.
    inputs
        Width of the first layer's input.
    """

    options: ReadOptions
    file: str
    found: list[DraftLayer | DraftBlock] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    shape: Sizes | None = None
    image: Sizes | None = None
    inputs: int | None = None
    encoder: Module | None = None
    head: Module | None = None
    reads: int | None = None

    def take(self, module: Module) -> None:
        """Append the layers that a module stands for."""
        if self.head is not None:
            raise self._error(module, "follows the GroupSum", "GroupSum last")
        if module.name in _ENCODERS and self.encoder is None and not self.found:
            self.encoder = module
        elif module.kind == FLATTEN:
            self._flatten(module)
        elif module.name == "LogicDense":
            self._dense(module)
        elif module.name in CONVOLUTIONS:
            self._convolve(module)
        elif module.name in POOLS:
            if self.shape is None:
                raise self._error(module, "does not follow an image", "a convolution before it")
            self._add(module, pooling(module, self.shape, file=self.file))
        elif module.name == _RESIDUAL:
            self._residual(module)
        elif module.name == "GroupSum":
            self._refuse_image(module)
            self.head = module
        elif module.name != "DummyBinarization":
            raise self._error(
                module, "unknown layer", "torchlogix's layers, binarisation and Flatten"
            )

    def _error(self, module: Module, what: str, expected: str) -> ModelError:
        return ModelError(what, file=self.file, place=module.place, expected=expected)

    def _refuse_image(self, module: Module) -> None:
        if self.shape is not None:
            raise self._error(module, f"reads an image {list(self.shape)}", "Flatten before it")

    def _flatten(self, module: Module) -> None:
        first, last = (module.values.get(name) for name in ("start_dim", "end_dim"))
        if self.shape is not None and (first, last) != (1, -1):
            raise self._error(module, f"flattens from {first} to {last}", "all from 1 to -1")
        self.shape = None

    def _add(self, module: Module, block: LutConv | OrPool) -> None:
        self.found.append(DraftBlock(module.place, block, self._source()))
        self.shape = block.out_shape

    def _source(self) -> tuple[int, ...] | None:
        """Return what the next layer reads where that is not the one before."""
        source = None if self.reads is None else (self.reads,)
        self.reads = None
        return source

    def _dense(self, module: Module) -> None:
        self._refuse_image(module)
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
        kind = self._kind(module)
        layer, missing = dense_layer(
            weight, fanin, kind, self.notes, file=self.file, place=module.place
        )
        if missing:
            raise ModelError(missing, file=self.file, place=module.place)
        self.found.append(layer)

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

    def _convolve(self, module: Module) -> None:
        shape = in_shape(module, file=self.file)
        if not self.found:
            self.image, self.shape = shape, shape
            self.inputs = int(np.prod(shape, dtype=object))
        if self.shape != shape:
            found = "a row of bits" if self.shape is None else f"an image {list(self.shape)}"
            raise self._error(module, f"reads {found}", f"an image {list(shape)}")
        kind = self._kind(module)
        if kind is None:
            raise self._error(module, "unknown parametrization", "--parametrization KIND")
        self._add(module, convolution(module, kind, self.notes, file=self.file))

    def _residual(self, module: Module) -> None:
        """Join what `main` and `shortcut` make of the same image by OR."""
        start, shape = len(self.found) - 1, self.shape
        main = _parts(module.children.get("main"), f"{module.path}.main", self.file)
        for part in main:
            self.take(part)
        if not main or self.shape is None:
            raise self._error(module, "no layers in main", "a convolution")
        shape = self.image if start == FRONT else shape
        ends = [len(self.found) - 1]
        after, self.shape, self.reads = self.shape, shape, start
        for part in _parts(module.children.get("shortcut"), f"{module.path}.shortcut", self.file):
            self.take(part)
        # Without layers the shortcut is the block's input itself.
        ends.append(start if self.reads is not None else len(self.found) - 1)
        self.reads = None
        if self.shape != after:
            raise self._error(
                module, f"joins images {list(after)} and {list(self.shape or ())}", "equal ones"
            )
        block: BitBlock = Merge("merge", int(np.prod(after)), OR2)
        self.found.append(DraftBlock(module.place, block, tuple(ends)))


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

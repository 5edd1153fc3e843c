"""Follow a whole module from layer to layer: what each reads, and the shape of images between.

A layer reads a row of bits or an image; which, and of what shape, is followed as torch would, and
refused where torch would refuse. What is special to a trainer is in a subclass of `Walk`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from gatec.blocks_bits import BitBlock
from gatec.blocks_conv import LutConv, OrPool, Sizes, pooled
from gatec.errors import ModelError
from gatec.frontends.draft import FRONT, DraftBlock, DraftLayer
from gatec.frontends.files.records import shown
from gatec.frontends.modules import FLATTEN, Module, layers
from gatec.frontends.options import ReadOptions

_MAX_SIZE = 1 << 20


@dataclass(eq=False)
class Walk(ABC):
    """What the layers so far have told.

    Attributes
    ----------
    found
        The layers.
    shape
        `(channels, *sizes)` of the image that the last layer put out, None for a row of bits.
    image
        The same of the first layer's input.
    inputs
        Width of the first layer's input.
    head
        The GroupSum.
    reads
        The layer that the next one reads, where it is not the one before.
    """

    options: ReadOptions
    file: str
    found: list[DraftLayer | DraftBlock] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    shape: Sizes | None = None
    image: Sizes | None = None
    inputs: int | None = None
    head: Module | None = None
    reads: int | None = None

    # Layers of the trainer that have parts, and what it calls its layers in messages.
    whole: ClassVar[frozenset[str]]
    layers_are: ClassVar[str]

    def parts(self, record: Any, path: str = "") -> list[Module]:
        """Return the modules that a record runs, Flatten among them."""
        keep = frozenset({FLATTEN})
        return layers(record, file=self.file, path=path, whole=self.whole, keep=keep)

    def take(self, module: Module) -> None:
        """Append the layers that a module stands for."""
        if self.head is not None:
            raise self.error(module, "follows the GroupSum", "GroupSum last")
        if module.kind == FLATTEN:
            self._flatten(module)
        elif module.name == "GroupSum":
            self.refuse_image(module)
            self.head = module
        elif not self.layer(module):
            raise self.error(module, "unknown layer", self.layers_are)

    @abstractmethod
    def layer(self, module: Module) -> bool:
        """Append the layers of one of the trainer's modules; return whether it is one."""

    def error(self, module: Module, what: str, expected: str) -> ModelError:
        """Return an error about a module."""
        return ModelError(what, file=self.file, place=module.place, expected=expected)

    def refuse_image(self, module: Module) -> None:
        """Raise `ModelError` when a layer for rows of bits follows an image."""
        if self.shape is not None:
            raise self.error(module, f"reads an image {list(self.shape)}", "Flatten before it")

    def begin_image(self, shape: Sizes) -> None:
        """Take the first layer's input for an image of `(channels, *sizes)`."""
        self.image, self.shape = shape, shape
        self.inputs = int(np.prod(shape, dtype=object))

    def add_dense(self, layer: DraftLayer) -> None:
        """Append a layer that reads and puts out a row of bits."""
        self.found.append(layer)

    def add(self, module: Module, block: LutConv | OrPool) -> None:
        """Append a layer from image to image."""
        source = None if self.reads is None else (self.reads,)
        self.reads = None
        self.found.append(DraftBlock(module.place, block, source))
        self.shape = block.out_shape

    def add_merge(self, module: Module, block: BitBlock, ends: tuple[int, int]) -> None:
        """Append a layer that joins two."""
        self.reads = None
        self.found.append(DraftBlock(module.place, block, ends))

    def last(self) -> int:
        """Return the number of the last layer, `FRONT` before the first."""
        return len(self.found) - 1 if self.found else FRONT

    def pool(self, module: Module, axes: int) -> None:
        """Append a pooling, which on bits is OR."""
        if self.shape is None:
            raise self.error(module, "does not follow an image", "a convolution before it")
        self.add(module, pooling(module, self.shape, axes, file=self.file))

    def _flatten(self, module: Module) -> None:
        first, last = (module.values.get(name) for name in ("start_dim", "end_dim"))
        if self.shape is not None and (first, last) != (1, -1):
            raise self.error(module, f"flattens from {first} to {last}", "all from 1 to -1")
        self.shape = None


def pooling(module: Module, shape: Sizes, axes: int, *, file: str) -> OrPool:
    """Return the block of a pooling module on an image of `(channels, *sizes)`."""
    kernel = sizes(module, "kernel_size", axes, file=file)
    stride = sizes(module, "stride", axes, file=file)
    padding = sizes(module, "padding", axes, least=0, file=file)
    if len(shape) != 1 + axes or any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ModelError(
            f"a window of {list(kernel)} with padding {list(padding)} over an image {list(shape)}",
            file=file,
            place=module.place,
            expected=f"{axes} axes beside the channels, and at most half a window of padding",
        )
    return OrPool("pool", pooled(shape, kernel, stride, padding), kernel)


def sizes(module: Module, name: str, count: int, *, least: int = 1, file: str) -> Sizes:
    """Return a plain attribute, one number for all axes or one for each, as `count` numbers."""
    value: Any = module.values.get(name)
    numbers = tuple(value) if isinstance(value, list | tuple) else (value,) * count
    if len(numbers) != count or any(
        type(n) is not int or not least <= n <= _MAX_SIZE for n in numbers
    ):
        raise ModelError(
            f"{name} is {shown(value)}",
            file=file,
            place=module.place,
            expected=f"{count} numbers from {least} to {_MAX_SIZE}",
        )
    return numbers

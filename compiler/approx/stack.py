"""The LUT layers in front of a model's head, with one number for each signal in them.

Signal 0 is constant 0; then come the bits that the first of these layers reads, and the gates,
layer by layer. A *literal* is twice a signal, plus one for its complement.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gatec.bits import Words
from gatec.blocks import Argmax, Block, GroupSum, LutLayer
from gatec.errors import UsageError
from gatec.model import ModelGraph
from gatec.tables import depends

Signals = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
FIRST_SOURCE = 1


@dataclass(frozen=True, eq=False)
class LayerStack:
    """The longest run of LUT layers, each reading the one before it, at the end of a model.

    Attributes
    ----------
    model
        The model.
    source
        The block that the first of them reads.
    layers
        In data order, at least one.
    """

    model: ModelGraph
    source: Block
    layers: tuple[LutLayer, ...]

    @classmethod
    def of(cls, model: ModelGraph) -> LayerStack:
        """Return the stack of a model; raise `UsageError` when it does not end in LUT layers."""
        blocks = [b for b in model.blocks if not isinstance(b, GroupSum | Argmax)]
        last, layers = blocks[-1], list[LutLayer]()
        while isinstance(last, LutLayer):
            layers.insert(0, last)
            (last,) = model.predecessors(last)
        if not layers:
            raise UsageError(
                f"--approximate of a model whose last bits come from {last.name}",
                file=model.name,
                expected="one that ends in LUT layers, in front of its class sums",
            )
        return cls(model, last, tuple(layers))

    @cached_property
    def first(self) -> tuple[int, ...]:
        """The first signal of the sources, of each layer, and one behind the last."""
        widths = [FIRST_SOURCE, self.source.out_width, *(layer.out_width for layer in self.layers)]
        return tuple(np.cumsum(widths).tolist())

    @property
    def num_signals(self) -> int:
        """Number of signals, constant 0 included."""
        return self.first[-1]

    def signals(self, depth: int) -> Signals:
        """Return the signals at a depth: 0 the sources, 1 the first layer, and so on."""
        return np.arange(self.first[depth], self.first[depth + 1])

    @cached_property
    def depth(self) -> npt.NDArray[np.int64]:
        """`int64[signals]`: the depth of each; constant 0 has that of the sources."""
        widths = np.diff([0, *self.first[1:]])
        return np.repeat(np.arange(len(widths)), widths)

    def reads(self, depth: int) -> Signals:
        """Return the signal in each slot of the layer at a depth from 1, `[gates, k]`."""
        return self.layers[depth - 1].fanin.astype(np.int64) + self.first[depth - 1]

    def used(self, depth: int) -> Flags:
        """Return which slots of the layer at a depth from 1 its tables depend on."""
        layer = self.layers[depth - 1]
        slots = [depends(layer.tables, slot) for slot in range(layer.fanin.shape[1])]
        return np.stack(slots, axis=1)

    @cached_property
    def live(self) -> Flags:
        """`bool[signals]`: which signals reach an output of the last layer."""
        live = np.zeros(self.num_signals, dtype=np.bool_)
        live[self.signals(len(self.layers))] = True
        for depth in range(len(self.layers), 0, -1):
            needed = live[self.signals(depth)][:, None] & self.used(depth)
            live[self.reads(depth)[needed]] = True
        return live

    def values(self, words: Words, num_samples: int) -> Words:
        """Return the value of each signal for packed inputs of the model, `[signals, words]`."""
        values = self.model.bit_values(words, num_samples)
        parts = [values[self.source.name], *(values[layer.name] for layer in self.layers)]
        return np.concatenate([np.zeros((1, words.shape[1]), dtype=np.uint64), *parts])

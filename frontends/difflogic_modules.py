"""Whole modules of difflogic and its forks: dense layers, their input-wise kin, convolutions.

* `LogicLayer`: `weights [gates, 16]`, wiring in the plain tuple `indices`;
* `LogicLayerIWP`: `weights [gates, 4]` (see `gatec.frontends.input_wise`), wiring likewise;
* `Logic`: as the first, with the wiring in buffers `a` and `b`;
* `Conv`: a `Logic` tree for each filter, `filters.{f}.tree.{l}`, whose leaves read a row of
  torch's `unfold` (channel, row, column of a zero-padded image);
* `MaxPool2d`, on bits an OR; and `GroupSum`, in the last with extras.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatec.blocks_conv import LutConv, Window
from gatec.errors import ModelError, UsageError
from gatec.frontends.draft import Draft, DraftBlock, DraftLayer
from gatec.frontends.files.records import Record
from gatec.frontends.files.tensors import Array
from gatec.frontends.group_sum import GROUP_SUM_ATTRIBUTES, head_layers, weighted_head
from gatec.frontends.input_wise import input_wise_tables
from gatec.frontends.modules import Module, array, integer, number
from gatec.frontends.options import ReadOptions
from gatec.frontends.walk import Walk, sizes
from gatec.frontends.weights import gates_from_logits
from gatec.frontends.wiring import complete_wiring, index_pairs
from gatec.tables import Tables

KNOWN = frozenset({"LogicLayer", "LogicLayerIWP", "LogicTree"})
"""Classes whose presence makes a module one of difflogic or a fork of it."""

_POOL = "torch.nn.modules.pooling.MaxPool2d"
# Beyond it, the float32 sums of a trainer do not tell counts of a million bits apart.
_MOST_BETA = 1 << 20


def from_module(record: Record, options: ReadOptions, *, file: str) -> Draft:
    """Return what a whole module tells."""
    walk = _Walk(options, file)
    for module in walk.parts(record):
        walk.take(module)
    if walk.image is None:
        refuse_image(options, file=file)
    head = walk.head
    found, missing, origin = _complete(walk, options, file)
    facts = head_facts(head, file=file)
    extra: list[DraftLayer | DraftBlock] = []
    if head is not None and walk.found:
        width, notes = walk.found[-1].width, walk.notes
        weighted = weighted_head(head, width, notes, file)
        if weighted is not None:
            facts = {"head": weighted}
        else:
            extra = head_layers(head, width, file)
    notes = walk.notes | origin
    return Draft([*found, *extra], walk.inputs, notes=notes, missing=missing, **facts)


def refuse_image(options: ReadOptions, *, file: str) -> None:
    """Raise `UsageError` when an image's size is given for a net of rows of bits."""
    if options.image is not None:
        raise UsageError("--image was given, but no layer reads an image", file=file)


def _complete(
    walk: _Walk, options: ReadOptions, file: str
) -> tuple[list[DraftLayer | DraftBlock], tuple[str, ...], dict[str, str]]:
    """Return the layers with wiring that a file or a replay gives to those that lack it."""
    dense = [layer for layer in walk.found if isinstance(layer, DraftLayer)]
    wired, missing, origin = complete_wiring(dense, walk.inputs, options, file=file)
    left = iter(wired)
    found = [next(left) if isinstance(layer, DraftLayer) else layer for layer in walk.found]
    for layer, k in walk.rows:
        fanin = next(new.fanin for new in wired if new.place == layer.place)
        if fanin is not None and fanin.ndim == 2 and fanin.shape[1] != k:
            raise ModelError(
                f"wiring of {fanin.shape[1]} inputs",
                file=file,
                place=layer.place,
                expected=f"{k}, as many as its tables have",
            )
    return found, missing, origin


def head_facts(head: Module | None, *, file: str) -> dict[str, Any]:
    """Return classes, tau and beta of a GroupSum module, as keywords of `Draft`."""
    if head is None:
        return {}
    for key, value in head.values.items():
        if isinstance(value, np.ndarray) and key not in GROUP_SUM_ATTRIBUTES:
            raise ModelError(
                f"GroupSum with a tensor {key}",
                file=file,
                place=head.place,
                expected=f"only {', '.join(sorted(GROUP_SUM_ATTRIBUTES))}",
            )
    beta = number(head, "beta", file=file)
    if beta is not None and not abs(beta) <= _MOST_BETA:
        raise ModelError(
            f"beta is {beta:g}",
            file=file,
            place=head.place,
            expected=f"at most {_MOST_BETA}: beside it float32 loses the counts",
        )
    return {
        "classes": integer(head, "k", file=file),
        "tau": number(head, "tau", default=1.0, file=file),
        "beta": beta,
    }


@dataclass(eq=False)
class _Walk(Walk):
    """A walk over the layers of difflogic and its forks; `rows` has the inputs of their gates."""

    rows: list[tuple[DraftLayer, int]] = field(default_factory=list)

    whole = frozenset({"Conv"})
    layers_are = "LogicLayer, LogicLayerIWP, Logic, Conv, MaxPool2d, GroupSum or Flatten"

    def layer(self, module: Module) -> bool:
        """Append the layer of a module."""
        if module.name in ("LogicLayer", "LogicLayerIWP", "Logic"):
            self.refuse_image(module)
            self.inputs = self.inputs or integer(module, "in_dim", file=self.file)
            tables = self._tables(module)
            fanin = _wiring(module, self.file)
            options = self.options
            if fanin is None and not (options.architecture or options.wiring or options.replay):
                raise self.error(module, "no wiring in indices", "two tensors")
            layer = DraftLayer(module.place, tables, fanin, len(tables))
            self.rows.append((layer, self._inputs(module)))
            self.add_dense(layer)
        elif module.name == "Conv" and module.child("filters") is not None:
            self._convolve(module)
        elif module.kind == _POOL:
            for key, plain in (("dilation", 1), ("ceil_mode", False), ("return_indices", False)):
                if module.values.get(key, plain) != plain:
                    raise self.error(module, f"{key} is not {plain}", "a plain pooling")
            self._need_image(module)
            self.pool(module, 2)
        else:
            return False
        return True

    def _inputs(self, module: Module) -> int:
        """Return how many inputs a gate of a dense layer has."""
        columns = array(module, "weights", file=self.file).shape[1]
        return 2 if columns == 16 else int(columns).bit_length() - 1

    def _tables(self, module: Module) -> Tables:
        weights = array(module, "weights", file=self.file)
        if module.name == "LogicLayerIWP" and weights.shape[-1:] != (16,):
            return input_wise_tables(
                weights,
                module.values.get("act_fn_str"),
                str(module.values.get("implementation")),
                self.notes,
                file=self.file,
                place=module.place,
            )
        return gates_from_logits(weights, 1, self.notes, file=self.file, place=module.place)

    def _need_image(self, module: Module) -> None:
        """Take the first layer's image from the option: these modules do not know their sizes."""
        if self.found or self.shape is not None:
            return
        image = self.options.image_sizes
        if image is None:
            raise self.error(
                module, "the size of the image is not in the file", "--image CHANNELSxHEIGHTxWIDTH"
            )
        self.begin_image(image)

    def _convolve(self, module: Module) -> None:
        self._need_image(module)
        shape, file = self.shape, self.file
        channels = integer(module, "in_channels", file=file)
        if shape is None or len(shape) != 3 or shape[0] != channels:
            found = "a row of bits" if shape is None else f"an image {list(shape)}"
            raise self.error(module, f"reads {found}", f"an image of {channels} channels")
        kernel, stride = (sizes(module, key, 2, file=file) for key in ("kernel_size", "stride"))
        padding = sizes(module, "padding", 2, least=0, file=file)
        out = tuple(
            (n + 2 * p - k) // s + 1
            for n, p, k, s in zip(shape[1:], padding, kernel, stride, strict=True)
        )
        window = Window(shape, out, stride, padding, (1, 1))
        try:
            self.add(module, _trees(module, window, kernel, self.notes, file))
        except ModelError as error:
            if str(error).startswith(file):
                raise
            raise ModelError(str(error), file=file) from None


def _trees(
    module: Module, window: Window, kernel: tuple[int, ...], notes: dict[str, str], file: str
) -> LutConv:
    """Return the block of a `Conv`: a tree of `Logic` for each filter."""
    filters = module.child("filters")
    assert filters is not None
    levels: list[list[tuple[Array, Tables]]] = []
    for name in sorted(filters.children, key=lambda text: (len(text), text)):
        tree = filters.child(name)
        tree = None if tree is None else tree.child("tree")
        if tree is None:
            raise ModelError("not a LogicTree", file=file, place=f"{filters.place}.{name}")
        parts = [tree.child(level) for level in tree.children]
        levels.append([_level(part, notes, file) for part in parts if part is not None])
    shapes = {tuple((fanin.shape, len(tables)) for fanin, tables in tree) for tree in levels}
    if len(shapes) != 1 or not levels[0]:
        raise ModelError("filters of unlike trees", file=file, place=module.place)
    if any(not fanin.size for fanin, _ in levels[0]):
        raise ModelError("a tree without gates", file=file, place=module.place)
    fanin, tables = (
        [np.stack([tree[level][i] for tree in levels]) for level in range(len(levels[0]))]
        for i in (0, 1)
    )
    rows = fanin[0]
    if rows.min() < 0 or rows.max() >= window.shape[0] * kernel[0] * kernel[1]:
        raise ModelError("a leaf reads beside the window", file=file, place=module.place)
    leaves = np.stack(np.unravel_index(rows, (window.shape[0], *kernel)), axis=-1).astype(np.int32)
    return LutConv("conv", window, leaves, tuple(fanin[1:]), tuple(tables))


def _level(module: Module, notes: dict[str, str], file: str) -> tuple[Array, Tables]:
    weights = array(module, "weights", file=file)
    fanin = _wiring(module, file)
    if fanin is None:
        raise ModelError("no wiring in a and b", file=file, place=module.place)
    return fanin, gates_from_logits(weights, 1, notes, file=file, place=module.place)


def _wiring(module: Module, file: str) -> Array | None:
    """Return the wiring `[gates, 2]` in the tuple `indices`, or in buffers `a` and `b`."""
    place = module.place
    sides: Any = module.values.get("indices")
    if "a" in module.values or "b" in module.values:
        sides = (module.values.get("a"), module.values.get("b"))
    elif "indices" not in module.values:
        return None
    if not isinstance(sides, tuple | list) or len(sides) != 2:
        raise ModelError("no wiring in indices", file=file, place=place, expected="two tensors")
    for side in sides:
        if not isinstance(side, np.ndarray):
            raise ModelError("no tensor indices", file=file, place=place)
    return index_pairs(*sides, file=file, place=place)

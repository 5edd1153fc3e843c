"""torchlogix's layers on images and volumes, from whole modules: convolution trees and pooling.

`LogicConv{2,3}d` and `LogicConvTranspose{2,3}d` hold, beside plain numbers:

* `tree_weights.{l}`, floats `[nodes, kernels, 16 or 2**rank]`, for level `l` from the leaves;
* `connections._indices_L0`, integers `[rank, kernels, positions, nodes, 1 + axes]`: row, column and
  channel (depth first in volumes) in the zero-padded image, which for transposed ones is spread
  first. Every position repeats the first one's, moved; that is checked here, and stored once;
* `connections._indices_L{l}`, integers `[rank, nodes]`: nodes of the level before.

Pooling is torch's `max_pool`. Bits of an image are numbered as torch's Flatten does.
"""

from __future__ import annotations

import numpy as np

from gatec.blocks_conv import LutConv, Sizes, Window
from gatec.errors import ModelError
from gatec.frontends.files.records import shown
from gatec.frontends.files.tensors import Array
from gatec.frontends.modules import Module, array
from gatec.frontends.options import Parametrization
from gatec.frontends.walk import sizes
from gatec.frontends.weights import tables_from_weights

CONVOLUTIONS = {
    "LogicConv2d": 2,
    "LogicConv3d": 3,
    "LogicConvTranspose2d": 2,
    "LogicConvTranspose3d": 3,
}
POOLS = {"OrPooling2d": 2, "OrPooling3d": 3}


def in_shape(module: Module, *, file: str) -> Sizes:
    """Return `(channels, *sizes)` of the image that a convolution was made for."""
    axes = CONVOLUTIONS[module.name]
    channels = sizes(module, "channels", 1, file=file)
    return channels + sizes(module, "in_dim", axes, file=file)


def convolution(
    module: Module, kind: Parametrization, notes: dict[str, str], *, file: str
) -> LutConv:
    """Return the block of a convolution module; raise `ModelError` where it is not one."""
    window, field = _window(module, file)
    source = module.child("connections") or module
    if source is not module:
        _check_copies(source, window, file)
    indices = _level(source, 0, file)
    shape = (window.positions, 1 + window.axes)
    if indices.ndim != 5 or (indices.shape[2], indices.shape[4]) != shape or not indices.size:
        raise ModelError(
            f"_indices_L0 of shape {list(indices.shape)}",
            file=file,
            place=source.place,
            expected=f"[rank, kernels, {shape[0]}, nodes, {shape[1]}]",
        )
    _check_shared(indices, window, field, file, source.place)
    # The trainer names the channel last.
    leaves = np.roll(indices[:, :, 0], 1, axis=-1).transpose(1, 2, 0, 3)
    rank, kernels = indices.shape[:2]
    tables = [
        _tables(module, level, (rank, kernels, kind), notes, file=file)
        for level in range(_depth(module))
    ]
    children = [_children(source, level, rank, kernels, file) for level in range(1, len(tables))]
    return LutConv("conv", window, leaves, tuple(children), tuple(tables))


def _check_axes(module: Module, axes: int, file: str) -> None:
    """Raise `ModelError` where a layer or its connections have another number of axes.

    The trainer pads as many.
    """
    if module.values.get("conv_dimension", axes) != axes:
        raise ModelError(
            f"conv_dimension is {shown(module.values['conv_dimension'])}",
            file=file,
            place=module.place,
            expected=str(axes),
        )


def _window(module: Module, file: str) -> tuple[Window, Sizes]:
    """Return how a convolution slides, and the size of its receptive field."""
    axes = CONVOLUTIONS[module.name]
    _check_axes(module, axes, file)
    shape = in_shape(module, file=file)
    field = sizes(module, "receptive_field_size", axes, file=file)
    stride = sizes(module, "stride", axes, file=file)
    padding = sizes(module, "padding", axes, least=0, file=file)
    spread, after = (1,) * axes, (0,) * axes
    if "Transpose" in module.name:
        after = sizes(module, "output_padding", axes, least=0, file=file)
        spread, stride = stride, (1,) * axes
        # The trainer takes the first axis' field for the padding of all.
        padding = tuple(field[0] - 1 - p for p in padding)
    out = tuple(
        ((n - 1) * d + 1 + a + 2 * p - f) // s + 1
        for n, d, a, p, f, s in zip(shape[1:], spread, after, padding, field, stride, strict=True)
    )
    window = Window(shape, out, stride, padding, spread)
    try:
        window.check(module.place)
    except ModelError as error:
        raise ModelError(str(error), file=file) from None
    return window, field


def _check_copies(source: Module, window: Window, file: str) -> None:
    """Raise `ModelError` where the connections say of the window other than the layer does."""
    _check_axes(source, window.axes, file)
    copies = {"stride": window.stride, "padding": window.padding, "orig_stride": window.spread}
    for name, value in copies.items():
        if name in source.values:
            found = sizes(source, name, window.axes, least=0, file=file)
            if found != value:
                raise ModelError(
                    f"{name} is {found}",
                    file=file,
                    place=source.place,
                    expected=f"{value}, as of its layer",
                )


def _check_shared(indices: Array, window: Window, field: Sizes, file: str, place: str) -> None:
    """Raise `ModelError` unless all positions read what the first one reads, moved."""
    if indices.dtype.kind not in "iu":
        raise ModelError(
            f"wiring of type {indices.dtype}", file=file, place=place, expected="integers"
        )
    corners = np.indices(window.out).reshape(window.axes, -1, 1)
    limit = (*field, window.shape[0])
    for axis in range(window.axes + 1):
        first = indices[:, :, :1, :, axis]
        if first.min() < 0 or first.max() >= limit[axis]:
            raise ModelError(
                f"a kernel reads {int(first.min())} to {int(first.max())} along axis {axis}",
                file=file,
                place=place,
                expected=f"0 to {limit[axis] - 1}",
            )
        moved = first.astype(np.int64)
        if axis < window.axes:
            moved = moved + corners[axis] * window.stride[axis]
        if not np.array_equal(np.broadcast_to(moved, indices.shape[:-1]), indices[..., axis]):
            raise ModelError(
                "positions do not share one kernel",
                file=file,
                place=place,
                expected="the first position's wiring, moved",
            )


def _level(source: Module, level: int, file: str) -> Array:
    """Return the wiring of one level; older versions keep a plain list of them."""
    listed = source.values.get("indices")
    if isinstance(listed, list | tuple) and level < len(listed):
        value = listed[level]
        if isinstance(value, np.ndarray):
            return value
    return array(source, f"_indices_L{level}", file=file)


def _children(source: Module, level: int, rank: int, kernels: int, file: str) -> Array:
    nodes = _level(source, level, file)
    if nodes.ndim != 2 or len(nodes) != rank or nodes.dtype.kind not in "iu":
        raise ModelError(
            f"_indices_L{level} {nodes.dtype}{list(nodes.shape)}",
            file=file,
            place=source.place,
            expected=f"integers [{rank}, nodes]",
        )
    return np.broadcast_to(nodes.T, (kernels, *nodes.T.shape))


def _depth(module: Module) -> int:
    weights = module.child("tree_weights")
    return 0 if weights is None else sum(name.isdigit() for name in weights.values)


def _tables(
    module: Module,
    level: int,
    form: tuple[int, int, Parametrization],
    notes: dict[str, str],
    *,
    file: str,
) -> Array:
    """Return the tables `[kernels, nodes]` of one level; `form` is rank, kernels and kind."""
    rank, kernels, kind = form
    parent = module.child("tree_weights")
    assert parent is not None
    weights = array(parent, str(level), file=file)
    place = f"{module.place}: tree_weights.{level}"
    if weights.ndim != 3 or weights.shape[1] != kernels or not weights.size:
        raise ModelError(
            f"shape {list(weights.shape)}",
            file=file,
            place=place,
            expected=f"[nodes, {kernels}, 16 or 2**rank]",
        )
    flat = weights.reshape(-1, weights.shape[2])
    found = tables_from_weights(flat, rank, kind, notes, file=file, place=place)
    return found.reshape(weights.shape[:2]).T

"""Cellular nets (DiffLogic CA): one rule of gates for every cell of a grid, applied step by step.

The notebook of google-research/self-organising-systems has no file format. Its `params` and `wires`
in one flat `.npz`, each by number of layer:

=====================  =============================================================================
`grid`                 integers `[channels, height, width]`
`periodic`             0 or 1: whether the grid is a torus, or has zeros around it
`perceive.{l}.params`  floats `[kernels, gates, 16]`, the largest counts; or `perceive.{l}.gates`,
                       numbers `[kernels, gates]`. A kernel sees one channel's 3x3 neighbours, row
                       by row; its wires are those of all kernels
`perceive.{l}.wires`   integers `[2, gates]`: A and B
`update.{l}.params`    floats `[gates, 16]`, or `update.{l}.gates`; the last layer has a gate for
                       each channel
`update.{l}.wires`     integers `[2, gates]`; the first layer reads the cell's channels, then what
                       its kernels say, as `[channel, output, kernel]`
`outputs`              optional integers: channels that are put out; all when absent
=====================  =============================================================================

Gates are numbered as difflogic's. `--steps N` says how often the rule is applied, to all cells at
once: the notebook's random firing of cells is a training aid that no circuit repeats. The circuit
reads the grid before the first step and puts out that after the last, in the order of the channels.
With `--clocked` the grid is in registers, and a step takes a clock cycle.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from gatec import limits
from gatec.blocks_bits import BitBlock, Wires
from gatec.blocks_conv import LutConv, Sizes, Window
from gatec.errors import ModelError
from gatec.frontends.draft import FRONT, Draft, DraftBlock
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.gates import GATE_TABLES
from gatec.frontends.options import ReadOptions
from gatec.frontends.recurrence import Recurrence
from gatec.frontends.weights import most_likely, note_ties
from gatec.frontends.wiring import refuse_wiring
from gatec.tables import Tables

_KEY = re.compile(r"(perceive|update)\.([0-9]{1,3})\.(params|gates|wires)")
_Rule = list[tuple[Tables, Array]]


def matches(content: Content) -> bool:
    """Return whether there is a rule for a grid."""
    return "grid" in content.tensors and "update.0.wires" in content.tensors


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return one step of the grid, which is the state and comes in as the input."""
    file = content.label
    refuse_wiring(options, file=file)
    notes: dict[str, str] = {}
    tensors = content.tensors
    for key in tensors:
        if key not in ("grid", "periodic", "outputs") and _KEY.fullmatch(key) is None:
            raise ModelError("unknown tensor", file=file, place=key, expected="a layer of the rule")
    shape = _grid(tensors, file)
    perceive = _rule(tensors, "perceive", notes, file)
    update = _rule(tensors, "update", notes, file)
    periodic = _flag(tensors, file)
    layers = _Step(shape, perceive, update, periodic, file).layers()
    cells = int(np.prod(shape))
    every = np.arange(cells)
    outputs = tensors.get("outputs")
    shown = every if outputs is None else _outputs(outputs, shape, file)
    recurrence = Recurrence(
        cells, every, shown, np.zeros(cells, np.uint8), every_step=False, from_input=True
    )
    notes["steps"] = "all cells at once"
    return Draft(layers, cells, notes=notes, recurrence=recurrence)


def _grid(tensors: dict[str, Array], file: str) -> Sizes:
    grid = tensors["grid"]
    if grid.shape != (3,) or grid.dtype.kind not in "iu" or not ((grid > 0) & (grid < 4096)).all():
        raise ModelError(
            f"{grid.dtype}{list(grid.shape)}",
            file=file,
            place="grid",
            expected="[channels, height, width], each from 1 to 4095",
        )
    limits.check_limit(int(np.prod(grid)), limits.MAX_GATES, "bits of the grid", file=file)
    return tuple(int(size) for size in grid)


def _flag(tensors: dict[str, Array], file: str) -> bool:
    value = tensors.get("periodic")
    if value is None or value.size != 1 or value.reshape(()).item() not in (0, 1):
        raise ModelError("is missing or no flag", file=file, place="periodic", expected="0 or 1")
    return bool(value.reshape(()).item())


def _rule(tensors: dict[str, Array], part: str, notes: dict[str, str], file: str) -> _Rule:
    """Return tables `[kernels, gates]` and wires `[gates, 2]` of each layer."""
    found: _Rule = []
    while (wires := tensors.get(f"{part}.{len(found)}.wires")) is not None:
        place = f"{part}.{len(found)}"
        if wires.ndim != 2 or len(wires) != 2 or wires.dtype.kind not in "iu" or not wires.size:
            raise ModelError(
                f"wires {wires.dtype}{list(wires.shape)}",
                file=file,
                place=place,
                expected="integers [2, gates]",
            )
        found.append((_tables(tensors, place, part, notes, file), wires.T))
        tables, fanin = found[-1]
        if tables.shape[1] != len(fanin) or len(tables) != len(found[0][0]):
            raise ModelError(
                f"gates {list(tables.shape)} with wires of {len(fanin)}", file=file, place=place
            )
    if not found:
        raise ModelError("no layers", file=file, place=part, expected=f"{part}.0.wires")
    return found


def _tables(
    tensors: dict[str, Array], place: str, part: str, notes: dict[str, str], file: str
) -> Tables:
    params, gates = (tensors.get(f"{place}.{key}") for key in ("params", "gates"))
    if (params is None) == (gates is None):
        raise ModelError("needs either params or gates", file=file, place=place)
    if params is not None:
        if params.ndim < 2 or params.shape[-1] != 16:
            raise ModelError(
                f"params of shape {list(params.shape)}",
                file=file,
                place=place,
                expected="[..., 16]",
            )
        gates, ties = most_likely(params, -1, file=file, place=place)
        if ties:
            note_ties(notes, ties, place)
    assert gates is not None
    axes = 2 if part == "perceive" else 1
    if gates.ndim != axes or gates.dtype.kind not in "iu" or gates.size == 0:
        raise ModelError(
            f"gates {gates.dtype}{list(gates.shape)}",
            file=file,
            place=place,
            expected="integers " + ("[kernels, gates]" if axes == 2 else "[gates]"),
        )
    if gates.min() < 0 or gates.max() > 15:
        raise ModelError("a gate number beyond 0..15", file=file, place=place)
    return GATE_TABLES[gates.astype(np.intp)].reshape(-1, gates.shape[-1])


def _outputs(outputs: Array, shape: Sizes, file: str) -> Array:
    """Return which bits of the grid the channels `outputs` are."""
    if (
        outputs.ndim != 1
        or outputs.dtype.kind not in "iu"
        or outputs.size == 0
        or outputs.min() < 0
        or outputs.max() >= shape[0]
    ):
        raise ModelError(
            "are no channels", file=file, place="outputs", expected=f"numbers 0..{shape[0] - 1}"
        )
    pixels = int(np.prod(shape[1:]))
    return (outputs.astype(np.int64)[:, None] * pixels + np.arange(pixels)).reshape(-1)


class _Step:
    """The blocks of one application of the rule, the same in every step."""

    def __init__(
        self, shape: Sizes, perceive: _Rule, update: _Rule, periodic: bool, file: str
    ) -> None:
        channels, height, width = shape
        self.blocks: list[tuple[str, BitBlock]] = []
        window = Window(shape, shape[1:], (1, 1), (1, 1), (1, 1))
        if periodic:
            rows, columns = (np.arange(-1, size + 1) % size for size in (height, width))
            numbers = np.arange(np.prod(shape)).reshape(shape)[:, rows][:, :, columns]
            torus = Wires("torus", (int(np.prod(shape)),), numbers.reshape(-1).astype(np.int32))
            self.blocks.append(("torus", torus))
            window = Window((channels, height + 2, width + 2), shape[1:], (1, 1), (0, 0), (1, 1))
        self._perceive(perceive, window, file)
        seen = self.blocks[-1][1].out_width
        cell = int(np.prod(shape))
        joined = np.arange(cell + seen, dtype=np.int32)
        # From the grid and what its kernels say; `layers` names the two.
        self.joins = len(self.blocks)
        self.blocks.append(("cells and kernels", Wires("cells", (cell, seen), joined)))
        before = channels + seen // (height * width)
        for level, (tables, fanin) in enumerate(update):
            place = f"update.{level}"
            self.blocks.append(
                (place, _shared(tables[0], fanin, (before, *shape[1:]), file, place))
            )
            before = len(fanin)
        if before != channels:
            raise ModelError(
                f"an update of {before} gates", file=file, place=place, expected=f"{channels}"
            )

    def _perceive(self, rule: _Rule, window: Window, file: str) -> None:
        """Append the kernels: their outputs are channels `[channel, output, kernel]`."""
        channels, kernels = window.shape[0], len(rule[0][0])
        gates = 9
        for level, (tables, fanin) in enumerate(rule):
            place = f"perceive.{level}"
            spread = channels * tables.size * window.positions
            limits.check_limit(spread, limits.MAX_GATES, "gates of the kernels", file=file)
            _check(fanin, gates, file, place)
            # [channel, output, kernel, slot]
            wide = np.broadcast_to(fanin[None, :, None], (channels, len(fanin), kernels, 2))
            own = np.broadcast_to(np.arange(channels)[:, None, None, None], wide.shape)
            if level:
                kernel = np.arange(kernels)[None, None, :, None]
                number = (own * gates + wide) * kernels + kernel
                taps = np.stack([number, np.zeros_like(number), np.zeros_like(number)], axis=-1)
            else:
                taps = np.stack([own, *np.divmod(wide, 3)], axis=-1)
            shared = np.broadcast_to(tables.T[None], (channels, len(fanin), kernels))
            block = LutConv(place, window, taps.reshape(-1, 1, 2, 3).astype(np.int32), (),
                            (shared.reshape(-1, 1),))  # fmt: skip
            self.blocks.append((place, block))
            gates = len(fanin)
            window = Window((block.kernels, *window.out), window.out, (1, 1), (0, 0), (1, 1))

    def layers(self) -> list[DraftBlock]:
        """Return the step's layers."""
        reads = {self.joins: (FRONT, self.joins - 1)}
        return [
            DraftBlock(place, block, reads.get(i)) for i, (place, block) in enumerate(self.blocks)
        ]


def _shared(tables: Tables, fanin: Array, shape: Sizes, file: str, place: str) -> LutConv:
    """Return a layer of gates that is the same in every cell of `(channels, *sizes)`."""
    _check(fanin, shape[0], file, place)
    taps: Any = np.zeros((len(fanin), 1, 2, 3), dtype=np.int32)
    taps[:, 0, :, 0] = fanin
    window = Window(shape, shape[1:], (1, 1), (0, 0), (1, 1))
    return LutConv(place, window, taps, (), (tables[:, None],))


def _check(fanin: Array, width: int, file: str, place: str) -> None:
    if fanin.min() < 0 or fanin.max() >= width:
        raise ModelError(
            f"wires up to {int(fanin.max())}", file=file, place=place, expected=f"0..{width - 1}"
        )

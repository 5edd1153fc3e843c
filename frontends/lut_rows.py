"""Layers of LUTs of any size, from the rows of their tables: wider ones become trees of gates."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gatec import limits
from gatec.blocks_circuit import Circuit
from gatec.errors import ModelError
from gatec.frontends.draft import DraftBlock, DraftLayer
from gatec.frontends.files.tensors import Array
from gatec.netlist import FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import MAX_FANIN, MUX, Tables, expand

MAX_LUT_INPUTS = 16
"""Inputs of one LUT: its table has two to that power of entries."""


def lut_inputs(rows: Array, *, file: str, place: str) -> int:
    """Return how many inputs LUTs have whose tables are `[gates, 2**n]`; raise `ModelError`."""
    columns = rows.shape[1] if rows.ndim == 2 else 0
    n = columns.bit_length() - 1
    if not 1 <= n <= MAX_LUT_INPUTS or columns != 1 << n:
        raise ModelError(
            f"tables of shape {list(rows.shape)}",
            file=file,
            place=place,
            expected=f"[gates, 2**n], n from 1 to {MAX_LUT_INPUTS}",
        )
    return n


def lut_layer(
    place: str, rows: Array, fanin: Array, inputs: int, *, file: str
) -> DraftLayer | DraftBlock:
    """Return a layer of LUTs.

    Parameters
    ----------
    rows
        Booleans `[gates, 2**n]`; slot `j` is bit `j` of the address, the first the *least*
        significant.
    fanin
        Integers `[gates, n]`.
    inputs
        Number of bits that the layer may read.

    Raises `ModelError` at a shape that is none, `LimitError` above the limit on gates.
    """
    n = lut_inputs(rows, file=file, place=place)
    if n <= MAX_FANIN:
        return DraftLayer(place, packed(rows), fanin, len(rows))
    if fanin.shape != (len(rows), n) or fanin.dtype.kind not in "iu" or not len(rows):
        raise ModelError(
            f"wiring {fanin.dtype}{list(fanin.shape)}",
            file=file,
            place=place,
            expected=f"integers [{len(rows)}, {n}]",
        )
    limits.check_limit(inputs, limits.MAX_GATES, "inputs of a layer", file=file)
    if fanin.min() < 0 or fanin.max() >= inputs:
        raise ModelError(
            f"wiring from {fanin.min()} to {fanin.max()}",
            file=file,
            place=place,
            expected=f"0..{inputs - 1}",
        )
    gates = len(rows) << (n - MAX_FANIN + 1)
    limits.check_limit(gates, limits.MAX_GATES, "gates", file=file)
    tree = _Tree(rows, fanin.astype(np.int32) + FIRST_INPUT, FIRST_INPUT + inputs)
    ports = make_ports(("x", inputs))
    net = Netlist("luts", ports, (Port("y", tree.roots),), tree.fanin, tree.tables)
    net.verify()
    return DraftBlock(f"{place}: {len(rows)} LUTs of {n} inputs", Circuit("luts", net))


def packed(rows: Array) -> Tables:
    """Return the expanded tables of booleans `[gates, 2**n]`, n up to 6, first slot lowest."""
    columns = rows.shape[1]
    weights = np.left_shift(np.uint64(1), np.arange(columns, dtype=np.uint64))
    sums = (rows.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)
    return expand(sums, columns.bit_length() - 1)


class _Tree:
    """The gates of wide LUTs: leaves of six inputs, then multiplexers by one input a level."""

    def __init__(self, rows: Array, nets: Array, first_gate: int) -> None:
        count = len(rows)
        leaves = rows.reshape(-1, 1 << MAX_FANIN)
        self._fanin = [np.repeat(nets[:, :MAX_FANIN], len(leaves) // count, axis=0)]
        self._tables = [packed(leaves)]
        own = first_gate + np.arange(len(leaves), dtype=np.int32).reshape(count, -1)
        for slot in range(MAX_FANIN, nets.shape[1]):
            half = own.shape[1] // 2
            level = np.zeros((count * half, MAX_FANIN), dtype=np.int32)
            level[:, 0], level[:, 1] = own[:, 0::2].ravel(), own[:, 1::2].ravel()
            level[:, 2] = np.repeat(nets[:, slot], half)
            self._fanin.append(level)
            self._tables.append(np.full(len(level), MUX))
            start = int(own.max()) + 1
            own = start + np.arange(len(level), dtype=np.int32).reshape(count, half)
        self.roots = own[:, 0]

    @cached_property
    def fanin(self) -> Array:
        """All gates' inputs, `int32[gates, 6]`."""
        return np.concatenate(self._fanin)

    @cached_property
    def tables(self) -> Tables:
        """All gates' tables."""
        return np.concatenate(self._tables)

"""Take adder cells and other gates of three inputs apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.passes.split import without_slot
from gatec.rewire import rewired
from gatec.tables import MAJ3, VARIABLE, XOR2, XOR3, Tables, depends, flip

_NONE, _SUM, _SUM_INVERTED = -1, 8, 9


def unpack(net: Netlist) -> Netlist:
    """Return the netlist in which a mapper may cut through adder cells, multiplexers and the like.

    Parities and majorities of three become two gates: the two inputs that arrive first are
    compared, and the latest passes one gate only. Sum and carry of a cell share the comparison.
    Other gates of three inputs become gates of two. On trained nets that takes a quarter off the
    levels and less than a per cent on the look-up tables.
    """
    return unpacked(net)[0]


def unpacked(net: Netlist) -> tuple[Netlist, IntArray]:
    """Return the same, and the new net that computes each old one, `int32[nets]`."""
    assert net.stage is None, "passes come before pipelining"
    if net.fanin.shape[1] < 3:
        return net, np.arange(net.num_nets, dtype=np.int32)
    reads_three = np.all([depends(net.tables, slot) for slot in range(3)], axis=0)
    others = (net.arity == 3) & reads_three & (_kinds(net.tables) == _NONE)
    net, number = without_slot(net, 2, others)
    kind = _kinds(net.tables)
    rows = np.flatnonzero(kind != _NONE)
    if not len(rows):
        return net, number
    kind = kind[rows]
    nets = net.fanin[rows, :3].astype(np.int64)
    order = np.argsort(net.levels[nets].astype(np.int64) << 32 | nets, axis=1)
    early, other, late = np.take_along_axis(nets, order, axis=1).T
    pairs = np.minimum(early, other) << 32 | np.maximum(early, other)
    _, first, pair = np.unique(pairs, return_index=True, return_inverse=True)
    # Gates by level; comparisons stand in front of the level of the first gate that reads them.
    level = 2 * net.levels[net.first_gate :].astype(np.int64) + 1
    reader = np.full(len(first), np.iinfo(np.int64).max)
    np.minimum.at(reader, pair, level[rows])
    place = np.argsort(np.argsort(np.concatenate([level, reader - 1]), kind="stable"))
    place, compared = place[: net.num_gates], place[net.num_gates :]
    new_net = np.arange(net.num_nets, dtype=np.int32)
    new_net[net.first_gate :] = net.first_gate + place
    tables = np.full(net.num_gates + len(first), XOR2)
    fanin = np.zeros((len(tables), net.fanin.shape[1]), dtype=np.int32)
    tables[place], fanin[place] = net.tables, new_net[net.fanin]
    fanin[compared, :2] = new_net[np.stack([early, other], axis=1)[first]]
    here = place[rows]
    fanin[here] = 0
    fanin[here, 0] = net.first_gate + compared[pair]
    fanin[here, 1] = new_net[late]
    fanin[here, 2] = np.where(kind < _SUM, new_net[early], 0)
    tables[here] = _tables(kind, order)
    return rewired(net, new_net, fanin, tables), new_net[number]


def _kinds(tables: Tables) -> npt.NDArray[np.int64]:
    """Return for each gate which inputs its majority inverts, as bits; `_SUM`s; or `_NONE`."""
    kinds = np.full(len(tables), _NONE)
    kinds[tables == XOR3] = _SUM
    kinds[tables == ~XOR3] = _SUM_INVERTED
    for inverted in range(8):
        table = np.array([MAJ3])
        for slot in range(3):
            if inverted >> slot & 1:
                table = flip(table, slot)
        kinds[tables == table] = inverted
    return kinds


def _tables(kind: npt.NDArray[np.int64], order: npt.NDArray[np.intp]) -> Tables:
    """Return the tables over the comparison, the latest input and the earliest one.

    A majority is that of the earliest where it agrees with the other one, and else the latest's.
    """
    early, other, late = ((kind[:, None] >> order & 1) != 0).T
    agree = np.where(early == other, ~VARIABLE[0], VARIABLE[0])
    first = np.where(early, ~VARIABLE[2], VARIABLE[2])
    last = np.where(late, ~VARIABLE[1], VARIABLE[1])
    carry = agree & first | ~agree & last
    return np.where(kind == _SUM, XOR2, np.where(kind == _SUM_INVERTED, ~XOR2, carry))

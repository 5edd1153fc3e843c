"""Comparisons of numbers with constants, as chains of four-input gates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import CONST0_NET, CONST1_NET
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import Tables, expand

# AT_LEAST[v] is the table of "the number in slots 0 to 3, slot 0 its bit 0, is at least v".
AT_LEAST: Tables = expand(np.array([0xFFFF >> v << v for v in range(17)], dtype=np.uint64), fanin=4)
AT_LEAST.setflags(write=False)


def lower_at_least(
    builder: NetlistBuilder, planes: IntArray, levels: npt.NDArray[np.integer]
) -> IntArray:
    """Return the nets of `number >= level`, shape `[numbers, levels]`.

    Parameters
    ----------
    planes
        `int32[numbers, bits]` nets, bit 0 first.
    levels
        `[numbers, levels]`: below 1 is always reached, `2**bits` and above never.

    The lowest four bits are compared in one gate. Each next gate sees whether the bits below reach
    the level's, and three more bits: they must be greater, or equal and those below must reach.
    """
    bits = planes.shape[1]
    at_least = _compare(builder, planes[:, None, :4], levels & 15)
    for low in range(4, bits, 3):
        more = planes[:, None, low : low + 3]
        fanin = [at_least[:, :, None], np.broadcast_to(more, (*levels.shape, more.shape[2]))]
        wanted = 2 * (levels >> low & 7) + 1
        at_least = _compare(builder, np.concatenate(fanin, axis=2), wanted)
    at_least[levels >= 1 << bits] = CONST0_NET
    at_least[levels < 1] = CONST1_NET
    return at_least


def _compare(builder: NetlistBuilder, fanin: IntArray, levels: npt.NDArray[np.integer]) -> IntArray:
    """Add one gate for each level, over `fanin` (`[numbers, 1 or levels, up to 4]`)."""
    size = fanin.shape[2]
    wide = np.broadcast_to(fanin, (*levels.shape, size))
    tables = expand(AT_LEAST[np.minimum(levels, 1 << size)], size)
    return builder.add(tables.reshape(-1), wide.reshape(-1, size)).reshape(levels.shape)

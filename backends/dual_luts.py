"""Two functions in one look-up table: the LUT6 with two outputs of AMD's fabrics.

Such a cell holds two functions that together read at most five nets. Only gates of one stage that
are equally deep in it are paired: a pair waits for what either reads, so pairs across levels could
wait for each other.

Pairs are edges of a graph, and the most of them that share no gate are a maximum matching. The
search takes the gate with the fewest partners left and gives it that one of them that has the
fewest (Karp and Sipser, Maximum matching in sparse random graphs, FOCS 1981):
`tests/bench/dual_luts.py` compares it with the plain greedy choice and with the maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import islice

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import FIRST_INPUT, Netlist
from gatec.tables import depends

# What both functions may read together.
DUAL_INPUTS = 5
# Of the readers of one net, so many next ones are looked at: a clock-like net has thousands.
_READERS = 64
ALONE = -1

Edges = list[tuple[int, int]]
Matcher = Callable[[Edges], Edges]


def pair_gates(net: Netlist, match: Matcher | None = None) -> IntArray:
    """Return `int32[gates]`: the gate that shares each gate's table, or `ALONE`.

    Parameters
    ----------
    net
        With stages.
    match
        Chooses edges without a common gate; `match_fewest_first` when None.
    """
    chosen = (match or match_fewest_first)(candidates(net))
    partner = np.full(net.num_gates, ALONE, dtype=np.int32)
    for a, b in chosen:
        partner[a], partner[b] = b, a
    return partner


def text_order(net: Netlist, partner: IntArray | None) -> npt.NDArray[np.int64]:
    """Return the gates stage by stage, in a topological order that has pairs side by side.

    Without pairs that is the netlist's own order.
    """
    assert net.stage is not None
    if partner is None:
        return np.argsort(net.stage, kind="stable")
    own = np.arange(net.num_gates)
    first = np.where(partner == ALONE, own, np.minimum(own, partner))
    return np.lexsort((own, first, local_levels(net), net.stage))


def count_cells(partner: IntArray) -> int:
    """Return the number of look-up tables with pairs in one."""
    return len(partner) - int((partner != ALONE).sum()) // 2


def local_levels(net: Netlist) -> npt.NDArray[np.int64]:
    """Return `int64[gates]`: gates on the longest path inside the stage up to each gate."""
    assert net.stage is not None
    stage = np.concatenate([np.full(net.first_gate, -1), net.stage])
    level = np.zeros(net.num_nets, dtype=np.int64)
    for start, stop in net.blocks:
        fanin = net.fanin[start:stop]
        inside = stage[fanin] == net.stage[start:stop, None]
        above = np.where(inside, level[fanin], 0).max(axis=1, initial=0)
        level[net.first_gate + start : net.first_gate + stop] = above + 1
    return level[net.first_gate :]


def candidates(net: Netlist) -> Edges:
    """Return the pairs of gates that fit one table and share a net, each once, ascending."""
    assert net.stage is not None
    place = np.stack([net.stage, local_levels(net)], axis=1).tolist()
    reads = supports(net)
    readers: dict[int, list[int]] = {}
    for gate, nets in enumerate(reads):
        if len(nets) <= DUAL_INPUTS:
            for one in nets:
                readers.setdefault(one, []).append(gate)
    found = {
        (a, b)
        for gates in readers.values()
        for at, a in enumerate(gates)
        for b in islice(gates, at + 1, at + 1 + _READERS)
        if place[a] == place[b] and len(reads[a] | reads[b]) <= DUAL_INPUTS
    }
    return sorted(found)


def match_fewest_first(edges: Edges) -> Edges:
    """Return edges without a common gate: those first whose gates have the fewest partners."""
    left = _neighbours(edges)
    queue = [(len(near), gate) for gate, near in left.items()]
    heapify(queue)
    chosen = []
    while queue:
        degree, gate = heappop(queue)
        # An entry is stale when the gate is gone or has lost partners since.
        if gate not in left or len(left[gate]) != degree:
            continue
        if not degree:
            del left[gate]
            continue
        other = min(left[gate], key=lambda near: (len(left[near]), near))
        chosen.append((gate, other))
        for taken in (gate, other):
            for near in left.pop(taken):
                if near in left:
                    left[near].discard(taken)
                    heappush(queue, (len(left[near]), near))
    return chosen


def _neighbours(edges: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    near: dict[int, set[int]] = {}
    for a, b in edges:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    return near


def supports(net: Netlist) -> list[frozenset[int]]:
    """Return the nets that each gate's table depends on, constants left out."""
    used = np.stack([depends(net.tables, slot) for slot in range(net.fanin.shape[1])], axis=1)
    rows = np.where(used, net.fanin, 0).tolist()
    return [frozenset(one for one in row if one >= FIRST_INPUT) for row in rows]

"""Choose which bits of a class share an adder cell, so that its tables absorb their gates.

A full adder is two tables of three inputs. On tables of four inputs, one of its three bits can be a
gate of two inputs for nothing, two can if they share an input, and three if they read four nets in
all. So bits whose tables share inputs go into one adder, and equal bits and constants, too.

Single bits go to carry chains as they are, or inverted, as the chain wants. A bit that is needed as
both takes a table more: see `gatec.heads.polarity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.heads.polarity import Polarities, Signal, signals_of
from gatec.netlist import CONST1_NET, Netlist
from gatec.tables import depends

_TABLE_INPUTS = 4


@dataclass(frozen=True)
class _Bits:
    """The bits of one class.

    Attributes
    ----------
    nets
        The net of each bit.
    reads
        The nets that each bit's table reads; of a bit that is no gate, its own.
    free
        The bits that an adder may absorb: tables of two inputs that nothing else reads.
    signals
        What each bit is up to a complement.
    """

    nets: list[int]
    reads: list[frozenset[int]]
    free: set[int]
    signals: list[Signal]

    @cached_property
    def _readers(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for bit in self.free:
            for net in self.reads[bit]:
                found.setdefault(net, set()).add(bit)
        return found

    def near(self, bit: int, among: set[int]) -> set[int]:
        """Return the free bits of `among` that share an input with `bit`."""
        sharing = set().union(*(self._readers.get(net, set()) for net in self.reads[bit]))
        return (sharing & among) - {bit}


def group_bits(
    mapped: Netlist,
    classes: int,
    leaves: Sequence[int],
    seed: int = 0,
    *,
    inverted: Sequence[bool] = (),
) -> npt.NDArray[np.int64]:
    """Return the order in which the leaves of a head take the bits of each class.

    Parameters
    ----------
    mapped
        The bits in tables of up to four inputs: its outputs, class by class.
    classes
        How many classes.
    leaves
        How many bits each leaf takes: 1, 2 or 3.
    seed
        Where bits look alike, 0 takes them in order and any other seed in an order of its own.
    inverted
        Of each leaf, whether a chain wants it inverted; by default none is.

    Returns
    -------
    numpy.ndarray
        `int64[classes, group]`.
    """
    outputs = mapped.output_nets.reshape(classes, -1)
    readers = np.bincount(mapped.fanin.ravel(), minlength=mapped.num_nets)
    readers += np.bincount(mapped.output_nets, minlength=mapped.num_nets)
    rng = np.random.default_rng(seed) if seed else None
    signals = signals_of(mapped)
    wanted = inverted or [False] * len(leaves)
    singles = [wanted[leaf] for leaf, size in enumerate(leaves) if size == 1]
    chains = Polarities(mapped, signals, singles)
    orders = []
    for nets in outputs:
        own, signals = signals[: len(nets)], signals[len(nets) :]
        orders.append(_order(_bits(mapped, nets, own, readers), leaves, chains, rng))
    return np.array(orders)


def _bits(
    mapped: Netlist, nets: IntArray, signals: list[Signal], readers: npt.NDArray[np.int64]
) -> _Bits:
    reads, free = [], set()
    width = mapped.fanin.shape[1]
    for bit, net in enumerate(nets.tolist()):
        gate = net - mapped.first_gate
        if gate < 0:
            reads.append(frozenset((net,)))
            continue
        table = mapped.tables[gate : gate + 1]
        slots = [slot for slot in range(width) if depends(table, slot)[0]]
        reads.append(frozenset(mapped.fanin[gate, slots].tolist()))
        if len(reads[-1]) <= 2 and readers[net] == 1:
            free.add(bit)
    return _Bits(nets.tolist(), reads, free, signals)


def _order(
    bits: _Bits, leaves: Sequence[int], chains: Polarities, rng: np.random.Generator | None
) -> list[int]:
    """Return the bits in the order of the leaves."""
    count = sum(size == 3 for size in leaves)
    left = set(range(len(bits.reads)))
    twins = _twins(bits, left, count)
    constants = _constants(bits, left, count - len(twins))
    full = _threes(bits, left, count - len(twins) - len(constants))
    pairs = _pairs(bits, left, count - len(twins) - len(constants) - len(full))
    left -= {bit for pair in pairs for bit in pair}
    free = sorted(left & bits.free, reverse=True)
    others = sorted(left - bits.free, reverse=True)
    if rng is not None:
        rng.shuffle(free)
        rng.shuffle(others)
    # Single bits come from the ends of these.
    free.sort(key=lambda bit: chains.is_free(bits.signals[bit]))
    others.sort(key=lambda bit: chains.is_free(bits.signals[bit]))

    def take(first: list[int], second: list[int]) -> int:
        return (first or second).pop()

    # Single bits are not absorbed, so they come from those that cannot be; half adders absorb two.
    groups: dict[int, list[list[int]]] = {1: [], 2: [], 3: full}
    groups[3] += [[*pair, take(others, free)] for pair in twins]
    groups[3] += [[one, take(free, others), take(free, others)] for one in constants]
    singles = [take(others, free) for size in leaves if size == 1]
    groups[1] = [[bit] for bit in chains.place(singles, bits.signals)]
    groups[3] += [[*pair, take(others, free)] for pair in pairs]
    groups[2] = [[take(free, others), take(free, others)] for size in leaves if size == 2]
    while len(groups[3]) < count:
        groups[3].append([take(free, others), take(others, free), take(others, free)])
    turn = {size: iter(found) for size, found in groups.items()}
    return [bit for size in leaves for bit in next(turn[size])]


def _twins(bits: _Bits, left: set[int], most: int) -> list[tuple[int, int]]:
    """Take pairs of equal bits: twice a bit and a third need no table, they are sum and carry."""
    alone: dict[int, int] = {}
    found: list[tuple[int, int]] = []
    for bit in sorted(left):
        net = bits.nets[bit]
        if net <= CONST1_NET or len(found) == most:
            continue
        if net in alone:
            found.append((alone.pop(net), bit))
        else:
            alone[net] = bit
    left -= {bit for pair in found for bit in pair}
    return found


def _constants(bits: _Bits, left: set[int], most: int) -> list[int]:
    """Take constant bits: with one, a full adder is a half adder, which absorbs two gates."""
    found = [bit for bit in sorted(left) if bits.nets[bit] <= CONST1_NET][:most]
    left -= set(found)
    return found


def _threes(bits: _Bits, left: set[int], most: int) -> list[list[int]]:
    """Take bits in threes that read four nets in all, bits with few neighbours first."""
    found: list[list[int]] = []
    free = left & bits.free
    neighbours = {bit: bits.near(bit, free) for bit in free}
    for bit in sorted(free, key=lambda b: (len(neighbours[b]), b)):
        if len(found) == most:
            break
        if bit not in left:
            continue
        best: tuple[int, int, int] | None = None
        for second in neighbours[bit]:
            for third in {*neighbours[bit], *neighbours[second]} - {bit, second}:
                reads = len(bits.reads[bit] | bits.reads[second] | bits.reads[third])
                if second in left and third in left and reads <= _TABLE_INPUTS:
                    best = min(best or (reads, second, third), (reads, second, third))
        if best is not None:
            found.append([bit, *best[1:]])
            left -= set(found[-1])
    return found


def _pairs(bits: _Bits, left: set[int], most: int) -> list[tuple[int, int]]:
    """Return as many pairs of bits that read three nets together as there can be, up to `most`."""
    # Imported here: it takes a tenth of what a compile without it spends on imports.
    import networkx as nx

    graph = nx.Graph()
    free = left & bits.free
    for bit in sorted(free):
        for other in sorted(bits.near(bit, free)):
            if other > bit and len(bits.reads[bit] | bits.reads[other]) < _TABLE_INPUTS:
                graph.add_edge(bit, other)
    matching = nx.max_weight_matching(graph, maxcardinality=True)
    return sorted((min(pair), max(pair)) for pair in matching)[:most]

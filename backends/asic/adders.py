"""Adder cells in a netlist: found again, and written so that mappers keep what they share.

A full adder is two gates on the same three nets: a sum (exclusive or) and a carry (majority), up to
inversions, which earlier passes absorb. As two covers of three inputs, ABC factors them apart and
never finds what they share; on the 800x4 net and sg13g2 that costs 9 % of the area (48,736 against
44,361 square micrometres, both `dch; amap`). So they are written as an exclusive or `x` of two of
the nets, `x ^ c`, and a multiplexer `x ? c : a`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import numpy as np

from gatec.netlist import Netlist
from gatec.rewire import rewired
from gatec.tables import MAJ3, VARIABLE, XOR2, XOR3, depends, flip

_ALL = (1 << 64) - 1
_X, _C, _A = (int(variable) for variable in VARIABLE[:3])


@dataclass(frozen=True)
class Adder:
    """A full or a half adder in a netlist.

    Attributes
    ----------
    nets
        Its two or three inputs.
    total, carry
        The gates, counted from the first.
    inverted
        For each input whether the carry reads its complement.
    total_inverted, carry_inverted
        Whether the gate is the complement of the sum of `nets` as they are, and of the carry of
        the inputs with `inverted`.
    """

    nets: tuple[int, ...]
    total: int
    carry: int
    inverted: tuple[bool, ...]
    total_inverted: bool
    carry_inverted: bool


@cache
def carry_forms(inputs: int) -> dict[int, tuple[tuple[bool, ...], bool]]:
    """Return, by table, how majority (or AND of two) is inverted at inputs and output.

    Of the ways to write a function the one with the fewest inverters counts.
    """
    plain = np.array([MAJ3 if inputs == 3 else VARIABLE[0] & VARIABLE[1]], dtype=np.uint64)
    found: dict[int, tuple[tuple[bool, ...], bool]] = {}
    masks = sorted(range(1 << inputs), key=int.bit_count)
    for mask in masks:
        table = plain
        for slot in range(inputs):
            if mask >> slot & 1:
                table = flip(table, slot)
        flips = tuple(bool(mask >> slot & 1) for slot in range(inputs))
        for inverted in (False, True):
            value = int(table[0]) ^ (_ALL if inverted else 0)
            found.setdefault(value, (flips, inverted))
    return found


def find_adders(net: Netlist, inputs: int) -> list[Adder]:
    """Return the full (3 inputs) or half adders (2), each gate in one at most, in gate order."""
    xor = int(XOR3 if inputs == 3 else XOR2)
    on_nets: dict[tuple[int, ...], list[tuple[int, int]]] = defaultdict(list)
    width = net.fanin.shape[1]
    used = np.array([depends(net.tables, slot) for slot in range(width)]).T.reshape(-1, width)
    for gate in np.flatnonzero(used.sum(axis=1) == inputs).tolist():
        slots = np.flatnonzero(used[gate]).tolist()
        nets = [int(net.fanin[gate, slot]) for slot in slots]
        if len(set(nets)) < inputs or min(nets) < 2:
            continue
        order = sorted(range(inputs), key=nets.__getitem__)
        table = _permuted(int(net.tables[gate]), [slots[row] for row in order])
        on_nets[tuple(sorted(nets))].append((gate, table))
    adders = []
    carries = carry_forms(inputs)
    for nets_of, gates in on_nets.items():
        totals = [(gate, table) for gate, table in gates if table in (xor, _ALL ^ xor)]
        others = [(gate, table) for gate, table in gates if table in carries]
        for (total, table), (carry, majority) in zip(totals, others, strict=False):
            flips, inverted = carries[majority]
            adders.append(Adder(nets_of, total, carry, flips, table != xor, inverted))
    return sorted(adders, key=lambda adder: adder.total)


def _permuted(table: int, slots: list[int]) -> int:
    """Return the expanded table of which slot j is slot `slots[j]` of the given one."""
    small = 0
    for address in range(1 << len(slots)):
        source = sum(1 << slot for j, slot in enumerate(slots) if address >> j & 1)
        small |= (table >> source & 1) << address
    bits = 1 << len(slots)
    while bits < 64:
        small |= small << bits
        bits *= 2
    return small


def split_adders(net: Netlist) -> Netlist:
    """Return the netlist with each full adder as two exclusive ors and a multiplexer.

    The exclusive or is of the two inputs of the lowest level: the third, such as the carry of a
    chain, then has the shortest way.
    """
    adders = find_adders(net, 3)
    if not adders:
        return net
    level = net.levels
    # The exclusive or stands where the first of the adder's two gates stood.
    first = {min(adder.total, adder.carry): adder for adder in adders}
    gates = np.ones(net.num_gates, dtype=np.int64)
    gates[list(first)] = 2
    end = np.cumsum(gates) - 1
    new_net = np.concatenate([np.arange(net.first_gate), net.first_gate + end]).astype(np.int32)
    width = max(3, net.fanin.shape[1])
    fanin = np.zeros((int(gates.sum()), width), dtype=np.int32)
    tables = np.zeros(len(fanin), dtype=np.uint64)
    fanin[end, : net.fanin.shape[1]] = new_net[net.fanin]
    tables[end] = net.tables
    for adder in adders:
        a, b, c = sorted(range(3), key=lambda row: (level[adder.nets[row]], row))
        at = end[min(adder.total, adder.carry)] - 1
        nets = new_net[list(adder.nets)]
        tables[at] = XOR2
        fanin[at, :2] = nets[a], nets[b]
        own = net.first_gate + at
        fanin[end[adder.total]] = 0
        fanin[end[adder.total], :2] = own, nets[c]
        tables[end[adder.total]] = _signed(_X ^ _C, adder.total_inverted)
        # Different a and b (their complements, where they are read so): the carry is c.
        fanin[end[adder.carry]] = 0
        fanin[end[adder.carry], :3] = own, nets[c], nets[a]
        select = _signed(_X, adder.inverted[a] != adder.inverted[b])
        through, same = _signed(_C, adder.inverted[c]), _signed(_A, adder.inverted[a])
        carry = (select & through) | (~select & _ALL & same)
        tables[end[adder.carry]] = _signed(carry, adder.carry_inverted)
    return rewired(net, new_net, fanin, tables)


def _signed(table: int, inverted: bool) -> int:
    return table ^ (_ALL if inverted else 0)

"""Words of a core in latches, where clock gates give each its own clock.

A clock gate's clock is high in the first half of the cycle after the one that enabled it. A latch
that is open then, and whose data come from a flip-flop on the clock itself, has at the end of that
cycle what a register with that enable would have taken at its beginning. So one flip-flop for each
bit of a word, which takes the input in every cycle, and a latch for each bit in place of a larger
flip-flop. The data may come from another such latch, too: what it has at the end of the cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatec.backends.asic.flip_flops import Register, choose_latch, choose_register
from gatec.backends.asic.machine import Machine
from gatec.liberty.load import Library


@dataclass(frozen=True)
class Latches:
    """Which registers become latches.

    Attributes
    ----------
    cell
        The latch, its enable as the clock.
    sources
        By row of the register: the net of the machine's input or register that it takes.
    captured
        The inputs among these nets, each of which gets a flip-flop.
    """

    cell: Register
    sources: Mapping[int, int]
    captured: tuple[int, ...]


def choose_latches(machine: Machine, library: Library) -> Latches | None:
    """Return the registers that latches replace, where that is smaller; None where it is not."""
    latch, net = choose_latch(library), machine.netlist
    if latch is None or not machine.groups:
        return None
    gated = {row: int(net.register_d[row]) for row, g in enumerate(machine.groups) if g >= 0}
    sources = {row: d for row, d in gated.items() if net.first_input <= d < net.first_register}
    captured = tuple(sorted(set(sources.values())))
    for row, d in gated.items():
        before = d - net.first_register
        # Through two latches of one enable a bit would run in one cycle.
        if before in sources and before != row and machine.groups[before] != machine.groups[row]:
            sources.setdefault(row, d)
    flip_flop = choose_register(library).cell.area
    if len(sources) * (flip_flop - latch.cell.area) <= len(captured) * flip_flop:
        return None
    return Latches(latch, sources, captured)

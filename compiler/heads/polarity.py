"""Which bits go to carry chains as they are, and which inverted.

A chain takes two numbers and a third bit as they come: it can invert neither. Chains of one height
want true bits and those of the next inverted ones (`gatec.heads.carry`), so the same signal, where
it is a bit of several classes or of one in both polarities, may be needed as both, and an input
inverted. Each of these costs a table. Adders among the gates take either. So single bits are those
that come in either polarity for the same, and the others stand where a chain wants what is there:
of 459 logic cells of gates and class sums in difflogic's 200x4 net that saves 4, of 1,908 in 800x4
18 (by the choice of bits alone 2 and 18), of 23,537 in a net of 48,000 gates at least 133.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gatec.netlist import Netlist
from gatec.tables import MAX_FANIN, depends

_ALL = (1 << (1 << MAX_FANIN)) - 1


class Signal(NamedTuple):
    """A net up to a complement: the first net that is it or its complement, and which it is."""

    root: int
    complement: bool


def signals_of(mapped: Netlist) -> list[Signal]:
    """Return what each output is; equal gates are told by their fan-in and tables."""
    alike: dict[tuple[bytes, int], Signal] = {}
    found = {}
    for net in np.unique(mapped.output_nets).tolist():
        gate = net - mapped.first_gate
        found[net] = Signal(net, complement=False)
        if gate < 0:
            continue
        fanin, table = mapped.fanin[gate], mapped.tables[gate]
        reads = [slot for slot in range(len(fanin)) if depends(table[None], slot)[0]]
        if len(reads) == 1:
            # A gate of one input that is left inverts it.
            found[net] = Signal(int(fanin[reads[0]]), complement=bool(table & np.uint64(1)))
            continue
        first = alike.setdefault((fanin.tobytes(), int(table)), found[net])
        alike.setdefault((fanin.tobytes(), _ALL - int(table)), Signal(net, complement=True))
        found[net] = first
    return [found[net] for net in mapped.output_nets.tolist()]


class Polarities:
    """The polarities in which signals stand on chains so far.

    Parameters
    ----------
    mapped
        The bits, class by class, as its outputs.
    signals
        What each is.
    inverted
        Of each bit that goes to a chain by itself, whether it is wanted inverted.
    """

    def __init__(
        self, mapped: Netlist, signals: Sequence[Signal], inverted: Sequence[bool]
    ) -> None:
        self._inverted = inverted
        self._first_gate = mapped.first_gate
        roots = np.array([signal.root for signal in signals])
        self._often = np.bincount(roots, minlength=mapped.num_nets) > 1
        self._held: dict[int, bool] = {}

    def is_free(self, signal: Signal) -> bool:
        """Return whether a bit can be had in either polarity for the same."""
        return signal.root >= self._first_gate and not self._often[signal.root]

    def _wants(self, signal: Signal) -> bool | None:
        """Return whether it should be an inverted bit; None where that is free so far."""
        if signal.root < self._first_gate:
            return signal.complement
        held = self._held.get(signal.root)
        return None if held is None else held != signal.complement

    def place(self, singles: Sequence[int], signals: Sequence[Signal]) -> list[int]:
        """Return the single bits of a class in an order of few that are needed in both polarities.

        Parameters
        ----------
        singles
            Numbers of bits.
        signals
            What the bits of the class are.
        """
        places = {
            side: [at for at, wanted in enumerate(self._inverted) if wanted == side]
            for side in (False, True)
        }
        found = dict[int, int]()
        ranked = sorted(singles, key=lambda bit: self._wants(signals[bit]) is None)
        for bit in ranked:
            side = self._wants(signals[bit])
            if side is None or not places[side]:
                side = len(places[True]) > len(places[False])
            found[places[side].pop()] = bit
            self._held.setdefault(signals[bit].root, side != signals[bit].complement)
        return [found[at] for at in range(len(singles))]

"""Take a netlist apart at its cuts, one after the other; `connected` puts it together again.

Where layers of wide neurons follow each other, what lies between two cuts is a netlist of its own:
it is optimised, mapped and proved by itself, and no gate of one segment is read in another.
"""

from __future__ import annotations

import numpy as np

from gatec.cone import OpenConeError, cone
from gatec.netlist import Netlist


def take_apart(net: Netlist) -> list[Netlist] | None:
    """Return what computes the first cut from the inputs, each next from the one before, and at
    last the outputs; None when something reads past a cut.

    Each has one input port `x` and one output port `y`, in the order of the cuts' bits.
    """
    inputs = np.arange(net.first_input, net.first_register, dtype=np.int32)
    ends = [inputs, *(port.nets for port in net.cuts), net.output_nets]
    try:
        return [cone(net, ends[i], ends[i + 1]) for i in range(len(ends) - 1)]
    except OpenConeError:
        return None

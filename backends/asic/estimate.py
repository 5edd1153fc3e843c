"""About what area a netlist takes in cells, without mapping it: to choose between circuits."""

from __future__ import annotations

import numpy as np

from gatec.backends.asic.boxes import adder_cell
from gatec.backends.asic.flip_flops import choose_register
from gatec.liberty.functions import ALL
from gatec.liberty.load import Library
from gatec.netlist import Netlist
from gatec.stages import register_bits
from gatec.tables import AND2, MAJ3, MUX, XOR2, XOR3

# Of the area of an AND, what a gate of two inputs takes on the trained nets, since one complex cell
# replaces several. AND-ORs take less: what has many of them comes out too large.
_KEPT = 0.72


def estimated_area(net: Netlist, held: int, library: Library, *, gated: bool) -> float:
    """Return the estimate for a netlist with stages.

    Parameters
    ----------
    held
        Bits beside stages and state that keep their value until they are written, such as those of
        the input register.
    gated
        Whether their clock stops for that.
    """
    full, gates = adder_cell(library, 3), 0.0
    xor, both = _area(library, int(XOR2), 2), _area(library, int(AND2), 2)
    adders = int((net.tables == MAJ3).sum())
    exclusive = int((net.tables == XOR3).sum())
    if full is None:
        # A carry is a multiplexer by one of the two gates of the sum.
        gates = adders * _area(library, int(MUX), 3) + exclusive * 2 * xor
    else:
        gates = max(adders, exclusive) * full.cell.area
    two = np.isin(net.tables, [XOR2, ~XOR2])
    chosen = net.tables == MUX
    others = net.num_gates - adders - exclusive - int(two.sum()) - int(chosen.sum())
    gates += two.sum() * xor + chosen.sum() * _area(library, int(MUX), 3) + _KEPT * others * both
    flip_flop = choose_register(library).cell.area
    keeps = 0.0 if gated else _area(library, int(MUX), 3)
    return float(gates + register_bits(net) * flip_flop + held * (flip_flop + keeps))


def _area(library: Library, table: int, inputs: int) -> float:
    """Return the area of a function's cell, else that of the largest of so many inputs."""
    found = library.find(table, inputs) or library.find(ALL ^ table, inputs)
    if found is not None:
        return found.area
    sizes = [cell.area for cell in library.gates() if len(cell.inputs) <= inputs]
    return max(sizes)

"""What a pipelined netlist keeps in flip-flops: the nets that cross each stage boundary.

A net is born in the stage of its gate (inputs: stage 0) and held in the register ranks after its
own stage up to the one before the last stage that reads it. Outputs are held up to the rank after
the last stage, from which they leave. Constants need no flip-flop, and what a block RAM reads is
held by itself at the boundary in front of it. Phase and state of a sequence (`gatec.unroll`) are
born in its stage; the state's flip-flops are beside those of the ranks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.chains import count_cells
from gatec.netlist import CONST1_NET, Netlist
from gatec.roms import rom_gates


def live_nets(net: Netlist) -> list[IntArray]:
    """Return the nets that each register rank holds, ascending; entry `s` is that after stage `s`.

    The list has `num_stages` entries; the last holds the output nets. Constants are left out.
    """
    birth, death = _lifetimes(net)
    held = np.flatnonzero(death > birth)
    return [
        held[(birth[held] <= stage) & (stage < death[held])].astype(np.int32)
        for stage in range(net.num_stages)
    ]


def register_bits(net: Netlist) -> int:
    """Return the number of flip-flops that the pipeline needs, those of a state included."""
    birth, death = _lifetimes(net)
    return int((death - birth).sum()) + net.num_registers


def sequence_stage(net: Netlist) -> int:
    """Return the one stage in which gates compute the next state."""
    assert net.stage is not None, "a netlist without pipeline stages"
    driven = net.register_d[net.register_d >= net.first_gate] - net.first_gate
    (stage,) = np.unique(net.stage[driven])
    return int(stage)


def _late(net: Netlist) -> npt.NDArray[np.bool_]:
    """Return `bool[nets]`: phase and state of a sequence."""
    late = np.zeros(net.num_nets, dtype=bool)
    if net.num_registers:
        late[net.inputs[0].nets[-1] + 1 : net.first_gate] = True
    return late


def packed_cells(net: Netlist) -> int:
    """Return the number of logic cells with the pipeline's flip-flops.

    A flip-flop shares the cell of the LUT in front of it when nothing else reads the LUT.
    """
    assert net.stage is not None, "a netlist without pipeline stages"
    birth, death = _lifetimes(net)
    shares = death > birth
    shares[net.register_d] = True
    shares[: net.first_gate] = False
    shares[net.first_gate :] &= ~rom_gates(net)
    needed = net.stage - rom_gates(net)
    for column in net.fanin.T:
        shares[column[birth[column] == needed]] = False
    held = int((death - birth).sum()) + net.num_registers
    return count_cells(net) + held - int(shares.sum())


def apart_cells(net: Netlist) -> float:
    """Return about what a netlist with stages takes where flip-flops need no table.

    There are as many as tables, so most are free; what they take is place and wires, put at a
    quarter of a table.
    """
    return count_cells(net) + register_bits(net) / 4


def _lifetimes(net: Netlist) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return each net's first and last stage, equal for a net that needs no flip-flop."""
    assert net.stage is not None, "a netlist without pipeline stages"
    birth = np.zeros(net.num_nets, dtype=np.int64)
    birth[net.first_gate :] = net.stage
    if net.num_registers:
        birth[_late(net)] = sequence_stage(net)
    death = birth.copy()
    needed = net.stage - rom_gates(net)
    for column in net.fanin.T:
        np.maximum.at(death, column, needed)
    death[net.output_nets] = net.num_stages
    death[: CONST1_NET + 1] = 0
    return birth, death

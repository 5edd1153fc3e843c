"""The combinational bodies of the pipeline stages, as structural Verilog that gatec writes itself.

One module for each stage, with ports `i` (the nets that the rank in front holds) and `o` (the nets
that the rank behind holds). Inside, a net has the same name in every stage: `x7` is bit 7 of the
input vector, `n12` the output of gate 12 of the netlist. The stage of a sequence reads phase and
state too, behind its rank, and puts out the next state, behind the next rank. Gates follow each
other in topological order, one a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.backends.body_dual import write_dual
from gatec.backends.dual_luts import text_order
from gatec.backends.expressions import expression
from gatec.backends.rom import WrittenRoms
from gatec.blocks import IntArray
from gatec.devices.fabrics import LUT_CELLS, STYLE_FANIN, LutCell, Style
from gatec.errors import LimitError
from gatec.netlist import CONST0_NET, FIRST_INPUT, Netlist, NetlistError
from gatec.roms import rom_gates
from gatec.stages import sequence_stage
from gatec.tables import depends

# Amaranth numbers the bits of a cell's ports with 16 bits, two codes of which are constants.
MAX_PORT_BITS = 65_534

Names = npt.NDArray[np.object_]

# Its inputs I0 and I1 are those that the LUT of its logic cell calls I1 and I2.
_CARRY_LINE = "  wire %s; SB_CARRY c%d (.CO(%s), .I0(%s), .I1(%s), .CI(%s));\n"


@dataclass(frozen=True)
class Stage:
    """One written stage.

    Attributes
    ----------
    name
        The module's name.
    inputs, outputs
        Widths of the port `i` and of the rank behind, which is the port `o` but for the next state.
    text
        The module.
    nets
        The net of each bit of `i`.
    """

    name: str
    inputs: int
    outputs: int
    text: str
    nets: IntArray


def write_stages(
    net: Netlist,
    ranks: Sequence[IntArray],
    *,
    top: str,
    style: Style,
    partner: IntArray | None = None,
    roms: WrittenRoms | None = None,
) -> list[Stage]:
    """Write the stages of a mapped netlist.

    Parameters
    ----------
    net
        A netlist with `stage` set.
    ranks
        The nets that the register rank behind each stage holds (`gatec.stages.live_nets`). An
        empty rank is written as one constant bit.
    top
        Prefix of the modules' names.
    style
        `generic` writes one Boolean expression for each gate, the others one primitive.
    partner
        Which gates share a primitive (`gatec.backends.dual_luts`), for style `xilinx`.
    roms
        The memories beside the ranks.

    Raises
    ------
    LimitError
        A rank is wider than one module's port can be.
    """
    assert net.stage is not None
    _check_fanin(net, style)
    names = _net_names(net)
    nothing = [np.zeros(0, dtype=np.int32)] * len(ranks)
    address, data = (nothing, nothing) if roms is None else (roms.address, roms.data)
    inputs = net.inputs[0].nets
    late = np.arange(inputs[-1] + 1, net.first_gate, dtype=np.int32)
    sequence = sequence_stage(net) if net.num_registers else None
    order, looked_up = text_order(net, partner), rom_gates(net)
    stages = []
    for number, rank in enumerate(ranks):
        held = rank if len(rank) else np.array([CONST0_NET], dtype=np.int32)
        outputs = np.concatenate([held, address[number]])
        if number == sequence:
            inputs = np.concatenate([inputs, late])
            outputs = np.concatenate([outputs, net.register_d])
        for width in (len(inputs), len(outputs)):
            if width > MAX_PORT_BITS:
                raise LimitError(
                    f"{width} nets cross a register rank",
                    file=net.name,
                    place=f"stage {number}",
                    expected=f"at most {MAX_PORT_BITS}: --stages 1, or a smaller model",
                )
        gates = order[(net.stage[order] == number) & ~looked_up[order]]
        cell = LUT_CELLS.get(style)
        if style == "xilinx":
            written = write_dual(net, gates, names, partner)
        elif cell is None:
            written = _write_exprs(net, gates, names)
        else:
            written = _write_cells(net, gates, names, cell)
        name = f"{top}_stage{number}"
        text = _module(name, inputs, outputs, names, written)
        stages.append(Stage(name, len(inputs), len(outputs), text, inputs))
        if number + 1 < len(ranks):
            inputs = np.concatenate([held, data[number + 1]])
    return stages


def _check_fanin(net: Netlist, style: Style) -> None:
    for slot in range(STYLE_FANIN[style], net.fanin.shape[1]):
        if depends(net.tables, slot).any():
            raise NetlistError(f"{net.name}: a gate reads slot {slot}, too many for {style}")


def _net_names(net: Netlist) -> Names:
    """Return the name of every net, the same in all stages."""
    names = ["1'b0", "1'b1"]
    names += [f"x{bit}" for bit in range(net.inputs[0].width)]
    names += [f"phase{bit}" for bit in range(net.num_inputs - net.inputs[0].width)]
    names += [f"state{bit}" for bit in range(net.num_registers)]
    names += [f"n{gate}" for gate in range(net.num_gates)]
    return np.array(names, dtype=object)


def _module(name: str, inputs: IntArray, outputs: IntArray, names: Names, gates: str) -> str:
    # A constant in a rank needs no name of its own: readers of the next stage use the literal.
    bits = np.flatnonzero(inputs >= FIRST_INPUT)
    return "".join(
        (
            f"module {name} (\n",
            f"  input  wire [{len(inputs) - 1}:0] i,\n",
            f"  output wire [{len(outputs) - 1}:0] o\n",
            ");\n",
            _lines("  wire %s = i[%d];\n", names[inputs[bits]], bits),
            gates,
            _lines("  assign o[%d] = %s;\n", np.arange(len(outputs)), names[outputs]),
            "endmodule\n",
        )
    )


def _lines(template: str, *columns: npt.NDArray[np.generic]) -> str:
    """Return one line for each row of `columns`."""
    flat = np.stack([column.astype(object) for column in columns], axis=1).ravel()
    return template * len(columns[0]) % tuple(flat.tolist())


def _write_cells(net: Netlist, gates: npt.NDArray[np.intp], names: Names, cell: LutCell) -> str:
    """Write LUTs and carry gates; a gate's number is in the names of its instance and its net."""
    pins = np.full((len(gates), cell.fanin), CONST0_NET, dtype=np.int32)
    used = min(cell.fanin, net.fanin.shape[1])
    pins[:, :used] = net.fanin[gates, :used]
    slots = names[pins]
    outs = names[net.first_gate + gates]
    bits = np.uint64((1 << (1 << cell.fanin)) - 1)
    inits = (net.tables[gates] & bits).astype(object)
    rows = np.stack([outs, inits, gates.astype(object), outs, *slots.T], axis=1)
    line = cell.line
    if net.chains is None or not net.chains.carry[gates].any():
        return line * len(gates) % tuple(rows.ravel().tolist())
    carry = net.chains.carry[gates]
    lines = [
        _CARRY_LINE % (row[0], row[2], row[3], *row[5:]) if is_carry else line % tuple(row)
        for row, is_carry in zip(rows.tolist(), carry.tolist(), strict=True)
    ]
    return "".join(lines)


def _write_exprs(net: Netlist, gates: npt.NDArray[np.intp], names: Names) -> str:
    outs = names[net.first_gate + gates].tolist()
    pins = names[net.fanin[gates]].tolist()
    lines = []
    for out, table, row in zip(outs, net.tables[gates].tolist(), pins, strict=True):
        template, slots = expression(table)
        lines.append(f"  wire {out} = {template % tuple([row[slot] for slot in slots])};\n")
    return "".join(lines)

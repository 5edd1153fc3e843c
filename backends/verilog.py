"""From a mapped, staged netlist to one Verilog file.

Amaranth writes the shell (`gatec.backends.core`), Yosys turns it into Verilog, and the stage bodies
(`gatec.backends.body`) follow as text: Yosys never reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, ValueLike

from gatec.backends.body import MAX_PORT_BITS, Stage, write_stages
from gatec.backends.core import CoreShape, SequenceShape, StreamCore
from gatec.backends.credit_core import CreditCore, CreditShape, with_credits
from gatec.backends.dual_luts import pair_gates, text_order
from gatec.backends.rom import RomInstance, WrittenRoms, write_roms
from gatec.backends.words import VERILOG_KEYWORDS
from gatec.blocks import IntArray
from gatec.devices.fabrics import DUAL_CELL, LUT_CELLS, Style
from gatec.errors import LimitError, UsageError
from gatec.netlist import Netlist, NetlistError, Port
from gatec.roms import rom_gates
from gatec.stages import live_nets, sequence_stage
from gatec.tools.yosys import run_yosys, without_banner

# SB_ is the prefix of all iCE40 cells.
_CELL_NAMES = {cell.cell for cell in LUT_CELLS.values()} | {DUAL_CELL, "dffeas"}
_CELL_NAMES |= {f"LUT{inputs}" for inputs in range(1, 6)}


@dataclass(frozen=True)
class Emitted:
    """An emitted core.

    Attributes
    ----------
    shape
        Name and widths, latency, beats and initiation interval.
    style
        What the stage bodies are made of.
    header
        The comment block, ending in an empty line.
    shell
        The top module.
    stages
        The stage modules in order.
    order
        The netlist's gates in the order of the text.
    roms
        The memories.
    """

    shape: CoreShape
    style: Style
    header: str
    shell: str
    stages: tuple[Stage, ...]
    order: npt.NDArray[np.int64]
    roms: WrittenRoms

    @property
    def top(self) -> str:
        """Name of the top module."""
        return self.shape.top

    @property
    def latency(self) -> int:
        """Cycles from the one that takes the last input beat to the first with `o_valid`."""
        return self.shape.latency

    @property
    def bodies(self) -> str:
        """All stage modules."""
        return "\n".join(stage.text for stage in self.stages)

    @property
    def text(self) -> str:
        """The whole file."""
        return f"{self.header}{self.clocked}\n{self.bodies}"

    @property
    def clocked(self) -> str:
        """The top module and the memories."""
        return "\n".join([self.shell, *(module.text for module in self.roms.modules)])


def emit(
    net: Netlist,
    *,
    style: Style,
    beat_bits: int | None = None,
    out_beat_bits: int | None = None,
    phases: int = 1,
    early: int | None = None,
    credits: bool = False,
    header: Sequence[str] = (),
) -> Emitted:
    """Write a netlist with one input and one output port as a pipelined stream core.

    Parameters
    ----------
    net
        Mapped; without stages it becomes one stage. Fan-in as the style has it in
        `gatec.devices.fabrics`.
    style
        What the stage bodies are made of.
    beat_bits, out_beat_bits
        Widths of the streams; the whole vector when None. A vector that is longer comes in several
        beats, lowest bits first; the unused high bits of the last beat are ignored on the way in
        and 0 on the way out.
    phases
        Cycles that the stage with state registers takes; such a netlist has a second input port,
        the number of the phase.
    early
        Input words stay in place, and so many of the next vector may come early (`CoreShape`).
    credits
        Write the shell of `gatec.backends.credit_core`, in place of the one that stalls. A netlist
        with state registers has no such shell.
    header
        Lines of the comment block to put first, such as the model's name.

    Raises
    ------
    LimitError
        A port or a register rank is wider than one module can carry.
    UsageError
        A beat of less than one bit.
    """
    known = len(net.inputs) == (2 if net.num_registers else 1) and len(net.outputs) == 1
    if not known or not net.inputs[0].width or not net.num_outputs:
        raise NetlistError(f"{net.name}: a stream core has one input port and one output port")
    if net.stage is None:
        net = net.replace(stage=[0] * net.num_gates)
    ranks: list[IntArray] = [*live_nets(net)[:-1], net.output_nets]
    top = identifier(net.name)
    partner = pair_gates(net) if style == "xilinx" else None
    roms = write_roms(net, top)
    stages = write_stages(net, ranks, top=top, style=style, partner=partner, roms=roms)
    input_bits = net.inputs[0].width
    sequence = None
    if net.num_registers:
        start = "".join("01"[bit] for bit in net.register_init.tolist())
        sequence = SequenceShape(sequence_stage(net), phases, start)
    shape = CoreShape(
        top,
        input_bits,
        net.num_outputs,
        tuple(max(1, len(rank)) for rank in ranks),
        input_bits if beat_bits is None else beat_bits,
        net.num_outputs if out_beat_bits is None else out_beat_bits,
        sequence=sequence,
        early=early,
    )
    check_beats(shape)
    if credits:
        assert sequence is None, "a sequence needs ranks that wait"
        shape = with_credits(shape)
    comment = header_text([*header, "", *describe(net, shape, style)])
    shell = write_shell(shape, roms.instances)
    order = text_order(net, partner)
    return Emitted(shape, style, comment, shell, tuple(stages), order, roms)


def write_shell(shape: CoreShape, roms: Sequence[RomInstance] = ()) -> str:
    """Return the top module as Verilog."""
    credits = isinstance(shape, CreditShape)
    core = CreditCore(shape, roms) if credits else StreamCore(shape, roms)
    return component_text(core, shape.top, stream_signals(core))


def stream_signals(core: Any) -> dict[str, ValueLike]:
    """Return the signals of a component's streams `i` and `o` by the names of their ports."""
    return {
        f"{side}_{name}": getattr(getattr(core, side), name)
        for side in ("i", "o")
        for name in ("payload", "valid", "ready")
    }


def component_text(core: Elaboratable, top: str, signals: Mapping[str, ValueLike]) -> str:
    """Return an Amaranth component as Verilog, with `signals` and `clk` and `rst` as its ports."""
    # None: Amaranth sees from the drivers which way a port goes. It adds clk and rst itself.
    ports = {name: (signal, None) for name, signal in signals.items()}
    text = rtlil.convert(core, name=top, ports=ports, emit_src=False)
    commands = [
        "read_rtlil core.il",
        "proc",
        "opt_expr",
        "opt_merge",
        # Before opt_dff, which looks past multiplexers only where a wire has no second reader.
        "opt_clean -purge",
        "opt_dff",
        "opt_clean -purge",
        "write_verilog -noattr core.v",
    ]
    run = run_yosys(commands, inputs={"core.il": text}, outputs=["core.v"], timeout=600)
    return without_banner(run.files["core.v"])


def describe(net: Netlist, shape: CoreShape, style: Style) -> list[str]:
    """Return the lines that document a core's ports and timing."""
    sequence = shape.sequence
    bound = "at most " if min(shape.beats_in, shape.beats_out) > 1 and sequence is None else ""
    phases = (
        []
        if sequence is None
        else [f"Stage {sequence.stage} takes {sequence.phases} cycles for each vector."]
    )
    roms = net.roms
    gates = int((~rom_gates(net)).sum())
    return [
        f"{gates} gates ({style}) in {shape.num_stages} pipeline stages.",
        *phases,
        *([] if roms is None else _memories(roms.count, style)),
        "",
        "Clock clk, rising edge. Reset rst, synchronous, active high: drops all vectors under way.",
        f"Input  i_payload[{shape.beat_bits - 1}:0], i_valid, i_ready.",
        f"Output o_payload[{shape.out_beat_bits - 1}:0], o_valid, o_ready.",
        "A beat moves in each cycle in which valid and ready are both high.",
        f"Input  vector {_beats(net.inputs[0], shape.beats_in, shape.beat_bits)}",
        f"Output vector {_beats(net.outputs[0], shape.beats_out, shape.out_beat_bits)}",
        f"Latency: {shape.latency} cycles from the cycle that takes the last input beat to the",
        "first cycle with o_valid, as long as o_ready stays high.",
        f"Initiation interval: {bound}{shape.interval} cycle(s) a vector.",
    ]


def _memories(count: int, style: Style) -> list[str]:
    late = "They read zeros for some microseconds after configuration: hold rst so long."
    lines = [f"{count} block RAMs as read-only memories."]
    return [*lines, late] if style == "ice40" else lines


def _beats(port: Port, beats: int, width: int) -> str:
    return describe_beats(f"{port.name}: {port.width} bits ({port.encoding})", beats, width)


def describe_beats(vector: str, beats: int, width: int) -> str:
    """Return in how many beats a vector comes."""
    if beats == 1:
        return f"{vector} in one beat, bit 0 lowest."
    return f"{vector} in {beats} beats of {width}, bit 0 lowest in the first beat."


def identifier(name: str) -> str:
    """Return a legal Verilog identifier of at most 64 characters that resembles `name`."""
    legal = re.sub("[^A-Za-z0-9_]", "_", name)[:64]
    if not re.match("[A-Za-z_]", legal):
        legal = f"m_{legal}"
    taken = legal in VERILOG_KEYWORDS or legal in _CELL_NAMES or legal.startswith("SB_")
    return f"{legal}_" if taken else legal


def check_beats(shape: CoreShape) -> None:
    """Raise `UsageError` or `LimitError` at beats that cannot be."""
    for width in (shape.beat_bits, shape.out_beat_bits):
        if width < 1:
            raise UsageError(f"beats of {width} bits", file=shape.top, expected="1 bit or more")
    # The payload shares the port numbering with clk, rst, i_valid and o_ready.
    if shape.beat_bits > MAX_PORT_BITS - 4 or shape.out_beat_bits > MAX_PORT_BITS:
        raise LimitError(
            f"beats of {max(shape.beat_bits, shape.out_beat_bits)} bits",
            file=shape.top,
            expected=f"at most {MAX_PORT_BITS - 4}: several beats a vector",
        )


def header_text(lines: Sequence[str]) -> str:
    """Return lines as a comment block; whatever could end a comment line is escaped."""
    safe = ("".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in line) for line in lines)
    written = (f"// {line}".rstrip() for line in [f"Written by gatec {version('gatec')}.", *safe])
    return "\n".join(written) + "\n\n"

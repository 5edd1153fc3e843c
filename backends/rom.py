"""Block RAMs as read-only memories, as Verilog from which every tool infers one.

One module for each table, with the clock, an enable, the address bits of its ports side by side in
`i`, and their data bits in `o`. All ports read at a rising edge, where the enable is high, and keep
what they gave where it is low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.roms import Memory

_MODULE = """\
module {name} (
  input  wire clk,
  input  wire en,
  input  wire [{address_high}:0] i,
  output wire [{data_high}:0] o
);
  localparam [{last}:0] CONTENTS = {size}'h{digits};
  (* ram_style = "block" *) reg [{width_high}:0] rom [0:{words_high}];
  integer k;
  initial for (k = 0; k < {words}; k = k + 1) rom[k] = CONTENTS[k * {width} +: {width}];
{ports}  assign o = {{{data}}};
endmodule
"""
_PORT = """\
  reg [{width_high}:0] q{port};
  always @(posedge clk) if (en) q{port} <= rom[i[{high}:{low}]];
"""


@dataclass(frozen=True)
class RomModule:
    """A written module of a memory.

    Attributes
    ----------
    name
        The module's name.
    text
        The module.
    """

    name: str
    text: str


@dataclass(frozen=True)
class RomInstance:
    """A memory in a core.

    Attributes
    ----------
    module
        The name of its module.
    stage
        The stage whose nets it gives; it reads what leaves the stage before.
    address_bits, data_bits
        Of all its ports.
    """

    module: str
    stage: int
    address_bits: int
    data_bits: int


@dataclass(frozen=True)
class WrittenRoms:
    """The memories of a netlist.

    Attributes
    ----------
    modules
        One for each table.
    instances
        In the order in which their bits follow each other in the stages' ports.
    address, data
        For each stage, the nets that it gives the memories behind it, and those that it takes from
        the memories in front of it.
    """

    modules: tuple[RomModule, ...]
    instances: tuple[RomInstance, ...]
    address: list[IntArray]
    data: list[IntArray]


def write_roms(net: Netlist, top: str) -> WrittenRoms:
    """Write the memories of a netlist with stages."""
    stages = net.num_stages
    address: list[list[IntArray]] = [[] for _ in range(stages)]
    data: list[list[IntArray]] = [[] for _ in range(stages)]
    modules: dict[tuple[bytes, int, int], RomModule] = {}
    found = []
    for number, memory in enumerate(() if net.roms is None else net.roms.memories):
        assert net.roms is not None and net.stage is not None
        stage = int(net.stage[net.roms.memory == number][0])
        key = memory.contents.tobytes(), memory.data_bits, len(memory.ports)
        name = f"{top}_rom{len(modules)}"
        module = modules.setdefault(key, RomModule(name, _text(name, memory)))
        address[stage - 1] += [port.address for port in memory.ports]
        data[stage] += [port.data for port in memory.ports]
        ports = len(memory.ports)
        found.append(
            RomInstance(module.name, stage, memory.address_bits * ports, memory.data_bits * ports)
        )
    found.sort(key=lambda instance: instance.stage)
    return WrittenRoms(tuple(modules.values()), tuple(found), _joined(address), _joined(data))


def _joined(parts: Sequence[Sequence[IntArray]]) -> list[IntArray]:
    nothing = np.zeros(0, dtype=np.int32)
    return [np.concatenate([nothing, *part]) for part in parts]


def _text(name: str, memory: Memory) -> str:
    words, width = len(memory.contents), memory.data_bits
    ports = len(memory.ports)
    return _MODULE.format(
        name=name,
        address_high=memory.address_bits * ports - 1,
        data_high=width * ports - 1,
        last=words * width - 1,
        size=words * width,
        digits=_digits(memory.contents, width),
        width_high=width - 1,
        words_high=words - 1,
        words=words,
        width=width,
        ports="".join(
            _PORT.format(
                width_high=width - 1,
                port=port,
                high=(port + 1) * memory.address_bits - 1,
                low=port * memory.address_bits,
            )
            for port in range(ports)
        ),
        data=", ".join(f"q{port}" for port in reversed(range(ports))),
    )


def _digits(contents: npt.NDArray[np.int64], width: int) -> str:
    """Return the numbers side by side, the first lowest, as one hexadecimal number."""
    number = 0
    for value in reversed(contents.tolist()):
        number = number << width | value
    return f"{number:0{-(-len(contents) * width // 4)}x}"

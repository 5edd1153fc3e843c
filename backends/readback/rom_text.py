"""The strict reader of memories in emitted text, and what they hold as gates.

It shares no code with the writer. A memory is what its ports read: the contents, as one literal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.errors import DifferentError
from gatec.tables import MUX, Tables, expand

_ROM = re.compile(
    r"module \w+ \(\n  input  wire clk,\n  input  wire en,\n  input  wire \[(\d+):0\] i,\n"
    r"  output wire \[(\d+):0\] o\n\);\n"
    r"  localparam \[(\d+):0\] CONTENTS = (\d+)'h([0-9a-f]+);\n"
    r'  \(\* ram_style = "block" \*\) reg \[(\d+):0\] rom \[0:(\d+)\];\n'
    r"  integer k;\n"
    r"  initial for \(k = 0; k < (\d+); k = k \+ 1\) rom\[k\] = CONTENTS\[k \* (\d+) \+: (\d+)\];\n"
    r"((?:.+;\n){2,4})"
    r"  assign o = \{([q0-9, ]+)\};\nendmodule\n"
)
_PORT = re.compile(
    r"  reg \[(\d+):0\] q(\d+);\n"
    r"  always @\(posedge clk\) if \(en\) q(\d+) <= rom\[i\[(\d+):(\d+)\]\];\n"
)
# Address bits of one look-up table of the gates that stand for a memory.
_LOW = 6
_MOST_ADDRESS_BITS = 16


@dataclass(frozen=True)
class Rom:
    """A memory as read.

    Attributes
    ----------
    ports
        How many ports it has.
    address_bits, data_bits
        Of one port.
    contents
        `bool[data bits, 2**address bits]`.
    """

    ports: int
    address_bits: int
    data_bits: int
    contents: npt.NDArray[np.bool_]


def is_rom(text: str) -> bool:
    """Return whether a module has the ports of a memory."""
    return "\n  input  wire clk,\n  input  wire en,\n" in text


def read_rom(name: str, text: str) -> Rom:
    """Read one module of a memory.

    Raises
    ------
    DifferentError
        The text is not of the subset.
    """
    found = _ROM.fullmatch(text)
    if found is None:
        raise DifferentError("unexpected text in a memory", place=f"module {name}")
    *numbers, lines, data = found.groups()
    digits = numbers.pop(4)
    last_i, last_o, last, size, last_bit, last_word, words, step, width = map(int, numbers)
    ports = [tuple(map(int, port)) for port in _PORT.findall(lines)]
    address_bits = words.bit_length() - 1
    right = (
        _PORT.sub("", lines) == ""
        and 0 < address_bits <= _MOST_ADDRESS_BITS
        and words == 1 << address_bits == last_word + 1
        and width == step == last_bit + 1
        and size == last + 1 == words * width
        and last_i + 1 == len(ports) * address_bits
        and last_o + 1 == len(ports) * width
        and len(digits) == -(-size // 4)
        and int(digits, 16) >> size == 0
        and data == ", ".join(f"q{port}" for port in reversed(range(len(ports))))
        and ports
        == [
            (width - 1, port, port, (port + 1) * address_bits - 1, port * address_bits)
            for port in range(len(ports))
        ]
    )
    if not right:
        raise DifferentError("the widths of a memory do not agree", place=f"module {name}")
    octets = np.frombuffer(int(digits, 16).to_bytes(-(-size // 8), "little"), dtype=np.uint8)
    bits = np.unpackbits(octets, count=size, bitorder="little").astype(bool)
    return Rom(len(ports), address_bits, width, bits.reshape(words, width).T)


def rom_gates(rom: Rom, address: IntArray, first: int) -> tuple[IntArray, Tables, IntArray]:
    """Return gates that look an address up: fan-in, tables, and the nets of the data bits.

    The lowest address bits go into one table, the others choose among what these give; equal ones
    are one gate. `first` is the number of the first gate's net.
    """
    low = min(_LOW, rom.address_bits)
    rows = rom.contents.reshape(rom.data_bits, -1, 1 << low)
    weights = np.uint64(1) << np.arange(1 << low, dtype=np.uint64)
    words = (rows * weights).sum(axis=2, dtype=np.uint64)
    distinct, which = np.unique(words.ravel(), return_inverse=True)
    fanin = [np.zeros((len(distinct), 6), dtype=np.int32)]
    fanin[0][:, :low] = address[:low]
    tables = [expand(distinct, low)]
    nets = (first + which).reshape(words.shape)
    first += len(distinct)
    for bit in address[low:]:
        pairs = nets.reshape(rom.data_bits, -1, 2)
        distinct, which = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
        chosen = np.zeros((len(distinct), 6), dtype=np.int32)
        chosen[:, :2] = distinct
        chosen[:, 2] = bit
        fanin.append(chosen)
        tables.append(np.full(len(distinct), MUX))
        nets = (first + which.reshape(-1)).reshape(pairs.shape[:2])
        first += len(distinct)
    return np.concatenate(fanin), np.concatenate(tables), nets[:, 0].astype(np.int32)

"""Stage bodies for AMD's fabrics: `LUT1` to `LUT6`, and `LUT6_2` where two functions share one.

Of a `LUT6_2`, output O5 is the low half of the table at I0 to I4, and O6 with I5 at 1 the high half
(AMD, UG953).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.backends.dual_luts import ALONE, DUAL_INPUTS, supports
from gatec.blocks import IntArray
from gatec.netlist import CONST1_NET, Netlist
from gatec.tables import MAX_FANIN, Tables

Names = npt.NDArray[np.object_]

# Tables are written so many at a time: each takes 64 words on the way.
_CHUNK = 1 << 14
# Half of a table with two outputs.
_LOW = 0xFFFF_FFFF


def write_dual(
    net: Netlist, gates: npt.NDArray[np.int64], names: Names, partner: IntArray | None
) -> str:
    """Return gates in their order, one cell a line; of a pair, the first brings the second."""
    mates = np.full(len(gates), ALONE) if partner is None else partner[gates]
    heads = (mates == ALONE) | (mates > gates)
    gates, mates = gates[heads], mates[heads]
    others = np.where(mates == ALONE, gates, mates)
    reads = supports(net)
    pins = [
        sorted(reads[gate] | reads[other])
        for gate, other in zip(gates.tolist(), others.tolist(), strict=True)
    ]
    low, high = (retable(net, chosen, pins).tolist() for chosen in (gates, others))
    lines = []
    for gate, mate, nets, table, other in zip(
        gates.tolist(), mates.tolist(), pins, low, high, strict=True
    ):
        out, wired = names[net.first_gate + gate], names[nets].tolist()
        if mate == ALONE:
            lines.append(_single(gate, out, wired, table))
        else:
            also = names[net.first_gate + mate]
            lines.append(_double(gate, out, also, wired, (table & _LOW) | ((other & _LOW) << 32)))
    return "".join(lines)


def _single(gate: int, out: str, reads: list[str], table: int) -> str:
    wired = reads or ["1'b0"]
    size = 1 << len(wired)
    init = f"{size}'h{table & ((1 << size) - 1):0{max(1, size // 4)}x}"
    pins = "".join(f", .I{slot}({name})" for slot, name in enumerate(wired))
    return f"  wire {out}; LUT{len(wired)} #(.INIT({init})) g{gate} (.O({out}){pins});\n"


def _double(gate: int, out: str, also: str, reads: list[str], table: int) -> str:
    wired = [*reads, *["1'b0"] * (DUAL_INPUTS - len(reads)), "1'b1"]
    pins = "".join(f", .I{slot}({name})" for slot, name in enumerate(wired))
    return (
        f"  wire {out}; wire {also}; LUT6_2 #(.INIT(64'h{table:016x})) g{gate}"
        f" (.O6({also}), .O5({out}){pins});\n"
    )


def retable(net: Netlist, gates: npt.NDArray[np.integer], pins: list[list[int]]) -> Tables:
    """Return the tables of gates as functions of other pins, which hold all that they read.

    A table of fewer pins than six is repeated in the higher bits.
    """
    out = np.zeros(len(gates), dtype=np.uint64)
    address = np.arange(64, dtype=np.uint64)
    for start in range(0, len(gates), _CHUNK):
        some = gates[start : start + _CHUNK]
        nets = np.full((len(some), MAX_FANIN), -1, dtype=np.int64)
        for row, read in enumerate(pins[start : start + _CHUNK]):
            nets[row, : len(read)] = read
        inner = np.zeros((len(some), 64), dtype=np.uint64)
        for slot in range(net.fanin.shape[1]):
            source = net.fanin[some, slot]
            found = nets == source[:, None]
            pin = found.argmax(axis=1).astype(np.uint64)
            value = (address[None, :] >> pin[:, None]) & np.uint64(1)
            # What is no pin is a constant, or a net that the table does not look at.
            fixed = (source == CONST1_NET).astype(np.uint64)
            value = np.where(found.any(axis=1)[:, None], value, fixed[:, None])
            inner |= value << np.uint64(slot)
        bits = (net.tables[some][:, None] >> inner) & np.uint64(1)
        out[start : start + _CHUNK] = (bits << address).sum(axis=1, dtype=np.uint64)
    return out

"""Lower a popcount whose adders are, in part, reads of block RAMs; the reads as a netlist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.heads.roms import Read, RomPlan
from gatec.lowering.dense import add_columns
from gatec.lowering.sums import Compressors, lower_sums
from gatec.netlist import Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.roms import NO_ROM, Memory, RomPort, Roms


def lower_reads(
    builder: NetlistBuilder, bits: IntArray, plan: RomPlan
) -> tuple[IntArray, list[Compressors], list[IntArray]]:
    """Add adders that count the ones of each row of `bits` (`int32[classes, group]` nets).

    Returns the sums, `int32[classes, score_bits]` nets with bit 0 first, the adder cells, and for
    each layer of reads what there is in front of it, and at last behind them all: `int32[bits,
    classes]` nets of the bits of the pool (`waiting`).
    """
    taken = plan.group - plan.loose
    pool = list(bits.T[:taken])
    cells: list[Compressors] = []
    if plan.loose:
        counted, cells = lower_sums(builder, bits[:, taken:])
        pool += list(counted.T)
    fronts = []
    for layer in range(1, plan.layers + 1):
        fronts.append(np.stack([pool[bit] for bit in waiting(plan, layer)]))
        for read in plan.reads:
            if read.layer == layer:
                pool += list(_add_read(builder, read, [pool[bit] for bit in read.bits], cells))
    fronts.append(np.stack([pool[bit] for bit in plan.left]))
    columns: list[list[IntArray]] = [[] for _ in range(max(plan.weights) + 1)]
    for bit in plan.left:
        columns[plan.weights[bit]].append(pool[bit])
    sums = add_columns(builder, columns, cells)
    return sums[:, : plan.group.bit_length()], cells, fronts


def waiting(plan: RomPlan, layer: int) -> list[int]:
    """Return the bits of the pool that there are in front of a layer, and that are still needed."""
    before = [number for number, read in enumerate(plan.reads) if read.layer < layer]
    gone = {bit for number in before for bit in plan.reads[number].bits}
    return [bit for bit in range(plan.first_data(len(before))) if bit not in gone]


def reads_netlist(plan: RomPlan, layer: int, classes: int, ports: int, levels: int) -> Netlist:
    """Return a layer of reads: from the bits that wait in front of it to those behind it.

    Parameters
    ----------
    ports
        Reads in a cycle of one block RAM.
    levels
        The time that a read takes, in levels of look-up tables.
    """
    before, after = waiting(plan, layer), waiting(plan, layer + 1)
    inputs = make_ports(("x", len(before) * classes))
    pool = dict(zip(before, inputs[0].nets.reshape(-1, classes), strict=True))
    builder = NetlistBuilder(inputs[0].width)
    by_table: dict[tuple[int, ...], list[tuple[RomPort, IntArray]]] = {}
    for number, read in enumerate(plan.reads):
        if read.layer != layer:
            continue
        address = [pool[bit] for bit in read.bits]
        cells: list[Compressors] = []
        found = _add_read(builder, read, address, cells)
        pool |= dict(enumerate(found, plan.first_data(number)))
        gates = np.stack([net for cell in cells for net in (cell.total, cell.carry)])
        same = by_table.setdefault(read.table, [])
        for each in range(classes):
            port = RomPort(np.stack(address)[:, each], np.stack(found)[:, each])
            same.append((port, gates[:, each]))
    outputs = Port("y", np.concatenate([pool[bit] for bit in after]))
    net = builder.build("reads", inputs, (outputs,))
    memories: list[Memory] = []
    of_gate = np.full(net.num_gates, NO_ROM, dtype=np.int32)
    for table, same in by_table.items():
        contents = _sums(table)
        for start in range(0, len(same), ports):
            both = same[start : start + ports]
            for _, gates in both:
                of_gate[gates - net.first_gate] = len(memories)
            memories.append(Memory(contents, tuple(port for port, _ in both)))
    return net.replace(roms=Roms(of_gate, tuple(memories), levels))


def _sums(table: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return the sum of the bits of each address, of such weights."""
    address = np.arange(1 << len(table))[:, None]
    bits = address >> np.arange(len(table)) & 1
    return (bits << np.array(table)).sum(axis=1)


def _add_read(
    builder: NetlistBuilder, read: Read, address: Sequence[IntArray], cells: list[Compressors]
) -> list[IntArray]:
    """Add the adders of one read, their cells to `cells`; return its data bits."""
    columns: list[list[IntArray]] = [[] for _ in range(read.width)]
    for weight, net in zip(read.table, address, strict=True):
        columns[weight].append(net)
    own: list[Compressors] = []
    found = add_columns(builder, columns, own)
    cells += [replace(cell, weight=cell.weight + read.base) for cell in own]
    return list(found.T[: read.width])

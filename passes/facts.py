"""Use facts about the inputs: do not read what they tell, exchange gates where they allow it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blif import read_blif, write_blif
from gatec.care import Care
from gatec.cone import OpenConeError, cone
from gatec.joining import Joiner
from gatec.netlist import CONST0_NET, CONST1_NET, Netlist, Port
from gatec.passes.absorb import absorb
from gatec.passes.fold import fold
from gatec.passes.prune import prune
from gatec.tables import VARIABLE, Tables, cofactor, depends
from gatec.tools.abc import run_abc

_ALL = ~np.uint64(0)
_NOBODY = -1
# ABC's exchange of gates under don't-cares, for area. Windows wider than by default: of a trained
# net of 100 and 60 tables of six inputs over 30 thermometers of 12 bits, mapped to 713 LUT4, it
# leaves 687; with default windows 694, and where it is told no facts 712.
_EXCHANGE = "mfs2 -e -a -W 4 -M 1000"


def unread(net: Netlist, care: Care) -> Netlist:
    """Return the netlist whose gates do not read what the facts tell from their other inputs.

    A gate that reads several bits of one thermometer or one-hot group sees few of their values;
    what its table says of the others is free, and chosen such that it reads less. On the vectors
    that occur, every net has the value that it had.
    """
    seen = _seen(net, care)
    rows = np.flatnonzero(seen != _ALL)
    if not len(rows):
        return net
    slots = range(net.fanin.shape[1])
    orders = (list(slots), list(reversed(slots)))
    found = np.stack([_reading_less(net.tables[rows], seen[rows], order) for order in orders])
    reads = np.sum([depends(found, slot) for slot in slots], axis=0)
    tables = net.tables.copy()
    tables[rows] = found[reads.argmin(axis=0), np.arange(len(rows))]
    return prune(absorb(fold(net.replace(tables=tables))))


def behind_encoder(net: Netlist, nets: npt.NDArray[np.int32], care: Care) -> Netlist:
    """Return the netlist with `unread` done to what is behind `nets`, of which `care` speaks.

    What the facts exclude never comes out of there, so the result is equal on every vector. Where
    something else reads what is in front of those nets, the netlist is as it was.
    """
    sinks = net.root_nets
    try:
        apart = cone(net, nets, sinks)
    except OpenConeError:
        return net
    behind = unread(apart, care)
    if behind is apart:
        return net
    front = prune(net.replace(outputs=(Port("y", nets),), cuts=()))
    joiner = Joiner(net.first_gate)
    inputs = np.arange(net.first_input, net.first_gate)
    number = joiner.add(front, inputs)[front.output_nets]
    ends = joiner.add(behind, number)[behind.output_nets]
    renamed = np.zeros(net.num_nets, dtype=np.int32)
    renamed[sinks] = ends

    def moved(ports: tuple[Port, ...]) -> tuple[Port, ...]:
        return tuple(Port(port.name, renamed[port.nets], port.encoding) for port in ports)

    result = joiner.netlist(net.name, net.inputs, moved(net.outputs), moved(net.cuts))
    return result if result.num_gates <= net.num_gates else net


def exchange(net: Netlist, care: Care, timeout: float = 3600.0) -> Netlist:
    """Return the netlist with gates exchanged for others that are equal on what occurs, or itself.

    ABC sees the guard of the facts in front of the netlist, so it knows which values the bits have
    together. It may let a gate read the guard's own inputs: where the facts hold, these are the
    guard's outputs. Fewer gates may have a level more.
    """
    assert not net.num_registers, "facts are about inputs of circuits without state"
    guarded, number = care.under(net)
    inputs = np.arange(net.first_input, net.first_gate, dtype=np.int32)
    # First, so that ABC has the guard's gates first: it is told to leave so many as they are.
    obeying = Port("obeying", number[inputs])
    like = guarded.replace(outputs=(obeying, *guarded.outputs, *guarded.cuts), cuts=())
    run = run_abc(
        ["read_blif in.blif", f"{_EXCHANGE} -Z {care.guard.num_gates}", "write_blif out.blif"],
        inputs={"in.blif": write_blif(like)},
        outputs=["out.blif"],
        timeout=timeout,
    )
    found = read_blif(run.files["out.blif"].decode(), like)
    renamed = np.arange(found.num_nets, dtype=np.int32)
    driven = found.outputs[0].nets
    # A bit that facts make constant stays the input that it is.
    free = (driven != CONST0_NET) & (driven != CONST1_NET)
    renamed[driven[free]] = inputs[free]
    ports = [Port(p.name, renamed[p.nets], p.encoding) for p in found.outputs[1:]]
    count = len(net.outputs)
    result = prune(
        fold(
            net.replace(
                outputs=tuple(ports[:count]),
                cuts=tuple(ports[count:]),
                fanin=renamed[found.fanin],
                tables=found.tables,
            )
        )
    )
    if (result.num_gates, result.depth) >= (net.num_gates, net.depth):
        return net
    return result


def _seen(net: Netlist, care: Care) -> Tables:
    """Return for each gate, as a table over its slots, which of their values may occur."""
    group, place, hot = care.groups
    source = net.fanin - net.first_input
    inside = (source >= 0) & (source < care.num_inputs)
    index = np.where(inside, source, 0)
    groups = np.where(inside, group[index], _NOBODY)
    seen = np.full(net.num_gates, _ALL, dtype=np.uint64)
    for one in range(net.fanin.shape[1]):
        for other in range(net.fanin.shape[1]):
            pair = (groups[:, one] == groups[:, other]) & (groups[:, one] != _NOBODY)
            pair &= place[index[:, one]] < place[index[:, other]]
            # Of a one-hot group, both bits; of a thermometer, the later one alone.
            both, alone = VARIABLE[other] & VARIABLE[one], VARIABLE[other] & ~VARIABLE[one]
            never = np.where(hot[index[:, one]], both, alone)
            seen &= np.where(pair, ~never, _ALL)
    return seen


def _reading_less(tables: Tables, seen: Tables, slots: list[int]) -> Tables:
    """Return tables, equal on what is seen, without the slots that can be dropped in turn."""
    for slot in slots:
        low, high = cofactor(tables, slot, 0), cofactor(tables, slot, 1)
        low_seen, high_seen = cofactor(seen, slot, 0), cofactor(seen, slot, 1)
        free = ((low ^ high) & low_seen & high_seen) == 0
        tables = np.where(free, (low & low_seen) | (high & ~low_seen), tables)
        seen = np.where(free, low_seen | high_seen, seen)
    return tables

"""Cut a cone out of a netlist, and connect netlists at cuts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.joining import Joiner
from gatec.netlist import FIRST_INPUT, Netlist, Port, make_ports
from gatec.roms import renumbered
from gatec.tables import VARIABLE


class OpenConeError(ValueError):
    """A cone reads something that is not among its sources."""


def cone(net: Netlist, sources: IntArray, sinks: IntArray) -> Netlist:
    """Return the netlist that computes `sinks` from `sources`, each an `int32` array of nets.

    The order of both is kept: they become the ports `x` and `y`. A net that is a source twice feeds
    its readers from the first. Raises `OpenConeError` when a sink depends on anything but the
    sources and constants.
    """
    first_gate = net.first_gate
    is_source = np.zeros(net.num_nets, dtype=bool)
    is_source[sources] = True
    needed = np.zeros(net.num_nets, dtype=bool)
    needed[sinks] = True
    # Outwards from the sinks, so that a small cone of a large netlist is quickly cut: an argmax of
    # 2,000 classes has 1,999 of them.
    front: npt.NDArray[np.integer] = np.unique(sinks)
    while len(front):
        gates = front[(front >= first_gate) & ~is_source[front]] - first_gate
        read = np.unique(net.fanin[gates])
        front = read[~needed[read]]
        needed[front] = True
    inside = needed & ~is_source
    outside = np.flatnonzero(inside[FIRST_INPUT:first_gate])
    if len(outside):
        raise OpenConeError(f"net {outside[0] + FIRST_INPUT} is read from outside of its cone")
    gates = np.flatnonzero(inside[first_gate:])
    ports = make_ports(("x", len(sources)))
    number = np.zeros(net.num_nets, dtype=np.int32)
    number[1] = 1
    number[sources[::-1]] = ports[0].nets[::-1]
    number[first_gate + gates] = np.arange(len(gates)) + FIRST_INPUT + len(sources)
    outputs = (Port("y", number[sinks]),)
    return Netlist(net.name, ports, outputs, number[net.fanin[gates]], net.tables[gates])


def connected(parts: Sequence[Netlist], like: Netlist) -> Netlist:
    """Return the netlist in which the outputs of each part are the inputs of the next, and cuts.

    Parameters
    ----------
    parts
        The first reads the inputs of `like`; the outputs of all but the last have, together, one
        bit for each cut bit of `like`, in order; those of the last are the outputs of `like`.
    like
        Gives name and ports.
    """
    cuts, numbers = [], []
    sources = np.arange(parts[0].first_input, parts[0].first_gate, dtype=np.int32)
    joiner = Joiner(parts[0].first_gate)
    for part in parts:
        numbers.append(joiner.add(part, sources))
        sources = numbers[-1][part.output_nets]
        cuts.append(sources)
    joined = joiner.netlist(like.name, (), ())
    return like.replace(
        fanin=joined.fanin,
        tables=joined.tables,
        cuts=_renumbered(like.cuts, np.concatenate(cuts[:-1])),
        outputs=_renumbered(like.outputs, cuts[-1]),
        chains=joined.chains,
        roms=renumbered(list(zip(parts, numbers, strict=True))),
    )


def complemented(
    net: Netlist, inputs: npt.NDArray[np.bool_], outputs: npt.NDArray[np.bool_]
) -> Netlist:
    """Return the netlist with some of its input and output bits inverted (one port each)."""
    first = net.first_gate
    read = (np.flatnonzero(inputs) + net.first_input).astype(np.int32)
    number = np.arange(net.num_nets, dtype=np.int32)
    number[first:] += len(read)
    number[read] = first + np.arange(len(read))
    drives = number[net.output_nets]
    written = drives[outputs]
    drives[outputs] = net.num_nets + len(read) + np.arange(len(written))
    width = max(1, net.fanin.shape[1])
    inverters = [np.pad(nets[:, None], ((0, 0), (0, width - 1))) for nets in (read, written)]
    gates = np.pad(number[net.fanin], ((0, 0), (0, width - net.fanin.shape[1])))
    count = len(read), len(written)
    tables = [np.full(n, ~VARIABLE[0], dtype=np.uint64) for n in count]
    (port,) = net.outputs
    return net.replace(
        fanin=np.concatenate([inverters[0], gates, inverters[1]]),
        tables=np.concatenate([tables[0], net.tables, tables[1]]),
        outputs=(Port(port.name, drives, port.encoding),),
    )


def _renumbered(ports: tuple[Port, ...], nets: IntArray) -> tuple[Port, ...]:
    """Return the ports with the given nets, in order."""
    ends = np.cumsum([port.width for port in ports])
    parts = np.split(nets, ends[:-1])
    return tuple(
        Port(port.name, part, port.encoding) for port, part in zip(ports, parts, strict=True)
    )

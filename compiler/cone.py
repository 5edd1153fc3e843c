"""Cut a cone out of a netlist, and join two netlists at a cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import FIRST_INPUT, Netlist, Port, make_ports


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


def joined(front: Netlist, back: Netlist, like: Netlist) -> Netlist:
    """Return the netlist with the outputs of `front` as cuts, and `back` of these as outputs.

    Parameters
    ----------
    front
        Reads the inputs of `like`; one output bit for each cut bit of `like`, in order.
    back
        One input bit for each cut bit, one output bit for each output bit of `like`.
    like
        Gives name and ports.
    """
    cut = front.output_nets
    number = np.concatenate(
        [[0, 1], cut, np.arange(back.num_gates) + front.num_nets], dtype=np.int32, casting="unsafe"
    )
    width = max(front.fanin.shape[1], back.fanin.shape[1])
    fanin = [
        np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
        for rows in (front.fanin, number[back.fanin])
    ]
    return like.replace(
        fanin=np.concatenate(fanin),
        tables=np.concatenate([front.tables, back.tables]),
        cuts=_renumbered(like.cuts, cut),
        outputs=_renumbered(like.outputs, number[back.output_nets]),
    )


def _renumbered(ports: tuple[Port, ...], nets: IntArray) -> tuple[Port, ...]:
    """Return the ports with the given nets, in order."""
    ends = np.cumsum([port.width for port in ports])
    parts = np.split(nets, ends[:-1])
    return tuple(
        Port(port.name, part, port.encoding) for port, part in zip(ports, parts, strict=True)
    )

"""Take a netlist apart at its cuts, one after the other, and put it together again.

Where layers of wide neurons follow each other, what lies between two cuts is a netlist of its own:
it is optimised, mapped and proved by itself, and no gate of one segment is read in another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatec.cone import OpenConeError, cone
from gatec.netlist import Netlist, Port


def take_apart(net: Netlist) -> list[Netlist] | None:
    """Return what computes the first cut from the inputs, each next from the one before, and at
    last the outputs; None when something reads past a cut.

    Each has one input port `x` and one output port `y`, in the order of the cuts' bits.
    """
    inputs = np.arange(net.first_input, net.first_register, dtype=np.int32)
    ends = [inputs, *(port.nets for port in net.cuts), net.output_nets]
    try:
        return [cone(net, ends[i], ends[i + 1]) for i in range(len(ends) - 1)]
    except OpenConeError:
        return None


def put_together(segments: Sequence[Netlist], like: Netlist) -> Netlist:
    """Return the netlist of the segments in a row, with the name, ports and cuts of `like`."""
    width = max(segment.fanin.shape[1] for segment in segments)
    nets = np.arange(like.first_input, like.first_register, dtype=np.int32)
    gates = like.first_register
    fanin, tables, ends = [], [], []
    for segment in segments:
        number = np.concatenate([[0, 1], nets, np.arange(segment.num_gates) + gates])
        rows = number[segment.fanin]
        fanin.append(np.pad(rows, ((0, 0), (0, width - rows.shape[1]))).astype(np.int32))
        tables.append(segment.tables)
        gates += segment.num_gates
        nets = number[segment.output_nets].astype(np.int32)
        ends.append(nets)
    (output,) = like.outputs
    return like.replace(
        fanin=np.concatenate(fanin),
        tables=np.concatenate(tables),
        cuts=tuple(
            Port(port.name, at, port.encoding)
            for port, at in zip(like.cuts, ends[:-1], strict=True)
        ),
        outputs=(Port(output.name, ends[-1], output.encoding),),
    )

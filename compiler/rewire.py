"""Give a netlist other gates and move all that reads them along."""

from __future__ import annotations

import numpy as np

from gatec.blocks import IntArray
from gatec.netlist import Netlist, Port
from gatec.tables import Tables, depends


def rewired(net: Netlist, new_net: IntArray, fanin: IntArray, tables: Tables) -> Netlist:
    """Return the netlist with the given gates; what read old net `n` now reads `new_net[n]`.

    Ports, cuts and registers keep their names and order; pipeline stages are dropped.
    """

    def moved(port: Port) -> Port:
        return Port(port.name, new_net[port.nets], port.encoding)

    return net.replace(
        outputs=tuple(map(moved, net.outputs)),
        cuts=tuple(map(moved, net.cuts)),
        register_d=new_net[net.register_d],
        fanin=fanin,
        tables=tables,
        stage=None,
    )


def sort_by_level(net: Netlist) -> Netlist:
    """Return the netlist with its gates sorted by level, stably: `blocks` are then the levels."""
    assert net.stage is None, "sort before pipelining"
    level = net.levels[net.first_gate :]
    if (level[:-1] <= level[1:]).all():
        return net
    order = np.argsort(level, kind="stable")
    renamed = np.arange(net.num_nets, dtype=np.int32)
    renamed[net.first_gate + order] = np.arange(net.first_gate, net.num_nets, dtype=np.int32)
    return rewired(net, renamed, renamed[net.fanin[order]], net.tables[order])


def trimmed(net: Netlist) -> Netlist:
    """Return the netlist without the last columns of `fanin` that no gate uses."""
    width = net.fanin.shape[1]
    while width and not net.fanin[:, width - 1].any() and not depends(net.tables, width - 1).any():
        width -= 1
    return net if width == net.fanin.shape[1] else net.replace(fanin=net.fanin[:, :width])


def combinational(net: Netlist) -> Netlist:
    """Return the netlist with its state registers as one more input and output port, `state`."""
    nets = np.arange(net.first_register, net.first_gate, dtype=np.int32)
    return net.replace(
        inputs=(*net.inputs, Port("state", nets)),
        outputs=(*net.outputs, Port("state", net.register_d)),
        register_d=np.zeros(0),
        register_init=np.zeros(0),
    )


def sequential(core: Netlist, like: Netlist) -> Netlist:
    """Return what `combinational` made of a netlist, since changed, with its registers again."""
    *outputs, state = core.outputs
    return core.replace(
        inputs=like.inputs,
        outputs=tuple(outputs),
        register_d=state.nets,
        register_init=like.register_init,
    )

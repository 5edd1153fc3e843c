"""Rebuild windows of look-up tables by a random walk, never larger or deeper."""

from __future__ import annotations

from gatec.netlist import Netlist, Port
from gatec.passes.fold import fold
from gatec.passes.prune import prune
from gatec.proof.cover import has_kernels
from gatec.rewire import combinational, sequential

# Steps for each look-up table. On the mapped gates of difflogic's 200x4 net, 271 LUT4: 263 after
# 500 each (2 CPU seconds), 261 at last; of 800x4, 1,059: 1,035 after 500, 1,031 after 1,000, 1,023
# at last; of the wider tt10, 7,447: 7,414 after 200 (38 CPU seconds).
STEPS_EACH = 500
MOST_STEPS = 2_000_000


def windows(
    net: Netlist, k: int = 4, most_steps: int = MOST_STEPS, steps_each: int = STEPS_EACH
) -> Netlist:
    """Return the netlist with no more look-up tables and levels; every exchange is right by itself.

    Always the same result for the same netlist. Where numba is absent, the netlist as it is. Cuts
    and state registers survive as outputs.

    Parameters
    ----------
    k
        Most inputs of a look-up table; the gates must have no more.
    most_steps
        Of the search: 20,000 to 100,000 take a second of one core.
    steps_each
        Most steps for each look-up table.
    """
    if not has_kernels():
        return net
    from gatec.synth.lut_search import by_lut_windows
    from gatec.synth.luts import from_netlist, to_netlist
    from gatec.synth.search import Clock, Effort

    core = fold(combinational(net))
    flat = core.replace(outputs=(*core.outputs, *core.cuts), cuts=())
    effort = Effort(steps=min(steps_each * core.num_gates, most_steps))
    found = by_lut_windows(from_netlist(flat), k, Clock(effort), effort, core.depth)
    again = to_netlist(found, flat)
    count = len(core.outputs)
    ports: tuple[Port, ...] = again.outputs
    result = prune(fold(again.replace(outputs=ports[:count], cuts=ports[count:])))
    if result.num_gates >= net.num_gates:
        return net
    return sequential(result, net)

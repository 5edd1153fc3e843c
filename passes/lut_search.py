"""The search for the cuts of a mapping: rounds of the kernels over all gates."""

from __future__ import annotations

import numpy as np

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.passes.lut_cover import count_uses, cut_tables, recover_area, require_levels
from gatec.passes.lut_cuts import AREA, DEPTH, find_cuts
from gatec.rewire import rewired

# Cuts that each gate keeps. On trained nets 16 gain nothing over 8.
_CUTS = 8
# Rounds that choose by estimated area, with new cuts, and then by counting, with those at hand.
_FLOW_ROUNDS = 2
_EXACT_ROUNDS = 2
_NEVER = 1 << 30
# One level more than the fewest saves 2 to 5 % of the LUT4 of trained nets; more gain little.
SLACK = 1


def covered(net: Netlist, k: int, slack: int = SLACK) -> tuple[Netlist, IntArray]:
    """Return a netlist of look-up tables of at most `k` inputs, each a cone of the given one.

    Beside it, `int32[look-up tables]`: which net of the given one each of them computes. The search
    is for the fewest levels first, then for area where that takes no more.

    Parameters
    ----------
    net
        Gates of one to `k` inputs, each of which they depend on (`fold`).
    slack
        Levels more than the fewest that the paths to outputs, registers and cuts may have.
    """
    return _Cover(net, k, slack).netlist()


class _Cover:
    """The search for a cover of all gates by cuts; the arrays are those of the kernels."""

    def __init__(self, net: Netlist, k: int, slack: int) -> None:
        self.net = net
        self.arity = net.arity.astype(np.int8)
        assert self.arity.min(initial=1) > 0, "constants are folded"
        self.leaves = np.zeros((net.num_gates, _CUTS, k), dtype=np.int32)
        self.sizes = np.zeros((net.num_gates, _CUTS), dtype=np.int8)
        self.level = np.zeros(net.num_nets, dtype=np.int32)
        self.flow = np.zeros(net.num_nets, dtype=np.float32)
        self.readers = np.bincount(net.fanin.ravel(), minlength=net.num_nets).astype(np.float32)
        self.required = np.full(net.num_nets, _NEVER, dtype=np.int32)
        self.barrier = np.zeros(net.num_nets, dtype=np.bool_)
        self.barrier[net.cut_nets] = True
        self.uses = np.zeros(net.num_nets, dtype=np.int32)
        self._find(DEPTH)
        latest = self._latest(slack)
        self._update(latest)
        for _ in range(_FLOW_ROUNDS):
            # ABC's blend: what was expected counts twice, so that it settles.
            self.readers = ((2 * self.readers + self.uses) / 3).astype(np.float32)
            self._find(AREA)
            self._update(latest)
        for _ in range(_EXACT_ROUNDS):
            recover_area(
                net.first_gate, self.leaves, self.sizes, self.uses, self.level, self.required
            )
            self._update(latest)

    def _find(self, mode: int) -> None:
        find_cuts(
            self.net.fanin, self.arity, self.net.first_gate, self.barrier, mode, self.leaves,
            self.sizes, self.level, self.flow, self.readers, self.required,
        )  # fmt: skip

    def _latest(self, slack: int) -> IntArray:
        """Return the latest level of each net as a root: what is in front of the cuts has its own.

        Behind the cuts every output may take as long as the slowest.
        """
        latest = np.full(self.net.num_nets, _NEVER, dtype=np.int32)
        behind = np.concatenate([self.net.output_nets, self.net.register_d])
        for roots in (behind, self.net.cut_nets):
            latest[roots] = self.level[roots].max(initial=0) + slack
        return latest

    def _update(self, latest: IntArray) -> None:
        first_gate = self.net.first_gate
        count_uses(first_gate, self.leaves, self.sizes, self.net.root_nets, self.uses)
        self.required = latest.copy()
        require_levels(first_gate, self.leaves, self.sizes, self.uses, self.required)

    def netlist(self) -> tuple[Netlist, IntArray]:
        """Return the cover as a netlist, and the net that each look-up table computes."""
        net = self.net
        chosen = np.flatnonzero(self.uses[net.first_gate :])
        tables = np.zeros(len(chosen), dtype=np.uint64)
        cut_tables(
            net.fanin, net.tables, self.arity, net.first_gate, self.leaves, self.sizes, chosen,
            tables,
        )  # fmt: skip
        new_net = np.zeros(net.num_nets, dtype=np.int32)
        new_net[: net.first_gate] = np.arange(net.first_gate)
        new_net[net.first_gate + chosen] = net.first_gate + np.arange(len(chosen))
        leaves = self.leaves[chosen, 0]
        leaves[np.arange(leaves.shape[1]) >= self.sizes[chosen, :1]] = 0
        claims = (net.first_gate + chosen).astype(np.int32)
        return rewired(net, new_net, new_net[leaves], tables), claims

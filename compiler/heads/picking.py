"""Chains of look-up tables that pick one bit after the other.

Each table of a chain passes on what comes from the one before, but in its own step, or two of them.
In a pair of steps the chain brings in whether it is the second, and the table that is called upon
takes the one or the other of its two nets by that: four inputs with the signal of its pair. A table
that is called upon in one step alone computes a gate of two inputs: four with the signal of its
step. What signals which step is decoded from the number of the phase, once for all chains.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.heads.steps import NO_BIT, Picking
from gatec.netlist import CONST0_NET, Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import MUX, VARIABLE, expand

# Slots: the chain, the signal, two nets.
_PREVIOUS, _CALLED, _FIRST, _SECOND = VARIABLE[:4]
# What such a table of two steps computes.
PAIR = (_CALLED & ((_PREVIOUS & _SECOND) | (~_PREVIOUS & _FIRST))) | (~_CALLED & _PREVIOUS)
# Phases are tables of six inputs; tables of four take two levels.
MAX_PHASES = 64


@dataclass(frozen=True)
class Picked:
    """The chains of all classes.

    Attributes
    ----------
    netlist
        Inputs: `sources`, then the signals. Outputs: `[width, classes]` bits.
    sources
        `int32[...]`: the nets of the bits' netlist that the chains read.
    """

    netlist: Netlist
    sources: IntArray


def decode_steps(steps: Collection[tuple[int, ...]], phase_bits: int, *, early: bool) -> Netlist:
    """Return the netlist that says, for each tuple of steps, whether the phase is one of them.

    If `early`, whether the next phase is.
    """
    builder = NetlistBuilder(phase_bits)
    ports = make_ports(("phase", phase_bits))
    tables = [sum(1 << step - early for step in called if step >= early) for called in steps]
    rows = np.tile(ports[0].nets, (len(tables), 1))
    found = builder.add(expand(np.array(tables, dtype=np.uint64), phase_bits), rows)
    return builder.build("steps", ports, (Port("y", found),))


def signals_of(picking: Picking) -> list[tuple[int, ...]]:
    """Return the steps that some table is called upon in: pairs first, then single ones.

    Before them is what the chains begin with: whether a step is the second of its pair.
    """
    steps = picking.plan.steps
    single = [bool(picking.absorbed[:, step].any()) for step in range(steps)]
    pairs = [(step, step + 1) for step in range(0, steps - 1, 2) if in_pair(picking, step).any()]
    alone = {step for step in range(steps) if single[step]}
    if steps % 2:
        alone.add(steps - 1)
    return [tuple(range(1, steps, 2)), *pairs, *((step,) for step in sorted(alone))]


def in_pair(picking: Picking, step: int) -> npt.NDArray[np.bool_]:
    """Return `bool[classes, width]`: the chains with a table for a pair of steps.

    Where there is no bit in its second step, the chain would pass on that it is the second.
    """
    order = picking.plan.order[:, step : step + 2]
    plain = (order >= 0) & ~picking.absorbed[:, step : step + 2]
    found: npt.NDArray[np.bool_] = plain.any(axis=1) | (order[:, 1] == NO_BIT)
    return found


def pick(picking: Picking, bits: Netlist) -> Picked:
    """Return the chains.

    Parameters
    ----------
    bits
        In look-up tables; its outputs are the bits, class by class.
    """
    plan = picking.plan
    nets = bits.output_nets.reshape(plan.classes, -1)
    chains = _Chains(picking, bits, nets)
    sources = chains.sources()
    signals = signals_of(picking)
    builder = NetlistBuilder(len(sources) + len(signals))
    ports = make_ports(("x", len(sources) + len(signals)))
    called = ports[0].nets[len(sources) :]
    of_steps = dict(zip(signals, called.tolist(), strict=True))
    outputs = chains.write(builder, of_steps, int(called[0]), sources)
    return Picked(builder.build(bits.name, ports, (Port("y", outputs.reshape(-1)),)), sources)


@dataclass
class _Chains:
    """The tables of all chains, step by step."""

    picking: Picking
    bits: Netlist
    nets: IntArray

    def sources(self) -> IntArray:
        """Return the nets that the chains read, constants left out."""
        found: list[npt.NDArray[np.integer]] = []
        for step in range(self.picking.plan.steps):
            found += [self._plain(step).ravel(), self._gates(step)[1].ravel()]
        read = np.unique(np.concatenate(found))
        return read[read > 1].astype(np.int32)

    def write(
        self,
        builder: NetlistBuilder,
        of_steps: dict[tuple[int, ...], int],
        first: int,
        sources: IntArray,
    ) -> IntArray:
        """Add the tables and return the end of each chain, `int32[width, classes]`."""
        plan = self.picking.plan
        here = np.zeros(self.bits.num_nets, dtype=np.int32)
        here[1] = 1
        here[sources] = np.arange(len(sources)) + 2
        ends = np.full((plan.classes, plan.width), first, dtype=np.int32)
        for step in range(0, plan.steps, 2):
            if step + 1 < plan.steps:
                self._pairs(builder, step, of_steps, here, ends)
            else:
                self._last(builder, of_steps, here, ends)
            for own in range(step, min(step + 2, plan.steps)):
                self._singles(builder, own, of_steps, here, ends)
        return ends.T

    def _pairs(
        self,
        builder: NetlistBuilder,
        step: int,
        of_steps: dict[tuple[int, ...], int],
        here: IntArray,
        ends: IntArray,
    ) -> None:
        first, second = self._plain(step), self._plain(step + 1)
        rows = in_pair(self.picking, step)
        if rows.any():
            signal = np.full(rows.sum(), of_steps[step, step + 1])
            nets = [here[np.maximum(part[rows], CONST0_NET)] for part in (first, second)]
            ends[rows] = builder.add(PAIR, np.stack([ends[rows], signal, *nets], axis=1))

    def _last(
        self,
        builder: NetlistBuilder,
        of_steps: dict[tuple[int, ...], int],
        here: IntArray,
        ends: IntArray,
    ) -> None:
        """An odd last step: its signal chooses."""
        step = self.picking.plan.steps - 1
        nets = self._plain(step)
        rows = nets >= 0
        if rows.any():
            signal = np.full(rows.sum(), of_steps[(step,)])
            # Where the signal is 1, the second slot.
            ends[rows] = builder.add(MUX, np.stack([ends[rows], here[nets[rows]], signal], axis=1))

    def _singles(
        self,
        builder: NetlistBuilder,
        step: int,
        of_steps: dict[tuple[int, ...], int],
        here: IntArray,
        ends: IntArray,
    ) -> None:
        rows = self.picking.absorbed[:, step]
        if not rows.any():
            return
        tables, inputs = self._gates(step)
        signal = np.full(rows.sum(), of_steps[(step,)])
        slots = np.stack([ends[rows], signal, *here[inputs].T], axis=1)
        ends[rows] = builder.add((_CALLED & tables) | (~_CALLED & _PREVIOUS), slots)

    def _plain(self, step: int) -> npt.NDArray[np.int64]:
        """Return `int64[classes, width]`: the net of each bit that is no absorbed gate, else -1."""
        plan = self.picking.plan
        order = plan.order[:, step]
        nets = np.take_along_axis(self.nets, np.maximum(order, 0), axis=1)
        return np.where((order < 0) | self.picking.absorbed[:, step], NO_BIT, nets)

    def _gates(self, step: int) -> tuple[npt.NDArray[np.uint64], IntArray]:
        """Return the absorbed gates of a step: tables over slots 2 and 3, and their two inputs."""
        rows = self.picking.absorbed[:, step]
        order = self.picking.plan.order[:, step]
        nets = np.take_along_axis(self.nets, np.maximum(order, 0), axis=1)[rows]
        return two_inputs(self.bits, nets - self.bits.first_gate)


def two_inputs(net: Netlist, gates: IntArray) -> tuple[npt.NDArray[np.uint64], IntArray]:
    """Return gates of at most two inputs as tables over slots 2 and 3, and `int32[gates, 2]`."""
    tables, inputs = [], []
    for table, row in zip(net.tables[gates], net.fanin[gates], strict=True):
        used = [
            slot
            for slot in range(net.fanin.shape[1])
            if (table ^ (table >> np.uint64(1 << slot))) & ~VARIABLE[slot]
        ]
        assert len(used) <= len("ab"), "a gate of two inputs"
        found = np.uint64(0)
        for code in range(4):
            row_bit = sum((code >> place & 1) << slot for place, slot in enumerate(used))
            if table >> np.uint64(row_bit) & np.uint64(1):
                high, low = VARIABLE[2], VARIABLE[3]
                found |= (high if code & 1 else ~high) & (low if code & 2 else ~low)
        tables.append(found)
        inputs.append([*(int(row[slot]) for slot in used), CONST0_NET, CONST0_NET][:2])
    rows = np.array(inputs, dtype=np.int32).reshape(-1, 2)
    return np.array(tables, dtype=np.uint64), rows

"""Windows of look-up tables: what one computes, and the network with another in its place."""

from __future__ import annotations

import numpy as np

from gatec.blocks import IntArray
from gatec.synth.jit import kernel
from gatec.synth.lut_state import LutArrays, copied, take_luts
from gatec.synth.luts import Luts
from gatec.synth.windows import Circuit, Window, make_circuit, still_convex


class LutCircuit:
    """A network whose tables stand anywhere in its arrays, who reads whom in it, and its levels.

    Attributes
    ----------
    arrays
        The network.
    circuit
        Who reads whom.
    depth
        No output may be deeper; None: any depth.
    level, required
        `int32[V]`: tables in a row up to each variable, and up to which it may grow.
    """

    def __init__(self, arrays: LutArrays, inputs: int, depth: int | None) -> None:
        self.arrays = arrays
        self.depth = depth
        self.circuit: Circuit = make_circuit(arrays.fanin, arrays.outputs, inputs)
        self.level = np.zeros(len(arrays.width), dtype=np.int32)
        self.required = np.full(len(arrays.width), np.iinfo(np.int32).max, dtype=np.int32)
        if depth is not None:
            self.required[arrays.outputs] = depth
            _set_levels(self.circuit, self.level, self.required)

    @classmethod
    def of(cls, luts: Luts, depth: int | None) -> LutCircuit:
        """Return the circuit of a network."""
        first = 1 + luts.inputs
        arrays = LutArrays(
            np.concatenate([np.zeros((first, luts.fanin.shape[1]), dtype=np.int32), luts.fanin]),
            np.concatenate([np.zeros(first, dtype=np.int32), luts.width]),
            np.concatenate([np.zeros(first, dtype=np.uint64), luts.tables]),
            np.array(luts.outputs),
        )
        return cls(arrays, luts.inputs, depth)

    def luts(self) -> Luts:
        """Return the network, sorted."""
        return take_luts(self.arrays, self.circuit.inputs)

    def window_luts(self, window: Window) -> tuple[Luts, IntArray, IntArray]:
        """Return what a window computes, its leaves' levels and up to which its roots may grow."""
        number = np.zeros(len(self.arrays.width), dtype=np.int32)
        number[window.leaves] = 1 + np.arange(len(window.leaves))
        number[window.gates] = 1 + len(window.leaves) + np.arange(len(window.gates))
        part = Luts(
            len(window.leaves),
            number[self.arrays.fanin[window.gates]],
            self.arrays.width[window.gates],
            self.arrays.tables[window.gates],
            number[window.roots],
        )
        return part, self.level[window.leaves], self.required[window.roots]

    def splice(self, window: Window, found: Luts) -> LutCircuit:
        """Return the circuit with a window replaced by a network of no more tables.

        A window that is no longer convex, or has no slack any more for levels that `found` adds,
        after others near it were replaced, stays as it is.
        """
        if not still_convex(self.circuit, window):
            return self
        # New tables take the places of the old.
        own = window.gates[: found.count]
        place = np.concatenate([[0], window.leaves, own]).astype(np.int32)
        fanin, width, tables, outputs = copied(self.arrays)
        moved = np.arange(len(width), dtype=np.int32)
        moved[window.roots] = place[found.outputs]
        fanin = moved[fanin]
        fanin[own] = place[found.fanin]
        width[own] = found.width
        tables[own] = found.tables
        arrays = LutArrays(fanin, width, tables, moved[outputs])
        spliced = LutCircuit(arrays, self.circuit.inputs, self.depth)
        late = self.depth is not None and (spliced.level > spliced.required).any()
        return self if late else spliced


@kernel
def _set_levels(circuit: Circuit, level: IntArray, required: IntArray) -> None:
    """Set the levels, and lower what is required of the gates from that of the outputs."""
    for gate in circuit.order:
        for source in circuit.sources[gate]:
            level[gate] = max(level[gate], level[source])
        level[gate] += 1
    for place in range(circuit.order.shape[0] - 1, -1, -1):
        gate = circuit.order[place]
        for source in circuit.sources[gate]:
            required[source] = min(required[source], required[gate] - 1)
    required[0] = np.iinfo(np.int32).max

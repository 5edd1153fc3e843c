"""Staged random circuits and their judges, for the tests of backends and simulation."""

from __future__ import annotations

import numpy as np
from helpers import random_netlist

from gatec.backends.cells import cells_model
from gatec.backends.verilog import Emitted
from gatec.bits import Bits, from_integers, pack, unpack
from gatec.evaluate import evaluate_outputs
from gatec.netlist import Netlist
from gatec.sim.rtl import RtlResult, Traffic, simulate_rtl
from gatec.sim.simulators import Simulator


def staged(net: Netlist, stages: int) -> Netlist:
    """Return the netlist with its levels spread evenly over at most `stages` stages."""
    levels = np.maximum(net.levels[net.first_gate :], 1) - 1
    depth = int(levels.max(initial=0)) + 1
    out = net.replace(stage=np.minimum(levels * stages // depth, stages - 1))
    out.verify()
    return out


def random_staged(
    seed: int, *, inputs: int = 12, gates: int = 40, outputs: int = 5, stages: int = 3, k: int = 4
) -> Netlist:
    """Return a random staged netlist."""
    rng = np.random.default_rng(seed)
    return staged(random_netlist(rng, inputs, gates, outputs, max_fanin=k), stages)


def every_input(width: int) -> Bits:
    """Return all vectors of `width` bits."""
    return from_integers(np.arange(1 << width), width)


def reference(net: Netlist, samples: Bits) -> Bits:
    """Return the outputs `[samples, bits]` of a netlist."""
    return unpack(evaluate_outputs(net, pack(samples)), len(samples))


def same_function(a: Netlist, b: Netlist) -> bool:
    """Return whether two netlists of few inputs agree on every vector."""
    vectors = every_input(a.num_inputs)
    return bool(np.array_equal(reference(a, vectors), reference(b, vectors)))


def run_rtl(
    emitted: Emitted,
    samples: Bits,
    traffic: Traffic | None = None,
    text: str | None = None,
    cells: str | None = None,
    simulator: Simulator = "icarus",
    timeout: float = 300,
) -> RtlResult:
    """Simulate an emitted core, or another text in its place, with models of its cells."""
    shape, style = emitted.shape, emitted.style
    return simulate_rtl(
        {
            "core.v": emitted.text if text is None else text,
            "cells.v": cells_model(style) if cells is None else cells,
        },
        shape.top,
        samples,
        beat_bits=shape.beat_bits,
        out_bits=shape.output_bits,
        out_beat_bits=shape.out_beat_bits,
        traffic=traffic,
        simulator=simulator,
        timeout=timeout,
    )

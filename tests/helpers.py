"""Random circuits and tool checks that tests of every area share."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from gatec.blocks import Argmax, Block, GroupSum, InputBits, LutLayer
from gatec.model import ModelGraph
from gatec.netlist import Netlist, Port, make_ports
from gatec.tables import Tables, expand

ABSENT = "../shared is absent"


def require(tool: str) -> str:
    """Return the path of a command; without it skip, or fail when GATEC_REQUIRE_TOOLS is 1."""
    found = shutil.which(tool)
    if found is not None:
        return found
    if os.environ.get("GATEC_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{tool} is not on PATH, and GATEC_REQUIRE_TOOLS is 1")
    pytest.skip(f"{tool} is not on PATH")


def random_tables(rng: np.random.Generator, fanin: int, count: int) -> Tables:
    """Return `count` random expanded tables of `fanin` inputs; any function, constants included."""
    return expand(rng.integers(0, 1 << 64, size=count, dtype=np.uint64), fanin)


def random_netlist(
    rng: np.random.Generator, inputs: int, gates: int, outputs: int, max_fanin: int = 4
) -> Netlist:
    """Return a netlist with every sort of redundancy, ports `x` and `y`.

    Gates have 0 to `max_fanin` inputs, may read constants or one net twice, and may have no
    reader; outputs may be constants, inputs, or the same gate twice. Half of the operands are
    recent nets, so that the depth grows with the size.
    """
    first_gate = 2 + inputs
    own = first_gate + np.arange(gates)[:, None]
    anywhere = rng.integers(0, own, size=(gates, max_fanin))
    recent = np.maximum(own - rng.integers(1, 9, size=(gates, max_fanin)), 0)
    fanin = np.where(rng.random((gates, max_fanin)) < 0.5, anywhere, recent)
    arity = rng.choice(max_fanin + 1, size=gates, p=_arity_weights(max_fanin))
    fanin[np.arange(max_fanin) >= arity[:, None]] = 0
    tables = np.zeros(gates, dtype=np.uint64)
    for count in range(max_fanin + 1):
        chosen = arity == count
        tables[chosen] = random_tables(rng, count, int(chosen.sum()))
    last = np.arange(max(0, first_gate + gates - outputs), first_gate + gates)
    odd = rng.integers(0, first_gate + gates, size=outputs)
    pick = np.where(rng.random(outputs) < 0.7, rng.choice(last, size=outputs), odd)
    net = Netlist("random", make_ports(("x", inputs)), (Port("y", pick),), fanin, tables)
    net.verify()
    return net


def random_layers_model(
    rng: np.random.Generator,
    inputs: int,
    widths: list[int],
    classes: int | None,
    fanin: int = 2,
) -> ModelGraph:
    """Return a net of `widths` random gates; with `classes`, it ends in GroupSum and Argmax."""
    blocks: list[Block] = [InputBits("input", inputs)]
    for i, width in enumerate(widths):
        before = blocks[-1].out_width
        wiring = rng.integers(0, before, size=(width, fanin))
        blocks.append(LutLayer(f"layer{i}", before, wiring, random_tables(rng, fanin, width)))
    if classes is not None:
        blocks += [GroupSum("groupsum", widths[-1], classes), Argmax("argmax", classes)]
    return ModelGraph.chain(blocks, "random")


def _arity_weights(max_fanin: int) -> list[float]:
    """Return how often a gate has each number of inputs: mostly two or more."""
    weights = np.array([1, 3] + [16] * (max_fanin - 1))[: max_fanin + 1].astype(float)
    return [float(w) for w in weights / weights.sum()]

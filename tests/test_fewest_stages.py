"""The search for the fewest stages that meet a clock, with circuits that are not really routed."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from helpers import random_netlist
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.chain_graph import Weights, whole_chains
from gatec.console import Progress
from gatec.devices.device import Delays
from gatec.errors import LimitError
from gatec.fewest_stages import MAX_TRIES, Built, Ladder, Search
from gatec.flows.base import Flow
from gatec.mapping import Mapped
from gatec.netlist import Netlist
from gatec.passes.pipeline import fewest_stages

GUESS = Delays(clock_to_q=0.5, lut=0.5, setup=0.5, near=0.5, far=2.0)
MAPPED = cast("Mapped", SimpleNamespace(model=SimpleNamespace(name="net")))


def deep(seed: int) -> Netlist:
    """A circuit of some fifteen levels."""
    return random_netlist(np.random.default_rng(seed), 5, 90, 3)


def search(
    net: Netlist,
    clock: float,
    real: Callable[[float], float],
    *,
    fewest: bool = True,
    weights: Weights | None = None,
) -> Search:
    """Return a search over a circuit whose stages really take `real(levels)` ns."""
    weights = weights or Weights()
    flow = SimpleNamespace(
        weights=weights,
        wants_fewest=fewest,
        period=GUESS.period,
        reached="routed at",
        faster="a faster --device",
    )

    def build(length: int) -> Built:
        staged = SimpleNamespace(num_stages=fewest_stages(graph, length))
        physical: dict[str, Any] = {"fmax_mhz": 1000 / real(length / weights.lut), "seed": 7}
        return cast("Any", SimpleNamespace(netlist=staged)), physical, {}

    graph = whole_chains(net, weights)
    ladder = Ladder([graph])
    return Search(cast("Flow", flow), MAPPED, ladder, clock, build, Progress())


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 5),
    st.floats(40, 250),
    st.floats(0.3, 3.0),
    st.floats(0.0, 4.0),
    st.integers(1, 12),
    st.sampled_from([1, 4]),
)
def test_the_fewest_stages_are_found(
    seed: int, clock: float, slope: float, fixed: float, start: int, lut: int
) -> None:
    net = deep(seed)

    def real(levels: float) -> float:
        return fixed + slope * levels

    found = search(net, clock, real, weights=Weights(lut))
    steps = found.ladder.steps
    enough = [n for n in steps if real(found.ladder.length(n) / lut) <= 1000 / clock]
    if not enough:
        with pytest.raises(LimitError, match=f"clock of .* MHz: routed at {1000 / real(1):.1f}"):
            found.run(start * lut)
        return
    design, physical, _ = found.run(start * lut)
    assert physical is not None
    assert design.netlist.num_stages == enough[0]
    assert physical["fmax_mhz"] >= clock
    tries = physical["tries"]
    # Each number once, and the one below as a miss.
    assert len({one["stages"] for one in tries}) == len(tries) <= MAX_TRIES
    below = [n for n in steps if n < enough[0]]
    assert not below or below[-1] in [one["stages"] for one in tries]


def test_a_board_is_content_with_the_first_that_meets_its_clock() -> None:
    found = search(deep(1), 50.0, lambda levels: levels, fewest=False)
    design, physical, _ = found.run(5)
    assert physical is not None
    assert [one["stages"] for one in physical["tries"]] == [design.netlist.num_stages]
    assert physical["tries"][0]["seed"] == 7


def test_what_is_not_routed_is_built_once() -> None:
    found = search(deep(1), 50.0, lambda levels: levels)
    build = found.build
    found.build = lambda length: (build(length)[0], None, {})
    assert found.run(5)[1] is None


@pytest.mark.parametrize("seed", range(3))
def test_lengths_are_the_least_for_their_stages(seed: int) -> None:
    net = deep(seed)
    ladder = Ladder([whole_chains(net)])
    depth = int(net.levels.max())
    assert (ladder.steps[0], ladder.steps[-1]) == (1, depth)
    assert ladder.length(1) == depth
    for stages in range(1, depth + 1):
        length = ladder.length(stages)
        assert ladder.stages(length) <= stages
        assert length == 1 or ladder.stages(length - 1) > stages

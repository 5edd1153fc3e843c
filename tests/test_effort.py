"""`--effort` bounds the searches of `-O3` by steps: the same steps give the same circuit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers_synthetic import synthetic_model

from gatec import mapping
from gatec.console import Progress
from gatec.options import CompileOptions
from gatec.proof.cover import has_kernels
from gatec.synth import lut_search
from gatec.text import to_text

MODEL = synthetic_model(1440, inputs=64).with_output("scores")


def mapped(effort: int | None) -> mapping.Mapped:
    options = CompileOptions(optimise=3, effort=effort, output="scores", head="carry")
    return mapping.map_model(MODEL, 4, options, Progress(), chains=True)


def test_effort_bounds_the_steps_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_kernels():
        pytest.skip("numba is absent")
    real, steps = lut_search.by_lut_windows, []

    def noting(luts: Any, k: int, clock: Any, effort: Any, depth: int | None = None) -> Any:
        steps.append(effort.steps)
        return real(luts, k, clock, effort, depth)

    monkeypatch.setattr(lut_search, "by_lut_windows", noting)
    few, more = mapped(1), mapped(80_000)
    gates = more.passes[-1].gates_before
    # 500 of 2,000,000 steps are for each look-up table; a 25th of those, a 25th of these.
    assert steps == [1, 20 * gates]
    assert more.netlist.num_gates < few.netlist.num_gates
    assert to_text(mapped(80_000).netlist) == to_text(more.netlist)


@pytest.mark.parametrize(("effort", "orders"), [(1, 1), (100_000, 2), (400_000, 8), (None, 40)])
def test_effort_bounds_the_orders_tried(
    effort: int | None, orders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[np.ndarray] = []

    def search(model: Any, plan: Any, others: list[np.ndarray], lut_inputs: int) -> Any:
        tried.extend([plan.order, *others])
        return plan

    monkeypatch.setattr(mapping, "_search", search)
    mapping.plan_head(MODEL, 4, CompileOptions(optimise=3, effort=effort))
    assert len(tried) == orders

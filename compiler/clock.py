"""Meet a clock: build and route, and again with shorter stages where that missed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gatec.console import Progress
from gatec.design import Design
from gatec.errors import LimitError
from gatec.flows.base import Flow

# A clock that the estimate missed is tried again with shorter stages, this often at most.
_CLOCK_TRIES = 4

AnyDesign = TypeVar("AnyDesign", bound=Design)


def meet_clock(
    build: Callable[[int | None, int | None], AnyDesign], flow: Flow, name: str, progress: Progress
) -> tuple[AnyDesign, dict[str, Any] | None, dict[str, bytes]]:
    """Build and route; where a clock is required, again with shorter stages until it is met.

    Parameters
    ----------
    build
        Returns the design for a number of stages or for the LUT levels of one.
    name
        The model's, for errors.

    Raises `LimitError` where the clock is not met.
    """
    stages, levels = flow.pipelining()
    clock = flow.required_clock
    for left in reversed(range(_CLOCK_TRIES)):
        design = build(stages, levels)
        physical, files = flow.finish(design, progress)
        fmax = None if physical is None else physical["fmax_mhz"]
        if clock is None or fmax is None or fmax >= clock:
            return design, physical, files
        if levels is None or levels == 1 or not left:
            break
        shorter = max(1, min(levels - 1, int(levels * fmax / clock)))
        progress.note(f"{fmax:.1f} MHz with {levels} LUT levels a stage: trying {shorter}")
        levels = shorter
    raise LimitError(
        f"clock of {clock:g} MHz: {flow.reached} {fmax:.1f} MHz",
        file=name,
        expected=f"a lower --clock or {flow.faster}",
    )

"""The fewest pipeline stages with which a clock is met, by routing and not by guess.

A design is built and routed with some number of stages. Where it misses the clock, the next has
more; where it meets it, the next has fewer, until one stage fewer is known to miss. Which number is
tried next says the flow's estimate of a stage's delay, corrected by the nearest try: what that one
reached over what the estimate said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gatec.chain_graph import ChainGraph, whole_chains
from gatec.console import Progress
from gatec.design import Design, build_design
from gatec.errors import LimitError, UsageError
from gatec.flows.base import Files, Flow, Physical
from gatec.mapping import Mapped
from gatec.options import CompileOptions
from gatec.passes.pipeline import fewest_stages
from gatec.sequences import Steps

# Designs that are built and routed for one clock, at most; each with all seeds.
MAX_TRIES = 8

Built = tuple[Design, Physical | None, Files]


class ClockMissed(LimitError):
    """No design meets the clock.

    Attributes
    ----------
    fmax_mhz
        What the fastest reached.
    """

    def __init__(self, fmax_mhz: float, message: str, **where: Any) -> None:
        super().__init__(message, **where)
        self.fmax_mhz = fmax_mhz


@dataclass(frozen=True)
class Try:
    """One routed design.

    Attributes
    ----------
    stages
        How many it has.
    levels
        LUT levels that a stage may have; chains count by their delay.
    fmax_mhz, seed
        What the best seed reached.
    """

    stages: int
    levels: float
    fmax_mhz: float
    seed: int | None


def meet_with_fewest(
    mapped: Mapped,
    flow: Flow,
    options: CompileOptions,
    progress: Progress,
    steps: Steps | None = None,
) -> Built:
    """Build and route a design; where a clock is required, with the stages that it needs.

    `steps` says how class sums may be counted in steps. Then the number of stages is that of the
    circuit that counts them at once with stages as long; or the flow tries one stage first.

    Raises
    ------
    UsageError
        Steps are insisted on, and a clock that the flow's one stage of steps misses.
    LimitError
        The clock is not met: with the most stages, or after so many tries.
    """
    stages, levels = flow.pipelining()
    clock = flow.required_clock
    if clock is None or levels is None:
        design = build_design(
            mapped,
            flow.emit,
            options,
            progress,
            stages=stages,
            levels_per_stage=levels,
            steps=steps,
        )
        physical, files = flow.finish(design, progress)
        fmax = None if physical is None else physical["fmax_mhz"]
        if clock is not None and fmax is not None and fmax < clock:
            raise _missed(flow, mapped, clock, fmax)
        return design, physical, files

    if steps is not None and flow.counts_at_a_clock:
        found = _in_steps(mapped, flow, options, progress, steps)
        if found is not None:
            return found
    if options.head == "sequential" and flow.counts_at_a_clock:
        raise UsageError(
            f"--head sequential for a clock of {clock:g} MHz", expected="--levels-per-stage N"
        )

    graphs = [whole_chains(net, flow.weights) for net in (mapped.netlist, *mapped.others)]
    ladder = Ladder(graphs)
    # A flow that has tried steps in one stage counts all at once in several.
    first = _search(mapped, flow, progress, ladder, None if flow.counts_at_a_clock else steps)
    try:
        return first.run(levels * flow.weights.lut)
    except ClockMissed as missed:
        # With credits they are counted at once.
        asked = options.flow_control is not None or options.head == "sequential"
        if asked or not flow.has_credits:
            raise
        progress.note(f"{missed.fmax_mhz:.1f} MHz with ranks that wait: trying credits")
        flow = replace(flow, options=replace(options, flow_control="credits"))
        search = _search(mapped, flow, progress, ladder, None)
        return search.run(levels * flow.weights.lut)


def _in_steps(
    mapped: Mapped, flow: Flow, options: CompileOptions, progress: Progress, steps: Steps
) -> Built | None:
    """Return the design of one stage that takes several cycles; None where it misses the clock."""
    design = build_design(mapped, flow.emit, options, progress, stages=1, steps=steps)
    if design.mapped.sequence is None:
        return None
    physical, files = flow.finish(design, progress)
    fmax, clock = None if physical is None else physical["fmax_mhz"], flow.required_clock
    return None if fmax is None or clock is None or fmax < clock else (design, physical, files)


def _search(
    mapped: Mapped,
    flow: Flow,
    progress: Progress,
    ladder: Ladder,
    steps: Steps | None,
) -> Search:
    """Return the search for the fewest stages with one shell."""

    def build(length: int) -> Built:
        design = build_design(
            mapped,
            flow.emit,
            flow.options,
            progress,
            levels_per_stage=length,
            weights=flow.weights,
            steps=steps,
        )
        return (design, *flow.finish(design, progress))

    clock = flow.required_clock
    assert clock is not None, "a search has a clock to meet"
    return Search(flow, mapped, ladder, clock, build, progress)


class Ladder:
    """How long stages must be for a number of stages, over several choices of a circuit.

    Attributes
    ----------
    shortest
        The fewest steps that a stage can have.
    steps
        The numbers of stages that there are, ascending.
    """

    def __init__(self, graphs: Sequence[ChainGraph]) -> None:
        self.graphs = graphs
        # A stage holds the longest gate of one of the choices at least.
        self.shortest = min(graph.longest for graph in graphs)
        self._stages: dict[int, int] = {}
        most = self.stages(self.shortest)
        # Block RAMs may want more than one, however long.
        deepest = max(
            (int(graph.net.levels.max(initial=0)) + 1) * int(graph.steps.max(initial=1))
            for graph in graphs
        )
        least = self.stages(deepest)
        # Some numbers come with no length: a step more for a stage can save several.
        self.steps = sorted({self.stages(self.length(stages)) for stages in range(least, most + 1)})

    def stages(self, length: int) -> int:
        """Return the fewest stages of so many steps, at least `shortest`."""
        if length not in self._stages:
            fit = [graph for graph in self.graphs if graph.longest <= length]
            self._stages[length] = min(fewest_stages(graph, length) for graph in fit)
        return self._stages[length]

    def length(self, stages: int) -> int:
        """Return the fewest steps with which there are at most so many stages."""
        low, high = self.shortest, self.shortest
        while self.stages(high) > stages:
            low, high = high + 1, 2 * high
        while low < high:
            middle = (low + high) // 2
            if self.stages(middle) <= stages:
                high = middle
            else:
                low = middle + 1
        return high


@dataclass
class Search:
    """A search for the fewest stages."""

    flow: Flow
    mapped: Mapped
    ladder: Ladder
    clock: float
    build: Callable[[int], Built]
    progress: Progress
    tries: list[Try] = field(default_factory=list)

    def run(self, length: int) -> Built:
        """Return the design with the fewest stages that was found, starting with a length."""
        # Known to miss, and known to meet.
        missed, met = 0, self.ladder.steps[-1] + 1
        best: Built | None = None
        stages = self.ladder.stages(max(length, self.ladder.shortest))
        while stages and len(self.tries) < MAX_TRIES:
            length = self.ladder.length(stages)
            design, physical, files = self.build(length)
            if physical is None or physical["fmax_mhz"] is None:
                return design, physical, files
            levels = length / self.flow.weights.lut
            fmax, found = physical["fmax_mhz"], design.netlist.num_stages
            self.tries.append(Try(found, levels, fmax, physical.get("seed")))
            if fmax >= self.clock:
                best, met = (design, physical, files), stages
                if not self.flow.wants_fewest:
                    break
            else:
                missed = stages
            stages = self._next(missed, met)
            if stages:
                self.progress.note(f"{fmax:.1f} MHz with {found} stages: trying {stages}")
        if best is None:
            raise _missed(
                self.flow, self.mapped, self.clock, max(one.fmax_mhz for one in self.tries)
            )
        design, physical, files = best
        assert physical is not None
        return design, physical | {"tries": [asdict(one) for one in self.tries]}, files

    def _next(self, missed: int, met: int) -> int:
        """Return the fewest stages between the two that probably meet the clock; 0 without any."""
        wanted = 1000 / self.clock
        between = [one for one in self.ladder.steps if missed < one < met]
        likely = (one for one in between if self._period(one) <= wanted)
        return next(likely, between[-1] if between else 0)

    def _period(self, stages: int) -> float:
        """Return what a stage probably takes: the estimate, corrected by the nearest try."""
        levels = self.ladder.length(stages) / self.flow.weights.lut
        near = min(self.tries, key=lambda one: abs(one.levels - levels))
        return self.flow.period(levels) * 1000 / near.fmax_mhz / self.flow.period(near.levels)


def _missed(flow: Flow, mapped: Mapped, clock: float, fmax: float) -> ClockMissed:
    return ClockMissed(
        fmax,
        f"clock of {clock:g} MHz: {flow.reached} {fmax:.1f} MHz",
        file=mapped.model.name,
        expected=f"a lower --clock or {flow.faster}",
    )

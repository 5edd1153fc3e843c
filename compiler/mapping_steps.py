"""The passes that map, as the options of a compilation want them, and running them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gatec.care import NO_FACTS, Care
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.passes import AROUND_CHAINS, CLEAN, MAP_FAST, PIPELINES, WINDOWS, Pass, Step
from gatec.passes.map_fast import map_fast, maps_itself
from gatec.passes.runner import PassReport, run_passes
from gatec.passes.windows import MOST_STEPS, STEPS_EACH
from gatec.proof.cover import Route


def noting_routes(steps: Sequence[Step]) -> tuple[list[Step], list[Route]]:
    """Return the steps such that the fast mapper notes its route, and the list that it notes in."""
    routes: list[Route] = []
    return having(steps, MAP_FAST, routes=routes), routes


def having(steps: Sequence[Step], chosen: Pass, **more: object) -> list[Step]:
    """Return the steps with keyword arguments of one pass set."""
    return [
        step.having(**more) if isinstance(step, Pass) and step.name == chosen.name else step
        for step in steps
    ]


def mapping_steps(options: CompileOptions, lut_inputs: int, *, chains: bool = False) -> list[Step]:
    """Return the passes of a compilation that map, around chains or not."""
    level = options.optimise
    chosen = AROUND_CHAINS.get(level, PIPELINES[level]) if chains else PIPELINES[level]
    if options.effort is None:
        return list(chosen(lut_inputs))
    each = max(1, STEPS_EACH * options.effort // MOST_STEPS)
    return having(chosen(lut_inputs), WINDOWS, most_steps=options.effort, steps_each=each)


def fast_route(reference: Netlist, lut_inputs: int) -> Route:
    """Return how `-O1` makes look-up tables of a reference netlist, as a hint for the proof."""
    routes: list[Route] = []
    cleaned, _ = run_passes(reference, [CLEAN])
    if maps_itself(cleaned):
        map_fast(cleaned, lut_inputs, routes=routes)
    return routes[0] if routes else ()


def run_mapping(
    net: Netlist,
    steps: Sequence[Step],
    options: CompileOptions,
    part: str = "",
    *,
    care: Care = NO_FACTS,
) -> tuple[Netlist, list[PassReport]]:
    """Run passes; `part` names what of the circuit it is, in reports and dumps.

    `care` says which inputs occur: passes need to be right on those only.
    """
    folder = options.dump_passes
    netlist, reports = run_passes(
        net,
        steps,
        dump_dir=folder / part if folder is not None and part else folder,
        prove_each=options.prove_each,
        care=care,
    )
    if part:
        reports = [replace(report, name=f"{report.name} ({part})") for report in reports]
    return netlist, reports

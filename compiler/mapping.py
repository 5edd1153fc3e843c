"""From a model to a netlist of LUTs, and of carry chains where the target has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gatec.assumptions import stated_care
from gatec.blocks import GroupSum
from gatec.blocks_threshold import ThresholdLayer
from gatec.care import NO_FACTS, Care
from gatec.cone import complemented, cone, connected
from gatec.console import Progress
from gatec.devices.fabrics import BlockRam
from gatec.fact_steps import steps_before, steps_behind
from gatec.heads.by_class import ClassCircuit
from gatec.heads.carry import MOST_ADDS, carry_head
from gatec.heads.group import group_bits
from gatec.heads.rom_lowering import reads_netlist
from gatec.heads.roms import RomPlan, plan_reads
from gatec.heads.sequence import StepCircuit
from gatec.heads.tree import HeadPlan, StepPlan, chain_cost, plan_tree
from gatec.lowering.model import Lowering, lower
from gatec.mapping_steps import having, mapping_steps, noting_routes, run_mapping
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.passes import MAP_BEST, PIPELINES, Step, tidy
from gatec.passes.prune import prune
from gatec.passes.runner import PassReport, run_passes
from gatec.passes.windows import MOST_STEPS
from gatec.proof.arithmetic import check_lowering
from gatec.proof.cover import Route
from gatec.segments import take_apart

# Gates from which on a layer of threshold neurons is not mapped. On 64 neurons of 784 inputs ABC's
# mapping takes 38 s to save 2 % of the look-up tables, and the proof 368 s where it takes 1.
_WIDE = 10_000

# From this effort on, the sums go on carry chains.
_CARRY_EFFORT = 2
# And from this one on, other orders of the bits are tried: one for so many steps of `--effort`, and
# for each gate so many. By default 40, or 200,000 gates in all.
_SEARCH_EFFORT = 3
_STEPS_A_TRY = 50_000
_STEPS_A_TRIED_GATE = 10
# And only where classes have so many bits: with 20 each, a trained net of 800 gates in stages of
# four levels takes 508 logic cells with chains and 492 without; with 30 each, 645 and 675.
_CARRY_BITS = 24

# Reads of block RAMs leave the other bits to look-up tables, not to chains: from this ratio of both
# estimates on, chains are smaller. With 80 bits a class and 30 block RAMs it is 1.16, and a trained
# net of 3,200 gates takes 2,071 LUT4 in stages of four levels with reads, and 2,180 with chains.
_OVER_CHAINS = 1.2

Order = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mapped:
    """A model's circuit before pipelining.

    Attributes
    ----------
    model
        Ends in the block that the circuit's output shows.
    lowering
        The reference netlist, proved to be the model.
    netlist
        Mapped to LUTs, without stages.
    passes
        What each pass did.
    facts
        What the arithmetic proof established.
    inverted
        `bool[cut bits]`: the bits of the reference netlist's cuts that `netlist` holds inverted.
    head
        How the class sums are built: `tree`, `carry`, `sequential` or `rom`; None where there are
        none.
    plan
        Of a head on carry chains, in steps, or with reads of block RAMs.
    others
        The same with fewer additions on a chain, or mapped for depth: more logic cells, fewer
        levels.
    route
        How `netlist` was made from the reference netlist, where that helps the proof.
    sequence
        Of a circuit whose class sums are counted in steps.
    care
        What the user states about the inputs: on other vectors the circuit may be anything.
    """

    model: ModelGraph
    lowering: Lowering
    netlist: Netlist
    passes: list[PassReport]
    facts: list[str]
    inverted: npt.NDArray[np.bool_]
    head: str | None = None
    plan: HeadPlan | RomPlan | StepPlan | None = None
    others: tuple[Netlist, ...] = ()
    route: Route = ()
    sequence: StepCircuit | ClassCircuit | None = None
    care: Care = NO_FACTS


def map_model(
    model: ModelGraph,
    lut_inputs: int,
    options: CompileOptions,
    progress: Progress,
    *,
    chains: bool = False,
    block_ram: BlockRam | None = None,
    keep_gates: bool = False,
) -> Mapped:
    """Lower a model, prove the lowering, optimise and map it.

    Parameters
    ----------
    chains
        Whether the target has carry chains.
    block_ram
        The target's block RAM, of which the options say how many may be used.
    keep_gates
        Clean up only: the target's own mapper sees gates and adder cells.
    """
    model = model.with_output(options.output)
    care = stated_care(options.assume, model.num_inputs)
    plan: HeadPlan | RomPlan | None = None
    head = "tree" if any(isinstance(block, GroupSum) for block in model.blocks) else None
    if block_ram is not None and options.block_rams:
        plan = plan_roms(model, block_ram, options.block_rams)
        if plan is not None and chains and _wants_chains(model, options):
            plan = plan if plan.cost < _OVER_CHAINS * chain_cost(plan.group) else None
    if plan is None and chains and _wants_chains(model, options):
        with progress.step("plan the class sums on carry chains"):
            plan = plan_head(model, lut_inputs, options)
    if plan is not None:
        head = "rom" if isinstance(plan, RomPlan) else "carry"
    with progress.step(f"lower {model.num_gates} gates, prove the sums"):
        lowering = lower(model, plan)
        facts = check_lowering(model, lowering)
    reference = lowering.netlist
    route: Route = ()
    mapping = "" if keep_gates else f", map to LUT{lut_inputs}"
    with progress.step(f"optimise -O{options.optimise}{mapping}"):
        known, first = reference, list[PassReport]()
        before = steps_before(model, lowering, care, options)
        if before:
            known, first = run_mapping(reference, before, options, "facts", care=care)
        if plan is None:
            if keep_gates:
                netlist, reports = run_mapping(known, tidy(lut_inputs), options)
            else:
                netlist, reports, route = _optimise(known, lut_inputs, options, care)
            others: list[Netlist] = []
            inverted = np.zeros(len(reference.cut_nets), dtype=bool)
        elif isinstance(plan, RomPlan):
            assert block_ram is not None
            netlist, reports = _around_reads(known, plan, block_ram, lut_inputs, options, care=care)
            others, inverted = [], np.zeros(len(reference.cut_nets), dtype=bool)
        else:
            (netlist, *others), reports, inverted = _around_chains(
                known, plan, lut_inputs, options, care
            )
    return Mapped(
        model,
        lowering,
        netlist,
        [*first, *reports],
        facts,
        inverted,
        head,
        plan,
        tuple(others),
        route,
        care=care,
    )


def _wants_chains(model: ModelGraph, options: CompileOptions) -> bool:
    sums = [block for block in model.blocks if isinstance(block, GroupSum)]
    if options.head == "tree" or len(sums) != 1:
        return False
    if any(isinstance(block, ThresholdLayer) for block in model.blocks):
        return False
    large = options.optimise >= _CARRY_EFFORT and sums[0].group >= _CARRY_BITS
    return options.head == "carry" or large


def plan_head(model: ModelGraph, lut_inputs: int, options: CompileOptions) -> HeadPlan | None:
    """Return how to count the bits of each class on chains; None where they are too few."""
    (sums,) = (block for block in model.blocks if isinstance(block, GroupSum))
    leaves, adds = plan_tree(sums.group)
    if not adds:
        return None
    bits = lower(model.with_output("bits")).netlist
    # ABC's mapping leaves more bits to gates of two inputs: orders by our own mapper's end with 2 %
    # more look-up tables in front of the chains on tt10, 0.4 to 1.5 % on others, 800x4 even.
    mapped, _ = run_passes(bits, PIPELINES[min(options.optimise, _CARRY_EFFORT)](lut_inputs))
    plan = HeadPlan(np.zeros((sums.classes, 0), dtype=np.int64), leaves, adds)
    inverted = plan.wanted_inverted[: len(leaves)]
    searching = options.optimise >= _SEARCH_EFFORT
    steps = (options.effort or MOST_STEPS) if searching else 0
    tries = steps // max(_STEPS_A_TRY, _STEPS_A_TRIED_GATE * model.num_gates)
    first, *others = (
        group_bits(mapped, sums.classes, leaves, seed, inverted=inverted)
        for seed in range(max(1, tries))
    )
    plan = replace(plan, order=first)
    return _search(model, plan, others, lut_inputs) if searching else plan


def _search(
    model: ModelGraph, plan: HeadPlan, orders: Sequence[Order], lut_inputs: int
) -> HeadPlan:
    """Return the best of the plan and the other orders, by mapping; then of it with single classes
    taken from the others.
    """

    def size(order: Order) -> int:
        lowered = lower(model, replace(plan, order=order)).netlist
        front = prune(lowered.replace(outputs=lowered.cuts[:1], cuts=()))
        return run_passes(front, PIPELINES[_CARRY_EFFORT](lut_inputs))[0].num_gates

    best = min([plan.order, *orders], key=size)
    fewest = size(best)
    for number, other in enumerate(orders):
        trial = best.copy()
        one = number % len(best)
        trial[one] = other[one]
        found = size(trial)
        if found < fewest:
            best, fewest = trial, found
    return replace(plan, order=best)


def plan_roms(model: ModelGraph, ram: BlockRam, most_rams: int) -> RomPlan | None:
    """Return how to count the bits of each class with block RAMs; None where they do not help."""
    sums = [block for block in model.blocks if isinstance(block, GroupSum)]
    if len(sums) != 1 or any(isinstance(block, ThresholdLayer) for block in model.blocks):
        return None
    plan = plan_reads(sums[0].group, sums[0].classes, ram, most_rams)
    return plan if plan.reads else None


def _optimise(
    net: Netlist, lut_inputs: int, options: CompileOptions, care: Care
) -> tuple[Netlist, list[PassReport], Route]:
    """Run the passes: on each segment by itself where there are several cuts.

    A mapper gains next to nothing on wide sums, whose adder cells fit look-up tables as they are,
    and restructures what the proof then searches for in vain: large segments are only cleaned up.
    """
    segments = take_apart(net) if len(net.cuts) > 1 else None
    if segments is None:
        steps = [*mapping_steps(options, lut_inputs), *steps_behind(care, options)]
        noting, routes = noting_routes(steps)
        netlist, reports = run_mapping(net, noting, options, care=care)
        return netlist, reports, routes[0] if routes else ()
    found, every = [], []
    for number, segment in enumerate(segments):
        wide = segment.num_gates > _WIDE and options.optimise
        chosen: Sequence[Step] = tidy(lut_inputs) if wide else mapping_steps(options, lut_inputs)
        done, more = run_mapping(segment, chosen, options, f"segment{number}")
        found.append(done)
        every += more
    return connected(found, net), every, ()


def _choices(
    net: Netlist,
    steps: Sequence[Step],
    options: CompileOptions,
    part: str = "",
    care: Care = NO_FACTS,
) -> tuple[list[Netlist], list[PassReport]]:
    """Run passes; return the smallest netlist and, if one was found, another of fewer levels."""
    flatter: list[Netlist] = []
    noting = having(steps, MAP_BEST, flatter=flatter)
    smallest, reports = run_mapping(net, noting, options, part, care=care)
    return [smallest, *flatter], reports


def _around_chains(
    reference: Netlist,
    plan: HeadPlan,
    lut_inputs: int,
    options: CompileOptions,
    care: Care,
) -> tuple[list[Netlist], list[PassReport], npt.NDArray[np.bool_]]:
    """Map what is in front of the chains and what is behind them, and put the chains between.

    Returns the netlists, of the fewest logic cells first and with many additions on a chain to one,
    the reports, and which bits of the cuts are inverted in all of them.
    """
    scores = [port.nets for port in reference.cuts[1:]]
    heads = [carry_head(plan, reference.name, adds) for adds in range(MOST_ADDS, 0, -1)]
    (turned,) = {head.inverted.tobytes(): head.inverted for head in heads}.values()
    # Not `cone`: the front reads the netlist's own input port.
    front = prune(reference.replace(outputs=reference.cuts[:1], cuts=()))
    nothing = np.zeros(reference.num_inputs, dtype=bool)
    front = complemented(front, nothing, turned)
    steps = mapping_steps(options, lut_inputs, chains=True)
    known = [*steps, *steps_behind(care, options)]
    fronts, reports = _choices(front, known, options, "gates", care)
    backs: list[Netlist] = []
    inverted = [turned]
    if scores:
        back = cone(reference, scores[0], reference.output_nets)
        backs, more = _choices(back, steps, options, "argmax")
        reports += more
        inverted.append(np.zeros(len(scores[0]), dtype=bool))
    around = [(fronts[0], backs[:1])]
    around += [(fronts[0], [back]) for back in backs[1:]]
    around += [(front, backs[-1:]) for front in fronts[1:]]
    nets = [
        connected([front, head.netlist, *back], reference)
        for front, back in around
        for head in heads
    ]
    return nets, reports, np.concatenate(inverted)


def _around_reads(
    reference: Netlist,
    plan: RomPlan,
    ram: BlockRam,
    lut_inputs: int,
    options: CompileOptions,
    *,
    care: Care,
) -> tuple[Netlist, list[PassReport]]:
    """Map what is in front of the reads of block RAMs, behind them, and behind the scores."""
    cuts = [port.nets for port in reference.cuts]
    steps = PIPELINES[options.optimise](lut_inputs)
    front = prune(reference.replace(outputs=reference.cuts[:1], cuts=()))
    known = [*steps, *steps_behind(care, options)]
    front, reports = run_mapping(front, known, options, "gates", care=care)
    classes = len(cuts[plan.layers]) // len(plan.left)
    reads = [
        reads_netlist(plan, layer, classes, ram.ports, ram.read_levels)
        for layer in range(1, plan.layers + 1)
    ]
    behind = []
    ends = [*cuts[plan.layers :], reference.output_nets]
    for name, sources, sinks in zip(("sums", "argmax"), ends, ends[1:], strict=False):
        part, more = run_mapping(cone(reference, sources, sinks), steps, options, name)
        behind.append(part)
        reports += more
    return connected([front, *reads, *behind], reference), reports

"""Put a circuit together that counts one class after the other, and keeps the best so far.

In each phase the lanes (`gatec.heads.turns`) bring some bits of one class, which are counted and
added to the one running total. When a class has had its steps, its total is compared with the best
so far; where it is greater, it takes its place, and the class's number that of the answer. A tie
goes to the class before. So there is one counter and one comparator, however many classes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.heads.carry import MOST_ADDS
from gatec.heads.picking import PAIR, pick
from gatec.heads.sequence import (
    StepCircuit,
    Timing,
    count_in_tables,
    count_on_chains,
    inverted_outputs,
)
from gatec.heads.tree import StepPlan
from gatec.heads.turns import Turns
from gatec.joining import Joiner
from gatec.lowering.argmax import greater
from gatec.netlist import Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import AND2, MUX, VARIABLE, expand
from gatec.unroll import PHASE_PORT

_AND_NOT = VARIABLE[0] & ~VARIABLE[1]

Map = Callable[[Netlist], Netlist]


def count_in_turn(
    plan: StepPlan, timing: Timing, phase_bits: int, map_tables: Map, *, chains: bool
) -> tuple[Netlist, npt.NDArray[np.bool_]]:
    """Return what counts a step, adds it to the total, and compares a class's total with the best.

    Inputs: the bits of the phase, the picked bits, then the state: total, best, and the number of
    the best. Outputs: the next state. And which picked bits are to come inverted: `bool[width]`.

    Parameters
    ----------
    map_tables
        Maps to look-up tables.
    chains
        Whether to add on carry chains.
    """
    size, number_bits = plan.score_bits, (plan.classes - 1).bit_length()
    one = StepPlan(plan.order[:1], plan.leaves, plan.adds)
    inputs = make_ports(("x", phase_bits + plan.width + 2 * size + number_bits))
    ends = np.cumsum([phase_bits, plan.width, size, size])
    phase, picked, total, best, number = np.split(inputs[0].nets, ends)
    starts, compares, classes = _calendar(plan, timing, phase_bits)
    joiner = Joiner(int(inputs[0].nets[-1]) + 1)

    def add(part: Netlist, *sources: IntArray) -> IntArray:
        return joiner.add(part, np.concatenate(sources))[part.output_nets]

    from_none = _from_none(starts, phase_bits, size)
    if chains:
        adder, turned = count_on_chains(one, 1 if timing.rank else MOST_ADDS)
        kept = add(map_tables(from_none), phase, total)
        sums = add(adder, picked, kept)
        compare = _keep_best(compares, classes, phase_bits, size)
        after = add(map_tables(compare), phase, total if timing.held else sums, best, number)
        return joiner.netlist("count", inputs, (Port("y", np.concatenate([sums, after])),)), turned
    adder, turned = count_in_tables(one)
    sums = add(adder, picked, add(from_none, phase, total))
    compare = _keep_best(compares, classes, phase_bits, size)
    after = add(compare, phase, total if timing.held else sums, best, number)
    net = joiner.netlist("count", inputs, (Port("y", np.concatenate([sums, after])),))
    return map_tables(net), turned


def join_in_turn(
    turns: Turns,
    timing: Timing,
    bits: Netlist,
    *,
    front: Callable[[IntArray], Netlist],
    map_tables: Map,
    count: tuple[Netlist, npt.NDArray[np.bool_]],
    like: Netlist,
) -> StepCircuit:
    """Return the whole circuit.

    Parameters
    ----------
    bits
        In look-up tables; its outputs are the bits, class by class.
    front
        Returns the netlist of the given nets of `bits`.
    map_tables
        Maps to look-up tables.
    count
        From `count_in_turn`, with as many bits of the phase.
    like
        The reference netlist: name, input and output ports.
    """
    plan, (counter, turned) = turns.plan, count
    phases = turns.phases + timing.extra
    phase_bits = (phases - 1).bit_length()
    size, number_bits = plan.score_bits, (plan.classes - 1).bit_length()
    signals = turns.signals(phase_bits)
    decoder = map_tables(_decoder(signals, phase_bits, early=timing.rank))
    picked = pick(turns.picking, bits)
    lanes = _lanes(turns, picked.netlist, len(signals), turned)
    fore = front(picked.sources)
    x = like.inputs[0]
    ports = make_ports(("x", x.width, x.encoding), (PHASE_PORT, phase_bits))
    first = int(ports[1].nets[-1]) + 1
    held = 2 * size + number_bits
    sizes = np.cumsum([held, timing.rank * plan.width, timing.rank * len(signals)])
    state = np.arange(first, first + sizes[-1], dtype=np.int32)
    running, ranked, called = np.split(state, sizes[:-1])
    joiner = Joiner(first + len(state))

    def add(part: Netlist, *sources: IntArray) -> IntArray:
        return joiner.add(part, np.concatenate(sources))[part.output_nets]

    sources = add(fore, ports[0].nets)
    decoded = add(decoder, ports[1].nets)
    picks = add(lanes, sources, called if timing.rank else decoded)
    after = add(counter, ports[1].nets, ranked if timing.rank else picks, running)
    scores = running[:size] if timing.held else after[:size]
    y = like.outputs[0]
    net = joiner.netlist(
        like.name,
        ports,
        (Port(y.name, after[2 * size :], y.encoding),),
        (Port("picks", picks), Port("scores", scores)),
    )
    called_first = np.array([0 in steps for steps in signals], dtype=bool)
    starts = [np.zeros(held, dtype=bool), turned[: len(ranked)], called_first[: len(called)]]
    following = [after, picks[: len(ranked)], decoded[: len(called)]]
    net = net.replace(register_d=np.concatenate(following), register_init=np.concatenate(starts))
    parts = [decoder.depth + lanes.depth, counter.depth]
    if timing.rank:
        parts = [max(decoder.depth, lanes.depth, counter.depth)]
    steps = np.arange(plan.steps)[:, None] + plan.steps * np.arange(plan.classes)
    return StepCircuit(
        net,
        fore.num_gates,
        joiner.num_gates - fore.num_gates,
        phases,
        sum(parts),
        plan,
        timing,
        np.repeat(turned[:, None], plan.classes, axis=1),
        steps,
        steps[-1] + timing.extra,
        None,
    )


def _calendar(
    plan: StepPlan, timing: Timing, phase_bits: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return for each phase whether a count begins, whether one is compared, and of which class.

    Where no class begins or ends they are what takes the fewest gates: the total is 0 before the
    first class, which is not greater than anything.
    """
    phase = np.arange(1 << phase_bits)
    late = phase - timing.rank
    ends = late - timing.held
    group = phase // plan.steps * plan.steps
    own = group + (plan.steps - 1 + timing.extra) % plan.steps - timing.extra
    classes = np.clip(own // plan.steps, 0, plan.classes - 1)
    return late % plan.steps == 0, ends % plan.steps == plan.steps - 1, classes


def _decoder(signals: list[tuple[int, ...]], phase_bits: int, *, early: bool) -> Netlist:
    """Return the netlist that says whether the phase, or the next if `early`, is one of each."""
    called = np.zeros((len(signals), 1 << phase_bits), dtype=bool)
    for row, phases in zip(called, signals, strict=True):
        row[list(phases)] = True
    builder = NetlistBuilder(phase_bits)
    ports = make_ports(("phase", phase_bits))
    found = _of_phase(builder, np.roll(called, -early, axis=1), ports[0].nets)
    return builder.build("steps", ports, (Port("y", found),))


def _of_phase(builder: NetlistBuilder, values: npt.NDArray[np.bool_], phase: IntArray) -> IntArray:
    """Add functions of the phase, `bool[functions, phases]`."""
    tables = [sum(1 << int(one) for one in np.flatnonzero(row)) for row in values]
    rows = np.tile(phase, (len(tables), 1))
    return builder.add(expand(np.array(tables, dtype=np.uint64), len(phase)), rows)


def _from_none(starts: npt.NDArray[np.bool_], phase_bits: int, size: int) -> Netlist:
    """Return the total that a step adds to: 0 where a class begins."""
    ports = make_ports(("x", phase_bits + size))
    builder = NetlistBuilder(ports[0].width)
    phase, total = np.split(ports[0].nets, [phase_bits])
    (start,) = _of_phase(builder, starts[None], phase)
    rows = np.stack([total, np.full(size, start)], axis=1)
    return builder.build("start", ports, (Port("y", builder.add(_AND_NOT, rows)),))


def _keep_best(
    compares: npt.NDArray[np.bool_], classes: npt.NDArray[np.int64], phase_bits: int, size: int
) -> Netlist:
    """Return the next best and its number, from phase, score, best and number."""
    number_bits = int(classes.max()).bit_length()
    ports = make_ports(("x", phase_bits + 2 * size + number_bits))
    builder = NetlistBuilder(ports[0].width)
    ends = [phase_bits, phase_bits + size, phase_bits + 2 * size]
    phase, score, best, number = np.split(ports[0].nets, ends)
    (compared,) = _of_phase(builder, compares[None], phase)
    bits = classes >> np.arange(number_bits)[:, None] & 1
    own = _of_phase(builder, bits.astype(bool), phase)
    more = greater(builder, best, score)
    (wins,) = builder.add(AND2, np.array([[more, compared]], dtype=np.int32))
    before, after = np.concatenate([best, number]), np.concatenate([score, own])
    rows = np.stack([before, after, np.full(len(before), wins)], axis=1)
    return builder.build("best", ports, (Port("y", builder.add(MUX, rows)),))


def _lanes(turns: Turns, chains: Netlist, signals: int, turned: npt.NDArray[np.bool_]) -> Netlist:
    """Return the lanes: chains of tables, and what chooses between the segments of a lane.

    Inputs: what the chains read, and all signals. Outputs: `[width]` bits, complements of `turned`.
    """
    width, segments = turns.plan.width, turns.segments
    choosing = signals - turns.num_calls
    sources = chains.num_inputs - turns.num_calls
    ports = make_ports(("x", sources + signals))
    called = ports[0].nets[sources + turns.num_calls :]
    assert len(called) == choosing
    joiner = Joiner(int(ports[0].nets[-1]) + 1)
    if segments == 1:
        chains = inverted_outputs(chains, turned)
    ends = joiner.add(chains, ports[0].nets[: chains.num_inputs])[chains.output_nets]
    if segments > 1:
        choose = _chooser(width, segments, turned)
        ends = joiner.add(choose, np.concatenate([ends, called]))[choose.output_nets]
    return joiner.netlist("lanes", ports, (Port("y", ends),))


def _chooser(width: int, segments: int, turned: npt.NDArray[np.bool_]) -> Netlist:
    """Return what chooses between segments, `[width, segments]`: pairs, as in the chains."""
    pairs = (segments + 1) // 2 if segments > 2 else 0
    ports = make_ports(("x", width * segments + 1 + pairs))
    ends = ports[0].nets[: width * segments].reshape(width, segments)
    second, *called = ports[0].nets[width * segments :].tolist()
    builder = NetlistBuilder(ports[0].width)
    found = np.full(width, second, dtype=np.int32)

    def add(table: np.uint64, slots: IntArray, last: bool) -> IntArray:
        return builder.add(np.where(turned & last, ~table, table), slots)

    if not called:
        found = add(MUX, np.stack([*ends.T, found], axis=1), last=True)
    for pair, signal in enumerate(called):
        first, last = ends[:, 2 * pair], pair + 1 == len(called)
        chosen = np.full(width, signal)
        if 2 * pair + 1 < segments:
            rows = np.stack([found, chosen, first, ends[:, 2 * pair + 1]], axis=1)
            found = add(PAIR, rows, last)
        else:
            found = add(MUX, np.stack([found, first, chosen], axis=1), last)
    return builder.build("choose", ports, (Port("y", found),))

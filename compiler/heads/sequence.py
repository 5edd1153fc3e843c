"""Put a circuit together that counts the bits of each class in steps.

In each phase the chains (`gatec.heads.picking`) pick some bits of each class, which are counted and
added to the class's running total, a state register. A rank of registers may stand behind the
chains, so that the count of a step is one phase late; their signals then come from registers too,
which share the decoder's logic cells. What reads the totals may read the state, in the phase after
the last addition, or the sums that the last addition gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.heads.carry import MOST_ADDS, carry_head
from gatec.heads.lowering import count_step, leaf_adders
from gatec.heads.picking import signals_of
from gatec.heads.steps import Picking
from gatec.heads.tree import StepPlan
from gatec.joining import Joiner
from gatec.netlist import Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.unroll import PHASE_PORT


@dataclass(frozen=True)
class Timing:
    """How the phases of a sequence are used.

    Attributes
    ----------
    rank
        Registers stand behind the chains, and behind the decoder of their signals.
    held
        What follows reads the totals from the state.
    """

    rank: bool
    held: bool

    @property
    def extra(self) -> int:
        """Phases beside the steps."""
        return self.rank + self.held


@dataclass(frozen=True, eq=False)
class StepCircuit:
    """A circuit without stages that counts in steps.

    Attributes
    ----------
    netlist
        Ports `x` and `phase` (`gatec.unroll`); cuts are the picked bits `[width, classes]` and the
        scores.
    front, body
        The number of its gates in front of the chains, and of the chains and additions; behind
        them comes what reads the scores.
    phases
        Cycles for each vector.
    levels
        Levels of the chains and additions, between registers.
    plan
        Which bits come in which step.
    timing
        Phases beside the steps.
    inverted
        `bool[width, classes]`: the picked bits that are complements.
    picked_at
        `int64[steps, classes]`: the phase in which each class's bits are picked.
    scored_at
        `int64[classes]`: the phase in which each class's score is there.
    back
        What reads the scores; None where they are the outputs, or its work is done in the steps.
    """

    netlist: Netlist
    front: int
    body: int
    phases: int
    levels: int
    plan: StepPlan
    timing: Timing
    inverted: npt.NDArray[np.bool_]
    picked_at: npt.NDArray[np.int64]
    scored_at: npt.NDArray[np.int64]
    back: Netlist | None

    def cut_nets(self, cuts: list[IntArray], phases: IntArray, width: int) -> IntArray:
        """Return where the reference's cuts are in the unrolled circuit.

        Parameters
        ----------
        cuts
            Where the netlist's cuts are in the text.
        phases
            `int32[phases, nets]`: where nets of the text are in the unrolled circuit.
        width
            Bits of the reference's cuts.
        """
        picks, scores = cuts
        rows = picks.reshape(self.plan.width, -1)
        found = [phases[self.picked_at[:, None], rows].reshape(-1)]
        # Else the scores are the outputs, not a cut in front of them.
        if width > len(found[0]):
            by_class = scores.reshape(-1, self.plan.score_bits)
            found.append(phases[self.scored_at[:, None], by_class].reshape(-1))
        return np.concatenate(found)


def count_on_chains(
    plan: StepPlan, most_adds: int = MOST_ADDS
) -> tuple[Netlist, npt.NDArray[np.bool_]]:
    """Return the count of a step and its addition to the totals, on carry chains.

    Inputs: the picked bits `[width, classes]`, then the totals `[score bits, classes]`. Outputs:
    the new totals, class by class. And which picked bits are to come inverted: `bool[width]`. At
    most `most_adds` additions follow each other on a chain.
    """
    step = plan.one_step()
    head = carry_head(step, "count", most_adds)
    turned = head.inverted.reshape(-1, plan.classes)[:, 0]
    ports = make_ports(("x", (plan.width + plan.score_bits) * plan.classes))
    rows = ports[0].nets.reshape(-1, plan.classes)
    builder = NetlistBuilder(ports[0].width)
    leaves, inverted = leaf_adders(builder, rows[: plan.width], plan.leaves, turned)
    adders = builder.build("leaves", ports, (Port("y", np.reshape(leaves, -1)),))
    joiner = Joiner(ports[0].nets[-1] + 1)
    found = joiner.add(adders, ports[0].nets)[adders.output_nets]
    totals = rows[plan.width :].reshape(-1)
    sums = joiner.add(head.netlist, np.concatenate([found, totals]))[head.netlist.output_nets]
    return joiner.netlist("count", ports, (Port("y", sums),)), inverted


def count_in_tables(plan: StepPlan) -> tuple[Netlist, npt.NDArray[np.bool_]]:
    """Return the same in adder cells of look-up tables; no bit comes inverted."""
    ports = make_ports(("x", (plan.width + plan.score_bits) * plan.classes))
    rows = ports[0].nets.reshape(-1, plan.classes)
    builder = NetlistBuilder(ports[0].width)
    sums = count_step(builder, rows[: plan.width].T, list(rows[plan.width :]), plan)
    net = builder.build("count", ports, (Port("y", sums.reshape(-1)),))
    return net, np.zeros(plan.width, dtype=bool)


def join_sequence(
    picking: Picking,
    timing: Timing,
    *,
    front: Netlist,
    decoder: Netlist,
    chains: Netlist,
    count: tuple[Netlist, npt.NDArray[np.bool_]],
    back: Netlist | None,
    like: Netlist,
) -> StepCircuit:
    """Return the whole circuit.

    Parameters
    ----------
    front
        What the chains read, and nothing else.
    decoder
        From the bits of the phase to its signals, or the next phase's for a rank.
    chains, count
        The chains, and the count of a step with the bits that it wants inverted.
    back
        From the scores, class by class, to the outputs; None where they are the outputs.
    like
        The reference netlist: name, input and output ports.
    """
    plan = picking.plan
    adder, turned = count
    phases = plan.steps + timing.extra
    phase_bits = (phases - 1).bit_length()
    ends, totals = plan.width * plan.classes, plan.score_bits * plan.classes
    x = like.inputs[0]
    ports = make_ports(("x", x.width, x.encoding), (PHASE_PORT, phase_bits))
    first = ports[1].nets[-1] + 1
    signals = signals_of(picking)
    sizes = np.cumsum([totals, timing.rank * ends, timing.rank * len(signals)])
    state = np.arange(first, first + sizes[-1], dtype=np.int32)
    running, ranked, called = np.split(state, sizes[:-1])
    joiner = Joiner(first + len(state))
    sources = joiner.add(front, ports[0].nets)[front.output_nets]
    decoded = joiner.add(decoder, ports[1].nets)[decoder.output_nets]
    called = called if timing.rank else decoded
    turned_chains = inverted_outputs(chains, np.repeat(turned, plan.classes))
    picks = joiner.add(turned_chains, np.concatenate([sources, called]))[turned_chains.output_nets]
    taken = ranked if timing.rank else picks
    sums = joiner.add(adder, np.concatenate([taken, running]))[adder.output_nets]
    body = joiner.num_gates - front.num_gates
    kept = sums.reshape(plan.classes, -1).T.reshape(-1)
    held = running.reshape(-1, plan.classes).T.reshape(-1)
    scores = held if timing.held else sums
    outputs = scores if back is None else joiner.add(back, scores)[back.output_nets]
    y = like.outputs[0]
    cuts = (Port("picks", picks), Port("scores", scores))
    net = joiner.netlist(like.name, ports, (Port(y.name, outputs, y.encoding),), cuts)
    inverted = np.repeat(turned[:, None], plan.classes, axis=1)
    starts = [np.zeros(totals, dtype=bool), inverted.reshape(-1)[: len(ranked)]]
    starts.append(np.array([0 in steps for steps in signals])[: sizes[-1] - sizes[-2]])
    net = net.replace(
        register_d=np.concatenate([kept, picks[: len(ranked)], decoded[: sizes[-1] - sizes[-2]]]),
        register_init=np.concatenate(starts),
    )
    parts = [decoder.depth + chains.depth, adder.depth]
    if timing.rank:
        parts = [max(decoder.depth, chains.depth, adder.depth)]
    return StepCircuit(
        net,
        front.num_gates,
        body,
        phases,
        sum(parts),
        plan,
        timing,
        inverted,
        np.repeat(np.arange(plan.steps)[:, None], plan.classes, axis=1),
        np.full(plan.classes, phases - 1),
        back,
    )


def inverted_outputs(net: Netlist, turned: npt.NDArray[np.bool_]) -> Netlist:
    """Return a netlist with some outputs inverted, in the tables that drive them."""
    gates: IntArray = net.output_nets[turned] - net.first_gate
    tables = net.tables.copy()
    tables[gates] = ~tables[gates]
    return net.replace(tables=tables)

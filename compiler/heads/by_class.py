"""Class sums one after the other: one adder tree for all classes, and the best class so far.

In each phase the tree counts the bits of the next class, or of the next few by as many trees: each
of its inputs is an AND-OR of the same bit of all classes with the phase they are counted in. The
count is compared with the best so far, which with its class is the state. There is no argmax tree,
and no running total.

The gates in front stand once, and their outputs hold still for all phases. What that costs in
standard cells is less than half a gate a bit: ABC merges the AND-OR with the last layer of gates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.joining import Joiner
from gatec.lowering.argmax import greater, lower_argmax
from gatec.lowering.sums import lower_sums
from gatec.netlist import Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import AND2, MAX_FANIN, MUX, OR2, expand
from gatec.unroll import PHASE_PORT


@dataclass(frozen=True, eq=False)
class ClassCircuit:
    """A circuit without stages that counts the classes one after the other.

    Attributes
    ----------
    netlist
        Ports `x` and `phase` (`gatec.unroll`); its cut are the scores of one phase.
    phases
        Cycles for each vector.
    at_once
        Classes that are counted in each.
    classes
        Number of classes.
    """

    netlist: Netlist
    phases: int
    at_once: int
    classes: int

    @property
    def levels(self) -> int:
        """Levels of gates between registers."""
        return self.netlist.depth

    def cut_nets(self, cuts: list[IntArray], phases: IntArray, width: int) -> IntArray:
        """Return where the reference's scores are, as `StepCircuit.cut_nets` does."""
        (scores,) = cuts
        return phases[:, scores].reshape(-1)[:width]


def can_count(classes: int, at_once: int) -> bool:
    """Return whether there are several phases, whose number is that of a gate's inputs."""
    phases = -(-classes // at_once)
    return phases > 1 and (phases - 1).bit_length() + (at_once - 1).bit_length() <= MAX_FANIN


def by_class(
    bits: Netlist,
    classes: int,
    at_once: int,
    like: Netlist,
    cleaned: Callable[[Netlist], Netlist],
) -> ClassCircuit:
    """Return the circuit that counts `at_once` classes in each phase.

    Parameters
    ----------
    bits
        Gates; its outputs are the bits, class by class.
    like
        The reference netlist: name, input and output port, and the cut at the scores.
    cleaned
        What cleans a netlist up.
    """
    phases = -(-classes // at_once)
    assert can_count(classes, at_once)
    own_bits, phase_bits = (at_once - 1).bit_length(), (phases - 1).bit_length()
    x, group = like.inputs[0], bits.num_outputs // classes
    score_bits = group.bit_length()
    ports = make_ports(("x", x.width, x.encoding), (PHASE_PORT, phase_bits))
    first_state = int(ports[1].nets[-1]) + 1
    state = np.arange(first_state, first_state + score_bits + phase_bits + own_bits)
    joiner = Joiner(int(state[-1]) + 1)
    found = joiner.add(bits, x.nets)[bits.output_nets]
    shape = _Shape(classes, at_once, phases, phase_bits, group, score_bits)
    picking = _pick(shape)
    sources = np.concatenate([found, ports[1].nets])
    lines = joiner.add(picking, sources)[picking.output_nets]
    counting = _count(shape)
    scores = joiner.add(counting, lines)[counting.output_nets]
    compared = _compare(shape)
    ends = joiner.add(compared, np.concatenate([scores, ports[1].nets, state]))
    following, y = (ends[port.nets] for port in compared.outputs)
    inputs = make_ports(("x", x.width + phase_bits + len(state)))
    sinks = np.concatenate([scores, following, y])
    whole = cleaned(joiner.netlist("core", inputs, (Port("y", sinks),)))
    sinks = whole.output_nets
    split = np.cumsum([len(scores), len(following)])
    scores, following, y = np.split(sinks, split)
    (out,) = like.outputs
    (cut,) = like.cuts
    net = Netlist(
        like.name,
        ports,
        (Port(out.name, y, out.encoding),),
        whole.fanin,
        whole.tables,
        register_d=following,
        register_init=np.zeros(len(state), dtype=bool),
        cuts=(Port(cut.name, scores, cut.encoding),),
    )
    net.verify()
    return ClassCircuit(net, phases, at_once, classes)


@dataclass(frozen=True)
class _Shape:
    classes: int
    at_once: int
    phases: int
    phase_bits: int
    group: int
    score_bits: int

    @property
    def own_bits(self) -> int:
        """Of the number of a class among those of its phase."""
        return (self.at_once - 1).bit_length()


def _pick(shape: _Shape) -> Netlist:
    """Return the AND-ORs: from all bits and the phase to the bits of the phase's classes."""
    builder = NetlistBuilder(shape.classes * shape.group + shape.phase_bits)
    ports = make_ports(("x", shape.classes * shape.group + shape.phase_bits))
    bits, phase = np.split(ports[0].nets, [shape.classes * shape.group])
    bits = bits.reshape(shape.classes, shape.group)
    numbers = np.array([1 << p for p in range(shape.phases)], dtype=np.uint64)
    rows = np.tile(phase, (shape.phases, 1))
    called = builder.add(expand(numbers, shape.phase_bits), rows)
    lines = []
    for own in range(shape.at_once):
        terms = [
            _gated(builder, bits[number], called[number // shape.at_once])
            for number in range(own, shape.classes, shape.at_once)
        ]
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=False)
            joined = [builder.add(OR2, np.stack(pair, axis=1)) for pair in pairs]
            terms = joined + terms[2 * len(joined) :]
        lines.append(terms[0])
    return builder.build("pick", ports, (Port("y", np.concatenate(lines)),))


def _gated(builder: NetlistBuilder, bits: IntArray, by: np.int32) -> IntArray:
    return builder.add(AND2, np.stack([bits, np.full_like(bits, by)], axis=1))


def _count(shape: _Shape) -> Netlist:
    """Return the adder trees, in the order of those of the reference netlist."""
    builder = NetlistBuilder(shape.at_once * shape.group)
    ports = make_ports(("x", shape.at_once * shape.group))
    scores, _ = lower_sums(builder, ports[0].nets.reshape(shape.at_once, shape.group))
    return builder.build("count", ports, (Port("y", scores.reshape(-1)),))


def _compare(shape: _Shape) -> Netlist:
    """Return what follows the scores: the next state, and the class that is best then.

    The state is the best score and its class, as the phase and the number in it. A later class wins
    only when it is strictly better, and classes come in order: ties go down. None is better than a
    score of 0 of class 0, where the state begins, unless it is higher.
    """
    widths = (shape.at_once * shape.score_bits, shape.phase_bits)
    builder = NetlistBuilder(sum(widths) + shape.score_bits + shape.phase_bits + shape.own_bits)
    ports = make_ports(("x", sum(widths) + shape.score_bits + shape.phase_bits + shape.own_bits))
    scores, phase, state = np.split(ports[0].nets, np.cumsum(widths))
    contenders = scores.reshape(shape.at_once, -1)
    own, nodes = lower_argmax(builder, contenders)
    score = nodes[-1].winner.score if nodes else contenders[0]
    now = np.concatenate([score, phase, own[: shape.own_bits]])
    wins = greater(builder, state[: shape.score_bits], score)
    chosen = builder.add(MUX, np.stack([state, now, np.full_like(now, wins)], axis=1))
    where = chosen[shape.score_bits :]
    y = where if not shape.own_bits else _number(builder, shape, where)
    y = y[: (shape.classes - 1).bit_length()]
    return builder.build("compare", ports, (Port("state", chosen), Port("y", y)))


def _number(builder: NetlistBuilder, shape: _Shape, where: IntArray) -> IntArray:
    """Return the number of a class from that of its phase and that in it."""
    tables: npt.NDArray[np.uint64] = np.zeros((shape.classes - 1).bit_length(), dtype=np.uint64)
    for number in range(shape.classes):
        phase, own = divmod(number, shape.at_once)
        row = phase | own << shape.phase_bits
        for bit in range(len(tables)):
            tables[bit] |= np.uint64((number >> bit & 1) << row)
    rows = np.tile(where, (len(tables), 1))
    return builder.add(expand(tables, len(where)), rows)

"""Facts about the input bits of a netlist, and the netlist that makes every vector obey them.

A *fact* is a set of codes: thermometers, one-hot groups, numbers with a maximum. Together they say
which vectors occur. Everything that is done with them goes by one netlist, the *guard*: it leaves
the vectors that occur as they are and turns all others into some of them. So two circuits agree on
the vectors that occur if, and only if, they agree on all vectors behind the guard: any prover of
plain equivalence proves equivalence under facts, and its counterexamples obey them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from gatec.bits import Words
from gatec.blocks import IntArray
from gatec.evaluate import evaluate_outputs
from gatec.joining import Joiner
from gatec.netlist import CONST0_NET, Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder
from gatec.tables import AND2, VARIABLE

FactKind = Literal["thermometer", "one-hot", "range"]
_OR2 = VARIABLE[0] | VARIABLE[1]
_AND_NOT2 = VARIABLE[0] & ~VARIABLE[1]
_OR_NOT2 = VARIABLE[0] | ~VARIABLE[1]
_NOBODY = -1


@dataclass(frozen=True, eq=False)
class Fact:
    """A code that groups of input bits have.

    Attributes
    ----------
    kind
        `thermometer`: no bit is 1 where the one before it is 0. `one-hot`: exactly one is 1.
        `range`: as a number, lowest bit first, at most `most`.
    bits
        `int32[groups, width]`: the input bits of each group, from 0; no bit twice.
    most
        Of a range.
    """

    kind: FactKind
    bits: IntArray
    most: int = 0

    def describe(self) -> str:
        """Return it in words."""
        groups, width = self.bits.shape
        what = {
            "thermometer": f"a thermometer code of {width} bits",
            "one-hot": f"one of {width} bits",
            "range": f"a number of {width} bits, at most {self.most}",
        }[self.kind]
        return f"inputs {self.bits.min()} to {self.bits.max()}: {groups} times {what}"


@dataclass(frozen=True, eq=False)
class Care:
    """Which vectors occur at the inputs of a netlist.

    Attributes
    ----------
    num_inputs
        Input bits.
    facts
        About bits of their own: none is in two facts.
    """

    num_inputs: int = 0
    facts: tuple[Fact, ...] = ()

    @cached_property
    def guard(self) -> Netlist:
        """The netlist with outputs that obey the facts, equal to its inputs where those do."""
        builder = NetlistBuilder(self.num_inputs)
        inputs = make_ports(("x", self.num_inputs))
        nets = inputs[0].nets.copy()
        makers = {"thermometer": _thermometers, "one-hot": _one_hot, "range": _at_most}
        for fact in self.facts:
            nets[fact.bits] = makers[fact.kind](builder, nets[fact.bits], fact.most)
        return builder.build("guard", inputs, (Port("y", nets),))

    def obeying(self, words: Words) -> Words:
        """Return vectors, `[num_inputs, words]`, as the guard passes them on."""
        return evaluate_outputs(self.guard, words) if self.facts else words

    def under(self, net: Netlist) -> tuple[Netlist, IntArray]:
        """Return a netlist behind the guard, and `int32[nets]`: where each net of it is there.

        The result has the ports of the netlist; it is combinational, and has no stages.
        """
        inputs = np.arange(net.first_input, net.first_register, dtype=np.int32)
        joiner = Joiner(net.first_gate)
        obeying = joiner.add(self.guard, inputs)[self.guard.output_nets]
        number = joiner.add(net.replace(stage=None), obeying)

        def moved(ports: tuple[Port, ...]) -> tuple[Port, ...]:
            return tuple(Port(port.name, number[port.nets], port.encoding) for port in ports)

        behind = joiner.netlist(net.name, net.inputs, moved(net.outputs), moved(net.cuts))
        return behind, number

    @cached_property
    def groups(self) -> tuple[IntArray, IntArray, npt.NDArray[np.bool_]]:
        """`int32[num_inputs]` twice and `bool[num_inputs]`: group, place in it, and if one-hot.

        Bits of no thermometer and of no one-hot group have group -1.
        """
        group = np.full(self.num_inputs, _NOBODY, dtype=np.int32)
        place = np.zeros(self.num_inputs, dtype=np.int32)
        hot = np.zeros(self.num_inputs, dtype=bool)
        first = 0
        for fact in self.facts:
            if fact.kind == "range":
                continue
            count, width = fact.bits.shape
            group[fact.bits] = first + np.arange(count)[:, None]
            place[fact.bits] = np.arange(width)
            hot[fact.bits] = fact.kind == "one-hot"
            first += count
        return group, place, hot


NO_FACTS = Care()


def _thermometers(builder: NetlistBuilder, nets: IntArray, _most: int) -> IntArray:
    """A bit stays where all before it are."""
    columns = [nets[:, 0]]
    for column in nets.T[1:]:
        columns.append(builder.add(AND2, np.stack([column, columns[-1]], axis=1)))
    return np.stack(columns, axis=1)


def _one_hot(builder: NetlistBuilder, nets: IntArray, _most: int) -> IntArray:
    """The first bit that is 1 stays; where none is, bit 0 becomes 1."""
    if nets.shape[1] == 1:
        return np.ones_like(nets)
    columns, earlier, later = [nets[:, 0]], nets[:, 0], nets[:, 1]
    for place, column in enumerate(nets.T[1:], start=1):
        if place > 1:
            earlier = builder.add(_OR2, np.stack([earlier, nets[:, place - 1]], axis=1))
            later = builder.add(_OR2, np.stack([later, column], axis=1))
        columns.append(builder.add(_AND_NOT2, np.stack([column, earlier], axis=1)))
    columns[0] = builder.add(_OR_NOT2, np.stack([nets[:, 0], later], axis=1))
    return np.stack(columns, axis=1)


def _at_most(builder: NetlistBuilder, nets: IntArray, most: int) -> IntArray:
    """A number that is too large loses its highest bit; bits that the maximum has not are 0."""
    width = most.bit_length()
    result = nets.copy()
    result[:, width:] = CONST0_NET
    if not width:
        return result
    above = np.full(len(nets), CONST0_NET, dtype=np.int32)
    for place in range(width):
        table = AND2 if most >> place & 1 else _OR2
        above = builder.add(table, np.stack([nets[:, place], above], axis=1))
    result[:, width - 1] = builder.add(_AND_NOT2, np.stack([nets[:, width - 1], above], axis=1))
    return result

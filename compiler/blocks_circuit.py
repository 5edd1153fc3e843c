"""A block that is a circuit already: gates of any order and depth, as learned circuits come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatec.bits import Words
from gatec.blocks_bits import BitBlock
from gatec.errors import ModelError
from gatec.evaluate import evaluate_outputs
from gatec.netlist import Netlist


@dataclass(frozen=True, eq=False)
class Circuit(BitBlock):
    """Gates between input bits and output bits.

    Attributes
    ----------
    netlist
        Combinational: its input ports together are the block's input, its outputs likewise.
    """

    netlist: Netlist

    def __post_init__(self) -> None:
        if self.netlist.num_registers or not self.netlist.num_outputs:
            raise ModelError("no combinational circuit with outputs", place=self.name)

    @property
    def in_widths(self) -> tuple[int, ...]:
        """The one input's width."""
        return (self.netlist.num_inputs,)

    @property
    def out_width(self) -> int:
        """Number of output bits."""
        return self.netlist.num_outputs

    @property
    def num_gates(self) -> int:
        """Number of gates."""
        return self.netlist.num_gates

    @property
    def num_slots(self) -> int:
        """Slots of all gates."""
        return int(self.netlist.fanin.size)

    def evaluate(self, inputs: Sequence[Words]) -> Words:
        """Return the outputs."""
        return evaluate_outputs(self.netlist, inputs[0])

    def describe(self) -> str:
        """Return the block's line in the text form."""
        return f"circuit of {self.num_gates} gates, {self.netlist.depth} levels"

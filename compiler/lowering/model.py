"""Lower a ModelGraph to a Netlist, leaving a certificate that the proof checks.

The result is the *reference netlist*: every later netlist is proved equal to it by SAT, and
`gatec.proof.arithmetic` proves it equal to the model from the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatec.blocks import Argmax, Block, GroupSum, IntArray, LutLayer, Thermometer
from gatec.blocks_bits import BitBlock
from gatec.blocks_circuit import Circuit
from gatec.blocks_threshold import ClassScores, ScoreBits, ThresholdLayer
from gatec.heads.lowering import lower_planned, lower_stepped
from gatec.heads.rom_lowering import lower_reads
from gatec.heads.roms import RomPlan
from gatec.heads.tree import HeadPlan, StepPlan
from gatec.lowering.argmax import SelectNode, lower_argmax
from gatec.lowering.bits import Claim, lower_bits
from gatec.lowering.compare import lower_at_least
from gatec.lowering.dense import SumClaim, lower_weighted
from gatec.lowering.sums import Compressors, lower_sums
from gatec.model import HEADS, ModelGraph
from gatec.netlist import Netlist, Port, make_ports
from gatec.netlist_builder import NetlistBuilder

INPUT_PORT = "x"
OUTPUT_PORT = "y"
SCORES_CUT = "scores"
LEAVES_CUT = "leaves"
PICKS_CUT = "picks"
VALUES_CUT = "values"
# Sums of so many bits of values, such as trees have, are beyond SAT together with the gates in
# front of them. Fewer are mapped with those gates: 5 trees of 12 leaves take 2,800 LUT4 so, and
# 4,150 with a cut between.
_MANY_VALUES = 2_000


@dataclass(frozen=True)
class Lowering:
    """A reference netlist with the claims that make it the model.

    Attributes
    ----------
    netlist
        One input port `x` and one output port `y`; a cut `scores` in front of an argmax, with a
        plan a cut `leaves` in front of its additions and others behind each layer of reads of
        block RAMs, or `picks` where they go step by step, and a cut behind each layer of threshold
        neurons past which nothing else is read.
    block_nets
        For each block by name, the nets that hold its outputs: `int32[width]`, for class scores
        `int32[classes, score_bits]`.
    compressors
        The adder cells of the class sums.
    selects
        The nodes of the argmax tournament, in order.
    claims
        For each other `BitBlock` by name, the nets of its inner levels.
    sums
        For each block of integer weights by name, where its sums are.
    """

    netlist: Netlist
    block_nets: dict[str, IntArray]
    compressors: list[Compressors] = field(default_factory=list)
    selects: list[SelectNode] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)
    sums: dict[str, SumClaim] = field(default_factory=dict)


def lower(model: ModelGraph, plan: HeadPlan | RomPlan | StepPlan | None = None) -> Lowering:
    """Return the reference netlist of a model, gate for gate, with adders and comparators.

    With a plan, which is a hint for the one GroupSum and not trusted, its sums are built by that.
    """
    inputs = make_ports((INPUT_PORT, model.num_inputs, _input_encoding(model)))
    builder = NetlistBuilder(model.num_inputs)
    nets: npt.NDArray[np.int32] = inputs[0].nets
    result: dict[str, IntArray] = {model.input.name: nets}
    compressors: list[Compressors] = []
    selects: list[SelectNode] = []
    claims: dict[str, Claim] = {}
    sums: dict[str, SumClaim] = {}
    cuts: tuple[Port, ...] = ()
    alone = _alone(model)
    for block in model.blocks[1:]:
        inputs_of = [result[before.name] for before in model.predecessors(block)]
        nets = inputs_of[0]
        if isinstance(block, ThresholdLayer | ClassScores | ScoreBits):
            if isinstance(block, ClassScores):
                cuts += _values_cut(model.predecessors(block)[0], nets, inputs[0], alone)
            nets, sums[block.name] = lower_weighted(builder, block, nets)
            if block.name in alone and isinstance(block, ThresholdLayer):
                cuts += (Port(block.name, nets, "bits"),)
        elif isinstance(block, BitBlock):
            nets, claims[block.name] = lower_bits(builder, block, inputs_of)
        elif isinstance(block, Thermometer):
            nets = lower_thermometer(builder, block, nets)
        elif isinstance(block, LutLayer):
            nets = builder.add(block.tables, nets[block.fanin])
        elif isinstance(block, GroupSum):
            bits = nets.reshape(block.classes, block.group)
            nets, compressors, more = _lower_group_sum(builder, bits, plan)
            cuts += more
        elif isinstance(block, Argmax):
            cuts += (Port(SCORES_CUT, nets.reshape(-1), f"unsigned x{nets.shape[1]}"),)
            in_turn = isinstance(plan, StepPlan) and plan.in_turn
            nets, selects = lower_argmax(builder, nets, in_turn=in_turn)
        else:
            raise NotImplementedError(type(block).__name__)
        result[block.name] = nets
    outputs = (Port(OUTPUT_PORT, nets.reshape(-1), _output_encoding(model)),)
    netlist = builder.build(model.name, inputs, outputs, cuts)
    netlist.verify()
    return Lowering(netlist, result, compressors, selects, claims, sums)


def _lower_group_sum(
    builder: NetlistBuilder, bits: IntArray, plan: HeadPlan | RomPlan | StepPlan | None
) -> tuple[IntArray, list[Compressors], tuple[Port, ...]]:
    """Add the sums of each row of `bits`; return their nets, the adder cells, and the cuts."""
    if plan is None:
        return *lower_sums(builder, bits), ()
    if isinstance(plan, RomPlan):
        sums, cells, fronts = lower_reads(builder, bits, plan)
        names = [LEAVES_CUT, *(f"reads{layer}" for layer in range(1, len(fronts)))]
        return sums, cells, tuple(map(Port, names, (front.reshape(-1) for front in fronts)))
    if isinstance(plan, StepPlan):
        sums, cells, picks = lower_stepped(builder, bits, plan)
        return sums, cells, (Port(PICKS_CUT, picks.reshape(-1)),)
    sums, cells, leaves = lower_planned(builder, bits, plan)
    return sums, cells, (Port(LEAVES_CUT, leaves.reshape(-1)),)


def lower_thermometer(builder: NetlistBuilder, block: Thermometer, nets: IntArray) -> IntArray:
    """Return the nets of `code >= level` for all features and levels."""
    planes = nets.reshape(-1, block.code_bits)
    return lower_at_least(builder, planes, block.levels).reshape(-1)


def _alone(model: ModelGraph) -> set[str]:
    """Return the blocks past which nothing is read that stands in front of them."""
    found, reach = set(), 0
    number = {name: i for i, name in enumerate(model.reads)}
    last = dict.fromkeys(number, 0)
    for name, sources in model.reads.items():
        last |= dict.fromkeys(sources, number[name])
    for name, i in number.items():
        if reach <= i:
            found.add(name)
        reach = max(reach, last[name])
    return found


def _values_cut(before: Block, nets: IntArray, inputs: Port, alone: set[str]) -> tuple[Port, ...]:
    """Return the cut in front of weighted sums, if there is to be one."""
    gates = nets.min() > inputs.nets[-1]
    if before.name in alone and gates and isinstance(before, Circuit) and len(nets) > _MANY_VALUES:
        return (Port(VALUES_CUT, nets, "bits"),)
    return ()


def _input_encoding(model: ModelGraph) -> str:
    return "bits" if model.code_bits is None else f"unsigned x{model.code_bits}"


def _output_encoding(model: ModelGraph) -> str:
    last = model.blocks[-1]
    if isinstance(last, Argmax):
        return "unsigned"
    return f"unsigned x{last.score_bits}" if isinstance(last, HEADS) else "bits"

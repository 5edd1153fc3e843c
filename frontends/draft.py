"""What a frontend found in a file, complete or not, and its completion to a ModelGraph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from gatec import limits
from gatec.blocks import Block, GroupSum, InputBits, LutLayer, Thermometer
from gatec.blocks_bits import BitBlock, Wires
from gatec.blocks_threshold import ClassScores
from gatec.errors import ModelError
from gatec.frontends.codebook import agreement_layer, find_codebook
from gatec.frontends.encoder import check_thresholds, thermometer
from gatec.frontends.files.tensors import Array
from gatec.frontends.naming import identifier
from gatec.frontends.options import MAX_CODE_BITS, FeatureCodes, ReadOptions
from gatec.frontends.recurrence import Recurrence, unroll
from gatec.model import ModelGraph
from gatec.tables import MAX_FANIN, Tables

OUTSIDE = "outside of the circuit: the input is the encoder's output bits"


@dataclass(frozen=True, eq=False)
class DraftLayer:
    """A layer of truth tables.

    Attributes
    ----------
    place
        Where the file has it.
    tables
        `uint64[gates]`, expanded, slot 0 least significant; None where only `--parametrization`
        can tell.
    fanin
        Integers `[gates, k]`, or None when the file lacks the wiring.
    width
        Number of gates.
    reads
        As in `DraftBlock`; one number.
    """

    place: str
    tables: Tables | None
    fanin: Array | None
    width: int
    reads: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class DraftBlock:
    """A layer of another kind, complete.

    Attributes
    ----------
    place
        Where the file has it.
    block
        Under any name: that of its number takes its place.
    reads
        Numbers of the layers that it reads, `FRONT` for what the first one reads, `INPUT` for the
        circuit's input, in front of an encoder; None for the layer before.
    """

    place: str
    block: BitBlock
    reads: tuple[int, ...] | None = None

    @property
    def width(self) -> int:
        """Number of bits that it puts out."""
        return self.block.out_width


FRONT = -1
INPUT = -2


@dataclass(frozen=True, eq=False)
class Draft:
    """A model as far as its file and the options tell.

    Attributes
    ----------
    layers
        In data order.
    inputs
        Number of bits that the first layer may read, when the file tells.
    classes, tau, beta
        Of the GroupSum, when the file has one.
    head
        Weighted class sums in its place, complete.
    thresholds
        Floats `[features, bits]`, bits feature-major, of an encoder in the file.
    threshold_slack
        Uncertainty of `thresholds` (see `gatec.frontends.encoder`).
    order
        Integers: which of the encoder's bits each input bit of the first layer is; None for the
        encoder's own order.
    levels, code_bits
        Instead of thresholds: integer levels `[features, bits]`, and the width of a code; without
        levels, the width of the codes whose bits the first layer reads.
    codebook
        0/1 `[classes, bits]` where the nearest codeword is the class (see
        `gatec.frontends.codebook`).
    recurrence
        Of a recurrent net, whose layers are one step.
    notes
        Findings for reports.
    missing
        One sentence for each fact, other than inputs and features, that must still be given. What
        is missing may leave no layers to be found.
    """

    layers: Sequence[DraftLayer | DraftBlock]
    inputs: int | None = None
    classes: int | None = None
    tau: float | None = None
    beta: float | None = None
    head: ClassScores | None = None
    thresholds: Array | None = None
    threshold_slack: Array | None = None
    order: Array | None = None
    levels: Array | None = None
    code_bits: int | None = None
    codebook: Array | None = None
    recurrence: Recurrence | None = None
    notes: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def lacks(draft: Draft, options: ReadOptions) -> list[str]:
    """Return what must still be given, each with the option that gives it."""
    missing = list(draft.missing)
    if input_width(draft, options) is None and (draft.layers or not missing):
        missing.append(_lacks_inputs(draft))
    if draft.recurrence is not None and options.steps is None:
        missing.append(draft.recurrence.lacks_steps)
    if draft.thresholds is not None and options.features is None:
        missing.append(
            "the model's thresholds compare floats; expected --features uint8,scale=1/255 (what "
            "the circuit's integer inputs stand for) or --features bits (encoder outside)"
        )
    return missing


def lacks_classes(draft: Draft, options: ReadOptions) -> bool:
    """Return whether nothing tells a number of classes; the outputs are bits then."""
    known = (draft.head, draft.classes, draft.codebook, options.classes, options.codebook)
    return all(fact is None for fact in known)


def complete(draft: Draft, options: ReadOptions, *, file: str, stem: str) -> ModelGraph:
    """Return the model that a draft and the options make together.

    Raises `ModelError` naming the first thing that is missing or wrong.
    """
    for what in lacks(draft, options):
        raise ModelError(what, file=file)
    width = input_width(draft, options)
    assert width is not None
    notes = dict(draft.notes)
    blocks, reads = _body(draft, options, width, notes, file)
    blocks += head_blocks(draft, options, blocks[-1].out_width, notes, file)
    with naming(file):
        return ModelGraph.chain(blocks, identifier(options.name or stem), notes, reads)


def _body(
    draft: Draft, options: ReadOptions, width: int, notes: dict[str, str], file: str
) -> tuple[list[Block], dict[str, tuple[str, ...]]]:
    """Return the input, the encoder and the layers, and what those read."""
    if options.steps is not None and draft.recurrence is None:
        raise ModelError("--steps was given, but the net is not recurrent", file=file)
    front = _front(draft, options, width, notes, file)
    recurrence = draft.recurrence
    if recurrence is not None and recurrence.from_input and recurrence.state != width:
        raise ModelError(f"{width} inputs for {recurrence.state} state bits", file=file,
                         expected="as many: they are the first state")  # fmt: skip
    cell = width if recurrence is None else recurrence.cell_inputs(width)
    whole = cell if len(front) == 1 else front[0].out_width
    layers = _layers(draft, {FRONT: cell, INPUT: whole}, file)
    before = {FRONT: front[-1].name, INPUT: front[0].name}
    reads = {
        f"layer{i}": tuple(before.get(n, f"layer{n}") for n in layer.reads)
        for i, layer in enumerate(draft.layers)
        if layer.reads is not None
    }
    if recurrence is None:
        return [*front, *layers], reads
    if len(front) > 1:
        raise ModelError("an encoder in front of a recurrent net", file=file, expected="bits")
    steps = options.steps or 1
    gates = steps * sum(_gates(layer) for layer in draft.layers)
    limits.check_limit(gates, limits.MAX_GATES, "gates of all steps", file=file)
    limits.check_limit(steps * width, limits.MAX_GATES, "input bits of all steps", file=file)
    notes["recurrence"] = f"{recurrence.state} state bits, unrolled over {steps} steps"
    return unroll(layers, reads, recurrence, inputs=width, steps=steps, file=file)


def agree(option: str, given: float | None, found: float | None, *, file: str) -> float | None:
    """Return what an option and the file say; raise `ModelError` when they differ."""
    if given is not None and found is not None and given != found:
        raise ModelError(f"{option} {given:g} was given, but the file says {found:g}", file=file)
    return found if given is None else given


def input_width(draft: Draft, options: ReadOptions) -> int | None:
    """Return the number of bits that the first layer may read, from the file or the options."""
    encoder = draft.levels if draft.thresholds is None else draft.thresholds
    if encoder is not None:
        return int(encoder.size)
    return options.inputs if draft.inputs is None else draft.inputs


def _lacks_inputs(draft: Draft) -> str:
    what = "input width is not in the file"
    first = draft.layers[0] if draft.layers else None
    fanin = first.fanin if isinstance(first, DraftLayer) else None
    if fanin is None or fanin.size == 0 or fanin.dtype.kind not in "iu":
        return f"{what}; expected --inputs N"
    top = int(fanin.max())
    return f"{what} and the wiring reads up to {top}; expected --inputs N (at least {top + 1})"


def _front(
    draft: Draft, options: ReadOptions, width: int, notes: dict[str, str], file: str
) -> list[Block]:
    """Return the input block, and the encoder where it is part of the circuit."""
    agree("--inputs", options.inputs, width, file=file)
    if draft.inputs not in (None, width):
        raise ModelError(
            f"the encoder gives {width} bits",
            file=file,
            expected=f"the {draft.inputs} bits that the first layer reads",
        )
    known = draft.thresholds is not None or "features" in draft.notes
    if not known and options.features not in (None, "bits"):
        raise ModelError(
            f"--features {options.features} was given, but the model has no float thresholds",
            file=file,
        )
    if draft.thresholds is not None:
        check_thresholds(draft.thresholds, file=file, place="thresholds")
    if options.features == "bits":
        if draft.thresholds is not None or draft.levels is not None:
            notes["encoder"] = OUTSIDE
        return [InputBits("input", width)]
    encoder = _encoder(draft, options, notes, file)
    if encoder is None:
        with naming(file):
            return [InputBits("input", width, draft.code_bits)]
    blocks: list[Block] = [InputBits("input", encoder.in_width), encoder]
    if draft.order is not None:
        with naming(file):
            blocks.append(Wires("order", (encoder.out_width,), draft.order.astype(np.int32)))
    return blocks


def _encoder(
    draft: Draft, options: ReadOptions, notes: dict[str, str], file: str
) -> Thermometer | None:
    """Return the encoder block, if the model has one."""
    if draft.thresholds is not None:
        assert options.features is not None
        codes = FeatureCodes.parse(options.features)
        notes["features"] = options.features
        return thermometer(draft.thresholds, codes, draft.threshold_slack, file=file)
    if draft.levels is None:
        return None
    levels, bits = draft.levels, draft.code_bits or 0
    if levels.dtype.kind not in "iu" or (
        levels.size and (levels.min() < 0 or levels.max() > 1 << MAX_CODE_BITS)
    ):
        raise ModelError(
            f"levels {levels.dtype}{list(levels.shape)}", file=file, expected="levels of codes"
        )
    with naming(file):
        return Thermometer("encoder", levels, bits)


def _layers(draft: Draft, widths: Mapping[int, int], file: str) -> list[Block]:
    """Return the blocks of the layers; those before a layer's own check their widths later.

    `widths` are those of `FRONT` and `INPUT`.
    """
    gates = sum(_gates(layer) for layer in draft.layers)
    limits.check_limit(gates, limits.MAX_GATES, "gates", file=file)
    blocks: list[Block] = []
    for i, layer in enumerate(draft.layers):
        if isinstance(layer, DraftBlock):
            blocks.append(replace(layer.block, name=f"layer{i}"))
            continue
        number = i - 1 if layer.reads is None else layer.reads[0]
        inputs = widths[number] if number in widths else draft.layers[number].width
        before = "the input" if number in widths else draft.layers[number].place
        assert layer.fanin is not None and layer.tables is not None
        _check_layer(layer, inputs, before, file)
        blocks.append(LutLayer(f"layer{i}", inputs, layer.fanin.astype(np.int32), layer.tables))
    return blocks


def _gates(layer: DraftLayer | DraftBlock) -> int:
    """Return the gates of a layer, or what gates of six inputs could read as many nets."""
    if isinstance(layer, DraftLayer):
        return layer.width
    block = layer.block
    return max(layer.width, block.num_gates, block.num_slots // MAX_FANIN)


def _check_layer(layer: DraftLayer, width: int, before: str, file: str) -> None:
    """Raise `ModelError` at wiring that is no wiring, or reads what is not there."""
    fanin = layer.fanin
    assert fanin is not None
    where = {"file": file, "place": layer.place}
    if fanin.dtype.kind not in "iu":
        raise ModelError(f"wiring of type {fanin.dtype}", **where, expected="integers")
    if fanin.ndim != 2 or len(fanin) != layer.width or not 1 <= fanin.shape[1] <= MAX_FANIN:
        raise ModelError(
            f"wiring of shape {list(fanin.shape)}",
            **where,
            expected=f"[{layer.width}, 1..{MAX_FANIN}]",
        )
    if layer.width == 0:
        raise ModelError("no gates", **where, expected="at least one")
    bad = (fanin < 0) | (fanin >= width)
    if bad.any():
        gate, slot = (int(i) for i in np.argwhere(bad)[0])
        raise ModelError(
            f"gate {gate} reads input {fanin[gate, slot]}, but {before} has {width} outputs "
            f"(0..{width - 1})",
            **where,
        )


def head_blocks(
    draft: Draft, options: ReadOptions, width: int, notes: dict[str, str], file: str
) -> list[Block]:
    """Return the blocks that make classes of the last layer's bits; none without classes."""
    if options.codebook is not None and (draft.head is not None or draft.tau is not None):
        raise ModelError(
            "--codebook was given, but the file has class sums", file=file,
            expected="outputs that are code bits",
        )  # fmt: skip
    if draft.head is not None:
        _refuse_scale(options, "weighted class sums", file)
        agree("--classes", options.classes, draft.head.classes, file=file)
        return [draft.head]
    tau = agree("--tau", options.tau, draft.tau, file=file)
    beta = agree("--beta", options.beta, draft.beta, file=file)
    given = agree("--classes", options.classes, draft.classes, file=file)
    classes = None if given is None else int(given)
    codebook = find_codebook(draft.codebook, options, classes, file=file)
    if codebook is not None:
        layer = agreement_layer(codebook, width, file=file)
        notes["codebook"] = f"nearest of {len(codebook)} codewords of {codebook.shape[1]} bits"
        return [layer, GroupSum("groupsum", layer.out_width, len(codebook), tau, beta)]
    if classes is None:
        _refuse_scale(options, "no classes", file)
        return []
    if width % classes:
        raise ModelError(
            f"{width} outputs do not divide into {classes} classes",
            file=file,
            expected="a number of classes that divides the outputs",
        )
    with naming(file):
        return [GroupSum("groupsum", width, classes, tau, beta)]


def _refuse_scale(options: ReadOptions, has: str, file: str) -> None:
    """Raise `ModelError` where nothing would report the option's number."""
    for option, given in (("--tau", options.tau), ("--beta", options.beta)):
        if given is not None:
            raise ModelError(
                f"{option} was given, but the model has {has}", file=file, expected="a GroupSum"
            )


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Put the file's name in front of what a block says about itself."""
    try:
        yield
    except ModelError as error:
        raise ModelError(str(error), file=file) from None

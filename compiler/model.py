"""ModelGraph: a trained net as its trainer knew it, and the specification of the circuit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from gatec.bits import Words, pack, unpack
from gatec.blocks import (
    Argmax,
    Block,
    GroupSum,
    InputBits,
    LutLayer,
    Scores,
    Thermometer,
    score_planes,
)
from gatec.blocks_bits import BitBlock, Wires
from gatec.blocks_threshold import ClassScores
from gatec.errors import ModelError, UsageError

if TYPE_CHECKING:
    from gatec.sim.engine import Engine

OutputKind = Literal["argmax", "scores", "bits"]
OUTPUT_KINDS: tuple[OutputKind, ...] = ("argmax", "scores", "bits")
# What turns bits into one score for each class.
HEADS = (GroupSum, ClassScores)


@dataclass(frozen=True)
class Result:
    """What a model says about a batch.

    Attributes
    ----------
    bits
        Last LUT layer's outputs, `Words[width, words]`.
    scores
        `int64[classes, samples]`, or None for a model without classes.
    classes
        `int64[samples]`, or None for a model without classes.
    """

    bits: Words
    scores: Scores | None
    classes: npt.NDArray[np.int64] | None


@dataclass(frozen=True, eq=False)
class ModelGraph:
    """Blocks joined into a directed acyclic graph, from one `InputBits` to one last block.

    Attributes
    ----------
    graph
        By name, in data order: each block, and the names of those that it reads.
    name
        What reports and emitted modules are called after.
    notes
        What the frontend found out, for `gatec inspect` and the manifest.
    """

    graph: Mapping[str, tuple[Block, tuple[str, ...]]]
    name: str
    notes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def chain(
        cls,
        blocks: list[Block],
        name: str,
        notes: dict[str, str] | None = None,
        reads: Mapping[str, tuple[str, ...]] | None = None,
    ) -> ModelGraph:
        """Return the graph in which each block reads the one before it.

        Parameters
        ----------
        reads
            The blocks that some blocks read instead, by name and in the order of their inputs.

        Raises `ModelError` when neighbours do not fit.
        """
        graph: dict[str, tuple[Block, tuple[str, ...]]] = {}
        for i, block in enumerate(blocks):
            if block.name in graph:
                raise ModelError("name used twice", place=block.name)
            sources = (reads or {}).get(block.name, (blocks[i - 1].name,) if i else ())
            for source in sources:
                if source not in graph or sources.count(source) > 1:
                    raise ModelError(f"reads {source}", place=block.name, expected="blocks before")
            graph[block.name] = block, sources
        model = cls(graph, name, dict(notes or {}))
        model.verify()
        return model

    @property
    def blocks(self) -> list[Block]:
        """The blocks in data order."""
        return [block for block, _ in self.graph.values()]

    @property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """The blocks that each block reads, by name and in the order of its inputs."""
        return {name: reads for name, (_, reads) in self.graph.items()}

    def predecessors(self, block: Block) -> list[Block]:
        """Return the blocks that `block` reads, in the order of its inputs."""
        return [self.graph[name][0] for name in self.graph[block.name][1]]

    @property
    def num_inputs(self) -> int:
        """Width of the input vector in bits."""
        return self.input.width

    @property
    def input(self) -> InputBits:
        """The input block."""
        (found,) = (block for block in self.blocks if isinstance(block, InputBits))
        return found

    @property
    def encoder(self) -> Thermometer | None:
        """The thermometer encoder, when it is part of the circuit."""
        return next((b for b in self.blocks if isinstance(b, Thermometer)), None)

    @property
    def code_bits(self) -> int | None:
        """Width of the integers that the input vector holds; None where it is just bits."""
        return self.input.code_bits if self.encoder is None else self.encoder.code_bits

    @property
    def layers(self) -> list[LutLayer]:
        """The LUT layers in data order."""
        return [block for block in self.blocks if isinstance(block, LutLayer)]

    @property
    def head(self) -> GroupSum | ClassScores | None:
        """The class counter, if the model has one."""
        return next((b for b in self.blocks if isinstance(b, HEADS)), None)

    @property
    def group_sum(self) -> GroupSum | None:
        """The class counter, where it counts every bit of a group once."""
        head = self.head
        return head if isinstance(head, GroupSum) else None

    @property
    def num_gates(self) -> int:
        """Number of trained truth tables and neurons, in all layers and at all positions."""
        dense = sum(layer.out_width for layer in self.layers)
        return dense + sum(b.num_gates for b in self.blocks if isinstance(b, BitBlock))

    def verify(self) -> None:
        """Raise `ModelError` at the first block that does not fit its predecessor."""
        blocks = self.blocks
        if not blocks or not isinstance(blocks[0], InputBits):
            raise ModelError("the first block is not the input", place=self.name)
        if not any(isinstance(block, LutLayer | BitBlock | ClassScores) for block in blocks):
            raise ModelError("no gate layer", file=self.name, expected="at least one")
        for block in blocks[1:]:
            self._verify_block(block)
        read = {name for names in self.reads.values() for name in names}
        unread = [name for name in list(self.graph)[:-1] if name not in read]
        if unread:
            raise ModelError("nothing reads it", place=unread[0])

    def _verify_block(self, block: Block) -> None:
        """Raise `ModelError` unless the blocks that `block` reads are what it wants."""
        befores = self.predecessors(block)
        if isinstance(block, BitBlock):
            wanted: tuple[int | None, ...] = block.in_widths
        elif isinstance(block, Argmax):
            wanted = (block.classes,)
        else:
            wanted = (getattr(block, "in_width", None),)
        if len(befores) != len(wanted):
            raise ModelError(
                f"reads {len(befores)} blocks", place=block.name, expected=str(len(wanted))
            )
        for before, width in zip(befores, wanted, strict=True):
            scores = isinstance(before, HEADS)
            if scores != isinstance(block, Argmax) or isinstance(before, Argmax) or width is None:
                raise ModelError(f"cannot follow {before.name}", place=block.name)
            if before.out_width != width:
                raise ModelError(
                    f"{before.name} has {before.out_width} outputs",
                    place=block.name,
                    expected=str(width),
                )

    def with_output(self, kind: OutputKind) -> ModelGraph:
        """Return the model cut or extended to end in bits, scores or the class number.

        Raises `UsageError` when scores or a class are wanted of a model without classes.
        """
        keep: list[Block] = [b for b in self.blocks if not isinstance(b, (*HEADS, Argmax))]
        head = self.head
        if kind == "bits" and isinstance(keep[-1], InputBits | Thermometer):
            # Scores were all there is: what they read leaves the circuit as it came.
            width = keep[-1].out_width
            keep.append(Wires("bits", (width,), np.arange(width, dtype=np.int32)))
        if kind != "bits":
            if head is None:
                raise UsageError(
                    f"output {kind!r} needs the number of classes, which the model file lacks",
                    file=self.name,
                    expected="--classes N (or --output bits)",
                )
            keep.append(head)
            if kind == "argmax":
                keep.append(Argmax("argmax", head.classes))
        reads = {block.name: self.reads[block.name] for block in keep if block.name in self.graph}
        reads.pop("argmax", None)
        return ModelGraph.chain(keep, self.name, self.notes, reads)

    def evaluate(self, words: Words, num_samples: int) -> Result:
        """Run the model on packed inputs (`[num_inputs, words]`)."""
        values = self.bit_values(words, num_samples)
        *_, bits = values.values()
        head = self.head
        scores = None if head is None else head.evaluate(bits, num_samples)
        classes = None if scores is None else Argmax("argmax", len(scores)).evaluate(scores)
        return Result(bits, scores, classes)

    def bit_values(self, words: Words, num_samples: int) -> dict[str, Words]:
        """Return what every block in front of the head puts out for packed inputs, by name."""
        if words.shape[0] != self.num_inputs:
            raise ModelError(
                f"input vectors of {words.shape[0]} bits",
                file=self.name,
                expected=f"{self.num_inputs} bits",
            )
        values: dict[str, Words] = {}
        for block in self.blocks:
            inputs = [values[name] for name in self.reads[block.name] if name in values]
            if isinstance(block, InputBits):
                values[block.name] = words
            elif isinstance(block, BitBlock):
                values[block.name] = block.evaluate(inputs)
            elif isinstance(block, Thermometer):
                values[block.name] = block.evaluate(inputs[0], num_samples)
            elif isinstance(block, LutLayer):
                values[block.name] = block.evaluate(inputs[0])
        return values

    def evaluate_outputs(self, words: Words, num_samples: int) -> Words:
        """Return the bits that a circuit of this model must put out, as `lower` orders them."""
        result = self.evaluate(words, num_samples)
        last = self.blocks[-1]
        if isinstance(last, Argmax):
            assert result.classes is not None
            return score_planes(result.classes[None], last.out_width)
        if isinstance(last, HEADS):
            assert result.scores is not None
            return score_planes(result.scores, last.score_bits)
        return result.bits

    @cached_property
    def engine(self) -> Engine:
        """The fastest engine that is installed, made ready for this model when first asked for."""
        from gatec.sim.engine import make_engine

        return make_engine(self)

    def predict(self, samples: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Return the class of each row of `[samples, num_inputs]` bits.

        By `engine`, but where that is not there yet and there is little to do, by the reference.
        """
        from gatec.sim.engine import NumpyEngine, worth_a_start

        bits = checked_bits(samples)
        fast = "engine" in vars(self) or worth_a_start(self, len(bits))
        runner = self.engine if fast else NumpyEngine(self)
        return runner.predict(pack(bits), len(bits))

    def output_bits(self, samples: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        """Return the circuit's output bits for each row of `[samples, num_inputs]` bits."""
        bits = checked_bits(samples)
        return unpack(self.evaluate_outputs(pack(bits), len(bits)), len(bits))

    def lines(self) -> Iterator[str]:
        """Yield the text form: one line a block."""
        yield f"model {self.name}"
        for block in self.blocks:
            yield f"  {block.name}: {block.describe()}"

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def checked_bits(samples: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """Return `[samples, inputs]` as an array; raise `UsageError` when a value is not 0 or 1."""
    bits = np.asarray(samples)
    if bits.ndim != 2 or not ((bits == 0) | (bits == 1)).all():
        raise UsageError(
            f"samples of shape {list(bits.shape)} with other values than bits",
            expected="a matrix of 0 and 1, a row for each sample",
        )
    return bits

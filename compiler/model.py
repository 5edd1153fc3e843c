"""ModelGraph: a trained net as its trainer knew it, and the specification of the circuit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import networkx as nx
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
from gatec.errors import ModelError, UsageError

OutputKind = Literal["argmax", "scores", "bits"]
OUTPUT_KINDS: tuple[OutputKind, ...] = ("argmax", "scores", "bits")


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
        Nodes are block names with the block as attribute `block`; edges follow the data.
    name
        What reports and emitted modules are called after.
    notes
        What the frontend found out, for `gatec inspect` and the manifest.
    """

    graph: nx.DiGraph
    name: str
    notes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def chain(
        cls, blocks: list[Block], name: str, notes: dict[str, str] | None = None
    ) -> ModelGraph:
        """Return the graph in which each block reads the one before it.

        Raises `ModelError` when two neighbours do not fit.
        """
        graph = nx.DiGraph()
        for block in blocks:
            if block.name in graph:
                raise ModelError("name used twice", place=block.name)
            graph.add_node(block.name, block=block)
        for before, after in pairwise(blocks):
            graph.add_edge(before.name, after.name)
        model = cls(graph, name, dict(notes or {}))
        model.verify()
        return model

    @property
    def blocks(self) -> list[Block]:
        """The blocks in data order."""
        return [
            self.graph.nodes[name]["block"]
            for name in nx.lexicographical_topological_sort(self.graph, key=list(self.graph).index)
        ]

    def predecessor(self, block: Block) -> Block:
        """Return the block that `block` reads."""
        (name,) = self.graph.predecessors(block.name)
        found: Block = self.graph.nodes[name]["block"]
        return found

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
    def layers(self) -> list[LutLayer]:
        """The LUT layers in data order."""
        return [block for block in self.blocks if isinstance(block, LutLayer)]

    @property
    def head(self) -> GroupSum | None:
        """The class counter, if the model has one."""
        return next((b for b in self.blocks if isinstance(b, GroupSum)), None)

    @property
    def num_gates(self) -> int:
        """Number of truth tables in all LUT layers."""
        return sum(layer.out_width for layer in self.layers)

    def verify(self) -> None:
        """Raise `ModelError` at the first block that does not fit its predecessor."""
        blocks = self.blocks
        if not blocks or not isinstance(blocks[0], InputBits):
            raise ModelError("the first block is not the input", place=self.name)
        if not self.layers:
            raise ModelError("no gate layer", file=self.name, expected="at least one")
        for block in blocks[1:]:
            before = self.predecessor(block)
            width = before.out_width
            wanted = (
                block.classes if isinstance(block, Argmax) else getattr(block, "in_width", None)
            )
            if isinstance(before, GroupSum) != isinstance(block, Argmax) or wanted is None:
                raise ModelError(f"cannot follow {before.name}", place=block.name)
            if width != wanted:
                raise ModelError(
                    f"{before.name} has {width} outputs", place=block.name, expected=str(wanted)
                )

    def with_output(self, kind: OutputKind) -> ModelGraph:
        """Return the model cut or extended to end in bits, scores or the class number.

        Raises `UsageError` when scores or a class are wanted of a model without classes.
        """
        keep: list[Block] = [b for b in self.blocks if not isinstance(b, GroupSum | Argmax)]
        head = self.head
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
        return ModelGraph.chain(keep, self.name, self.notes)

    def evaluate(self, words: Words, num_samples: int) -> Result:
        """Run the model on packed inputs (`[num_inputs, words]`)."""
        if words.shape[0] != self.num_inputs:
            raise ModelError(
                f"input vectors of {words.shape[0]} bits",
                file=self.name,
                expected=f"{self.num_inputs} bits",
            )
        scores: Scores | None = None
        for block in self.blocks:
            if isinstance(block, Thermometer):
                words = block.evaluate(words, num_samples)
            elif isinstance(block, LutLayer):
                words = block.evaluate(words)
            elif isinstance(block, GroupSum):
                scores = block.evaluate(words, num_samples)
        classes = None if scores is None else Argmax("argmax", len(scores)).evaluate(scores)
        return Result(words, scores, classes)

    def evaluate_outputs(self, words: Words, num_samples: int) -> Words:
        """Return the bits that a circuit of this model must put out, as `lower` orders them."""
        result = self.evaluate(words, num_samples)
        last = self.blocks[-1]
        if isinstance(last, Argmax):
            assert result.classes is not None
            return score_planes(result.classes[None], last.out_width)
        if isinstance(last, GroupSum):
            assert result.scores is not None
            return score_planes(result.scores, last.score_bits)
        return result.bits

    def predict(self, samples: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Return the class of each row of `[samples, num_inputs]` bits."""
        bits = checked_bits(samples)
        result = self.evaluate(pack(bits), len(bits))
        if result.classes is None:
            raise UsageError(
                "the model has no classes", file=self.name, expected="--classes N when reading it"
            )
        return result.classes

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
    if bits.ndim != 2 or not np.isin(bits, (0, 1)).all():
        raise UsageError(
            f"samples of shape {list(bits.shape)} with other values than bits",
            expected="a matrix of 0 and 1, a row for each sample",
        )
    return bits

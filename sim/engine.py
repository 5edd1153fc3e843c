"""Engines that run nets on data, 64 samples to a word, and the choice between them.

Whatever runs a net on many samples asks `make_engine` for an engine: `gatec sim`, the API's
`predict`, the streaming loop. All engines agree with the NumPy reference on every bit.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from gatec.bits import ALL_ONES, WORD_BITS, Words, num_words
from gatec.blocks import Argmax, GroupSum, Scores
from gatec.blocks_threshold import ClassScores
from gatec.errors import ModelError, UsageError
from gatec.evaluate import evaluate_nets
from gatec.lowering.model import lower
from gatec.model import ModelGraph, Result
from gatec.netlist import Netlist

EngineName = Literal["auto", "llvm", "numpy"]
# Gates times samples that NumPy does in the 0.2 s in which LLVM is loaded and compiles its loops.
_WORTH_A_START = 100_000_000
ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)


class Engine(ABC):
    """A net made ready to run.

    Of a `ModelGraph`, the outputs are the last gate layer's bits, and `scores` and `predict` are
    those of its head; of a `Netlist`, they are the output ports' bits in order.

    Attributes
    ----------
    name
        What chose it: one of `ENGINE_NAMES`, not `auto`.
    label
        The net's name, for errors.
    num_inputs, num_outputs, num_registers
        Widths in bits.
    """

    name: EngineName

    def __init__(self, net: ModelGraph | Netlist) -> None:
        self.label = net.name
        self._head = net.head if isinstance(net, ModelGraph) else None
        self.num_inputs = net.num_inputs
        if isinstance(net, ModelGraph):
            self.num_outputs = net.with_output("bits").blocks[-1].out_width
            self.num_registers = 0
            self._register_init = np.zeros(0, dtype=np.bool_)
        else:
            self.num_outputs = net.num_outputs
            self.num_registers = net.num_registers
            self._register_init = net.register_init

    @abstractmethod
    def step(self, state: Words, words: Words) -> tuple[Words, Words]:
        """Return the next state and the outputs of one clock cycle, for all samples at once.

        Parameters
        ----------
        state
            `[num_registers, words]`: the state registers of 64 samples in each word.
        words
            `[num_inputs, words]`.
        """

    def run(self, words: Words) -> Words:
        """Return the outputs `[num_outputs, words]` for inputs `[num_inputs, words]`.

        Registers hold their initial values. All 64 samples of every word are computed: what is in
        the padding comes out of the padding. Raises `ModelError` when the width is not the net's.
        """
        return self.step(self.initial_state(words.shape[1]), words)[1]

    def initial_state(self, count: int) -> Words:
        """Return the registers' initial values for `count` words, `[num_registers, count]`."""
        return np.repeat(self._register_init[:, None] * ALL_ONES, count, axis=1)

    def scores(self, words: Words, num_samples: int) -> Scores:
        """Return the counts `int64[classes, samples]` for packed inputs.

        Raises `UsageError` when the net has no classes, `ModelError` when the inputs' width is not
        the net's.
        """
        head = self._classes_of()
        self._check_samples(words, num_samples)
        return head.evaluate(self.run(words), num_samples)

    def predict(self, words: Words, num_samples: int) -> npt.NDArray[np.int64]:
        """Return the class `int64[samples]` of each sample; errors as `scores`."""
        return Argmax("argmax", self._classes_of().classes).evaluate(
            self.scores(words, num_samples)
        )

    def evaluate(self, words: Words, num_samples: int) -> Result:
        """Return what `ModelGraph.evaluate` returns: bits and, with a head, scores and classes."""
        self._check_samples(words, num_samples)
        bits = self.run(words)
        if self._head is None:
            return Result(bits, None, None)
        scores = self._head.evaluate(bits, num_samples)
        return Result(bits, scores, Argmax("argmax", len(scores)).evaluate(scores))

    def _classes_of(self) -> GroupSum | ClassScores:
        if self._head is None:
            raise UsageError(
                "the model has no classes", file=self.label, expected="--classes N when reading it"
            )
        return self._head

    def _check_samples(self, words: Words, num_samples: int) -> None:
        if num_words(num_samples) != words.shape[1]:
            raise ModelError(
                f"{num_samples} samples in {words.shape[1]} words",
                file=self.label,
                expected=f"{num_words(num_samples)} words",
            )

    def _check(self, state: Words, words: Words) -> None:
        """Raise unless the arrays are as wide as the net."""
        if words.ndim != 2 or words.shape[0] != self.num_inputs:
            raise ModelError(
                f"input vectors of {words.shape[0]} bits",
                file=self.label,
                expected=f"{self.num_inputs} bits",
            )
        if state.shape != (self.num_registers, words.shape[1]):
            raise ModelError(
                f"state of shape {list(state.shape)}",
                file=self.label,
                expected=str([self.num_registers, words.shape[1]]),
            )


class NumpyEngine(Engine):
    """The bit-parallel reference itself, by blocks of a model or by gates of a netlist."""

    name: EngineName = "numpy"

    def __init__(self, net: ModelGraph | Netlist) -> None:
        super().__init__(net)
        self._net = net.with_output("bits") if isinstance(net, ModelGraph) else net

    def step(self, state: Words, words: Words) -> tuple[Words, Words]:
        """Return the next state and the outputs of one clock cycle."""
        self._check(state, words)
        if isinstance(self._net, ModelGraph):
            return state, self._net.evaluate(words, words.shape[1] * WORD_BITS).bits
        values = evaluate_nets(self._net, words, state)
        return values[self._net.register_d], values[self._net.output_nets]


def make_engine(
    net: ModelGraph | Netlist,
    name: EngineName = "auto",
    threads: int | None = None,
    samples: int | None = None,
) -> Engine:
    """Return the engine to run a model or netlist with.

    Parameters
    ----------
    name
        `numpy` for the reference, `auto` for the fastest engine that is installed.
    threads
        Cores to use; all that this process may use when None.
    samples
        How many there will be, where that is known: for little work `auto` takes NumPy, which is
        done before a faster engine has started.

    Raises
    ------
    UsageError
        An unknown name, a number of threads below 1, or an engine that is not installed.
    """
    if name not in ENGINE_NAMES:
        raise UsageError(f"--engine {name}", expected=" or ".join(ENGINE_NAMES))
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads", expected="1 or more")
    installed = find_spec("llvmlite") is not None
    if name == "llvm" and not installed:
        raise UsageError("--engine llvm without llvmlite", expected="pip install llvmlite")
    weighted = isinstance(net, ModelGraph) and isinstance(net.head, ClassScores)
    if name == "llvm" and weighted:
        raise UsageError("--engine llvm with weighted class sums", expected="--engine numpy")
    little = samples is not None and not worth_a_start(net, samples)
    if name == "numpy" or weighted or (name == "auto" and (little or not installed)):
        return NumpyEngine(net)
    from gatec.sim.native import LlvmEngine

    return LlvmEngine(net, threads or available_threads())


def worth_a_start(net: ModelGraph | Netlist, samples: int) -> bool:
    """Return whether a fast engine is done with so many samples before NumPy, start included."""
    return samples * net.num_gates >= _WORTH_A_START


def body(net: ModelGraph | Netlist) -> Netlist:
    """Return the netlist up to the head: of a model, everything up to its last layer's bits."""
    return lower(net.with_output("bits")).netlist if isinstance(net, ModelGraph) else net


def available_threads() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""Sequences of a clocked core one after the other, and what the model answers: test vectors.

A vector is what comes in for a step; of a net whose first state is the input, it is that input. The
file of the inputs has one on each line, and above its bits one that is 1 for the last vector of a
sequence, which is what `i_last` says where the core has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.bits import Bits, num_words, unpack
from gatec.errors import DifferentError
from gatec.frontends.clocked import ClockedModel
from gatec.netlist import Netlist
from gatec.sim.clocked import frames
from gatec.sim.sequence import Machine
from gatec.vectors import INPUT_FILE, OUTPUT_FILE, from_hex, make_vectors, to_hex

Head = Callable[[Bits], Bits]

# The longest of the sequences of any length.
_LONGEST = 12
_SEED = 0x5EED


@dataclass(frozen=True, eq=False)
class Sequences:
    """Vectors in the order in which a core gets them.

    Attributes
    ----------
    vectors
        `uint8[vectors, inputs]`.
    last
        `uint8[vectors]`: whether a vector is the last of its sequence.
    """

    vectors: Bits
    last: Bits

    def num_answers(self, model: ClockedModel) -> npt.NDArray[np.int64]:
        """Return `[vectors]`: how many answers each of them leads to."""
        if model.from_input:
            return np.full(len(self.last), model.steps if model.every_step else 1, dtype=np.int64)
        answered = np.ones_like(self.last) if model.every_step else self.last
        return answered.astype(np.int64)

    def answers(self, model: ClockedModel, head: Head, step: Netlist | None = None) -> Bits:
        """Return `uint8[answers, outputs]`, what the reference says.

        Parameters
        ----------
        head
            What makes `uint8[answers, outputs]` of what leaves the steps, such as `output_bits` of
            `model.tail`, ending in what is put out.
        step
            As `model.netlist`; that when None.
        """
        step = model.netlist if step is None else step
        if model.from_input:
            left = _walk(model, step, self.vectors)
            left = left if model.every_step else left[:, -1:]
            return head(left.reshape(-1, model.leaving))
        number = np.concatenate([[0], np.cumsum(self.last)[:-1]]).astype(np.intp)
        first = np.flatnonzero(np.diff(number, prepend=-1))
        time = np.arange(len(number)) - first[number]
        side_by_side = np.zeros((len(first), time.max() + 1, model.inputs), dtype=np.uint8)
        side_by_side[number, time] = self.vectors
        left = _walk(model, step, side_by_side.reshape(len(first), -1))[number, time]
        return head(left if model.every_step else left[self.last == 1])


def _walk(model: ClockedModel, step: Netlist, bits: Bits) -> Bits:
    """Return what leaves each step, `uint8[samples, steps, leaving]`, of sequences side by side."""
    count = len(bits)
    steps = (model.steps or 1) if model.from_input else bits.shape[1] // model.inputs
    machine = Machine(step, num_words(count), engine="numpy")
    left = [unpack(machine.step(f), count) for f in frames(bits, steps, model.from_input)]
    return np.stack(left, axis=1)


def split_samples(model: ClockedModel, bits: Bits) -> Sequences:
    """Return whole sequences, `uint8[samples, steps * inputs]`, as vectors."""
    vectors = bits.reshape(-1, model.inputs)
    steps = len(vectors) // max(1, len(bits))
    return Sequences(vectors, (np.arange(len(vectors)) % steps == steps - 1).astype(np.uint8))


def make_sequences(model: ClockedModel, count: int) -> Sequences:
    """Return `count` vectors, and as many more as the last sequence needs; the seed is fixed."""
    if model.from_input:
        steps = 1
    elif model.steps is not None:
        steps = model.steps
    else:
        rng = np.random.default_rng(_SEED)
        last = np.zeros(count, dtype=np.uint8)
        ends = np.cumsum(rng.integers(1, _LONGEST, size=count, endpoint=True)) - 1
        last[ends[ends < count]] = last[-1] = 1
        return Sequences(make_vectors(model.inputs, count), last)
    vectors = make_vectors(model.inputs, -(-count // steps) * steps)
    return Sequences(vectors, (np.arange(len(vectors)) % steps == steps - 1).astype(np.uint8))


def sequence_files(model: ClockedModel, head: Head, found: Sequences) -> dict[str, bytes]:
    """Return the two files for `$readmemh`: one hexadecimal number a line, bit 0 lowest."""
    lines = np.hstack([found.vectors, found.last[:, None]])
    return {
        INPUT_FILE: to_hex(lines).encode(),
        OUTPUT_FILE: to_hex(found.answers(model, head)).encode(),
    }


def check_sequences(model: ClockedModel, head: Head, inputs: bytes, outputs: bytes) -> int:
    """Return how many answers two such files hold; raise `DifferentError` at a wrong one."""
    lines = from_hex(inputs.decode(), model.inputs + 1)
    found = Sequences(np.ascontiguousarray(lines[:, :-1]), lines[:, -1])
    expected = found.answers(model, head)
    if not np.array_equal(from_hex(outputs.decode(), expected.shape[1]), expected):
        raise DifferentError("the stored vectors disagree", file=model.name)
    return len(expected)

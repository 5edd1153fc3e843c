"""The LLVM engine: a program per net, compiled loops that all nets share, threads over blocks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec.bits import WORD_BITS, Words
from gatec.blocks import Argmax, GroupSum, Scores
from gatec.blocks_threshold import ClassScores
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.sim.engine import Engine, EngineName, body
from gatec.sim.kernel import BITS, CLASSES, FIELDS, SCORES, load_process
from gatec.sim.kernel_build import LINE_BYTES, LINE_WORDS
from gatec.sim.program import make_program
from gatec.sim.summands import MIN_PLANES, sum_up

# Half a millisecond of work: less is not worth a second thread's start.
_NODES_FOR_A_THREAD = 250_000

# Fields of a job by name: arrays, which are passed by address, and numbers.
_Job = dict[str, Any]


class LlvmEngine(Engine):
    """Runs the optimised net, 512 samples at a time, on several cores.

    Parameters
    ----------
    net
        Is optimised and put into a program here; that is all the start-up there is for a net.
    threads
        The most to use; a batch of few samples takes fewer.
    """

    name: EngineName = "llvm"

    def __init__(self, net: ModelGraph | Netlist, threads: int) -> None:
        super().__init__(net)
        self.threads = threads
        assert not isinstance(self._head, ClassScores), "make_engine takes NumPy for these"
        program = make_program(body(net))
        self._program = program
        self._fields: _Job = {
            "rows": program.rows,
            "nodes": program.nodes,
            "ops": program.ops,
            "ends": program.ends,
            "refs": program.refs,
            "loads": len(program.rows),
            "runs": len(program.ops),
            "stores": len(program.refs),
            **_head_fields(self._head, program.refs),
        }
        classes, planes = self._fields["classes"], self._fields["planes"]
        self._lines = {
            "values": program.num_slots,
            "counts": 2 * classes * planes + self._fields["class_planes"],
        }
        self._process = load_process()
        self._buffers: list[_Job] = []

    def step(self, state: Words, words: Words) -> tuple[Words, Words]:
        """Return the next state and the outputs of one clock cycle."""
        self._check(state, words)
        inputs = np.concatenate([words, state]) if len(state) else words
        found = self._compute(BITS, inputs, len(self._program.refs), np.uint64)
        return found[self.num_outputs :], found[: self.num_outputs]

    def scores(self, words: Words, num_samples: int) -> Scores:
        """Return the counts `int64[classes, samples]` for packed inputs."""
        head = self._classes_of()
        self._check_numbers(words, num_samples)
        return self._compute(SCORES, words, head.classes, np.int64)[:, :num_samples]

    def predict(self, words: Words, num_samples: int) -> npt.NDArray[np.int64]:
        """Return the class `int64[samples]` of each sample."""
        self._classes_of()
        self._check_numbers(words, num_samples)
        return self._compute(CLASSES, words, 1, np.int64)[0, :num_samples]

    def _check_numbers(self, words: Words, num_samples: int) -> None:
        self._check_samples(words, num_samples)
        self._check(self.initial_state(words.shape[1]), words)

    def _make_buffers(self) -> _Job:
        return {key: _lines(count) for key, count in self._lines.items()}

    def _compute(
        self, kind: int, words: Words, rows: int, dtype: type[np.generic]
    ) -> npt.NDArray[Any]:
        """Return the outputs of whole words: `[rows, words]` or, of numbers, `[rows, samples]`."""
        scale = 1 if kind == BITS else WORD_BITS
        count = words.shape[1]
        whole = count - count % LINE_WORDS
        lines = -(-count // LINE_WORDS) * scale
        out = _lines(rows * lines).view(dtype).reshape(rows, lines * LINE_WORDS)
        job = dict(self._fields, words=np.ascontiguousarray(words), out=out)
        self._spread(job, kind, whole)
        if count > whole:
            rest = np.zeros((len(words), LINE_WORDS), dtype=np.uint64)
            rest[:, : count - whole] = words[:, whole:]
            self._work(dict(job, words=rest, out=out[:, whole * scale :]), kind, 0, LINE_WORDS)
        return out[:, : count * scale]

    def _spread(self, job: _Job, kind: int, stop: int) -> None:
        """Compute the words before `stop`, whole blocks, on as many threads as pay."""
        blocks = stop // LINE_WORDS
        useful = blocks * max(1, len(self._program.nodes)) // _NODES_FOR_A_THREAD
        threads = max(1, min(self.threads, blocks, useful))
        ends = [blocks * k // threads * LINE_WORDS for k in range(threads + 1)]
        if threads == 1:
            self._work(job, kind, 0, stop)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(partial(self._work, job, kind), ends[:-1], ends[1:]))

    def _work(self, job: _Job, kind: int, start: int, stop: int) -> None:
        """Compute a range of words in this thread."""
        try:
            own = self._buffers.pop()
        except IndexError:
            own = self._make_buffers()
        full = {**job, **own}
        full["stride"], full["out_stride"] = (
            full[key].strides[0] // full[key].itemsize for key in ("words", "out")
        )
        packed = np.array(
            [v if isinstance(v := full[key], int) else v.ctypes.data for key in FIELDS],
            dtype=np.int64,
        )
        self._process(packed.ctypes.data, kind, start, stop)
        self._buffers.append(own)


def _head_fields(head: GroupSum | None, refs: npt.NDArray[np.int32]) -> _Job:
    """Return the fields of a job that count; without a head, of no classes."""
    if head is None:
        nothing = np.zeros(1, dtype=np.int32)
        fields: _Job = dict.fromkeys(("summands", "starts", "initial"), nothing)
        return {**fields, "classes": 0, "planes": 0, "class_planes": 0}
    parts = sum_up(refs, head)
    return {
        "summands": parts.slots,
        "starts": parts.starts,
        "initial": parts.initial,
        "classes": head.classes,
        "planes": max(MIN_PLANES, head.score_bits),
        "class_planes": Argmax("argmax", head.classes).out_width,
    }


def _lines(count: int) -> npt.NDArray[np.uint64]:
    """Return zeroed lines, `[count, 8]`, aligned to a line."""
    memory = np.zeros((count + 1) * LINE_WORDS, dtype=np.uint64)
    start = -memory.ctypes.data % LINE_BYTES // memory.itemsize
    return memory[start : start + count * LINE_WORDS].reshape(count, LINE_WORDS)

"""The LLVM engine: a program per net, compiled loops that all nets share, threads over blocks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
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
from gatec.sim.program import Program, make_program
from gatec.sim.summands import MIN_PLANES

# Half a millisecond of work: less is not worth a second thread's start.
_NODES_FOR_A_THREAD = 250_000
# Values in pages of this size are found without a walk through page tables: 11 % less time at
# 384,000 gates, where 4 KB pages exceed what the processor keeps of them.
_HUGE_PAGE = 2 << 20
# From here on NumPy asks Linux for huge pages.
_ASKS_FOR_HUGE_PAGES = 4 << 20

# Fields of a job by name: arrays, which are passed by address, and numbers.
_Job = dict[str, Any]


class _Loaded:
    """A program with what it is run with.

    Attributes
    ----------
    fields
        Of a job, as far as the program decides them.
    nodes, outputs
        How many there are.
    process
        The compiled loops.
    buffers
        What threads have for themselves, as far as no thread has it now.
    """

    def __init__(self, program: Program, head: GroupSum | None) -> None:
        classes = head.classes if head is not None else 0
        planes = max(MIN_PLANES, head.score_bits) if head is not None else 0
        class_planes = Argmax("argmax", classes).out_width if classes else 0
        self.fields: _Job = {
            **{key: getattr(program, key) for key in ("rows", "nodes", "ops", "ends", "refs")},
            "initial": program.initial,
            "loads": len(program.rows),
            "runs": len(program.ops),
            "stores": len(program.refs),
            "classes": classes,
            "planes": planes,
            "class_planes": class_planes,
        }
        self.nodes = program.num_nodes
        self.outputs = len(program.refs)
        self.process = load_process(8 * program.nodes.itemsize)
        self.buffers: list[_Job] = []
        self._lines = {"values": program.num_slots, "counts": 2 * classes * planes + class_planes}

    def make_buffers(self) -> _Job:
        """Return what a thread has for itself."""
        return {key: _lines(count) for key, count in self._lines.items()}


class LlvmEngine(Engine):
    """Runs the optimised net, 512 samples at a time, on several cores.

    Parameters
    ----------
    net
        Is optimised and put into a program here; that is all the start-up there is for a net. Of a
        model with classes, that is the program that counts them; bits take one of their own when
        they are first asked for.
    threads
        The most to use; a batch of few samples takes fewer.
    """

    name: EngineName = "llvm"

    def __init__(self, net: ModelGraph | Netlist, threads: int) -> None:
        super().__init__(net)
        self.threads = threads
        self._net = net
        assert not isinstance(self._head, ClassScores), "make_engine takes NumPy for these"
        self._main = _Loaded(make_program(body(net), self._head), self._head)

    @cached_property
    def _bits(self) -> _Loaded:
        """The program that puts out bits."""
        return self._main if self._head is None else _Loaded(make_program(body(self._net)), None)

    def step(self, state: Words, words: Words) -> tuple[Words, Words]:
        """Return the next state and the outputs of one clock cycle."""
        self._check(state, words)
        inputs = np.concatenate([words, state]) if len(state) else words
        found = self._compute(self._bits, BITS, inputs, self._bits.outputs)
        return found[self.num_outputs :], found[: self.num_outputs]

    def scores(self, words: Words, num_samples: int) -> Scores:
        """Return the counts `int64[classes, samples]` for packed inputs."""
        head = self._classes_of()
        self._check_numbers(words, num_samples)
        return self._compute(self._main, SCORES, words, head.classes)[:, :num_samples]

    def predict(self, words: Words, num_samples: int) -> npt.NDArray[np.int64]:
        """Return the class `int64[samples]` of each sample."""
        self._classes_of()
        self._check_numbers(words, num_samples)
        return self._compute(self._main, CLASSES, words, 1)[0, :num_samples]

    def _check_numbers(self, words: Words, num_samples: int) -> None:
        self._check_samples(words, num_samples)
        self._check(self.initial_state(words.shape[1]), words)

    def _compute(self, loaded: _Loaded, kind: int, words: Words, rows: int) -> npt.NDArray[Any]:
        """Return the outputs of whole words: `[rows, words]` or, of numbers, `[rows, samples]`."""
        scale = 1 if kind == BITS else WORD_BITS
        count = words.shape[1]
        whole = count - count % LINE_WORDS
        lines = -(-count // LINE_WORDS) * scale
        dtype = np.uint64 if kind == BITS else np.int64
        out = _lines(rows * lines).view(dtype).reshape(rows, lines * LINE_WORDS)
        job = dict(loaded.fields, words=np.ascontiguousarray(words), out=out)
        self._spread(loaded, job, kind, whole)
        if count > whole:
            rest = np.zeros((len(words), LINE_WORDS), dtype=np.uint64)
            rest[:, : count - whole] = words[:, whole:]
            last = dict(job, words=rest, out=out[:, whole * scale :])
            self._work(loaded, last, kind, 0, LINE_WORDS)
        return out[:, : count * scale]

    def _spread(self, loaded: _Loaded, job: _Job, kind: int, stop: int) -> None:
        """Compute the words before `stop`, whole blocks, on as many threads as pay."""
        blocks = stop // LINE_WORDS
        useful = blocks * max(1, loaded.nodes) // _NODES_FOR_A_THREAD
        threads = max(1, min(self.threads, blocks, useful))
        ends = [blocks * k // threads * LINE_WORDS for k in range(threads + 1)]
        if threads == 1:
            self._work(loaded, job, kind, 0, stop)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(partial(self._work, loaded, job, kind), ends[:-1], ends[1:]))

    @staticmethod
    def _work(loaded: _Loaded, job: _Job, kind: int, start: int, stop: int) -> None:
        """Compute a range of words in this thread."""
        try:
            own = loaded.buffers.pop()
        except IndexError:
            own = loaded.make_buffers()
        full = {**job, **own}
        full["stride"], full["out_stride"] = (
            full[key].strides[0] // full[key].itemsize for key in ("words", "out")
        )
        packed = np.array(
            [v if isinstance(v := full[key], int) else v.ctypes.data for key in FIELDS],
            dtype=np.int64,
        )
        loaded.process(packed.ctypes.data, kind, start, stop)
        loaded.buffers.append(own)


def _lines(count: int) -> npt.NDArray[np.uint64]:
    """Return zeroed lines, `[count, 8]`, aligned to a line; many of them, to a huge page."""
    many = count * LINE_BYTES >= _HUGE_PAGE // 4
    align = _HUGE_PAGE if many else LINE_BYTES
    size = count * LINE_BYTES + align
    if many:
        # The end of the last huge page counts: what is not touched takes no memory.
        size = max(_ASKS_FOR_HUGE_PAGES, size + align)
    memory = np.zeros(size // 8, dtype=np.uint64)
    start = -memory.ctypes.data % align // memory.itemsize
    return memory[start : start + count * LINE_WORDS].reshape(count, LINE_WORDS)

"""How often each net changes, for estimates of switching power."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gatec.bits import ALL_ONES, WORD_BITS, Words
from gatec.netlist import Netlist, Port
from gatec.sim.engine import Engine, EngineName, make_engine

Counts = npt.NDArray[np.int64]

# Words of one net that are in memory at a time, all nets together: 128 MB.
_WORDS_AT_A_TIME = 1 << 24


def stream_toggles(
    net: Netlist, words: Words, num_samples: int, engine: EngineName = "auto"
) -> Counts:
    """Return `int64[num_nets]`: how often each net changes when samples follow one another.

    Zero delay: a net changes at most once from one sample to the next, glitches are not counted.

    Parameters
    ----------
    net
        Without registers; every net of it is counted, as it stands.
    words
        `[num_inputs, words]`: sample `s + 1` follows sample `s`.
    """
    assert net.num_registers == 0, "cycle_toggles counts nets with registers"
    runner = _all_nets(net, engine)
    counts = np.zeros(net.num_nets, dtype=np.int64)
    step = max(1, _WORDS_AT_A_TIME // net.num_nets)
    last = np.zeros((net.num_nets, 1), dtype=np.uint64)
    for start in range(0, words.shape[1], step):
        values = runner.run(words[:, start : start + step])
        before = np.concatenate([last, values[:, :-1]], axis=1) >> np.uint64(WORD_BITS - 1)
        changed = values ^ (values << np.uint64(1) | before)
        if start == 0:
            changed[:, :1] &= ~np.uint64(1)
        counts += _ones(changed, num_samples - start * WORD_BITS)
        last = values[:, -1:]
    return counts


def cycle_toggles(
    net: Netlist, frames: Iterable[Words], num_samples: int, engine: EngineName = "auto"
) -> Counts:
    """Return `int64[num_nets]`: how often each net changes from cycle to cycle, in all samples.

    Parameters
    ----------
    net
        With registers, which begin at their initial values.
    frames
        The inputs of each cycle, `[num_inputs, words]`: the samples are independent runs.
    """
    return cycle_counts(net, frames, num_samples, engine)[0]


def cycle_counts(
    net: Netlist, frames: Iterable[Words], num_samples: int, engine: EngineName = "auto"
) -> tuple[Counts, Counts]:
    """Return the same, and in how many cycles, all but the first, each net is 1."""
    runner = _all_nets(net, engine)
    counts = np.zeros(net.num_nets, dtype=np.int64)
    ones = counts.copy()
    state: Words | None = None
    before: Words | None = None
    for frame in frames:
        state, values = runner.step(
            runner.initial_state(frame.shape[1]) if state is None else state, frame
        )
        if before is not None:
            counts += _ones(values ^ before, num_samples)
            ones += _ones(values, num_samples)
        before = values
    return counts, ones


def _all_nets(net: Netlist, engine: EngineName) -> Engine:
    """Return an engine whose outputs are all nets in order."""
    every = Port("nets", np.arange(net.num_nets, dtype=np.int32))
    return make_engine(net.replace(outputs=(every,), cuts=(), stage=None), engine)


def _ones(words: Words, num_samples: int) -> Counts:
    """Return the ones of each row in the first `num_samples` bits."""
    whole, rest = divmod(max(0, min(num_samples, words.shape[1] * WORD_BITS)), WORD_BITS)
    counts: Counts = np.bitwise_count(words[:, :whole]).sum(axis=1, dtype=np.int64)
    if rest:
        mask = ALL_ONES >> np.uint64(WORD_BITS - rest)
        counts += np.bitwise_count(words[:, whole] & mask)
    return counts

"""Input words that stay in place: read back, simulated, and faults in them seen."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers_backends import every_input, reference, run_rtl, same_function
from helpers_sequences import random_machine

from gatec.backends.readback.core import read_back
from gatec.backends.verilog import Emitted, emit
from gatec.errors import DifferentError
from gatec.sim.rtl import Traffic
from gatec.unroll import unrolled


def with_words(seed: int, beat_bits: int, early: int) -> Emitted:
    machine = random_machine(seed)
    return emit(
        machine.net,
        style="generic",
        beat_bits=beat_bits,
        out_beat_bits=machine.out_beat_bits,
        phases=machine.phases,
        early=early,
    )


# Of 8 bits in 8 beats, or in 3, the last of which is not full; with stages in front and behind.
@pytest.mark.parametrize(
    ("seed", "beat_bits", "early"), [(0, 1, 0), (1, 1, 3), (2, 3, 2), (3, 1, 7)]
)
def test_words_come_early_and_the_vector_holds(seed: int, beat_bits: int, early: int) -> None:
    machine, emitted = random_machine(seed), with_words(seed, beat_bits, early)
    function = unrolled(machine.net, machine.phases).netlist
    back = read_back(emitted.text, emitted.shape)
    assert same_function(function, back.netlist)
    samples = every_input(8)[:80]
    expected = reference(function, samples)
    result = run_rtl(emitted, samples)
    assert np.array_equal(result.outputs, expected)
    assert result.latency == emitted.latency
    assert np.diff(result.appeared[10:]).max() == emitted.shape.interval
    traffic = Traffic(gaps=0.3, stalls=0.5, reset_after=25, seed=seed)
    assert np.array_equal(run_rtl(emitted, samples, traffic).outputs, expected)


def test_each_early_word_is_a_cycle_less() -> None:
    """One stage of P cycles takes a vector of N beats every N + P - 1 - early cycles."""
    emitted = with_words(1, 1, 0)
    shape = emitted.shape
    assert shape.sequence is not None
    alone = replace(shape, rank_bits=shape.rank_bits[-1:], out_beat_bits=4)
    for phases in (2, 5, 8):
        sequence = replace(shape.sequence, stage=0, phases=phases)
        for early in range(8):
            found = replace(alone, sequence=sequence, early=early).interval
            assert found == max(8, 8 + phases - 1 - early)


# Parts of the shell, and what wrong ones would be; \1 and \2 are groups of the part.
FAULTS = [
    (r"assign i_ready = .*;", "assign i_ready = 1'h1;"),
    (r"if \(write\[0\]\)", "if (write[1])"),
    (r"if \(write\[5\]\) vector\[5\]", "if (write[4]) vector[5]"),
    (r"early\[1\] <= i_payload", "early[1] <= vector[1]"),
    (r"\{ i_payload, early \}", "{ i_payload, early[1], early[2], early[0] }"),
    (r"assign write\[5\] = (\w+) & (\w+);", r"assign write[5] = \1 | \2;"),
]


def test_faults_in_the_words_are_seen() -> None:
    machine, emitted = random_machine(1), with_words(1, 1, 3)
    right = unrolled(machine.net, machine.phases).netlist
    for pattern, wrong in FAULTS:
        text = re.sub(pattern, wrong, emitted.text)
        assert text != emitted.text, pattern
        try:
            back = read_back(text, emitted.shape)
        except DifferentError:
            continue
        assert not same_function(right, back.netlist), pattern
    for early in (None, 0, 2, 4):
        with pytest.raises(DifferentError):
            read_back(emitted.text, replace(emitted.shape, early=early))

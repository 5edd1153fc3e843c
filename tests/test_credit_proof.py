"""The proof of the shell with credits: what it accepts, and each planted fault that it refuses."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import random_netlist
from helpers_backends import random_staged, same_function, staged

from gatec.backends.control.credit_induction import prove_credits
from gatec.backends.core import CoreShape
from gatec.backends.credit_core import CreditShape, with_credits
from gatec.backends.readback.core import read_back
from gatec.backends.verilog import Emitted, emit
from gatec.bits import random_words
from gatec.devices.fabrics import Style
from gatec.errors import DifferentError
from gatec.evaluate import evaluate_outputs
from gatec.netlist import Netlist


def credits(net: Netlist, beat: int | None = None, out: int | None = None) -> Emitted:
    """Return the core of a netlist with credits."""
    return emit(net, style="ice40", beat_bits=beat, out_beat_bits=out, credits=True)


@pytest.mark.parametrize("seed", range(4))
def test_reads_back_random_nets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, gates, outputs = (int(n) for n in rng.integers(1, [40, 200, 30]))
    net = staged(random_netlist(rng, inputs, gates, outputs), int(rng.integers(1, 8)))
    beats = (int(rng.integers(1, inputs + 2)), int(rng.integers(1, outputs + 2)))
    style: Style = "ice40" if seed % 2 else "generic"
    emitted = emit(net, style=style, beat_bits=beats[0], out_beat_bits=beats[1], credits=True)
    back = read_back(emitted.text, emitted.shape)
    words = random_words(rng, inputs, 64)
    assert np.array_equal(evaluate_outputs(net, words), evaluate_outputs(back.netlist, words))
    assert back.latency == emitted.latency
    assert any("no result is lost" in fact for fact in back.facts)


NET = random_staged(7)
WHOLE, SERIAL = credits(NET), credits(NET, 5, 2)


def test_what_the_shapes_below_are() -> None:
    assert isinstance(WHOLE.shape, CreditShape)
    assert isinstance(SERIAL.shape, CreditShape)
    assert (WHOLE.shape.depth, SERIAL.shape.depth) == (8, 5)
    assert same_function(NET, read_back(SERIAL.text, SERIAL.shape).netlist)


@pytest.mark.parametrize(
    ("emitted", "old", "new", "message"),
    [
        # Credits: one too early, lost where one comes as one goes, made, never given back.
        (WHOLE, r"i_ready = credit\[2\]", "i_ready = credit[1]", "i_ready is another bit"),
        (WHOLE, r"full \^ freed", "full | freed", "next settle"),
        (WHOLE, r"else gain <= freed", "else gain <= full", "next gain"),
        (WHOLE, r"credit\[6:0\], 1'h1", "credit[6:0], 1'h0", "does not count"),
        (WHOLE, r"1'h0, credit\[7:1\]", "credit[7:6], credit[6:1]", "does not count"),
        (WHOLE, r"credit = 8'hff", "credit = 8'h7f", "does not start"),
        (WHOLE, r"    if \(settle\) credit", "    if (full) credit", "settle is missing"),
        # The queue: a pointer too low, a word that moves while it waits, another word above.
        (WHOLE, r"\? fill\[6:0\]", "? fill[7:1]", "does not count"),
        (WHOLE, r"fill\[0\] & _053_", "fill[1] & _053_", r"fill\[0\] does not count"),
        (WHOLE, r"move\[2\]\) word2", "move[3]) word2", r"word2\[\d\] takes another bit"),
        (WHOLE, r"\? word3", "? word4", r"word3 is missing|word2\[\d\] depends on"),
        (WHOLE, r"filled\[2\] \?", "filled[1] ?", r"word2\[\d\] takes another bit"),
        (WHOLE, r"word7 <= late", "word7 <= word6", r"word7\[\d\] depends on"),
        (WHOLE, r"filled <= fill\[7:1\]", "filled <= fill[6:0]", "next filled"),
        (WHOLE, r"fill & \{ hold, hold", "fill & { hold, rst", "next move"),
        (WHOLE, r"late <= result", "late <= stage2_o", "result is missing"),
        (WHOLE, r"valid\[1\] \^ early", "valid[2] ^ early", "next shift"),
        (WHOLE, r"else hold <= early", "else hold <= freed", "next hold"),
        (WHOLE, r"early = lane0\[3\] & lane1", "early = lane0[4] & lane1", "next hold"),
        (SERIAL, r"early = lane0\[3\] \| leaves", "early = lane0[3]", "next hold"),
        (WHOLE, r"if \(rst\) hold <= 1'h1", "if (rst) hold <= 1'h0", "next hold"),
        (WHOLE, r"if \(clear\) fill\[0\]", "if (rst) fill[0]", r"fill\[0\]"),
        (WHOLE, r"clear <= rst", "clear <= o_ready", "next clear"),
        # The lanes: a word that overtakes, is lost or doubled; turns; whose word is shown.
        (WHOLE, r"lane0\[1\] \? enter\[0\] : lane0\[1\]", "enter[0]", r"next lane0\[2\]"),
        (WHOLE, r"lane0\[2\] \? lane0\[1\] : _023_", "_023_", r"next lane0\[2\]"),
        (WHOLE, r"lane1\[0\] \? _017_\[1\]", "lane1[0] ? _017_[0]", r"next lane1\[0\]"),
        (WHOLE, r"_031_ = ~ \{ _029_", "_031_ = ~ { _027_", "next room of lane0"),
        (WHOLE, r"if \(room0\[0\]\) lane0_1", "if (room0[1]) lane0_1", r"next lane0_1"),
        (WHOLE, r"lane0\[3\] \? lane0_3 : word0", "lane0[4] ? lane0_3 : word0", "next lane0_2"),
        (WHOLE, r"lane1_1 & _056_", "lane1_2 & _056_", "next lane1_0|is missing"),
        (WHOLE, r"_062_ = ~ into", "_062_ = into", "next enter"),
        (WHOLE, r"into \^ leaves", "into ^ freed", "next into"),
        (WHOLE, r"front \^ _066_", "front ^ o_ready", "next front"),
        (WHOLE, r"front = 1'h0", "front = 1'h1", "does not start"),
        (WHOLE, r"\? lane1\[0\] : lane0\[0\]", "? lane1[1] : lane0[0]", "o_valid or"),
        (WHOLE, r"\? lane1_0 : lane0_0", "? lane1_0 : lane0_1", "o_valid or|is missing"),
        # The ends.
        (WHOLE, r"valid\[1:0\], full", "valid[1:0], freed", "next valid"),
        (WHOLE, r"vector <= i_payload", "if (full) vector <= i_payload", "vector.* takes another"),
        (WHOLE, r"rank1 <= stage1_o", "if (full) rank1 <= stage1_o", "not move in every cycle"),
        (WHOLE, r"result <= stage2_o", "if (full) result <= stage2_o", "not move in every cycle"),
        (SERIAL, r"turn\[1:0\], turn\[2\]", "turn[2], turn[1:0]", "turn"),
        (SERIAL, r"turn = 3'h1", "turn = 3'h2", "does not start"),
        (SERIAL, r"if \(strobe\[1\]\) slot1", "if (strobe[2]) slot1", "slot1.* takes another"),
        (SERIAL, r"else full <= strobe\[2\]", "else full <= strobe[1]", "next full"),
        (SERIAL, r"strobe\[2\] \^ freed", "full ^ freed", "next settle"),
        (SERIAL, r"if \(!held\) waiting", "if (!stop) waiting", "next waiting"),
        (SERIAL, r"rest\[0\] \| stop", "rest[0]", "next held"),
        (SERIAL, r"1'h0, rest\[1\]", "rest[0], rest[1]", "next rest"),
        (SERIAL, r"stop \? spare : serial", "stop ? serial[1:0] : serial", "spare|o_payload"),
        (SERIAL, r"busy & ", "busy | ", "next o_valid"),
    ],
)
def test_a_fault_in_the_shell(emitted: Emitted, old: str, new: str, message: str) -> None:
    faulty, count = re.subn(old, new, emitted.text)
    assert count
    with pytest.raises(DifferentError, match=message):
        read_back(faulty, emitted.shape)


@pytest.mark.parametrize(
    ("words", "credits", "late", "message"),
    [
        (8, 9, 2, "finds no room"),
        (7, 8, 2, "finds no room"),
        (8, 8, 1, "a credit is spent twice"),
        (8, 8, 0, "a credit is spent twice"),
        (2, 2, 2, "nothing may begin"),
    ],
)
def test_numbers_that_do_not_go_together(words: int, credits: int, late: int, message: str) -> None:
    with pytest.raises(DifferentError, match=message):
        prove_credits(words, credits, late)


@pytest.mark.parametrize("depth", [3, 4, 8, 40])
def test_numbers_that_do(depth: int) -> None:
    prove_credits(depth, depth, 2)
    prove_credits(depth + 1, depth, 2)
    prove_credits(depth, depth, 3 if depth > 3 else 2)


@pytest.mark.parametrize("depth", [2, 7, 9, 1 << 30])
def test_another_depth_is_a_false_claim(depth: int) -> None:
    assert isinstance(WHOLE.shape, CreditShape)
    with pytest.raises(DifferentError):
        read_back(WHOLE.text, replace(WHOLE.shape, depth=depth))


def test_the_shells_are_not_taken_for_each_other() -> None:
    shape = CoreShape("random", 12, 5, WHOLE.shape.rank_bits, 12, 5)
    assert with_credits(shape) == WHOLE.shape
    with pytest.raises(DifferentError):
        read_back(WHOLE.text, shape)
    stalling = emit(NET, style="ice40")
    with pytest.raises(DifferentError):
        read_back(stalling.text, with_credits(stalling.shape))

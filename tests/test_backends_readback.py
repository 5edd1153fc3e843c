"""What is emitted reads back as what was meant, and faults in the text do not."""

from __future__ import annotations

import re

import numpy as np
import pytest
from helpers import random_netlist
from helpers_backends import random_staged, same_function, staged

from gatec.backends.core import CoreShape
from gatec.backends.readback.core import read_back
from gatec.backends.verilog import Emitted, emit
from gatec.bits import random_words
from gatec.devices.fabrics import STYLE_FANIN, Style
from gatec.errors import DifferentError
from gatec.evaluate import evaluate_outputs
from gatec.netlist import Netlist, Port, make_ports

# Whole vectors, several beats on each side, single bits, and beats wider than the vectors.
BEATS = [(None, None), (5, None), (None, 2), (5, 2), (1, 1), (11, 4), (16, 8)]


@pytest.mark.parametrize("style", ["generic", "ice40"])
@pytest.mark.parametrize("beats", BEATS)
@pytest.mark.parametrize("stages", [1, 2, 5])
def test_reads_back_as_the_netlist(
    stages: int, beats: tuple[int | None, int | None], style: Style
) -> None:
    net = random_staged(stages, stages=stages, k=STYLE_FANIN[style])
    emitted = emit(net, style=style, beat_bits=beats[0], out_beat_bits=beats[1])
    back = read_back(emitted.text, emitted.shape)
    assert same_function(net, back.netlist)
    assert back.latency == emitted.latency == net.num_stages + 1


@pytest.mark.parametrize("seed", range(12))
def test_reads_back_random_nets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, gates, outputs = (int(n) for n in rng.integers(1, [40, 300, 30]))
    net = staged(random_netlist(rng, inputs, gates, outputs), int(rng.integers(1, 8)))
    emitted = emit(
        net,
        style="ice40",
        beat_bits=int(rng.integers(1, inputs + 2)),
        out_beat_bits=int(rng.integers(1, outputs + 2)),
    )
    back = read_back(emitted.text, emitted.shape).netlist
    words = random_words(rng, inputs, 64)
    assert np.array_equal(evaluate_outputs(net, words), evaluate_outputs(back, words))


@pytest.mark.parametrize("width", [1, 2, 31, 32, 33, 64])
def test_widths_that_yosys_writes_in_their_own_way(width: int) -> None:
    """Yosys writes a 32-bit zero in decimals."""
    net = random_staged(width, inputs=width, outputs=width, stages=2)
    emitted = emit(net, style="generic")
    back = read_back(emitted.text, emitted.shape).netlist
    words = random_words(np.random.default_rng(0), width, 16)
    assert np.array_equal(evaluate_outputs(net, words), evaluate_outputs(back, words))


@pytest.mark.parametrize("beats", [(None, None), (1, 1)])
def test_outputs_that_are_constants_inputs_and_repeated(beats: tuple[int, int]) -> None:
    ports = make_ports(("x", 3))
    outputs = (Port("y", [0, 1, 2, 2, 4]),)
    net = Netlist("wires", ports, outputs, np.zeros((0, 2)), np.zeros(0), stage=np.zeros(0))
    emitted = emit(net, style="generic", beat_bits=beats[0], out_beat_bits=beats[1])
    assert same_function(net, read_back(emitted.text, emitted.shape).netlist)


def test_a_rank_without_nets() -> None:
    """Two stages of gates that no output reads: every rank is empty but the last."""
    tables = np.array([0x8888_8888_8888_8888, 0x6666_6666_6666_6666], dtype=np.uint64)
    net = Netlist(
        "dead", make_ports(("x", 2)), (Port("y", [1]),), [[2, 3], [2, 3]], tables, stage=[0, 2]
    )
    net = net.replace(fanin=[[2, 3], [0, 1]])
    emitted = emit(net, style="ice40")
    assert same_function(net, read_back(emitted.text, emitted.shape).netlist)


def test_swapped_wires_between_stages_are_read_as_swapped() -> None:
    """Not an error of structure: the comparison with the model finds it."""
    net = random_staged(4, stages=2)
    emitted = emit(net, style="generic")
    width = emitted.shape.rank_bits[0]
    swapped = f".i({{rank0[{width - 2}], rank0[{width - 1}], rank0[{width - 3}:0]}})"
    assert ".i(rank0)" in emitted.shell
    back = read_back(emitted.text.replace(".i(rank0)", swapped), emitted.shape)
    assert not same_function(net, back.netlist)


SERIAL = emit(random_staged(7), style="ice40", beat_bits=5, out_beat_bits=2)
WHOLE = emit(random_staged(7), style="ice40")


@pytest.mark.parametrize(
    ("emitted", "old", "new", "message"),
    [
        (WHOLE, r"if \(advance\) rank0", "rank0", "does not move by advance"),
        (WHOLE, r"if \(advance\) rank0", "if (accept) rank0", "does not move by advance"),
        (
            WHOLE,
            r"if \(advance\) rank0",
            "if (rst) rank0 <= 14'h0;\n    else if (advance) rank0",
            "does not move by advance",
        ),
        (WHOLE, r"if \(accept\) vector", "if (advance) vector", "takes another bit"),
        (WHOLE, r"\.i\(rank0\)", ".i(stage0_o)", "has 2 ranks; expected 3 ranks"),
        (WHOLE, r"\.i\(rank1\)", ".i(rank0)", "Resizing cell port"),
        (WHOLE, r"if \(rst\) valid <= 3'h0;\n    else", "", "next valid"),
        (WHOLE, r"if \(rst\) valid <= 3'h0", "if (rst) valid <= 3'h1", "next valid"),
        (WHOLE, r"if \(rst\) full", "if (!rst) full", "next full"),
        (WHOLE, r"valid = 3'h0", "valid = 3'h4", "does not start at 0"),
        (WHOLE, r"full = 1'h0", "full", "does not start at 0"),
        (WHOLE, r"\{ valid\[1:0\], full \}", "{ valid[0], full, full }", "next valid"),
        (WHOLE, r"posedge clk(?=\)\n    if \(advance\) rank1)", "negedge clk", "another clock"),
        (WHOLE, r"posedge clk(?=\)\n    if \(advance\) rank1)", "posedge rst", "another clock"),
        (WHOLE, r"assign advance = (\w+) \| o_ready", r"assign advance = \1 & o_ready", "advance"),
        (WHOLE, r"assign accept = i_valid & i_ready", "assign accept = i_valid", "accept"),
        (WHOLE, r"assign i_ready = \w+ \| advance", "assign i_ready = advance", "i_ready"),
        (WHOLE, r"assign o_valid = valid\[2\]", "assign o_valid = valid[1]", "advance|o_valid"),
        (SERIAL, r"beat_in == 2'h2", "beat_in == 2'h1", "next full|beat_in"),
        (SERIAL, r"beat_out == 2'h2", "beat_out == 2'h3", "advance"),
        (SERIAL, r"beat_in \+ 1'h1", "beat_in + 2'h2", "beat_in"),
        (SERIAL, r"\{ i_payload, vector\[14:5\] \}", "{ vector[9:0], i_payload }", "vector"),
        (SERIAL, r"result\[4:2\]", "result[3:1]", "result|sources"),
        (SERIAL, r"if \(!advance\) (\w+) <= 2'h0", r"if (!advance) \1 <= 2'h1", "result"),
        (
            SERIAL,
            r"\{ result\[2\], o_payload \} = ",
            "{ o_payload, result[2] } = ",
            "result|low end",
        ),
    ],
)
def test_a_fault_in_the_shell(emitted: Emitted, old: str, new: str, message: str) -> None:
    faulty, count = re.subn(old, new, emitted.text)
    assert count
    with pytest.raises(DifferentError, match=message):
        read_back(faulty, emitted.shape)


@pytest.mark.parametrize(
    "shape",
    [
        CoreShape("random", 12, 5, (1, 1), 12, 5),
        CoreShape("random", 12, 5, (1, 1, 1, 1), 12, 5),
        CoreShape("random", 12, 4, (1, 1, 1), 12, 4),
        CoreShape("random", 13, 5, (1, 1, 1), 12, 5),
        CoreShape("random", 12, 5, (1, 1, 1), 5, 5),
        CoreShape("other", 12, 5, (1, 1, 1), 12, 5),
    ],
)
def test_a_false_claim(shape: CoreShape) -> None:
    with pytest.raises(DifferentError):
        read_back(WHOLE.text, shape)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  assign accept", "  // synopsys translate_off\n  assign accept"),
        ("  assign accept", "  (* full_case *) assign accept"),
        ("  assign accept", "`define advance accept\n  assign accept"),
        ("  assign accept", "  assign accept = 1'b1;\n  assign accept"),
        ("  assign accept", "  random_stage9 more (.i(vector));\n  assign accept"),
        ("  assign accept", "  assign undriven_driver = ;\n  assign accept"),
        ("if (advance) rank0 <=", "if (advance) rank0 ="),
        ("  assign accept", "  initial full = 1'b0;\n  assign accept"),
        ("  always @(posedge clk)\n", "  always @(posedge clk, posedge rst)\n"),
        ("  assign accept", "  always @* accept"),
        ("  wire accept;\n", ""),
        ("  wire accept;\n", "  wire accept;\n  wire accept;\n"),
        ("  input clk;\n", "  input clk, clk;\n"),
        ("  assign o_valid", "  other u (.a(o_valid));\n  assign o_valid"),
    ],
)
def test_more_than_a_shell(old: str, new: str) -> None:
    assert old in WHOLE.text
    with pytest.raises(DifferentError):
        read_back(WHOLE.text.replace(old, new, 1), WHOLE.shape)

"""The emitted file: names, header, limits, the same bytes every time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers_backends import random_staged

from gatec.backends.cells import cells_model
from gatec.backends.core import CoreShape
from gatec.backends.verilog import emit, identifier
from gatec.errors import LimitError, UsageError
from gatec.netlist import Netlist, NetlistError, Port, make_ports

EMIT = """
from helpers_backends import random_staged
from gatec.backends.verilog import emit
import hashlib
text = emit(random_staged(5), style="ice40", beat_bits=5, header=["model five"]).text
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_header_documents_the_interface() -> None:
    emitted = emit(random_staged(1), style="generic", beat_bits=5, header=["model one"])
    lines = emitted.header.splitlines()
    assert lines[1] == "// model one"
    assert (
        "// Input  vector x: 12 bits (bits) in 3 beats of 5, bit 0 lowest in the first beat."
        in lines
    )
    assert "// Output vector y: 5 bits (bits) in one beat, bit 0 lowest." in lines
    assert any(line.startswith("// Latency: 4 cycles") for line in lines)
    assert "// Initiation interval: 3 cycle(s) a vector." in lines


def test_a_header_line_cannot_leave_its_comment() -> None:
    hostile = "a\nmodule evil;\rendmodule\u2028\\"
    header = emit(random_staged(1), style="generic", header=[hostile]).header
    assert all(line.startswith("//") for line in header.splitlines() if line)
    assert "a\\nmodule evil;" in header
    assert header.isascii()


def test_ports_are_flat() -> None:
    emitted = emit(random_staged(1), style="generic", beat_bits=5, out_beat_bits=2)
    ports = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);$", emitted.shell, re.MULTILINE)
    assert {(name, way, int(width or 0) + 1) for way, width, name in ports} == {
        ("clk", "input", 1),
        ("rst", "input", 1),
        ("i_payload", "input", 5),
        ("i_valid", "input", 1),
        ("i_ready", "output", 1),
        ("o_payload", "output", 2),
        ("o_valid", "output", 1),
        ("o_ready", "input", 1),
    }


def test_no_path_time_or_tool_banner_in_the_text() -> None:
    text = emit(random_staged(1), style="generic").text
    assert not re.search(r"/|Yosys|src =|\d\d:\d\d", re.sub(r"//", "", text))


def test_same_bytes_in_another_process(tmp_path: Path) -> None:
    tests = str(Path(__file__).parent)
    hashes = set()
    for seed, zone in (("0", "UTC"), ("1", "Asia/Tokyo"), ("random", "UTC")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": tests}
        run = subprocess.run(
            [sys.executable, "-c", EMIT],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        hashes.add(run.stdout)
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("mnist", "mnist"),
        ("two words/1", "two_words_1"),
        ("800x4", "m_800x4"),
        ("module", "module_"),
        ("logic", "logic_"),
        ("SB_LUT4", "SB_LUT4_"),
        ("", "m_"),
        ('é\n"', "___"),
        ("x" * 200, "x" * 64),
    ],
)
def test_identifier(name: str, legal: str) -> None:
    assert identifier(name) == legal


@pytest.mark.parametrize("beat_bits", [0, -1])
def test_beats_without_bits(beat_bits: int) -> None:
    with pytest.raises(UsageError, match="expected 1 bit or more"):
        emit(random_staged(1), style="generic", beat_bits=beat_bits)


def test_a_beat_that_is_too_wide() -> None:
    width = 65_531
    net = Netlist(
        "wide",
        make_ports(("x", width)),
        (Port("y", [2]),),
        np.zeros((0, 2)),
        np.zeros(0),
        stage=np.zeros(0),
    )
    with pytest.raises(LimitError, match="65531 bits; expected at most 65530: several beats"):
        emit(net, style="generic")


def test_ports_are_one_in_one_out() -> None:
    net = random_staged(1)
    with pytest.raises(NetlistError, match="one input port and one output port"):
        emit(net.replace(outputs=(*net.outputs, Port("z", [2]))), style="generic")


def test_shape() -> None:
    shape = CoreShape("t", 12, 5, (7, 5), 5, 2)
    assert (shape.beats_in, shape.beats_out, shape.latency, shape.interval) == (3, 3, 3, 5)
    assert shape.vector_bits == 15
    parallel = CoreShape("t", 12, 5, (7, 5), 16, 8)
    assert (parallel.beats_in, parallel.beats_out, parallel.interval) == (1, 1, 1)
    assert parallel.vector_bits == 12


def test_cell_models_cover_what_the_styles_instantiate() -> None:
    assert "module SB_LUT4" in cells_model("ice40")
    assert cells_model("generic") == ""

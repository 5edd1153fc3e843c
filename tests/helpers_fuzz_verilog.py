"""What damaged Verilog computes, by Icarus Verilog: see `helpers_fuzz_judges`."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

_PORT = re.compile(
    r"(?:(input|output)\b)?\s*(?:(?:wire|reg)\b)?\s*(\[(\d+)\s*:\s*(\d+)\])?\s*(\w+)"
)
# More ticks than there are registers on a path.
_TICKS = 4
_TIMING = ("clk", "rst")


def have_icarus() -> bool:
    """Return whether Icarus Verilog is installed."""
    return shutil.which("iverilog") is not None


def icarus(data: bytes, bits: np.ndarray) -> np.ndarray | None:
    """Simulate the last module; -1 where it leaves a bit unknown.

    Each vector is held for some ticks of `clk`, with `rst` at 0.
    """
    text = re.sub(r"//[^\n]*", "", data.decode("ascii"))
    headers = re.findall(r"\bmodule\s+(\w+)\s*(?:#\s*\([^()]*\))?\s*\(([^()]*)\)\s*;", text)
    if "rst" in text and "if (!rst)" not in text:
        return None
    name, ports = headers[-1][0], _ports(headers[-1][1])
    data_in = [(port, width) for side, port, width in ports
               if side == "input" and port not in _TIMING]  # fmt: skip
    out = [(port, width) for side, port, width in ports if side == "output"]
    if sum(width for _, width in data_in) != bits.shape[1] or not out:
        return None
    wires, places, place = [], [f".{t}({t})" for _, t, _ in ports if t in _TIMING], 0
    for port, width in data_in:
        places.append(f".{port}(v[{place + width - 1}:{place}])")
        place += width
    for port, width in out:
        wires.append(f"wire [{width - 1}:0] o_{port};")
        places.append(f".{port}(o_{port})")
    joined = ", ".join(f"o_{port}" for port, _ in reversed(out))
    steps = [f"v = {bits.shape[1]}'b{''.join(map(str, row[::-1]))}; tick;" for row in bits]
    bench = f"""module judge_bench; reg [{bits.shape[1] - 1}:0] v; reg clk, rst;
{" ".join(wires)}
{name} unit({", ".join(places)});
task tick; begin
  repeat ({_TICKS}) begin #1 clk = 1; #1 clk = 0; end
  #1 $display("%b", {{{joined}}}); end endtask
initial begin clk = 0; rst = 0;
{chr(10).join(steps)}
$finish; end endmodule
"""
    lines = _run(data, bench)
    if len(lines) != len(bits):
        return None
    return np.array([[{"0": 0, "1": 1}.get(c, -1) for c in reversed(line)] for line in lines])


def _ports(header: str) -> list[tuple[str, str, int]]:
    """Return direction, name and width of each port; raise `ValueError` at others."""
    found = []
    side, width = "", 1
    for part in header.split(","):
        match = _PORT.fullmatch(part.strip())
        if match is None:
            raise ValueError(part)
        if match[1]:
            side, width = match[1], 1
        if match[2]:
            width = abs(int(match[3]) - int(match[4])) + 1
        found.append((side, match[5], width))
    return found


def _run(data: bytes, bench: str) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "design.v").write_bytes(data)
        (folder / "bench.v").write_text(bench)
        build = ["iverilog", "-g2005", "-s", "judge_bench", "-o", "sim", "design.v", "bench.v"]
        for command in (build, ["vvp", "-n", "sim"]):
            ran = subprocess.run(
                command, cwd=folder, capture_output=True, check=True, timeout=20, text=True
            )
    return ran.stdout.split()

"""Yosys, as the pyosys wheel brings it, in a process of its own.

Yosys ends the process on an error and keeps global state: neither belongs into the caller's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec

from gatec.errors import ToolError
from gatec.tools.runner import Tool, ToolRun

_CHILD = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.argv[1:]:
    ys.run_pass(command, design)
"""


@cache
def yosys_tool() -> Tool:
    """Return the Yosys of the installed pyosys."""
    if find_spec("pyosys") is None:
        raise ToolError("not found", file="pyosys", expected="pip install pyosys")
    return Tool("yosys", (sys.executable, "-c", _CHILD), ("ERROR:",), "pip install pyosys")


def run_yosys(
    commands: Sequence[str],
    *,
    inputs: Mapping[str, str | bytes],
    outputs: Sequence[str] = (),
    timeout: float = 3600.0,
) -> ToolRun:
    """Run a list of Yosys commands."""
    return yosys_tool().run(list(commands), inputs=inputs, outputs=outputs, timeout=timeout)


def without_banner(verilog: bytes) -> str:
    """Return what `write_verilog` wrote without its banner, which holds version and build host."""
    return re.sub(r"\A\s*/\*.*?\*/\s*", "", verilog.decode(), flags=re.DOTALL)


def pyosys_version() -> str:
    """Return the version of the wheel, which fixes Yosys and ABC together."""
    return version("pyosys")

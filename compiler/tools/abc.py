"""ABC, as it comes inside the pyosys wheel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Event

from gatec.errors import ToolError
from gatec.tools.runner import Tool, ToolRun

# ABC exits with 0 after most errors, so its words decide.
_FAILURES = (
    "Error:",
    "** cmd error",
    "has failed",
    "Empty network",
    "annot open",
    "unknown command",
)


@cache
def abc_tool() -> Tool:
    """Return the ABC binary of the installed pyosys."""
    spec = find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("not found", file="pyosys", expected="pip install pyosys")
    binary = Path(spec.submodule_search_locations[0]) / "yosys-abc"
    return Tool("abc", (str(binary),), _FAILURES, "pip install pyosys")


def run_abc(
    commands: Sequence[str],
    *,
    inputs: Mapping[str, str | bytes],
    outputs: Sequence[str] = (),
    timeout: float = 3600.0,
    stop: Event | None = None,
) -> ToolRun:
    """Run a list of ABC commands without reading any `abc.rc`; see `Tool.run`."""
    return abc_tool().run(
        ["-s", "-c", "; ".join(commands)],
        inputs=inputs,
        outputs=outputs,
        timeout=timeout,
        stop=stop,
    )

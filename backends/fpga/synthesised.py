"""What Yosys leaves of a design for place and route, whatever the family."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gatec.errors import ToolError

# Last of the commands: without source positions, which hold paths of this machine, and with vectors
# as single wires for simulation, since Icarus looks at every reader of a vector when a bit changes.
WRITE_JSON = (
    "tee -q attrmap -modattr -remove src =*",
    "tee -q attrmap -remove src =*",
    "write_json design.json",
)
WRITE_VERILOG = ("splitnets", "write_verilog -noattr design.v")


@dataclass(frozen=True)
class Synthesised:
    """A design in a family's primitives.

    Attributes
    ----------
    top
        The name of its one module.
    json
        For nextpnr.
    verilog
        The netlist after synthesis; simulate it with `gatec.backends.cells.vendor_models`.
    body_cells
        How many cells came in as primitives and are still there.
    """

    top: str
    json: bytes
    verilog: str
    body_cells: int

    @cached_property
    def module(self) -> Mapping[str, Any]:
        """The top module of `json`, parsed."""
        module: Mapping[str, Any] = json.loads(self.json)["modules"][self.top]
        return module

    @property
    def pins(self) -> int:
        """Number of port bits."""
        return sum(len(port["bits"]) for port in self.module["ports"].values())

    @cached_property
    def cells(self) -> Mapping[str, int]:
        """Number of cells of each type, sorted by type."""
        return dict(sorted(Counter(c["type"] for c in self.module["cells"].values()).items()))


def kept_cells(files: Mapping[str, bytes]) -> int:
    """Return how many primitives Yosys counted in `before.txt`, and in `after.txt` again.

    Raises
    ------
    ToolError
        It lost or added some.
    """
    before, after = (_count_in(files[name]) for name in ("before.txt", "after.txt"))
    if before != after:
        raise ToolError(
            f"changed the primitives: {before} before, {after} after",
            file="yosys",
            expected="an equal number",
        )
    return after


def _count_in(text: bytes) -> int:
    found = re.search(rb"(\d+) objects", text)
    if found is None:
        raise ToolError("no count of primitives", file="yosys", expected="'<n> objects.'")
    return int(found[1])


def check_rams(found: int, wanted: int) -> None:
    """Raise `ToolError` unless there is a block RAM for each memory of a core.

    What is around the core may have more.
    """
    if found < wanted:
        raise ToolError(
            f"made {found} block RAMs of {wanted} memories", file="yosys", expected="one of each"
        )

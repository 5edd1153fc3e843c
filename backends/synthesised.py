"""What Yosys leaves of a design for place and route, whatever the family."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


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

    @cached_property
    def cells(self) -> Mapping[str, int]:
        """Number of cells of each type, sorted by type."""
        return dict(sorted(Counter(c["type"] for c in self.module["cells"].values()).items()))

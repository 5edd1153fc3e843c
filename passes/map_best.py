"""Map to k-input look-up tables in several ways, and keep the smallest."""

from __future__ import annotations

from collections.abc import Sequence

from gatec.netlist import Netlist
from gatec.passes.map_fast import map_fast
from gatec.passes.map_lut import BEST, in_parts, joined, map_lut
from gatec.proof.cover import has_kernels

_REPACK = ("mfs2 -e -a; lutpack",)


def map_best(
    net: Netlist,
    k: int = 4,
    scripts: Sequence[str] = BEST,
    flatter: list[Netlist] | None = None,
) -> Netlist:
    """Return the smallest of what ABC's scripts and gatec's own mapper lead to.

    Of equally many look-up tables, fewer levels win; what is in front of the cuts and what is
    behind them are two choices. In front of the chains (LUT4, levels), ABC's standard script and
    our mapper with ABC's don't-cares and repacking behind it: 200x4 268 (3) and 261 (4), 800x4
    1,054 (3) and 1,057 (4), tt10 7,396 (4) and 7,260 (5), ws0 9,668 (2) and 9,811 (3), own
    15,145 (4) and 14,901 (5).

    Parameters
    ----------
    scripts
        ABC's, as `map_lut` takes them. Where numba is absent there is nothing else.
    flatter
        Where to note a mapping of fewer levels and more look-up tables, if one was found: in stages
        it may need fewer registers.

    Raises
    ------
    ToolError
        As `map_lut`.
    """

    found = [_found(part, k, scripts) for part in in_parts(net)]
    best = joined([min(some, key=lambda one: (one.num_gates, one.depth)) for some in found], net)
    flat = joined([min(some, key=lambda one: (one.depth, one.num_gates)) for some in found], net)
    if flatter is not None and flat.depth < best.depth:
        flatter.append(flat)
    return best


def _found(part: Netlist, k: int, scripts: Sequence[str]) -> list[Netlist]:
    """Return the ways to map a combinational netlist."""
    found = [map_lut(part, k, scripts)]
    if has_kernels():
        found.append(map_lut(map_fast(part, k, large=0), k, _REPACK))
    return found

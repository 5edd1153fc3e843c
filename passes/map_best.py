"""Map to k-input look-up tables in every way that gatec has, and keep the smallest."""

from __future__ import annotations

from gatec.netlist import Netlist
from gatec.passes.map_fast import map_fast
from gatec.passes.map_lut import BEST, map_lut

_REPACK = ("mfs2 -e -a; lutpack",)


def map_best(net: Netlist, k: int = 4) -> Netlist:
    """Return the smallest of what ABC's scripts and gatec's own mapper lead to.

    Of equally many look-up tables, fewer levels win. In front of the chains (LUT4, levels), ABC's
    standard script and our mapper with ABC's don't-cares and repacking behind it: 200x4 271 (3) and
    261 (4), 800x4 1,059 (3) and 1,067 (4), tt10 7,447 (4) and 7,279 (5), ws0 9,675 (2) and
    9,817 (3), own 15,140 (4) and 14,897 (5).

    Raises
    ------
    ToolError
        As `map_lut`.
    """
    repacked = map_lut(map_fast(net, k, large=0), k, _REPACK)
    return min(map_lut(net, k, BEST), repacked, key=lambda found: (found.num_gates, found.depth))

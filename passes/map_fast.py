"""Map to k-input look-up tables with priority cuts, in time and memory linear in the gates."""

from __future__ import annotations

from gatec.netlist import Netlist
from gatec.passes.absorb import absorb
from gatec.passes.fold import fold
from gatec.passes.map_lut import FAST, map_lut
from gatec.passes.merge import merge
from gatec.passes.prune import prune
from gatec.passes.split import split_apart
from gatec.passes.unpack import unpacked
from gatec.proof.cover import Link, Route, has_kernels

# From this many gates on ABC takes more time than compiling our mapper's kernels, which happens
# once for each installation.
LARGE = 10_000
# Nets of gates of at most so many inputs are taken apart to gates of two, which cuts can share. It
# saves 10 % of the look-up tables of a net of LogicTreeNet-S's shape and nothing on random gates of
# four inputs. On random gates of six it takes 45 times as long to save nothing.
_APART = 4


def map_fast(
    net: Netlist, k: int = 4, large: int = LARGE, routes: list[Route] | None = None
) -> Netlist:
    """Return a netlist of look-up tables of at most `k` inputs, soon.

    A net of fewer than `large` gates goes to ABC, and so does every net where numba is absent.
    State registers, outputs and cuts stay, and no look-up table reaches across a cut.

    Parameters
    ----------
    routes
        Where to note how the result was made, if not by ABC: it makes the proof linear too.
    """
    if not maps_itself(net, large):
        return map_lut(net, k, FAST)
    from gatec.passes.lut_search import covered

    width = k if net.fanin.shape[1] > _APART else min(k, 3)
    narrow, parts = split_apart(net, width)
    whole = fold(narrow)
    apart, place = unpacked(whole)
    pieces = prune(merge(absorb(fold(apart))))
    luts, claims = covered(pieces, k)
    result = prune(fold(luts))
    if (whole.num_gates, whole.depth) <= (result.num_gates, result.depth):
        return whole
    if routes is not None:
        split = Link(net, narrow, parts[net.first_gate :], refines=True)
        refined = Link(whole, apart, place[whole.first_gate :], refines=True)
        mapped = Link(luts, pieces, claims, refines=False)
        routes.append((refined, mapped) if narrow is net else (split, refined, mapped))
    return result


def maps_itself(net: Netlist, large: int = LARGE) -> bool:
    """Return whether `map_fast` does not leave a net to ABC."""
    return net.num_gates >= large and has_kernels()

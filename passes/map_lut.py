"""Map to k-input look-up tables with ABC."""

from __future__ import annotations

from collections.abc import Sequence

from gatec.blif import read_blif, write_blif
from gatec.cone import OpenConeError, cone, connected
from gatec.netlist import Netlist
from gatec.passes.absorb import absorb
from gatec.passes.prune import prune
from gatec.passes.split import split
from gatec.rewire import combinational, sequential
from gatec.tools.abc import run_abc
from gatec.tools.runner import ToolFailed

# Mapping for depth with area recovery needs a third fewer levels than `if -a` and about as many
# look-up tables; more cuts (-C) and rounds of recovery (-F, -A) pay. One round of rewriting (`drw`)
# before it helps, a second harms the adder cells. Don't-cares (`mfs2`) and re-packing (`lutpack`)
# gain the last per cent. Structural choices (`dch`) take several times as long as all of that and
# mostly lose to it. More than 12 rounds of -F trip an assertion of ABC: its estimate of references,
# which shrinks by a third in each, must stay above 0.005.
_PACK = "; lutpack"
_RECOVER = f"-C 24 -F 8 -A 8; mfs2 -e -a{_PACK}"
FAST: tuple[str, ...] = ("strash; drw; if -K {k}",)
STANDARD: tuple[str, ...] = (f"strash; drw; if -K {{k}} {_RECOVER}",)
BEST: tuple[str, ...] = (
    *STANDARD,
    f"strash; balance; drw; balance; if -K {{k}} {_RECOVER}",
    f"strash; if -K {{k}} {_RECOVER}",
    f"strash; dch -C 50; if -K {{k}} {_RECOVER}",
)


def map_lut(
    net: Netlist, k: int = 4, scripts: Sequence[str] = STANDARD, timeout: float = 3600.0
) -> Netlist:
    """Return the smallest netlist of gates of at most `k` inputs that the scripts find.

    Of equally many gates, fewer levels win. The input (with wide gates split) is kept when it is
    not larger than what the scripts find. Cuts and state registers survive as outputs to ABC.

    Parameters
    ----------
    scripts
        ABC commands between reading the netlist and writing it; `{k}` stands for `k`.
    timeout
        Seconds for each script.

    Raises
    ------
    ToolError
        ABC failed, took too long, or wrote something that is not such a network.
    """
    return joined([_smallest(part, k, scripts, timeout) for part in in_parts(net)], net)


def in_parts(net: Netlist) -> list[Netlist]:
    """Return what is in front of and behind the cuts, when the outputs read only the cuts.

    Else all in one. Cuts and state registers are outputs of theirs. ABC maps for the deepest path,
    so what lies in front of an argmax has slack to waste where both are mapped together: apart it
    needs 0.1 to 2.6 % fewer LUT4 on the trained nets tried.
    """
    core = combinational(net)
    if not core.cuts or core.outputs[-1].width:
        return [core]
    try:
        back = cone(core, core.cut_nets, core.output_nets)
    except OpenConeError:
        return [core]
    return [prune(core.replace(outputs=core.cuts, cuts=())), back]


def joined(parts: Sequence[Netlist], net: Netlist) -> Netlist:
    """Return what became of the parts of a netlist (`in_parts`) as one again."""
    return connected(parts, net) if len(parts) > 1 else sequential(parts[0], net)


def _smallest(core: Netlist, k: int, scripts: Sequence[str], timeout: float) -> Netlist:
    """Return the smallest mapping of a combinational netlist, or itself with wide gates split."""
    text = write_blif(core, cuts=True)
    best = split(core, k)
    for script in scripts:
        found = prune(absorb(read_blif(_mapped(text, script.format(k=k), timeout), core)))
        if found.fanin.shape[1] <= k and _cost(found) < _cost(best):
            best = found
    return best


def _mapped(text: str, script: str, timeout: float) -> str:
    """Return what ABC makes of a netlist.

    On some nets `lutpack` trips an assertion of ABC (`Lpk_NodeCutsOneFilter`, seen on a
    convolutional net of 875,000 gates); they are mapped without its last per cent.
    """
    commands = ["read_blif in.blif", script, "write_blif out.blif"]
    try:
        run = run_abc(commands, inputs={"in.blif": text}, outputs=["out.blif"], timeout=timeout)
    except ToolFailed:
        if _PACK not in script:
            raise
        return _mapped(text, script.replace(_PACK, ""), timeout)
    return run.files["out.blif"].decode()


def _cost(net: Netlist) -> tuple[int, int]:
    return net.num_gates, net.depth

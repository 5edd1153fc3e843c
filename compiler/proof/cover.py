"""Prove a netlist equal to a finer one gate by gate, in time linear in their gates and without SAT.

A mapper knows which net of its input each look-up table computes. It says so, and the claims are
proved from the inputs on: a gate computes net `r` if its table over the nets that its inputs
compute is, on all values of those, what the gates between them and `r` make of them. At most six
inputs are 64 rows: one word. Nothing is taken from the mapper but where to look. A claim that is
false is not proved, nor is anything that rests on it; that the values are tried as if they were
independent can cost a proof, but never make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.netlist import Netlist
from gatec.proof.structure import equal_outputs
from gatec.tables import depends

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class Link:
    """A claim that two netlists are equal, gate by gate of one of them; a hint, not trusted.

    Attributes
    ----------
    coarse, fine
        Netlists of one interface.
    claims
        `int32[gates of coarse]`: the net of `fine` that each gate computes.
    refines
        Whether `fine` was made from `coarse`, and so comes after it in a route.
    """

    coarse: Netlist
    fine: Netlist
    claims: IntArray
    refines: bool

    @property
    def ends(self) -> tuple[Netlist, Netlist]:
        """The netlist that was first, and the one made from it."""
        return (self.coarse, self.fine) if self.refines else (self.fine, self.coarse)


# Links in order: from what one ends with, passes that only clean up lead to the next's start.
Route = tuple[Link, ...]


def has_kernels() -> bool:
    """Return whether numba is here, which this proof and the mapper that it serves need."""
    return find_spec("numba") is not None


def proved_along(reference: Netlist, circuit: Netlist, route: Route) -> bool:
    """Return whether two netlists of one interface are proved equal by way of a route.

    False means nothing: it is not known.
    """
    if not route or not has_kernels():
        return False
    shape = reference.num_inputs, reference.num_outputs
    ends = [reference, *(net for link in route for net in link.ends), circuit]
    if any((net.num_inputs, net.num_outputs) != shape or net.num_registers for net in ends):
        return False
    for net in ends:
        net.verify()
    if not all(proved_by_claims(link).all() for link in route):
        return False
    between = list(pairwise(ends))[::2]
    return all(bool(equal_outputs(one, other).all()) for one, other in between)


def proved_by_claims(link: Link) -> Flags:
    """Return for each output whether the claims prove it equal in both netlists.

    Both must be valid (`verify`), of one interface, and without state registers.
    """
    from gatec.proof.cover_kernel import check_cones

    coarse, fine, claims = link.coarse, link.fine, link.claims
    assert coarse.num_inputs == fine.num_inputs, "two interfaces"
    assert not coarse.num_registers, "state registers are inputs and outputs to a proof"
    assert not fine.num_registers, "state registers are inputs and outputs to a proof"
    first = coarse.first_gate
    fits = (
        claims.shape == (coarse.num_gates,) and not ((claims < 0) | (claims >= fine.num_nets)).any()
    )
    if not fits:
        return np.zeros(coarse.num_outputs, dtype=bool)
    # Both number constants and inputs alike.
    computes = np.concatenate([np.arange(first, dtype=np.int32), claims.astype(np.int32)])
    proved = np.zeros(coarse.num_nets, dtype=bool)
    proved[:first] = True
    check_cones(
        coarse.fanin,
        coarse.tables,
        computes,
        fine.fanin,
        fine.tables,
        used_slots(fine),
        first,
        proved,
    )
    ends = coarse.output_nets
    return proved[ends] & (computes[ends] == fine.output_nets)


def used_slots(net: Netlist) -> IntArray:
    """Return `int32[gates]`: the slots up to the last that each gate depends on."""
    slots = np.zeros(net.num_gates, dtype=np.int32)
    for slot in range(net.fanin.shape[1]):
        slots[depends(net.tables, slot)] = slot + 1
    return slots

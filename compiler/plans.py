"""The plan of a circuit's class sums, from what its manifest says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gatec.blocks import GroupSum
from gatec.errors import ModelError
from gatec.heads.roms import RomPlan
from gatec.heads.tree import HeadPlan, StepPlan, plan_tree
from gatec.model import ModelGraph


def plan_of(
    model: ModelGraph,
    order: Sequence[Sequence[Any]] | None,
    reads: Sequence[Sequence[int]] | None = None,
    *,
    in_turn: bool = False,
) -> HeadPlan | RomPlan | StepPlan | None:
    """Return the plan in which leaves take the bits of each class in an order, or that of some
    reads of block RAMs; None for None.

    An order of each step's bits gives a plan of steps, one class after the other if `in_turn`.
    Raises `ModelError` when that is not one for the model's class sums.
    """
    if reads is not None:
        sums = [block for block in model.blocks if isinstance(block, GroupSum)]
        plan = RomPlan.restored(sums[0].group, reads) if len(sums) == 1 else None
        if plan is None:
            raise ModelError("the reads of block RAMs do not fit the class sums", file=model.name)
        return plan
    if order is None:
        return None
    for block in model.blocks:
        if isinstance(block, GroupSum) and len(order) == block.classes:
            if order[0] and isinstance(order[0][0], list):
                return _step_plan(model, block, order, in_turn=in_turn)
            if any(sorted(row) != list(range(block.group)) for row in order):
                break
            return HeadPlan(np.array(order, dtype=np.int64), *plan_tree(block.group))
    raise ModelError("the order of the bits does not fit the class sums", file=model.name)


def stated_plan(
    model: ModelGraph, circuit: Mapping[str, Any]
) -> HeadPlan | RomPlan | StepPlan | None:
    """Return the plan that a manifest's section `circuit` states."""
    in_turn = circuit.get("head_in_turn") is True
    return plan_of(model, circuit["head_order"], circuit["head_reads"], in_turn=in_turn)


def _step_plan(
    model: ModelGraph, sums: GroupSum, order: Sequence[Sequence[Any]], *, in_turn: bool
) -> StepPlan:
    """Return the plan of steps that an order describes."""
    sizes = {(len(rows), *map(len, rows)) for rows in order}
    known = [sorted(bit for row in rows for bit in row if bit >= 0) for rows in order]
    width = len(order[0][0])
    even = len(sizes) == 1 and {*map(len, order[0])} == {width} and width > 0
    if not even or any(bits != list(range(sums.group)) for bits in known):
        raise ModelError("the order of the bits does not fit the class sums", file=model.name)
    return StepPlan(np.array(order, dtype=np.int64), *plan_tree(width), in_turn)

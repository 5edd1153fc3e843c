"""Choose which bits of each class are counted in which step.

In each step a class counts `width` bits; each comes along a chain of look-up tables of four inputs
(`gatec.heads.picking`), one for two steps, which takes two nets; or one for each step, which takes
a gate of two inputs in place of its net, so that the gate needs no table of its own. Those fill
whole columns of tables first: each column needs two signals of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.heads.tree import StepPlan, plan_tree
from gatec.netlist import FIRST_INPUT, Netlist

# A column of gates of two inputs saves a table on each chain and takes two for its signals.
_SIGNALS = 2
_ABSORBED_INPUTS = 2
NO_BIT = -1
# In place of a bit: what a chain gives in this step is never looked at.
OPEN = -2


@dataclass(frozen=True)
class Picking:
    """In which step each bit is counted, and along which tables it comes.

    Attributes
    ----------
    plan
        The steps.
    absorbed
        `bool[classes, steps, width]`: the bits whose gate is part of the chain.
    """

    plan: StepPlan
    absorbed: npt.NDArray[np.bool_]


def plan_picking(bits: Netlist, classes: int, steps: int, *, at_inputs: bool = True) -> Picking:
    """Return how to count the bits of each class in at most `steps` steps.

    Parameters
    ----------
    bits
        In look-up tables; its outputs are the bits, class by class.
    at_inputs
        Whether a chain may take gates that read inputs. Where a rank of registers stands in front
        of the chains, those inputs need registers that share no logic cell.
    """
    outputs = bits.output_nets.reshape(classes, -1)
    group = outputs.shape[1]
    width = -(-group // steps)
    steps = -(-group // width)
    # Pairs of steps; an odd last step has a table of its own anyway.
    columns = steps // 2
    alone = absorbable(bits, at_inputs=at_inputs).reshape(classes, group)
    free: list[list[int]] = [np.flatnonzero(row).tolist() for row in alone]
    order = np.full((classes, width, steps), NO_BIT, dtype=np.int64)
    absorbed = np.zeros(order.shape, dtype=bool)
    if steps % 2:
        for each in range(classes):
            _fill(order[each, :, -1], free[each], absorbed[each, :, -1])
    for each, chosen in enumerate(_single_columns(free, columns, width)):
        for column, chains in enumerate(chosen):
            place = np.s_[each, :chains, 2 * column : 2 * column + 2]
            order[place] = np.reshape([free[each].pop() for _ in range(2 * chains)], (chains, 2))
            absorbed[place] = True
        left = sorted(set(range(group)) - set(order[each].ravel().tolist()))
        # Early steps first: what is left open are the last ones.
        open_steps = np.argwhere(order[each].T == NO_BIT)[: len(left)]
        order[each, open_steps[:, 1], open_steps[:, 0]] = left
    leaves, adds = plan_tree(width)
    plan = StepPlan(order.transpose(0, 2, 1), leaves, adds)
    return Picking(plan, absorbed.transpose(0, 2, 1))


def absorbable(bits: Netlist, *, at_inputs: bool = True) -> npt.NDArray[np.bool_]:
    """Return `bool[outputs]`: gates of two inputs that nothing else reads."""
    nets: IntArray = bits.output_nets
    readers = np.bincount(bits.fanin.ravel(), minlength=bits.num_nets)
    readers += np.bincount(nets, minlength=bits.num_nets)
    small = np.zeros(bits.num_nets, dtype=bool)
    small[bits.first_gate :] = (bits.arity <= _ABSORBED_INPUTS) & (bits.arity > 0)
    if not at_inputs:
        reads = (bits.fanin >= FIRST_INPUT) & (bits.fanin < bits.first_gate)
        small[bits.first_gate :] &= ~reads.any(axis=1)
    return small[nets] & (readers[nets] == 1)


def _single_columns(free: list[list[int]], columns: int, width: int) -> list[list[int]]:
    """Return for each class the number of chains that take gates in each column."""
    left = [len(row) // 2 for row in free]
    result: list[list[int]] = [[] for _ in free]
    for _ in range(columns):
        taken = [min(width, count) for count in left]
        if sum(taken) <= _SIGNALS:
            break
        for each, count in enumerate(taken):
            result[each].append(count)
            left[each] -= count
    return result


def _fill(row: npt.NDArray[np.int64], free: list[int], absorbed: npt.NDArray[np.bool_]) -> None:
    """Put absorbed gates into a step that is alone, as many as there are."""
    for chain in range(min(len(row), len(free))):
        row[chain], absorbed[chain] = free.pop(), True

"""Topological order of gates that stand anywhere in an array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray
from gatec.synth.jit import kernel


@kernel
def sort_sources(  # noqa: PLR0917  compiled code has no keywords
    sources: IntArray,
    roots: IntArray,
    inputs: int,
    order: IntArray,
    stack: IntArray,
    mark: npt.NDArray[np.uint8],
) -> int:
    """Fill `order` with the gates that the roots need, each after what it reads; return how many.

    Parameters
    ----------
    sources
        `int32[V, K]`: the variables that each gate reads; 0 where it reads fewer.
    roots
        The variables to be computed.
    inputs
        Variables up to and with this are no gates.
    order, stack, mark
        Room for `V` entries; `mark` is cleared.
    """
    mark[:] = 0
    count = 0
    for root in roots:
        if root <= inputs or mark[root]:
            continue
        top = 0
        stack[0] = root
        mark[root] = 1
        while top >= 0:
            gate = stack[top]
            ready = True
            for source in sources[gate]:
                if source > inputs and mark[source] == 0:
                    mark[source] = 1
                    top += 1
                    stack[top] = source
                    ready = False
                    break
            if ready:
                order[count] = gate
                count += 1
                top -= 1
    return count

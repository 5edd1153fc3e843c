"""Which flip-flop of a library holds the bits of a core.

A core's registers are plain: enables and the synchronous reset are logic in front of them. What a
cell has beyond a clock and data is tied off: scan inputs low, asynchronous clear and preset
inactive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from gatec.errors import ModelError
from gatec.liberty.functions import ALL, evaluate, names_in
from gatec.liberty.load import Cell, Library
from gatec.liberty.stored import FlipFlop
from gatec.tables import VARIABLE

_D, _STATE = int(VARIABLE[0]), int(VARIABLE[1])


@dataclass(frozen=True)
class Register:
    """How to use a cell as a plain flip-flop with a rising clock, or a latch with an enable.

    Attributes
    ----------
    cell
        The cell.
    clock, data, output
        Its pins.
    inverts
        Whether the output is the complement of what was taken at the clock's edge.
    fixed
        The constant at each of its other input pins.
    """

    cell: Cell
    clock: str
    data: str
    output: str
    inverts: bool
    fixed: Mapping[str, int]


def choose_register(library: Library) -> Register:
    """Return the smallest usable one, plain outputs before inverted ones of the same area.

    Raises `ModelError` when there is none.
    """
    for cell in library.usable():
        ways = sorted(_uses(cell, cell.flip_flop), key=lambda use: use.inverts)
        if ways:
            return ways[0]
    raise ModelError(
        "no flip-flop that takes data at a rising clock",
        file=library.name,
        expected="one whose clear, preset and scan pins can be tied off",
    )


def choose_latch(library: Library) -> Register | None:
    """Return the smallest latch that is open while its enable, as the clock, is 1.

    None where none is smaller than the flip-flop, or either shows the complement.
    """
    flip_flop = choose_register(library)
    for cell in library.usable():
        ways = [use for use in _uses(cell, cell.latch) if not use.inverts]
        if ways and not flip_flop.inverts and cell.area < flip_flop.cell.area:
            return ways[0]
    return None


def _uses(cell: Cell, flip_flop: FlipFlop | None) -> Iterator[Register]:
    """Yield the ways to use a cell as a plain flip-flop or latch."""
    if flip_flop is None or len(cell.inputs) > 6:
        return
    clock = flip_flop.clocked_on.strip("() ")
    if clock not in cell.inputs:
        return
    state = {flip_flop.state: _STATE, flip_flop.inverse: ALL ^ _STATE}
    outputs = {}
    for name in cell.outputs:
        function = cell.pins[name].function
        if function and not cell.pins[name].three_state and set(names_in(function)) <= set(state):
            outputs[name] = evaluate(function, state)
    for data in cell.inputs:
        others = [pin for pin in cell.inputs if pin not in (clock, data)]
        for levels in product((0, 1), repeat=len(others)):
            fixed = dict(zip(others, levels, strict=True))
            values = {pin: ALL * level for pin, level in fixed.items()}
            values |= {data: _D, clock: 0, **state}
            idle = all(
                evaluate(text, values) == 0 for text in (flip_flop.clear, flip_flop.preset) if text
            )
            taken = evaluate(flip_flop.next_state, values)
            if idle and taken in (_D, ALL ^ _D):
                for name, shown in outputs.items():
                    if shown in (_STATE, ALL ^ _STATE):
                        inverts = (taken != _D) != (shown != _STATE)
                        yield Register(cell, clock, data, name, inverts, fixed)
                break

"""Cells that let a clock through in the cycles for which they are enabled."""

from __future__ import annotations

from dataclasses import dataclass

from gatec.liberty.parse import Group

GATES_CLOCK = "clock_gating_integrated_cell"
LATCH_POSEDGE = "latch_posedge"
# What marks the pins of a clock gate, in the order of `ClockGate`.
CLOCK_GATE_PINS = ("clock_gate_clock_pin", "clock_gate_enable_pin", "clock_gate_out_pin")


@dataclass(frozen=True)
class ClockGate:
    """A clock gate; a latch takes the enable while the clock is low, so that all pulses are whole.

    Attributes
    ----------
    clock, enable, output
        Names of its pins; it has no others.
    """

    clock: str
    enable: str
    output: str


def clock_gate(group: Group) -> ClockGate | None:
    """Return the pins of a cell that gates rising clocks by a latch, without pins for tests."""
    if group.attributes.get(GATES_CLOCK, "") != LATCH_POSEDGE:
        return None
    pins = {name: pin.attributes for pin in group.all("pin") for name in pin.arguments}
    outer = [name for name, pin in pins.items() if pin.get("direction", "internal") != "internal"]
    found = [
        [name for name in outer if pins[name].get(mark, "").lower() == "true"]
        for mark in CLOCK_GATE_PINS
    ]
    if [len(names) for names in found] != [1, 1, 1] or len(outer) != len(found):
        return None
    (clock,), (enable,), (output,) = found
    return ClockGate(clock, enable, output)

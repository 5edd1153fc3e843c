"""The functions of cells as a small Liberty file: what a proof needs, without tables."""

from __future__ import annotations

from collections.abc import Sequence

from gatec.liberty.clock_gates import CLOCK_GATE_PINS, GATES_CLOCK, LATCH_POSEDGE
from gatec.liberty.load import Cell
from gatec.liberty.stored import Kind


def write_functions(name: str, cells: Sequence[Cell]) -> str:
    """Return a library of cells with areas, pins, functions and flip-flops, in standard units."""
    lines = [
        f"library ({name}) {{",
        '  time_unit : "1ns";',
        '  voltage_unit : "1V";',
        '  leakage_power_unit : "1nW";',
        "  capacitive_load_unit (1, pf);",
    ]
    for cell in cells:
        lines += [f"  cell ({cell.name}) {{", f"    area : {cell.area:.9g};"]
        lines.append(f"    cell_leakage_power : {cell.leakage:.9g};")
        gate, marks = cell.clock_gate, {}
        if gate is not None:
            lines.append(f'    {GATES_CLOCK} : "{LATCH_POSEDGE}";')
            pins = (gate.clock, gate.enable, gate.output)
            marks = dict(zip(pins, CLOCK_GATE_PINS, strict=True))
        kinds: tuple[Kind, ...] = ("ff", "latch")
        for kind, found in zip(kinds, (cell.flip_flop, cell.latch), strict=True):
            if found is not None:
                lines.append(f'    {kind} ("{found.state}", "{found.inverse}") {{')
                attributes = found.attributes(kind).items()
                lines += [f'      {key} : "{text}";' for key, text in attributes]
                lines.append("    }")
        for pin in cell.pins.values():
            if pin.direction not in ("input", "output"):
                continue
            lines += [f"    pin ({pin.name}) {{", f"      direction : {pin.direction};"]
            if pin.name in marks:
                lines.append(f"      {marks[pin.name]} : true;")
            if pin.direction == "input":
                lines.append(f"      capacitance : {pin.capacitance:.9g};")
            if pin.function is not None:
                lines.append(f'      function : "{pin.function}";')
            lines.append("    }")
        lines.append("  }")
    return "\n".join([*lines, "}\n"])

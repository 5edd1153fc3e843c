"""Gate-level Verilog: one module of cell instances, and models of the cells for simulation."""

from __future__ import annotations

from collections.abc import Sequence

from gatec.backends.asic.cells import CellNetlist
from gatec.backends.expressions import expression
from gatec.liberty.functions import evaluate, names_in, variables
from gatec.liberty.load import Cell
from gatec.liberty.stored import FlipFlop
from gatec.netlist import Port

_GATE_PINS = ("clock", "enable", "output")


def write_gates(netlist: CellNetlist, header: Sequence[str] = ()) -> str:
    """Return a netlist as Verilog; every port bit is a net of its own, and nothing is assigned."""
    names = net_names(netlist)
    ports: list[tuple[str, Port]] = [("input ", port) for port in netlist.inputs]
    ports += [("output", port) for port in netlist.outputs]
    inside = {name for _, port in ports for name in (names[n] for n in port.nets.tolist())}
    lines = [f"// {line}".rstrip() for line in header]
    lines += ["", f"module {netlist.name} ("]
    spans = {port.name: f"[{port.width - 1}:0] " if port.width > 1 else "" for _, port in ports}
    declared = [f"  {way} wire {spans[port.name]}{port.name}" for way, port in ports]
    lines += [",\n".join(declared), ");"]
    used = sorted({n for n in netlist.pins.ravel().tolist() if n > 1})
    lines += [f"  wire {names[n]};" for n in used if names[n] not in inside]
    rows = zip(netlist.kind.tolist(), netlist.names, netlist.pins.tolist(), strict=True)
    for kind, name, nets in rows:
        cell = netlist.kinds[kind]
        pins = zip((*cell.inputs, *cell.outputs), nets, strict=False)
        joined = ", ".join(f".{pin}({names[net]})" for pin, net in pins if net >= 0)
        lines.append(f"  {cell.name} {name} ({joined});")
    return "\n".join([*lines, "endmodule\n"])


def net_names(netlist: CellNetlist) -> list[str]:
    """Return the name of every net in the text."""
    names = ["1'b0", "1'b1", *(f"n{net}" for net in range(2, netlist.num_nets))]
    for port in (*netlist.inputs, *netlist.outputs):
        for bit, net in enumerate(port.nets.tolist()):
            names[net] = port.name if port.width == 1 else f"{port.name}[{bit}]"
    return names


def write_models(cells: Sequence[Cell]) -> str:
    """Return Verilog models of cells, from their functions in the library, without delays."""
    parts = ["// Functional models of the cells, from the functions in the Liberty file.\n"]
    parts += [_model(cell) for cell in cells]
    return "\n".join(parts)


def _model(cell: Cell) -> str:
    ports = [f"input {pin}" for pin in cell.inputs] + [f"output {pin}" for pin in cell.outputs]
    lines = [f"module {cell.name} (", ",\n".join(f"  {port}" for port in ports), ");"]
    if cell.clock_gate is not None:
        clock, enable, output = (getattr(cell.clock_gate, pin) for pin in _GATE_PINS)
        lines += [
            "  reg enabled;",
            f"  always @({clock} or {enable}) if (!{clock}) enabled = {enable};",
            f"  assign {output} = {clock} & enabled;",
        ]
        return "\n".join([*lines, "endmodule\n"])
    if cell.latch is not None:
        lines += _latch(cell.latch)
    flip_flop = cell.flip_flop
    if flip_flop is not None:
        state, inverse = flip_flop.state, flip_flop.inverse
        lines += [f"  reg {state};", f"  wire {inverse} = ~{state};"]
        clear, preset = flip_flop.clear, flip_flop.preset
        forced = [(text, value) for text, value in ((clear, 0), (preset, 1)) if text]
        names = {text: f"force{value}" for text, value in forced}
        lines += [f"  wire {names[text]} = {verilog(text)};" for text, _ in forced]
        lines += [f"  wire clocked = {verilog(flip_flop.clocked_on)};"]
        edges = " or ".join(["posedge clocked", *(f"posedge {names[t]}" for t, _ in forced)])
        lines.append(f"  always @({edges})")
        lines += [f"    if ({names[text]}) {state} <= 1'b{value}; else" for text, value in forced]
        lines.append(f"    {state} <= {verilog(flip_flop.next_state)};")
    for pin in cell.outputs:
        function = cell.pins[pin].function
        if function is not None:
            lines.append(f"  assign {pin} = {verilog(function)};")
    return "\n".join([*lines, "endmodule\n"])


def _latch(latch: FlipFlop) -> list[str]:
    """Return the lines of a latch's state, which changes after all that sees the clock's edge."""
    state = latch.state
    texts = {"open": latch.clocked_on, "taken": latch.next_state}
    forced = {"clear": latch.clear, "preset": latch.preset}
    texts |= {name: text for name, text in forced.items() if text is not None}
    lines = [f"  reg {state};", f"  wire {latch.inverse} = ~{state};"]
    lines += [f"  wire is_{name} = {verilog(text)};" for name, text in texts.items()]
    lines.append(f"  always @({' or '.join(f'is_{name}' for name in texts)})")
    for value, name in enumerate(forced):
        if name in texts:
            lines.append(f"    if (is_{name}) {state} <= 1'b{value}; else")
    return [*lines, f"    if (is_open) {state} <= is_taken;"]


def verilog(function: str) -> str:
    """Return a Liberty function of at most six names as a Verilog expression."""
    names = tuple(names_in(function))
    template, slots = expression(evaluate(function, variables(names)))
    return template % tuple(names[slot] for slot in slots)

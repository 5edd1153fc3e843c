"""A combinational netlist as one plain Verilog module with a scalar port for each bit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gatec.backends.expressions import expression
from gatec.backends.words import VERILOG_KEYWORDS
from gatec.netlist import Netlist

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_module(net: Netlist, inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """Return a module named after the netlist, one assignment for each gate.

    Parameters
    ----------
    inputs, outputs
        The name of each bit: printable ASCII without spaces, all different. What Verilog does not
        take as it is, it gets as an escaped identifier.
    """
    # Longer than any given name, so that no inner name is one of them.
    inner = "_" * max(map(len, (*inputs, *outputs)), default=0)
    ins, outs = [identifier(name) for name in inputs], [identifier(name) for name in outputs]
    names = ["1'b0", "1'b1", *ins, *(f"{inner}n{gate}" for gate in range(net.num_gates))]
    ports = [f"  input  wire {name}" for name in ins] + [f"  output wire {name}" for name in outs]
    lines = [f"module {net.name} (", ",\n".join(ports), ");"]
    rows = zip(names[net.first_gate :], net.tables.tolist(), net.fanin.tolist(), strict=True)
    for name, table, sources in rows:
        template, slots = expression(table)
        lines.append(f"  wire {name} = {template % tuple(names[sources[s]] for s in slots)};")
    drivers = net.output_nets.tolist()
    lines += [f"  assign {o} = {names[d]};" for o, d in zip(outs, drivers, strict=True)]
    return "\n".join([*lines, "endmodule\n"])


def identifier(name: str) -> str:
    """Return a name as Verilog writes it, escaped where it must be."""
    plain = _PLAIN.fullmatch(name) and name not in VERILOG_KEYWORDS
    return name if plain else f"\\{name} "

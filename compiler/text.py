r"""The text form of a netlist: repr, test goldens, dumps of passes and bug reports.

    netlist adder k=2
    input a[1] unsigned
    input b[1] unsigned
    g0 = lut2:6 a[0] b[0]
    g1 = lut2:8 a[0] b[0]
    output sum[2] unsigned = g0..1

One statement a line, in this order: name, width of `fanin` and, if there are any, the number of
pipeline stages; input ports; state registers (`r0 = g5 init 1`); gates; cuts; outputs. A gate shows
its truth table as hexadecimal; the input that is written first is the address's least significant
bit. It ends in `@2` when it is in pipeline stage 2. Nets are `0`, `1`, `a[3]`, `r0`, `g12`;
`a[0..7]` and `g3..9` are runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np

from gatec.blocks import IntArray
from gatec.netlist import CONST0_NET, FIRST_INPUT, Netlist, Port
from gatec.tables import depends
from gatec.text_reader import PLAIN_NAME, from_text

__all__ = ["from_text", "net_names", "to_text"]

# A shortened line shows this many runs of nets.
_SHORT_RUNS = 8


def to_text(net: Netlist, limit: int | None = None) -> str:
    """Return the text form of `net`, which `from_text` reads back exactly.

    Parameters
    ----------
    limit
        Show at most this many gates, and only the first nets of wide ports: not readable back.
    """
    runs = None if limit is None else _SHORT_RUNS
    stages = "" if net.stage is None else f" stages={net.num_stages}"
    return "\n".join(
        [
            f"netlist {_quoted(net.name)} k={net.fanin.shape[1]}{stages}",
            *(f"input {port.name}[{port.width}] {port.encoding}" for port in net.inputs),
            *_register_lines(net, limit),
            *_gate_lines(net, limit),
            *(_port_line("cut", port, net, runs) for port in net.cuts),
            *(_port_line("output", port, net, runs) for port in net.outputs),
            "",
        ]
    )


def _quoted(name: str) -> str:
    return name if PLAIN_NAME.fullmatch(name) else json.dumps(name)


def _register_lines(net: Netlist, limit: int | None) -> Iterator[str]:
    shown = net.num_registers if limit is None else min(limit, net.num_registers)
    sources = net_names(net, net.register_d[:shown])
    for register, source in enumerate(sources):
        yield f"r{register} = {source} init {int(net.register_init[register])}"
    if shown < net.num_registers:
        yield f"... {net.num_registers - shown} more registers"


def _gate_lines(net: Netlist, limit: int | None) -> Iterator[str]:
    shown = net.num_gates if limit is None else min(limit, net.num_gates)
    fanin, tables = net.fanin[:shown], net.tables[:shown]
    slots = net.fanin.shape[1]
    # A slot that the table does not read and that holds net 0 is not worth a word.
    used = [(fanin[:, j] != CONST0_NET) | depends(tables, j) for j in range(slots)]
    arity = np.max([np.zeros(shown, int), *((j + 1) * u for j, u in enumerate(used))], axis=0)
    names = np.array(net_names(net, fanin.ravel()), dtype=object).reshape(shown, slots)
    stages = [""] * shown if net.stage is None else [f" @{stage}" for stage in net.stage[:shown]]
    rows = zip(arity.tolist(), tables.tolist(), names, stages, strict=True)
    for gate, (width, table, sources, stage) in enumerate(rows):
        bits = table & ((1 << (1 << width)) - 1)
        digits = max(1, (1 << width) // 4)
        yield " ".join([f"g{gate} = lut{width}:{bits:0{digits}x}", *sources[:width]]) + stage
    if shown < net.num_gates:
        yield f"... {net.num_gates - shown} more gates"


def _port_line(kind: str, port: Port, net: Netlist, runs: int | None) -> str:
    shown = _runs(net, port.nets)
    if runs is not None and len(shown) > runs:
        shown = [*shown[:runs], f"... {len(shown) - runs} more runs"]
    return " ".join([f"{kind} {port.name}[{port.width}] {port.encoding} =", *shown])


def _runs(net: Netlist, nets: IntArray) -> list[str]:
    """Return the names of `nets` in order, three or more consecutive ones of a kind as a run."""
    bounds = [FIRST_INPUT, *(port.nets[-1] + 1 for port in net.inputs if port.width)]
    bounds += [net.first_register, net.first_gate]
    kind = np.searchsorted(np.array(bounds), nets, side="right")
    joined = (np.diff(nets) == 1) & (kind[1:] == kind[:-1]) & (kind[1:] > 0)
    starts = np.flatnonzero(np.concatenate([[True], ~joined])[: len(nets)])
    lengths = np.diff([*starts, len(nets)])
    words: list[str] = []
    for start, length in zip(starts, lengths, strict=True):
        first, *rest = net_names(net, nets[start : start + length])
        if length < 3:
            words += [first, *rest]
        else:
            last = re.sub(r".*?(\d+\]?)$", r"\1", rest[-1])
            words.append(f"{first.removesuffix(']')}..{last}")
    return words


def net_names(net: Netlist, nets: IntArray) -> list[str]:
    """Return the name of each of `nets` in the text form."""
    names = ["0", "1"]
    names += [f"{port.name}[{bit}]" for port in net.inputs for bit in range(port.width)]
    names += [f"r{register}" for register in range(net.num_registers)]
    sources = len(names)
    return [names[n] if n < sources else f"g{n - sources}" for n in nets.tolist()]

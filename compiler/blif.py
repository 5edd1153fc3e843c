"""BLIF, the language in which netlists go to ABC and come back.

Names: `i3` is input bit 3, `g3` gate 3, `o3` output bit 3 (ports in order), `c3` cut bit 3. In a
cover, column `j` is slot `j` of the gate, and every row is one address. That is not only simple:
from the four addresses of a majority ABC factors a form that shares the XOR of the adder cell's
sum. With three shorter rows, 800x4 gates and their popcounts map to 3,043 LUT4 instead of 2,196.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np

from gatec.blocks import IntArray
from gatec.errors import ToolError
from gatec.levels import level_order
from gatec.netlist import CONST0_NET, CONST1_NET, Netlist, Port
from gatec.tables import MAX_FANIN, minterms

_ONES = (1 << 64) - 1
_VARIABLES = tuple(
    sum(1 << address for address in range(64) if address >> slot & 1) for slot in range(MAX_FANIN)
)
_IDENTITY = _VARIABLES[0]
_IGNORED = (".model", ".inputs", ".outputs", ".end", ".default_input_arrival")


def write_blif(
    net: Netlist, *, cuts: bool = False, ports: tuple[Sequence[str], Sequence[str]] | None = None
) -> str:
    """Return a combinational netlist as BLIF.

    Parameters
    ----------
    cuts
        Append the bits of `net.cuts` to the outputs, so that they survive restructuring.
    ports
        What to call the input and the output bits in place of `i3` and `o3`; all different.
    """
    assert net.num_registers == 0, "state registers do not pass through BLIF"
    inputs = [f"i{n}" for n in range(net.num_inputs)] if ports is None else ports[0]
    ends = [f"o{n}" for n in range(net.num_outputs)] if ports is None else ports[1]
    # Longer than any given name, so that no inner name is one of them.
    inner = "" if ports is None else "_" * max(map(len, (*inputs, *ends)), default=0)
    names = [f"{inner}zero", f"{inner}one", *inputs]
    names += [f"{inner}g{n}" for n in range(net.num_gates)]
    drivers = net.output_nets.tolist()
    outputs = [(end, names[driver]) for end, driver in zip(ends, drivers, strict=True)]
    if cuts:
        outputs += [(f"c{n}", names[driver]) for n, driver in enumerate(net.cut_nets.tolist())]
    head = [
        ".model gatec",
        ".inputs " + " ".join(inputs),
        ".outputs " + " ".join(name for name, _ in outputs),
        f".names {names[0]}",
        f".names {names[1]}\n1",
    ]
    gates = _gate_lines(net.fanin.tolist(), net.tables.tolist(), names, names[net.first_gate :])
    buffers = (f".names {driver} {name}\n1 1" for name, driver in outputs)
    return "\n".join(chain(head, gates, buffers, [".end\n"]))


def _gate_lines(
    fanin: list[list[int]], tables: list[int], names: list[str], outputs: list[str]
) -> Iterator[str]:
    """Yield the `.names` statement of each gate, with just the inputs that its table reads."""
    for sources, table, output in zip(fanin, tables, outputs, strict=True):
        slots, rows = _cover(table)
        inputs = "".join([names[sources[slot]] + " " for slot in slots])
        yield f".names {inputs}{output}{rows}"


@lru_cache(maxsize=1 << 16)
def _cover(table: int) -> tuple[tuple[int, ...], str]:
    """Return the slots that an expanded table reads and its cover, on- or off-set by size.

    A constant has no inputs: ABC refuses an empty cover over inputs.
    """
    slots = tuple(slot for slot in range(MAX_FANIN) if _cofactor(table, slot, 0) != table)
    if not slots:
        return slots, "\n1" if table & 1 else ""
    small = 0
    for row in range(1 << len(slots)):
        address = sum(1 << slot for j, slot in enumerate(slots) if row >> j & 1)
        small |= (table >> address & 1) << row
    on = minterms(small, len(slots))
    off = minterms(~small, len(slots))
    rows, value = (on, "1") if len(on) <= len(off) else (off, "0")
    patterns = ["".join("01"[row >> j & 1] for j in range(len(slots))) for row in rows]
    return slots, "".join(f"\n{pattern} {value}" for pattern in patterns)


def _cofactor(table: int, slot: int, value: int) -> int:
    """Return an expanded table with `slot` fixed, on Python integers."""
    mask, shift = _VARIABLES[slot], 1 << slot
    if value:
        return (table & mask) | (table & mask) >> shift
    low = table & ~mask & _ONES
    return low | low << shift


def read_blif(text: str, like: Netlist) -> Netlist:
    """Return the LUT network in `text` as a netlist with the name, ports and cuts of `like`.

    The gates come back sorted by level, and no wider than the widest of them. Buffers and constants
    are not gates. When `like` has cuts, `text` must have their bits as outputs.

    Raises
    ------
    ToolError
        The text is not such a network: it holds other statements than `.names`, a cover that
        cannot be read, a gate of more than six inputs, a cycle, or lacks an output or its end.
    """
    sources: list[list[str]] = []
    tables: list[int] = []
    index = {f"i{n}": net for n, net in enumerate(range(like.first_input, like.first_register))}
    aliases: dict[str, str | int] = {}
    for signals, cover in _statements(text):
        *inputs, output = signals
        if output in index or output in aliases:
            raise _unreadable(f"{output} is driven twice")
        table = _table(cover, len(inputs))
        if table in (0, _ONES):
            aliases[output] = CONST1_NET if table else CONST0_NET
        elif table == _IDENTITY and len(inputs) == 1:
            aliases[output] = inputs[0]
        else:
            index[output] = like.first_gate + len(tables)
            sources.append(inputs)
            tables.append(table)
    _resolve(aliases, index)
    return _assemble(like, sources, tables, index)


def _statements(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the signals and the cover text of each `.names` statement."""
    lines = text.replace("\\\n", " ")
    before, *statements = ("\n" + lines).split("\n.")
    if not statements or statements[-1].strip() != "end":
        raise _unreadable("does not end in .end")
    if before.strip() and not all(line.startswith("#") for line in before.split("\n") if line):
        raise _unreadable(f"begins with {before.strip()[:40]!r}")
    for statement in statements:
        first, _, cover = statement.partition("\n")
        keyword, *signals = first.split()
        if keyword == "names" and signals:
            yield signals, cover
        elif f".{keyword}" not in _IGNORED:
            raise _unreadable(f"statement .{keyword}"[:60])


@lru_cache(maxsize=1 << 16)
def _table(cover: str, fanin: int) -> int:
    """Return the expanded table of a cover over `fanin` inputs."""
    if fanin > MAX_FANIN:
        raise _unreadable(f"a gate of {fanin} inputs")
    table, values = 0, set()
    for row in cover.splitlines():
        if not row.strip() or row.startswith("#"):
            continue
        *pattern, value = row.split()
        columns = "".join(pattern)
        if len(columns) != fanin or value not in ("0", "1") or columns.strip("01-"):
            raise _unreadable(f"cover row {row[:40]!r}")
        cube = _ONES
        for slot, column in enumerate(columns):
            if column != "-":
                cube &= _VARIABLES[slot] if column == "1" else ~_VARIABLES[slot]
        table |= cube
        values.add(value)
    if len(values) > 1:
        raise _unreadable("a cover with both on- and off-set")
    return table ^ _ONES if values == {"0"} else table


def _resolve(aliases: dict[str, str | int], index: dict[str, int]) -> None:
    """Enter the nets that buffers and constants stand for into `index`."""
    for name in aliases:
        path = [name]
        while True:
            target = aliases[path[-1]]
            if isinstance(target, int) or target in index:
                net = target if isinstance(target, int) else index[target]
                break
            if target not in aliases or len(path) > len(aliases):
                raise _unreadable(f"nothing drives {path[-1]}")
            path.append(target)
        for passed in path:
            aliases[passed] = net
    index.update((name, net) for name, net in aliases.items() if isinstance(net, int))


def _assemble(
    like: Netlist, sources: Sequence[Sequence[str]], tables: list[int], index: dict[str, int]
) -> Netlist:
    """Return the netlist of named gates, sorted by level."""
    width = max(map(len, sources), default=0)
    padding: list[list[int]] = [[CONST0_NET] * (width - n) for n in range(width + 1)]
    rows = [_nets(names, index) + padding[len(names)] for names in sources]
    fanin = np.array(rows, dtype=np.int32).reshape(len(rows), width)
    order = level_order(fanin, like.first_gate)
    if order is None:
        raise _unreadable("a combinational cycle")
    renamed = np.arange(like.first_gate + len(rows), dtype=np.int32)
    renamed[like.first_gate + order] = np.arange(like.first_gate, len(renamed), dtype=np.int32)
    outputs = _nets((f"o{n}" for n in range(like.num_outputs)), index)
    cuts = _nets((f"c{n}" for n in range(len(like.cut_nets))), index)
    return like.replace(
        fanin=renamed[fanin[order]],
        tables=np.array(tables, dtype=np.uint64)[order],
        outputs=_on_nets(like.outputs, renamed[np.array(outputs, dtype=np.int32)]),
        cuts=_on_nets(like.cuts, renamed[np.array(cuts, dtype=np.int32)]),
        stage=None,
    )


def _nets(names: Iterable[str], index: dict[str, int]) -> list[int]:
    try:
        return [index[name] for name in names]
    except KeyError as error:
        raise _unreadable(f"nothing drives {error.args[0]}") from None


def _on_nets(ports: Sequence[Port], nets: IntArray) -> tuple[Port, ...]:
    """Return the ports with their bits on `nets`, taken in order."""
    ends = np.cumsum([port.width for port in ports], dtype=np.int64)
    return tuple(
        Port(port.name, nets[end - port.width : end], port.encoding)
        for port, end in zip(ports, ends, strict=True)
    )


def _unreadable(what: str) -> ToolError:
    return ToolError(what, file="BLIF", expected="a combinational network of .names")

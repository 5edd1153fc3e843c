"""ABC maps a combinational netlist to the gates of a library, buffers it, and chooses sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gatec.blif import write_blif
from gatec.errors import ToolError
from gatec.liberty.load import Cell, Library
from gatec.netlist import Netlist
from gatec.tables import VARIABLE
from gatec.tools.abc import run_abc

# Scripts between reading the netlist and buffering. Structural choices (`dch`) are what counts: on
# the 800x4 net and sg13g2 `amap` needs 70,603 square micrometres without and 44,361 with them.
# Then come don't-cares in the mapped gates, with few levels in a window and few conflicts: without
# these bounds some nets took over 200 s in place of 10, and came out less than 1 % smaller. The
# core of 800x4 in beats of 8 bits, without flip-flops and adders, before buffering: sky130hd 10,039
# by `dch; amap`, 9,495 with don't-cares, 9,722 by `&nf -R 1000`, 9,175 with don't-cares; sg13g2
# 21,225 and 20,403 by the first and the last.
# On a few nets that step trips an assertion of ABC: they are mapped without it.
_CARE = "mfs3 -a -I 8 -O 4 -C 1000"
# The demo net on sky130hd, with its buffers, is 3 % smaller by `dch; amap`: both are tried.
FAST: tuple[str, ...] = (
    f"strash; &get -n; &dch -f; &nf -R 1000; &put; {_CARE}",
    "strash; dch; amap",
)
STANDARD: tuple[str, ...] = (
    *FAST,
    "strash; dch; map -a",
    "strash; &get -n; &nf; &put",
)
BEST: tuple[str, ...] = (
    *STANDARD,
    f"strash; dch; amap; {_CARE}",
    "strash; dc2; dch; amap",
    "strash; &get -n; &dch -f; &nf -R 1000; &put",
    f"strash; ifraig; scorr; dc2; strash; dch -C 500; amap -F 3 -A 8; {_CARE}",
)
# Readers of one net before it gets a buffer.
MAX_FANOUT = 16
# What ABC calls constants in a mapped network.
_CONSTANTS = {"_const0_": "0", "_const1_": "1"}
_LINE = re.compile(r"\.gate\s+(\S+)\s+(.*)")


@dataclass(frozen=True)
class Gate:
    """An instance in a mapped netlist.

    Attributes
    ----------
    cell
        Its type.
    pins
        The signal on each pin.
    """

    cell: Cell
    pins: dict[str, str]


@dataclass(frozen=True)
class Mapping:
    """What ABC made of a netlist.

    Attributes
    ----------
    gates
        In topological order.
    aliases
        Signals that are another signal, or `0` or `1`.
    script
        The one that it came from.
    """

    gates: tuple[Gate, ...]
    aliases: dict[str, str]
    script: str

    def resolve(self, name: str) -> str:
        """Return the signal that a name stands for: of a gate, an input `i3`, `0` or `1`."""
        while name in self.aliases:
            name = self.aliases[name]
        return name


def map_gates(
    net: Netlist,
    library: Library,
    script: str,
    *,
    target_ps: float | None = None,
    genlib: str | None = None,
    timeout: float = 3600.0,
) -> Mapping:
    """Map a combinational netlist, whose inputs and outputs are then `i3` and `o3`.

    Parameters
    ----------
    target_ps
        The delay to size for, in ps; None neither buffers nor sizes, which a library without
        timing requires.
    genlib
        The gates in ABC's own format, in place of what the library's files say.

    Raises
    ------
    ToolError
        ABC failed, took too long, or wrote something that is not such a network.
    """
    inputs = {"in.blif": write_blif(net)}
    if genlib is None:
        inputs["cells.lib"] = mapping_library(library)
        commands = ["read_lib -w cells.lib"]
    else:
        inputs["cells.genlib"] = genlib
        commands = ["read_genlib cells.genlib"]
    commands += ["read_blif in.blif", script]
    if target_ps is not None:
        goal = max(1, int(target_ps))
        commands += ["topo", f"buffer -c -p -N {MAX_FANOUT}", "topo"]
        commands += [f"upsize -D {goal}", f"dnsize -D {goal}"]
    commands.append("write_blif out.blif")
    try:
        run = run_abc(commands, inputs=inputs, outputs=["out.blif"], timeout=timeout)
    except ToolError:
        shorter = script.removesuffix(f"; {_CARE}")
        if shorter == script:
            raise
        return map_gates(net, library, shorter, target_ps=target_ps, genlib=genlib, timeout=timeout)
    return _read(run.files["out.blif"].decode(), library, script)


def mapping_library(library: Library) -> str:
    """Return one Liberty text with just the cells to map to.

    ABC takes no library that has buffers and inverters alone, so files are joined here: the first
    with the cells and table templates of the others.
    """
    kept = {cell.name for cell in library.gates()}
    known = {(sub.kind, sub.name) for sub in library.sources[0].group.groups}
    more = []
    for source in library.sources[1:]:
        for sub in source.group.groups:
            wanted = sub.name in kept if sub.kind == "cell" else sub.kind.endswith("_template")
            if wanted and (sub.kind, sub.name) not in known:
                known.add((sub.kind, sub.name))
                more.append(source.text[slice(*sub.span)])
    first = library.sources[0]
    parts, at = [], 0
    for cell in first.group.all("cell"):
        if cell.name not in kept:
            parts.append(first.text[at : cell.span[0]])
            at = cell.span[1]
    end = first.group.span[1] - 1
    return "\n".join(["".join([*parts, first.text[at:end]]), *more, "}\n"])


def _read(text: str, library: Library, script: str) -> Mapping:
    """Read the BLIF of a mapped network."""
    gates: list[Gate] = []
    aliases: dict[str, str] = {}
    lines = iter(text.replace("\\\n", " ").split("\n"))
    cover: list[str] = []
    driven = ""
    for line in lines:
        if line.startswith(".gate"):
            _read_gate(line, library, gates, aliases)
        elif line.startswith(".names"):
            *sources, driven = line.split()[1:]
            if len(sources) > 1:
                raise _unreadable(line)
            aliases[driven] = sources[0] if sources else "0"
            cover = sources
        elif line.startswith("."):
            if line.split()[0] not in (".model", ".inputs", ".outputs", ".end"):
                raise _unreadable(line)
        elif line.strip() and not line.startswith("#"):
            # The one row of a buffer or of constant 1.
            if line.split() != (["1", "1"] if cover else ["1"]):
                raise _unreadable(line)
            if not cover:
                aliases[driven] = "1"
    return Mapping(tuple(gates), aliases, script)


def _read_gate(line: str, library: Library, gates: list[Gate], aliases: dict[str, str]) -> None:
    """Enter the gate of a line, or what it is when it is none: a constant or a wire."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise _unreadable(line)
    pins = dict(pin.split("=", 1) for pin in match[2].split())
    if match[1] in _CONSTANTS:
        (end,) = pins.values()
        aliases[end] = _CONSTANTS[match[1]]
        return
    cell = library.cells.get(match[1])
    if cell is None:
        raise _unreadable(line)
    source, *others = (pins[pin] for pin in cell.inputs)
    end = pins[cell.outputs[0]]
    if not others and _is_wire(cell, source, end):
        aliases[end] = source
    else:
        gates.append(Gate(cell, pins))


def _is_wire(cell: Cell, source: str, end: str) -> bool:
    """Return whether a gate is one of the buffers that ABC puts from an input to an output."""
    return source[0] == "i" and end[0] == "o" and cell.tables[cell.outputs[0]] == int(VARIABLE[0])


def _unreadable(line: str) -> ToolError:
    return ToolError(f"wrote {line[:60]!r}", file="abc", expected="a network of gates")

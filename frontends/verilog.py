"""Structural Verilog: netlists, and the case tables of LogicNets, PolyLUT and NeuraLUT.

Read are modules with parameters, nets, `assign` of `~ & | ^ ! && || == != ?:`, reductions,
concatenations and selections, the eight gates, instances, `case` tables whose rows are complete or
have a default, and registers at a clock's edge, with or without a reset. A module that the file
does not hold is read from `NAME.v` beside it, as those trainers write one file for each neuron.

Registers must be a pipeline: as many on every path, none in a loop. They then only delay the
answer, and are left out; clock and reset are no inputs of the model. The input and output bits are
the ports' in order, each from bit 0.
"""

from __future__ import annotations

from pathlib import Path

from gatec.errors import ModelError
from gatec.frontends.circuits import circuit_draft
from gatec.frontends.draft import Draft
from gatec.frontends.files.content import Content, read_bytes
from gatec.frontends.options import ReadOptions
from gatec.frontends.verilog_elaborate import Elaboration
from gatec.frontends.verilog_text import ModuleText, Reader

_MAX_MODULES = 200_000
# Inputs of this name that nothing reads are what a trainer left over of its pipeline.
_UNUSED = ("clk", "rst", "clock", "reset")


def matches(content: Content) -> bool:
    """Return whether the file begins as Verilog does."""
    return content.container == "verilog"


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return the circuit of the top module: the one that no other makes an instance of."""
    file = content.label
    if content.container != "verilog":
        raise ModelError("is not Verilog", file=file, expected="a file of modules")
    modules = Reader(content.value, file).modules
    top, files = _complete(modules, file)
    elaboration = Elaboration(modules, file)
    net, delay, left_out = elaboration.top(top, _UNUSED)
    notes = {"top": top.name}
    if delay:
        notes["registers"] = f"a pipeline of {delay}, left out: they only delay the answer"
    if left_out:
        notes["not inputs"] = ", ".join(left_out)[:200]
    if files:
        notes["beside"] = f"{files} modules from files beside this one"
    return circuit_draft(net, [], options, notes, file=file)


def _complete(modules: dict[str, ModuleText], file: str) -> tuple[ModuleText, int]:
    """Read missing modules from files beside; return the top, and how many files those were."""
    used = {item.values[0] for m in modules.values() for item in m.items if item.kind == "instance"}
    tops = [module for name, module in modules.items() if name not in used]
    if len(tops) != 1:
        names = ", ".join(module.name[:40] for module in tops[:5])
        what = f"several modules that no other uses: {names}" if tops else "no module on top"
        raise ModelError(what, file=file, expected="one")
    waiting, files = sorted(used - modules.keys()), 0
    while waiting:
        name = waiting.pop()
        path = Path(file).with_name(f"{name}.v")
        if not name.isidentifier() or not path.is_file():
            raise ModelError(
                f"no module {name[:60]}", file=file, expected=f"it here, or in {name[:60]}.v beside"
            )
        found = Reader(read_bytes(path).decode("latin-1"), str(path)).modules
        if name not in found:
            raise ModelError(f"no module {name}", file=path)
        files += 1
        for module in found.values():
            if modules.setdefault(module.name, module) is not module:
                raise ModelError(f"module {module.name[:60]} is there twice", file=path)
        if len(modules) > _MAX_MODULES:
            raise ModelError(f"more than {_MAX_MODULES} modules", file=file)
        more = {item.values[0] for m in found.values() for item in m.items
                if item.kind == "instance"}  # fmt: skip
        waiting = sorted({*waiting, *more} - modules.keys())
    return tops[0], files

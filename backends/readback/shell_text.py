"""The reader of the shell's text: a strict check of its lines, then Yosys' parser.

Yosys turns the processes of the top module into flip-flops; it never sees a stage body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from gatec.backends.readback.shell import Shell
from gatec.errors import DifferentError
from gatec.tools.runner import ToolFailed
from gatec.tools.yosys import run_yosys

_NAME = r"(?:[A-Za-z_][A-Za-z0-9_]*|\\\S+ )"
_EXPRESSION = r"(?:[\w\[\]:{},'!~&|?+^ \\$]|==|!=)+"
_BIT = rf"{_NAME}(?:\[\d+\])?"
_PART = rf"{_NAME}(?:\[\d+(?::\d+)?\])?"
_LINE = re.compile(
    rf"module {_NAME}\([\w, ]*\);"
    rf"|  (?:input|output|wire|reg) (?:\[\d+:0\] )?{_NAME}(?: = \d+'[bdh][0-9a-f]+)?;"
    rf"|  assign {_EXPRESSION} = {_EXPRESSION};"
    rf"|  always @\((?:posedge|negedge) {_NAME}\)"
    rf"|    +(?:if \(!?{_BIT}\)|else(?: if \(!?{_BIT}\))?)(?: {_PART} ?<= {_EXPRESSION};)?"
    rf"|    +{_PART} ?<= {_EXPRESSION};"
    rf"|  {_NAME} {_NAME} ?\("
    rf"|    \.(?:clk|rst|en|[io](?:_payload|_valid|_ready)?)\({_EXPRESSION}\),?"
    r"|  \);|endmodule|"
)


def read_shell(
    top: str,
    text: str,
    stages: Mapping[str, tuple[int, int]],
    roms: Mapping[str, tuple[int, int]] | None = None,
    cores: Mapping[str, tuple[int, int]] | None = None,
) -> Shell:
    """Read the top module's text.

    Parameters
    ----------
    stages
        The widths of `i` and `o` of each stage module.
    roms
        The same of each memory.
    cores
        The widths of `i_payload` and `o_payload` of each core in it; None where there is none.

    Raises
    ------
    DifferentError
        The text is not of the subset, or holds cells or constants that a shell has no use for, or
        a wire with two drivers.
    """
    _check_text(top, text)
    roms, cores = roms or {}, cores or {}
    boxes = stubs(stages) + stubs(roms, clocked=True)
    boxes += "".join(_core_stub(name, *widths) for name, widths in cores.items())
    commands = [
        "read_verilog shell.v",
        f"hierarchy -check -top {top}",
        "proc",
        # Wires with several drivers, inputs among them: its warnings are errors below.
        "check",
        "opt_clean",
        "opt_dff",
        "opt_clean",
        "write_json shell.json",
    ]
    try:
        run = run_yosys(
            commands, inputs={"shell.v": text + boxes}, outputs=["shell.json"], timeout=600
        )
    except ToolFailed as failure:
        raise DifferentError(f"Yosys cannot read it: {failure}", place=f"module {top}") from failure
    # Implicit wires, widths that do not fit, several drivers: nothing that gatec writes.
    warning = re.search("Warning: .*", run.log)
    if warning is not None:
        raise DifferentError(warning[0], place=f"module {top}")
    boxed = {*stages, *roms, *cores}
    return Shell(json.loads(run.files["shell.json"])["modules"][top], boxed)


def stubs(stages: Mapping[str, tuple[int, int]], *, clocked: bool = False) -> str:
    """Return empty modules of the widths of `i` and `o` in place of the stages, or of memories."""
    clock = "input clk, input en, " if clocked else ""
    return "".join(
        f"(* blackbox *)\nmodule {name} ({clock}input [{i - 1}:0] i, output [{o - 1}:0] o);\n"
        "endmodule\n"
        for name, (i, o) in stages.items()
    )


def _core_stub(name: str, payload_in: int, payload_out: int) -> str:
    ports = (
        "input clk, input rst",
        f"input [{payload_in - 1}:0] i_payload, input i_valid, output i_ready",
        f"output [{payload_out - 1}:0] o_payload, output o_valid, input o_ready",
    )
    return f"(* blackbox *)\nmodule {name} ({', '.join(ports)});\nendmodule\n"


def _check_text(top: str, text: str) -> None:
    """Check that every line is of a form that all tools read alike, and every name declared once.

    No comments, attributes, directives, initial blocks or blocking assignments to registers: those
    are where synthesis and simulation part ways.
    """
    for number, line in enumerate(text.split("\n")):
        if not _LINE.fullmatch(line):
            raise DifferentError(
                f"unexpected text {line[:60]!r}", place=f"module {top}, line {number + 1}"
            )
    for sort in ("(?:in|out)put", "(?:wire|reg)"):
        # A port is declared once as such and once as wire or reg.
        names = re.findall(rf"^  {sort} (?:\[\d+:0\] )?([^;=]+)", text, re.MULTILINE)
        if len({name.strip() for name in names}) != len(names):
            raise DifferentError("a name is declared twice", place=f"module {top}")

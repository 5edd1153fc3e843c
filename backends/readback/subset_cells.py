"""The cells that the strict reader of emitted text knows, fabric by fabric, one line each.

`read_cells` returns a run of them as look-up tables, whatever they are called. It shares no code
with the writer.
"""

from __future__ import annotations

import re

from gatec.errors import DifferentError

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
NET = rf"(?:1'b[01]|{NAME})"

# Wire, table in hexadecimal, instance, output, inputs with the least significant address bit first.
Row = tuple[str, ...]
Line = tuple[re.Pattern[str], re.Pattern[str]]


def as_line(pattern: str) -> Line:
    """Return the pattern of one line, and that of a run of such lines without groups."""
    without_groups = re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)
    return re.compile(pattern), re.compile(f"(?:{without_groups})*+")


def read_run(line: Line, text: str, at: int) -> tuple[list[Row], int]:
    """Return the groups of each line of the run that starts at `at`, and where the run ends."""
    match = line[1].match(text, at)
    assert match is not None
    return line[0].findall(text, at, match.end()), match.end()


def _lut(cell: str, parameter: str, value: str, out: str, pins: str) -> str:
    """Return the pattern of a look-up table: groups wire, table, instance, output, inputs."""
    inputs = "".join(rf", \.{pin}\(({NET})\)" for pin in pins.split())
    return (
        rf"  wire ({NAME}); {cell} #\(\.{parameter}\({value}\)\) ({NAME})"
        rf" \(\.{out}\(({NAME})\){inputs}\);\n"
    )


_HEX4 = "16'h([0-9a-f]{4})"
_HEX16 = "64'h([0-9a-f]{16})"
_DATA = "dataa datab datac datad"
_ICE40 = _lut("SB_LUT4", "LUT_INIT", _HEX4, "O", "I0 I1 I2 I3")
_CARRY = (
    rf"  wire ({NAME}); SB_CARRY ({NAME})"
    rf" \(\.CO\(({NAME})\), \.I0\(({NET})\), \.I1\(({NET})\), \.CI\(({NET})\)\);\n"
)
# The cells of each fabric; a module is of one of them. Inputs come lowest address bit first.
_CELLS = (
    as_line(f"(?:{_ICE40}|{_CARRY})"),
    as_line(_lut("LUT4", "INIT", _HEX4, "Z", "A B C D")),
    as_line(_lut("LUT4", "INIT", '"0x([0-9a-f]{4})"', "Z", "A B C D")),
    as_line(_lut("LUT4", "INIT", _HEX4, "F", "I0 I1 I2 I3")),
    as_line(_lut("cyclonev_lcell_comb", "lut_mask", _HEX16, "combout", f"{_DATA} datae dataf")),
    as_line(_lut("cycloneive_lcell_comb", "lut_mask", _HEX4, "combout", _DATA)),
    as_line(_lut("fiftyfivenm_lcell_comb", "lut_mask", _HEX4, "combout", _DATA)),
)
# CO is the majority of I0, I1 and CI.
_MAJORITY = "e8e8"
# Groups of a line that may be a LUT4 or a carry.
_WITH_CARRY = 8 + 6

# AMD's tables come in six sizes, and one with two outputs: wires, size or none, table, instance,
# outputs, pins.
_PINS = rf"((?:, \.I[0-5]\({NET}\))+)"
_SIZED = (
    rf"  wire ({NAME}); LUT([1-6]) #\(\.INIT\((\d+'h[0-9a-f]+)\)\) ({NAME})"
    rf" \(\.O\(({NAME})\){_PINS}\);\n"
)
_DOUBLE = (
    rf"  wire ({NAME}); wire ({NAME}); LUT6_2 #\(\.INIT\({_HEX16}\)\) ({NAME})"
    rf" \(\.O6\(({NAME})\), \.O5\(({NAME})\){_PINS}\);\n"
)
_AMD = as_line(f"(?:{_SIZED}|{_DOUBLE})")
_SIZED_GROUPS = 6
_PIN = re.compile(rf", \.I([0-5])\(({NET})\)")
_AMD_INPUTS = 6


def read_cells(text: str, at: int, place: str) -> tuple[list[Row], int]:
    """Return the run of cells that starts at `at`, of whichever fabric, and where it ends."""
    for line in _CELLS:
        rows, end = read_run(line, text, at)
        if rows:
            return [_as_lut(row) for row in rows], end
    rows, end = read_run(_AMD, text, at)
    return [cell for row in rows for cell in _amd(row, place)], end


def _as_lut(row: Row) -> Row:
    """Return a LUT, or a carry's majority."""
    if row[0]:
        return row[:8] if len(row) == _WITH_CARRY else row
    wire, instance, out, *pins = row[8:]
    return wire, _MAJORITY, instance, out, *pins, "1'b0"


def _amd(row: Row, place: str) -> list[Row]:
    """Return the one or two tables of a cell, each of six inputs.

    O5 is the lower half of the table of two outputs at I0 to I4, and O6 the whole of it.
    """
    if row[0]:
        wire, size, init, instance, out, written = row[:_SIZED_GROUPS]
        inputs = int(size)
        bits = 1 << inputs
        if not re.fullmatch(rf"{bits}'h[0-9a-f]{{{max(1, bits // 4)}}}", init):
            raise DifferentError(f"LUT{size} with table {init}", place=place)
        table = int(init.partition("h")[2], 16)
        if table >> bits:
            raise DifferentError(f"LUT{size} with table {init}", place=place)
        for _ in range(inputs, _AMD_INPUTS):
            table |= table << bits
            bits *= 2
        pins = _pins(written, inputs, place) + ["1'b0"] * (_AMD_INPUTS - inputs)
        return [(wire, f"{table:016x}", instance, out, *pins)]
    low, high, init, instance, out_high, out_low, written = row[_SIZED_GROUPS:]
    pins = _pins(written, _AMD_INPUTS, place)
    half = init[8:]
    return [
        (low, half + half, instance, out_low, *pins[:-1], "1'b0"),
        # Another name, which no instance can have: both are one.
        (high, init, f"{instance}.O6", out_high, *pins),
    ]


def _pins(written: str, count: int, place: str) -> list[str]:
    found = _PIN.findall(written)
    if [int(slot) for slot, _ in found] != list(range(count)):
        raise DifferentError(f"a look-up table of {count} inputs has pins{written}", place=place)
    return [net for _, net in found]

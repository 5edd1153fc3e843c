"""Readers of tables: `.truth` (the IWLS contests' truth tables) and `.pla` (Espresso)."""

from __future__ import annotations

import numpy as np

from gatec.aig import Aig
from gatec.bits import ALL_ONES, Words, all_inputs
from gatec.errors import ModelError
from gatec.limits import check_limit
from gatec.synth.builder import AigBuilder
from gatec.synth.function import MAX_TABLE_INPUTS, Function

_MAX_INPUTS = 10_000
_MAX_OUTPUTS = 10_000
# Which of a cover's output characters put a cube into the on-set and the don't-care set, by type.
# In `fr` and `fdr` the off-set is written down; of `fr`, what is in neither is a don't-care.
_PLA_TYPES = ("f", "fd", "fr", "fdr")


def read_truth(text: str, name: str, file: str) -> Function:
    """Return the function in a `.truth` file: one line of 0 and 1 for each output.

    The first character is the value where all inputs are 1, the last where all are 0; input `j` is
    bit `j` of the address (as ABC's `read_truth` has it).
    """
    lines = [line.strip() for line in text.splitlines()]
    tables = [(number, line) for number, line in enumerate(lines, start=1) if line]
    if not tables:
        raise ModelError("is empty", file=file, expected="one line of 0 and 1 for each output")
    length = len(tables[0][1])
    inputs = length.bit_length() - 1
    for number, line in tables:
        if line.strip("01"):
            raise ModelError("is not made of 0 and 1", file=file, place=f"line {number}")
        if len(line) != length or length != 1 << inputs:
            raise ModelError(
                f"{len(line)} values",
                file=file,
                place=f"line {number}",
                expected="a power of two, the same in all lines",
            )
    check_limit(inputs, MAX_TABLE_INPUTS, "inputs of a truth table", file=file)
    check_limit(len(tables), _MAX_OUTPUTS, "outputs", file=file)
    builder = AigBuilder(inputs)
    outputs = builder.decide_all([int(line, 2) for _, line in tables], builder.inputs)
    return Function(name, builder.build(outputs))


def read_pla(text: str, name: str, file: str) -> Function:
    """Return the function in an Espresso `.pla` file.

    Don't-cares are kept up to `MAX_TABLE_INPUTS` inputs; above that they are refused.
    """
    header, cubes = _pla_lines(text, file)
    kind = header.get("type", "fd")
    if kind not in _PLA_TYPES:
        raise ModelError(f".type {kind}", file=file, expected=" ".join(_PLA_TYPES))
    inputs = _pla_count(header, "i", _MAX_INPUTS, file)
    outputs = _pla_count(header, "o", _MAX_OUTPUTS, file)
    input_names = _pla_names(header, "ilb", inputs, file)
    output_names = _pla_names(header, "ob", outputs, file)
    rows = [_pla_row(line, number, inputs, outputs, file) for number, line in cubes]
    if inputs > MAX_TABLE_INPUTS:
        return Function(name, _sum_of_cubes(rows, kind, inputs, (input_names, output_names), file))
    on, cares = _pla_tables(rows, kind, inputs, outputs)
    builder = AigBuilder(inputs)
    mask = (1 << (1 << inputs)) - 1
    tables = [int.from_bytes(row.astype("<u8").tobytes(), "little") & mask for row in on]
    literals = builder.decide_all(tables, builder.inputs)
    aig = builder.build(literals, input_names, output_names)
    return Function(name, aig, None if (cares == ALL_ONES).all() else cares)


def _pla_lines(text: str, file: str) -> tuple[dict[str, str], list[tuple[int, str]]]:
    header: dict[str, str] = {}
    cubes = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        if line.startswith("."):
            keyword, _, value = line[1:].partition(" ")
            if keyword in ("e", "end"):
                break
            if keyword not in ("i", "o", "p", "type", "ilb", "ob", "phase"):
                raise ModelError(f"statement .{keyword}", file=file, place=f"line {number}")
            if keyword == "phase" and value.strip("1 "):
                raise ModelError("an output phase of 0", file=file, place=f"line {number}")
            header[keyword] = value.strip()
        elif line:
            cubes.append((number, line))
    return header, cubes


def _pla_count(header: dict[str, str], key: str, limit: int, file: str) -> int:
    value = header.get(key, "")
    if not value.isdecimal() or len(value) > 9:
        raise ModelError(f".{key} {value}".strip(), file=file, expected=f".{key} and a number")
    check_limit(int(value), limit, "inputs" if key == "i" else "outputs", file=file)
    return int(value)


def _pla_names(header: dict[str, str], key: str, count: int, file: str) -> tuple[str, ...]:
    names = tuple(header.get(key, "").split())
    if key in header and (len(names) != count or len(set(names)) != count):
        raise ModelError(f".{key} of {len(names)} names", file=file, expected=f"{count}, distinct")
    return names


def _pla_row(line: str, number: int, inputs: int, outputs: int, file: str) -> tuple[str, str]:
    columns = "".join(line.replace("|", " ").split()).replace("~", "-").replace("2", "-")
    row, values = columns[:inputs], columns[inputs:].replace("4", "1").replace("3", "0")
    if len(columns) != inputs + outputs or row.strip("01-") or values.strip("01-"):
        raise ModelError(
            f"cube {line[:40]!r}",
            file=file,
            place=f"line {number}",
            expected=f"{inputs} and {outputs} of 0 1 -",
        )
    return row, values


def _pla_tables(
    rows: list[tuple[str, str]], kind: str, inputs: int, outputs: int
) -> tuple[Words, Words]:
    """Return on-set and care set of each output, `uint64[outputs, words]`."""
    patterns = all_inputs(inputs)
    sets = {
        value: np.zeros((outputs, patterns.shape[1]), dtype=np.uint64) for value in ("0", "1", "-")
    }
    for row, values in rows:
        cube = np.full(patterns.shape[1], ALL_ONES)
        for pattern, column in zip(patterns, row, strict=True):
            if column != "-":
                cube &= pattern if column == "1" else ~pattern
        for output, value in enumerate(values):
            sets[value][output] |= cube
    on = sets["1"]
    if kind == "f":
        return on, np.full_like(on, ALL_ONES)
    if kind == "fr":
        return on, on | sets["0"]
    # What is in both on-set and don't-care set counts, as 1.
    return on, on | ~sets["-"]


def _sum_of_cubes(
    rows: list[tuple[str, str]],
    kind: str,
    inputs: int,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    file: str,
) -> Aig:
    """Return a cover of more inputs than a table can have as ORs of ANDs."""
    if kind == "fr" or (kind != "f" and any("-" in values for _, values in rows)):
        raise ModelError(
            f"don't-cares of {inputs} inputs",
            file=file,
            expected=f"at most {MAX_TABLE_INPUTS} inputs, or .type f",
        )
    builder = AigBuilder(inputs)
    cubes = [builder.cube(row, builder.inputs) for row, _ in rows]
    width = len(rows[0][1]) if rows else 0
    literals = [
        builder.any_of(
            cube for cube, (_, values) in zip(cubes, rows, strict=True) if values[o] == "1"
        )
        for o in range(width)
    ]
    return builder.build(literals, *names)

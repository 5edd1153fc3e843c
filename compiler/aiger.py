"""AIGER, the binary and ASCII exchange format of and-inverter graphs.

Format 1.9 of Biere, Heljanko and Wieringa: header `aig` or `aag`, then `M I L O A`. The binary form
numbers inputs and gates consecutively and stores each gate as two differences in 7-bit groups,
least significant first. Both directions work on whole arrays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gatec.aig import Aig
from gatec.blocks import IntArray
from gatec.errors import ModelError
from gatec.levels import level_order
from gatec.limits import MAX_GATES, check_limit

_HEADER_FIELDS = ("maximum variable", "inputs", "latches", "outputs", "AND gates")
_MAX_HEADER = 200


def read_aiger(data: bytes, file: str = "AIGER") -> Aig:
    """Return the circuit in an AIGER file, binary or ASCII.

    Raises
    ------
    ModelError
        The file is not such a circuit: damaged, or with latches, properties or constraints.
    LimitError
        It declares more gates, inputs or outputs than gatec takes.
    """
    end = data.find(b"\n", 0, _MAX_HEADER)
    form, counts = _header(data[: max(end, 0)], file)
    _, inputs, _, outputs, ands = counts
    if form == b"aag":
        return _read_ascii(data, end + 1, counts, file)
    output_lits, place = _lines_of_numbers(data, end + 1, "output", file, count=outputs)
    fanin, place = _read_differences(data, place, inputs, ands, file)
    aig = Aig(inputs, fanin, _checked(output_lits[:, 0], inputs + ands, "output", file))
    return _with_symbols(aig, data[place:], file)


def _header(line: bytes, file: str) -> tuple[bytes, list[int]]:
    form, *fields = line.split() or [b""]
    if form not in (b"aig", b"aag"):
        raise ModelError(f"begins with {line[:20]!r}", file=file, expected="aig or aag")
    numbers = [int(field) for field in fields if field.isdigit() and len(field) < 12]
    if len(numbers) != len(fields) or len(numbers) < 5:
        raise ModelError(f"header {line[:60]!r}", file=file, expected="aig M I L O A")
    maximum, inputs, latches, outputs, ands = numbers[:5]
    if latches:
        raise ModelError(f"has {latches} latches", file=file, expected="a combinational circuit")
    if any(numbers[5:]):
        raise ModelError("has properties or constraints", file=file, expected="plain outputs")
    for count, what in ((inputs, "inputs"), (outputs, "outputs"), (ands, "AND gates")):
        check_limit(count, MAX_GATES, what, file=file)
    consistent = maximum == inputs + ands if form == b"aig" else maximum >= inputs + ands
    if not consistent or maximum > 2 * MAX_GATES:
        raise ModelError(f"maximum variable {maximum}", file=file, expected=f"{inputs + ands}")
    return form, [maximum, inputs, latches, outputs, ands]


def _lines_of_numbers(
    data: bytes, start: int, what: str, file: str, *, count: int, width: int = 1
) -> tuple[npt.NDArray[np.int64], int]:
    """Return `count` lines of `width` numbers as an array, and where they end."""
    if count == 0:
        return np.zeros((0, width), dtype=np.int64), start
    # A number has at most eleven characters and one that ends it.
    text = np.frombuffer(data, dtype=np.uint8)[start : start + count * width * 12]
    ends = np.flatnonzero(text == ord("\n"))[:count]
    if len(ends) < count:
        raise ModelError(f"ends before {what} {len(ends)}", file=file, expected=f"{count}")
    stop = start + int(ends[-1]) + 1
    lines = data[start:stop]
    if lines.strip(b"0123456789 \n\r"):
        legal = np.isin(text[: stop - start], np.frombuffer(b"0123456789 \n\r", dtype=np.uint8))
        line = int(np.searchsorted(ends, int((~legal).argmax())))
        raise ModelError("is not a number", file=file, place=f"{what} {line}")
    numbers = np.array(lines.split(), dtype=np.float64)
    if len(numbers) != count * width:
        raise ModelError(f"{len(numbers)} numbers in {count} lines", file=file, place=what)
    return numbers.astype(np.int64).reshape(count, width), stop


def _checked(literals: npt.NDArray[np.int64], maximum: int, what: str, file: str) -> IntArray:
    bad = (literals < 0) | (literals > 2 * maximum + 1)
    if bad.any():
        number = int(bad.argmax())
        raise ModelError(
            f"literal {literals.flat[number]}",
            file=file,
            place=f"{what} {number}",
            expected=f"0..{2 * maximum + 1}",
        )
    return literals.astype(np.int32)


def _read_differences(
    data: bytes, start: int, inputs: int, ands: int, file: str
) -> tuple[IntArray, int]:
    """Return the fan-in literals of the binary form's gates, and where they end."""
    octets = np.frombuffer(data, dtype=np.uint8)[start : start + 10 * ands]
    ends = np.flatnonzero(octets < 128)[: 2 * ands]
    if len(ends) < 2 * ands:
        raise ModelError(f"ends in gate {len(ends) // 2}", file=file, expected=f"{ands} gates")
    if ands == 0:
        return np.zeros((0, 2), dtype=np.int32), start
    begins = np.concatenate([[0], ends[:-1] + 1])
    length = ends - begins + 1
    if length.max() > 5:
        gate = int(length.argmax()) // 2
        raise ModelError("a number of more than 5 bytes", file=file, place=f"gate {gate}")
    values = np.zeros(2 * ands, dtype=np.int64)
    for group in range(int(length.max())):
        reaches = length > group
        part = octets[begins[reaches] + group].astype(np.int64) & 127
        values[reaches] |= part << (7 * group)
    first, second = values[0::2], values[1::2]
    own = 2 * (inputs + 1 + np.arange(ands, dtype=np.int64))
    high = own - first
    low = high - second
    bad = (first == 0) | (low < 0)
    if bad.any():
        gate = int(bad.argmax())
        raise ModelError(
            f"differences {first[gate]} and {second[gate]}",
            file=file,
            place=f"gate {gate}",
            expected="inputs of lower numbers",
        )
    return np.stack([high, low], axis=1).astype(np.int32), start + int(ends[-1]) + 1


def _read_ascii(data: bytes, start: int, counts: list[int], file: str) -> Aig:
    """Read the ASCII form, whose gates come under any numbers and in any order."""
    _, inputs, _, outputs, ands = counts
    input_lits, place = _lines_of_numbers(data, start, "input", file, count=inputs)
    output_lits, place = _lines_of_numbers(data, place, "output", file, count=outputs)
    gates, place = _lines_of_numbers(data, place, "gate", file, count=ands, width=3)
    defined = np.concatenate([input_lits[:, 0], gates[:, 0]])
    if (defined & 1).any() or (defined < 2).any() or len(np.unique(defined)) < len(defined):
        raise ModelError("a variable is complemented, 0, or twice defined", file=file)
    maximum = int(max(defined.max(initial=0), output_lits.max(initial=0), gates.max(initial=0)))
    if maximum > 4 * MAX_GATES + 1:
        raise ModelError(f"literal {maximum}", file=file)
    number = np.full(maximum // 2 + 1, -1, dtype=np.int64)
    number[0] = 0
    number[defined // 2] = 1 + np.arange(len(defined))

    def moved(literals: npt.NDArray[np.int64], what: str) -> npt.NDArray[np.int64]:
        variables = number[literals >> 1]
        if (variables < 0).any():
            missing = int(literals[variables < 0][0])
            raise ModelError(f"{what} reads {missing}, which nothing drives", file=file)
        renamed: npt.NDArray[np.int64] = 2 * variables + (literals & 1)
        return renamed

    fanin, outs = moved(gates[:, 1:], "a gate"), moved(output_lits[:, 0], "an output")
    order: npt.NDArray[np.int64] | None = np.arange(ands)
    if ((fanin >> 1).max(axis=1, initial=0) > inputs + np.arange(ands)).any():
        order = level_order((fanin >> 1).astype(np.int32), inputs + 1)
    if order is None:
        raise ModelError("a combinational cycle", file=file)
    final = np.arange(inputs + 1 + ands, dtype=np.int64)
    final[inputs + 1 + order] = np.arange(inputs + 1, inputs + 1 + ands)
    fanin = 2 * final[fanin[order] >> 1] + (fanin[order] & 1)
    aig = Aig(inputs, fanin, 2 * final[outs >> 1] + (outs & 1))
    return _with_symbols(aig, data[place:], file)


def _with_symbols(aig: Aig, tail: bytes, file: str) -> Aig:
    """Enter the names of the symbol table, up to the comment."""
    names: dict[str, dict[int, str]] = {"i": {}, "o": {}}
    for line in tail.split(b"\n"):
        # ABC starts its comment on the line of the "c"; constraints, the other "c", are refused.
        if not line.strip() or line.startswith(b"c"):
            break
        key, _, name = line.decode(errors="replace").partition(" ")
        if key[:1] not in names or not key[1:].isdecimal() or len(key) > 12:
            raise ModelError(f"symbol {key[:20]!r}", file=file, expected="iN or oN, or a comment")
        names[key[0]][int(key[1:])] = name.strip()
    return replace(
        aig,
        input_names=_complete(names["i"], aig.num_inputs),
        output_names=_complete(names["o"], aig.num_outputs),
    )


def _complete(found: dict[int, str], count: int) -> tuple[str, ...]:
    """Return one name for each number, or none where the table is incomplete or repeats one."""
    names = tuple(found.get(number, "") for number in range(count))
    return names if all(names) and len(set(names)) == count else ()


def write_aiger(aig: Aig, *, binary: bool = True) -> bytes:
    """Return a circuit as an AIGER file, with its names."""
    ands, inputs = aig.num_ands, aig.num_inputs
    head = f"{'aig' if binary else 'aag'} {inputs + ands} {inputs} 0 {aig.num_outputs} {ands}\n"
    own = 2 * (aig.first_and + np.arange(ands, dtype=np.int64))
    high = aig.fanin.max(axis=1, initial=0).astype(np.int64)
    low = aig.fanin.min(axis=1, initial=2**31 - 1).astype(np.int64)
    outputs = "".join(f"{literal}\n" for literal in aig.outputs.tolist())
    if binary:
        values = np.stack([own - high, high - low], axis=1).ravel()
        body = outputs.encode() + _differences(values)
    else:
        lines = "".join(f"{2 * number}\n" for number in range(1, inputs + 1)) + outputs
        columns = np.stack([own, high, low], axis=1)
        body = (lines + "%d %d %d\n" * ands % tuple(columns.ravel().tolist())).encode()
    return head.encode() + body + _symbols(aig).encode()


def _differences(values: npt.NDArray[np.int64]) -> bytes:
    """Return numbers below 2**35 in 7-bit groups, the last of each without its high bit."""
    groups = np.stack([values >> (7 * group) & 127 for group in range(5)], axis=1)
    length = 1 + np.sum([values >> (7 * group) > 0 for group in range(1, 5)], axis=0)
    column = np.arange(5)[None, :]
    groups |= np.where(column < length[:, None] - 1, 128, 0)
    return groups.astype(np.uint8)[column < length[:, None]].tobytes()


def _symbols(aig: Aig) -> str:
    lines = [f"i{number} {name}\n" for number, name in enumerate(aig.input_names)]
    lines += [f"o{number} {name}\n" for number, name in enumerate(aig.output_names)]
    return "".join(lines)

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
    aig, start = read_sequential(data, file)
    if start:
        raise ModelError(f"has {len(start)} latches", file=file, expected="a combinational circuit")
    return aig


def read_sequential(data: bytes, file: str = "AIGER") -> tuple[Aig, list[int]]:
    """Return what happens between the latches of an AIGER file, and how they start.

    Returns
    -------
    tuple
        A circuit whose inputs are the file's and then the latches, and whose outputs are the file's
        and then the latches' next values; and for each latch 0 or 1.

    Raises `ModelError` and `LimitError` as `read_aiger`, and `ModelError` at a latch that starts
    with an unknown value.
    """
    end = data.find(b"\n", 0, _MAX_HEADER)
    form, counts = _header(data[: max(end, 0)], file)
    _, inputs, latches, outputs, ands = counts
    if form == b"aag":
        return _read_ascii(data, end + 1, counts, file)
    own = 2 * (inputs + 1 + np.arange(latches, dtype=np.int64))
    following, start, place = _latches(data, end + 1, own, file)
    output_lits, place = _lines_of_numbers(data, place, "output", file, count=outputs)
    sources = inputs + latches
    fanin, place = _read_differences(data, place, sources, ands, file)
    ends = np.concatenate([output_lits[:, 0], following])
    aig = Aig(sources, fanin, _checked(ends, sources + ands, "output", file))
    return _with_symbols(aig, data[place:], file, latches), start


def _latches(
    data: bytes, start: int, own: npt.NDArray[np.int64], file: str
) -> tuple[npt.NDArray[np.int64], list[int], int]:
    """Return the next value's literal and the first value of each latch, and where they end.

    A line is `next [first]`; `first` is 0, 1, or the latch's own literal where it is unknown.
    """
    following, values = [], []
    for number, literal in enumerate(own.tolist()):
        stop = data.find(b"\n", start, start + _MAX_HEADER)
        words = data[start : max(stop, start)].split()
        if (
            stop < 0
            or len(words) not in (1, 2)
            or not all(w.isdigit() and len(w) < 12 for w in words)
        ):
            raise ModelError(f"line {b' '.join(words)[:40]!r}", file=file, place=f"latch {number}",
                             expected="a literal and a first value")  # fmt: skip
        value = int(words[1]) if len(words) == 2 else 0
        if value not in (0, 1):
            what = "an unknown value" if value == literal else f"{value}"
            raise ModelError(
                f"starts with {what}", file=file, place=f"latch {number}", expected="0 or 1"
            )
        following.append(int(words[0]))
        values.append(value)
        start = stop + 1
    return np.array(following, dtype=np.int64), values, start


def _header(line: bytes, file: str) -> tuple[bytes, list[int]]:
    form, *fields = line.split() or [b""]
    if form not in (b"aig", b"aag"):
        raise ModelError(f"begins with {line[:20]!r}", file=file, expected="aig or aag")
    numbers = [int(field) for field in fields if field.isdigit() and len(field) < 12]
    if len(numbers) != len(fields) or len(numbers) < 5:
        raise ModelError(f"header {line[:60]!r}", file=file, expected="aig M I L O A")
    maximum, inputs, latches, outputs, ands = numbers[:5]
    if any(numbers[5:]):
        raise ModelError("has properties or constraints", file=file, expected="plain outputs")
    for count, what in zip(numbers[1:5], _HEADER_FIELDS[1:], strict=True):
        check_limit(count, MAX_GATES, what, file=file)
    total = inputs + latches + ands
    consistent = maximum == total if form == b"aig" else maximum >= total
    if not consistent or maximum > 2 * MAX_GATES:
        raise ModelError(f"maximum variable {maximum}", file=file, expected=f"{total}")
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


def _read_ascii(data: bytes, start: int, counts: list[int], file: str) -> tuple[Aig, list[int]]:
    """Read the ASCII form, whose gates come under any numbers and in any order."""
    _, inputs, latches, outputs, ands = counts
    input_lits, place = _lines_of_numbers(data, start, "input", file, count=inputs)
    own, rest = _own_literals(data, place, latches, file)
    following, first, _ = _latches(rest, 0, own, file)
    place = _after_lines(data, place, latches)
    output_lits, place = _lines_of_numbers(data, place, "output", file, count=outputs)
    gates, place = _lines_of_numbers(data, place, "gate", file, count=ands, width=3)
    output_lits = np.concatenate([output_lits[:, 0], following])[:, None]
    defined = np.concatenate([input_lits[:, 0], own, gates[:, 0]])
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
    sources = inputs + latches
    if ((fanin >> 1).max(axis=1, initial=0) > sources + np.arange(ands)).any():
        order = level_order((fanin >> 1).astype(np.int32), sources + 1)
    if order is None:
        raise ModelError("a combinational cycle", file=file)
    final = np.arange(sources + 1 + ands, dtype=np.int64)
    final[sources + 1 + order] = np.arange(sources + 1, sources + 1 + ands)
    fanin = 2 * final[fanin[order] >> 1] + (fanin[order] & 1)
    aig = Aig(sources, fanin, 2 * final[outs >> 1] + (outs & 1))
    return _with_symbols(aig, data[place:], file, latches), first


def _own_literals(
    data: bytes, start: int, count: int, file: str
) -> tuple[npt.NDArray[np.int64], bytes]:
    """Return the literals that an ASCII file's latches are, and their lines without them."""
    lines = data[start : _after_lines(data, start, count)].split(b"\n")[:count]
    own, rest = [], []
    for number in range(count):
        word, _, left = (lines[number] if number < len(lines) else b"").strip().partition(b" ")
        if not word.isdigit() or len(word) >= 12:
            raise ModelError("is not a literal", file=file, place=f"latch {number}")
        own.append(int(word))
        rest.append(left)
    return np.array(own, dtype=np.int64), b"\n".join([*rest, b""])


def _after_lines(data: bytes, start: int, count: int) -> int:
    """Return where the line behind `count` lines begins, or the end."""
    for _ in range(count):
        start = data.find(b"\n", start) + 1 or len(data)
    return start


def _with_symbols(aig: Aig, tail: bytes, file: str, latches: int) -> Aig:
    """Enter the names of the symbol table, up to the comment; with latches there are none."""
    names: dict[str, dict[int, str]] = {"i": {}, "o": {}, "l": {}}
    for line in tail.split(b"\n"):
        # ABC starts its comment on the line of the "c"; constraints, the other "c", are refused.
        if not line.strip() or line.startswith(b"c"):
            break
        key, _, name = line.decode(errors="replace").partition(" ")
        if key[:1] not in names or not key[1:].isdecimal() or len(key) > 12:
            raise ModelError(
                f"symbol {key[:20]!r}", file=file, expected="iN, oN or lN, or a comment"
            )
        names[key[0]][int(key[1:])] = name.strip()
    if latches:
        return aig
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

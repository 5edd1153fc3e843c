"""A second reading of AIGER and BLIF, over two clock cycles: see `helpers_fuzz_judges`."""

from __future__ import annotations

import numpy as np

STEPS = 2


def aiger(data: bytes, bits: np.ndarray) -> np.ndarray | None:
    """Text or binary; latches start at what the file says, else at 0."""
    head, _, rest = data.partition(b"\n")
    form, *counts = head.split()
    most, inputs, latches, outputs, ands = (int(count) for count in counts)
    binary = form == b"aig"
    if form not in (b"aig", b"aag") or (binary and most != inputs + latches + ands):
        return None
    own = [2 * (i + 1) for i in range(inputs)]
    if not binary:
        own, rest = _rows(rest, inputs, 1)
    wide = range(1, 3) if binary else range(2, 4)
    rows = []
    for _ in range(latches):
        line, _, rest = rest.partition(b"\n")
        rows.append([int(word) for word in line.split()])
        if len(rows[-1]) not in wide:
            return None
    if binary:
        rows = [[2 * (inputs + 1 + i), *row] for i, row in enumerate(rows)]
    said, rest = _rows(rest, outputs, 1)
    gates = []
    if binary:
        for i in range(ands):
            left = 2 * (inputs + latches + 1 + i)
            first, rest = _delta(rest)
            second, rest = _delta(rest)
            gates.append((left, left - first, left - first - second))
    else:
        found, rest = _rows(rest, ands, 3)
        gates = [tuple(found[3 * i : 3 * i + 3]) for i in range(ands)]
    names = [*own, *(row[0] for row in rows), *(g[0] for g in gates)]
    if len(set(names)) != len(names) or any(name & 1 or not 0 < name <= 2 * most for name in names):
        return None
    return _unrolled(bits, own, rows, said, {left: (a, b) for left, a, b in gates})


def _rows(text: bytes, count: int, words: int) -> tuple[list[int], bytes]:
    found = []
    for _ in range(count):
        line, _, text = text.partition(b"\n")
        numbers = [int(word) for word in line.split()]
        if len(numbers) != words:
            raise ValueError(line)
        found += numbers
    return found, text


def _delta(data: bytes) -> tuple[int, bytes]:
    value = shift = 0
    for place, octet in enumerate(data):
        value |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            return value, data[place + 1 :]
    raise ValueError("ends within a number")


def _unrolled(
    bits: np.ndarray,
    own: list[int],
    rows: list[list[int]],
    said: list[int],
    gates: dict[int, tuple[int, int]],
) -> np.ndarray | None:
    starts = [row[2] if len(row) > 2 else 0 for row in rows]
    if any(start not in (0, 1) for start in starts):
        return None
    state = [np.full(len(bits), start) for start in starts]
    outputs = []
    for step in range(STEPS):
        columns = bits[:, step * len(own) : (step + 1) * len(own)].T
        known = {0: np.zeros(len(bits), dtype=int), **dict(zip(own, columns, strict=True))}
        known |= {row[0]: value for row, value in zip(rows, state, strict=True)}
        outputs += [_value(literal, known, gates) for literal in said]
        state = [_value(row[1], known, gates) for row in rows]
    return np.stack(outputs, 1)


def _value(
    literal: int, known: dict[int, np.ndarray], gates: dict[int, tuple[int, int]]
) -> np.ndarray:
    even = literal & ~1
    if even not in known:
        a, b = gates[even]
        known[even] = _value(a, known, gates) & _value(b, known, gates)
    return known[even] ^ (literal & 1)


def blif(text: bytes, bits: np.ndarray) -> np.ndarray | None:
    """One model of covers and latches; a cover's rows are all for 1 or all for 0."""
    names: dict[str, list[str]] = {".inputs": [], ".outputs": []}
    latches, covers, rows = [], {}, None
    for line in text.decode("ascii").replace("\\\n", " ").split("\n"):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if not words[0].startswith("."):
            if rows is None:
                return None
            rows.append(words)
            continue
        rows = None
        if words[0] in names:
            names[words[0]] += words[1:]
        elif words[0] == ".names":
            rows = []
            if words[-1] in covers:
                return None
            covers[words[-1]] = (words[1:-1], rows)
        elif words[0] == ".latch":
            latches.append((words[1], words[2], int(words[-1]) if len(words) > 3 else 3))
        elif words[0] == ".end":
            break
        elif words[0] != ".model":
            return None
    if any(start not in (0, 1) for _, _, start in latches):
        return None
    own = names[".inputs"]
    driven = [*own, *covers, *(out for _, out, _ in latches)]
    if len(set(driven)) != len(driven):
        return None
    state, outputs = [np.full(len(bits), start) for _, _, start in latches], []
    for step in range(STEPS):
        columns = bits[:, step * len(own) : (step + 1) * len(own)].T.astype(int)
        known = dict(zip(own, columns, strict=True))
        known |= {out: value for (_, out, _), value in zip(latches, state, strict=True)}
        outputs += [_cover(name, known, covers, len(bits)) for name in names[".outputs"]]
        state = [_cover(name, known, covers, len(bits)) for name, _, _ in latches]
    return np.stack(outputs, 1)


def _cover(
    name: str,
    known: dict[str, np.ndarray],
    covers: dict[str, tuple[list[str], list[list[str]]]],
    samples: int,
) -> np.ndarray:
    if name in known:
        return known[name]
    reads, rows = covers[name]
    values = [_cover(one, known, covers, samples) for one in reads]
    found, ends = np.zeros(samples, dtype=bool), set()
    for row in rows:
        cube, end = row if reads else ("", *row)
        if len(cube) != len(reads):
            raise ValueError(cube)
        holds = np.ones(samples, dtype=bool)
        for c, value in zip(cube, values, strict=True):
            holds &= {"0": value == 0, "1": value == 1, "-": True}[c]
        found |= holds
        ends.add({"0": 0, "1": 1}[end])
    if len(ends) > 1:
        raise ValueError("rows of both kinds")
    known[name] = (found != (ends == {0})).astype(int)
    return known[name]

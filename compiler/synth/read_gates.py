"""Readers of gate lists with names: `.blif` and `.bench`, combinational, of any writer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gatec.aig import Aig
from gatec.errors import ModelError
from gatec.limits import MAX_GATES, check_limit
from gatec.synth.builder import AigBuilder

# A cover of more rows than this is a damaged file rather than a gate.
_MAX_TABLE_INPUTS = 16
_BENCH_GATE = re.compile(r"([^\s=(),]+)\s*=\s*(\w+)\s*(?:(0x[0-9a-fA-F]+)\s*)?\(([^()]*)\)")
_BENCH_PORT = re.compile(r"(INPUT|OUTPUT)\s*\(\s*([^\s=(),]+)\s*\)", re.IGNORECASE)
_BENCH_CONSTANT = re.compile(r"([^\s=(),]+)\s*=\s*(vdd|gnd)", re.IGNORECASE)

Build = Callable[[AigBuilder, list[int]], int]


@dataclass
class _Gates:
    """A circuit by names: what each signal is computed from, and how."""

    file: str
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    sources: dict[str, Sequence[str]] = field(default_factory=dict)
    build: dict[str, Build] = field(default_factory=dict)

    def add(self, name: str, sources: Sequence[str], build: Build) -> None:
        if name in self.sources:
            raise ModelError(f"{name} is driven twice", file=self.file)
        self.sources[name] = sources
        self.build[name] = build

    def aig(self) -> Aig:
        """Build the gates that the outputs need, sources first."""
        for names, what in ((self.inputs, "inputs"), (self.outputs, "outputs")):
            check_limit(len(names), MAX_GATES, what, file=self.file)
            if len(set(names)) < len(names):
                raise ModelError(f"two {what} have one name", file=self.file)
        driven = set(self.sources) & set(self.inputs)
        if driven:
            raise ModelError(f"{min(driven)} is an input and driven", file=self.file)
        builder = AigBuilder(len(self.inputs))
        known = dict(zip(self.inputs, builder.inputs, strict=True))
        for output in self.outputs:
            self._visit(output, builder, known)
        literals = [known[name] for name in self.outputs]
        return builder.build(literals, self.inputs, self.outputs)

    def _visit(self, root: str, builder: AigBuilder, known: dict[str, int]) -> None:
        path, entered = [root], set()
        while path:
            name = path[-1]
            if name in known:
                path.pop()
                continue
            if name not in self.sources:
                raise ModelError(f"nothing drives {name}", file=self.file)
            missing = [source for source in self.sources[name] if source not in known]
            if not missing:
                literals = [known[source] for source in self.sources[name]]
                known[name] = self.build[name](builder, literals)
            elif name in entered:
                raise ModelError(f"a combinational cycle through {name}", file=self.file)
            else:
                entered.add(name)
                path += missing


def read_blif_circuit(text: str, file: str) -> Aig:
    """Return the combinational circuit in a BLIF file: `.names` alone, in any order."""
    gates = _Gates(file)
    signals: list[str] | None = None
    cover: list[str] = []

    def finish() -> None:
        if signals is not None:
            *sources, output = signals
            gates.add(output, sources, _cover(cover, len(sources), output, file))

    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if not words[0].startswith("."):
            if signals is None:
                raise ModelError(f"{line[:40]!r} outside of a gate", file=file)
            cover.append(" ".join(words))
            continue
        finish()
        signals, cover = None, []
        if words[0] == ".names" and len(words) > 1:
            signals = words[1:]
        elif words[0] == ".inputs":
            gates.inputs += words[1:]
        elif words[0] == ".outputs":
            gates.outputs += words[1:]
        elif words[0] == ".end":
            break
        elif words[0] not in (".model", ".default_input_arrival"):
            raise ModelError(
                f"statement {words[0]}", file=file, expected="a combinational circuit of .names"
            )
    finish()
    if not gates.outputs:
        raise ModelError("has no outputs", file=file, expected="a BLIF model")
    return gates.aig()


def _cover(rows: Sequence[str], inputs: int, output: str, file: str) -> Build:
    """Return what builds the gate of a cover, rows of `pattern value`."""
    patterns, values = [], set()
    for row in rows:
        pattern, value = row[:-1].replace(" ", ""), row[-1]
        if len(pattern) != inputs or pattern.strip("01-") or value not in "01":
            raise ModelError(f"cover row {row[:40]!r}", file=file, place=output)
        patterns.append(pattern)
        values.add(value)
    if len(values) > 1:
        raise ModelError("a cover with both on- and off-set", file=file, place=output)
    flip = int("0" in values)

    def build(builder: AigBuilder, sources: list[int]) -> int:
        if inputs <= 6:
            return builder.decide(_cover_table(patterns, inputs), sources) ^ flip
        return builder.any_of(builder.cube(pattern, sources) for pattern in patterns) ^ flip

    return build


def _cover_table(patterns: Sequence[str], inputs: int) -> int:
    """Return the truth table of a few cubes of at most six inputs."""
    table = 0
    for address in range(1 << inputs):
        for pattern in patterns:
            if all(c in ("-", "01"[address >> j & 1]) for j, c in enumerate(pattern)):
                table |= 1 << address
                break
    return table


def _gate(invert: int, combine: Callable[[AigBuilder, list[int]], int]) -> Build:
    return lambda builder, sources: combine(builder, sources) ^ invert


def _parity(builder: AigBuilder, sources: list[int]) -> int:
    result = sources[0]
    for source in sources[1:]:
        result = builder.xor(result, source)
    return result


_BENCH: Mapping[str, Build] = {
    "and": _gate(0, AigBuilder.all_of),
    "nand": _gate(1, AigBuilder.all_of),
    "or": _gate(0, AigBuilder.any_of),
    "nor": _gate(1, AigBuilder.any_of),
    "xor": _gate(0, _parity),
    "xnor": _gate(1, _parity),
    "not": _gate(1, AigBuilder.all_of),
    "inv": _gate(1, AigBuilder.all_of),
    "buf": _gate(0, AigBuilder.all_of),
    "buff": _gate(0, AigBuilder.all_of),
}


def read_bench(text: str, file: str) -> Aig:
    """Return the combinational circuit in an ISCAS `.bench` file (with ABC's `LUT 0x...` too)."""
    gates = _Gates(file)
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        place = f"line {number}"
        if not line:
            continue
        if match := _BENCH_PORT.fullmatch(line):
            (gates.inputs if match[1].upper() == "INPUT" else gates.outputs).append(match[2])
        elif match := _BENCH_CONSTANT.fullmatch(line):
            gates.add(match[1], (), _constant(int(match[2].lower() == "vdd")))
        elif match := _BENCH_GATE.fullmatch(line):
            sources = [name.strip() for name in match[4].split(",") if name.strip()]
            gates.add(
                match[1], sources, _bench_gate(match[2].lower(), match[3], sources, place, file)
            )
        else:
            raise ModelError(f"{line[:40]!r}", file=file, place=place, expected="a gate or a port")
    if not gates.outputs:
        raise ModelError("has no outputs", file=file, expected="a bench circuit")
    return gates.aig()


def _constant(value: int) -> Build:
    return lambda _builder, _sources: value


def _bench_gate(
    kind: str, table: str | None, sources: Sequence[str], place: str, file: str
) -> Build:
    if kind == "lut" and table is not None and len(sources) <= _MAX_TABLE_INPUTS:
        bits = int(table, 16) if len(table) <= 2 + (1 << _MAX_TABLE_INPUTS) // 4 else -1
        if not 0 <= bits < 1 << (1 << len(sources)):
            raise ModelError(f"table of {len(sources)} inputs", file=file, place=place)
        return lambda builder, literals: builder.decide(bits, literals)
    single = kind in ("not", "inv", "buf", "buff")
    if kind not in _BENCH or table is not None or not sources or (single and len(sources) > 1):
        raise ModelError(
            f"gate {kind} of {len(sources)} inputs",
            file=file,
            place=place,
            expected=f"a combinational one: {' '.join(_BENCH)} lut",
        )
    return _BENCH[kind]

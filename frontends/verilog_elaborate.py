"""From modules of structural Verilog to nets and gates: parameters, instances, expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gatec import limits
from gatec.errors import ModelError
from gatec.frontends.net_list import TABLES, Nets
from gatec.frontends.verilog_text import Item, ModuleText
from gatec.frontends.verilog_words import MAX_BITS, Expression
from gatec.netlist import Netlist

_MAX_DEPTH = 30
# At 40 us each.
_MAX_INSTANCES = 200_000
_MAX_SELECTOR = 16


@dataclass(eq=False)
class _Scope:
    """An instance: its nets, lowest bit first, with the number of that bit, and its constants."""

    module: ModuleText
    path: str
    nets: dict[str, tuple[range, int]] = field(default_factory=dict)
    directions: dict[str, str] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)


class Elaboration:
    """Builds a top module with all that it uses."""

    def __init__(self, modules: dict[str, ModuleText], file: str) -> None:
        self._modules, self._file = modules, file
        self._nets = Nets(file)
        self._instances = 0
        self._timing: set[int] = set()
        self._line, self._module_file = 0, file

    def top(self, module: ModuleText, unused: Sequence[str]) -> tuple[Netlist, int, list[str]]:
        """Return the circuit, its registers on each path, and the inputs that are no data.

        Those are clocks and resets, and inputs under one of the names `unused` that nothing reads.
        """
        scope = self._build(module, module.name, {}, 0)
        inputs: list[int] = []
        outputs: list[int] = []
        left_out: list[str] = []
        found = {n: scope.nets[n][0] for n in module.ports if n in scope.nets}
        sides = {name: scope.directions.get(name) for name in module.ports}
        known = {net: 0 for name, nets in found.items() if sides[name] == "input" for net in nets}
        timing = {self._nets.source(net, known)[0] for net in self._timing}
        for name in module.ports:
            if sides[name] not in ("input", "output"):
                raise ModelError(f"port {name[:60]} has no direction", file=self._file)
            if sides[name] == "output":
                outputs += found[name]
            elif timing & set(found[name]) or (name in unused and not self._is_read(found[name])):
                left_out.append(name)
            else:
                inputs += found[name]
        stray = timing - known.keys() - {0, 1}
        if stray:
            what = f"clock or reset {self._nets.name(min(stray))} comes out of the circuit"
            raise ModelError(what, file=self._file, expected="an input")
        net, delay = self._nets.netlist(inputs, outputs)
        return net, delay, left_out

    def _is_read(self, nets: range) -> bool:
        return any(self._nets.reads(net) for net in nets)

    def _error(self, what: str, expected: str | None = None) -> ModelError:
        place = f"line {self._line}"
        return ModelError(what, file=self._module_file, place=place, expected=expected)

    def _build(self, module: ModuleText, path: str, given: dict[str, int], depth: int) -> _Scope:
        """Return an instance of a module with what is in it."""
        self._instances += 1
        limits.check_limit(self._instances, _MAX_INSTANCES, "instances", file=self._file)
        if depth > _MAX_DEPTH:
            raise ModelError(f"instances nested beyond {_MAX_DEPTH}", file=self._file,
                             place=path[:80])  # fmt: skip
        scope = _Scope(module, path)
        self._module_file = module.file
        for item in module.items:
            self._line = item.line
            if item.kind == "constant":
                kind, name, value = item.values
                chosen = given.get(name) if kind == "parameter" else None
                scope.constants[name] = self._whole(value, scope) if chosen is None else chosen
            elif item.kind == "net":
                self._declare(item, scope)
        for item in module.items:
            self._line, self._module_file = item.line, module.file
            if item.kind == "instance":
                self._instance(item, scope, depth)
            elif item.kind not in ("constant", "net"):
                getattr(self, f"_{item.kind}")(item, scope)
        return scope

    def _declare(self, item: Item, scope: _Scope) -> None:
        direction, name, bounds = item.values
        low, width = 0, 1
        if bounds is not None:
            high, low = (self._whole(part, scope) for part in bounds)
            width = high - low + 1
            if width < 1 or width > MAX_BITS or low < 0:
                raise self._error(f"range [{high}:{low}]"[:60], f"[N:0] of up to {MAX_BITS} bits")
        if name in scope.nets:
            # `output y; reg y;` says two things of one net.
            again = len(scope.nets[name][0]) == width or bounds is None
            if not again or (direction in ("input", "output") and name in scope.directions):
                raise self._error(f"{name[:60]} is declared twice")
        else:
            scope.nets[name] = (self._nets.declare(f"{scope.path}.{name}"[-70:], width), low)
        if direction in ("input", "output"):
            scope.directions[name] = direction

    def _whole(self, value: Expression, scope: _Scope) -> int:
        """Return the number that a constant expression is."""
        kind = value[0]
        if kind == "number":
            return int(value[2])
        if kind == "name" and value[1] in scope.constants:
            return scope.constants[value[1]]
        if kind == "binary" and value[1] in ("+", "-", "*", "/"):
            total, *rest = (self._whole(part, scope) for part in value[2])
            for part in rest:
                if value[1] == "/" and part == 0:
                    raise self._error("a division by 0")
                total = {"+": total + part, "-": total - part, "*": total * part,
                         "/": total // (part or 1)}[value[1]]  # fmt: skip
            if abs(total) > 1 << 40:
                raise self._error("a constant beyond 40 bits")
            return total
        raise self._error("no constant", "numbers, parameters, + - * /")

    def _bits(self, value: Expression, scope: _Scope, width: int | None = None) -> list[int]:
        """Return the nets of an expression, lowest bit first.

        Parameters
        ----------
        width
            What a number without a width is to have; a value of another width is an error.
        """
        found = self._any(value, scope, width)
        if width is not None and len(found) != width:
            raise self._error(f"a value of {len(found)} bits", f"{width}")
        return found

    def _any(self, value: Expression, scope: _Scope, width: int | None) -> list[int]:
        kind = value[0]
        if kind == "number" or (kind == "name" and value[1] in scope.constants):
            number, size = self._whole(value, scope), value[1] if kind == "number" else None
            size = size or width
            if size is None or number < 0 or number >> size:
                raise self._error("a number without a width", "such as 1'b0")
            return [number >> bit & 1 for bit in range(size)]
        if kind in ("name", "select"):
            return self._selected(value, scope)
        if kind == "join":
            return [bit for part in reversed(value[1]) for bit in self._bits(part, scope)]
        if kind == "repeat":
            count, bits = self._whole(value[1], scope), self._bits(value[2], scope)
            if not 0 < count * len(bits) <= MAX_BITS:
                raise self._error(f"{count} repetitions"[:60])
            return bits * count
        if kind == "choose":
            select = self._truth(value[1], scope)
            one, other = self._alike(value[2:], scope, width)
            return [self._nets.choose(select, a, b) for a, b in zip(one, other, strict=True)]
        return self._unary(value, scope, width) if kind == "unary" else self._binary(
            value, scope, width)  # fmt: skip

    def _selected(self, value: Expression, scope: _Scope) -> list[int]:
        name = value[1]
        if name not in scope.nets:
            raise self._error(f"{name[:60]} is not declared")
        nets, low = scope.nets[name]
        if value[0] == "name":
            return list(nets)
        high = self._whole(value[2], scope)
        bottom = high if value[3] is None else self._whole(value[3], scope)
        if not low <= bottom <= high < low + len(nets):
            raise self._error(f"{name[:60]}[{high}:{bottom}]"[:90], f"bits {low} to "
                              f"{low + len(nets) - 1}")  # fmt: skip
        return list(nets[bottom - low : high - low + 1])

    def _truth(self, value: Expression, scope: _Scope) -> int:
        """Return whether any bit of a value is 1."""
        return self._nets.reduce("|", self._bits(value, scope))

    def _alike(
        self, parts: Sequence[Expression], scope: _Scope, width: int | None
    ) -> list[list[int]]:
        """Return values that must have one width; numbers without one take the others'."""
        if width is None:
            sized = [part for part in parts if not self._is_plain(part, scope)]
            width = len(self._bits(sized[0], scope)) if sized else None
        return [self._bits(part, scope, width) for part in parts]

    def _is_plain(self, value: Expression, scope: _Scope) -> bool:
        if value[0] == "number":
            return value[1] is None
        return value[0] == "name" and value[1] in scope.constants

    def _unary(self, value: Expression, scope: _Scope, width: int | None) -> list[int]:
        op, part = value[1:]
        if op == "~":
            return [self._nets.invert(bit) for bit in self._bits(part, scope, width)]
        if op == "!":
            return [self._nets.invert(self._truth(part, scope))]
        if op == "-":
            raise self._error("arithmetic on nets", "logic")
        found = self._nets.reduce(op.strip("~") or "^", self._bits(part, scope))
        return [self._nets.invert(found) if "~" in op else found]

    def _binary(self, value: Expression, scope: _Scope, width: int | None) -> list[int]:
        op, parts = value[1:]
        if op in ("&&", "||"):
            return [self._nets.reduce(op[0], [self._truth(part, scope) for part in parts])]
        if op in ("==", "!="):
            if len(parts) != 2:
                raise self._error(f"a chain of {op}")
            one, other = self._alike(parts, scope, None)
            unlike = self._nets.reduce(
                "|", [self._nets.both("^", *p) for p in zip(one, other, strict=True)]
            )
            return [unlike if op == "!=" else self._nets.invert(unlike)]
        plain = "^" if "~" in op else op
        if plain not in TABLES:
            raise self._error(f"arithmetic on nets ({op})", "logic")
        found, *rest = self._alike(parts, scope, width)
        for bits in rest:
            found = [self._nets.both(plain, a, b) for a, b in zip(found, bits, strict=True)]
            if "~" in op:
                found = [self._nets.invert(bit) for bit in found]
        return found

    def _targets(self, value: Expression, scope: _Scope) -> list[int]:
        """Return the nets that an assignment drives, lowest bit first."""
        if value[0] == "join":
            return [net for part in reversed(value[1]) for net in self._targets(part, scope)]
        if value[0] not in ("name", "select") or value[1] in scope.constants:
            raise self._error("cannot be assigned")
        if scope.directions.get(value[1]) == "input":
            raise self._error(f"{value[1][:60]} is an input and assigned")
        return self._selected(value, scope)

    def _join(self, targets: Sequence[int], sources: Sequence[int], *, later: bool = False) -> None:
        if len(targets) != len(sources):
            raise self._error(f"{len(sources)} bits for {len(targets)}")
        for target, source in zip(targets, sources, strict=True):
            self._nets.join(target, source, f"line {self._line}", register=later)

    def _assign(self, item: Item, scope: _Scope) -> None:
        targets = self._targets(item.values[0], scope)
        self._join(targets, self._bits(item.values[1], scope, len(targets)))

    def _gate(self, item: Item, scope: _Scope) -> None:
        kind, parts = item.values
        if kind in ("not", "buf"):
            *ends, source = parts
            (net,) = self._bits(source, scope, 1)
            net = self._nets.invert(net) if kind == "not" else net
            for end in ends:
                self._join(self._targets(end, scope), [net])
        elif len(parts) > 1:
            inputs = [self._bits(part, scope, 1)[0] for part in parts[1:]]
            op = {"a": "&", "n": "&", "o": "|", "x": "^"}[kind[0]]
            net = self._nets.reduce("|" if kind == "nor" else op, inputs)
            net = self._nets.invert(net) if kind in ("nand", "nor", "xnor") else net
            self._join(self._targets(parts[0], scope), [net])
        if len(parts) < 2:
            raise self._error(f"{kind} of nothing")

    def _register(self, item: Item, scope: _Scope) -> None:
        edges, assignments = item.values
        for name in edges:
            self._timing.update(self._bits(("name", name), scope, 1))
        for condition, target, value in assignments:
            if condition is not None:
                self._timing.add(self._flag(condition, scope))
            targets = self._targets(target, scope)
            self._join(targets, self._bits(value, scope, len(targets)), later=True)

    def _flag(self, value: Expression, scope: _Scope) -> int:
        """Return the net of a reset, plain or complemented."""
        while value[0] == "unary" and value[1] in ("!", "~"):
            value = value[2]
        if value[0] != "name":
            raise self._error("a condition that is no reset", "if (rst) or if (!rst)")
        return self._bits(value, scope, 1)[0]

    def _table(self, item: Item, scope: _Scope) -> None:
        selector, target, rows, default = item.values
        address, targets = self._bits(selector, scope), self._targets(target, scope)
        if not 1 <= len(address) <= _MAX_SELECTOR:
            raise self._error(f"a case of {len(address)} bits", f"1 to {_MAX_SELECTOR}")
        values: list[int | None] = [None] * (1 << len(address))
        for label, value in rows:
            place = self._fitting(label, len(address), scope)
            if values[place] is None:
                values[place] = self._fitting(value, len(targets), scope)
        rest = None if default is None else self._fitting(default, len(targets), scope)
        filled = [rest if value is None else value for value in values]
        if None in filled:
            raise self._error(f"a case without {filled.count(None)} of its {len(filled)} rows",
                              "all rows, or a default")  # fmt: skip
        whole = [value for value in filled if value is not None]
        nets = [self._nets.table([v >> bit & 1 for v in whole], address)
                for bit in range(len(targets))]  # fmt: skip
        self._join(targets, nets)

    def _fitting(self, value: Expression, width: int, scope: _Scope) -> int:
        number = self._whole(value, scope)
        if (value[0] == "number" and value[1] not in (None, width)) or not 0 <= number < 1 << width:
            raise self._error("a row of another width", f"{width} bits")
        return number

    def _instance(self, item: Item, scope: _Scope, depth: int) -> None:
        kind, name, settings, connections = item.values
        module = self._modules[kind]
        names = [i.values[1] for i in module.items
                 if i.kind == "constant" and i.values[0] == "parameter"]  # fmt: skip
        given = {
            key: self._whole(value, scope)
            for key, value in self._named(settings, names, kind)
            if value is not None
        }
        inner = self._build(module, f"{scope.path}.{name}", given, depth + 1)
        self._line, self._module_file = item.line, scope.module.file
        for port, value in self._named(connections, module.ports, kind):
            nets = inner.nets.get(port, (range(0), 0))[0]
            side = inner.directions.get(port)
            if value is None:
                continue
            if side == "input":
                self._join(nets, self._bits(value, scope, len(nets)))
            elif side == "output":
                targets = self._targets(value, scope)
                self._join(targets, nets)
            else:
                raise self._error(f"port {port[:60]} of {kind[:60]} has no direction")

    def _named(
        self, given: Sequence[tuple[str | None, Expression | None]], names: Sequence[str], kind: str
    ) -> list[tuple[str, Expression | None]]:
        """Return connections by name, those by position too."""
        if len(given) > len(names) and given:
            raise self._error(f"{len(given)} connections of {kind[:60]}", f"{len(names)}")
        found = [
            (names[i] if port is None else port, value) for i, (port, value) in enumerate(given)
        ]
        chosen = [port for port, _ in found]
        wrong = next((port for port in chosen if port not in names), None)
        twice = any(a == b for a, b in pairwise(sorted(chosen)))
        if wrong is not None or twice:
            what = "twice" if wrong is None else f"{wrong[:60]}, which it has not"
            raise self._error(f"{kind[:60]} is connected at {what}")
        return found

"""Structural Verilog as a tree: modules of nets, gates, instances, tables and registers.

The subset is what tools write for netlists and what LogicNets, PolyLUT and NeuraLUT write for their
neurons. Nothing is guessed: a statement outside of it is an error with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from gatec.errors import ModelError
from gatec.frontends.verilog_words import MAX_BITS, Expression, Words

# A row of a table as generators write it, which is most of their files.
_ROW = re.compile(r"\s*([0-9]+)'b([01]+)\s*:\s*([A-Za-z_]\w*)\s*=\s*([0-9]+)'b([01]+)\s*;")
_NET = ("input", "output", "inout", "wire", "reg", "logic", "tri")
_GATES = ("and", "or", "xor", "nand", "nor", "xnor", "not", "buf")
# Words that are no name of a module.
_REFUSED = frozenset(
    ("initial", "function", "task", "generate", "genvar", "for", "while", "if", "specify",
     "defparam", "integer", "real", "time", "tri0", "tri1", "supply0", "supply1", "primitive",
     "begin", "case", "casex", "casez", "end", "endcase", "assert", "property")
)  # fmt: skip


@dataclass(eq=False)
class Item:
    """A statement of a module.

    Attributes
    ----------
    kind
        What `values` holds: `net` (direction, name, range or None), `assign` (target, value),
        `gate` (kind, connections), `instance` (module, name, parameters, connections), `table`
        (selector, target, rows, default), `register` (edges, assignments) or `constant` (keyword,
        name, value).
    line
        Where it stands.
    values
        What it says.
    """

    kind: str
    line: int
    values: tuple[Any, ...]


@dataclass(eq=False)
class ModuleText:
    """A module: its file, the names of its ports in order, and its statements."""

    name: str
    file: str
    ports: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


class Reader(Words):
    """Read all modules of a text; raise `ModelError` at the first thing that is no structure."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text, file)
        self.modules: dict[str, ModuleText] = {}
        while self.word:
            self._module()

    def _module(self) -> None:
        self.take("module", "macromodule")
        module = ModuleText(self.name(), self.file)
        if module.name in self.modules:
            raise ModelError(f"module {module.name[:60]} twice", file=self.file)
        self.modules[module.name] = module
        if self.skip("#"):
            self.take("(")
            while True:
                self.skip("parameter")
                self._constant(module, "parameter")
                if self.take(",", ")") == ")":
                    break
        if self.skip("("):
            self._ports(module)
        self.take(";")
        while not self.skip("endmodule"):
            self._item(module)

    def _ports(self, module: ModuleText) -> None:
        direction, bounds = "", None
        while not self.skip(")"):
            if self.word in ("input", "output", "inout"):
                direction, bounds = self._direction(), self._range()
            line, name = self.line, self.name()
            module.ports.append(name)
            if direction:
                module.items.append(Item("net", line, (direction, name, bounds)))
            if self.word != ")":
                self.take(",")

    def _direction(self) -> str:
        if self.word == "inout":
            raise self.error("input or output")
        direction = self.step()
        while self.skip("wire", "reg", "logic", "tri"):
            pass
        if self.word == "signed":
            raise self.error("unsigned bits")
        return direction

    def _range(self) -> tuple[Expression, Expression] | None:
        if not self.skip("["):
            return None
        high = self.expression()
        self.take(":")
        low = self.expression()
        self.take("]")
        return high, low

    def _item(self, module: ModuleText) -> None:
        line, word = self.line, self.word
        if word in _NET:
            self._nets(module)
        elif word in ("parameter", "localparam"):
            self.step()
            self._constant(module, word)
            while self.take(",", ";") == ",":
                self._constant(module, word)
        elif word == "assign":
            self.step()
            while True:
                target = self.primary()
                self.take("=")
                module.items.append(Item("assign", line, (target, self.expression())))
                if self.take(",", ";") == ";":
                    break
        elif word in _GATES:
            self._gates(module)
        elif word in ("always", "always_comb", "always_ff"):
            self._always(module)
        elif re.match(r"[A-Za-z_\\]", word) and word not in _REFUSED:
            self._instances(module)
        else:
            raise self.error("a net, assign, gate, instance or always of structural Verilog")

    def _constant(self, module: ModuleText, kind: str) -> None:
        self.skip("integer")
        self._range()
        line, name = self.line, self.name()
        self.take("=")
        module.items.append(Item("constant", line, (kind, name, self.expression())))

    def _nets(self, module: ModuleText) -> None:
        direction = self._direction()
        bounds = self._range()
        while True:
            line, name = self.line, self.name()
            module.items.append(Item("net", line, (direction, name, bounds)))
            if self.skip("="):
                value = self.expression()
                module.items.append(Item("assign", line, (("name", name), value)))
            if self.take(",", ";") == ";":
                return

    def _gates(self, module: ModuleText) -> None:
        kind = self.step()
        while True:
            line = self.line
            if self.word != "(":
                self.name()
            module.items.append(Item("gate", line, (kind, self.list_of("(", ")"))))
            if self.take(",", ";") == ";":
                return

    def _instances(self, module: ModuleText) -> None:
        kind = self.name()
        settings = self._connections() if self.skip("#") else []
        while True:
            line, name = self.line, self.name()
            module.items.append(Item("instance", line, (kind, name, settings, self._connections())))
            if self.take(",", ";") == ";":
                return

    def _connections(self) -> list[tuple[str | None, Expression | None]]:
        """Return `(port or None, what it is connected to or None)` for each."""
        self.take("(")
        found: list[tuple[str | None, Expression | None]] = []
        while not self.skip(")"):
            if self.skip("."):
                port = self.name()
                self.take("(")
                found.append((port, None if self.word == ")" else self.expression()))
                self.take(")")
            else:
                found.append((None, self.expression()))
            if self.word != ")":
                self.take(",")
        return found

    def _always(self, module: ModuleText) -> None:
        edges: list[str] = []
        if self.step() != "always_comb":
            self.take("@")
            edges = self._sensitivity()
        line = self.line
        if edges:
            module.items.append(Item("register", line, (edges, self._clocked())))
        else:
            module.items += self._combinational()

    def _sensitivity(self) -> list[str]:
        """Return the signals with an edge; none where any change counts."""
        if self.skip("*"):
            return []
        self.take("(")
        edges = []
        while not self.skip(")"):
            edge = self.skip("posedge", "negedge")
            if not self.skip("*"):
                name = self.name()
                edges += [name] if edge else []
            self.skip("or", ",")
        return edges

    def _clocked(self) -> list[tuple[Expression | None, Expression, Expression]]:
        """Return `(condition or None, target, value)` of what happens at the edge.

        The condition is that of a reset, with the value in its absence; a branch that holds
        nothing but constants is the reset's.
        """
        block = self.skip("begin")
        found: list[tuple[Expression | None, Expression, Expression]] = []
        while True:
            if self.skip("if"):
                self.take("(")
                condition = self.expression()
                self.take(")")
                one = self._nonblocking()
                self.take("else")
                found += self._without_reset(condition, one, self._nonblocking())
            else:
                found += [(None, *pair) for pair in self._nonblocking()]
            if not block or self.skip("end"):
                return found

    def _nonblocking(self) -> list[tuple[Expression, Expression]]:
        found = []
        block = self.skip("begin")
        while True:
            target = self.primary()
            self.take("<=")
            found.append((target, self.expression()))
            self.take(";")
            if not block or self.skip("end"):
                return found

    def _without_reset(
        self,
        condition: Expression,
        one: list[tuple[Expression, Expression]],
        other: list[tuple[Expression, Expression]],
    ) -> list[tuple[Expression | None, Expression, Expression]]:
        plain = [all(value[0] == "number" for _, value in branch) for branch in (one, other)]
        same = sorted(str(t) for t, _ in one) == sorted(str(t) for t, _ in other)
        if plain[0] == plain[1] or not same:
            raise self.error("an if with constants in one branch, which is the reset, before it")
        return [(condition, *pair) for pair in (other if plain[0] else one)]

    def _combinational(self) -> list[Item]:
        block = self.skip("begin")
        found = []
        while True:
            line = self.line
            if self.word == "case":
                self.step()
                found.append(Item("table", line, self._case()))
            else:
                target = self.primary()
                self.take("=")
                found.append(Item("assign", line, (target, self.expression())))
                self.take(";")
            if not block or self.skip("end"):
                return found

    def _case(self) -> tuple[Any, ...]:
        """Return the selector, the target, rows `(label, value)` of numbers, and the default."""
        self.take("(")
        selector = self.expression()
        if self.word != ")":
            raise self.error(")")
        rows: list[tuple[Expression, Expression]] = []
        target: Expression | None = None
        # The word is still that before the rows: read most of them at once.
        while (row := _ROW.match(self.text, self.place)) is not None:
            name: Expression = ("name", row[3])
            if target is not None and target != name:
                break
            target = name
            rows.append((_digits(row[1], row[2]), _digits(row[4], row[5])))
            self.place = row.end()
        self.step()
        default: Expression | None = None
        while not self.skip("endcase"):
            labels: list[Expression] = []
            if not self.skip("default"):
                labels = [self.expression()]
                while self.skip(","):
                    labels.append(self.expression())
                self.take(":")
            else:
                self.skip(":")
            block = self.skip("begin")
            assigned = self.primary()
            self.take("=")
            value = self.expression()
            self.take(";")
            if block:
                self.take("end")
            if target is not None and assigned != target:
                raise self.error("rows of one table, which set one signal, before it")
            target = assigned
            rows += [(label, value) for label in labels]
            default = default if labels else value
        if target is None:
            raise self.error("rows before endcase")
        return selector, target, rows, default


def _digits(width: str, digits: str) -> Expression:
    size = min(int(width) if len(width) < 7 else MAX_BITS, MAX_BITS)
    return ("number", size, int(digits, 2) & ((1 << size) - 1))

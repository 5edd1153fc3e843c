"""What a gate-level netlist must compute: the machine that the core's own text was proved to be.

It is made from the shell as `gatec.backends.readback.shell` reads it, word-level cells by their
meaning in `gatec.backends.readback.gates`, and from the stage bodies of the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from gatec.backends.asic.machine import CLOCK, Machine, Wiring, name_bits
from gatec.backends.core import CoreShape
from gatec.backends.readback.shell import FLIP_FLOPS, Cell, Shell
from gatec.backends.readback.shell_text import read_shell
from gatec.backends.readback.subset import Body, read_body, split_modules
from gatec.errors import DifferentError
from gatec.tables import AND2, MAJ3, MUX, OR2, VARIABLE, XOR2, XOR3

_ALL = (1 << 64) - 1
_AND, _OR, _XOR, _MUX = int(AND2), int(OR2), int(XOR2), int(MUX)
_SUM, _CARRY = int(XOR3), int(MAJ3)
_SAME, _NOT = int(VARIABLE[0]), _ALL ^ int(VARIABLE[0])
_BITWISE = {"$and": _AND, "$or": _OR, "$xor": _XOR}


def reference_machine(text: str, shape: CoreShape) -> Machine:
    """Return the machine that the text of a core is.

    Raises `DifferentError` when the text is not a core of that shape, see `read_shell`.
    """
    modules = split_modules(text)
    bodies = {name: read_body(name, body) for name, body in modules.items() if name != shape.top}
    widths = {name: (body.inputs, len(body.outputs)) for name, body in bodies.items()}
    return _Reader(read_shell(shape.top, modules[shape.top], widths), bodies).machine(shape.top)


class _Reader:
    def __init__(self, shell: Shell, bodies: Mapping[str, Body]) -> None:
        self.shell, self.bodies = shell, bodies
        self.wiring = Wiring()
        self.free = count(2 + max([0, *(bit for bits in shell.names.values() for bit in bits)]))

    def machine(self, top: str) -> Machine:
        registers: dict[int, int] = {}
        for cell in self.shell.cells:
            if cell.kind in FLIP_FLOPS:
                registers |= self._registers(cell)
            elif cell.kind in self.bodies:
                body = self.bodies[cell.kind]
                inner = next(self.free)
                stop = self.wiring.add_body(body, cell.pins["i"], cell.pins["o"], inner)
                self.free = count(stop + 1)
            else:
                self._logic(cell)
        names = name_bits(self.shell.names, registers)
        if names.keys() != registers.keys():
            raise DifferentError("a register without a name", place=f"module {top}")
        ways: dict[str, dict[str, Sequence[int]]] = {"input": {}, "output": {}}
        for name, (way, bits) in self.shell.ports.items():
            if name != CLOCK:
                ways[way][name] = bits
        rows = {names[q]: (q, d) for q, d in registers.items()}
        return self.wiring.machine(top, ways["input"], ways["output"], rows)

    def _gate(self, table: int, *slots: int) -> int:
        return self.wiring.add(next(self.free), table, *slots)

    def _registers(self, cell: Cell) -> dict[int, int]:
        """Return the bit that each bit of a register takes; see `FlipFlop.next_value`."""
        pins, parameters = cell.pins, cell.parameters
        found = {}
        for index, (q, d) in enumerate(zip(pins["Q"], pins["D"], strict=True)):
            clear = parameters.get("SRST_VALUE", 0) >> index & 1
            if cell.kind == "$sdffce":
                found[q] = self._choose(cell, "EN", self._choose(cell, "SRST", clear, d), q)
            else:
                found[q] = self._choose(cell, "SRST", clear, self._choose(cell, "EN", d, q))
        return found

    def _choose(self, cell: Cell, pin: str, active: int, passive: int) -> int:
        """Return `active` where the control is active, else `passive`, which alone is without."""
        if pin not in cell.pins:
            return active if pin == "EN" else passive
        low, high = (passive, active)
        if not cell.parameters[f"{pin}_POLARITY"]:
            low, high = high, low
        return self._gate(_MUX, low, high, cell.pins[pin][0])

    def _logic(self, cell: Cell) -> None:
        kind, outputs = cell.kind, cell.pins["Y"]
        a, b = self._operand(cell, "A"), self._operand(cell, "B")
        width = max(len(a), len(b)) if kind in ("$eq", "$ne") else len(outputs)
        left, right = _extend(a, width), _extend(b, width)
        if kind == "$not":
            bits = [self._gate(_NOT, bit) for bit in left]
        elif kind == "$mux":
            (select,) = cell.pins["S"]
            pairs = zip(left, right, strict=True)
            bits = [self._gate(_MUX, low, high, select) for low, high in pairs]
        elif kind in _BITWISE:
            pairs = zip(left, right, strict=True)
            bits = [self._gate(_BITWISE[kind], one, two) for one, two in pairs]
        elif kind == "$add":
            bits = self._sum(left, right)
        else:
            bits = _extend([self._condition(kind, a, b, left, right)], len(outputs))
        for out, bit in zip(outputs, bits, strict=True):
            self.wiring.add(out, _SAME, bit)

    def _operand(self, cell: Cell, pin: str) -> list[int]:
        return list(cell.pins.get(pin, []))

    def _sum(self, left: list[int], right: list[int]) -> list[int]:
        carry, bits = 0, []
        for one, two in zip(left, right, strict=True):
            bits.append(self._gate(_SUM, one, two, carry))
            carry = self._gate(_CARRY, one, two, carry)
        return bits

    def _condition(
        self, kind: str, a: list[int], b: list[int], left: list[int], right: list[int]
    ) -> int:
        """Return the one bit of a comparison or reduction."""
        if kind in ("$eq", "$ne"):
            differ = [self._gate(_XOR, one, two) for one, two in zip(left, right, strict=True)]
            found = self._all(_OR, differ, 0)
            return self._gate(_NOT, found) if kind == "$eq" else found
        if kind == "$reduce_and":
            return self._all(_AND, a, 1)
        any_a = self._all(_OR, a, 0)
        if kind == "$logic_not":
            return self._gate(_NOT, any_a)
        if kind in ("$logic_and", "$logic_or"):
            table = _AND if kind == "$logic_and" else _OR
            return self._gate(table, any_a, self._all(_OR, b, 0))
        if kind in ("$reduce_or", "$reduce_bool"):
            return any_a
        raise DifferentError(f"unexpected {kind} in the shell")

    def _all(self, table: int, bits: Sequence[int], empty: int) -> int:
        found = empty
        for bit in bits:
            found = self._gate(table, found, bit)
        return found


def _extend(bits: list[int], width: int) -> list[int]:
    return (bits + [0] * width)[:width]

"""Functions of a shell, compared with what they should be on every assignment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gatec.backends.readback.shell import FlipFlop, Shell
from gatec.bits import ALL_ONES, Words
from gatec.errors import DifferentError
from gatec.tables import VARIABLE

Values = dict[int, Words]
Function = Callable[[Values], Words]

# A counter of 16 bits and a handful of flags; 2**24 assignments take a second.
_MAX_VARIABLES = 24


class Checker:
    """Compares bits and registers of a shell, by their names in the text.

    A name only says which bit to compare with which: a wrong one makes the comparison fail.

    Parameters
    ----------
    shell
        The top module.
    top
        Its name, for messages.

    Attributes
    ----------
    cuts
        Bits that stand as free variables once their own functions are proved.

    Raises
    ------
    DifferentError
        `clk` or `rst` is missing.
    """

    def __init__(self, shell: Shell, top: str) -> None:
        self.shell = shell
        self.place = f"module {top}"
        self.cuts: set[int] = set()
        self.clk, self.rst = self.flag("clk"), self.flag("rst")

    def wire(self, name: str, width: int) -> list[int]:
        """Return the bits of a named wire."""
        bits = self.shell.names.get(name)
        if bits is None or len(bits) != width:
            raise DifferentError(
                f"{name} is {'missing' if bits is None else f'{len(bits)} bits wide'}",
                place=self.place,
                expected=f"{width} bits",
            )
        return bits

    def flag(self, name: str) -> int:
        """Return the bit of a named wire of one bit."""
        (bit,) = self.wire(name, 1)
        return bit

    def check_ports(self, widths: Mapping[str, tuple[str, int]]) -> None:
        """Raise `DifferentError` unless the ports have these directions and widths."""
        found = {name: (way, len(bits)) for name, (way, bits) in self.shell.ports.items()}
        if found != widths:
            raise DifferentError(f"ports {found}", place=self.place)

    def counter(self, name: str, count: int) -> list[int]:
        """Return the bits of a counter modulo `count`; none where there is nothing to count."""
        return self.wire(name, (count - 1).bit_length()) if count > 1 else []

    def check_clocks(self) -> None:
        """Raise `DifferentError` unless every register has the rising edge of `clk`."""
        for flip_flop in self.shell.flip_flops.values():
            cell = flip_flop.cell
            if list(cell.pins["CLK"]) != [self.clk] or cell.parameters["CLK_POLARITY"] != 1:
                raise DifferentError("a register has another clock", expected="rising clk")

    def check_starts(self, bits: Sequence[int], starts: Sequence[int] | None = None) -> None:
        """Raise `DifferentError` unless registers start at `starts`; at 0 when None."""
        for bit, start in zip(bits, starts or [0] * len(bits), strict=True):
            if self.shell.init.get(bit) != start:
                raise DifferentError(
                    f"a control register does not start at {start}", place=self.place
                )

    def next_count(self, name: str, bits: Sequence[int], count: int, step: Function) -> None:
        """Compare the next values of a counter modulo `count` that moves on with `step`."""
        for row, bit in enumerate(bits):

            def spec(values: Values, row: int = row, bit: int = bit) -> Words:
                counted = plus_one(bits, row, values) & ~is_number(bits, count - 1, values)
                return choose(step(values), counted, values[bit])

            self.next_value(f"{name}[{row}]", bit, spec)

    def next_value(self, name: str, bit: int, spec: Function, start: int = 0) -> None:
        """Compare the next value of a register with `spec`, and with `start` under reset."""
        flip_flop = self.flip_flop(name, bit)
        self.compare(
            f"the next {name}",
            flip_flop.sources(),
            flip_flop.next_value,
            lambda values: choose(values[self.rst], values[start], spec(values)),
        )

    def next_data(self, name: str, bit: int, spec: Function) -> None:
        """Compare the next value of a data register, which `rst` leaves alone."""
        flip_flop = self.flip_flop(name, bit)
        self.compare(f"the next {name}", flip_flop.sources(), flip_flop.next_value, spec)

    def flip_flop(self, name: str, bit: int) -> FlipFlop:
        """Return the flip-flop that drives `bit`."""
        if bit not in self.shell.flip_flops:
            raise DifferentError(f"{name} is no register", place=self.place)
        return self.shell.flip_flops[bit]

    def equal(self, name: str, bit: int, spec: Function, cuts: set[int]) -> None:
        """Compare the value of one bit with `spec`."""
        self.compare(name, [bit], lambda values: values[bit], spec, cuts=cuts)

    def compare(
        self,
        name: str,
        sources: Sequence[int],
        function: Function,
        spec: Function,
        *,
        cuts: set[int] | None = None,
    ) -> None:
        """Raise `DifferentError` unless `function` of `sources` is `spec` on every assignment.

        `cuts` are bits that stand as free variables: those of the class when None.
        """
        asked = _Asked()
        spec(asked)
        bits = [*sources, *asked]
        leaves = self.shell.support(bits, self.cuts if cuts is None else cuts)
        if len(leaves) > _MAX_VARIABLES:
            raise DifferentError(f"{name} depends on {len(leaves)} bits")
        values = assignments(leaves)
        for bit in bits:
            self.shell.evaluate(bit, values)
        if not np.array_equal(function(values), spec(values)):
            raise DifferentError(f"{name} is not the function that it should be", place=self.place)


class _Asked(dict[int, Words]):
    """Values that are all 0, and remember what was asked for."""

    def __missing__(self, bit: int) -> Words:
        self[bit] = np.zeros(1, dtype=np.uint64)
        return self[bit]


def assignments(bits: Sequence[int]) -> Values:
    """Return values of `bits`, one row for each, that run through all combinations."""
    words = 1 << max(0, len(bits) - 6)
    index = np.arange(words, dtype=np.uint64)
    values = {0: np.zeros(words, dtype=np.uint64), 1: np.full(words, ALL_ONES)}
    for row, bit in enumerate(bits):
        if row < 6:
            values[bit] = np.full(words, VARIABLE[row])
        else:
            values[bit] = ((index >> np.uint64(row - 6)) & np.uint64(1)) * ALL_ONES
    return values


def choose(select: Words, high: Words, low: Words) -> Words:
    """Return `high` where `select` is 1, else `low`."""
    return (high & select) | (low & ~select)


def plus_one(bits: Sequence[int], row: int, values: Values) -> Words:
    """Return one bit of the number in `bits`, plus one."""
    carry = np.full_like(values[bits[row]], ALL_ONES)
    for below in bits[:row]:
        carry = carry & values[below]
    return values[bits[row]] ^ carry


def is_number(bits: Sequence[int], number: int, values: Values) -> Words:
    """Return whether `bits` hold `number`; always, if there are none."""
    result: Words = np.full_like(values[1], ALL_ONES)
    for row, bit in enumerate(bits):
        result = result & (values[bit] if number >> row & 1 else ~values[bit])
    return result

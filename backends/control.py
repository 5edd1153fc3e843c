"""The proof of a shell's control, function by function.

The control of a core is the state machine below. Each next-state and output function of the text is
compared with it on *every* assignment of the bits that either depends on; `advance`, `accept` and
`i_ready` are proved first and then stand as free variables, which only makes the claim stronger.

```
last_in  = beat_in == beats_in - 1          last_out = beat_out == beats_out - 1
advance  = ~o_valid | o_ready & last_out    i_ready  = ~full | advance
accept   = i_valid & i_ready                o_valid  = valid[S-1]
full'    = accept & last_in | full & ~advance
valid[k]' = advance ? (k ? valid[k-1] : full) : valid[k]
beat_in'  = accept ? (last_in ? 0 : beat_in + 1) : beat_in
beat_out' = o_valid & o_ready ? (last_out ? 0 : beat_out + 1) : beat_out
vector[k]' = accept ? (k + B < W ? vector[k+B] : i_payload[k+B-W]) : vector[k]
```

All but `vector` become 0 while `rst` is high, and are 0 at power-up. `vector` is W bits wide, a
beat has B. With several beats out, of C bits, `result` is (with zeros above its end)
`result[k]' = advance ? d[k] : o_valid & o_ready ? result[k+C] : result[k]`.

Why this machine is right: `accept` implies `~full | advance`, so a collected vector stays in
`vector` until `advance` takes it, and `full` is 1 exactly from the last of its beats until then.
`advance` moves `full`, every `valid` and every rank together, so each rank holds the vector that
its `valid` bit announces, in order. `o_valid` falls only by `advance`, which waits for the last
beat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gatec.backends.core import CoreShape
from gatec.backends.shell import FlipFlop, Shell
from gatec.bits import ALL_ONES, Words
from gatec.errors import DifferentError
from gatec.tables import VARIABLE

Values = dict[int, Words]
Function = Callable[[Values], Words]

# A counter of 16 bits and a handful of flags; 2**24 assignments take a second.
_MAX_VARIABLES = 24


class Control:
    """The control bits of a shell, by their names in the text.

    A name only says which bit to compare with which: a wrong one makes the comparison fail.

    Raises
    ------
    DifferentError
        A port or a name is missing or has another width than the shape says.
    """

    def __init__(self, shell: Shell, shape: CoreShape) -> None:
        self.shell = shell
        self.shape = shape
        self._check_ports()
        (self.clk,), (self.rst,) = self.wire("clk", 1), self.wire("rst", 1)
        (self.i_valid,), (self.i_ready,) = self.wire("i_valid", 1), self.wire("i_ready", 1)
        (self.o_valid,), (self.o_ready,) = self.wire("o_valid", 1), self.wire("o_ready", 1)
        (self.advance,), (self.accept,) = self.wire("advance", 1), self.wire("accept", 1)
        (self.full,) = self.wire("full", 1)
        self.valid = self.wire("valid", shape.num_stages)
        self.vector = self.wire("vector", shape.vector_bits)
        self.payload = self.wire("i_payload", shape.beat_bits)
        self.beat_in = self._counter("beat_in", shape.beats_in)
        self.beat_out = self._counter("beat_out", shape.beats_out)
        self.cuts = {self.advance, self.accept}

    def wire(self, name: str, width: int) -> list[int]:
        """Return the bits of a named wire."""
        bits = self.shell.names.get(name)
        if bits is None or len(bits) != width:
            raise DifferentError(
                f"{name} is {'missing' if bits is None else f'{len(bits)} bits wide'}",
                place=f"module {self.shape.top}",
                expected=f"{width} bits",
            )
        return bits

    def _counter(self, name: str, beats: int) -> list[int]:
        return self.wire(name, (beats - 1).bit_length()) if beats > 1 else []

    def _check_ports(self) -> None:
        wanted = {
            **dict.fromkeys(("clk", "rst", "i_valid", "o_ready"), ("input", 1)),
            **dict.fromkeys(("i_ready", "o_valid"), ("output", 1)),
            "i_payload": ("input", self.shape.beat_bits),
            "o_payload": ("output", self.shape.out_beat_bits),
        }
        found = {name: (way, len(bits)) for name, (way, bits) in self.shell.ports.items()}
        if found != wanted:
            raise DifferentError(f"ports {found}", place=f"module {self.shape.top}")

    def check(self) -> None:
        """Compare the whole state machine.

        Raises
        ------
        DifferentError
            A function differs, a register has another clock, or starts with another value.
        """
        self._check_clocks()
        shape = self.shape
        proved: set[int] = set()
        self.equal("advance", self.advance, self._spec_advance, proved)
        proved = {self.advance}
        self.equal("i_ready", self.i_ready, lambda v: ~v[self.full] | v[self.advance], proved)
        self.equal("accept", self.accept, self._spec_accept, proved)
        self.equal("o_valid", self.o_valid, lambda v: v[self.valid[-1]], proved)
        self._next("full", self.full, self._spec_full)
        for stage, bit in enumerate(self.valid):
            before = self.valid[stage - 1] if stage else self.full
            self._next(f"valid[{stage}]", bit, self._spec_shift(bit, before))
        self._next_count("beat_in", self.beat_in, shape.beats_in, lambda v: v[self.accept])
        self._next_count("beat_out", self.beat_out, shape.beats_out, self.spec_leave)
        for bit in (self.full, *self.valid, *self.beat_in, *self.beat_out):
            if self.shell.init.get(bit) != 0:
                raise DifferentError("a control register does not start at 0")

    def _check_clocks(self) -> None:
        for flip_flop in self.shell.flip_flops.values():
            cell = flip_flop.cell
            if list(cell.pins["CLK"]) != [self.clk] or cell.parameters["CLK_POLARITY"] != 1:
                raise DifferentError("a register has another clock", expected="rising clk")

    def _spec_advance(self, values: Values) -> Words:
        at_last = _is(self.beat_out, self.shape.beats_out - 1, values)
        return ~values[self.o_valid] | (values[self.o_ready] & at_last)

    def _spec_accept(self, values: Values) -> Words:
        return values[self.i_valid] & (~values[self.full] | values[self.advance])

    def _spec_full(self, values: Values) -> Words:
        at_last = _is(self.beat_in, self.shape.beats_in - 1, values)
        hold = values[self.full] & ~values[self.advance]
        return (values[self.accept] & at_last) | hold

    def _spec_shift(self, bit: int, before: int) -> Function:
        return lambda v: choose(v[self.advance], v[before], v[bit])

    def spec_leave(self, values: Values) -> Words:
        """Return whether an output beat leaves."""
        return values[self.o_valid] & values[self.o_ready]

    def _next_count(self, name: str, bits: Sequence[int], beats: int, step: Function) -> None:
        for row, bit in enumerate(bits):

            def spec(values: Values, row: int = row, bit: int = bit) -> Words:
                carry = np.full_like(values[bit], ALL_ONES)
                for below in bits[:row]:
                    carry = carry & values[below]
                counted = (values[bit] ^ carry) & ~_is(bits, beats - 1, values)
                return choose(step(values), counted, values[bit])

            self._next(f"{name}[{row}]", bit, spec)

    def _next(self, name: str, bit: int, spec: Function) -> None:
        """Compare the next value of a register with `spec`, and 0 under reset."""
        flip_flop = self.flip_flop(name, bit)
        self.compare(
            f"the next {name}",
            flip_flop.sources(),
            flip_flop.next_value,
            lambda values: spec(values) & ~values[self.rst],
        )

    def flip_flop(self, name: str, bit: int) -> FlipFlop:
        """Return the flip-flop that drives `bit`."""
        if bit not in self.shell.flip_flops:
            raise DifferentError(f"{name} is no register", place=f"module {self.shape.top}")
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

        `cuts` are bits that stand as free variables: `advance` and `accept` when None.
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
            raise DifferentError(
                f"{name} is not the function that it should be", place=f"module {self.shape.top}"
            )


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


def _is(bits: Sequence[int], number: int, values: Values) -> Words:
    """Return whether `bits` hold `number`; always, if there are none."""
    result: Words = np.full_like(values[1], ALL_ONES)
    for row, bit in enumerate(bits):
        result = result & (values[bit] if number >> row & 1 else ~values[bit])
    return result

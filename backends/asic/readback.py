"""The independent reader of gate-level Verilog: what a text of cell instances computes.

Functions come from the Liberty file. Of a flip-flop it is checked that it takes its data at the
rising edge of `clk` and nothing else: its clock pin is the port `clk` itself, its clear and preset
are off whatever the circuit does, and what it takes depends on connected pins and its own state
alone. Where its clock is that of a clock gate, which itself is on `clk`, it keeps its state in the
cycles for which the gate is not enabled. It shares no code with the writer.

A latch must be open while such a gated clock is high, and take what a flip-flop or another latch
shows: that changes at the rising edge of `clk` at the earliest, and is still when the latch closes,
in the middle of the cycle. So at the end of the cycle the latch has what its source has: of the
cycle before, when the gate was enabled, the source's next state. It is a register with that enable.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gatec.backends.asic.machine import CLOCK, Machine, Wiring
from gatec.backends.asic.readback_gates import SharedGating
from gatec.backends.readback.subset import check_between
from gatec.errors import DifferentError
from gatec.liberty.clock_gates import ClockGate
from gatec.liberty.functions import ALL, FunctionError, evaluate, names_in, variables
from gatec.liberty.load import Cell, Library
from gatec.liberty.stored import FlipFlop
from gatec.tables import MAX_FANIN, MUX, VARIABLE

_NAME = r"[A-Za-z_]\w*"
_PORT = re.compile(rf"  (input|output) +wire (?:\[(\d+):0\] )?({_NAME}),?")
_WIRE = re.compile(rf"  wire ({_NAME});")
_INSTANCE = re.compile(rf"  ({_NAME}) ({_NAME}) \((.*)\);")
_PIN = re.compile(rf"\.({_NAME})\(({_NAME}(?:\[\d+\])?|1'b[01])\)(?:, |$)")
_SAME = int(VARIABLE[0])
_NOT = ALL ^ _SAME
# Of names of instances that hold a register's bit: a hint which, and nothing else.
_HINT = "r_"


@dataclass(frozen=True, eq=False)
class GateText:
    """What a gate-level text was found to be.

    Attributes
    ----------
    machine
        Its logic and registers; a register that a cell holds inverted is shown upright.
    nets
        For each wire and port bit but `clk`, by its name in the text: the net of `machine.netlist`
        with its value.
    cells
        Number of instances.
    gated
        By the name of each gated clock's wire, the net of its enable.
    """

    machine: Machine
    nets: Mapping[str, int]
    cells: int
    gated: Mapping[str, int]


def read_gates(text: str, top: str, library: Library) -> GateText:
    """Read a gate-level text.

    Raises
    ------
    DifferentError
        The text is not of the subset that gatec writes, instantiates a cell that the library
        lacks or does not describe, or is not a circuit with one clock.
    """
    return _Reader(text, top, library).read()


class _Reader:
    def __init__(self, text: str, top: str, library: Library) -> None:
        self.top, self.lib = top, library
        # Nothing that is looked for is an empty line: a text that is cut off ends at one.
        self.lines = [*text.split("\n"), ""]
        self.at = 0
        self.bits: dict[str, int] = {"1'b0": 0, "1'b1": 1}
        self.next_bit = 2
        self.declared: set[str] = set()
        self.wiring = Wiring()
        self.ports: dict[str, dict[str, list[int]]] = {"input": {}, "output": {}}
        self.registers: dict[str, tuple[int, int]] = {}
        self.instances: list[tuple[Cell, str, dict[str, int]]] = []
        self.constant: dict[int, int] = {0: 0, 1: 1}
        # The enable of each gated clock, and what a register's output will show next.
        self.gated: dict[int, int] = {}
        self.following: dict[int, int] = {}
        self.sharing = SharedGating()

    def read(self) -> GateText:
        self._head()
        self._body()
        (self.clock,) = self.ports["input"].pop(CLOCK, [-1])
        for cell, _, pins in self.instances:
            if not cell.inputs and not cell.sequential:
                self._constants(cell, pins)
        for cell, name, pins in self.instances:
            if cell.clock_gate is not None:
                self._clock_gate(cell.clock_gate, name, pins)
        self._shared_gates()
        for cell, name, pins in self.instances:
            if cell.clock_gate is not None or cell.latch is not None or name in self.sharing.done:
                continue
            if cell.sequential:
                self._register(cell, name, pins)
            elif cell.inputs:
                self._gate(cell, name, pins)
        self._latches()
        if any(self.clock in slots for _, _, slots in self.wiring.gates):
            raise self._wrong("clk goes to something else than a flip-flop")
        for bit, value in self.constant.items():
            if bit > 1:
                self.wiring.add(bit, ALL * value)
        driven = {out for out, _, _ in self.wiring.gates}
        driven.update(bit for bits in self.ports["input"].values() for bit in bits)
        if driven & (self.gated.keys() | self.sharing.inverted | self.sharing.shown.keys()):
            raise self._wrong("a gated clock has another source, too")
        machine = self.wiring.machine(
            self.top, self.ports["input"], self.ports["output"], self.registers
        )
        known = self.wiring.nets
        shown = self.sharing.shown
        bits = {name: shown.get(bit, bit) for name, bit in self.bits.items()}
        nets = {name: known[bit] for name, bit in bits.items() if bit in known}
        gated = {
            name: known[self.gated[bit]] for name, bit in self.bits.items() if bit in self.gated
        }
        return GateText(machine, nets, len(self.instances), gated)

    def _wrong(self, what: str, expected: str | None = None) -> DifferentError:
        return DifferentError(
            what, place=f"gates of {self.top}, line {self.at + 1}", expected=expected
        )

    def _new(self, name: str) -> int:
        """Number a bit; those without a wire have names that no wire can have."""
        assert name not in self.bits
        self.bits[name] = self.next_bit
        self.next_bit += 1
        return self.next_bit - 1

    def _declare(self, name: str) -> str:
        """Take the name of a port, wire or instance, which all are of one kind in Verilog."""
        if name in self.declared:
            raise self._wrong(f"{name} is declared twice")
        self.declared.add(name)
        return name

    def _head(self) -> None:
        while self.at < len(self.lines) and not self.lines[self.at].startswith("module "):
            check_between(self.lines[self.at])
            self.at += 1
        if self.at == len(self.lines) or self.lines[self.at] != f"module {self.top} (":
            raise self._wrong("unexpected text", f"module {self.top}")
        self.at += 1
        while self.lines[self.at] != ");":
            match = _PORT.fullmatch(self.lines[self.at])
            if match is None:
                raise self._wrong(f"unexpected text {self.lines[self.at][:60]!r}", "a port")
            way, high, name = match.groups()
            self._declare(name)
            bits = [name] if high is None else [f"{name}[{k}]" for k in range(int(high) + 1)]
            self.ports[way][name] = [self._new(bit) for bit in bits]
            self.at += 1
        self.at += 1

    def _body(self) -> None:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            wire = _WIRE.fullmatch(line)
            if wire is not None:
                self._new(self._declare(wire[1]))
            elif line == "endmodule":
                break
            else:
                self._instance(line)
            self.at += 1
        if "".join(self.lines[self.at :]) != "endmodule":
            raise self._wrong("unexpected text behind the module", "endmodule, once")

    def _instance(self, line: str) -> None:
        match = _INSTANCE.fullmatch(line)
        if match is None:
            raise self._wrong(f"unexpected text {line[:60]!r}", "an instance of a cell")
        cell = self.lib.cells.get(match[1])
        if cell is None:
            raise self._wrong(f"instance of {match[1]}", f"a cell of {self.lib.name}")
        pins: dict[str, int] = {}
        at = 0
        for pin in _PIN.finditer(match[3]):
            if pin.start() != at or pin[1] in pins or pin[2] not in self.bits:
                break
            pins[pin[1]] = self.bits[pin[2]]
            at = pin.end()
        # What a pin that is both does to its wire, no function says.
        known = {*cell.inputs, *cell.outputs}
        if at != len(match[3]) or not set(cell.inputs) <= set(pins) <= known:
            raise self._wrong(f"pins of {match[2]}", f"all inputs of {cell.name}, each once")
        self._declare(match[2])
        self.instances.append((cell, match[2], pins))

    def _constants(self, cell: Cell, pins: Mapping[str, int]) -> None:
        for output in cell.outputs:
            if output in pins:
                bit = pins[output]
                if bit in self.constant or output not in cell.tables:
                    raise self._wrong(f"{cell.name} is no source of a constant")
                self.constant[bit] = cell.tables[output] & 1

    def _gate(self, cell: Cell, name: str, pins: Mapping[str, int]) -> None:
        slots = [pins[pin] for pin in cell.inputs]
        for output in cell.outputs:
            if output in pins:
                if output not in cell.tables:
                    raise self._wrong(f"{name}: {cell.name} has no function at {output}")
                self.wiring.add(pins[output], cell.tables[output], *slots)

    def _clock_gate(self, gate: ClockGate, name: str, pins: Mapping[str, int]) -> None:
        """Note a gated clock; it has no value, so that only clock pins can read it."""
        if pins[gate.clock] != self.clock or gate.output not in pins:
            raise self._wrong(f"{name} does not gate clk")
        if pins[gate.output] in (self.clock, *self.gated):
            raise self._wrong(f"{name}: its clock has another source, too")
        self.gated[pins[gate.output]] = pins[gate.enable]

    def _shared_gates(self) -> None:
        """Note the clocks that are gated behind latches that are open while clk is low."""
        sharing = self.sharing
        sharing.invert(self.instances, self.clock)
        for cell, name, pins in self.instances:
            latch = cell.latch
            if latch is None or not sharing.inverted & {pins[pin] for pin in cell.inputs}:
                continue
            try:
                self._clock_of(latch, name, pins, sharing.inverted)
                inverted = self._check_control(latch, name, pins)
                table, slots = self._next(latch, pins)
            except FunctionError as error:
                raise self._wrong(f"{name}: function {error}") from None
            if None in slots:
                raise self._wrong(f"{name} takes its own state")
            taken = self._new(f"what {name} takes")
            self.wiring.add(taken, table ^ (ALL * inverted), *(s for s in slots if s is not None))
            for output, shown in self._shows(latch, cell, name, pins, inverted=inverted):
                through = self._new(f"what {name} takes, at {output}")
                sharing.shown[pins[output]] = self.wiring.add(through, shown, taken)
            sharing.done.add(name)
        wrong = sharing.follow(self.instances, self.constant, self.wiring, self._new)
        if wrong is not None:
            raise self._wrong(wrong)
        if sharing.gated.keys() & (self.gated.keys() | sharing.inverted | {self.clock}):
            raise self._wrong("a gated clock has another source, too")
        self.gated |= sharing.gated

    def _latches(self) -> None:
        """Add the latches, each behind what it takes."""
        waiting = [row for row in self.instances if row[0].latch is not None]
        waiting = [row for row in waiting if row[1] not in self.sharing.done]
        while waiting:
            known = self.following.keys() | self.constant.keys()
            ready = [(c, name, pins) for c, name, pins in waiting if _data(c, pins) <= known]
            if not ready:
                raise self._wrong(f"{waiting[0][1]} takes what no register shows")
            for cell, name, pins in ready:
                self._register(cell, name, pins)
            names = {name for _, name, _ in ready}
            waiting = [row for row in waiting if row[1] not in names]

    def _register(self, cell: Cell, name: str, pins: Mapping[str, int]) -> None:
        """Add a flip-flop or latch: its state, what it takes, and what it shows."""
        flip_flop = cell.flip_flop or cell.latch
        if flip_flop is None:
            raise self._wrong(f"{name}: {cell.name} is no flip-flop that can be checked")
        try:
            enable = self.gated.get(self._clock_of(flip_flop, name, pins, self.gated.keys()))
            inverted = self._check_control(flip_flop, name, pins)
            taken, slots = self._next(flip_flop, pins)
            if cell.latch is not None and enable is None:
                raise self._wrong(f"{name} is open without a clock gate")
        except FunctionError as error:
            raise self._wrong(f"{name}: function {error}") from None
        # The state as the circuit's register has it: upright.
        state = self._new(f"state of {name}")
        taken_bit = self._new(f"next state of {name}")
        if inverted:
            taken ^= ALL
        if cell.latch is not None:
            slots = [None if s is None else self.following.get(s, s) for s in slots]
        self.wiring.add(taken_bit, taken, *(state if s is None else s for s in slots))
        if enable is not None:
            kept = self._new(f"next or present state of {name}")
            taken_bit = self.wiring.add(kept, int(MUX), state, taken_bit, enable)
        self.registers[name.removeprefix(_HINT)] = (state, taken_bit)
        for output, shown in self._shows(flip_flop, cell, name, pins, inverted=inverted):
            self.wiring.add(pins[output], shown, state)
            following = self._new(f"next {output} of {name}")
            self.following[pins[output]] = self.wiring.add(following, shown, taken_bit)

    def _shows(
        self, stored: FlipFlop, cell: Cell, name: str, pins: Mapping[str, int], *, inverted: bool
    ) -> list[tuple[str, int]]:
        """Return the connected outputs, each with the table over the upright state."""
        values = {stored.state: _SAME, stored.inverse: _NOT}
        if inverted:
            values = {stored.state: _NOT, stored.inverse: _SAME}
        found = []
        for output in cell.outputs:
            if output in pins:
                pin = cell.pins[output]
                function = None if pin.three_state else pin.function
                if function is None or not set(names_in(function)) <= set(values):
                    raise self._wrong(f"{name}: {output} shows more than its state")
                found.append((output, evaluate(function, values)))
        return found

    def _clock_of(
        self, flip_flop: FlipFlop, name: str, pins: Mapping[str, int], more: Collection[int]
    ) -> int:
        """Return the clock at whose rising edge it takes its data: `clk`, or another."""
        clocks = names_in(flip_flop.clocked_on)
        rising = len(clocks) == 1 and evaluate(flip_flop.clocked_on, {clocks[0]: _SAME}) == _SAME
        if not rising or pins.get(clocks[0]) not in (self.clock, *more):
            raise self._wrong(f"{name} does not take its data at the rising edge of clk")
        return pins[clocks[0]]

    def _check_control(self, flip_flop: FlipFlop, name: str, pins: Mapping[str, int]) -> bool:
        """Check clear and preset; return whether the state is the data's complement."""
        for text in (flip_flop.clear, flip_flop.preset):
            if text is not None:
                values = {pin: ALL * self._fixed(pins.get(pin)) for pin in names_in(text)}
                if evaluate(text, values):
                    raise self._wrong(f"{name} is cleared or preset", "both off")
        free = [p for p in names_in(flip_flop.next_state) if pins.get(p) not in self.constant]
        values = {
            pin: ALL * self.constant[pins[pin]]
            for pin in names_in(flip_flop.next_state)
            if pins.get(pin) in self.constant
        }
        if len(free) != 1 or free[0] not in pins:
            return False
        return evaluate(flip_flop.next_state, values | {free[0]: _SAME}) == _NOT

    def _fixed(self, bit: int | None) -> int:
        if bit is None or bit not in self.constant:
            raise self._wrong("a clear or preset that is not tied off")
        return self.constant[bit]

    def _next(self, flip_flop: FlipFlop, pins: Mapping[str, int]) -> tuple[int, list[int | None]]:
        """Return the table of what a flip-flop takes, and its slots; None is its own state."""
        names = tuple(names_in(flip_flop.next_state))
        own = (flip_flop.state, flip_flop.inverse)
        read = tuple(name for name in names if name not in own)
        if len(read) >= MAX_FANIN or any(name not in pins for name in read):
            raise FunctionError(f"{flip_flop.next_state!r} reads a pin that is not connected")
        values = variables((*read, flip_flop.state))
        values[flip_flop.inverse] = ALL ^ values[flip_flop.state]
        table = evaluate(flip_flop.next_state, values)
        return table, [*(pins[name] for name in read), *([None] if len(read) < len(names) else [])]


def _data(cell: Cell, pins: Mapping[str, int]) -> set[int]:
    """Return the bits that a latch takes its data from; none that is connected for its own."""
    assert cell.latch is not None
    return {pins.get(name, -1) for name in names_in(cell.latch.next_state)}

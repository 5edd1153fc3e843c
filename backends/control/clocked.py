"""The proof of a clocked core's shell, function by function.

```
last_in    = beat_in == beats_in - 1
at_last    = position == steps - 1, or `last` where the number of steps is open
head_valid = full & (every_step | at_last)
take       = full & (~(every_step | at_last) | head_ready)
free       = from_input ? take & at_last : take
i_ready    = ~full | free                         accept = i_valid & i_ready
full'      = accept & last_in | full & ~free
beat_in'   = accept ? (last_in ? 0 : beat_in + 1) : beat_in
position'  = take ? (at_last ? 0 : position + 1) : position
last'      = accept ? i_last : last
state[k]'  = take ? (at_last ? init[k] : next_state[k]) : state[k]
vector[k]' = accept ? (k + B < W ? vector[k+B] : i_payload[k+B-W]) : vector[k]
```

Where the first state is the input there is no `state`; `vector[k]'` is then, for the bits of the
state, `next_state[k]` in a cycle with `take` and without `accept`. At power-up and while `rst` is
high `state` becomes `init`, and all but `vector` become 0. The step reads `vector` (as wide as a
step's inputs) and then `state`; what it puts out is first what the head takes as `i_payload`, then
`next_state`. The head has the same `clk` and `rst`, and its output stream is that of the core.

Why this machine is right, by induction over the steps: `full` is 1 exactly from the last beat of a
step until `free`, and `vector` stays as it was collected for so long, since `accept` implies
`~full | free`. So in a cycle with `take`, the step reads its own inputs, and the state that the
step before it left, or `init` after the last step of a sequence, or a reset. An answered step is
taken in the very cycle in which the head accepts what leaves it; any other step presents nothing to
the head. So the head gets what leaves the answered steps, each once and in order. Where the first
state is the input, `full` stays until the last step is taken, and no beat comes in before that.
"""

from __future__ import annotations

import numpy as np

from gatec.backends.clocked_core import ClockedShape
from gatec.backends.control.checker import Checker, Values, choose, is_number
from gatec.backends.control.stall import stream_ports
from gatec.backends.readback.shell import Cell, Shell
from gatec.bits import ALL_ONES, Words
from gatec.errors import DifferentError


class ClockedControl(Checker):
    """The bits of a clocked core's shell, by their names in the text.

    Raises
    ------
    DifferentError
        A port, a name or an instance is missing or has another width than the shape says.
    """

    def __init__(self, shell: Shell, shape: ClockedShape) -> None:
        super().__init__(shell, shape.top)
        self.shape = shape
        ports = stream_ports(shape)
        self.check_ports(ports | ({"i_last": ("input", 1)} if shape.steps is None else {}))
        names = ("i_valid", "i_ready", "full", "take", "accept", "at_last")
        (self.i_valid, self.i_ready, self.full, self.take, self.accept, self.at_last) = (
            self.wire(name, 1)[0] for name in names
        )
        self.vector = self.wire("vector", shape.vector_bits)
        self.payload = self.wire("i_payload", shape.beat_bits)
        self.beat_in = self.counter("beat_in", shape.beats_in)
        self.step = self._instance(shape.step_name, i=shape.step_inputs,
                                   o=shape.leaving_bits + shape.state_bits)  # fmt: skip
        self.head = self._instance(
            shape.head.top, **{name: width for name, (_, width) in stream_ports(shape.head).items()}
        )
        (self.head_ready,) = self.head["i_ready"]
        self.next_state = self.step["o"][shape.leaving_bits :]
        self.position = [] if shape.steps is None else self.counter("position", shape.steps)
        self.state = [] if shape.from_input else self.wire("state", shape.state_bits)

    def _instance(self, kind: str, **widths: int) -> dict[str, list[int]]:
        """Return the pins of the one instance of a module."""
        found = [cell for cell in self.shell.cells if cell.kind == kind]
        if len(found) != 1 or _widths(found[0]) != widths:
            raise DifferentError(f"{len(found)} instances of {kind}", place=self.place,
                                 expected="one, of the stated widths")  # fmt: skip
        return {pin: list(bits) for pin, bits in found[0].pins.items()}

    def check(self) -> None:
        """Compare the whole machine.

        Raises
        ------
        DifferentError
            A function or a connection differs, a register has another clock, or starts with
            another value.
        """
        self.check_clocks()
        self._check_connections()
        shape, proved = self.shape, set[int]()
        if shape.steps is not None:
            last = shape.steps - 1
            self.equal("at_last", self.at_last, lambda v: is_number(self.position, last, v), proved)
            proved |= {self.at_last}
        (head_valid,) = self.head["i_valid"]
        self.equal("head_valid", head_valid, lambda v: v[self.full] & self._answers(v), proved)
        self.equal("take", self.take, self._spec_take, proved)
        proved |= {self.take}
        self.equal("i_ready", self.i_ready, lambda v: ~v[self.full] | self._free(v), proved)
        self.equal("accept", self.accept, self._spec_accept, proved)
        self.cuts = {self.take, self.accept}
        self.next_count("position", self.position, shape.steps or 1, lambda v: v[self.take])
        self.cuts = proved | {self.accept}
        self.next_value("full", self.full, self._spec_full)
        self.next_count("beat_in", self.beat_in, shape.beats_in, lambda v: v[self.accept])
        if shape.steps is None:
            self._check_last()
        self._check_state()
        self._check_vector()
        self.check_starts((self.full, *self.beat_in, *self.position))
        self._check_no_others()

    def _check_connections(self) -> None:
        """Check every wire between registers, step and head that carries data or is a stream's."""
        shape = self.shape
        reads = [*self.vector[: shape.input_bits], *self.state]
        wanted = [
            ("what the step reads", self.step["i"], reads),
            ("what leaves the step", self.head["i_payload"], self.step["o"][: shape.leaving_bits]),
            ("the head's clk and rst", self.head["clk"] + self.head["rst"], [self.clk, self.rst]),
            *(
                (name, self.head[name], self.wire(name, len(self.head[name])))
                for name in ("o_payload", "o_valid", "o_ready")
            ),
        ]
        for name, found, expected in wanted:
            if found != expected:
                raise DifferentError(f"{name} is connected otherwise", place=self.place)

    def _answers(self, values: Values) -> Words:
        """Return whether the step is answered."""
        every: Words = np.full_like(values[1], ALL_ONES)
        return every if self.shape.every_step else values[self.at_last]

    def _spec_take(self, values: Values) -> Words:
        return values[self.full] & (~self._answers(values) | values[self.head_ready])

    def _free(self, values: Values) -> Words:
        """Return whether `vector` may take another beat, if it is full."""
        taken = values[self.take]
        return taken & values[self.at_last] if self.shape.from_input else taken

    def _spec_accept(self, values: Values) -> Words:
        return values[self.i_valid] & (~values[self.full] | self._free(values))

    def _spec_full(self, values: Values) -> Words:
        last_in = is_number(self.beat_in, self.shape.beats_in - 1, values)
        return (values[self.accept] & last_in) | (values[self.full] & ~self._free(values))

    def _check_last(self) -> None:
        """Check the register that says whether the collected step is the last."""
        source = self.flag("i_last")
        self.next_value(
            "last", self.at_last, lambda v: choose(v[self.accept], v[source], v[self.at_last])
        )
        self.check_starts((self.at_last,))

    def _check_state(self) -> None:
        for row, bit in enumerate(self.state):
            start, after = self.shape.init[row], self.next_state[row]

            def spec(
                values: Values, bit: int = bit, start: int = start, after: int = after
            ) -> Words:
                follows = choose(values[self.at_last], values[start], values[after])
                return choose(values[self.take], follows, values[bit])

            self.next_value(f"state[{row}]", bit, spec, start)
        self.check_starts(self.state, self.shape.init if self.state else [])

    def _check_vector(self) -> None:
        shape = self.shape
        fed = [*self.vector[shape.beat_bits :], *self.payload][-shape.vector_bits :]
        if shape.beats_in == 1:
            fed = self.payload[: shape.vector_bits]
        for row, (bit, source) in enumerate(zip(self.vector, fed, strict=True)):
            # Bits beyond the state are never read: what they become by a step is of no account.
            loaded = shape.from_input and row < shape.input_bits
            after = self.next_state[row] if loaded else source

            def spec(
                values: Values, bit: int = bit, source: int = source, after: int = after
            ) -> Words:
                held = values[bit]
                if shape.from_input:
                    held = choose(values[self.take], values[after], held)
                return choose(values[self.accept], values[source], held)

            name, flip_flop = f"vector[{row}]", self.flip_flop(f"vector[{row}]", bit)
            self.compare(f"the next {name}", flip_flop.sources(), flip_flop.next_value, spec)

    def _check_no_others(self) -> None:
        """Check that there is no register beside those that were compared."""
        known = {self.full, *self.beat_in, *self.position, *self.state, *self.vector}
        others = set(self.shell.flip_flops) - known
        if others != ({self.at_last} if self.shape.steps is None else set()):
            raise DifferentError(f"{len(others)} other registers", place=self.place)


def _widths(cell: Cell) -> dict[str, int]:
    return {pin: len(bits) for pin, bits in cell.pins.items()}

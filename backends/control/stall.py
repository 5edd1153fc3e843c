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
beat has B. Where a stage Q is a sequence of P phases, the ranks in front of it move by `take`, not
by `advance`, and so do `full` and their valid bits:
```
busy     = Q ? valid[Q-1] : full            last     = phase == P-1
take     = advance & (last | ~busy)         restart  = take | ~busy
i_ready  = ~full | take                     full'    = accept & last_in | full & ~take
valid[k]' = take ? (k ? valid[k-1] : full) : valid[k], for k < Q
valid[Q]' = advance ? busy & last : valid[Q]
phase'   = restart ? 0 : last ? phase : phase + 1
state'   = restart ? start : last ? state : what stage Q computes from it
```
`state` is not reset by `rst`. Where words stay in place (`gatec.backends.words_in`), with E early
ones of N, the next vector's may come while one is held, up to word E:
```
i_ready  = ~full | take | beat_in != E      write[n]  = accept & beat_in == n
early[n]'  = write[n] ? i_payload : early[n], word by word, for n < E
vector[n]' = n < E ? (write[E] ? early[n] : vector[n]) : (write[n] ? i_payload : vector[n])
```
Then `full` implies `beat_in <= E`, and word E is written only when `take` or before `full`: what
`take` hands on is whole, and each early word waits from its own beat to that of word E.

With several beats out, of C bits, `result` is (with zeros above its
end) `result[k]' = advance ? d[k] : o_valid & o_ready ? result[k+C] : result[k]`.

Why this machine is right: `accept` implies `~full | advance`, so a collected vector stays in
`vector` until `advance` takes it, and `full` is 1 exactly from the last of its beats until then.
`advance` moves `full`, every `valid` and every rank together, so each rank holds the vector that
its `valid` bit announces, in order. `o_valid` falls only by `advance`, which waits for the last
beat.
"""

from __future__ import annotations

import numpy as np

from gatec.backends.control.checker import Checker, Function, Values, choose, is_number, plus_one
from gatec.backends.core import CoreShape, SequenceShape
from gatec.backends.readback.shell import Shell
from gatec.bits import ALL_ONES, Words


class Control(Checker):
    """The control bits of a core's shell, by their names in the text.

    Raises
    ------
    DifferentError
        A port or a name is missing or has another width than the shape says.
    """

    def __init__(self, shell: Shell, shape: CoreShape) -> None:
        super().__init__(shell, shape.top)
        self.shape = shape
        self.check_ports(stream_ports(shape))
        self.i_valid, self.i_ready = self.flag("i_valid"), self.flag("i_ready")
        self.o_valid, self.o_ready = self.flag("o_valid"), self.flag("o_ready")
        self.advance, self.accept = self.flag("advance"), self.flag("accept")
        self.full = self.flag("full")
        self.valid = self.wire("valid", shape.num_stages)
        self.vector = self.wire("vector", shape.vector_bits)
        self.payload = self.wire("i_payload", shape.beat_bits)
        self.beat_in = self.counter("beat_in", shape.beats_in)
        self.beat_out = self.counter("beat_out", shape.beats_out)
        self.cuts = {self.advance, self.accept}
        self.write, self.early = [], []
        if shape.early is not None:
            self.write = self.wire("write", shape.beats_in)
            self.early = self.wire("early", shape.early * shape.beat_bits) if shape.early else []
        self.take, self.phase, self.state = self.advance, [], []
        sequence = shape.sequence
        if sequence is not None:
            self.take, self.restart = self.flag("take"), self.flag("restart")
            self.last = self.flag("last")
            self.phase = self.wire("phase", sequence.phase_bits)
            self.state = self.wire("state", len(sequence.state))
            self.busy = self.valid[sequence.stage - 1] if sequence.stage else self.full
            self.cuts |= {self.take, self.restart, self.last}

    def check(self) -> None:
        """Compare the whole state machine.

        Raises
        ------
        DifferentError
            A function differs, a register has another clock, or starts with another value.
        """
        self.check_clocks()
        shape = self.shape
        proved: set[int] = set()
        self.equal("advance", self.advance, self._spec_advance, proved)
        proved = {self.advance}
        if shape.sequence is not None:
            self._check_sequence(shape.sequence, proved)
            proved = {self.advance, self.take}
        self.equal("i_ready", self.i_ready, self._spec_ready, proved)
        self.equal("accept", self.accept, self._spec_accept, proved)
        for number, bit in enumerate(self.write):

            def spec_write(values: Values, number: int = number) -> Words:
                return values[self.accept] & is_number(self.beat_in, number, values)

            self.equal(f"write[{number}]", bit, spec_write, {self.accept})
        self.equal("o_valid", self.o_valid, lambda v: v[self.valid[-1]], proved)
        self.next_value("full", self.full, self._spec_full)
        for stage, bit in enumerate(self.valid):
            self.next_value(f"valid[{stage}]", bit, self._spec_valid(stage))
        self.next_count("beat_in", self.beat_in, shape.beats_in, lambda v: v[self.accept])
        self.next_count("beat_out", self.beat_out, shape.beats_out, self.spec_leave)
        self.check_starts((self.full, *self.valid, *self.beat_in, *self.beat_out, *self.phase))

    def _spec_advance(self, values: Values) -> Words:
        at_last = is_number(self.beat_out, self.shape.beats_out - 1, values)
        return ~values[self.o_valid] | (values[self.o_ready] & at_last)

    def _spec_ready(self, values: Values) -> Words:
        ready = ~values[self.full] | values[self.take]
        if self.shape.early is None:
            return ready
        return ready | ~is_number(self.beat_in, self.shape.early, values)

    def _spec_accept(self, values: Values) -> Words:
        return values[self.i_valid] & self._spec_ready(values)

    def _spec_full(self, values: Values) -> Words:
        at_last = is_number(self.beat_in, self.shape.beats_in - 1, values)
        hold = values[self.full] & ~values[self.take]
        return (values[self.accept] & at_last) | hold

    def _spec_valid(self, stage: int) -> Function:
        bit, before = self.valid[stage], self.valid[stage - 1] if stage else self.full
        sequence = self.shape.sequence
        if sequence is not None and stage == sequence.stage:
            return lambda v: choose(v[self.advance], v[before] & v[self.last], v[bit])
        moves = self.enable(stage)
        return lambda v: choose(v[moves], v[before], v[bit])

    def enable(self, stage: int) -> int:
        """Return the enable of the rank behind a stage."""
        sequence = self.shape.sequence
        return self.advance if sequence is None or stage >= sequence.stage else self.take

    def _check_sequence(self, sequence: SequenceShape, proved: set[int]) -> None:
        """Compare the control of the stage that takes several cycles; extend `proved`."""
        phases = sequence.phases
        self.equal("last", self.last, lambda v: is_number(self.phase, phases - 1, v), proved)
        proved = proved | {self.last}
        self.equal(
            "take",
            self.take,
            lambda v: v[self.advance] & (v[self.last] | ~v[self.busy]),
            proved,
        )
        proved |= {self.take}
        self.equal("restart", self.restart, lambda v: v[self.take] | ~v[self.busy], proved)
        for row, bit in enumerate(self.phase):

            def spec(values: Values, row: int = row, bit: int = bit) -> Words:
                counted = choose(values[self.last], values[bit], plus_one(self.phase, row, values))
                return counted & ~values[self.restart]

            self.next_value(f"phase[{row}]", bit, spec)

    def spec_state(self, number: int, following: int) -> Function:
        """Return the next value of a bit of `state`, for which the stage computes `following`."""
        sequence, bit = self.shape.sequence, self.state[number]
        assert sequence is not None
        start = ALL_ONES * int(sequence.state[number])

        def spec(values: Values) -> Words:
            held = choose(values[self.last], values[bit], values[following])
            return choose(values[self.restart], np.full_like(held, start), held)

        return spec

    def spec_leave(self, values: Values) -> Words:
        """Return whether an output beat leaves."""
        return values[self.o_valid] & values[self.o_ready]


def stream_ports(shape: CoreShape) -> dict[str, tuple[str, int]]:
    """Return direction and width of the ports of a core."""
    return {
        **dict.fromkeys(("clk", "rst", "i_valid", "o_ready"), ("input", 1)),
        **dict.fromkeys(("i_ready", "o_valid"), ("output", 1)),
        "i_payload": ("input", shape.beat_bits),
        "o_payload": ("output", shape.out_beat_bits),
    }

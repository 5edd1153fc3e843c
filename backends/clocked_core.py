"""The shell of a clocked net: state registers around one step, and a stream core behind it.

```
i ──▶ vector ──┬──▶ step ──▶ what leaves it ──▶ head (a stream core) ──▶ o
      full     │     │
        state ─┘     └──▶ next state ──▶ state
```

`vector` collects the beats of one step's inputs. A step is taken in a cycle in which `vector` is
full and, where the step is answered, the head accepts what leaves it. `at_last` says that the step
is the last of its sequence: the state then starts anew. Where the first state is the input (a
cellular net), `vector` is the state: it collects the input, and then holds the state for as many
steps as there are.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gatec.backends.core import CoreShape, modulo


@dataclass(frozen=True)
class ClockedShape(CoreShape):
    """The widths of a clocked core: its input is that of a step, its ranks are those of the head.

    Attributes
    ----------
    init
        The state before the first step, bit 0 first.
    leaving_bits
        Bits that leave a step for the head.
    steps
        Of a sequence; None where `i_last` ends it.
    every_step
        Whether every step is answered, or the last one only.
    from_input
        Whether the state before the first step is the input.
    """

    init: tuple[int, ...]
    leaving_bits: int
    steps: int | None
    every_step: bool
    from_input: bool

    @property
    def state_bits(self) -> int:
        """Number of state bits."""
        return len(self.init)

    @property
    def step_name(self) -> str:
        """Name of the module with the step."""
        return f"{self.top}_step_stage0"

    @property
    def step_inputs(self) -> int:
        """Bits that a step reads."""
        return self.state_bits + (0 if self.from_input else self.input_bits)

    @property
    def head(self) -> CoreShape:
        """The core behind the step."""
        return CoreShape(
            f"{self.top}_head",
            self.leaving_bits,
            self.output_bits,
            self.rank_bits,
            self.leaving_bits,
            self.out_beat_bits,
        )

    @property
    def latency(self) -> int:
        """Cycles from the one that takes the last beat of what is answered to `o_valid`.

        Where the first state is the input, to the first answer.
        """
        waits = self.steps if self.from_input and not self.every_step else 1
        return (waits or 1) + self.head.latency

    @property
    def step_interval(self) -> int:
        """Cycles between steps at full speed; answers that take several beats hold steps up."""
        if self.from_input:
            return self.beats_out if self.every_step else 1
        return max(self.beats_in, self.beats_out if self.every_step else 1)

    @property
    def interval(self) -> int:
        """Cycles at most between answers at full speed, in the long run.

        Where only the last step is answered and their number is open: between steps.
        """
        if self.from_input:
            assert self.steps is not None
            whole = self.steps * self.step_interval + self.beats_in - 1
            return -(-whole // self.steps) if self.every_step else max(whole, self.beats_out)
        if self.every_step or self.steps is None:
            return self.step_interval
        return max(self.steps * self.step_interval, self.beats_out)


class ClockedCore(wiring.Component):
    """A step with its state, between two streams.

    Parameters
    ----------
    shape
        Its widths.

    Members
    -------
    i : In(stream.Signature(beat_bits))
        The inputs of the steps, bit 0 in bit 0 of the first beat.
    i_last : In(1)
        With the last beat of a step: whether it is the last of its sequence. Only where the number
        of steps is open.
    o : Out(stream.Signature(out_beat_bits))
        The answers in order.
    """

    def __init__(self, shape: ClockedShape) -> None:
        self.shape = shape
        super().__init__(
            {
                "i": In(stream.Signature(shape.beat_bits)),
                "o": Out(stream.Signature(shape.out_beat_bits)),
                **({"i_last": In(1)} if shape.steps is None else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Return the shell; step and head are instances."""
        m = Module()
        shape = self.shape
        take, accept = _wire("take"), _wire("accept")
        full, head_ready, head_valid = _wire("full"), _wire("head_ready"), _wire("head_valid")
        at_last = _wire("at_last")
        next_state = _wire("next_state", shape.state_bits)
        leaving = _wire("leaving", shape.leaving_bits)
        answers = Const(1) if shape.every_step else at_last
        free = (take & at_last) if shape.from_input else take
        last_in = modulo(m, "beat_in", shape.beats_in, accept)
        m.d.comb += [
            at_last.eq(self._at_last(m, take, accept)),
            head_valid.eq(full & answers),
            take.eq(full & (~answers | head_ready)),
            self.i.ready.eq(~full | free),
            accept.eq(self.i.valid & self.i.ready),
        ]
        m.d.sync += full.eq((accept & last_in) | (full & ~free))
        reads = self._registers(m, take, accept, at_last, next_state)
        m.submodules.step = Instance(shape.step_name, i_i=reads, o_o=Cat(leaving, next_state))
        m.submodules.head = Instance(
            shape.head.top,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_i_payload=leaving,
            i_i_valid=head_valid,
            o_i_ready=head_ready,
            o_o_payload=self.o.payload,
            o_o_valid=self.o.valid,
            i_o_ready=self.o.ready,
        )
        return m

    def _at_last(self, m: Module, take: Value, accept: Value) -> Value:
        """Return whether the step is the last of its sequence."""
        if self.shape.steps is not None:
            return modulo(m, "position", self.shape.steps, take)
        last = _wire("last")
        with m.If(accept):
            m.d.sync += last.eq(self.i_last)
        return last

    def _registers(
        self, m: Module, take: Value, accept: Value, at_last: Value, next_state: Value
    ) -> Value:
        """Make `vector` and `state`; return what the step reads."""
        shape = self.shape
        vector = Signal(shape.vector_bits, name="vector", reset_less=True, attrs={"keep": 1})
        collected = Cat(vector[shape.beat_bits :], self.i.payload)
        if shape.from_input:
            with m.If(accept | take):
                # What the last beat is too long by is of no account: the simplest will do.
                after = Cat(next_state, collected[shape.input_bits :])
                m.d.sync += vector.eq(Mux(accept, collected, after))
            return vector[: shape.input_bits]
        with m.If(accept):
            m.d.sync += vector.eq(collected)
        init = sum(bit << row for row, bit in enumerate(shape.init))
        state = Signal(shape.state_bits, name="state", init=init, attrs={"keep": 1})
        with m.If(take):
            m.d.sync += state.eq(Mux(at_last, init, next_state))
        return Cat(vector[: shape.input_bits], state)


def _wire(name: str, width: int = 1) -> Signal:
    # Kept by name for the reader of the text.
    return Signal(width, name=name, attrs={"keep": 1})

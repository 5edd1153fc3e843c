"""The sequential shell around the stage bodies, in Amaranth.

```
i ──▶ vector ──▶ stage 0 ──▶ rank0 ──▶ stage 1 ──▶ ... ──▶ stage S-1 ──▶ result ──▶ o
      full                  valid[0]                                    valid[S-1]
```

A rank may have memories beside it: they take their addresses from the stage in front and give the
stage behind what they hold there.

`vector` collects the beats of one input vector, first beat lowest; it is the input register. One
enable, `advance`, moves all ranks behind it: they stand still exactly while a finished result waits
to leave. With one beat in and one beat out the core takes a vector in every clock cycle. `result`
puts its lowest beat out first and shifts down, zeros on top.

A *sequence* is a stage that works on its vector for several cycles: `phase` counts them, and its
body computes the next `state` from phase, state and the rank in front, which stands still meanwhile
(`take` in place of `advance`). The state starts anew with each vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gatec.backends.rom import RomInstance
from gatec.backends.words_in import collect_words, may_come


@dataclass(frozen=True)
class SequenceShape:
    """A stage that works on each vector for several cycles.

    Attributes
    ----------
    stage
        Which one.
    phases
        Cycles that it takes, at least 2.
    state
        The first value of each bit of its state register, `0` or `1`, bit 0 first.
    """

    stage: int
    phases: int
    state: str

    @property
    def phase_bits(self) -> int:
        """Width of the counter of the phases."""
        return (self.phases - 1).bit_length()


@dataclass(frozen=True)
class CoreShape:
    """The widths of a core.

    Attributes
    ----------
    top
        Name of the module; its stages are `<top>_stage<k>`.
    input_bits, output_bits
        Widths of the input and of the output vector.
    rank_bits
        Width of the rank behind each stage, memories left out; the last is `output_bits`.
    beat_bits, out_beat_bits
        Widths of `i.payload` and `o.payload`.
    sequence
        The stage that takes several cycles, or None.
    early
        Words stay where they are written (`gatec.backends.words_in`), and so many of the next
        vector may come while one is held; None: beats are shifted in. Only with several beats in,
        of which there are more.
    """

    top: str
    input_bits: int
    output_bits: int
    rank_bits: tuple[int, ...]
    beat_bits: int
    out_beat_bits: int
    sequence: SequenceShape | None = field(default=None, kw_only=True)
    early: int | None = field(default=None, kw_only=True)

    @property
    def num_stages(self) -> int:
        """Number of stages."""
        return len(self.rank_bits)

    @property
    def beats_in(self) -> int:
        """Beats that carry one input vector."""
        return -(-self.input_bits // self.beat_bits)

    @property
    def beats_out(self) -> int:
        """Beats that carry one output vector."""
        return -(-self.output_bits // self.out_beat_bits)

    @property
    def latency(self) -> int:
        """Cycles from the one that takes the last input beat to the first with `o.valid`.

        With a sequence that of a vector that meets no other before it.
        """
        return 1 + self.num_stages + (0 if self.sequence is None else self.sequence.phases - 1)

    @property
    def interval(self) -> int:
        """Cycles between vectors at full speed (initiation interval), in the long run.

        Exact where one side has a single beat. Else an upper bound: each vector holds the ranks
        for `beats_out - 1` cycles, and they move at most `beats_in` times between two vectors. With
        a sequence it is what the control does, counted over some vectors.
        """
        if self.sequence is None:
            return self.beats_in + self.beats_out - 1
        return sequence_interval(self, self.sequence)

    @property
    def vector_bits(self) -> int:
        """Width of the input register: whole beats when there are several."""
        return self.input_bits if self.beats_in == 1 else self.beats_in * self.beat_bits


class StreamCore(wiring.Component):
    """A pipeline of stage modules between two streams.

    Parameters
    ----------
    shape
        Its widths.
    roms
        The memories beside its ranks.

    Members
    -------
    i : In(stream.Signature(beat_bits))
        Input vectors, bit 0 of the vector in bit 0 of the first beat.
    o : Out(stream.Signature(out_beat_bits))
        Output vectors in the same order.
    """

    def __init__(self, shape: CoreShape, roms: Sequence[RomInstance] = ()) -> None:
        self.shape = shape
        self.roms = roms
        super().__init__(
            {
                "i": In(stream.Signature(shape.beat_bits)),
                "o": Out(stream.Signature(shape.out_beat_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Return the shell; the stage bodies are instances."""
        m = Module()
        shape = self.shape
        sequence = shape.sequence
        advance = Signal(name="advance")
        accept = Signal(name="accept")
        full = Signal(name="full")
        # Kept by name for the reader of the text, also where a port has the same bits.
        valid = Signal(shape.num_stages, name="valid", attrs={"keep": 1})
        beat, at_last = counted(m, "beat_in", shape.beats_in, accept)
        self.vector = self._collector(m, accept, beat)
        complete = at_last & accept
        done = modulo(m, "beat_out", shape.beats_out, valid[-1] & self.o.ready)
        m.d.comb += [
            advance.eq(~valid[-1] | (self.o.ready & done)),
            accept.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(valid[-1]),
        ]
        before = Cat(full, valid[:-1])
        take, ready = advance, before
        if sequence is not None:
            busy = before[sequence.stage]
            take, done = self._phases(m, sequence, advance, busy)
            ready = Cat(before[: sequence.stage], busy & done, before[sequence.stage + 1 :])
        front = 0 if sequence is None else sequence.stage
        m.d.comb += self.i.ready.eq(~full | take | may_come(shape, beat))
        m.d.sync += full.eq(complete | (full & ~take))
        for enable, stages in ((take, slice(0, front)), (advance, slice(front, None))):
            with m.If(enable):
                m.d.sync += valid[stages].eq(ready[stages])
        self._pipeline(m, take, advance, valid[-1])
        return m

    def _phases(
        self, m: Module, sequence: SequenceShape, advance: Signal, busy: Value
    ) -> tuple[Signal, Signal]:
        """Count the phases; return whether what is in front moves, and whether it is the last."""
        # Kept by name, as `valid`: with an empty front, `restart` is `i_ready`.
        take, restart, last = (
            Signal(name=name, attrs={"keep": 1}) for name in ("take", "restart", "last")
        )
        phase = Signal(sequence.phase_bits, name="phase")
        m.d.comb += [
            last.eq(phase == sequence.phases - 1),
            take.eq(advance & (last | ~busy)),
            restart.eq(take | ~busy),
        ]
        state = Signal(len(sequence.state), name="state", reset_less=True)
        following = Signal(len(sequence.state), name="state_next")
        with m.If(restart):
            m.d.sync += [phase.eq(0), state.eq(Const(int(sequence.state[::-1], 2), len(state)))]
        with m.Elif(~last):
            m.d.sync += [phase.eq(phase + 1), state.eq(following)]
        self._phase, self._state, self._following = phase, state, following
        return take, last

    def _collector(self, m: Module, accept: Signal, beat: Value) -> Signal:
        """Collect accepted beats in `vector`."""
        shape = self.shape
        if shape.early is not None:
            return collect_words(m, shape, accept, beat, self.i.payload)
        vector = Signal(shape.vector_bits, name="vector", reset_less=True)
        with m.If(accept):
            m.d.sync += vector.eq(Cat(vector[shape.beat_bits :], self.i.payload))
        return vector

    def _pipeline(self, m: Module, take: Signal, advance: Signal, last: Value) -> None:
        """Chain the stages, a register rank behind each."""
        shape, sequence = self.shape, self.shape.sequence
        front = 0 if sequence is None else sequence.stage
        out = self._ranks(m, [take] * front + [advance] * (shape.num_stages - front))
        result = Signal(shape.output_bits, name="result", reset_less=True)
        if shape.beats_out == 1:
            with m.If(advance):
                m.d.sync += result.eq(out)
        else:
            with m.If(~last | self.o.ready):
                m.d.sync += result.eq(Mux(advance, out, result >> shape.out_beat_bits))
        m.d.comb += self.o.payload.eq(result[: shape.out_beat_bits])

    def _ranks(self, m: Module, enables: Sequence[ValueLike]) -> Signal:
        """Chain the stages by ranks with these enables; return what the last stage puts out."""
        shape, sequence = self.shape, self.shape.sequence
        data: Value = self.vector[: shape.input_bits]
        for number, (width, moves) in enumerate(zip(shape.rank_bits, enables, strict=True)):
            behind = {n: rom for n, rom in enumerate(self.roms) if rom.stage == number + 1}
            addresses = sum(rom.address_bits for rom in behind.values())
            out = Signal(width + addresses, name=f"stage{number}_o")
            outs: Value = out
            if sequence is not None and number == sequence.stage:
                data, outs = Cat(data, self._phase, self._state), Cat(out, self._following)
            body = Instance(f"{shape.top}_stage{number}", i_i=data, o_o=outs)
            m.submodules[f"stage{number}"] = body
            if number + 1 < shape.num_stages:
                rank = Signal(width, name=f"rank{number}", reset_less=True)
                with m.If(moves):
                    m.d.sync += rank.eq(out[:width])
                data = Cat(rank, self._memories(m, moves, behind, out[width:]))
        return out

    def _memories(
        self, m: Module, enable: ValueLike, roms: Mapping[int, RomInstance], addresses: Value
    ) -> list[Signal]:
        """Add the memories beside a rank; return their data."""
        found, at = [], 0
        for number, rom in roms.items():
            data = Signal(rom.data_bits, name=f"rom{number}_o")
            m.submodules[f"rom{number}"] = Instance(
                rom.module,
                i_clk=ClockSignal(),
                i_en=enable,
                i_i=addresses[at : at + rom.address_bits],
                o_o=data,
            )
            at += rom.address_bits
            found.append(data)
        return found


def modulo(m: Module, name: str, number: int, step: Value) -> Value:
    """Count `step`s modulo a number, in a register of that name; return whether it is at its last.

    A counter of one needs no register.
    """
    return counted(m, name, number, step)[1]


def counted(m: Module, name: str, number: int, step: Value) -> tuple[Value, Value]:
    """Do the same; return the count, too."""
    if number == 1:
        return Const(0), Const(1)
    count = Signal(range(number), name=name)
    at_last = Signal(name=f"{name}_last")
    m.d.comb += at_last.eq(count == number - 1)
    with m.If(step):
        m.d.sync += count.eq(Mux(at_last, 0, count + 1))
    return count, at_last


def sequence_interval(shape: CoreShape, sequence: SequenceShape) -> int:
    """Return the cycles between vectors at full speed: the control, run until it has settled."""
    full, phase, beat_in, beat_out = False, 0, 0, 0
    valid = [False] * shape.num_stages
    times: list[int] = []
    cycle = 0
    # Each vector waits for those before it only, so the gaps repeat once the pipeline is full.
    while len(times) < 2 * shape.num_stages + 4:
        busy = valid[sequence.stage - 1] if sequence.stage else full
        at_end, done = phase == sequence.phases - 1, beat_out == shape.beats_out - 1
        advance = done or not valid[-1]
        take = advance and (at_end or not busy)
        accept = take or not full or beat_in not in (shape.early, None)
        complete = accept and beat_in == shape.beats_in - 1
        if valid[-1] and done:
            times.append(cycle)
        beat_out = (beat_out + valid[-1]) % shape.beats_out
        beat_in = (beat_in + accept) % shape.beats_in
        before = [full, *valid[:-1]]
        before[sequence.stage] = busy and at_end
        for stage in range(shape.num_stages):
            if take if stage < sequence.stage else advance:
                valid[stage] = before[stage]
        phase = 0 if take or not busy else phase + (not at_end)
        full = complete or (full and not take)
        cycle += 1
    # The largest of the last gaps: an upper bound where they alternate.
    return max(int(gap) for gap in np.diff(times[-shape.num_stages - 3 :]))

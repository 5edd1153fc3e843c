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
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gatec.backends.rom import RomInstance


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
    """

    top: str
    input_bits: int
    output_bits: int
    rank_bits: tuple[int, ...]
    beat_bits: int
    out_beat_bits: int

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
        """Cycles from the one that takes the last input beat to the first with `o.valid`."""
        return 1 + self.num_stages

    @property
    def interval(self) -> int:
        """Cycles between vectors at full speed (initiation interval), in the long run.

        Exact where one side has a single beat. Else an upper bound: each vector holds the ranks
        for `beats_out - 1` cycles, and they move at most `beats_in` times between two vectors.
        """
        return self.beats_in + self.beats_out - 1

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
        advance = Signal(name="advance")
        accept = Signal(name="accept")
        full = Signal(name="full")
        # Kept by name for the reader of the text, also where a port has the same bits.
        valid = Signal(shape.num_stages, name="valid", attrs={"keep": 1})
        complete = self._collector(m, accept) & accept
        done = modulo(m, "beat_out", shape.beats_out, valid[-1] & self.o.ready)
        m.d.comb += [
            advance.eq(~valid[-1] | (self.o.ready & done)),
            accept.eq(self.i.valid & self.i.ready),
            self.i.ready.eq(~full | advance),
            self.o.valid.eq(valid[-1]),
        ]
        m.d.sync += full.eq(complete | (full & ~advance))
        with m.If(advance):
            m.d.sync += valid.eq(Cat(full, valid[:-1]))
        self._pipeline(m, advance, valid[-1])
        return m

    def _collector(self, m: Module, accept: Signal) -> Value:
        """Shift accepted beats into `vector`; return whether the present beat completes it."""
        shape = self.shape
        self.vector = vector = Signal(shape.vector_bits, name="vector", reset_less=True)
        with m.If(accept):
            m.d.sync += vector.eq(Cat(vector[shape.beat_bits :], self.i.payload))
        return modulo(m, "beat_in", shape.beats_in, accept)

    def _pipeline(self, m: Module, advance: Signal, last: Value) -> None:
        """Chain the stages, a register rank behind each."""
        shape = self.shape
        data: Value = self.vector[: shape.input_bits]
        for number, width in enumerate(shape.rank_bits):
            behind = {n: rom for n, rom in enumerate(self.roms) if rom.stage == number + 1}
            addresses = sum(rom.address_bits for rom in behind.values())
            out = Signal(width + addresses, name=f"stage{number}_o")
            body = Instance(f"{shape.top}_stage{number}", i_i=data, o_o=out)
            m.submodules[f"stage{number}"] = body
            if number + 1 < shape.num_stages:
                rank = Signal(width, name=f"rank{number}", reset_less=True)
                with m.If(advance):
                    m.d.sync += rank.eq(out[:width])
                data = Cat(rank, self._memories(m, advance, behind, out[width:]))
        result = Signal(shape.output_bits, name="result", reset_less=True)
        if shape.beats_out == 1:
            with m.If(advance):
                m.d.sync += result.eq(out)
        else:
            with m.If(~last | self.o.ready):
                m.d.sync += result.eq(Mux(advance, out, result >> shape.out_beat_bits))
        m.d.comb += self.o.payload.eq(result[: shape.out_beat_bits])

    def _memories(
        self, m: Module, advance: Signal, roms: Mapping[int, RomInstance], addresses: Value
    ) -> list[Signal]:
        """Add the memories beside a rank; return their data."""
        found, at = [], 0
        for number, rom in roms.items():
            data = Signal(rom.data_bits, name=f"rom{number}_o")
            m.submodules[f"rom{number}"] = Instance(
                rom.module,
                i_clk=ClockSignal(),
                i_en=advance,
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
    if number == 1:
        return Const(1)
    count = Signal(range(number), name=name)
    at_last = Signal(name=f"{name}_last")
    m.d.comb += at_last.eq(count == number - 1)
    with m.If(step):
        m.d.sync += count.eq(Mux(at_last, 0, count + 1))
    return at_last

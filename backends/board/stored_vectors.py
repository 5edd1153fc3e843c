"""A demonstration without a host: vectors in the bitstream, one after the other, classes on LEDs.

The vectors lie in a memory that is initialised by configuration, the model's answers in logic. A
step begins with a dark tick; then one vector goes to the core, and its class is shown:

- as a number where there are enough LEDs, for the rest of `TICKS_A_STEP` ticks;
- else by flashes of all LEDs, as many as the class says, each one tick lit and one tick dark; a
  class 0 is one long flash. A step then takes as long as the highest class wants.

If ever an answer is not the model's, all LEDs are lit from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Array, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

_BYTE = 8
TICKS_A_STEP = 4
# What a class 0 is lit for, of its step.
_LONG_FLASH = 3


@dataclass(frozen=True)
class Demo:
    """What is stored.

    Attributes
    ----------
    rows
        Which of the folder's test vectors these are.
    vectors
        Each as bytes, bit 0 in the lowest bit of the first; all of one length.
    answers
        The class that the model gives to each.
    """

    rows: Sequence[int]
    vectors: Sequence[bytes]
    answers: Sequence[int]


class StoredVectors(wiring.Component):
    """Feed a core of 8-bit beats, whose answer is one byte, from a memory.

    Parameters
    ----------
    demo
        At least one vector.
    class_bits
        Width of a class.
    leds
        Number of LEDs, at least one.
    tick
        Clock cycles between two changes of an LED.

    Members
    -------
    to_core : Out(stream.Signature(8)), from_core : In(stream.Signature(8))
        The core's streams.
    reset_core : Out(1)
        Always 0.
    shown : Out(leds)
        The LEDs; 1 is lit.
    """

    def __init__(self, demo: Demo, *, class_bits: int, leds: int, tick: int) -> None:
        self.demo = demo
        self.as_number = class_bits <= leds
        self.ticks = TICKS_A_STEP + (0 if self.as_number else 2 * max(demo.answers))
        self.tick = tick
        super().__init__(
            {
                "to_core": Out(stream.Signature(_BYTE)),
                "from_core": In(stream.Signature(_BYTE)),
                "reset_core": Out(1),
                "shown": Out(leds),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Return the circuit."""
        m = Module()
        ticks, start, over = self._timer(m)
        count = len(self.demo.vectors)
        vector = Signal(range(count), name="vector")
        with m.If(over):
            m.d.sync += vector.eq(Mux(vector == count - 1, 0, vector + 1))
        self._send(m, start)
        found, wrong = Signal(_BYTE, name="found"), Signal(name="wrong")
        known = Signal(name="known")
        m.d.comb += self.from_core.ready.eq(1)
        with m.If(self.from_core.valid):
            m.d.sync += [found.eq(self.from_core.payload), known.eq(1)]
            with m.If(self.from_core.payload != Array(self.demo.answers)[vector]):
                m.d.sync += wrong.eq(1)
        with m.Elif(over):
            m.d.sync += known.eq(0)
        lit = found if self.as_number else _flash(found, ticks).replicate(len(self.shown))
        m.d.comb += self.shown.eq(Mux(wrong, -1, Mux(known, lit, 0)))
        return m

    def _timer(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """Return the tick of the step, and whether this cycle is the first tick's, the step's last.

        The memory is not read before the first tick is over: an iCE40 reads zeros for some
        microseconds after configuration, as Amaranth's platform for it says.
        """
        cycles = Signal(range(self.tick), name="cycles")
        ticks = Signal(range(self.ticks), name="ticks")
        start, over = Signal(name="start"), Signal(name="over")
        m.d.sync += cycles.eq(cycles + 1)
        with m.If(cycles == self.tick - 1):
            last = ticks == self.ticks - 1
            m.d.comb += [start.eq(ticks == 0), over.eq(last)]
            m.d.sync += [cycles.eq(0), ticks.eq(Mux(last, 0, ticks + 1))]
        return ticks, start, over

    def _send(self, m: Module, start: Signal) -> None:
        """Send the next vector after the first tick of each step."""
        octets, length = b"".join(self.demo.vectors), len(self.demo.vectors[0])
        m.submodules.memory = memory = Memory(shape=_BYTE, depth=len(octets), init=octets)
        read = memory.read_port()
        left = Signal(range(length + 1), name="left")
        at, fetched = Signal(range(len(octets)), name="at"), Signal(name="fetched")
        m.d.comb += [
            read.addr.eq(at),
            self.to_core.payload.eq(read.data),
            self.to_core.valid.eq(fetched & (left != 0)),
        ]
        m.d.sync += fetched.eq(1)
        with m.If(self.to_core.valid & self.to_core.ready):
            last = at == len(octets) - 1
            m.d.sync += [at.eq(Mux(last, 0, at + 1)), left.eq(left - 1), fetched.eq(0)]
        with m.If(start):
            m.d.sync += left.eq(length)


def _flash(found: Signal, ticks: Signal) -> Value:
    """Return whether the LEDs are lit in a tick to show a number by flashes."""
    flashes = ticks[0] & (ticks[1:] < found)
    return Mux(found == 0, (ticks >= 1) & (ticks <= _LONG_FLASH), flashes)

"""Vectors over SPI: mode 0, highest bit of a byte first, one vector while chip select is low.

The circuit is the peripheral; a host is the controller. In a frame, which chip select opens and
closes, the host sends

1. the ceil(I / 8) bytes of a vector of I bits, bit 0 of the vector in the lowest bit of the first;
2. bytes that nobody looks at, until the answer is there.

and receives meanwhile bytes 0x00, which say *not yet*, then one byte 0x01, then the ceil(O / 8)
bytes of its result in the same order, unused high bits 0. What the host reads thereafter is 0x00.
Chip select going high forgets whatever was not finished, so each frame begins afresh.

The lines are sampled at the core's clock: each level of the clock line, and chip select while it is
high, must last at least 4 periods of it (`MIN_CYCLES`), and chip select must go low as long before
the first bit. `miso` is driven at all times: no other device may share it.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

# Two flip-flops synchronise a line, one more finds its edge, and with the fourth edge of the clock
# the answer to it is on `miso`.
MIN_CYCLES = 4
# Comes before an answer, where 0 means that there is none yet.
ANSWER_FOLLOWS = 0x01
_BYTE = 8


class SpiFrame(wiring.Component):
    """Connect a core of 8-bit beats to SPI.

    Parameters
    ----------
    frame_bytes
        Bytes of one input vector.

    Members
    -------
    sck : In(1), mosi : In(1), cs : In(1), miso : Out(1)
        The lines; `cs` is low while a frame is open.
    to_core : Out(stream.Signature(8)), from_core : In(stream.Signature(8))
        The core's streams. A core that was reset takes a whole vector without a wait.
    reset_core : Out(1)
        The frame is over: forget all of it.
    """

    def __init__(self, frame_bytes: int) -> None:
        self.frame_bytes = frame_bytes
        super().__init__(
            {
                "sck": In(1),
                "mosi": In(1),
                "cs": In(1, init=1),
                "miso": Out(1),
                "to_core": Out(stream.Signature(_BYTE)),
                "from_core": In(stream.Signature(_BYTE)),
                "reset_core": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Return the circuit."""
        m = Module()
        closed, rising, falling, data = self._lines(m)
        bits = Signal(range(_BYTE), name="bits")
        came, sent = Signal(_BYTE - 1, name="came"), Signal(_BYTE, name="sent")
        boundary = Signal(name="boundary")
        m.d.comb += [
            self.reset_core.eq(closed),
            self.miso.eq(sent[-1]),
            self.to_core.payload.eq(Cat(data, came)),
        ]
        with m.If(rising):
            m.d.sync += [came.eq(Cat(data, came)), bits.eq(bits + 1)]
        with m.If(falling):
            m.d.comb += boundary.eq(bits == 0)
            m.d.sync += sent.eq(Cat(Const(0, 1), sent))
        self._bytes(m, rising & (bits == _BYTE - 1), boundary, sent)
        with m.If(closed):
            m.d.sync += [bits.eq(0), sent.eq(0)]
        return m

    def _lines(self, m: Module) -> tuple[Signal, Signal, Signal, Signal]:
        """Synchronise the lines; return whether the frame is closed, both edges, and the data."""
        clock, before = Signal(name="clock"), Signal(name="clock_before")
        data, closed = Signal(name="data"), Signal(init=1, name="closed")
        m.submodules.sync_sck = FFSynchronizer(self.sck, clock)
        m.submodules.sync_mosi = FFSynchronizer(self.mosi, data)
        m.submodules.sync_cs = FFSynchronizer(self.cs, closed, init=1)
        m.d.sync += before.eq(clock)
        rising, falling = Signal(name="rising"), Signal(name="falling")
        m.d.comb += [
            rising.eq(clock & ~before & ~closed),
            falling.eq(~clock & before & ~closed),
        ]
        return closed, rising, falling, data

    def _bytes(self, m: Module, complete: Signal, boundary: Signal, sent: Signal) -> None:
        """Pass `frame_bytes` bytes to the core, then its answer to `sent`, at the boundaries."""
        left = Signal(range(self.frame_bytes + 1), init=self.frame_bytes, name="left")
        m.d.comb += self.to_core.valid.eq(complete & (left != 0))
        with m.If(self.to_core.valid):
            m.d.sync += left.eq(left - 1)
        announced = Signal(name="announced")
        with m.If(boundary & self.from_core.valid):
            m.d.sync += announced.eq(1)
            with m.If(announced):
                m.d.comb += self.from_core.ready.eq(1)
            m.d.sync += sent.eq(Mux(announced, self.from_core.payload, ANSWER_FOLLOWS))
        with m.If(self.reset_core):
            m.d.sync += [left.eq(self.frame_bytes), announced.eq(0)]


def longest_frame(vector_bytes: int, answer_bytes: int, latency: int) -> int:
    """Return the bytes of a frame with the highest clock, which has to wait the most.

    `latency` is the core's: cycles from the last byte that it takes to its answer. The first byte
    after that one begins at the falling edge, `MIN_CYCLES` later or one less, by the sampling.
    """
    byte_cycles = 2 * MIN_CYCLES * _BYTE
    waiting = max(0, -(-(latency - MIN_CYCLES + 1) // byte_cycles))
    return vector_bytes + waiting + 1 + answer_bytes

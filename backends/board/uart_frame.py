"""Vectors over a UART: frames of a fixed number of bytes in front of and behind a stream core.

A vector of I bits comes as ceil(I / 8) bytes, bit 0 in the lowest bit of the first byte, and its
result of O bits leaves as ceil(O / 8) bytes in the same order, unused high bits 0. Frames follow
each other without a gap; there is no header, so both sides must agree where a frame begins:

- A byte with a low stop bit, or one that comes while the core is not ready, spoils the rest of what
  comes in without a pause.
- When then, or in the middle of a frame, the line is idle for `pause` cycles and no result is under
  way, the core is reset and the next byte is the first of a frame. Without that, a lost byte would
  shift all later frames.

A result that is not shorter than its vector may leave more slowly than vectors come: then wait for
each result before the next frame.
"""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gatec.backends.board.uart import UartReceiver, UartTransmitter


class UartFrame(wiring.Component):
    """Connect a core of 8-bit beats to a UART.

    Parameters
    ----------
    divisor
        Clock cycles per bit.
    frame_bytes
        Bytes of one input vector.
    pause
        Idle clock cycles after which a broken or unfinished frame is forgotten.

    Members
    -------
    rx : In(1), tx : Out(1)
        The lines.
    to_core : Out(stream.Signature(8)), from_core : In(stream.Signature(8))
        The core's streams.
    reset_core : Out(1)
        Forget the beats of an unfinished vector.
    """

    def __init__(self, divisor: int, frame_bytes: int, pause: int) -> None:
        self.divisor = divisor
        self.frame_bytes = frame_bytes
        self.pause = pause
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "to_core": Out(stream.Signature(8)),
                "from_core": In(stream.Signature(8)),
                "reset_core": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Return the circuit."""
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        spoilt = Signal(name="spoilt")
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.to_core.payload.eq(receiver.byte),
            self.to_core.valid.eq(receiver.strobe & ~spoilt),
            transmitter.i.payload.eq(self.from_core.payload),
            transmitter.i.valid.eq(self.from_core.valid),
            self.from_core.ready.eq(transmitter.i.ready),
        ]
        lost = self.to_core.valid & ~self.to_core.ready
        with m.If(self.reset_core):
            m.d.sync += spoilt.eq(0)
        with m.Elif(receiver.error | lost):
            m.d.sync += spoilt.eq(1)
        unfinished = self._count_bytes(m)
        quiet = ~receiver.busy & ~transmitter.busy & ~self.from_core.valid
        idle = Signal(range(self.pause), name="idle")
        with m.If(~quiet | ~(spoilt | unfinished)):
            m.d.sync += idle.eq(0)
        with m.Else():
            m.d.sync += idle.eq(idle + 1)
            m.d.comb += self.reset_core.eq(idle == self.pause - 1)
        with m.If(self.reset_core):
            m.d.sync += idle.eq(0)
        return m

    def _count_bytes(self, m: Module) -> Signal:
        """Count what the core accepted; return whether it holds a part of a frame."""
        received = Signal(range(self.frame_bytes), name="received")
        unfinished = Signal(name="unfinished")
        m.d.comb += unfinished.eq(received != 0)
        with m.If(self.reset_core):
            m.d.sync += received.eq(0)
        with m.Elif(self.to_core.valid & self.to_core.ready):
            with m.If(received == self.frame_bytes - 1):
                m.d.sync += received.eq(0)
            with m.Else():
                m.d.sync += received.eq(received + 1)
        return unfinished

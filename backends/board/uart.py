"""UART receiver and transmitter: 8 data bits, lowest first, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from gatec.errors import UsageError

# A receiver samples the stop bit 9.5 bits after the start edge: half a bit of drift breaks it at
# 5.3 %, of which the other side may have its own share.
MAX_BAUD_ERROR = 0.02
BITS_PER_BYTE = 10


def baud_divisor(clock_mhz: float, baud: int) -> int:
    """Return clock cycles per bit; raise `UsageError` when the rate would be off by over 2 %."""
    exact = clock_mhz * 1e6 / baud
    divisor = max(1, round(exact))
    error = abs(exact / divisor - 1)
    if divisor < 4 or error > MAX_BAUD_ERROR:
        raise UsageError(
            f"{baud} baud from {clock_mhz:g} MHz: {exact:.2f} cycles a bit",
            place="UART",
            expected=f"at least 4, and within {MAX_BAUD_ERROR:.0%} of a whole number",
        )
    return divisor


class UartReceiver(wiring.Component):
    """Sample each bit in its middle.

    A start bit counts when the line is still low in its middle, so a glitch of less than half a
    bit is ignored. After a stop bit that is low the receiver waits for the line to go high.

    Parameters
    ----------
    divisor
        Clock cycles per bit, at least 4.

    Members
    -------
    rx : In(1)
        The line; two flip-flops synchronise it.
    byte : Out(8)
        The byte, while `strobe`.
    strobe : Out(1)
        A byte came in, for one cycle.
    error : Out(1)
        A stop bit was low (framing error or break), for one cycle.
    busy : Out(1)
        A byte is under way, or the line is low.
    """

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__(
            {
                "rx": In(1, init=1),
                "byte": Out(8),
                "strobe": Out(1),
                "error": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Return the circuit."""
        m = Module()
        line = Signal(init=1, name="line")
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)
        shift = Signal(8, name="shift")
        timer = Signal(range(self.divisor), name="timer")
        bits = Signal(range(BITS_PER_BYTE), name="bits")
        m.d.comb += self.byte.eq(shift)
        m.d.sync += timer.eq(timer - 1)
        with m.FSM(name="state"):
            with m.State("IDLE"):
                m.d.comb += self.busy.eq(~line)
                m.d.sync += timer.eq(self.divisor // 2 - 1)
                with m.If(~line):
                    m.next = "START"
            with m.State("START"):
                m.d.comb += self.busy.eq(1)
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self.divisor - 1), bits.eq(0)]
                    with m.If(line):
                        m.next = "IDLE"
                    with m.Else():
                        m.next = "DATA"
            with m.State("DATA"):
                m.d.comb += self.busy.eq(1)
                with m.If(timer == 0):
                    m.d.sync += timer.eq(self.divisor - 1)
                    with m.If(bits == 8):
                        m.d.comb += [self.strobe.eq(line), self.error.eq(~line)]
                        m.next = "WAIT"
                    with m.Else():
                        m.d.sync += [shift.eq(Cat(shift[1:], line)), bits.eq(bits + 1)]
            with m.State("WAIT"):
                m.d.comb += self.busy.eq(~line)
                with m.If(line):
                    m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Send bytes back to back as long as there are any.

    Parameters
    ----------
    divisor
        Clock cycles per bit.

    Members
    -------
    i : In(stream.Signature(8))
        The bytes.
    tx : Out(1)
        The line, high when idle.
    busy : Out(1)
        A byte is under way.
    """

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Return the circuit."""
        m = Module()
        shift = Signal(BITS_PER_BYTE - 1, init=-1, name="shift")
        timer = Signal(range(self.divisor), name="timer")
        left = Signal(range(BITS_PER_BYTE + 1), name="left")
        m.d.comb += [
            self.tx.eq(shift[0]),
            self.busy.eq(left != 0),
            self.i.ready.eq((left == 0) | ((left == 1) & (timer == 0))),
        ]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [
                timer.eq(self.divisor - 1),
                shift.eq(Cat(shift[1:], Const(1))),
                left.eq(left - 1),
            ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                shift.eq(Cat(Const(0), self.i.payload)),
                timer.eq(self.divisor - 1),
                left.eq(BITS_PER_BYTE),
            ]
        return m

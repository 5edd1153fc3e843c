"""The top module of a board: oscillator, PLL, reset, link, core and LEDs, with its pins.

```
clk_osc ──▶ (PLL) ──▶ clock, reset after configuration
uart_rx ──▶ UartFrame ──▶ core ──▶ UartFrame ──▶ uart_tx
                                └──▶ led: the lowest bits of the last result
```

Over SPI, `SpiFrame` is in the place of `UartFrame`; without a host, `StoredVectors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amaranth.back import rtlil
from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib.wiring import In

from gatec.backends.board.pll import PllSettings, pll_instance, pll_settings
from gatec.backends.board.spi_frame import SpiFrame
from gatec.backends.board.stored_vectors import Demo, StoredVectors
from gatec.backends.board.uart import baud_divisor
from gatec.backends.board.uart_frame import UartFrame
from gatec.backends.core import CoreShape
from gatec.backends.fpga.constraints import Constraints, pcf, port_bits
from gatec.boards.recipe import Board
from gatec.errors import UsageError
from gatec.options import LinkKind
from gatec.tools.yosys import run_yosys, without_banner

Frame = UartFrame | SpiFrame | StoredVectors

BEAT_BITS = 8
# USB adapters hold bytes back for up to 16 ms.
PAUSE_MS = 50.0
# Between two changes of a demonstration's LEDs: flashes that can be counted.
TICK_MS = 250.0
_RESET_CYCLES = 16


@dataclass(frozen=True)
class BoardTop:
    """An emitted board top.

    Attributes
    ----------
    top
        Name of the module.
    verilog
        The module; the core is an instance in it.
    pcf
        Pin constraints for nextpnr.
    clock_mhz
        The frequency that the core runs at.
    pll
        How it is made; None when it is the oscillator's.
    """

    top: str
    verilog: str
    pcf: str
    clock_mhz: float
    pll: PllSettings | None


def board_top(
    board: Board,
    core: CoreShape,
    *,
    clock_mhz: float | None = None,
    link: LinkKind = "uart",
    pause_ms: float = PAUSE_MS,
    demo: Demo | None = None,
    tick_ms: float = TICK_MS,
) -> BoardTop:
    """Write the top module for a board.

    Parameters
    ----------
    core
        The core to put in, of 8-bit beats in and out.
    clock_mhz
        What the core shall run at; the oscillator's frequency when None.
    link
        What carries vectors and results: `uart` or `spi`; `demo`: nothing.
    pause_ms
        How long a UART is idle before an unfinished frame is forgotten (`UartFrame`).
    demo, tick_ms
        What `demo` stores, and the time between two changes of its LEDs (`StoredVectors`).

    Raises
    ------
    UsageError
        The core has other beats, the PLL cannot make the clock, or the UART its rate of it.
    """
    if (core.beat_bits, core.out_beat_bits) != (BEAT_BITS, BEAT_BITS):
        raise UsageError(
            f"beats of {core.beat_bits} and {core.out_beat_bits} bits",
            file=board.name,
            expected=f"{BEAT_BITS} bits, bytes on the line",
        )
    mhz, pll = core_clock(board, clock_mhz)
    pins = line_pins(board, link)
    frame: Frame
    if demo is not None:
        leds, tick = len(board.leds), round(mhz * 1e3 * tick_ms)
        frame = StoredVectors(demo, class_bits=core.output_bits, leds=leds, tick=tick)
    elif link == "spi":
        frame = SpiFrame(core.beats_in)
    else:
        frame = UartFrame(baud_divisor(mhz, board.baud), core.beats_in, round(mhz * 1e3 * pause_ms))
    shell = _Shell(board, core, frame, {port: port.removeprefix(f"{link}_") for port in pins}, pll)
    top = f"{core.top}_{board.name}"
    return BoardTop(top, _verilog(shell, top), pcf(board_constraints(board, link)), mhz, pll)


def line_pins(board: Board, link: LinkKind) -> dict[str, str]:
    """Return the pin of each port of a link; raise `UsageError` where a recipe names none."""
    if link == "uart":
        return {"uart_rx": board.uart_rx, "uart_tx": board.uart_tx}
    if link == "demo":
        return {}
    if not board.spi:
        raise UsageError(
            f"--link {link} on {board.name}",
            expected="--link uart, or a recipe with the pins in a section [spi]",
        )
    return {f"spi_{name}": pin for name, pin in board.spi.items()}


def core_clock(board: Board, clock_mhz: float | None) -> tuple[float, PllSettings | None]:
    """Return the clock in MHz that a wish for `clock_mhz` gives, and the PLL that makes it.

    None is the oscillator's own clock. A PLL comes within 1 %, below or above; `UsageError` if not.
    """
    if clock_mhz is None or clock_mhz == board.clock_mhz:
        return board.clock_mhz, None
    if board.pll == "none":
        raise UsageError(
            f"--clock {clock_mhz:g} on {board.name}",
            expected=f"{board.clock_mhz:g}, the oscillator's: no PLL is set on {board.target}",
        )
    pll = pll_settings(board.clock_mhz, clock_mhz)
    return pll.mhz, pll


class _Shell(Elaboratable):
    """What `board_top` writes; its ports are public attributes."""

    def __init__(
        self,
        board: Board,
        core: CoreShape,
        frame: Frame,
        lines: Mapping[str, str],
        pll: PllSettings | None,
    ) -> None:
        self.board, self.core, self.frame, self.pll = board, core, frame, pll
        self.clk = Signal(name="clk_osc")
        # The ports of the link, with the frame's members that they are.
        self.lines = [(Signal(name=port), member) for port, member in lines.items()]
        self.led = Signal(len(board.leds), name="led")

    def elaborate(self, platform: object) -> Module:
        """Return the circuit."""
        m = Module()
        m.submodules.frame = frame = self.frame
        self._clock(m)
        for port, member in self.lines:
            inside, flow = getattr(frame, member), frame.signature.members[member].flow
            m.d.comb += inside.eq(port) if flow == In else port.eq(inside)
        m.submodules.core = Instance(
            self.core.top,
            i_clk=ClockSignal(),
            i_rst=ResetSignal() | frame.reset_core,
            i_i_payload=frame.to_core.payload,
            i_i_valid=frame.to_core.valid,
            o_i_ready=frame.to_core.ready,
            o_o_payload=frame.from_core.payload,
            o_o_valid=frame.from_core.valid,
            i_o_ready=frame.from_core.ready,
        )
        if self.board.leds:
            self._leds(m)
        return m

    def _clock(self, m: Module) -> None:
        """Make the clock, and hold the reset for some cycles after configuration and PLL lock."""
        m.domains.sync = domain = ClockDomain()
        locked = Signal(name="locked")
        if self.pll is None:
            m.d.comb += [domain.clk.eq(self.clk), locked.eq(1)]
        else:
            m.submodules.pll = pll_instance(
                self.pll, self.board.pll, ref=self.clk, out=domain.clk, lock=locked
            )
        waited = Signal(range(_RESET_CYCLES), name="waited", reset_less=True)
        done = waited == _RESET_CYCLES - 1
        with m.If(locked & ~done):
            m.d.sync += waited.eq(waited + 1)
        m.d.comb += domain.rst.eq(~done)

    def _leds(self, m: Module) -> None:
        """Show the low bits of each result's first byte, or what the demonstration shows."""
        lit = self.frame.shown if isinstance(self.frame, StoredVectors) else self._last_result(m)
        m.d.comb += self.led.eq(~lit if self.board.leds_active_low else lit)

    def _last_result(self, m: Module) -> Signal:
        frame, shown = self.frame, Signal(min(len(self.led), BEAT_BITS), name="shown")
        first = Signal(init=1, name="first")
        beat = Signal(range(max(2, self.core.beats_out)), name="beat")
        with m.If(frame.from_core.valid & frame.from_core.ready):
            last = beat == self.core.beats_out - 1
            m.d.sync += [beat.eq(beat + 1), first.eq(last)]
            with m.If(last):
                m.d.sync += beat.eq(0)
            with m.If(first):
                m.d.sync += shown.eq(frame.from_core.payload)
        return shown


def _verilog(shell: _Shell, top: str) -> str:
    signals = [shell.clk, *(port for port, _ in shell.lines)]
    signals += [shell.led] if len(shell.led) else []
    ports = {signal.name: (signal, None) for signal in signals}
    text = rtlil.convert(shell, name=top, ports=ports, emit_src=False)
    # As Amaranth's own Verilog back end: `always` blocks stay as they were written.
    commands = ["read_rtlil top.il", "proc -nomux -norom", "opt_clean -purge"]
    commands += ["write_verilog -noattr -norename top.v"]
    run = run_yosys(commands, inputs={"top.il": text}, outputs=["top.v"])
    return without_banner(run.files["top.v"])


def board_constraints(board: Board, link: LinkKind = "uart") -> Constraints:
    """Return the pins and the clock of a board's top."""
    pins = {"clk_osc": board.clock_pin, **line_pins(board, link)}
    pins |= dict(zip(port_bits({"led": len(board.leds)}), board.leds, strict=True))
    comment = f"{board.description}: {board.device.name}-{board.package}"
    return Constraints(comment, pins, "clk_osc", board.clock_mhz)

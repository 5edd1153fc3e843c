"""The testbench of `helpers_uart.run_uart`: cocotb loads it in the simulator's process."""

from __future__ import annotations

import json
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

# Long enough for the reset after configuration, and for the answers after the last event.
SETTLE_BITS = 40


async def send_bits(line, bits, bit_ps):
    """Put one level after the other on the line."""
    for bit in bits:
        line.value = bit
        await Timer(bit_ps, "ps")


def character(byte, stop):
    """Return the levels of a character."""
    return [0, *(byte >> k & 1 for k in range(8)), stop]


async def listen(line, bit_ps, received, stops):
    """Decode the line for ever, sampling in the middle of the bits."""
    while True:
        await FallingEdge(line)
        await Timer(bit_ps // 2, "ps")
        assert line.value == 0, "a glitch on uart_tx"
        byte = 0
        for k in range(8):
            await Timer(bit_ps, "ps")
            byte |= int(line.value) << k
        await Timer(bit_ps, "ps")
        received.append(byte)
        stops.append(int(line.value))


@cocotb.test()
async def bench(dut):
    """Play the events and write down what happened."""
    job = json.loads(Path("job.json").read_text())
    bit_ps, received, stops, leds = job["bit_ps"], [], [], []
    dut.uart_rx.value = 1
    clock = Clock(getattr(dut, job["clock"]), job["clock_ps"], "ps")
    cocotb.start_soon(clock.start())
    await Timer(SETTLE_BITS * bit_ps, "ps")
    assert dut.uart_tx.value == 1
    cocotb.start_soon(listen(dut.uart_tx, bit_ps, received, stops))
    for kind, value, *own_bit_ps in job["events"]:
        if kind in ("byte", "bad"):
            await send_bits(dut.uart_rx, character(value, int(kind == "byte")), own_bit_ps[0])
            dut.uart_rx.value = 1
        elif kind == "led":
            leds.append(int(dut.led.value))
        else:
            await send_bits(dut.uart_rx, [int(kind == "idle")], value)
            dut.uart_rx.value = 1
    await Timer(SETTLE_BITS * bit_ps, "ps")
    result = {"received": received, "framed": all(stops), "leds": leds}
    Path("result.json").write_text(json.dumps(result))

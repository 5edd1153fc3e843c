"""Drive a board top over SPI in Icarus: an exact host, whose levels last as long as it is told."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from helpers import require

_BENCH = """`timescale 1ps/1ps
module bench;
  reg clk = 0;
  always #{half} clk = ~clk;
  reg [2:0] lines = 3'b100;
  wire miso;
  {top} dut(.clk_osc(clk), .spi_cs(lines[2]), .spi_sck(lines[1]), .spi_mosi(lines[0]),
    .spi_miso(miso){led});
  integer events, out, delay;
  initial begin
    events = $fopen("events.txt", "r");
    out = $fopen("miso.txt", "w");
    while ($fscanf(events, "%d %b\\n", delay, next) == 2) begin
      #(delay);
      // What the host reads at a rising edge was there before it.
      $fdisplay(out, "%b", miso);
      lines = next;
    end
    $finish;
  end
  reg [2:0] next;
endmodule
"""


@dataclass
class SpiHost:
    """A controller that writes down what it does; `wait` returns each pause, in ps."""

    wait: Callable[[], int]
    events: list[tuple[int, int, int, int]] = field(default_factory=list)
    samples: list[list[int]] = field(default_factory=list)

    def frame(self, octets: bytes, bits: int | None = None) -> None:
        """Send bytes while chip select is low, or only the first `bits` of them."""
        rising = []
        levels = [octet >> k & 1 for octet in octets for k in reversed(range(8))][:bits]
        self._set(0, 0, 0)
        for level in levels:
            self._set(0, 0, level, pause=1)
            rising.append(len(self.events))
            self._set(0, 1, level)
            self._set(0, 0, level)
        self._set(1, 0, 0)
        self.samples.append(rising)

    def _set(self, cs: int, sck: int, mosi: int, *, pause: int | None = None) -> None:
        self.events.append((self.wait() if pause is None else pause, cs, sck, mosi))


def run_spi(
    tmp_path: Path, sources: Mapping[str, str], top: str, host: SpiHost, *, clock_ps: int, leds: int
) -> list[bytes]:
    """Simulate `top`; return the whole bytes that the host read in each frame."""
    compiler = require("iverilog")
    led = ", .led()" if leds else ""
    bench = _BENCH.format(half=clock_ps // 2, top=top, led=led)
    for name, text in {**sources, "bench.v": bench}.items():
        (tmp_path / name).write_text(text)
    lines = [f"{pause} {cs}{sck}{mosi}\n" for pause, cs, sck, mosi in host.events]
    (tmp_path / "events.txt").write_text("".join(lines))
    build = [compiler, "-g2012", "-s", "bench", "-o", "sim", *sources, "bench.v"]
    subprocess.run(build, cwd=tmp_path, check=True)
    subprocess.run(["vvp", "-n", "sim"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    seen = (tmp_path / "miso.txt").read_text().split()
    assert len(seen) == len(host.events)
    return [_octets([seen[event] for event in rising]) for rising in host.samples]


def _octets(bits: list[str]) -> bytes:
    whole = len(bits) // 8 * 8
    return bytes(int("".join(bits[k : k + 8]), 2) for k in range(0, whole, 8))

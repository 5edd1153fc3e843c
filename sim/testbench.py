"""The testbench that cocotb runs in the simulator: `job.json` in, `result.json` out.

It writes inputs at the falling clock edge and looks at the outputs right after they have settled,
so what it sees is what the next rising edge acts on, in any simulator.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, TextIO

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge
from cocotb.utils import get_sim_time

# Cycles without a beat at either end, gaps and stalls apart, after which nothing more will come.
_PATIENCE = 2000


class ProtocolError(Exception):
    """The module did what it must not."""


class Bench:
    """One run of a job.

    Parameters
    ----------
    dut
        The simulated module.
    job
        As `gatec.sim.rtl` writes it.
    """

    def __init__(self, dut: Any, job: dict[str, Any]) -> None:
        self.dut = dut
        traffic = job["traffic"]
        self.gaps, self.stalls = traffic["gaps"], traffic["stalls"]
        self.reset_after: int | None = traffic["reset_after"]
        self.random = random.Random(traffic["seed"])  # noqa: S311  # repeatable on purpose
        self.cycle = 0
        self.beats_in = _split(job["vectors"], job["in_bits"], job["beat_bits"])
        self.per_vector = -(-job["in_bits"] // job["beat_bits"])
        self.beats_out = -(-job["out_bits"] // job["out_beat_bits"])
        self.out_beat_bits = job["out_beat_bits"]
        self.out_mask = (1 << job["out_bits"]) - 1
        self.answers: list[int] = job["answers"] or [1] * len(job["vectors"])
        self.last: list[int] | None = job["last"]
        self.patience = max(_PATIENCE, job["patience"])
        self.wanted = sum(self.answers)
        self.restart()

    def restart(self) -> None:
        """Forget all that went in and came out."""
        self.sent = 0
        self.asked = 0
        self.first_beat = 0
        self.accepted: list[int] = []
        self.appeared: list[int] = []
        self.outputs: list[int] = []
        self.partial: list[int] = []
        self.waiting: int | None = None
        self.idle = 0

    async def reset(self) -> None:
        """Hold `rst` for two cycles, with traffic at the input, and check that nothing is left."""
        self.dut.rst.value = 1
        self.dut.o_ready.value = 0
        for _ in range(2):
            await self._settle()
            await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        self.dut.i_valid.value = 0
        await self._settle()
        if self._bit(self.dut.o_valid, "o_valid"):
            raise ProtocolError("o_valid is high after reset")
        await FallingEdge(self.dut.clk)
        self.restart()

    async def run(self) -> None:
        """Send all vectors and wait for all results."""
        dut = self.dut
        if self.last is not None:
            dut.i_last.value = 0
        dut.i_valid.value = 0
        dut.i_payload.value = 0
        await FallingEdge(dut.clk)
        await self.reset()
        offering = False
        while len(self.outputs) < self.wanted:
            if self.sent == self.reset_after:
                self.reset_after = None
                await self.reset()
                offering = False
            # A beat once offered stays until it is taken.
            offering = self.sent < len(self.beats_in) and (
                offering or self.random.random() >= self.gaps
            )
            taking = self.random.random() >= self.stalls
            dut.i_valid.value = int(offering)
            dut.i_payload.value = self.beats_in[self.sent] if offering else 0
            if self.last is not None:
                dut.i_last.value = self._last() if offering else 0
            dut.o_ready.value = int(taking)
            await self._settle()
            if offering and self._bit(dut.i_ready, "i_ready"):
                self._accept()
                offering = False
            self._look(taking)
            self._check_progress()
            await FallingEdge(dut.clk)

    async def _settle(self) -> None:
        """Count a cycle and wait until its values are final."""
        self.cycle += 1
        await ReadOnly()

    def _accept(self) -> None:
        if self.sent == 0:
            self.first_beat = self.cycle
        self.sent += 1
        self.idle = 0
        vector, beat = divmod(self.sent, self.per_vector)
        if beat == 0 and self.answers[vector - 1]:
            self.asked += self.answers[vector - 1]
            self.accepted.append(self.cycle)

    def _last(self) -> int:
        """Return what `i_last` is with the next beat: anything, unless it is a vector's last."""
        assert self.last is not None
        vector, beat = divmod(self.sent, self.per_vector)
        return self.last[vector] if beat == self.per_vector - 1 else self.random.getrandbits(1)

    def _look(self, taking: bool) -> None:
        """Look at the output stream, and take the beat if `taking`."""
        valid = self._bit(self.dut.o_valid, "o_valid")
        if not valid:
            if self.waiting is not None:
                raise ProtocolError("o_valid fell before the result was taken")
            return
        payload = self._number(self.dut.o_payload, "o_payload")
        if self.waiting not in (None, payload):
            raise ProtocolError("o_payload changed while it waited")
        if self.waiting is None and not self.partial:
            self.appeared.append(self.cycle)
        self.waiting = None if taking else payload
        if not taking:
            return
        self.idle = 0
        self.partial.append(payload)
        if len(self.partial) == self.beats_out:
            value = sum(beat << i * self.out_beat_bits for i, beat in enumerate(self.partial))
            if value > self.out_mask:
                raise ProtocolError("the padding of o_payload is not 0")
            self.outputs.append(value)
            self.partial = []

    def _check_progress(self) -> None:
        self.idle += 1
        busy = 1 - max(self.gaps, self.stalls)
        if self.idle * busy > self.patience:
            raise ProtocolError(f"only {len(self.outputs)} of {self.wanted} results came")
        if len(self.outputs) > self.asked:
            raise ProtocolError("a result came before its input")

    def _bit(self, signal: Any, name: str) -> bool:
        return self._number(signal, name) != 0

    def _number(self, signal: Any, name: str) -> int:
        value = signal.value
        if not value.is_resolvable:
            raise ProtocolError(f"{name} is undefined: {str(value)[:40]}")
        return int(value)


class Watch:
    """Writes down each change of some signals: its number, the time in nanoseconds, its bits.

    Parameters
    ----------
    dut
        The simulated module.
    names
        Nets of the module, or bits of them: `rank0`, `rank0[3]`.
    """

    def __init__(self, dut: Any, names: list[str], file: TextIO) -> None:
        self._dut = dut
        self._file = file
        self._signals = []
        for name in names:
            net, _, bit = name.partition("[")
            self._signals.append((getattr(dut, net), int(bit[:-1]) if bit else None))
        self._last = [""] * len(names)

    async def run(self) -> None:
        """Look after every clock edge."""
        while True:
            for edge in (RisingEdge, FallingEdge):
                await edge(self._dut.clk)
                await ReadOnly()
                self._look(round(get_sim_time("ns")))

    def _look(self, time: int) -> None:
        for number, (handle, bit) in enumerate(self._signals):
            value = str(handle.value).lower()
            value = value if bit is None else value[len(value) - 1 - bit]
            if value != self._last[number]:
                self._file.write(f"{number} {time} {value}\n")
                self._last[number] = value


def _split(vectors: list[str], width: int, beat_bits: int) -> list[int]:
    """Return the beats of all vectors, lowest bits first."""
    mask = (1 << beat_bits) - 1
    beats = []
    for text in vectors:
        number = int(text, 16)
        beats += [number >> low & mask for low in range(0, width, beat_bits)]
    return beats


@cocotb.test()  # type: ignore[untyped-decorator, unused-ignore]
async def drive(dut: Any) -> None:
    """Run the job and write down what happened."""
    job = json.loads(Path("job.json").read_text())
    bench = Bench(dut, job)
    Clock(dut.clk, 10, unit="ns").start()
    problem = None
    with Path("changes.txt").open("w") as changes:
        if job["watch"]:
            cocotb.start_soon(Watch(dut, job["watch"], changes).run())
        try:
            await bench.run()
        except ProtocolError as error:
            problem = str(error)
    result = {
        "problem": problem,
        "nanoseconds": round(get_sim_time("ns")),
        "cycle": bench.cycle,
        "cycles": bench.cycle - bench.first_beat + 1,
        "outputs": [f"{value:x}" for value in bench.outputs],
        "accepted": bench.accepted,
        "appeared": bench.appeared,
    }
    Path("result.json").write_text(json.dumps(result))

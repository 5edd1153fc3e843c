"""Simulation of emitted Verilog, or of a netlist after synthesis, in cocotb.

The simulator runs in a child process, in a directory of its own; `gatec.sim.testbench` drives the
two streams there. Works for any module with the ports of `gatec.backends.core`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gatec.bits import Bits
from gatec.errors import DifferentError, ToolError
from gatec.sim.signals import Signal
from gatec.sim.simulators import Installed, Simulator, find_simulator
from gatec.sim.wavefile import open_waves
from gatec.sim.waves import variables
from gatec.tools.runner import Tool, ToolFailed, ToolTimeout

# Of every module that is simulated here.
PORTS = ("clk", "rst", "i_payload", "i_valid", "i_ready", "o_payload", "o_valid", "o_ready")
# What is left for a design that is too large.
_LARGE = "fewer samples, or gatec's own reader: --simulator netlist"
# What gcc and C++ programs say of it; a killed one leaves no word but gcc's.
_OUT_OF_MEMORY = ("Killed signal terminated program", "out of memory", "std::bad_alloc")


@dataclass(frozen=True)
class Traffic:
    """How the testbench behaves at the two streams.

    Attributes
    ----------
    gaps
        Probability, below 1, that a beat is held back for a cycle (`i_valid` low).
    stalls
        Probability, below 1, that the output is not taken in a cycle (`o_ready` low).
    reset_after
        Number of accepted beats after which `rst` is raised for two cycles; then the stream starts
        again from the first vector. None for no reset but the first.
    seed
        Of the random choices.
    """

    gaps: float = 0.0
    stalls: float = 0.0
    reset_after: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Asked:
    """What the vectors of a clocked module ask for.

    Attributes
    ----------
    answers
        `int64[vectors]`: how many output vectors each of them leads to.
    last
        `uint8[vectors]`: what `i_last` is with its last beat; None for a module without that port.
    patience
        Cycles without a beat at either end after which nothing more will come.
    """

    answers: npt.NDArray[np.int64]
    last: Bits | None
    patience: int = 0


@dataclass(frozen=True, eq=False)
class RtlWaves:
    """Signals of a module to be recorded.

    Attributes
    ----------
    path
        The wave file; its suffix is the format.
    signals
        Named as nets of the module, or as bits of them: `rank0`, `rank0[3]`.
    """

    path: Path
    signals: Sequence[Signal]


@dataclass(frozen=True, eq=False)
class RtlResult:
    """What a simulation showed.

    Attributes
    ----------
    outputs
        `uint8[samples, out_bits]`.
    accepted, appeared
        `int64[samples]`: the cycle that took each vector's last beat, if the vector is answered,
        and the first in which an output was valid.
    cycles
        Cycles from the first accepted beat to the last output beat, both included.
    """

    outputs: Bits
    accepted: npt.NDArray[np.int64]
    appeared: npt.NDArray[np.int64]
    cycles: int

    @property
    def latency(self) -> int:
        """Cycles from the first vector's last beat to its output: the pipeline was empty."""
        return int(self.appeared[0] - self.accepted[0])


def simulate_rtl(
    verilog_files: Mapping[str, str],
    top: str,
    vectors: npt.NDArray[np.generic],
    *,
    beat_bits: int,
    out_bits: int,
    out_beat_bits: int,
    traffic: Traffic | None = None,
    asked: Asked | None = None,
    simulator: Simulator = "icarus",
    waves: RtlWaves | None = None,
    timeout: float = 3600.0,
) -> RtlResult:
    """Send vectors through a module and return what came out.

    Parameters
    ----------
    verilog_files
        Texts by file name; empty ones are left out.
    vectors
        `[samples, in_bits]`, at least one; non-zero is 1.
    beat_bits, out_bits, out_beat_bits
        Width of an input beat, of an output vector and of an output beat.
    traffic
        Gaps, stalls and resets; none when None.
    asked
        Of a clocked module; each vector is answered once when None.
    waves
        What to record; it is written even if the module breaks the protocol.
    timeout
        Seconds.

    Raises
    ------
    DifferentError
        The module broke the protocol: an undefined handshake or result, a result that changed
        while it waited or was valid right after a reset, or no progress.
    ToolError
        cocotb or the simulator is missing or failed.
    """
    found = find_simulator(simulator)
    job = {
        "top": top,
        "simulator": simulator,
        "command": found.command,
        "make": found.make,
        "sources": [name for name, text in verilog_files.items() if text],
        "vectors": _to_hex(vectors),
        "in_bits": vectors.shape[1],
        "beat_bits": beat_bits,
        "out_bits": out_bits,
        "out_beat_bits": out_beat_bits,
        "traffic": asdict(traffic or Traffic()),
        "answers": None if asked is None else asked.answers.tolist(),
        "last": None if asked is None or asked.last is None else asked.last.tolist(),
        "patience": 0 if asked is None else asked.patience,
        "ports": PORTS,
        "watch": [] if waves is None else [signal.name for signal in waves.signals],
    }
    inputs = {name: text for name, text in verilog_files.items() if text}
    try:
        run = _cocotb_tool(found).run(
            [],
            inputs={**inputs, "job.json": json.dumps(job)},
            outputs=["result.json", *([] if waves is None else ["changes.txt"])],
            timeout=timeout,
        )
    except ToolTimeout:
        raise ToolTimeout(
            f"not done after {timeout:g} s", file=simulator, expected=_LARGE
        ) from None
    except ToolFailed as error:
        if any(marker in error.log for marker in _OUT_OF_MEMORY):
            raise ToolError("out of memory", file=simulator, expected=_LARGE) from None
        raise
    result = json.loads(run.files["result.json"])
    if waves is not None:
        _write_waves(waves, top, run.files["changes.txt"].decode(), result["nanoseconds"])
    if result["problem"] is not None:
        raise DifferentError(result["problem"], file=top, place=f"cycle {result['cycle']}")
    return RtlResult(
        _from_hex(result["outputs"], out_bits),
        np.array(result["accepted"], dtype=np.int64),
        np.array(result["appeared"], dtype=np.int64),
        result["cycles"],
    )


def _write_waves(waves: RtlWaves, top: str, changes: str, end: int) -> None:
    with open_waves(waves.path, top, variables(waves.signals)) as file:
        for line in changes.splitlines():
            number, time, value = line.split()
            file.change(int(number), int(time), value)
        file.close(end)


def _cocotb_tool(found: Installed) -> Tool:
    # What Icarus and Verilator print about sources that they cannot read.
    markers = (": error:", ": syntax error", "%Error")
    command = (sys.executable, "-m", "gatec.sim.launch")
    return Tool("cocotb", command, markers, environment=found.environment)


def _to_hex(vectors: npt.NDArray[np.generic]) -> list[str]:
    """Return each row as a hexadecimal number, bit 0 lowest."""
    octets = np.packbits(vectors != 0, axis=1, bitorder="little")[:, ::-1]
    return [row.tobytes().hex() for row in np.ascontiguousarray(octets)]


def _from_hex(rows: list[str], width: int) -> Bits:
    size = -(-width // 8)
    octets = np.array([list(int(row, 16).to_bytes(size, "little")) for row in rows], dtype=np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little", count=width)

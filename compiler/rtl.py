"""The Verilog of a model or an output folder: simulated against the reference, or written out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from gatec.backends.core import CoreShape
from gatec.backends.readback.core import read_back
from gatec.backends.readback.subset import split_modules
from gatec.backends.testbench import testbench, testbench_name
from gatec.bits import Bits, pack, unpack
from gatec.console import Progress
from gatec.driver import compile_model
from gatec.errors import DifferentError, ModelError, UsageError
from gatec.flows.base import core_sources
from gatec.folder import OutputFolder
from gatec.frontends import ReadOptions
from gatec.manifest import to_json
from gatec.model import ModelGraph, OutputKind
from gatec.options import MAX_VECTORS, CompileOptions
from gatec.publish import MANIFEST, publish
from gatec.sim.engine import make_engine
from gatec.sim.rtl import PORTS, RtlWaves, simulate_rtl
from gatec.sim.signals import Signal, choose
from gatec.sim.simulators import Simulator
from gatec.vectors import to_hex, vector_files
from gatec.verify import core_shape
from gatec.versions import tool_versions

# `netlist` is gatec's own: its reader of the Verilog text, and its engine.
Judge = Literal["icarus", "verilator", "netlist"]
JUDGES: tuple[Judge, ...] = get_args(Judge)
# Nets of a module that have a name; `_01_` and the like have none.
_DECLARED = re.compile(
    r"^ *(?:wire|reg) *(?:\[(?P<high>\d+):0\])? *(?P<name>[a-z]\w*)", re.MULTILINE
)


@dataclass(frozen=True)
class RtlFacts:
    """What a simulation of the Verilog showed; its outputs were equal on every bit.

    Attributes
    ----------
    latency
        In cycles: measured, or of `netlist`, proved from the text.
    cycles
        From the first accepted beat to the last output beat; None where no cycle was simulated.
    """

    latency: int
    cycles: int | None


@dataclass(frozen=True)
class Circuit:
    """The Verilog of a model.

    Attributes
    ----------
    model
        Ends as the circuit does.
    shape
        Widths of the core.
    sources
        Verilog texts by file name.
    """

    model: ModelGraph
    shape: CoreShape
    sources: dict[str, str]

    # What a row of the outputs is called.
    row = "sample"

    def expected(self, bits: Bits) -> Bits:
        """Return the reference's outputs for `uint8[samples, num_inputs]`."""
        return self.model.output_bits(bits)

    def simulate(
        self, bits: Bits, simulator: Simulator, waves: RtlWaves | None
    ) -> tuple[Bits, RtlFacts]:
        """Return the outputs of the Verilog in a simulator."""
        shape = self.shape
        result = simulate_rtl(
            self.sources,
            shape.top,
            bits,
            beat_bits=shape.beat_bits,
            out_bits=shape.output_bits,
            out_beat_bits=shape.out_beat_bits,
            simulator=simulator,
            waves=waves,
        )
        return result.outputs, RtlFacts(result.latency, result.cycles)

    def read(self, bits: Bits) -> tuple[Bits, RtlFacts]:
        """Read the text, which proves its structure and timing, and run what it computes."""
        back = read_back(self.text, self.shape)
        words = make_engine(back.netlist).run(pack(bits))
        return unpack(words, len(bits)), RtlFacts(back.latency, None)

    @property
    def text(self) -> str:
        """The core's Verilog."""
        return self.sources[f"{self.shape.top}.v"]

    def bench(self, bits: Bits) -> dict[str, bytes]:
        """Return a testbench with its vectors, by file name."""
        made = testbench(self.shape, len(bits), list(self.sources))
        return vector_files(self.model, bits) | {testbench_name(self.shape.top): made.encode()}


def circuit_of(
    model: ModelGraph,
    kind: OutputKind,
    folder: OutputFolder | None,
    progress: Progress | None = None,
) -> Circuit:
    """Return a folder's circuit, or a model's, compiled without place and route.

    Raises `UsageError` when the folder's circuit has another output.
    """
    if folder is None:
        options = CompileOptions(target="generic", output=kind, place_and_route=False)
        compiled = compile_model(
            model, options, ReadOptions(), output_dir=None, progress=progress or Progress()
        )
        emitted = compiled.design.emitted
        sources = core_sources(emitted.top, emitted.style, emitted.text)
        return Circuit(model.with_output(kind), emitted.shape, sources)
    sources = folder_sources(folder, kind)
    return Circuit(model.with_output(kind), core_shape(folder), sources)


def folder_sources(folder: OutputFolder, kind: OutputKind) -> dict[str, str]:
    """Return a folder's Verilog by file name.

    Raises `UsageError` when its circuit has another output.
    """
    compiled_as = folder.manifest["options"]["output"]
    if compiled_as != kind:
        raise UsageError(
            f"--output {kind}", file=folder.path, expected=f"{compiled_as}, as compiled"
        )
    stated = folder.manifest["interface"]
    return core_sources(stated["top"], stated["style"], folder.verilog)


def check_rtl(
    circuit: Circuit, bits: Bits, judge: Judge = "icarus", waves: RtlWaves | None = None
) -> RtlFacts:
    """Simulate the Verilog on `uint8[samples, num_inputs]`, at least one.

    Raises `DifferentError` at the first sample with an output bit other than the reference's;
    `waves`, which `netlist` knows nothing of, are there then.
    """
    if not len(bits):
        raise ModelError("no samples", expected="at least one with --rtl")
    outputs, facts = (
        circuit.read(bits) if judge == "netlist" else circuit.simulate(bits, judge, waves)
    )
    expected = circuit.expected(bits)
    if not np.array_equal(outputs, expected):
        sample = int((outputs != expected).any(axis=1).argmax())
        raise DifferentError(
            f"the Verilog gives {_shown(outputs[sample])} for {circuit.row} {sample}",
            file=circuit.model.name,
            expected=_shown(expected[sample]),
        )
    return facts


def rtl_waves(circuit: Circuit, path: Path, patterns: Sequence[str]) -> RtlWaves:
    """Return what to record of a circuit: its ports, registers and other named nets.

    See `gatec.sim.signals.choose` for the patterns; without any, the ports.
    """
    top = circuit.shape.top
    lines = _DECLARED.finditer(split_modules(circuit.text)[top])
    widths = {found["name"]: int(found["high"] or 0) + 1 for found in lines}
    signals = [Signal(name, np.arange(width, dtype=np.int32)) for name, width in widths.items()]
    return RtlWaves(path, choose(signals, patterns or PORTS))


def _shown(bits: Bits) -> str:
    """Return an output vector as a hexadecimal number, bit 0 lowest."""
    return f"0x{to_hex(bits[None]).strip()}"


def write_testbench(circuit: Circuit, bits: Bits, directory: Path) -> None:
    """Write core, self-checking testbench and vectors, with the reference's answers, to a folder.

    All or nothing; a folder that this wrote before is replaced.
    """
    if not 0 < len(bits) <= MAX_VECTORS:
        raise UsageError(
            f"a testbench of {len(bits)} vectors", expected=f"1 to {MAX_VECTORS}: --limit N"
        )
    top = circuit.shape.top
    files = {name: text.encode() for name, text in circuit.sources.items()}
    files |= circuit.bench(bits)
    manifest = {
        "gatec": tool_versions()["gatec"],
        "testbench": top,
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    }
    files[MANIFEST] = to_json(manifest).encode()
    publish(directory, files)

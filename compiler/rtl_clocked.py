"""The Verilog of a clocked circuit, simulated against the reference, or written out."""

from __future__ import annotations

from dataclasses import dataclass

from gatec.backends.clocked_core import ClockedShape
from gatec.backends.readback.clocked import read_clocked_back
from gatec.bits import Bits, pack, unpack
from gatec.clocked import bench_files
from gatec.console import Progress
from gatec.driver import compile_model
from gatec.flows.base import core_sources
from gatec.folder import OutputFolder
from gatec.frontends import ReadOptions
from gatec.frontends.clocked import ClockedModel
from gatec.model import OutputKind
from gatec.options import CompileOptions
from gatec.rtl import Circuit, RtlFacts, folder_sources
from gatec.sim.engine import make_engine
from gatec.sim.rtl import Asked, RtlWaves, simulate_rtl
from gatec.sim.sequences import Head, Sequences, split_samples
from gatec.sim.simulators import Simulator
from gatec.verify_clocked import clocked_shape


@dataclass(frozen=True)
class ClockedCircuit(Circuit):
    """The Verilog of a clocked net; a sample is a sequence.

    Attributes
    ----------
    net
        The net, which answers each step apart.
    """

    net: ClockedModel

    row = "answer"

    def expected(self, bits: Bits) -> Bits:
        """Return the reference's answers to `uint8[sequences, steps * inputs]`."""
        return split_samples(self.net, bits).answers(self.net, self._head)

    @property
    def _head(self) -> Head:
        return self.model.output_bits

    @property
    def _shape(self) -> ClockedShape:
        assert isinstance(self.shape, ClockedShape)
        return self.shape

    def simulate(
        self, bits: Bits, simulator: Simulator, waves: RtlWaves | None
    ) -> tuple[Bits, RtlFacts]:
        """Return the answers of the Verilog in a simulator."""
        shape, found = self._shape, split_samples(self.net, bits)
        result = simulate_rtl(
            self.sources,
            shape.top,
            found.vectors,
            beat_bits=shape.beat_bits,
            out_bits=shape.output_bits,
            out_beat_bits=shape.out_beat_bits,
            asked=asked(shape, self.net, found),
            simulator=simulator,
            waves=waves,
        )
        return result.outputs, RtlFacts(result.latency, result.cycles)

    def read(self, bits: Bits) -> tuple[Bits, RtlFacts]:
        """Read the text, which proves its structure and timing, and run what it computes."""
        back = read_clocked_back(self.text, self._shape)
        engine = make_engine(back.head.netlist)
        answers = split_samples(self.net, bits).answers(
            self.net,
            lambda left: unpack(engine.run(pack(left)), len(left)),
            self.net.registered(back.step),
        )
        return answers, RtlFacts(self.shape.latency, None)

    def bench(self, bits: Bits) -> dict[str, bytes]:
        """Return a testbench with its vectors, by file name."""
        found = split_samples(self.net, bits)
        return bench_files(self._shape, self.net, self._head, list(self.sources), found)


def asked(shape: ClockedShape, net: ClockedModel, found: Sequences) -> Asked:
    """Return what the vectors ask for, as the simulation wants it."""
    last = found.last if shape.steps is None else None
    return Asked(found.num_answers(net), last, 4 * shape.latency)


def clocked_circuit(
    net: ClockedModel,
    kind: OutputKind,
    folder: OutputFolder | None,
    progress: Progress | None = None,
) -> ClockedCircuit:
    """Return a folder's circuit, or a net's, compiled without place and route.

    Raises `UsageError` when the folder's circuit has another output.
    """
    head = net.tail.with_output(kind)
    if folder is not None:
        return ClockedCircuit(head, clocked_shape(folder, net), folder_sources(folder, kind), net)
    options = CompileOptions(target="generic", output=kind, place_and_route=False, clocked=True)
    compiled = compile_model(
        net, options, ReadOptions(), output_dir=None, progress=progress or Progress()
    )
    emitted = compiled.design.emitted
    sources = core_sources(emitted.top, emitted.style, emitted.text)
    return ClockedCircuit(head, emitted.shape, sources, net)

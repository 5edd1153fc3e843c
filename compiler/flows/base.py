"""What a target adds to a compilation: LUT size, style and widths of the Verilog, tools."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from gatec.backends.cells import cells_model
from gatec.backends.core import CoreShape
from gatec.backends.testbench import testbench, testbench_name
from gatec.backends.verilog import Emitted, emit
from gatec.chain_graph import LEVELS, Weights
from gatec.console import Progress
from gatec.design import Design
from gatec.devices.fabrics import BLOCK_RAMS, BYPASSING, BlockRam, Style
from gatec.devices.targets import Target
from gatec.errors import UsageError
from gatec.mapping import Mapped
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.sequences import Steps, step_choice
from gatec.stages import apart_cells, packed_cells
from gatec.tables import MAX_FANIN

# LUT levels in a stage when the user asks for nothing: what a stage of an HX8K does at 100 MHz.
DEFAULT_LEVELS = 4
_DEFAULT_GENERIC_LUT = 4

Physical = dict[str, Any]
Files = dict[str, bytes]


@dataclass(frozen=True)
class Flow(ABC):
    """How one compilation goes on for its target.

    Attributes
    ----------
    target
        What it compiles for.
    options
        As the user gave them.
    """

    target: Target
    options: CompileOptions

    @property
    def lut_inputs(self) -> int:
        """Inputs of a LUT."""
        fixed, asked = self.target.lut_inputs, self.options.lut_inputs
        if asked is None:
            return fixed or _DEFAULT_GENERIC_LUT
        if fixed is not None and asked != fixed:
            raise UsageError(f"--lut-inputs {asked}", expected=f"{fixed} for {self.target.name}")
        if not 2 <= asked <= MAX_FANIN:
            raise UsageError(f"--lut-inputs {asked}", expected=f"2 to {MAX_FANIN}")
        return asked

    @property
    def required_clock(self) -> float | None:
        """The clock in MHz that routing must reach, if any."""
        return self.options.clock

    def pipelining(self) -> tuple[int | None, int | None]:
        """Return the number of stages, or the LUT levels of a stage: one of them is None."""
        options = self.options
        if options.stages is not None:
            return options.stages, None
        if options.levels_per_stage is not None:
            return None, options.levels_per_stage
        if self.required_clock is not None:
            return None, self.levels_at(self.required_clock)
        return None, DEFAULT_LEVELS

    @property
    def chains(self) -> bool:
        """Whether the fabric has carry chains that gatec uses."""
        return False

    @property
    def weights(self) -> Weights:
        """What gates and chains take of a stage where a clock decides on its length."""
        return LEVELS

    @property
    def wants_fewest(self) -> bool:
        """Whether a clock that is met is tried with fewer stages, too."""
        return False

    @property
    def counts_in_steps(self) -> bool:
        """Whether its cores may take several cycles to count."""
        return True

    @property
    def counts_at_a_clock(self) -> bool:
        """Whether that is tried where a clock decides on the stages."""
        return False

    @property
    def has_credits(self) -> bool:
        """Whether its cores may have the shell with credits."""
        return True

    @property
    def resynthesises(self) -> bool:
        """Whether the target's own synthesis can map gatec's look-up tables again."""
        return False

    @property
    def routes(self) -> bool:
        """Whether gatec places and routes for the target."""
        return bool(self.target.devices)

    @property
    def style(self) -> Style:
        """What stage bodies are made of."""
        return self.target.style

    def interval(self, least: int) -> int:
        """Return the cycles from vector to vector: as asked for, else those that beats take."""
        return self.options.interval or least

    def size(self, netlist: Netlist) -> float:
        """Return what a netlist with stages takes, to choose the smallest by."""
        return (apart_cells if self.style in BYPASSING else packed_cells)(netlist)

    @property
    def block_ram(self) -> BlockRam | None:
        """The fabric's block RAM, where gatec uses it."""
        return BLOCK_RAMS.get(self.target.name)

    # How a clock was reached or missed, and what else would help: for messages.
    reached = "routed at"
    faster = "a faster --device"

    @property
    def keeps_gates(self) -> bool:
        """Whether gates are cleaned up and left for the target's own mapper."""
        return False

    def check(self) -> None:
        """Raise `UsageError` at the first option that does not go with the target."""
        _ = self.lut_inputs, self.pipelining()
        if self.options.head == "carry" and not self.chains:
            raise UsageError("--head carry", expected=f"--head tree for {self.target.name}")
        self._check_block_rams()
        if self.options.head == "sequential" and not self.counts_in_steps:
            raise UsageError("--head sequential", expected=f"--head tree for {self.target.name}")
        if self.options.flow_control == "credits" and not self.has_credits:
            raise UsageError(
                "--flow-control credits", expected=f"--flow-control stall for {self.target.name}"
            )
        if self.options.resynthesis != "never" and not self.resynthesises:
            raise UsageError(
                f"--resynthesis {self.options.resynthesis} with target {self.target.name}",
                expected="no such option",
            )
        if self.options.effort is not None and self.keeps_gates:
            raise UsageError(
                f"--effort {self.options.effort} with target {self.target.name}",
                expected="no such option",
            )
        if self.options.seeds != 1 and not self.routes:
            raise UsageError(
                f"--seeds {self.options.seeds} with target {self.target.name}",
                expected="no such option: it is not placed and routed",
            )

    def _check_block_rams(self) -> None:
        asked = self.options.block_rams
        if asked < 0:
            raise UsageError(f"--block-rams {asked}", expected="0 or more")
        if asked and self.block_ram is None:
            raise UsageError(
                f"--block-rams {asked} with target {self.target.name}",
                expected=f"no such option: only {', '.join(BLOCK_RAMS)} have it",
            )
        if asked and self.options.head == "carry":
            raise UsageError(f"--block-rams {asked} and --head carry together", expected="one")

    @abstractmethod
    def period(self, levels: float) -> float:
        """Return the estimated ns of a stage of so many LUT levels."""

    @abstractmethod
    def levels_at(self, clock_mhz: float) -> int:
        """Return how many LUT levels probably fit a clock."""

    @abstractmethod
    def beats(self, netlist: Netlist) -> tuple[int | None, int | None]:
        """Return the widths of input and output beats; None is the whole vector."""

    def steps(self, mapped: Mapped, progress: Progress) -> Steps | None:
        """Return how the circuit may take several cycles for a vector; None where it may not."""
        return step_choice(mapped, self, self.options, progress)

    def early_words(self, netlist: Netlist, phases: int) -> int | None:
        """Return how many words of the next vector may come early (`CoreShape.early`)."""
        return None

    def emit(self, netlist: Netlist, phases: int = 1) -> Emitted:
        """Return the Verilog of a netlist with stages, a sequence of so many phases among them."""
        beat_bits, out_beat_bits = self.beats(netlist)
        return emit(
            netlist,
            style=self.style,
            beat_bits=beat_bits,
            out_beat_bits=out_beat_bits,
            phases=phases,
            early=self.early_words(netlist, phases),
            credits=self.options.flow_control == "credits",
            header=[f"Circuit of {self._subject} {netlist.name}."],
        )

    @property
    def _subject(self) -> str:
        exact = self.options.approximation is None
        return "the trained net" if exact else "an approximation, not exact, of the trained net"

    @abstractmethod
    def finish(self, design: Design, progress: Progress) -> tuple[Physical | None, Files]:
        """Run the target's tools; return what they reported and all files of the design."""


class GenericFlow(Flow):
    """Plain Verilog for any tool."""

    def period(self, levels: float) -> float:
        """Return nothing: `levels_at` has refused."""
        raise AssertionError("no clock without delays")

    def levels_at(self, clock_mhz: float) -> int:
        """Refuse: nobody knows the delays."""
        raise UsageError(
            f"--clock {clock_mhz:g} with target {self.target.name}",
            expected="--levels-per-stage N: its delays are not known",
        )

    def beats(self, netlist: Netlist) -> tuple[int | None, int | None]:
        """Return what the user asked for, else whole vectors."""
        return self.options.beat_bits, self.options.out_beat_bits

    def finish(self, design: Design, progress: Progress) -> tuple[None, Files]:
        """Return the Verilog alone."""
        return None, core_files(design)


def core_sources(top: str, style: Style, text: str) -> dict[str, str]:
    """Return a core's Verilog and the models of the cells in it, by file name."""
    models = cells_model(style)
    return {f"{top}.v": text, **({f"{top}_cells.v": models} if models else {})}


def core_files(design: Design) -> Files:
    """Return the core's Verilog and the models of the cells in it."""
    emitted = design.emitted
    sources = core_sources(emitted.top, emitted.style, emitted.text)
    return {name: text.encode() for name, text in sources.items()}


def testbench_file(design: Design, vectors: int) -> Files:
    """Return the core's testbench for `vectors` vectors."""
    shape, style = design.emitted.shape, design.emitted.style
    sources = list(core_sources(shape.top, style, ""))
    return {testbench_name(shape.top): testbench(shape, vectors, sources).encode()}


def timing(shape: CoreShape, clock_mhz: float) -> dict[str, float]:
    """Return what a core does at a clock: latency in ns and results per second, at full speed."""
    return {
        "latency_ns": round(shape.latency * 1000 / clock_mhz, 3),
        "results_per_second": round(clock_mhz * 1e6 / shape.interval),
    }

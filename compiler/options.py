"""What a user can ask of a compilation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from gatec.approx.options import ApproximateOptions
from gatec.asic_options import AsicOptions
from gatec.assumptions import check_assumptions
from gatec.errors import UsageError
from gatec.model import OUTPUT_KINDS, OutputKind

HeadKind = Literal["tree", "carry", "sequential"]
HEAD_KINDS: tuple[HeadKind, ...] = ("tree", "carry", "sequential")
FlowControl = Literal["stall", "credits"]
FLOW_CONTROLS: tuple[FlowControl, ...] = ("stall", "credits")
Resynthesis = Literal["never", "always", "try"]
RESYNTHESIS: tuple[Resynthesis, ...] = ("never", "always", "try")
LinkKind = Literal["uart", "spi", "demo"]
LINK_KINDS: tuple[LinkKind, ...] = ("uart", "spi", "demo")
MAX_EFFORT = 3
MAX_STEPS = 1_000_000_000
MAX_SEEDS = 1000
MAX_TIMEOUT = 1_000_000
MAX_VECTORS = 1_000_000


def check_timeout(seconds: float, option: str = "--proof-timeout") -> None:
    """Raise `UsageError` unless a proof can have that budget."""
    if not 0 < seconds <= MAX_TIMEOUT:
        raise UsageError(
            f"{option} {seconds:g}", expected=f"seconds, more than 0 and up to {MAX_TIMEOUT}"
        )


@dataclass(frozen=True)
class CompileOptions:
    """Options of one compilation; the defaults are those of the command line.

    Attributes
    ----------
    target
        A name from `gatec targets`.
    device, package
        Of the target; the target's and the device's default when None.
    board
        A name from `gatec boards`; it decides device, package and pins, and adds the link.
    link
        What carries vectors to a board's core and results back: `uart` (the default) or `spi`; with
        `demo` nothing does: some test vectors lie in the bitstream, their classes are on LEDs.
    optimise
        0 to 3, as `-O0` to `-O3`.
    effort
        Steps of the searches of `-O3`, a tenth of which is a tenth of the time; None: 2,000,000.
    stages, levels_per_stage, clock
        How to pipeline: a number of stages, a number of LUT levels in each, or the clock in MHz to
        reach after routing. At most one; the target's default when none.
    output
        `argmax` (class number), `scores` (a count for each class) or `bits` (last layer).
    beat_bits, out_beat_bits
        Widths of the input and output streams. None: the whole vector where it fits the pins, else
        the largest power of two that does.
    lut_inputs
        LUT size of target `generic`, or of those that end in a netlist: 2 to 6. Others fix it.
    place_and_route
        False stops after the proved Verilog.
    head
        How class sums are built: `tree` (adders in LUTs), `carry` (on carry chains) or `sequential`
        (in steps, over several cycles); None: from `-O2` on, chains where the target has them, and
        there also in steps, where an interval is asked for and that is smaller.
    interval
        Cycles from vector to vector (initiation interval). None: one, or what the beats take.
    flow_control
        What happens when the output waits: `stall` (all ranks wait) or `credits` (none does, and
        results queue), which is larger and reaches a higher clock. None: `stall`, and `credits`
        where only that meets a clock.
    block_rams
        How many block RAMs may hold tables of sums, so that class sums take fewer LUTs.
    seed
        Of place and route.
    seeds
        Place and route so many times, with `seed` and those after it; the fastest is kept.
    resynthesis
        Whether the family's own synthesis may map gatec's look-up tables again: `never`, `always`,
        or `try`, which keeps the smaller of both.
    proof_timeout
        Seconds for the equivalence proof.
    allow_unproved
        Publish a netlist whose proof was not finished in time; the manifest says so.
    proof
        Add a certificate of the proof that can be checked without gatec.
    proof_time
        Seconds for making it.
    prove_each
        Prove every pass by itself, too.
    dump_passes
        Folder for the netlist after each pass, as text.
    vectors
        Number of test vectors to write.
    approximation
        Approximate the net on data first; None does not.
    asic
        The cells of target `asic`; None for others.
    clocked
        Make a recurrent net a clocked circuit, with its state in registers, in place of unrolling
        it. Its `steps` then are how many a sequence has; without them an input ends it.
    assume
        Facts about the input bits, as `gatec.assumptions` reads them. They are used from `-O2` on,
        and the proof is for inputs that obey them.
    every_step
        Of a clocked circuit: put out an answer after every step, or after the last one only; as
        the model says when None.
    """

    target: str = "ice40"
    device: str | None = None
    package: str | None = None
    board: str | None = None
    link: LinkKind | None = None
    optimise: int = 2
    effort: int | None = None
    stages: int | None = None
    levels_per_stage: int | None = None
    clock: float | None = None
    output: OutputKind = "argmax"
    beat_bits: int | None = None
    out_beat_bits: int | None = None
    lut_inputs: int | None = None
    place_and_route: bool = True
    head: HeadKind | None = None
    flow_control: FlowControl | None = None
    block_rams: int = 0
    interval: int | None = None
    seed: int = 1
    seeds: int = 1
    resynthesis: Resynthesis = "never"
    proof_timeout: float = 600.0
    allow_unproved: bool = False
    proof: bool = False
    proof_time: float = 600.0
    prove_each: bool = False
    dump_passes: Path | None = None
    vectors: int = 256
    approximation: ApproximateOptions | None = None
    asic: AsicOptions | None = None
    clocked: bool = False
    every_step: bool | None = None
    assume: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given = [o for o in ("stages", "levels_per_stage", "clock") if getattr(self, o) is not None]
        if len(given) > 1:
            flags = " and ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(f"{flags} together", expected="one of them")
        for name in (
            "stages",
            "levels_per_stage",
            "clock",
            "beat_bits",
            "out_beat_bits",
            "interval",
        ):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1 << 31:
                raise UsageError(
                    f"--{name.replace('_', '-')} {value}", expected="a positive number"
                )
        self._check_board()
        if not 0 <= self.optimise <= MAX_EFFORT:
            raise UsageError(f"-O{self.optimise}", expected=f"-O0 to -O{MAX_EFFORT}")
        self._check_effort()
        if self.head is not None and self.head not in HEAD_KINDS:
            raise UsageError(f"--head {self.head}", expected=" or ".join(HEAD_KINDS))
        if self.output not in OUTPUT_KINDS:
            raise UsageError(f"--output {self.output}", expected=" or ".join(OUTPUT_KINDS))
        check_timeout(self.proof_timeout)
        check_timeout(self.proof_time, "--proof-time")
        if not 1 <= self.vectors <= MAX_VECTORS:
            raise UsageError(f"--vectors {self.vectors}", expected=f"1 to {MAX_VECTORS}")
        if not 0 <= self.seed < 1 << 31:
            raise UsageError(f"--seed {self.seed}", expected=f"0 to {(1 << 31) - 1}")
        if not 1 <= self.seeds <= MAX_SEEDS:
            raise UsageError(f"--seeds {self.seeds}", expected=f"1 to {MAX_SEEDS}")
        if self.resynthesis not in RESYNTHESIS:
            raise UsageError(f"--resynthesis {self.resynthesis}", expected=" or ".join(RESYNTHESIS))
        if not self.place_and_route:
            self._check_no_routing()
        self._check_clocked()
        self._check_flow_control()
        object.__setattr__(self, "assume", tuple(self.assume))
        check_assumptions(self.assume)

    def _check_effort(self) -> None:
        """Raise `UsageError` at a bound of searches that will not take place, or at no number."""
        if self.effort is None:
            return
        if self.optimise < MAX_EFFORT:
            raise UsageError(
                f"--effort {self.effort} with -O{self.optimise}", expected=f"-O{MAX_EFFORT}"
            )
        if not 1 <= self.effort <= MAX_STEPS:
            raise UsageError(f"--effort {self.effort}", expected=f"1 to {MAX_STEPS}")

    def _check_flow_control(self) -> None:
        """Raise `UsageError` at no flow control, or at one that does not go with steps."""
        asked = self.flow_control
        if asked is not None and asked not in FLOW_CONTROLS:
            raise UsageError(f"--flow-control {asked}", expected=" or ".join(FLOW_CONTROLS))
        if asked == "credits" and self.head == "sequential":
            flags = "--flow-control credits and --head sequential together"
            raise UsageError(flags, expected="one of them")

    def _check_board(self) -> None:
        """Raise `UsageError` at what does not go with a board, or needs one."""
        if self.board is not None and (self.device is not None or self.package is not None):
            other = "--package" if self.device is None else "--device"
            raise UsageError(f"--board and {other} together", expected="one of them")
        if self.link is not None and (self.board is None or self.link not in LINK_KINDS):
            kinds = " or ".join(LINK_KINDS)
            raise UsageError(f"--link {self.link}", expected=f"--board NAME and --link {kinds}")

    def _check_no_routing(self) -> None:
        """Raise `UsageError` at an option that only place and route can carry out."""
        if self.seeds != 1:
            raise UsageError(f"--seeds {self.seeds} with --no-pnr", expected="one of them")
        if self.resynthesis != "never":
            flag = f"--resynthesis {self.resynthesis}"
            raise UsageError(f"{flag} with --no-pnr", expected="one of them")
        if self.clock is not None:
            raise UsageError(
                "--clock without place and route, which alone can tell",
                expected="--levels-per-stage N with --no-pnr",
            )

    def _check_clocked(self) -> None:
        """Raise `UsageError` at an option that does not go with a clocked circuit, or without."""
        if not self.clocked:
            if self.every_step is not None:
                flag = "--every-step" if self.every_step else "--last-step"
                raise UsageError(f"{flag} without --clocked", expected="both, or neither")
            return
        refused = {
            "--approximate": self.approximation is not None,
            "--proof": self.proof,
            "--board": self.board is not None,
            "--target asic": self.target == "asic",
            "--interval": self.interval is not None,
            "--head sequential": self.head == "sequential",
            "--flow-control": self.flow_control is not None,
            "--assume": bool(self.assume),
        }
        for flag, given in refused.items():
            if given:
                raise UsageError(f"{flag} with --clocked", expected="one of them")

    def recorded(self) -> dict[str, object]:
        """Return the options that decide the output, for the manifest: no paths."""
        skipped = {
            "dump_passes",
            "proof_timeout",
            "proof_time",
            "prove_each",
            "approximation",
            "asic",
        }
        if not self.clocked:
            skipped |= {"clocked", "every_step"}
        if not self.assume:
            skipped |= {"assume"}
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skipped}
        asked = self.approximation
        kept["approximation"] = None if asked is None else asked.recorded()
        return kept if self.asic is None else kept | {"asic": self.asic.recorded()}

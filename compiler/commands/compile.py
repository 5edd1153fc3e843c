"""`gatec compile`: from a model file to an output folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gatec.commands.approximating import approximating_options
from gatec.commands.asic import asic_options
from gatec.commands.reading import PROOF_TIMEOUT, ModelPath, reading_options
from gatec.console import Progress, TerminalProgress
from gatec.driver import compile_model
from gatec.frontends import ReadOptions
from gatec.manifest import to_json
from gatec.model import OUTPUT_KINDS
from gatec.options import FLOW_CONTROLS, HEAD_KINDS, LINK_KINDS, RESYNTHESIS, CompileOptions
from gatec.report import summary

_TARGET = (
    click.option(
        "--target",
        default="ice40",
        show_default=True,
        help="What to compile for: see `gatec targets`.",
    ),
    click.option("--device", help="Default: the one that `gatec targets` marks."),
    click.option("--package", help="Default: the device's first there."),
    click.option("--board", help="See `gatec boards`: sets target, device and pins, adds a UART."),
    click.option("--link", type=click.Choice(LINK_KINDS), help="What a board has in its place."),
    click.option(
        "--lut-inputs",
        type=int,
        metavar="K",
        help="LUT size of generic and of targets that end in a netlist.",
    ),
    click.option(
        "--no-pnr",
        "place_and_route",
        flag_value=False,
        default=True,
        type=bool,
        help="Stop after the proved Verilog: no place and route, no bitstream.",
    ),
    click.option("--seed", type=int, default=1, show_default=True, help="Seed of place and route."),
    click.option(
        "--seeds",
        type=int,
        default=1,
        show_default=True,
        metavar="N",
        help="Route with N seeds from --seed on and keep the fastest.",
    ),
    click.option(
        "--resynthesis",
        type=click.Choice(RESYNTHESIS),
        default="never",
        show_default=True,
        help="Let Yosys map gatec's LUTs again, except for iCE40; try keeps the smaller.",
    ),
)
_CIRCUIT = (
    click.option(
        "-O",
        "optimise",
        type=click.IntRange(0, 3),
        default=2,
        show_default=True,
        help="Effort: 0 map only, 1 fast, 2 smaller, 3 the best of several tries.",
    ),
    click.option(
        "--effort",
        type=int,
        metavar="N",
        help="Steps of -O3's searches; default 2000000, a tenth of it is a tenth of the time.",
    ),
    click.option(
        "--head",
        type=click.Choice(HEAD_KINDS),
        help="Class sums in LUTs, on carry chains (iCE40) or in steps (--interval); default: what "
        "is smaller there, from -O2 on.",
    ),
    click.option(
        "--interval",
        type=int,
        metavar="N",
        help="Cycles from result to result; default: 1, or as many as a vector has beats.",
    ),
    click.option(
        "--flow-control",
        type=click.Choice(FLOW_CONTROLS),
        help="While the output waits: all stages wait, or results queue (larger, faster clock); "
        "default: stall, and credits where only that meets --clock.",
    ),
    click.option(
        "--block-rams",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Block RAMs that may count in place of LUTs, as tables (ECP5, iCE40, generic).",
    ),
    click.option("--stages", type=int, metavar="N", help="Pipeline stages."),
    click.option("--levels-per-stage", type=int, metavar="N", help="LUT levels in a stage."),
    click.option(
        "--clock", type=float, metavar="MHZ", help="Clock to reach: routed, or in gates for asic."
    ),
    click.option(
        "--output",
        type=click.Choice(OUTPUT_KINDS),
        default="argmax",
        show_default=True,
        help="What the circuit puts out: class number, score of each class, or last layer.",
    ),
    click.option(
        "--clocked",
        is_flag=True,
        help="State registers for a recurrent net, and a step a cycle, in place of unrolling: "
        "sequences of --steps, or of any length, which the input i_last ends.",
    ),
    click.option(
        "--every-step/--last-step",
        default=None,
        help="With --clocked: when there is an answer; default: as the model says.",
    ),
    click.option(
        "--assume",
        multiple=True,
        metavar="FACT",
        help="State codes of the input bits: thermometer:BITS, one-hot:BITS, range:BITS:MOST, each "
        "with @FIRST-LAST; the circuit is right, and proved, on such inputs only.",
    ),
    click.option("--beat-bits", type=int, metavar="N", help="Input bits per beat."),
    click.option("--out-beat-bits", type=int, metavar="N", help="Output bits per beat."),
)
_PROOF = (
    PROOF_TIMEOUT,
    click.option(
        "--allow-unproved",
        is_flag=True,
        help="Write the output even if the proof did not finish; the manifest says so.",
    ),
    click.option(
        "--proof",
        is_flag=True,
        help="Add a certificate that can be checked without gatec: CNF, DRAT and LRAT files.",
    ),
    click.option(
        "--proof-time",
        type=float,
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="Time for making the certificate.",
    ),
    click.option("--prove-each", is_flag=True, help="Prove each pass by itself, too."),
    click.option(
        "--dump-passes",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Write the netlist after each pass as text.",
    ),
    click.option(
        "--vectors",
        type=int,
        default=256,
        show_default=True,
        metavar="N",
        help="Number of test vectors to write.",
    ),
)


def _all_options(command: Any) -> Any:
    for option in reversed((*_TARGET, *_CIRCUIT, *_PROOF)):
        command = option(command)
    return command


@click.command("compile")
@click.argument("model", type=ModelPath())
@click.option(
    "-o",
    "output_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write; default: build/NAME.",
)
@_all_options
@asic_options
@approximating_options
@reading_options
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
def compile_command(
    model: Path,
    output_dir: Path | None,
    reading: ReadOptions,
    quiet: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Compile MODEL to a proved circuit and, for an FPGA, to a bitstream.

    MODEL is a trainer's file, a circuit, or demo:digits. The folder is written all or
    nothing, and only after the Verilog text was proved equal to the model.
    """
    progress = Progress() if quiet else TerminalProgress()
    result = compile_model(
        model,
        CompileOptions(**values),
        reading,
        output_dir=output_dir or Path("build"),
        named_below=output_dir is None,
        progress=progress,
    )
    if as_json:
        click.echo(to_json(result.manifest), nl=False)
    elif not quiet:
        click.echo(summary(result.manifest))
        click.echo(f"written to {result.directory}")

"""`gatec sim`: run a model, or a compiled circuit, on data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gatec.commands.reading import ModelPath, reading_options
from gatec.console import Progress, TerminalProgress
from gatec.errors import UsageError
from gatec.frontends import ReadOptions
from gatec.model import OUTPUT_KINDS
from gatec.rtl import JUDGES
from gatec.sim.encoding import Labels
from gatec.sim.engine import ENGINE_NAMES
from gatec.sim.evaluator import Outputs
from gatec.simulation import Simulation, simulate

_DATA = (
    click.option(
        "--data",
        required=True,
        type=ModelPath(),
        help=".npy, .npz, MNIST idx, .parquet, .arrow or csv; a pipe will do for most.",
    ),
    click.option("--labels", type=ModelPath(), help="Labels, where they are not with the data."),
    click.option("--label-column", metavar="NAME", help="Column of the labels in a table."),
    click.option("--threshold", type=float, help="Input bit = value > THRESHOLD."),
    click.option("--limit", type=int, metavar="N", help="Use the first N samples only."),
)
_OUTPUT = (
    click.option(
        "--output",
        type=click.Choice(OUTPUT_KINDS),
        help="What to put out; default: classes, or bits of a model without classes.",
    ),
    click.option(
        "-o",
        "--predictions",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write the outputs to this .npy or .parquet file.",
    ),
    click.option(
        "--toggles",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write how often each net changes from sample to sample, as csv.",
    ),
    click.option(
        "--waves",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write waves of --signals as .vcd or .fst, a step for each sample; with --rtl, of the "
        "Verilog, clock by clock.",
    ),
    click.option(
        "--signals",
        multiple=True,
        metavar="PATTERN",
        help="Signals for --waves, with * and ?: `y`, `layer0`, `stage1[7]`; default: x and y, "
        "with --rtl the ports.",
    ),
    click.option(
        "--report", is_flag=True, help="Also precision and recall, confusion matrix, throughput."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option("--quiet", "-q", is_flag=True, help="Show no progress bar."),
)


def _options(command: Any) -> Any:
    for option in reversed((*_DATA, *_OUTPUT)):
        command = option(command)
    return command


@click.command()
@click.argument("model", type=ModelPath())
@_options
@click.option(
    "--engine",
    type=click.Choice(ENGINE_NAMES),
    default="auto",
    show_default=True,
    help="What runs the model; all give the same bits.",
)
@click.option("--threads", type=int, metavar="N", help="Cores to use; default: all.")
@click.option(
    "--clocked",
    is_flag=True,
    help="Run a recurrent net cycle by cycle, instead of unrolled over --steps: the same outputs, "
    "in the memory of one step. Each sample is a sequence, the inputs of step 0 first. With --rtl, "
    "the clocked circuit.",
)
@click.option("--rtl", is_flag=True, help="Run the emitted Verilog in a simulator, too.")
@click.option(
    "--simulator",
    type=click.Choice(JUDGES),
    default="icarus",
    show_default=True,
    help="For --rtl: a simulator that runs each cycle, or `netlist`, gatec's own reader of the "
    "text, for the largest designs.",
)
@click.option(
    "--write-testbench",
    "testbench",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the Verilog with a self-checking testbench of the samples, for any simulator.",
)
@reading_options
def sim(model: Path, report: bool, as_json: bool, quiet: bool, **values: Any) -> None:
    """Run MODEL (a model file, or a folder that compile wrote) on data.

    With labels in the data it prints the accuracy, else the outputs. The data may be larger than
    memory.
    """
    reading: ReadOptions = values.pop("reading")
    limit = values.get("limit")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit}", expected="a positive number")
    printer = None if as_json or values["predictions"] is not None else _Printer()
    result = simulate(
        model,
        reading=reading,
        keep_outputs=as_json,
        also=printer,
        progress=Progress() if quiet else TerminalProgress(),
        **values,
    )
    click.echo(_as_json(result, report) if as_json else _as_text(result, report))


class _Printer:
    """Prints outputs as they come, a line for each sample."""

    def add(self, outputs: Outputs, labels: Labels | None) -> None:
        """Print the outputs of some samples, unless the accuracy will say it all."""
        if labels is not None and outputs.ndim == 1:
            return
        rows = outputs.reshape(len(outputs), -1).tolist()
        # Bits as one word, bit 0 last, as Verilog prints them; numbers with spaces between.
        if outputs.dtype.itemsize == 1:
            click.echo("\n".join("".join(map(str, row[::-1])) for row in rows))
        else:
            click.echo("\n".join(" ".join(map(str, row)) for row in rows))


def _as_json(result: Simulation, report: bool) -> str:
    values: dict[str, Any] = {"samples": result.num_samples, **result.facts()}
    if result.confusion is None:
        assert result.outputs is not None
        values["outputs"] = result.outputs.tolist()
    elif report:
        values["classes"] = result.confusion.report()
        values["confusion"] = result.confusion.counts.tolist()
    if report:
        values.update(result.throughput())
    return json.dumps(values)


def _as_text(result: Simulation, report: bool) -> str:
    facts: dict[str, Any] = {"samples": result.num_samples, **result.facts()}
    if report:
        facts.update(result.throughput())
    lines = [f"{key.replace('_', ' ')}: {value}" for key, value in facts.items()]
    if report and result.confusion is not None:
        lines += ["", *result.confusion.lines()]
    return "\n".join(lines)

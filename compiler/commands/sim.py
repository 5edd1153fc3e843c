"""`gatec sim`: run a model, or a compiled circuit, on data."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import click
import numpy as np

from gatec.commands.reading import ModelPath, reading_options
from gatec.errors import UsageError
from gatec.frontends import ReadOptions
from gatec.sim.engine import ENGINE_NAMES
from gatec.simulation import Simulation, simulate


@click.command()
@click.argument("model", type=ModelPath())
@click.option("--data", required=True, type=ModelPath(), help=".npy, .npz, MNIST idx or csv.")
@click.option("--labels", type=ModelPath(), help="Labels, where they are not with the data.")
@click.option("--label-column", metavar="NAME", help="Column of the labels in a csv file.")
@click.option("--threshold", type=float, help="Input bit = value > THRESHOLD.")
@click.option("--limit", type=int, metavar="N", help="Use the first N samples only.")
@click.option(
    "--engine",
    type=click.Choice(ENGINE_NAMES),
    default="auto",
    show_default=True,
    help="What runs the model; all give the same bits.",
)
@click.option("--threads", type=int, metavar="N", help="Cores to use; default: all.")
@click.option("--rtl", is_flag=True, help="Run the emitted Verilog in Icarus Verilog, too.")
@click.option(
    "--output",
    type=click.Choice(["argmax", "scores", "bits"]),
    help="What to print; default: classes, or bits of a model without classes.",
)
@click.option(
    "-o",
    "output_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the outputs to this .npy file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reading_options
def sim(model: Path, output_file: Path | None, as_json: bool, **values: Any) -> None:
    """Run MODEL (a model file, or a folder that compile wrote) on data.

    With labels in the data it prints the accuracy, else the outputs.
    """
    reading: ReadOptions = values.pop("reading")
    limit = values.get("limit")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit}", expected="a positive number")
    result = simulate(model, reading=reading, **values)
    if output_file is not None:
        _save(result, output_file)
    click.echo(_as_json(result) if as_json else _as_text(result, output_file is None))


def _save(result: Simulation, path: Path) -> None:
    """Write the outputs all or nothing."""
    content = io.BytesIO()
    np.save(content, result.outputs)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content.getvalue())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise UsageError(f"cannot be written: {error.strerror}", file=path) from None


def _as_json(result: Simulation) -> str:
    values: dict[str, Any] = {"samples": len(result.outputs), **result.facts()}
    if result.accuracy is None:
        values["outputs"] = result.outputs.tolist()
    return json.dumps(values)


def _as_text(result: Simulation, show_outputs: bool) -> str:
    lines = []
    if result.accuracy is None and show_outputs:
        rows = result.outputs.reshape(len(result.outputs), -1)
        # Bits as one word, bit 0 last, as Verilog prints them; numbers with spaces between.
        bits = result.kind == "bits"
        lines += [
            "".join(map(str, row[::-1])) if bits else " ".join(map(str, row))
            for row in rows.tolist()
        ]
    lines += [f"{key.replace('_', ' ')}: {value}" for key, value in result.facts().items()]
    return "\n".join([f"samples: {len(result.outputs)}", *lines])

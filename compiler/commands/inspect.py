"""`gatec inspect`: what is in a model file, and what is not."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from gatec.commands.reading import ModelPath, reading_options
from gatec.frontends import ReadOptions, inspect_model
from gatec.frontends.inspection import UNKNOWN
from gatec.frontends.registry import unknown_model


@click.command()
@click.argument("model", type=ModelPath())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reading_options
def inspect(model: Path, as_json: bool, reading: ReadOptions) -> None:
    """Say what is in a model file: blocks, shapes, gates, and what is missing.

    Of a file that no frontend knows it lists the content and ends with exit code 3.
    """
    found = inspect_model(model, reading)
    click.echo(json.dumps(asdict(found), indent=2) if as_json else str(found))
    if found.format == UNKNOWN:
        raise unknown_model(found.file, found.notes["content"])

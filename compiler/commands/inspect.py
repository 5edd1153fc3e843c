"""`gatec inspect`: what is in a model file, and what is not."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from gatec.commands.reading import ModelPath, reading_options
from gatec.frontends import ReadOptions, inspect_model


@click.command()
@click.argument("model", type=ModelPath())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reading_options
def inspect(model: Path, as_json: bool, reading: ReadOptions) -> None:
    """Say what is in a model file: blocks, shapes, gates, and what is missing."""
    found = inspect_model(model, reading)
    click.echo(json.dumps(asdict(found), indent=2) if as_json else str(found))

"""`gatec flash`: put a compiled circuit onto its board."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from gatec.boards import load_board
from gatec.boards.flash import flash as flash_board
from gatec.boards.flash import flash_command
from gatec.errors import ModelError
from gatec.folder import OutputFolder


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the programmer's command, run nothing.")
def flash(folder: Path, dry_run: bool) -> None:
    """Program the board that FOLDER was compiled for."""
    output = OutputFolder.load(folder)
    name = output.manifest["options"]["board"]
    physical = output.manifest["physical"]
    if name is None or physical is None:
        raise ModelError("holds no board's bitstream", file=folder, expected="compile with --board")
    board = load_board(name)
    file = physical.get("bitstream", f"{physical['top']}.bin")
    output.read(file)
    if dry_run:
        click.echo(shlex.join(flash_command(board, folder / file)))
    else:
        click.echo(flash_board(board, folder / file), nl=False)

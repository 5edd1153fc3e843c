"""`gatec verify`: prove an output folder again."""

from __future__ import annotations

from pathlib import Path

import click

from gatec.commands.reading import PROOF_TIMEOUT, ModelPath, reading_options
from gatec.frontends import ReadOptions
from gatec.verify import verify_folder


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", type=ModelPath(), help="The model file; default: the folder's own copy.")
@click.option(
    "--liberty",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Of target asic, the cells; default: the folder's own list of their functions.",
)
@PROOF_TIMEOUT
@reading_options
def verify(
    folder: Path,
    model: Path | None,
    liberty: tuple[Path, ...],
    proof_timeout: float,
    reading: ReadOptions,
) -> None:
    """Check an output folder: files unchanged, Verilog proved equal to the model, vectors right.

    With --model, the original file is read again (give the same reading options as to compile) and
    must be the one that the manifest names.
    """
    for fact in verify_folder(folder, model, reading, proof_timeout, liberty):
        click.echo(fact)

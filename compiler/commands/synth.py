"""`gatec synth`: the smallest circuit of a truth table or of a given circuit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gatec.commands.reading import PROOF_TIMEOUT
from gatec.console import Progress, TerminalProgress
from gatec.options import check_timeout


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="File to write: .aig, .aag, .blif or .v.",
)
@click.option(
    "--effort",
    type=float,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to search.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    metavar="N",
    help="Search so many steps instead: the same result on every machine.",
)
@click.option("--lut", type=int, metavar="K", help="Minimise LUTs of K inputs, not AND gates.")
@click.option(
    "--seed",
    type=click.IntRange(0, 1 << 31),
    default=1,
    show_default=True,
    help="Seed of the search.",
)
@PROOF_TIMEOUT
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def synth(source: Path, target: Path, lut: int | None, **values: Any) -> None:
    """Synthesise SOURCE: a .truth, .pla, .blif, .bench, .aig or .aag file.

    What is written was proved equal to SOURCE before: up to 16 inputs by trying every assignment.
    """
    # Numba takes a second to import.
    from gatec.synth.search import Effort
    from gatec.synthesis import SynthOptions, synthesise

    check_timeout(values["proof_timeout"])
    options = SynthOptions(
        effort=Effort(values["effort"], steps=values["steps"], seed=values["seed"]),
        lut_inputs=lut,
        proof_timeout=values["proof_timeout"],
    )
    progress = Progress() if values["quiet"] else TerminalProgress()
    result = synthesise(source, target, options, progress)
    if not values["quiet"]:
        click.echo(result)

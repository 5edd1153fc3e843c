"""The options of `gatec compile --target asic`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gatec.asic_options import AsicOptions
from gatec.errors import UsageError
from gatec.liberty.named import NAMED

_OPTIONS = (
    click.option(
        "--liberty",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Standard cells of target asic, .lib or .lib.gz; several files are one library.",
    ),
    click.option(
        "--library",
        "known",
        metavar="NAME",
        help=f"A known library of target asic: {', '.join(NAMED)}.",
    ),
    click.option(
        "--pdk-root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder with the PDK that has it; default: the variable PDK_ROOT.",
    ),
    click.option(
        "--dont-use",
        multiple=True,
        metavar="PATTERN",
        help="Cells that target asic avoids, such as '*_16'.",
    ),
    click.option(
        "--tiny-tapeout",
        is_flag=True,
        help="Of target asic, add a Tiny Tapeout project: bytes in and out, a testbench.",
    ),
    click.option(
        "--clock-gates",
        is_flag=True,
        help="Of target asic, stop the clock of registers that wait: no multiplexer at each.",
    ),
    click.option(
        "--threshold-cells",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Of target asic, map to these cells of threshold logic too, and compare: see README.",
    ),
)
_NAMES = (
    *("liberty", "known", "pdk_root", "dont_use", "tiny_tapeout", "clock_gates"),
    "threshold_cells",
)


def asic_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as `asic: AsicOptions | None`."""

    @functools.wraps(command)
    def collected(**values: Any) -> Any:
        given = {name: values.pop(name) for name in _NAMES}
        given = {name: value for name, value in given.items() if value not in (None, (), False)}
        if given and values["target"] != "asic":
            name = next(iter(given)).replace("known", "library").replace("_", "-")
            raise UsageError(f"--{name} with target {values['target']}", expected="--target asic")
        asked = AsicOptions(**given) if values["target"] == "asic" else None
        return command(asic=asked, **values)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected

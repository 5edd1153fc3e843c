"""The options of `gatec compile --approximate`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import click

from gatec.approx.options import ApproximateOptions
from gatec.commands.reading import ModelPath
from gatec.errors import UsageError

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+) ?%")

_OPTIONS = (
    click.option(
        "--approximate",
        is_flag=True,
        help="Give up what the net hardly ever does on --data; the proof is against that net.",
    ),
    click.option("--data", type=ModelPath(), help="Data to approximate on, as for `gatec sim`."),
    click.option("--labels", type=ModelPath(), help="Labels, where they are not with the data."),
    click.option("--label-column", metavar="NAME", help="Column of the labels in a table."),
    click.option("--threshold", type=float, help="Input bit = value > THRESHOLD."),
    click.option(
        "--max-drop",
        metavar="PERCENT",
        help="Accuracy to give up at most, on held-out rows: 0.1% (default).",
    ),
    click.option("--keep-votes", is_flag=True, help="Merge only; drop no input of a class sum."),
    click.option("--split-seed", type=int, metavar="N", help="Decides which rows are held out."),
)

_NAMES = (
    "data",
    "labels",
    "label_column",
    "threshold",
    "max_drop",
    "keep_votes",
    "split_seed",
)


def approximating_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as `approximation: ApproximateOptions | None`."""

    @functools.wraps(command)
    def collected(**values: Any) -> Any:
        wanted = values.pop("approximate")
        given = {name: values.pop(name) for name in _NAMES}
        given = {name: value for name, value in given.items() if value not in (None, False)}
        if given and not wanted:
            name = next(iter(given)).replace("_", "-")
            raise UsageError(f"--{name} without --approximate", expected="both or neither")
        return command(approximation=_asked(given) if wanted else None, **values)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


def _asked(given: dict[str, Any]) -> ApproximateOptions:
    if "data" not in given:
        raise UsageError("--approximate without --data", expected="--data FILE")
    if "max_drop" in given:
        given["max_drop"] = _share(given["max_drop"])
    if given.pop("keep_votes", False):
        given["drop_votes"] = False
    return ApproximateOptions(**given)


def _share(text: str) -> float:
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--max-drop {text}", expected="a percentage such as 0.1%")
    return float(match[1]) / 100

"""The options that complete a model file, shared by every command that reads one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from gatec.demo import path as demo_path
from gatec.frontends import ReadOptions

_OPTIONS = (
    click.option("--format", "format_", metavar="NAME", help="Read with this frontend only."),
    click.option("--name", help="Name of the circuit; default: from the file name."),
    click.option("--inputs", type=int, metavar="N", help="Width of the model's input, in bits."),
    click.option("--classes", type=int, metavar="N", help="Number of classes."),
    click.option("--tau", type=float, help="Softmax temperature of the class sums (reported)."),
    click.option("--beta", type=float, help="Offset of the class sums (reported)."),
    click.option(
        "--wiring",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File with the connections, where the model file lacks them.",
    ),
    click.option(
        "--replay",
        metavar="SETTINGS",
        help="Draw difflogic's connections again: "
        "seed=0,connections=unique|random,device=cuda|cpu,draws-before=60000",
    ),
    click.option(
        "--parametrization",
        type=click.Choice(["raw", "light", "warp"]),
        help="How torchlogix weights encode truth tables, where the shape does not tell.",
    ),
    click.option(
        "--steps",
        type=int,
        metavar="N",
        help="Steps of a recurrent net: unrolled over, or with --clocked one after the other.",
    ),
    click.option(
        "--codebook",
        metavar="CODE",
        help="Decide for the nearest codeword: one-hot, binary, binary-lsb, or a file with the "
        "codewords, codebook [classes, bits].",
    ),
    click.option(
        "--image",
        metavar="CxHxW",
        help="Size of the image that the first layer reads, where a convolution lacks it: 1x28x28.",
    ),
    click.option(
        "--architecture",
        type=click.Path(path_type=Path, dir_okay=False),
        help="JSON list of the layers that a state dict belongs to, as the training script makes "
        "them.",
    ),
    click.option(
        "--parameters",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File with the bits that a circuit's last inputs are fixed to: 0 and 1, or an array "
        "called parameters.",
    ),
    click.option(
        "--features",
        metavar="CODES",
        help="What the circuit's input is, for a model with thresholds: bits (encoder outside), "
        "or integer codes: uint8,scale=1/255,offset=0",
    ),
)

PROOF_TIMEOUT = click.option(
    "--proof-timeout",
    type=float,
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Budget of the equivalence proof.",
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the reading options to a command, which gets them as one `reading: ReadOptions`."""

    @functools.wraps(command)
    def collected(**values: Any) -> Any:
        names = {
            f.name: f"{f.name}_" if f.name == "format" else f.name for f in fields(ReadOptions)
        }
        reading = ReadOptions(**{name: values.pop(key) for name, key in names.items()})
        return command(reading=reading, **values)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


class ModelPath(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases only
    """A path, or `demo:NAME` for a file that gatec ships."""

    name = "path"

    def convert(self, value: Any, param: object, ctx: object) -> Path:
        """Return the path; whether it exists is for the reader to say."""
        text = str(value)
        return demo_path(text.removeprefix("demo:")) if text.startswith("demo:") else Path(text)

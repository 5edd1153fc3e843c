"""What a user can say about a model beside its file: the facts that no file holds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from gatec.errors import UsageError
from gatec.limits import MAX_GATES

Parametrization = Literal["raw", "light", "warp"]

MAX_CODE_BITS = 16
MAX_STEPS = 4096
_IMAGE = re.compile(r"[1-9][0-9]{0,4}(x[1-9][0-9]{0,4}){1,3}")
_CODES = re.compile(r"uint([1-9]|1[0-6])")


@dataclass(frozen=True)
class ReadOptions:
    """Facts that complete a model file. A fact that is neither here nor in the file is asked for.

    Attributes
    ----------
    format
        Name of the frontend to read with; None finds it by the file's content.
    name
        Model name; None derives it from the file's name.
    inputs
        Number of bits that the first gate layer may read.
    classes
        Number of groups that the last layer's outputs divide into.
    tau, beta
        The trainer's score is `(count + beta) / tau`; only reported.
    wiring
        File with the wiring of a model that lacks it (see `gatec.frontends.wiring`).
    replay
        How a difflogic net drew its wiring, to draw it again (see `gatec.frontends.replay`):
        `seed=0,connections=unique,device=cuda,draws-before=60000`.
    parametrization
        How torchlogix weights encode truth tables, where their shape does not tell.
    steps
        Number of steps that a recurrent net is unrolled over.
    codebook
        How the last layer's bits stand for classes, where they are no groups that are counted:
        `one-hot`, `binary`, `binary-lsb`, or a file (see `gatec.frontends.codebook`).
    image
        `CHANNELSxHEIGHTxWIDTH` of the first layer's input, for convolutions that do not hold it.
    architecture
        File that says which layers a state dict belongs to (see `gatec.frontends.architecture`).
    parameters
        File with the bits that a circuit's last inputs are fixed to (see
        `gatec.frontends.parameters`).
    features
        What the circuit's input is when the model holds an encoder: `bits` leaves the encoder
        outside; `uint8,scale=1/255,offset=0` puts it inside (see `FeatureCodes`).
    """

    format: str | None = None
    name: str | None = None
    inputs: int | None = None
    classes: int | None = None
    tau: float | None = None
    beta: float | None = None
    wiring: Path | None = None
    replay: str | None = None
    parametrization: Parametrization | None = None
    features: str | None = None
    steps: int | None = None
    codebook: str | None = None
    image: str | None = None
    architecture: Path | None = None
    parameters: Path | None = None

    def __post_init__(self) -> None:
        for option, value, most in (
            ("--inputs", self.inputs, MAX_GATES),
            ("--classes", self.classes, MAX_GATES),
            ("--steps", self.steps, MAX_STEPS),
        ):
            if value is not None and not 1 <= value <= most:
                raise UsageError(f"{option} {value}", expected=f"1 to {most}")
        if self.tau is not None and not 0 < self.tau < math.inf:
            raise UsageError(f"--tau {self.tau}", expected="a positive number")
        if self.beta is not None and not math.isfinite(self.beta):
            raise UsageError(f"--beta {self.beta}", expected="a finite number")
        if self.parametrization not in (None, "raw", "light", "warp"):
            raise UsageError(
                f"--parametrization {self.parametrization}", expected="raw, light or warp"
            )
        _ = self.image_sizes
        if self.wiring is not None and self.replay is not None:
            raise UsageError("--wiring and --replay together", expected="one of them")

    @property
    def image_sizes(self) -> tuple[int, ...] | None:
        """The numbers in `image`; raise `UsageError` when they are none."""
        if self.image is None:
            return None
        if _IMAGE.fullmatch(self.image) is None:
            raise UsageError(f"--image {self.image}", expected="such as 1x28x28")
        return tuple(int(size) for size in self.image.split("x"))


@dataclass(frozen=True)
class FeatureCodes:
    """How the integer codes at the circuit's input stand for the trainer's floats.

    A code `c` is `float32(c) * float32(scale) + float32(offset)`, rounded to float32 after each
    step; with `divide`, it is divided by `scale` instead (torchvision's `ToTensor` divides by
    255, which is not always the same float as multiplying by 1/255).

    Attributes
    ----------
    bits
        Width of a code, 1 to 16, unsigned.
    scale, offset
        Finite; `scale` is positive.
    divide
        Written as `scale=1/N`: divide by N.
    """

    bits: int
    scale: float = 1.0
    offset: float = 0.0
    divide: bool = False

    @classmethod
    def parse(cls, text: str) -> FeatureCodes:
        """Return the codes that `uintN[,scale=S][,offset=O]` describes; S may be `1/N`.

        Raises `UsageError`.
        """
        kind, *settings = (part.strip() for part in text.split(","))
        match = _CODES.fullmatch(kind)
        if match is None:
            raise _bad_features(text, f"{kind!r}")
        values = parse_settings("--features", ",".join(settings), ("scale", "offset"))
        scale, divide = values.get("scale", "1"), False
        if scale.startswith("1/"):
            scale, divide = scale[2:], True
        codes = cls(
            int(match[1]),
            _float32(text, scale),
            _float32(text, values.get("offset", "0")),
            divide,
        )
        if not codes.scale > 0:
            raise _bad_features(text, f"scale {codes.scale:g}", "a positive scale")
        if not np.isfinite(codes.values()).all():
            raise _bad_features(text, "codes overflow float32", "a smaller scale")
        return codes

    def values(self) -> npt.NDArray[np.float32]:
        """Return the float that each code stands for, `float32[2**bits]`, ascending."""
        codes = np.arange(1 << self.bits, dtype=np.float32)
        scale = np.float32(self.scale)
        with np.errstate(over="ignore"):
            scaled = codes / scale if self.divide else codes * scale
            return (scaled + np.float32(self.offset)).astype(np.float32)


def parse_settings(option: str, text: str, known: tuple[str, ...]) -> dict[str, str]:
    """Return the `key=value` pairs of a comma-separated option; raise `UsageError` at others."""
    values: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or key not in known or key in values:
            raise UsageError(f"{option}: {part!r}", expected=f"each of {', '.join(known)} once")
        values[key] = value.strip()
    return values


def _float32(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        raise _bad_features(text, f"{number!r} is not a number") from None
    if not abs(value) <= float(np.finfo(np.float32).max):
        raise _bad_features(text, f"{number!r} is not a finite float32")
    return float(np.float32(value))


def _bad_features(text: str, what: str, expected: str | None = None) -> UsageError:
    return UsageError(
        f"--features {text}: {what}",
        expected=expected or "bits, or uint1 to uint16 with scale=S,offset=O",
    )

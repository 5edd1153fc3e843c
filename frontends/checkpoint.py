"""What training scripts save beside a difflogic state dict: wiring, head, and the seed.

* matheusmaldaner/DiffLogicVisualizer: `connections`, a pair of integer tensors for each layer, and
  `model_config` with `output_size` (the classes), `tau` and `layers_config`, an OmegaConf tree
  whose first layer has the input width in `in_dim`;
* shakiryousefi/gumbel-lgn: `config` with the `seed` that the wiring was drawn from, and `tau`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.files.content import Content
from gatec.frontends.files.records import Record
from gatec.frontends.files.tensors import Array
from gatec.frontends.wiring import index_pairs

_MAX_DEPTH = 10


@dataclass(frozen=True, eq=False)
class Beside:
    """Facts beside a state dict.

    Attributes
    ----------
    wiring
        `[gates, 2]` for each layer, or None.
    inputs, classes, tau
        Where stored.
    seed
        What the trainer's generators were seeded with, where stored.
    """

    wiring: list[Array] | None = None
    inputs: int | None = None
    classes: int | None = None
    tau: float | None = None
    seed: int | None = None

    @property
    def hint(self) -> str:
        """What the seed is good for, as an addition to a message."""
        if self.seed is None:
            return ""
        return (
            f"; its config says seed {self.seed}: try --replay "
            f"seed={self.seed},connections=unique,device=cuda"
        )


def beside(content: Content) -> Beside:
    """Return what a checkpoint says beside its state dict; raise `ModelError` at bad wiring."""
    outer = content.value
    if not isinstance(outer, dict) or outer is content.model:
        return Beside()
    config = plain(outer.get("model_config"))
    config = config if isinstance(config, dict) else {}
    trainer = plain(outer.get("config"))
    trainer = trainer if isinstance(trainer, dict) else {}
    layers = config.get("layers_config")
    first = next(iter(layers.values()), None) if isinstance(layers, dict) else None
    return Beside(
        _wiring(outer.get("connections"), content.label),
        _whole(first.get("in_dim")) if isinstance(first, dict) else None,
        _whole(config.get("output_size")),
        _number(config.get("tau", trainer.get("tau"))),
        _whole(trainer.get("seed"), least=0),
    )


def plain(value: Any, depth: int = 0) -> Any:
    """Return an OmegaConf tree as dictionaries, lists and scalars; other values as they are."""
    if isinstance(value, Record) and isinstance(value.state, dict) and depth < _MAX_DEPTH:
        if value.path.startswith("omegaconf.nodes."):
            return value.state.get("_val")
        if value.path.startswith("omegaconf."):
            return plain(value.state.get("_content"), depth + 1)
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        return {key: plain(part, depth + 1) for key, part in value.items()}
    return value


def _wiring(value: Any, file: str) -> list[Array] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    found = []
    for i, sides in enumerate(value):
        place = f"connections[{i}]"
        if (
            not isinstance(sides, list | tuple)
            or len(sides) != 2
            or not all(isinstance(side, np.ndarray) for side in sides)
        ):
            raise ModelError("is not two tensors", file=file, place=place)
        found.append(index_pairs(*sides, file=file, place=place))
    return found


def _whole(value: Any, least: int = 1) -> int | None:
    return value if type(value) is int and least <= value < 1 << 63 else None


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and 0 < value < 1e300 else None

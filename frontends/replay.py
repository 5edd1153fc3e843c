"""Draw difflogic's random wiring again from its seed.

difflogic 0.1.0 keeps the wiring of a layer in a plain tuple that no state dict holds. It comes from
torch's global CPU generator, so the seed and the draws before it give it back:

1. the seed;
2. draws before the model, such as the permutation of a train/validation split (`draws-before=N`);
3. for each layer in order, the weights (`randn(gates, 16)`: they take from this generator only when
   the model was made on the CPU, `device=cpu`), then the wiring's permutations.

Facts from difflogic/difflogic.py (`get_connections`) and functional.py (`get_unique_connections`).
torch's generator is torch's own algorithm, so torch is needed, and only here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gatec.errors import ModelError, ToolError, UsageError
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import parse_settings

_MAX_DRAWS = 1 << 30


@dataclass(frozen=True)
class Replay:
    """How a difflogic net drew its wiring.

    Attributes
    ----------
    seed
        Argument of `torch.manual_seed`.
    connections
        Argument of `LogicLayer`.
    device
        Where the model was made.
    draws_before
        Size of one `randperm` before the model; 0 for none.
    """

    seed: int
    connections: Literal["random", "unique"]
    device: Literal["cpu", "cuda"]
    draws_before: int = 0

    @classmethod
    def parse(cls, text: str) -> Replay:
        """Return the replay that the option's text describes; raise `UsageError`."""
        keys = ("seed", "connections", "device", "draws-before")
        values = parse_settings("--replay", text, keys)
        for key in keys[:3]:
            if key not in values:
                raise UsageError(f"--replay {text}: no {key}", expected=f"{key}=...")
        if values["connections"] not in ("random", "unique"):
            raise UsageError(f"--replay {text}: connections", expected="random or unique")
        if values["device"] not in ("cpu", "cuda"):
            raise UsageError(f"--replay {text}: device", expected="cpu or cuda")
        return cls(
            _integer(text, values["seed"], (1 << 63) - 1),
            values["connections"],  # type: ignore[arg-type]
            values["device"],  # type: ignore[arg-type]
            _integer(text, values.get("draws-before", "0"), _MAX_DRAWS),
        )

    def draw(self, inputs: int, widths: list[int], *, file: str) -> list[Array]:
        """Return the wiring `int64[gates, 2]` of layers of given widths, in order.

        Raises `ToolError` without torch, and `ModelError` at widths that difflogic refuses.
        """
        try:
            import torch
        except ImportError:
            raise ToolError(
                "--replay needs torch's random generator",
                file="torch",
                expected="pip install 'gatec[torch]'",
            ) from None
        generator = torch.Generator().manual_seed(self.seed)

        def permutation(count: int) -> npt.NDArray[np.int64]:
            drawn: npt.NDArray[np.int64] = torch.randperm(count, generator=generator).numpy()
            return drawn

        if self.draws_before:
            permutation(self.draws_before)
        wiring: list[Array] = []
        for i, gates in enumerate(widths):
            if 2 * gates < inputs:
                raise ModelError(
                    f"difflogic does not wire {gates} gates to {inputs} inputs",
                    file=file,
                    place=f"layer {i}",
                    expected="at least half as many gates",
                )
            if self.device == "cpu":
                torch.randn(gates, 16, generator=generator)
            if self.connections == "random":
                wiring.append(_random(inputs, gates, permutation))
            else:
                table = unique_pairs(inputs, gates, file=file, place=f"layer {i}")
                wiring.append(table[permutation(gates)])
            inputs = gates
        return wiring


def _random(inputs: int, gates: int, permutation: Any) -> Array:
    """Return wiring that uses every input about equally often."""
    first = permutation(2 * gates) % inputs
    nets = permutation(inputs)[first]
    wiring: Array = nets.reshape(2, gates).T
    return wiring


def unique_pairs(inputs: int, gates: int, *, file: str, place: str) -> npt.NDArray[np.int64]:
    """Return the first `gates` pairs of difflogic's list of distinct input pairs.

    Neighbours come first, from even and then from odd inputs, then pairs two apart, three apart...
    """
    starts = [np.arange(0, inputs - 1, 2), np.arange(1, inputs - 1, 2)]
    distances = [1, 1]
    count = len(starts[0])
    if count < gates:
        count += len(starts[1])
        distance = 2
        while count < gates and distance < min(count, inputs):
            starts.append(np.arange(inputs - distance))
            distances.append(distance)
            count += inputs - distance
            distance += 1
    if count < gates:
        raise ModelError(
            f"{inputs} inputs have {count} distinct pairs for {gates} gates",
            file=file,
            place=place,
            expected="connections=random",
        )
    first = np.concatenate(starts)
    second = first + np.repeat(distances, [len(s) for s in starts])
    return np.stack([first, second], axis=1)[:gates].astype(np.int64)


def _integer(text: str, number: str, top: int) -> int:
    if not number.isascii() or not number.isdigit() or len(number) > 20 or int(number) > top:
        raise UsageError(f"--replay {text}: {number!r}", expected=f"a number up to {top}")
    return int(number)

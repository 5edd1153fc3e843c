"""Boolean circuits whose trained parameters are bits: inputs that are fixed.

Training by reverse derivative ascent changes single bits of a circuit's parameters; the trained
model is the circuit with those inputs constant. Its first layer, or the circuit, reads the inputs
and then the parameters (and then the state of a recurrent net).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gatec.blocks_bits import ALWAYS, NOTHING, Wires
from gatec.errors import ModelError
from gatec.frontends.draft import INPUT, DraftBlock, DraftLayer
from gatec.frontends.files.content import open_model
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import ReadOptions
from gatec.limits import MAX_GATES, check_limit

Bits = npt.NDArray[np.uint8]


def given_parameters(options: ReadOptions) -> Bits | None:
    """Return the bits in the file that `--parameters` names; raise `ModelError` at others."""
    if options.parameters is None:
        return None
    path = Path(options.parameters)
    content = open_model(path, "a text of 0 and 1, or an array parameters")
    if content.container == "truth":
        text = "".join(content.value.split())
        return np.frombuffer(text.encode(), dtype=np.uint8) - ord("0")
    return parameter_bits(content.tensors.get("parameters"), str(path))


def parameter_bits(values: Array | None, file: str) -> Bits:
    """Return an array of 0 and 1; raise `ModelError` when it is none."""
    if values is None or values.ndim != 1 or values.size == 0 or values.dtype.kind not in "biu":
        raise ModelError(
            "missing, or no row of bits", file=file, place="parameters", expected="0/1 [parameters]"
        )
    if ((values != 0) & (values != 1)).any():
        raise ModelError("neither 0 nor 1", file=file, place="parameters")
    check_limit(values.size, MAX_GATES, "parameters", file=file)
    return values.astype(np.uint8)


def fix_inputs(
    layers: Sequence[DraftLayer | DraftBlock], inputs: int, parameters: Bits, state: int
) -> list[DraftLayer | DraftBlock]:
    """Return layers that read `inputs` bits and `state` bits, with the parameters between them."""
    constants = np.where(parameters, ALWAYS, NOTHING)
    source = np.concatenate([np.arange(inputs), constants, np.arange(inputs, inputs + state)])
    wires = Wires("parameters", (inputs + state,), source.astype(np.int32))
    # What numbers the layers counts one more; FRONT becomes the wires, INPUT stays.
    moved = [
        replace(layer, reads=layer.reads and tuple(n if n == INPUT else n + 1 for n in layer.reads))
        for layer in layers
    ]
    return [DraftBlock("parameters", wires), *moved]

"""Output codes: classes as codewords, decided for the nearest.

The last layer's outputs are the bits of a codeword, in equal contiguous groups where each bit is
voted for by several outputs. The class is the one whose codeword agrees with most outputs: the
nearest in Hamming distance, of equals the lowest class. As blocks that is a layer of wires and
inverters, output `c * width + i` saying whether output `i` agrees with codeword `c`, and a count.

* `one-hot`: bit `c` for class `c`;
* `binary`: the class's number, most significant bit first, in as many bits as the last class needs;
  `binary-lsb`: least significant first;
* a file: `codebook`, 0/1 `[classes, bits]`, in a `.npz`, `.safetensors` or `.pt` dictionary.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatec import limits
from gatec.blocks import LutLayer
from gatec.errors import ModelError
from gatec.frontends.files.content import open_model
from gatec.frontends.files.tensors import Array
from gatec.frontends.options import ReadOptions
from gatec.tables import VARIABLE

CODES = ("one-hot", "binary", "binary-lsb")
_EXPECTED = f"{', '.join(CODES)}, or a file with codebook [classes, bits]"


def find_codebook(
    found: Array | None, options: ReadOptions, classes: int | None, *, file: str
) -> Array | None:
    """Return the codewords `[classes, bits]` of a model's file or of the option, if any.

    Raises `ModelError` when they are none, or when file, option and number of classes disagree.
    """
    code = options.codebook
    if code is not None and found is not None:
        raise ModelError("--codebook was given, but the file has one", file=file)
    if code in CODES:
        if classes is None:
            raise ModelError(f"--codebook {code}", file=file, expected="--classes N with it")
        return _made(code, classes)
    if code is not None:
        found = open_model(Path(code), _EXPECTED).tensors.get("codebook")
        if found is None:
            raise ModelError("no tensor codebook", file=code, expected="codebook [classes, bits]")
        file = code
    if found is None:
        return None
    if found.ndim != 2 or found.size == 0 or found.dtype.kind not in "biu":
        raise ModelError(
            f"codebook {found.dtype}{list(found.shape)}",
            file=file,
            expected="0/1 [classes, bits]",
        )
    if ((found != 0) & (found != 1)).any():
        raise ModelError("codebook with other numbers than 0 and 1", file=file)
    if classes not in (None, len(found)):
        raise ModelError(
            f"codebook of {len(found)} codewords", file=file, expected=f"{classes} classes"
        )
    return found


def _made(code: str, classes: int) -> Array:
    """Return the codewords of a code that has a name."""
    if code == "one-hot":
        limits.check_limit(classes * classes, limits.MAX_GATES, "bits of a one-hot code")
        return np.eye(classes, dtype=np.uint8)
    bits = np.arange(max(1, (classes - 1).bit_length()))
    order = bits if code == "binary-lsb" else bits[::-1]
    return (np.arange(classes)[:, None] >> order & 1).astype(np.uint8)


def agreement_layer(codebook: Array, width: int, *, file: str) -> LutLayer:
    """Return the layer that says for each class which of `width` outputs agree with its codeword.

    Raises `ModelError` when the outputs do not divide into the codewords' bits.
    """
    classes, bits = codebook.shape
    if width % bits:
        raise ModelError(
            f"{width} outputs do not divide into codewords of {bits} bits",
            file=file,
            expected="a number of bits that divides the outputs",
        )
    limits.check_limit(classes * width, limits.MAX_GATES, "bits of all codewords", file=file)
    wanted = np.repeat(codebook != 0, width // bits, axis=1).reshape(-1)
    fanin = np.tile(np.arange(width, dtype=np.int32), classes)[:, None]
    return LutLayer("codes", width, fanin, np.where(wanted, VARIABLE[0], ~VARIABLE[0]))

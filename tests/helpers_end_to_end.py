"""One named thing of a trainer, from the file that it writes to the text of a proved netlist.

What the README's matrix shows of each family, these show of what is particular in it, without the
command line and RTL simulation: the file is known without `--format`, the net as read says on all
vectors what the trainer says, and so does the Verilog for ice40, as gatec's own reader takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from helpers_matrix import Reference, check_equal
from torch import nn

from gatec import compile as compile_net
from gatec.backends.readback.core import read_back
from gatec.bits import Bits, from_integers, pack, unpack
from gatec.evaluate import evaluate_outputs
from gatec.frontends import ReadOptions, inspect_model, read_model


@dataclass(frozen=True, eq=False)
class Item:
    """A named thing.

    Attributes
    ----------
    name
        Unique.
    format
        The frontend that must know the file.
    file
        What `write` writes into the current folder, beside what the options name.
    write
        Returns what the trainer computes.
    reading
        What a user must say.
    """

    name: str
    format: str
    file: str
    write: Callable[[], Reference]
    reading: ReadOptions = field(default_factory=ReadOptions)

    def check(self) -> None:
        """Write, read, compile, prove and compare, in the current folder."""
        wanted = self.write()
        found = inspect_model(self.file, self.reading)
        # Where only bits are judged, there may be no classes.
        missing = [
            text
            for text in found.missing
            if wanted.classes is not None or "number of classes" not in text
        ]
        assert (found.format, missing) == (self.format, [])
        check_equal(read_model(self.file, self.reading), wanted)
        kind = "argmax" if wanted.bits is None else "bits"
        result = compile_net(
            self.file, "ice40", reading=self.reading, output=kind, optimise=1,
            place_and_route=False, vectors=1,
        )  # fmt: skip
        assert result.manifest["proof"]["equivalence"] == "equivalent"
        circuit = read_back(result.verilog, result.design.emitted.shape).netlist
        outputs = unpack(evaluate_outputs(circuit, pack(wanted.samples)), len(wanted.samples))
        expected = wanted.bits
        if expected is None:
            assert wanted.classes is not None
            expected = from_integers(wanted.classes, outputs.shape[1])
        np.testing.assert_array_equal(outputs, expected)


def told(net: nn.Sequential, x: torch.Tensor, bits: Bits) -> Reference:
    """Return what torch makes of `x`, which the circuit sees as `bits`: last bits and classes."""
    body = [part for part in net if "GroupSum" not in type(part).__name__]
    with torch.no_grad():
        last, whole = nn.Sequential(*body)(x).flatten(1).numpy(), net(x).numpy()
    classes = whole.argmax(1) if len(body) < len(net) else None
    return Reference(bits, last.astype(np.uint8), classes)

"""The README's matrix of families: what a row is, and the run that its cells come from.

A family writes one file as its trainer does and says, by arithmetic of its own, what the net puts
out. The run takes the row's command as a user would type it, `--no-pnr` added, and what it finds is
the row's text: a cell cannot say more than was done. Rows stand in `tests/families_*.py`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from helpers import require

from gatec.bits import Bits
from gatec.cli import run
from gatec.folder import MODEL_FILE
from gatec.frontends import ReadOptions, read_model
from gatec.model import ModelGraph
from gatec.publish import MANIFEST
from gatec.simulation import simulate

VECTORS = 256
HEADER = (
    "| family | reads | reference equal | proved | RTL checked | command |",
    "|---|---|---|---|---|---|",
)


@dataclass(frozen=True, eq=False)
class Reference:
    """What a net computes, by the trainer's own layers or by arithmetic independent of gatec's.

    Attributes
    ----------
    samples
        Input bits `[samples, inputs]`.
    bits
        The last layer's outputs `[samples, outputs]`, or None.
    classes
        The class of each sample, or None; at least one of the two is there.
    """

    samples: Bits
    bits: Bits | None = None
    classes: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Family:
    """A row.

    Attributes
    ----------
    name
        First column, unique.
    file
        Name of the model file in the command.
    write
        Write that file, and what the options name, into the current folder.
    reading
        The options that the command needs; paths relative to the current folder.
    more
        Words of the command that are no reading options, such as `--output bits`.
    """

    name: str
    file: str
    write: Callable[[Path], Reference]
    reading: ReadOptions = field(default_factory=ReadOptions)
    more: tuple[str, ...] = ()

    @property
    def command(self) -> list[str]:
        """The words after `gatec`."""
        given = {f.name: getattr(self.reading, f.name) for f in fields(self.reading)}
        options = [(f"--{key}", str(v)) for key, v in given.items() if v is not None]
        return ["compile", self.file, *(word for pair in options for word in pair), *self.more]

    def row(self) -> str:
        """Run the command in the current folder, check everything, and return the row."""
        wanted = self.write(Path())
        model = read_model(Path(self.file), self.reading)
        assert run([*self.command, "--no-pnr", "--quiet", "-o", "out"]) == 0
        # What the circuit was proved against, beside what was read.
        copy = read_model(Path("out") / MODEL_FILE)
        for net in (model, copy):
            check_equal(net, wanted)
        return self.cells(len(wanted.samples))

    def cells(self, samples: int) -> str:
        """Return the row for an output folder `out` and so many samples that agreed."""
        manifest = json.loads(Path("out", MANIFEST).read_text())
        proved = {"equivalent": "yes"}.get(manifest["proof"]["equivalence"], "no")
        vectors = run_testbench(Path("out"))
        cells = (self.name, "yes", f"{samples:,} vectors", proved,
                 f"{vectors:,} vectors", f"`gatec {' '.join(self.command)}`")  # fmt: skip
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, eq=False)
class ClockedFamily(Family):
    """A row of a clocked circuit: a sample of the reference is a sequence.

    Attributes
    ----------
    length
        Steps of a sequence where the circuit leaves that open.
    """

    length: int | None = None

    def row(self) -> str:
        """Run the command in the current folder, check everything, and return the row."""
        wanted = self.write(Path())
        np.save("samples.npy", wanted.samples)
        assert run([*self.command, "--no-pnr", "--quiet", "-o", "out"]) == 0
        whole = replace(self.reading, steps=self.length or self.reading.steps)
        output = "bits" if wanted.classes is None else "argmax"
        runs = (
            (self.file, {"reading": whole, "clocked": True}),
            ("out", {"reading": ReadOptions(steps=self.length)}),
        )
        for path, options in runs:
            found = simulate(path, data="samples.npy", output=output, **options).outputs
            assert found is not None
            assert len(np.unique(found, axis=0)) > 1
            expected = wanted.bits if wanted.classes is None else wanted.classes
            np.testing.assert_array_equal(found, expected)
        return self.cells(len(wanted.samples))


def check_equal(model: ModelGraph, wanted: Reference) -> None:
    """Assert that a model computes what the reference says, and that the reference says much."""
    assert wanted.bits is not None or wanted.classes is not None
    if wanted.bits is not None:
        found = model.with_output("bits").output_bits(wanted.samples)
        np.testing.assert_array_equal(found, wanted.bits)
        assert len(np.unique(found, axis=0)) > 1
    if wanted.classes is not None:
        np.testing.assert_array_equal(model.predict(wanted.samples), wanted.classes)
        assert len(np.unique(wanted.classes)) > 1


def run_testbench(folder: Path) -> int:
    """Run an output folder's own testbench in Icarus and return how many vectors it compared."""
    sources = [str(path) for path in (*folder.glob("*_tb.sv"), *folder.glob("*.v"))]
    program = Path("testbench.vvp").absolute()
    subprocess.run([require("iverilog"), "-g2012", "-o", program, *sources], check=True)
    made = subprocess.run(
        [require("vvp"), "-n", program], cwd=folder, check=True, capture_output=True, text=True
    )
    passed = re.search(r"^PASS: (\d+) vectors", made.stdout, re.MULTILINE)
    assert passed is not None, made.stdout
    return int(passed[1])


def random_bits(inputs: int, seed: int = 7) -> Bits:
    """Return `VECTORS` random input vectors."""
    return np.random.default_rng(seed).integers(0, 2, size=(VECTORS, inputs), dtype=np.uint8)

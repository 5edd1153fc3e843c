"""What `gatec sim` runs: a model file, an output folder, or a recurrent net cycle by cycle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from gatec.activity import Inside, inside_clocked, inside_folder, inside_model
from gatec.bits import Bits
from gatec.errors import UsageError
from gatec.folder import OutputFolder
from gatec.frontends import ReadOptions, read_model
from gatec.frontends.clocked import ClockedModel, read_clocked
from gatec.model import ModelGraph, OutputKind
from gatec.sim.clocked import ClockedEvaluator
from gatec.sim.engine import EngineName
from gatec.sim.evaluator import Evaluator, Outputs

Evaluate = Callable[[Bits], Outputs]


class Subject:
    """What runs: a model, read or from an output folder.

    Attributes
    ----------
    model
        The model; of a clocked net, what follows its last step.
    folder
        The output folder, if it is one.
    num_inputs
        Bits of a sample.
    approximated
        Whether the net is an approximation of the trained one.
    """

    def __init__(self, model: ModelGraph, folder: OutputFolder | None = None) -> None:
        self.model = model
        self.folder = folder
        self.num_inputs = model.num_inputs
        self.approximated = folder is not None and folder.manifest.get("approximation") is not None

    def evaluator(
        self, kind: OutputKind, engine: EngineName, threads: int | None, samples: int | None
    ) -> Evaluate:
        """Return what gives the outputs of `uint8[samples, num_inputs]`."""
        return Evaluator(self.model, kind, engine, threads, samples)

    def inside(self, kind: OutputKind) -> Inside:
        """Return the nets that toggles and waves are of."""
        if self.folder is not None:
            return inside_folder(self.folder)
        return inside_model(self.model.with_output(kind))


class _Clocked(Subject):
    """A clocked net: a sample is a sequence."""

    def __init__(self, clocked: ClockedModel) -> None:
        super().__init__(clocked.tail)
        self._clocked = clocked
        assert clocked.steps is not None
        self.num_inputs = clocked.inputs * (1 if clocked.from_input else clocked.steps)

    def evaluator(
        self, kind: OutputKind, engine: EngineName, threads: int | None, samples: int | None
    ) -> Evaluate:
        return ClockedEvaluator(self._clocked, kind, engine, threads)

    def inside(self, kind: OutputKind) -> Inside:
        return inside_clocked(self._clocked)


def open_subject(path: Path, reading: ReadOptions | None, clocked: bool, verilog: bool) -> Subject:
    """Open what a path names.

    Parameters
    ----------
    reading
        What a model file does not say of itself.
    clocked
        Run a recurrent net cycle by cycle; it is unrolled otherwise.
    verilog
        Whether its Verilog is asked for, which a clocked net has none of.
    """
    if not clocked:
        folder = _load_folder(path, reading) if path.is_dir() else None
        model = folder.model() if folder else read_model(path, reading or ReadOptions())
        return Subject(model, folder)
    if path.is_dir():
        raise UsageError("--clocked", file=path, expected="a model file: a folder is unrolled")
    if verilog:
        raise UsageError(
            "--clocked with the Verilog", file=path, expected="no --clocked: that is unrolled"
        )
    return _Clocked(read_clocked(path, reading or ReadOptions()))


def _load_folder(path: Path, reading: ReadOptions | None) -> OutputFolder:
    """Load an output folder; what completes a model file does not go with it."""
    given = [
        f"--{field.name}"
        for field in fields(ReadOptions)
        if reading is not None and getattr(reading, field.name) != field.default
    ]
    if given:
        raise UsageError(
            f"{', '.join(given)} with an output folder",
            file=path,
            expected="a model file, or no such option: the folder holds its own model",
        )
    return OutputFolder.load(path)

"""What `gatec sim` runs: a model file, an output folder, or a recurrent net cycle by cycle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from gatec.activity import Inside, inside_clocked, inside_folder, inside_model
from gatec.backends.readback.clocked import read_clocked_back
from gatec.bits import Bits
from gatec.console import Progress
from gatec.errors import UsageError
from gatec.folder import OutputFolder
from gatec.frontends import ReadOptions, read_model
from gatec.frontends.clocked import ClockedModel, read_clocked
from gatec.model import ModelGraph, OutputKind
from gatec.rtl import Circuit, circuit_of
from gatec.rtl_clocked import clocked_circuit
from gatec.sim.clocked import ClockedEvaluator
from gatec.sim.engine import EngineName
from gatec.sim.evaluator import Evaluator, Outputs
from gatec.verify_clocked import clocked_shape

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
    num_classes
        Of which the output is one for each sample; None for other outputs.
    approximated
        Whether the net is an approximation of the trained one.
    """

    def __init__(self, model: ModelGraph, folder: OutputFolder | None = None) -> None:
        self.model = model
        self.folder = folder
        self.num_inputs = model.num_inputs
        self.approximated = folder is not None and folder.manifest.get("approximation") is not None
        self.num_classes = None if model.head is None else model.head.classes

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

    def circuit(self, kind: OutputKind, progress: Progress | None) -> Circuit:
        """Return the Verilog, compiled where there is no folder."""
        return circuit_of(self.model, kind, self.folder, progress)


class _Clocked(Subject):
    """A clocked net: a sample is a sequence.

    Parameters
    ----------
    clocked
        The net, with a number of steps.
    apart
        The net as its circuit computes it, where its Verilog is asked for.
    folder
        With the circuit, where there is one.
    """

    def __init__(
        self, clocked: ClockedModel, apart: ClockedModel | None, folder: OutputFolder | None = None
    ) -> None:
        super().__init__(clocked.tail, folder)
        self._clocked = clocked
        self._apart = apart
        assert clocked.steps is not None
        self.num_inputs = clocked.inputs * (1 if clocked.from_input else clocked.steps)
        if clocked.answers_apart:
            self.num_classes = None

    def evaluator(
        self, kind: OutputKind, engine: EngineName, threads: int | None, samples: int | None
    ) -> Evaluate:
        return ClockedEvaluator(self._clocked, kind, engine, threads)

    def inside(self, kind: OutputKind) -> Inside:
        step = None
        if self.folder is not None and self._apart is not None:
            shape = clocked_shape(self.folder, self._apart)
            step = read_clocked_back(self.folder.verilog, shape).step
        return inside_clocked(self._clocked, step)

    def circuit(self, kind: OutputKind, progress: Progress | None) -> Circuit:
        assert self._apart is not None, "its Verilog was not asked for"
        return clocked_circuit(self._apart, kind, self.folder, progress)


def open_subject(path: Path, reading: ReadOptions | None, clocked: bool, verilog: bool) -> Subject:
    """Open what a path names.

    Parameters
    ----------
    reading
        What a model file does not say of itself.
    clocked
        Run a recurrent net cycle by cycle; it is unrolled otherwise. A folder with a clocked
        circuit always runs so.
    verilog
        Whether its Verilog is asked for.
    """
    if path.is_dir():
        reading = reading or ReadOptions()
        _refuse_reading(path, replace(reading, steps=None))
        folder = OutputFolder.load(path)
        if folder.is_clocked:
            return _clocked_folder(folder, reading.steps)
        if clocked:
            raise UsageError("--clocked", file=path, expected="no such option: that is unrolled")
        _refuse_reading(path, reading)
        return Subject(folder.model(), folder)
    if not clocked:
        return Subject(read_model(path, reading or ReadOptions()))
    net = read_clocked(path, reading or ReadOptions())
    if not verilog:
        return _Clocked(net, None)
    if net.every_step and net.tail.head is not None:
        raise UsageError(
            "--clocked with the Verilog of a net that has a class for all steps",
            file=path,
            expected="a folder that compile --clocked wrote, with a class for each step",
        )
    return _Clocked(net, read_clocked(path, reading or ReadOptions(), apart=True))


def _clocked_folder(folder: OutputFolder, steps: int | None) -> _Clocked:
    """Open a clocked circuit; where its sequences have any length, `steps` says which."""
    stated = folder.manifest["clocked"]["steps"]
    if (steps is None) == (stated is None):
        found = "no --steps" if steps is None else f"--steps {steps}"
        expected = "--steps N, of each sample" if stated is None else f"none: it has {stated}"
        raise UsageError(f"{found} with a clocked circuit", file=folder.path, expected=expected)
    return _Clocked(folder.clocked_model(steps), folder.clocked_model(), folder)


def _refuse_reading(path: Path, reading: ReadOptions) -> None:
    """Raise `UsageError` at an option that completes a model file: it goes with no folder."""
    given = [
        f"--{field.name}"
        for field in fields(ReadOptions)
        if getattr(reading, field.name) != field.default
    ]
    if given:
        raise UsageError(
            f"{', '.join(given)} with an output folder",
            file=path,
            expected="a model file, or no such option: the folder holds its own model",
        )

"""Run a model or a compiled circuit on a data set, larger than memory or not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatec.activity import (
    Recorder,
    record_toggles,
    record_waves,
)
from gatec.bits import Bits
from gatec.console import Progress
from gatec.errors import UsageError
from gatec.frontends import ReadOptions
from gatec.model import OutputKind
from gatec.publish import check_target
from gatec.rtl import Judge, RtlFacts, check_rtl, rtl_waves, write_testbench
from gatec.sim.data import open_data
from gatec.sim.encoding import Encoding, Labels
from gatec.sim.engine import EngineName
from gatec.sim.evaluator import Outputs
from gatec.sim.metrics import Confusion
from gatec.sim.predictions import Writer, write_predictions
from gatec.sim.simulators import find_simulator
from gatec.sim.wavefile import check_waves
from gatec.subject import Evaluate, open_subject

DEFAULT_SIGNALS = ("x", "y")


@dataclass(frozen=True)
class Simulation:
    """What a run gave.

    Attributes
    ----------
    kind
        What the outputs are.
    num_samples
        How many samples ran.
    outputs
        `argmax`: `int64[samples]`; `scores`: `int64[samples, classes]`; `bits`: `uint8[samples,
        width]`. None where they were not to be kept.
    confusion
        Labels against predictions; None without labels or classes.
    seconds, engine_seconds
        Wall time with reading and writing, and of the evaluation alone.
    rtl
        With `--rtl`: what the simulation showed; its outputs were equal on every bit.
    approximated
        Whether the net is an approximation of the trained one.
    """

    kind: OutputKind
    num_samples: int
    outputs: Outputs | None
    confusion: Confusion | None
    seconds: float
    engine_seconds: float
    rtl: RtlFacts | None
    approximated: bool = False

    @property
    def accuracy(self) -> float | None:
        """Share of samples whose class is the label; None without samples, labels or classes."""
        return None if self.confusion is None else self.confusion.accuracy

    def facts(self) -> dict[str, Any]:
        """Return what there is to say beside the outputs."""
        facts: dict[str, Any] = {}
        if self.approximated:
            facts["net"] = "approximated"
        if self.accuracy is not None:
            facts["accuracy"] = round(self.accuracy, 6)
        if self.rtl is not None:
            facts["rtl"] = "equal to the reference on every bit"
            facts["rtl_latency_cycles"] = self.rtl.latency
            if self.rtl.cycles is not None:
                facts["rtl_cycles"] = self.rtl.cycles
        return facts

    def throughput(self) -> dict[str, int]:
        """Return samples per second: with reading and writing, and of the evaluation alone."""
        return {
            name: round(self.num_samples / max(seconds, 1e-9))
            for name, seconds in (
                ("samples_per_second", self.seconds),
                ("engine_samples_per_second", self.engine_seconds),
            )
        }


class _Kept:
    """Keeps all outputs in memory."""

    def __init__(self) -> None:
        self.parts: list[Outputs] = []

    def add(self, outputs: Outputs, _labels: Labels | None) -> None:
        self.parts.append(outputs)


def simulate(
    path: Path | str,
    *,
    data: Path | str,
    reading: ReadOptions | None = None,
    labels: Path | None = None,
    label_column: str | None = None,
    threshold: float | None = None,
    limit: int | None = None,
    clocked: bool = False,
    rtl: bool = False,
    simulator: Judge = "icarus",
    testbench: Path | None = None,
    output: OutputKind | None = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    predictions: Path | None = None,
    toggles: Path | None = None,
    waves: Path | None = None,
    signals: Sequence[str] = (),
    keep_outputs: bool = True,
    also: Writer | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Run a model file or an output folder on a data set.

    Memory does not grow with the data unless `keep_outputs`, `rtl` or `testbench` is set.

    Parameters
    ----------
    path
        A model file, or a folder that `compile` wrote.
    reading
        What a model file does not say of itself.
    data, labels, label_column, threshold
        See `gatec.sim.data.open_data` and `gatec.sim.encoding.Encoding`.
    limit
        Use the first samples only.
    clocked
        Run a recurrent net cycle by cycle instead of unrolled over its `steps`: the same outputs,
        in the memory of one step.
    rtl
        Also simulate the Verilog, and raise `DifferentError` unless every output bit is equal. For
        a model file it is compiled first, without place and route.
    simulator
        What simulates it; `netlist` is gatec's reader of the text and its own engine.
    testbench
        Write the Verilog with a self-checking testbench of these samples to this folder.
    output
        What to return; classes where the model has them, else bits.
    engine, threads
        See `gatec.sim.engine.make_engine`.
    predictions
        Write the outputs to this file; see `gatec.sim.predictions`.
    toggles
        Write how often each net changes to this file (`gatec.activity.record_toggles`): of a
        folder, the nets of its Verilog; of a model file, its gates as they were read.
    waves, signals
        Write the signals that match these patterns to this `.vcd` or `.fst` file: a step for each
        sample, by default of `x` and `y` (`gatec.activity.record_waves`); with `rtl`, the course of
        the simulated Verilog, by default of its ports (`gatec.rtl.rtl_waves`).
    keep_outputs
        Return the outputs.
    also
        Gets the outputs of each chunk, too.
    progress
        Told how far the run is; silent when None.
    """
    _refuse_early(simulator if rtl else None, testbench, waves)
    keep_inputs = rtl or testbench is not None
    subject = open_subject(Path(path), reading, clocked, keep_inputs)
    model = subject.model
    kind = output or ("bits" if model.head is None else "argmax")
    classes = subject.num_classes
    encoding = Encoding(subject.num_inputs, model.code_bits, threshold)
    empty = np.zeros((0, subject.num_inputs), dtype=np.uint8)
    kept, inputs = _Kept(), list[Bits]()
    start = time.perf_counter()
    with ExitStack() as stack:
        stream = stack.enter_context(
            open_data(
                Path(data),
                encoding,
                labels=labels,
                label_column=label_column,
                classes=classes,
                limit=limit,
            )
        )
        evaluator = subject.evaluator(kind, engine, threads, stream.num_samples)
        none = evaluator(empty)
        writers: list[Writer] = [kept] if keep_outputs else []
        writers += [] if also is None else [also]
        if predictions is not None:
            writers.append(stack.enter_context(write_predictions(predictions, kind, none)))
        run = _Run(kind, evaluator, classes, writers)
        advance = stack.enter_context((progress or Progress()).bar("simulate", stream.num_samples))
        recorders = list[Recorder]()
        step_waves = None if rtl else waves
        if toggles is not None or step_waves is not None:
            inside = subject.inside(kind)
            if toggles is not None:
                recorders.append(stack.enter_context(record_toggles(inside, toggles)))
            if step_waves is not None:
                chosen = signals or DEFAULT_SIGNALS
                recorders.append(stack.enter_context(record_waves(inside, step_waves, chosen)))
        for chunk in stream.chunks():
            for recorder in recorders:
                recorder.see(chunk.bits)
            run.add(chunk.bits, chunk.labels)
            if keep_inputs:
                inputs.append(chunk.bits)
            advance(len(chunk))
    seconds = time.perf_counter() - start
    vectors = np.concatenate([empty, *inputs])
    circuit = subject.circuit(kind, progress) if keep_inputs else None
    if circuit is not None and testbench is not None:
        write_testbench(circuit, vectors, testbench)
    facts = None
    if circuit is not None and rtl:
        recorded = None if waves is None else rtl_waves(circuit, waves, signals)
        facts = check_rtl(circuit, vectors, simulator, recorded)
    return Simulation(
        kind,
        run.samples,
        np.concatenate([none, *kept.parts]) if keep_outputs else None,
        run.confusion,
        seconds,
        run.seconds,
        facts,
        subject.approximated,
    )


def _refuse_early(judge: Judge | None, testbench: Path | None, waves: Path | None) -> None:
    """Raise before the work, not after it."""
    if judge is not None and judge != "netlist":
        find_simulator(judge)
    if testbench is not None:
        check_target(testbench)
    if waves is not None:
        check_waves(waves)
        if judge == "netlist":
            raise UsageError(
                "--waves with --rtl --simulator netlist",
                expected="icarus or verilator: netlist knows no clock cycles",
            )


class _Run:
    """Evaluates chunk by chunk and adds up what there is to count."""

    def __init__(
        self, kind: OutputKind, evaluator: Evaluate, classes: int | None, writers: list[Writer]
    ) -> None:
        self._evaluator = evaluator
        self._classes = classes if kind == "argmax" else None
        self._writers = writers
        self.confusion: Confusion | None = None
        self.samples = 0
        self.seconds = 0.0

    def add(self, bits: Bits, labels: Labels | None) -> None:
        start = time.perf_counter()
        outputs = self._evaluator(bits)
        self.seconds += time.perf_counter() - start
        self.samples += len(bits)
        if labels is not None and self._classes is not None:
            self.confusion = self.confusion or Confusion(self._classes)
            self.confusion.add(labels, outputs)
        for writer in self._writers:
            writer.add(outputs, labels)

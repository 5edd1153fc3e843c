"""Run a model or a compiled circuit on a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec.backends.cells import cells_model
from gatec.bits import Bits, pack, to_integers, unpack
from gatec.console import Progress
from gatec.driver import compile_model
from gatec.errors import DifferentError, ModelError, UsageError
from gatec.folder import OutputFolder
from gatec.frontends import ReadOptions, read_model
from gatec.model import ModelGraph, OutputKind
from gatec.options import CompileOptions
from gatec.sim.data import DataSet, load_data
from gatec.sim.engine import Engine, EngineName, make_engine
from gatec.sim.rtl import RtlResult, simulate_rtl

Outputs = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Simulation:
    """What a run gave.

    Attributes
    ----------
    kind
        What the outputs are.
    outputs
        `argmax`: `int64[samples]`; `scores`: `int64[samples, classes]`; `bits`: `uint8[samples,
        width]`.
    accuracy
        Share of samples whose class is the label; None without labels or classes.
    rtl
        With `--rtl`: what the simulator measured; its outputs were equal on every bit.
    """

    kind: OutputKind
    outputs: Outputs
    accuracy: float | None
    rtl: RtlResult | None

    def facts(self) -> dict[str, Any]:
        """Return what there is to say beside the outputs."""
        facts: dict[str, Any] = {}
        if self.accuracy is not None:
            facts["accuracy"] = round(self.accuracy, 6)
        if self.rtl is not None:
            facts["rtl"] = "equal to the reference on every bit"
            facts["rtl_latency_cycles"] = self.rtl.latency
            facts["rtl_cycles"] = self.rtl.cycles
        return facts


def simulate(
    path: Path,
    *,
    data: Path,
    reading: ReadOptions | None = None,
    labels: Path | None = None,
    label_column: str | None = None,
    threshold: float | None = None,
    limit: int | None = None,
    rtl: bool = False,
    output: OutputKind | None = None,
    engine: EngineName = "auto",
    threads: int | None = None,
) -> Simulation:
    """Run a model file or an output folder on a data set.

    Parameters
    ----------
    path
        A model file, or a folder that `compile` wrote.
    data, labels, label_column, threshold
        See `gatec.sim.data.load_data`.
    limit
        Use the first samples only.
    rtl
        Also simulate the Verilog, and raise `DifferentError` unless every output bit is equal. For
        a model file it is compiled first, without place and route.
    output
        What to return; classes where the model has them, else bits.
    engine, threads
        See `gatec.sim.engine.make_engine`.
    """
    folder = OutputFolder.load(path) if path.is_dir() else None
    model = folder.model() if folder else read_model(path, reading or ReadOptions())
    kind = output or ("bits" if model.head is None else "argmax")
    encoder = model.encoder
    samples = load_data(
        data,
        num_inputs=model.num_inputs,
        code_bits=None if encoder is None else encoder.code_bits,
        threshold=threshold,
        labels=labels,
        label_column=label_column,
        classes=None if model.head is None else model.head.classes,
    )
    if limit is not None:
        kept = None if samples.labels is None else samples.labels[:limit]
        samples = DataSet(samples.bits[:limit], kept)
    runner = make_engine(model.with_output(kind), engine, threads)
    outputs = _outputs(runner, kind, samples.bits)
    measured = _rtl(folder, model, kind, samples.bits) if rtl else None
    return Simulation(kind, outputs, _accuracy(kind, outputs, samples), measured)


def _outputs(engine: Engine, kind: OutputKind, bits: Bits) -> Outputs:
    words = pack(bits)
    if kind == "bits":
        return unpack(engine.run(words), len(bits))
    if kind == "argmax":
        return engine.predict(words, len(bits))
    return np.ascontiguousarray(engine.scores(words, len(bits)).T)


def _accuracy(kind: OutputKind, outputs: Outputs, samples: DataSet) -> float | None:
    if kind != "argmax" or samples.labels is None or not len(samples):
        return None
    return float(np.mean(outputs == samples.labels))


def _rtl(folder: OutputFolder | None, model: ModelGraph, kind: OutputKind, bits: Bits) -> RtlResult:
    """Simulate the Verilog on the samples and compare every output bit with the reference."""
    if folder is None:
        options = CompileOptions(target="generic", output=kind, place_and_route=False)
        compiled = compile_model(
            model, options, ReadOptions(), output_dir=None, progress=Progress()
        )
        verilog, stated = compiled.verilog, compiled.manifest["interface"]
    else:
        if folder.manifest["options"]["output"] != kind:
            raise UsageError(
                f"--output {kind}",
                file=folder.path,
                expected=f"{folder.manifest['options']['output']}, as compiled, with --rtl",
            )
        verilog, stated = folder.verilog, folder.manifest["interface"]
    if not len(bits):
        raise ModelError("no samples", expected="at least one with --rtl")
    result = simulate_rtl(
        {f"{stated['top']}.v": verilog, "cells.v": cells_model(stated["style"])},
        stated["top"],
        bits,
        beat_bits=stated["input"]["beat_bits"],
        out_bits=stated["output"]["bits"],
        out_beat_bits=stated["output"]["beat_bits"],
    )
    expected = model.with_output(kind).output_bits(bits)
    if not np.array_equal(result.outputs, expected):
        sample = int((result.outputs != expected).any(axis=1).argmax())
        raise DifferentError(
            f"the Verilog gives {to_integers(result.outputs[sample])} for sample {sample}",
            file=model.name,
            expected=str(to_integers(expected[sample])),
        )
    return result

"""Checks for users' own tests: `assert_matches` and what pytest's fixture `gatec_matches` calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec.backends.readback.core import read_back
from gatec.bits import Bits, pack, unpack
from gatec.blocks import GroupSum
from gatec.errors import ModelError, UsageError
from gatec.estimator import encoding_of, read_model_or_folder
from gatec.folder import OutputFolder
from gatec.frontends import ReadOptions
from gatec.model import ModelGraph, OutputKind
from gatec.sim.data import DataSet, DataStream, open_column, open_data
from gatec.sim.engine import make_engine
from gatec.sim.evaluator import Evaluator, Outputs
from gatec.sim.rows import ArrayRows, Rows
from gatec.vectors import to_hex
from gatec.verify import core_shape

Data = Path | str | npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike]
_ARRAY, _LABELS, _PREDICTIONS = Path("data"), Path("labels"), Path("predictions")
# Values of a difference that a message shows.
_SHOWN = 24


@dataclass(frozen=True)
class Match:
    """What `assert_matches` found.

    Attributes
    ----------
    samples
        Number of samples; all of them were equal.
    accuracy
        Share of labels that were predicted; None without labels or classes.
    """

    samples: int
    accuracy: float | None


def assert_matches(
    model: Any,
    data: Data,
    *,
    like: Any = None,
    predictions: Path | str | npt.ArrayLike | None = None,
    min_accuracy: float | None = None,
    output: OutputKind | None = None,
    reading: ReadOptions | None = None,
    labels: Path | None = None,
    label_column: str | None = None,
    threshold: float | None = None,
    limit: int | None = None,
) -> Match:
    """Fail unless a net gives what it should, on every sample of `data`.

    An output folder must compute, as its Verilog is written, what its model computes. A live
    `torch.nn.Module` must give the classes that gatec reads out of it. Both are checked whatever
    else is asked for; of a model file something has to be.

    Parameters
    ----------
    model
        A model file, an output folder, a `torch.nn.Module`, or a `ModelGraph`.
    data
        A file that `gatec sim --data` takes, an array `[samples, values]`, or the pair of that and
        `[samples]` labels.
    like
        Another of the kinds of `model`, which must give the same.
    predictions
        What a former run gave: an array, or the file that `gatec sim --predictions` wrote (`.npy`).
    min_accuracy
        The share of labels that must be predicted, 0 to 1.
    output
        What to compare: classes where the model has them (`argmax`), `scores`, or `bits`.
    reading
        What model files or modules do not say of themselves.
    labels, label_column, threshold, limit
        As for `gatec.simulate`.

    Raises
    ------
    AssertionError
        Something differs: how often, and the first sample with its input and both answers.
    GatecError
        The question makes no sense: unreadable files, no samples, nothing to compare with.
    """
    __tracebackhide__ = True
    graph = read_model_or_folder(model, reading)
    kind: OutputKind = output or ("bits" if graph.head is None else "argmax")
    evaluate = Evaluator(graph, kind)
    name = _name(model, graph)
    with ExitStack() as stack:
        beside = {"labels": labels, "label_column": label_column}
        stream = _open(stack, graph, data, threshold, limit=limit, **beside)
        others = list(_natural(model, graph, kind, stream.item_shape))
        if like is not None:
            other = read_model_or_folder(like, reading)
            others.append(_Other(_name(like, other), _checked(other, graph, kind)))
        if predictions is not None:
            none = evaluate(np.zeros((0, graph.num_inputs), dtype=np.uint8))
            others.append(_recorded(stack, predictions, math.prod(none.shape[1:])))
        if not others and min_accuracy is None:
            raise UsageError(
                "nothing to compare with", file=name, expected="like, predictions or min_accuracy"
            )
        tally = _Tally(kind, others)
        for chunk in stream.chunks():
            tally.add(chunk, evaluate(chunk.bits))
        for judge in others:
            judge.finish(tally.samples)
    tally.check(name)
    return Match(tally.samples, _accuracy(name, tally, min_accuracy))


@dataclass
class _Other:
    """Something to compare with: a name, and its answers for each chunk of input bits."""

    name: str
    answers: Callable[[Bits], Outputs]
    finish: Callable[[int], None] = lambda _samples: None
    differing: int = 0
    first: str = ""


class _Tally:
    """Counts differences and right predictions, chunk by chunk."""

    def __init__(self, kind: OutputKind, others: list[_Other]) -> None:
        self._kind, self._others = kind, others
        self.samples = self.right = self.labelled = 0

    def add(self, chunk: DataSet, found: Outputs) -> None:
        for other in self._others:
            self._compare(other, chunk, found, other.answers(chunk.bits))
        if chunk.labels is not None and self._kind == "argmax":
            self.labelled += len(found)
            self.right += int((found == chunk.labels).sum())
        self.samples += len(found)

    def _compare(self, other: _Other, chunk: DataSet, found: Outputs, wanted: Outputs) -> None:
        rows = found.reshape(len(found), -1) != wanted.reshape(len(found), -1)
        differs = rows.any(axis=1)
        if differs.any() and not other.differing:
            row = int(differs.argmax())
            label = "" if chunk.labels is None else f" (label {chunk.labels[row]})"
            other.first = (
                f"first at sample {self.samples + row}{label}: {_shown(found[row])}; "
                f"expected {_shown(wanted[row])}; input 0x{to_hex(chunk.bits[row][None]).strip()}"
            )
        other.differing += int(differs.sum())

    def check(self, name: str) -> None:
        """Raise at the first that differs."""
        __tracebackhide__ = True
        if not self.samples:
            raise ModelError("no samples", file=name, expected="one at least")
        for other in self._others:
            if other.differing:
                raise AssertionError(
                    f"{name} differs from {other.name} in {other.differing} of {self.samples} "
                    f"samples; {other.first}"
                )


def _accuracy(name: str, tally: _Tally, least: float | None) -> float | None:
    __tracebackhide__ = True
    if least is not None and not 0 <= least <= 1:
        raise UsageError(f"min_accuracy {least}", expected="0 to 1")
    if not tally.labelled:
        if least is not None:
            raise UsageError(
                "min_accuracy without labels or classes", file=name, expected="labels in the data"
            )
        return None
    accuracy = tally.right / tally.labelled
    if least is not None and accuracy < least:
        raise AssertionError(
            f"{name} predicts {tally.right} of {tally.labelled} labels: accuracy {accuracy:.4f}; "
            f"expected {least:g} or more"
        )
    return accuracy


def _open(
    stack: ExitStack,
    graph: ModelGraph,
    data: Data,
    threshold: float | None,
    *,
    limit: int | None,
    **beside: Any,
) -> DataStream:
    encoding = encoding_of(graph, threshold)
    classes = None if graph.head is None else graph.head.classes
    if isinstance(data, str | Path):
        return stack.enter_context(
            open_data(Path(data), encoding, classes=classes, limit=limit, **beside)
        )
    if any(value is not None for value in beside.values()):
        raise UsageError("labels beside an array", expected="data=(samples, labels)")
    values, column = data if isinstance(data, tuple) else (data, None)
    rows = ArrayRows(_ARRAY, np.atleast_1d(np.asarray(values)))
    known = None if column is None else ArrayRows(_LABELS, np.atleast_1d(np.asarray(column)))
    return DataStream(rows, known, encoding, classes=classes, limit=limit)


def _natural(
    model: Any, graph: ModelGraph, kind: OutputKind, item_shape: tuple[int, ...]
) -> Iterator[_Other]:
    """Yield what a folder or a module is compared with whatever else is asked for."""
    if isinstance(model, str | Path) and Path(model).is_dir():
        folder = OutputFolder.load(Path(model))
        if folder.manifest["options"]["output"] == kind:
            yield _Other("its own Verilog", _text(folder, kind))
    elif not isinstance(model, str | Path | ModelGraph) and graph.encoder is None:
        yield _Other("the module in torch", _module(model, graph, kind, item_shape))


def _text(folder: OutputFolder, kind: OutputKind) -> Callable[[Bits], Outputs]:
    """Return the function of a folder's Verilog, in the form of the reference's outputs."""
    engine = make_engine(read_back(folder.verilog, core_shape(folder)).netlist)
    head = folder.model().head

    def answers(bits: Bits) -> Outputs:
        planes = unpack(engine.run(pack(bits)), len(bits))
        if kind == "bits":
            return planes
        count = 1 if kind == "argmax" or head is None else head.classes
        numbers = planes.reshape(len(bits), count, -1)
        values = numbers @ (np.int64(1) << np.arange(numbers.shape[2], dtype=np.int64))
        return values[:, 0] if kind == "argmax" else values

    return answers


def _module(
    module: Any, graph: ModelGraph, kind: OutputKind, item_shape: tuple[int, ...]
) -> Callable[[Bits], Outputs]:
    """Return what a module itself answers, in eval mode; its own mode is put back."""
    import torch

    def answers(bits: Bits) -> Outputs:
        training = module.training
        module.eval()
        try:
            with torch.no_grad():
                inputs = torch.from_numpy(bits.reshape(len(bits), *item_shape)).float()
                given: npt.NDArray[Any] = module(inputs).cpu().numpy()
        finally:
            module.train(training)
        if kind == "argmax":
            return given.argmax(axis=1)
        head = graph.head
        counts = head if isinstance(head, GroupSum) else None
        tau, beta = (1.0, 0.0) if counts is None else (counts.tau or 1.0, counts.beta or 0.0)
        return np.rint(given * tau - beta).astype(np.int64)

    if kind == "bits" and graph.head is not None:
        raise UsageError("bits of a module that ends in classes", expected="argmax or scores")
    return answers


def _checked(other: ModelGraph, graph: ModelGraph, kind: OutputKind) -> Evaluator:
    if other.num_inputs != graph.num_inputs:
        raise UsageError(
            f"{other.num_inputs} input bits", file=other.name, expected=f"{graph.num_inputs}"
        )
    ends = (
        other.with_output(kind).blocks[-1].out_width,
        graph.with_output(kind).blocks[-1].out_width,
    )
    if ends[0] != ends[1]:
        raise UsageError(f"{ends[0]} outputs", file=other.name, expected=str(ends[1]))
    return Evaluator(other, kind)


def _recorded(stack: ExitStack, given: Any, width: int) -> _Other:
    """Return recorded predictions, `width` values for each sample, as something to compare with."""
    rows: Rows
    if isinstance(given, str | Path):
        name, rows = str(given), open_column(Path(given), stack)
    else:
        name = "the recorded predictions"
        rows = ArrayRows(_PREDICTIONS, np.atleast_1d(np.asarray(given)))
    if rows.width != width:
        raise UsageError(
            f"{rows.width} values a prediction", file=rows.path, expected=f"the model's {width}"
        )

    def answers(bits: Bits) -> Outputs:
        values, _ = rows.read(len(bits))
        if len(values) != len(bits):
            raise UsageError("fewer predictions than samples", file=rows.path)
        return values

    def finish(samples: int) -> None:
        if len(rows.read(1)[0]):
            raise UsageError(f"more predictions than {samples} samples", file=rows.path)

    return _Other(name, answers, finish)


def _name(model: Any, graph: ModelGraph) -> str:
    return str(model) if isinstance(model, str | Path) else graph.name


def _shown(values: Any) -> str:
    row = np.atleast_1d(values)
    text = " ".join(str(value) for value in row[:_SHOWN].tolist())
    return text if len(row) <= _SHOWN else f"{text} ..."

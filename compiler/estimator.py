"""A trained net as scikit-learn sees a classifier; scikit-learn itself is not needed."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gatec.driver import read_any
from gatec.errors import ModelError, UsageError
from gatec.folder import OutputFolder
from gatec.frontends import ReadOptions
from gatec.model import ModelGraph, OutputKind
from gatec.sim.data import DataStream
from gatec.sim.encoding import Encoding
from gatec.sim.engine import EngineName, worth_a_start
from gatec.sim.evaluator import Evaluator, Outputs
from gatec.sim.rows import ArrayRows

# What messages call an array that came from no file.
_SAMPLES, _LABELS = Path("X"), Path("y")


class Classifier:
    """A trained net that predicts, with the methods that scikit-learn's tools call.

    It is trained already: `fit` checks the data and changes nothing. Metrics, scorers, pipelines
    and `cross_val_score` take it.

    Parameters
    ----------
    model
        A model file, an output folder, a live `torch.nn.Module`, or a `ModelGraph`.
    threshold
        Input bit = value > threshold; without it, values must be bits (or the codes of a model that
        holds its encoder).
    reading
        What the file or module does not say of itself.
    engine, threads
        See `gatec.sim.engine.make_engine`.

    Attributes
    ----------
    classes_
        `int64[classes]`: 0, 1, ...
    n_features_in_
        Values of a sample.
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        model: Any,
        *,
        threshold: float | None = None,
        reading: ReadOptions | None = None,
        engine: EngineName = "auto",
        threads: int | None = None,
    ) -> None:
        self.model = model
        self.threshold = threshold
        self.reading = reading
        self.engine = engine
        self.threads = threads

    @property
    def classes_(self) -> npt.NDArray[np.int64]:
        """The class numbers."""
        return np.arange(self._ready()[2], dtype=np.int64)

    @property
    def n_features_in_(self) -> int:
        """Values of a sample."""
        return self._ready()[1].width

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike | None = None) -> Self:
        """Check that samples and labels are what the net takes; it is trained already."""
        self._stream(X, y)
        return self

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the class of each of `[samples, values]`, `int64[samples]`."""
        return self._run(X, "argmax")

    def decision_function(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the count of each class, `int64[samples, classes]`.

        Of two classes `int64[samples]`: the second's less the first's, as scikit-learn has it.
        """
        scores = self._run(X, "scores")
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def score(self, X: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Return the share of samples whose class is the label."""
        stream = self._stream(X, y)
        evaluator = self._evaluator("argmax", stream.num_samples or 0)
        right = total = 0
        for chunk in stream.chunks():
            assert chunk.labels is not None
            right += int((evaluator(chunk.bits) == chunk.labels).sum())
            total += len(chunk)
        if not total:
            raise ModelError("no samples", file=_SAMPLES, expected="one at least")
        return right / total

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **params: Any) -> Self:
        """Change the constructor's arguments."""
        for name, value in params.items():
            if name not in _PARAMETERS:
                raise UsageError(f"parameter {name!r}", expected=" or ".join(_PARAMETERS))
            setattr(self, name, value)
        self.__dict__.pop("_cache", None)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=False),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(),
        )

    def __getstate__(self) -> dict[str, Any]:
        # What is derived is made again: engines hold threads and compiled code.
        return {name: value for name, value in self.__dict__.items() if name in _PARAMETERS}

    def __repr__(self) -> str:
        given = {name: value for name, value in self.get_params().items() if value is not None}
        return f"Classifier({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def _ready(self) -> tuple[ModelGraph, Encoding, int]:
        """Return model, encoding and number of classes; read once."""
        if "_cache" not in self.__dict__:
            model = read_model_or_folder(self.model, self.reading)
            if model.head is None:
                raise UsageError(
                    "the model has no classes",
                    file=model.name,
                    expected="reading=ReadOptions(classes=N)",
                )
            encoding = encoding_of(model, self.threshold)
            self._cache = model, encoding, model.head.classes
            self._evaluators: dict[tuple[OutputKind, bool], Evaluator] = {}
        return self._cache

    def _evaluator(self, kind: OutputKind, samples: int) -> Evaluator:
        """Return the evaluator for a call with so many samples; large calls share one."""
        model, _, _ = self._ready()
        key = kind, worth_a_start(model, samples)
        if key not in self._evaluators:
            self._evaluators[key] = Evaluator(
                model, kind, self.engine, self.threads, samples=samples
            )
        return self._evaluators[key]

    def _stream(self, samples: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> DataStream:
        _, encoding, classes = self._ready()
        rows = ArrayRows(_SAMPLES, _numbers(samples, _SAMPLES))
        column = None if labels is None else ArrayRows(_LABELS, _numbers(labels, _LABELS))
        return DataStream(rows, column, encoding, classes=classes)

    def _run(self, X: npt.ArrayLike, kind: OutputKind) -> Outputs:
        stream = self._stream(X)
        evaluator = self._evaluator(kind, stream.num_samples or 0)
        none = evaluator(np.zeros((0, self._ready()[0].num_inputs), dtype=np.uint8))
        parts = [evaluator(chunk.bits) for chunk in stream.chunks()]
        return np.concatenate([none, *parts])


def read_model_or_folder(model: Any, reading: ReadOptions | None) -> ModelGraph:
    """Return the graph of a path, output folder, module or graph."""
    if isinstance(model, str | Path) and Path(model).is_dir():
        return OutputFolder.load(Path(model)).model()
    return read_any(model, reading or ReadOptions())[0]


def encoding_of(model: ModelGraph, threshold: float | None) -> Encoding:
    """Return what the values of a model's samples stand for."""
    return Encoding(model.num_inputs, model.code_bits, threshold)


def _numbers(values: npt.ArrayLike, name: Path) -> npt.NDArray[Any]:
    array = np.atleast_1d(np.asarray(values))
    if array.dtype.kind not in "biuf":
        raise ModelError(
            f"values of type {array.dtype}", file=name, expected="integers, floats or booleans"
        )
    return array


_PARAMETERS = tuple(inspect.signature(Classifier.__init__).parameters)[1:]

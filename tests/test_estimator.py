"""The classifier: what scikit-learn's own tools make of it, and one-line errors."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.base
from helpers import random_layers_model
from sklearn.metrics import classification_report, confusion_matrix, get_scorer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer
from sklearn.utils.validation import check_is_fitted

import gatec
from gatec.demo import path as demo_path
from gatec.sim.data import load_data
from gatec.sim.metrics import Confusion

DEMO = demo_path("digits")
TEST = load_data(demo_path("digits-test"), num_inputs=128)
LABELS = TEST.labels
assert LABELS is not None


def test_it_predicts_what_the_model_predicts() -> None:
    classifier = gatec.Classifier(DEMO)
    assert np.array_equal(classifier.predict(TEST.bits), gatec.read_model(DEMO).predict(TEST.bits))
    assert classifier.score(TEST.bits, LABELS) == pytest.approx(431 / 450)
    assert classifier.classes_.tolist() == list(range(10))
    assert classifier.n_features_in_ == 128
    scores = classifier.decision_function(TEST.bits)
    assert np.array_equal(scores.argmax(axis=1), classifier.predict(TEST.bits))


@pytest.mark.parametrize("size", [0, 1, 64, 65])
def test_any_number_of_samples(size: int) -> None:
    model = random_layers_model(np.random.default_rng(2), 7, [20], 2)
    classifier = gatec.Classifier(model)
    bits = np.random.default_rng(3).integers(0, 2, (size, 7))
    predicted = classifier.predict(bits)
    assert predicted.shape == (size,)
    assert predicted.dtype == np.int64
    if size:
        assert np.array_equal(predicted, model.predict(bits))
        # Of two classes, positive means the second; of equal counts the first wins.
        assert np.array_equal(predicted, classifier.decision_function(bits) > 0)


def test_metrics_scorers_and_pipelines_take_it() -> None:
    classifier = gatec.Classifier(DEMO)
    check_is_fitted(classifier)
    assert sklearn.base.is_classifier(classifier)
    gray = TEST.bits * 0.9 + 0.05
    pipeline = make_pipeline(Binarizer(threshold=0.5), classifier)
    assert pipeline.fit(gray, LABELS).score(gray, LABELS) == pytest.approx(431 / 450)
    assert get_scorer("accuracy")(classifier, TEST.bits, LABELS) == pytest.approx(431 / 450)
    folds = cross_val_score(classifier, TEST.bits, LABELS, cv=5)
    assert folds.mean() == pytest.approx(431 / 450)
    assert gatec.Classifier(DEMO, threshold=0.5).score(gray, LABELS) == pytest.approx(431 / 450)


def test_our_report_is_scikit_learns() -> None:
    predicted = gatec.Classifier(DEMO).predict(TEST.bits)
    confusion = Confusion(10)
    for start in range(0, 450, 64):
        confusion.add(LABELS[start : start + 64], predicted[start : start + 64])
    assert np.array_equal(confusion.counts, confusion_matrix(LABELS, predicted))
    theirs = classification_report(LABELS, predicted, output_dict=True)
    for row in confusion.report():
        found = theirs[str(row["class"])]
        assert row["precision"] == pytest.approx(found["precision"], abs=1e-6)
        assert row["recall"] == pytest.approx(found["recall"], abs=1e-6)
        assert row["f1"] == pytest.approx(found["f1-score"], abs=1e-6)
        assert row["samples"] == found["support"]


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    confusion = Confusion(3)
    assert confusion.accuracy is None
    confusion.add(np.array([0, 1]), np.array([0, 0]))
    rows = confusion.report()
    assert [row["precision"] for row in rows] == [0.5, None, None]
    assert [row["recall"] for row in rows] == [1.0, 0.0, None]
    assert "-" in confusion.lines()[2]


def test_parameters_are_cloned_changed_and_pickled() -> None:
    classifier = gatec.Classifier(DEMO, threshold=0.5)
    classifier.predict(TEST.bits[:2])
    copies = [sklearn.base.clone(classifier), pickle.loads(pickle.dumps(classifier))]
    for copy in copies:
        assert copy.get_params() == classifier.get_params()
        assert np.array_equal(copy.predict(TEST.bits), classifier.predict(TEST.bits))
    model = random_layers_model(np.random.default_rng(2), 7, [20], 2)
    assert classifier.set_params(model=model, threshold=None).n_features_in_ == 7
    with pytest.raises(gatec.GatecError, match="parameter 'C'; expected model or"):
        classifier.set_params(C=1)


@pytest.mark.parametrize(
    ("samples", "labels", "message"),
    [
        (TEST.bits[:, :5], LABELS, "X: 5 values a sample; expected the model's 128 bits"),
        (TEST.bits * 0.5, LABELS, "X: values from 0 to 0.5; expected bits, or --threshold"),
        (TEST.bits, LABELS[:9], r"y: labels of shape \[9\]; expected \[450\]"),
        (TEST.bits, LABELS + 1, "y: sample .*: label 10; expected a class 0..9"),
        (TEST.bits[:0], LABELS[:0], "X: no samples"),
        (TEST.bits.astype(str), LABELS, "X: values of type .*; expected integers"),
    ],
)
def test_bad_data_is_one_line(samples: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(gatec.GatecError, match=message):
        gatec.Classifier(DEMO).score(samples, labels)


def test_a_model_without_classes_is_refused() -> None:
    model = random_layers_model(np.random.default_rng(2), 7, [20], None)
    with pytest.raises(gatec.GatecError, match="the model has no classes"):
        gatec.Classifier(model).predict(np.zeros((1, 7)))


def test_scikit_learn_is_not_needed(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None; import gatec, numpy;"
        "from gatec.demo import path; c = gatec.Classifier(path('digits'));"
        "print(c.predict(numpy.zeros((3, 128))).shape, 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "(3,) False\n"

"""Decision trees: scikit-learn's through its export, XGBoost's and LightGBM's from their files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_trees import DATA, as_bits, exported, stored
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from gatec.bits import pack
from gatec.errors import ModelError
from gatec.frontends import ReadOptions, inspect_model, read_model

IRIS = ReadOptions(features="uint8")
CANCER = ReadOptions(features="uint8,scale=1/255")
# File, how to read it, data set, predictions.
SAVED = [
    ("xgb_multi.ubj", IRIS, "iris", "xgb_multi"),
    ("xgb_binary.json", CANCER, "cancer", "xgb_binary"),
    ("lgb_multi.txt", IRIS, "iris", "lgb_multi"),
    ("lgb_binary.txt", CANCER, "cancer", "lgb_binary"),
]


@pytest.mark.parametrize(("name", "options", "data", "predictions"), SAVED)
def test_predictions_are_the_trainers(
    name: str, options: ReadOptions, data: str, predictions: str
) -> None:
    model = read_model(DATA / name, options)
    assert np.array_equal(model.predict(as_bits(stored(data))), stored(predictions))


@pytest.mark.parametrize(("name", "options", "data"), [row[:3] for row in SAVED[:2]])
def test_scores_are_the_trainers(name: str, options: ReadOptions, data: str) -> None:
    """As far as they are rounded: the note says how far that is."""
    model = read_model(DATA / name, options)
    margin = stored(f"{Path(name).stem}_margin").astype(np.float64)
    bits = as_bits(stored(data))
    found = model.evaluate(pack(bits), len(bits)).scores
    assert found is not None
    power, bound = re.findall(r"2\*\*(-?\d+): .* less than (\S+) apart", model.notes["values"])[0]
    apart = (found[1:] - found[0]) * 2.0 ** int(power)
    wanted = margin[None] if margin.ndim == 1 else (margin[:, 1:] - margin[:, :1]).T
    # The rest is what XGBoost's own float32 sums leave.
    assert np.abs(apart - wanted).max() < float(bound) + 1e-6


FORESTS: list[Callable[[], Any]] = [
    lambda: DecisionTreeClassifier(max_depth=6, random_state=0),
    lambda: RandomForestClassifier(9, random_state=1),
    lambda: RandomForestClassifier(7, max_depth=4, random_state=2),
    lambda: ExtraTreesClassifier(8, max_depth=7, random_state=3),
]


@pytest.mark.parametrize("make", FORESTS)
def test_predictions_are_scikit_learns(tmp_path: Path, make: Callable[[], Any]) -> None:
    x, y = load_digits(return_X_y=True)
    trained = make().fit(x[:1000] / np.float32(16), y[:1000])
    path = exported(trained, tmp_path / "forest.npz")
    model = read_model(path, ReadOptions(features="uint5,scale=1/16"))
    expected = trained.predict((x / np.float32(16)).astype(np.float32))
    assert np.array_equal(model.predict(as_bits(x, 5)), expected)


def test_comparators_are_shared(tmp_path: Path) -> None:
    """Two trees that ask the same differ in the order of their questions only."""
    arrays = {"features": 2, "classes": 2}
    for i, feature in enumerate(([0, 1, 0, 0, 0], [1, 0, 0, 0, 0])):
        arrays |= {
            f"trees.{i}.feature": np.array(feature),
            f"trees.{i}.threshold": np.array([1.5, 1.5, 0, 0, 0]),
            f"trees.{i}.children_left": np.array([1, 3, -1, -1, -1]),
            f"trees.{i}.children_right": np.array([2, 4, -1, -1, -1]),
            f"trees.{i}.value": np.eye(2)[[0, 0, 1, 0, 1]],
        }  # fmt: skip
    np.savez(tmp_path / "net.npz", **arrays)
    model = read_model(tmp_path / "net.npz", ReadOptions(features="uint2"))
    assert model.encoder is not None
    assert model.encoder.levels.shape == (2, 1)
    codes = np.array([[a, b] for a in range(4) for b in range(4)])
    votes = [(codes[:, 0] > 1) | (codes[:, 1] > 1)] * 2
    assert np.array_equal(model.predict(as_bits(codes, 2)), sum(votes) > 1)
    outside = read_model(tmp_path / "net.npz", ReadOptions(features="bits"))
    assert np.array_equal(outside.predict((codes > 1).astype(np.uint8)), sum(votes) > 1)


def test_thresholds_compare_as_float32_does(tmp_path: Path) -> None:
    """XGBoost's `x < t` goes to the left: a code that is exactly `t` goes to the right."""
    text = json.loads((DATA / "xgb_binary.json").read_text())
    trees = text["learner"]["gradient_booster"]["model"]
    trees["trees"], trees["tree_info"] = trees["trees"][:1], [0]
    for code in (1, 77, 254):
        tree = {
            "left_children": [1, -1, -1], "right_children": [2, -1, -1],
            "split_indices": [3, 0, 0], "split_conditions": [0.0, -1.0, 1.0],
        }  # fmt: skip
        tree["split_conditions"][0] = float(np.float32(code) / np.float32(255))  # type: ignore[index]
        trees["trees"][0] = tree
        text["learner"]["learner_model_param"]["base_score"] = "5E-1"
        (tmp_path / "net.json").write_text(json.dumps(text))
        model = read_model(tmp_path / "net.json", CANCER)
        codes = np.zeros((256, 30), dtype=np.int64)
        codes[:, 3] = np.arange(256)
        assert np.array_equal(model.predict(as_bits(codes)), np.arange(256) >= code)


@pytest.mark.parametrize("size", [1e-10, 2.0**-40, 5e9])
def test_small_and_large_values_decide_alike(tmp_path: Path, size: float) -> None:
    """Leaves of 1e-10 are not 0."""

    def change(learner: Any) -> None:
        model = learner["gradient_booster"]["model"]
        tree = {
            "left_children": [1, -1, -1], "right_children": [2, -1, -1],
            "split_indices": [3, 0, 0], "split_conditions": [0.5, -size, size],
        }  # fmt: skip
        model["trees"], model["tree_info"] = [tree], [0]
        learner["learner_model_param"]["base_score"] = "5E-1"

    model = read_model(changed(tmp_path / "net.json", change), CANCER)
    codes = np.zeros((256, 30), dtype=np.int64)
    codes[:, 3] = np.arange(256)
    assert np.array_equal(model.predict(as_bits(codes)), np.arange(256) >= 128)


@pytest.mark.parametrize(("objective", "above"), [("logistic", False), ("logitraw", True)])
def test_the_base_of_logitraw_is_no_probability(
    tmp_path: Path, objective: str, above: bool
) -> None:
    def change(learner: Any) -> None:
        model = learner["gradient_booster"]["model"]
        leaf = {"left_children": [-1], "right_children": [-1], "split_indices": [0]}
        model["trees"], model["tree_info"] = [leaf | {"split_conditions": [-0.25]}], [0]
        learner["learner_model_param"]["base_score"] = "5E-1"
        learner["objective"]["name"] = f"binary:{objective}"

    model = read_model(changed(tmp_path / "net.json", change), CANCER)
    assert model.predict(as_bits(np.zeros((1, 30), dtype=np.int64))).tolist() == [above]


def test_trees_behind_the_best_round_are_told_of(tmp_path: Path) -> None:
    def change(learner: Any) -> None:
        learner["attributes"] = {"best_iteration": "1"}

    text = str(inspect_model(changed(tmp_path / "net.json", change), CANCER))
    assert "booster[: 2]" in text


def changed(path: Path, change: Callable[[Any], Any]) -> Path:
    value = json.loads((DATA / "xgb_binary.json").read_text())
    change(value["learner"])
    path.write_text(json.dumps(value))
    return path


def first_tree(learner: Any) -> Any:
    return learner["gradient_booster"]["model"]["trees"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v["gradient_booster"].update(name="dart"), "booster 'dart'; expected gbtree"),
        (lambda v: v["objective"].update(name="reg:squarederror"), "objective 'reg:squarederror'"),
        (lambda v: v["learner_model_param"].update(base_score="[2]"), "expected a probability"),
        (lambda v: v["learner_model_param"].update(num_feature="3"), "compares feature"),
        (lambda v: first_tree(v)["split_type"].__setitem__(0, 1), "categorical splits"),
        (lambda v: first_tree(v)["left_children"].__setitem__(1, 0), "a node is below itself"),
        (lambda v: first_tree(v)["left_children"].__setitem__(0, 2), "a node is below two"),
        (lambda v: first_tree(v)["left_children"].__setitem__(0, 99), "a node is below two, or no"),
        (
            lambda v: first_tree(v)["split_conditions"].__setitem__(0, float("nan")),
            "threshold is infinit",
        ),
        (lambda v: first_tree(v).pop("split_indices"), "trees[0].split_indices: is no list"),
        (lambda v: v["gradient_booster"]["model"].update(trees=[]), "no trees"),
        (lambda v: v["gradient_booster"]["model"].update(tree_info=[0]), "tree_info of 1"),
    ],
)
def test_what_is_no_classifier_of_trees_is_refused(
    tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises(ModelError) as caught:
        read_model(changed(tmp_path / "net.json", change), CANCER)
    assert message in str(caught.value)
    assert str(tmp_path / "net.json") in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("objective=multiclass", "objective=regression", "objective 'regression'"),
        ("end of trees", "", "cut off"),
        ("decision_type=2", "decision_type=1", "a split by category"),
        ("num_cat=0", "num_cat=1", "categorical splits"),
        ("Tree=1", "Tree=7", "tree 7 behind 1 trees"),
        ("leaf_value=", "leaf_value=x ", "leaf_value: "),
        ("num_class=3", "num_class=2", "3 trees an iteration, 2 classes"),
        ("Tree=1", "(Tree=1", "Tree=0: num_leaves: is there twice"),
        ("tree_sizes=", "tree_sizes=9 ", "trees, .* tree_sizes"),
    ],
)
def test_lightgbm_refusals(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (DATA / "lgb_multi.txt").read_text()
    assert old in text
    (tmp_path / "net.txt").write_text(text.replace(old, new, 1))
    with pytest.raises(ModelError, match=message):
        read_model(tmp_path / "net.txt", IRIS)


def test_what_codes_stand_for_is_asked_for() -> None:
    with pytest.raises(ModelError, match=r"compare floats; expected --features"):
        read_model(DATA / "xgb_multi.ubj")


def test_inspect_explains() -> None:
    text = str(inspect_model(DATA / "xgb_binary.json"))
    assert "xgboost (json)" in text
    assert "note: objective: binary:logistic" in text
    assert "12 trees, " in text
    assert "values are rounded to multiples of" in text
    assert "missing: the model's thresholds compare floats" in text


def test_truncated_ubjson_is_refused(tmp_path: Path) -> None:
    data = (DATA / "xgb_multi.ubj").read_bytes()
    for size in range(3, len(data), 97):
        (tmp_path / "net.ubj").write_bytes(data[:size])
        with pytest.raises(ModelError, match="broken UBJSON"):
            read_model(tmp_path / "net.ubj", IRIS)

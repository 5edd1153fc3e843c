"""Boosted trees as XGBoost saves them: `save_model` to `.json`, or to `.ubj` (UBJSON).

`learner.gradient_booster.model.trees[i]` has arrays over nodes: `left_children`, `right_children`
(-1 below a leaf), `split_indices` (features), and `split_conditions`: of a leaf its value, of a
node the number below which a sample goes to the left, `x < t`, all in float32. `tree_info` is the
class that each tree is for. `base_score` is added; of `binary:logistic` it is a probability (of
`binary:logitraw` since XGBoost 1.3.1, its pull request 6517, no longer).
Two classes are one score, above 0 for the second. Missing values do not occur: features are codes.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.draft import Draft
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.forest import LEAF, Forest, Tree, forest_draft, numbers
from gatec.frontends.options import ReadOptions
from gatec.frontends.wiring import refuse_wiring

_LOGISTIC = ("binary:logistic",)
_SIGNED = ("binary:hinge", "binary:logitraw")
_MULTI = ("multi:softmax", "multi:softprob")
_WHOLE = re.compile(r"[0-9]{1,9}")


def matches(content: Content) -> bool:
    """Return whether there is a `learner` with a booster."""
    return isinstance(content.value, dict) and isinstance(
        _at(content.value, "learner", "gradient_booster"), dict
    )


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells; the meaning of the features' codes is asked for."""
    file = content.label
    refuse_wiring(options, file=file)
    learner = _at(content.value, "learner")
    booster = _at(learner, "gradient_booster")
    kind, model = _at(booster, "name"), _at(booster, "model")
    if kind != "gbtree":
        raise ModelError(
            f"booster {_shown(kind)}",
            file=file,
            place="learner.gradient_booster",
            expected="gbtree",
        )
    objective = _at(learner, "objective", "name")
    known = (*_LOGISTIC, *_SIGNED, *_MULTI)
    if objective not in known:
        raise ModelError(
            f"objective {_shown(objective)}",
            file=file,
            expected=f"a classifier: {', '.join(known)}",
        )
    parameters = _at(learner, "learner_model_param")
    features = _whole(parameters, "num_feature", file)
    classes = _whole(parameters, "num_class", file) if objective in _MULTI else 1
    if objective in _MULTI and classes < 2:
        raise ModelError(f"num_class is {classes}", file=file, expected="at least 2")
    listed, info = _at(model, "trees"), _at(model, "tree_info")
    if not isinstance(listed, list) or not listed:
        raise ModelError("no trees", file=file, place="learner.gradient_booster.model.trees")
    first = numbers(info, "i", file, "tree_info")
    if len(first) != len(listed) or first.min() < 0 or first.max() >= classes:
        raise ModelError(f"tree_info of {len(first)} for {len(listed)} trees", file=file)
    trees = [_tree(tree, i, int(first[i]), file) for i, tree in enumerate(listed)]
    base = _base(parameters, objective, classes, file)
    notes = {"objective": str(objective)} | _early(learner, model, len(trees) // classes)
    return forest_draft(Forest(trees, features, classes, base, notes), options, file)


def _early(learner: Any, model: Any, rounds: int) -> dict[str, str]:
    """Return a note where training stopped early: XGBoost's two interfaces then differ."""
    best = str(_at(learner, "attributes", "best_iteration") or "")
    parallel = str(_at(model, "gbtree_model_param", "num_parallel_tree") or "")
    trees = int(parallel) if parallel in map(str, range(1, 1 << 12)) else 1
    if not _WHOLE.fullmatch(best) or (int(best) + 1) * trees >= rounds:
        return {}
    return {
        "rounds": f"all {rounds // trees} count, as in Booster.predict; XGBClassifier.predict "
        f"stops at the best one: save booster[: {int(best) + 1}] for that"
    }


def _tree(tree: Any, number: int, first: int, file: str) -> Tree:
    place = f"trees[{number}]"

    def array(key: str, kind: str) -> Array:
        return numbers(_at(tree, key), kind, file, f"{place}.{key}")

    types = _at(tree, "split_type")
    if types is not None and array("split_type", "i").any():
        raise ModelError("categorical splits", file=file, place=place, expected="numbers compared")
    if str(_at(tree, "tree_param", "size_leaf_vector") or "0") not in ("0", "1"):
        raise ModelError("leaves of several values", file=file, place=place, expected="one")
    left, right = array("left_children", "i"), array("right_children", "i")
    with np.errstate(over="ignore"):
        conditions = array("split_conditions", "f").astype(np.float32)
    if conditions.shape != left.shape:
        raise ModelError(f"{conditions.size} conditions, {left.size} nodes", file=file, place=place)
    # x >= t is x > the float before t, for every x in float32.
    before = np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64)
    threshold = np.where(left == LEAF, 0.0, before)
    value = conditions.astype(np.float64)[:, None]
    return Tree(place, array("split_indices", "i"), threshold, left, right, value, first)


def _base(parameters: Any, objective: Any, classes: int, file: str) -> Array:
    """Return the scores that the trees' values are added to, `[classes]`."""
    text = _at(parameters, "base_score")
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        value = None
    listed = value if isinstance(value, list) else [value]
    with np.errstate(over="ignore"):
        base = numbers(listed, "f", file, "base_score").astype(np.float32)
    if len(base) not in (1, classes) or not np.isfinite(base).all():
        raise ModelError(
            f"base_score {_shown(text)}", file=file, expected=f"1 or {classes} numbers"
        )
    if objective in _LOGISTIC:
        if not ((base > 0) & (base < 1)).all():
            raise ModelError(f"base_score {_shown(text)}", file=file, expected="a probability")
        base = -np.log(np.float32(1) / base - np.float32(1))
    return np.broadcast_to(base.astype(np.float64), (classes,))


def _at(value: Any, *keys: str) -> Any:
    """Return what is under some keys; None where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _whole(parameters: Any, key: str, file: str) -> int:
    text = _at(parameters, key)
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ModelError(f"{key} is {_shown(text)}", file=file, expected="an integer")
    return int(text)


def _shown(value: Any) -> str:
    return repr(value)[:60]

"""Boosted trees as LightGBM's `save_model` writes them: text of `key=value` lines.

Above the trees `num_class`, `num_tree_per_iteration`, `max_feature_idx`, `objective`; of each tree,
from `Tree=i` on, arrays over splits: `split_feature`, `threshold` (a sample goes to the left if
`x <= threshold`, in float64), `left_child`, `right_child`, where `-1 - leaf` is a leaf, and
`decision_type` (bit 0: categorical; bits 2 and 3: what counts as missing), and `leaf_value`.
Two classes are one score, above 0 for the second.
"""

from __future__ import annotations

import re

import numpy as np

from gatec import limits
from gatec.errors import ModelError
from gatec.frontends.draft import Draft
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.forest import LEAF, Forest, Tree, forest_draft
from gatec.frontends.options import ReadOptions
from gatec.frontends.wiring import refuse_wiring

_OBJECTIVES = ("binary", "multiclass", "cross_entropy")
_CATEGORICAL, _ZERO_MISSING, _MISSING = 1, 4, 12
_WHOLE = re.compile(r"[0-9]{1,9}")
_Lines = dict[str, str]


def matches(content: Content) -> bool:
    """Return whether the file is a LightGBM model."""
    return content.container == "lightgbm"


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells; the meaning of the features' codes is asked for."""
    file = content.label
    refuse_wiring(options, file=file)
    if not matches(content):
        raise ModelError("no LightGBM model", file=file)
    head, trees = _sections(str(content.value), file)
    objective = head.get("objective", "").split(" ")[0]
    if objective not in _OBJECTIVES:
        raise ModelError(
            f"objective {objective[:40]!r}", file=file, expected=f"one of {', '.join(_OBJECTIVES)}"
        )
    each = _integer(head, "num_tree_per_iteration", file, "the first lines")
    features = _integer(head, "max_feature_idx", file, "the first lines") + 1
    classes = _integer(head, "num_class", file, "the first lines")
    if each != classes or not classes or (classes == 1) == (objective == "multiclass"):
        raise ModelError(f"{each} trees an iteration, {classes} classes", file=file)
    sizes = len(head["tree_sizes"].split()) if "tree_sizes" in head else len(trees)
    if sizes != len(trees):
        raise ModelError(f"{len(trees)} trees, {sizes} tree_sizes", file=file)
    found = [_tree(tree, i, i % each, file) for i, tree in enumerate(trees)]
    notes = {"objective": head["objective"][:80]}
    return forest_draft(Forest(found, features, classes, np.zeros(classes), notes), options, file)


def _sections(text: str, file: str) -> tuple[_Lines, list[_Lines]]:
    """Return the lines above the trees, and those of each tree, by key."""
    head: _Lines = {}
    trees: list[_Lines] = []
    now = head
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if key == "end of trees":
            return head, trees
        if key == "Tree" and equals:
            if value != str(len(trees)):
                raise ModelError(f"tree {value[:20]} behind {len(trees)} trees", file=file)
            limits.check_limit(len(trees) + 1, 1_000_000, "trees", file=file)
            now = {}
            trees.append(now)
        elif key in now:
            raise ModelError(
                "is there twice", file=file, place=f"Tree={len(trees) - 1}: {key[:40]}"
            )
        elif equals:
            now[key] = value
    raise ModelError("no line 'end of trees': cut off", file=file)


def _tree(lines: _Lines, number: int, first: int, file: str) -> Tree:
    place = f"Tree={number}"
    if _integer(lines, "num_cat", file, place) or lines.get("is_linear", "0") != "0":
        raise ModelError(
            "categorical splits or linear leaves", file=file, place=place, expected="numbers"
        )
    leaves = _integer(lines, "num_leaves", file, place)
    value = _array(lines, "leaf_value", leaves, file, place)
    if leaves == 1:
        none = np.full(1, LEAF)
        return Tree(place, none, np.zeros(1), none, none, value[:, None], first)
    splits = leaves - 1
    below = [_whole(lines, key, splits, file, place) for key in ("left_child", "right_child")]
    kinds = _whole(lines, "decision_type", splits, file, place)
    if (kinds & _CATEGORICAL).any() or ((kinds & _MISSING) == _ZERO_MISSING).any():
        raise ModelError(
            "a split by category, or with 0 as missing", file=file, place=place,
            expected="comparisons of numbers",
        )  # fmt: skip
    # Splits keep their numbers, and leaves come behind them.
    left, right = (np.where(side < 0, splits - 1 - side, side) for side in below)
    end = np.full(leaves, LEAF)
    feature = np.concatenate([_whole(lines, "split_feature", splits, file, place), end])
    thresholds = np.concatenate([_array(lines, "threshold", splits, file, place), np.zeros(leaves)])
    values = np.concatenate([np.zeros(splits), value])[:, None]
    ends = [np.concatenate([side, end]) for side in (left, right)]
    return Tree(place, feature, thresholds, ends[0], ends[1], values, first)


def _integer(lines: _Lines, key: str, file: str, place: str) -> int:
    text = lines.get(key, "")
    if _WHOLE.fullmatch(text) is None:
        raise ModelError(f"{key} is {text[:40]!r}", file=file, place=place, expected="an integer")
    return int(text)


def _array(lines: _Lines, key: str, count: int, file: str, place: str) -> Array:
    """Return the numbers of a line; raise `ModelError` unless there are `count` of them."""
    words = lines.get(key, "").split()
    try:
        found = np.array([float(word) for word in words])
    except ValueError:
        found = np.zeros(0)
    if len(found) != count or not count:
        raise ModelError(f"{key}: {len(words)} words", file=file, place=place, expected=f"{count}")
    return found


def _whole(lines: _Lines, key: str, count: int, file: str, place: str) -> Array:
    found = _array(lines, key, count, file, place)
    if not ((np.abs(found) < 2.0**31) & (found == np.floor(found))).all():
        raise ModelError(f"{key} holds more than integers", file=file, place=place)
    return found.astype(np.int64)

"""Trees as arrays in a `.npz`, as scikit-learn's users export them: see `EXPORTER`.

`trees.{i}.feature`, `.threshold`, `.children_left`, `.children_right` `[nodes]` and `.value`
`[nodes, classes]` for trees i = 0, 1, ... as in the `tree_` of scikit-learn's decision trees, where
a sample goes to the left if `x[feature] <= threshold`, with x in float32, and leaves are nodes with
-1 below them; `features` and `classes`. A sample's scores are the sum of the values of its leaves;
of equal scores the first wins, as in the average that scikit-learn's forests take. Values of before
version 1.3 are counts: divide them by their sums.

Optional, for sums of trees of one value each (gradient boosting): `class` `[trees]`, the class that
each tree's single value is for; `base` `[classes]`, which is added. With `classes` 1, a score above
0 is class 1, and else class 0.

scikit-learn's own files are pickles, which run what is in them when they are read: gatec reads
none.
"""

from __future__ import annotations

import re

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.draft import Draft
from gatec.frontends.files.content import Content
from gatec.frontends.files.tensors import Array
from gatec.frontends.forest import Forest, Tree, forest_draft, numbers
from gatec.frontends.options import ReadOptions
from gatec.frontends.wiring import refuse_wiring

_KEY = re.compile(r"trees\.([0-9]{1,6})\.(feature|threshold|children_left|children_right|value)")
_FIELDS = ("feature", "threshold", "children_left", "children_right", "value")

EXPORTER = """\
trees = [t.tree_ for t in getattr(model, "estimators_", [model])]
names = ("feature", "threshold", "children_left", "children_right")
keys = {f"trees.{i}.{n}": getattr(t, n) for i, t in enumerate(trees) for n in names}
keys |= {f"trees.{i}.value": t.value[:, 0] for i, t in enumerate(trees)}
numpy.savez("forest.npz", features=model.n_features_in_, classes=len(model.classes_), **keys)
"""
"""For a trained `DecisionTreeClassifier`, `RandomForestClassifier` or `ExtraTreesClassifier`, with
`import numpy` above it."""


def matches(content: Content) -> bool:
    """Return whether there is a tree 0."""
    return "trees.0.children_left" in content.tensors


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return what the file tells; the meaning of the features' codes is asked for."""
    file = content.label
    refuse_wiring(options, file=file)
    trees: dict[int, dict[str, Array]] = {}
    for key, tensor in content.tensors.items():
        match = _KEY.fullmatch(key)
        if match is not None:
            trees.setdefault(int(match[1]), {})[match[2]] = tensor
        elif key not in ("features", "classes", "class", "base"):
            raise ModelError("unknown tensor", file=file, place=key[:80], expected="trees.{i}.…")
    for i in range(max(1, len(trees))):
        for key in _FIELDS:
            if key not in trees.get(i, {}):
                raise ModelError("missing in the file", file=file, place=f"trees.{i}.{key}")
    classes = _whole(content, "classes")
    first = _numbers(content, "class", "i", np.zeros(len(trees), dtype=np.int64))
    base = _numbers(content, "base", "f", np.zeros(classes))
    if len(first) != len(trees) or first.min() < 0:
        raise ModelError(f"{len(first)} classes for {len(trees)} trees", file=file, place="class")
    found = [_tree(trees[i], i, int(first[i])) for i in range(len(trees))]
    return forest_draft(Forest(found, _whole(content, "features"), classes, base), options, file)


def _tree(arrays: dict[str, Array], number: int, first: int) -> Tree:
    place = f"trees.{number}"
    value = arrays["value"]
    if value.ndim == 3 and value.shape[1] == 1:
        value = value[:, 0]
    below = [arrays["children_left"], arrays["children_right"]]
    return Tree(place, arrays["feature"], arrays["threshold"], below[0], below[1], value, first)


def _whole(content: Content, key: str) -> int:
    found = content.tensors.get(key)
    if found is None or found.size != 1 or found.dtype.kind not in "iu":
        raise ModelError("is no integer, or missing", file=content.label, place=key)
    value = int(found.reshape(())[()])
    if not 1 <= value < 1 << 20:
        raise ModelError(f"is {value}", file=content.label, place=key, expected="1 and more")
    return value


def _numbers(content: Content, key: str, kind: str, otherwise: Array) -> Array:
    found = content.tensors.get(key)
    return otherwise if found is None else numbers(found, kind, content.label, key)

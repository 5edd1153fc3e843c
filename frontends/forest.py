"""Decision trees and sums of them, from every trainer: comparators, leaves, and sums of values.

A model is trees whose leaves hold values for one class or all. A score is the sum of the values of
the leaves that a sample falls into, one in each tree, plus a constant; the class with the largest
score wins. The comparators of all trees are one encoder (`Thermometer`), so equal ones are shared.

Values are integers in the circuit: votes are exact, and of others `gatec.frontends.rounding` says
how close two scores must be for rounding to matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gatec import limits
from gatec.blocks_circuit import Circuit
from gatec.blocks_threshold import ClassScores
from gatec.errors import ModelError
from gatec.frontends.draft import Draft, DraftBlock, naming
from gatec.frontends.files.tensors import Array
from gatec.frontends.forest_circuit import Nodes, forest_circuit
from gatec.frontends.options import ReadOptions
from gatec.frontends.rounding import integer_step

LEAF = -1
_MOST_CLASSES = 1 << 12
_MOST_VALUE = 1e30
_MOST_WEIGHTS = 1 << 27
_MOST_FEATURES = 1 << 20


@dataclass(frozen=True, eq=False)
class Tree:
    """A decision tree; node 0 is the root.

    Attributes
    ----------
    place
        Where the file has it.
    feature, threshold
        Of each node: a sample goes to the right where `x[feature] > threshold`.
    left, right
        Nodes below, `LEAF` for both of a leaf.
    value
        Floats `[nodes, columns]`; only those of leaves count.
    first
        The class of the first column; the others follow.
    """

    place: str
    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array
    first: int = 0


@dataclass(frozen=True, eq=False)
class Forest:
    """A sum of trees.

    Attributes
    ----------
    trees
        In any order.
    features, classes
        Numbers of them. With one class, its score above 0 is class 1 and all else class 0.
    base
        Floats `[classes]`, added to the scores.
    """

    trees: Sequence[Tree]
    features: int
    classes: int
    base: Array
    notes: dict[str, str] = field(default_factory=dict)


def forest_draft(forest: Forest, options: ReadOptions, file: str) -> Draft:
    """Return the model; raise `ModelError` at trees that are none."""
    if not forest.trees or not 1 <= forest.classes <= _MOST_CLASSES:
        raise ModelError(f"{len(forest.trees)} trees, {forest.classes} classes", file=file)
    if not 1 <= forest.features <= _MOST_FEATURES:
        raise ModelError(f"{forest.features} features", file=file, expected="at least one")
    for tree in forest.trees:
        _check_tree(tree, forest, file)
    forest = replace(forest, trees=[_ordered(tree, forest.features, file) for tree in forest.trees])
    nodes = _joined(forest.trees)
    limits.check_limit(len(nodes.left), limits.MAX_GATES, "tree nodes", file=file)
    thresholds, nodes.bit[:] = _comparators(nodes, forest.features, file)
    notes = dict(forest.notes)
    steps = _step(forest, notes, file)
    values, offsets, base = _integers(forest, steps)
    net, bits = forest_circuit(nodes, values, thresholds.size)
    with naming(file):
        head = _head(forest, offsets + base, net.num_outputs, bits)
        block = Circuit("trees", net)
    count = int(np.isfinite(thresholds).sum())
    leaves = int((nodes.left == LEAF).sum())
    notes["trees"] = (
        f"{len(forest.trees)} trees, {leaves} leaves, {count} comparators that differ of "
        f"{len(nodes.left) - leaves}"
    )
    if options.features == "bits":
        notes["input"] = "bit f * T + t is x[f] > thresholds[f, t], T as many as any feature has"
    return Draft([DraftBlock("trees", block)], head=head, thresholds=thresholds, notes=notes)


def _check_tree(tree: Tree, forest: Forest, file: str) -> None:
    """Raise `ModelError` unless the arrays are a tree over the features."""
    count = len(tree.left) if tree.left.ndim == 1 else 0
    wrong = None
    arrays: dict[str, tuple[Array, str]] = {
        "left": (tree.left, "iu"),
        "right": (tree.right, "iu"),
        "feature": (tree.feature, "iu"),
        "threshold": (tree.threshold, "iuf"),
    }
    for name, (array, kinds) in arrays.items():
        if array.shape != (count,) or array.dtype.kind not in kinds or not count:
            wrong = f"{name} {array.dtype}{list(array.shape)} for {count} nodes"
    columns = tree.value.shape[1] if tree.value.ndim == 2 else 0
    if wrong is None and (
        not columns or len(tree.value) != count or tree.value.dtype.kind not in "iuf"
    ):
        wrong = f"value {tree.value.dtype}{list(tree.value.shape)} for {count} nodes"
    if wrong is None and not 1 <= columns <= forest.classes - tree.first:
        wrong = f"{columns} values a leaf for {forest.classes} classes"
    if wrong is None and forest.base.shape != (forest.classes,):
        wrong = f"{forest.base.size} constants for {forest.classes} classes"
    if wrong is not None:
        raise ModelError(wrong, file=file, place=tree.place)


def _ordered(tree: Tree, features: int, file: str) -> Tree:
    """Return the tree with its nodes level by level, and those left out that nothing leads to.

    Raises `ModelError` where the nodes are no tree.
    """
    below = np.stack([tree.left, tree.right], axis=1).astype(np.int64)
    count = len(below)
    order, front = [], np.zeros(1, dtype=np.int64)
    seen = np.zeros(count, dtype=bool)
    while len(front):
        if front.min() < 0 or front.max() >= count or len(np.unique(front)) < len(front):
            raise ModelError("a node is below two, or not there", file=file, place=tree.place)
        if seen[front].any():
            raise ModelError("a node is below itself", file=file, place=tree.place)
        seen[front] = True
        order.append(front)
        front = below[front][(below[front] != LEAF).any(axis=1)].reshape(-1)
    kept = np.concatenate(order)
    number = np.full(count + 1, LEAF, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    left, right = number[below[kept]].T
    found = Tree(
        tree.place, tree.feature[kept], tree.threshold[kept], left, right, tree.value[kept],
        tree.first,
    )  # fmt: skip
    wrong = _wrong_numbers(found, features)
    if wrong is not None:
        raise ModelError(wrong, file=file, place=tree.place)
    return found


def _wrong_numbers(tree: Tree, features: int) -> str | None:
    """Return what is wrong with features, thresholds and values; None if nothing is."""
    leaf = tree.left == LEAF
    if not leaf.all():
        used = tree.feature[~leaf]
        if used.min() < 0 or used.max() >= features:
            return f"compares feature {int(used[used.argmax()])}, of {features}"
        if not np.isfinite(tree.threshold[~leaf].astype(np.float64)).all():
            return "a threshold is infinite or no number"
    if not (np.abs(tree.value[leaf].astype(np.float64)) <= _MOST_VALUE).all():
        return "the value of a leaf is infinite or no number"
    return None


def _joined(trees: Sequence[Tree]) -> Nodes:
    """Return the nodes of all trees under consecutive numbers."""
    sizes = np.array([len(tree.left) for tree in trees])
    first = np.cumsum(sizes) - sizes
    shift = np.repeat(first, sizes)

    def below(name: str) -> npt.NDArray[np.int64]:
        found = np.concatenate([getattr(tree, name).astype(np.int64) for tree in trees])
        return np.where(found == LEAF, LEAF, found + shift)

    return Nodes(
        first,
        below("left"),
        below("right"),
        np.concatenate([tree.feature.astype(np.int64) for tree in trees]),
        np.concatenate([tree.threshold.astype(np.float64) for tree in trees]),
        np.zeros(int(sizes.sum()), dtype=np.int64),
    )


def _comparators(nodes: Nodes, features: int, file: str) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the thresholds of each feature, ascending and padded with infinity, and which of their
    bits each node reads."""
    split = nodes.left != LEAF
    pairs = np.stack([nodes.feature[split].astype(np.float64), nodes.threshold[split] + 0.0], 1)
    known, which = np.unique(pairs, axis=0, return_inverse=True)
    feature = known[:, 0].astype(np.int64)
    counts = np.bincount(feature, minlength=features)
    each = max(1, int(counts.max(initial=0)))
    limits.check_limit(features * each, limits.MAX_GATES, "comparators", file=file)
    rank = np.arange(len(known)) - (np.cumsum(counts) - counts)[feature]
    thresholds = np.full((features, each), np.inf)
    thresholds[feature, rank] = known[:, 1]
    bits = np.zeros(len(nodes.left), dtype=np.int64)
    bits[split] = (feature * each + rank)[which.reshape(-1)]
    return thresholds, bits


def _step(forest: Forest, notes: dict[str, str], file: str) -> float:
    """Return how many steps of the circuit's sums are 1, and note what rounding can do."""
    leaves = [tree.value[tree.left == LEAF].astype(np.float64) for tree in forest.trees]
    base = np.asarray(forest.base, dtype=np.float64)
    every = np.concatenate([*(part.reshape(-1) for part in leaves), base])
    # What sums can span, the constants and the distance between classes included.
    span = sum(float(part.max() - part.min()) for part in leaves) + 2 * float(np.abs(base).max())
    span += float(np.abs([float(part.min()) for part in leaves]).sum()) * 2
    widest = max(float(part.max() - part.min()) for part in leaves)
    addends = len(forest.trees) + 1
    return integer_step(every, notes, span=span, widest=widest, addends=addends, file=file)


Integers = npt.NDArray[np.int64]


def _integers(forest: Forest, steps: float) -> tuple[list[Integers], Integers, Integers]:
    """Return for each tree its leaves' values above the smallest, `[nodes, columns]`; the sum of
    the smallest of each class; and the constants."""
    values = []
    offsets = np.zeros(forest.classes, dtype=np.int64)
    for tree in forest.trees:
        leaf = tree.left == LEAF
        whole = np.where(leaf[:, None], np.round(tree.value.astype(np.float64) * steps), 0)
        found = whole.astype(np.int64)
        least = found[leaf].min(axis=0)
        offsets[tree.first : tree.first + found.shape[1]] += least
        values.append(np.where(leaf[:, None], found - least, 0))
    base = np.round(np.asarray(forest.base, dtype=np.float64) * steps).astype(np.int64)
    return values, offsets, base


def _head(
    forest: Forest, bias: Integers, width: int, bits: tuple[Integers, Integers, Integers]
) -> ClassScores:
    """Return the sums of the values' bits: each with its weight, in the row of its class."""
    output, column, weight = bits
    limits.check_limit(forest.classes * width, _MOST_WEIGHTS, "weights of value bits")
    firsts = [tree.first + np.arange(tree.value.shape[1]) for tree in forest.trees]
    weights = np.zeros((forest.classes, width), dtype=np.int64)
    np.add.at(weights, (np.concatenate(firsts)[column], output), weight)
    if forest.classes == 1:
        weights = np.concatenate([np.zeros_like(weights), weights])
        bias = np.concatenate([[0], bias])
    bias = bias - min(0, int(bias.min()))
    return ClassScores("scores", width, weights.astype(np.int32), bias.astype(np.int32))


def numbers(value: Any, kind: str, file: str, place: str) -> Array:
    """Return a list of numbers in a file as an array, of integers (`i`) or floats (`f`).

    Raises `ModelError` when it is none.
    """
    if isinstance(value, np.ndarray):
        array = value
    else:
        good = isinstance(value, list) and all(type(v) in (int, float, bool) for v in value)
        if not good or any(abs(v) > 2.0**62 for v in value if type(v) is int):
            raise ModelError("is no list of numbers", file=file, place=place)
        array = np.array(value, dtype=np.float64)
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise ModelError(f"is {array.dtype}{list(array.shape)}", file=file, place=place)
    # A signalling NaN, in float32, becomes a quiet one.
    with np.errstate(invalid="ignore"):
        whole = array.astype(np.float64)
    if kind == "f":
        return whole
    if not ((np.abs(whole) < 2.0**53) & (whole == np.floor(whole))).all():
        raise ModelError("is no list of integers", file=file, place=place)
    return whole.astype(np.int64)

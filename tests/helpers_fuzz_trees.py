"""Files of trees to damage, and what they compute by walking from each root: see `helpers_fuzz`."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from helpers_trees import DATA

Walk = Callable[[np.ndarray], np.ndarray]


def codes(bits: np.ndarray, width: int) -> np.ndarray:
    """Return integers `[samples, features]` of bits, each feature's lowest first."""
    found: np.ndarray = bits.reshape(len(bits), -1, width).astype(np.int64) @ (
        1 << np.arange(width)
    )
    return found


def walk(
    node: int, x: np.ndarray, children: Callable[[int], tuple[int, int] | None],
    right: Callable[[int, np.ndarray], np.ndarray], value: Callable[[int], np.ndarray],
) -> np.ndarray:  # fmt: skip
    """Return the leaves' values `[samples, columns]` that samples end in."""
    below = children(node)
    if below is None:
        return np.tile(value(node), (len(x), 1))
    goes = right(node, x)
    sides = [walk(child, x, children, right, value) for child in below]
    return np.where(goes[:, None], sides[1], sides[0])


def decided(scores: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the classes of scores `[samples, classes]`, -1 where the best two are close.

    Close is what the circuit's rounding of the values may turn: they have 16 bits or more.
    """
    most = max(float(np.abs(value).max(initial=0)) for value in values)
    if not most < 1e30 or not np.isfinite(scores).all():
        return None
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    best = np.sort(scores, axis=1)
    close = best[:, -1] - best[:, -2] <= (len(values) + 1) * most * 2.0**-14
    return np.where(close, -1, scores.argmax(1))


def scikit(arrays: Mapping[str, np.ndarray], bits: np.ndarray) -> np.ndarray | None:
    """The sum over trees of the value of the leaf: to the left where `x <= threshold`."""
    x = codes(bits, 3).astype(np.float32)
    classes = int(arrays["classes"])
    trees = [key.split(".")[1] for key in arrays if key.endswith("children_left")]
    if len(trees) * 5 + 2 != len(arrays) or x.shape[1] != int(arrays["features"]):
        return None
    scores, values = np.zeros((len(x), classes)), []
    for tree in trees:
        names = ("feature", "threshold", "children_left", "children_right", "value")
        feature, threshold, left, right, value = (arrays[f"trees.{tree}.{n}"] for n in names)
        values.append(value)
        found = walk(
            0, x,
            _pair(left, right),
            lambda i, x, f=feature, t=threshold: ~(x[:, _place(f[i])] <= float(t[i])),
            lambda i, v=value: v.reshape(len(v), -1)[_place(i)].astype(float),
        )  # fmt: skip
        scores[:, : found.shape[1]] += found
    return decided(scores, values)


def _pair(left: Any, right: Any) -> Callable[[int], tuple[int, int] | None]:
    def children(node: int) -> tuple[int, int] | None:
        below = int(left[_place(node)]), int(right[_place(node)])
        return None if below == (-1, -1) else below

    return children


def _place(value: Any) -> int:
    if value != int(value) or value < 0:
        raise ValueError("not a place")
    return int(value)


def xgboost(width: int, scale: int) -> Callable[[Any, np.ndarray], np.ndarray | None]:
    """Walk the trees of a value as in XGBoost's JSON; features are codes over `scale`."""

    def judge(learner: Any, bits: np.ndarray) -> np.ndarray | None:
        x = codes(bits, width).astype(np.float32) / np.float32(scale)
        learner = learner["learner"]
        booster, parameters = learner["gradient_booster"], learner["learner_model_param"]
        objective, model = learner["objective"]["name"], booster["model"]
        multi = objective in ("multi:softprob", "multi:softmax")
        if booster["name"] != "gbtree" or int(parameters["num_feature"]) != x.shape[1]:
            return None
        base = json.loads(parameters["base_score"])
        base = np.atleast_1d(np.array(base, dtype=np.float32)).astype(float)
        if objective == "binary:logistic":
            base = np.log(base / (1 - base))
        classes = int(parameters["num_class"]) if multi else 1
        scores, values = np.zeros((len(x), classes)) + base, [base]
        for tree, where in zip(model["trees"], model["tree_info"], strict=True):
            if np.any(tree["split_type"]) or len(tree["left_children"]) != len(
                tree["right_children"]
            ):
                return None
            with np.errstate(over="ignore"):
                numbers = np.array(tree["split_conditions"], dtype=float).astype(np.float32)
            feature, left = tree["split_indices"], tree["left_children"]
            leaf = [n for n, child in zip(numbers, left, strict=True) if child == -1]
            values.append(np.array(leaf, dtype=float))
            scores[:, _place(where)] += walk(
                0, x,
                _pair(left, tree["right_children"]),
                lambda i, x, f=feature, t=numbers: ~(x[:, _place(f[i])] < t[i]),
                lambda i, t=numbers: np.array([float(t[_place(i)])]),
            )[:, 0]  # fmt: skip
        return decided(scores, values)

    return judge


def xgboost_text(data: bytes, bits: np.ndarray) -> np.ndarray | None:
    return xgboost(2, 3)(json.loads(data), bits)


def xgboost_binary(data: bytes, bits: np.ndarray) -> np.ndarray | None:
    value, end = _ubjson(data, 1, data[0])
    return xgboost(6, 1)(value, bits) if end == len(data) else None


_SIZES = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}


def _ubjson(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    """Return the value of a kind that starts at a place, and the place behind it."""
    letter = chr(kind)
    if letter in _SIZES:
        form = f">{_SIZES[letter]}"
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if letter in "TFZ":
        return {"T": True, "F": False, "Z": None}[letter], at
    if letter == "S":
        size, at = _ubjson(data, at + 1, data[at])
        if not 0 <= size <= len(data) - at:
            raise ValueError("a string beyond the end")
        return data[at : at + size].decode(), at + size
    if letter not in "[{":
        raise ValueError(letter)
    inner, count = None, None
    if data[at : at + 1] == b"$":
        inner, at = data[at + 1], at + 2
    if data[at : at + 1] == b"#":
        count, at = _ubjson(data, at + 2, data[at + 1])
    found: list[Any] = []
    names: list[str] = []
    while len(found) != count:
        if count is None and data[at] == ord("]" if letter == "[" else "}"):
            at += 1
            break
        if letter == "{":
            name, at = _ubjson(data, at, ord("S"))
            names.append(name)
        if inner is None:
            value, at = _ubjson(data, at + 1, data[at])
        else:
            value, at = _ubjson(data, at, inner)
        found.append(value)
    if len(set(names)) != len(names):
        raise ValueError("a name twice")
    return (dict(zip(names, found, strict=True)) if letter == "{" else found), at


def lightgbm(data: bytes, bits: np.ndarray) -> np.ndarray | None:
    """Walk the trees of LightGBM's text: to the left where `x <= threshold`."""
    x = codes(bits, 2).astype(np.float32) / np.float32(3)
    parts = data.decode().split("end of trees")[0].split("Tree=")
    lines = [dict(_line(line) for line in part.split("\n") if "=" in line) for part in parts]
    each = int(lines[0]["num_tree_per_iteration"])
    if int(lines[0]["max_feature_idx"]) + 1 != x.shape[1] or each != int(lines[0]["num_class"]):
        return None
    scores, values = np.zeros((len(x), each)), []
    for number, tree in enumerate(lines[1:]):
        value = np.array(tree["leaf_value"].split(), dtype=float)
        if int(tree["num_cat"]) or len(value) != int(tree["num_leaves"]):
            return None
        values.append(value)
        kinds = [int(word) for word in tree["decision_type"].split()]
        if any(kind & 1 or kind & 12 == 4 for kind in kinds):
            return None
        feature, left, right = (
            [_whole(word) for word in tree[key].split()]
            for key in ("split_feature", "left_child", "right_child")
        )
        limits = [float(word) for word in tree["threshold"].split()]
        scores[:, number % each] += walk(
            0, x,
            lambda i, a=left, b=right: None if i < 0 else (a[i], b[i]),
            lambda i, x, f=feature, t=limits: ~(x[:, _place(f[i])] <= t[i]),
            lambda i, v=value: v[_place(-1 - i)].reshape(1),
        )[:, 0]  # fmt: skip
    return decided(scores, values)


def _whole(word: str) -> int:
    if not math.isfinite(float(word)) or float(word) != int(float(word)):
        raise ValueError(word)
    return int(float(word))


def _line(line: str) -> tuple[str, str]:
    key, _, value = line.strip().partition("=")
    return key, value


def write_json(path: Path, rng: np.random.Generator | None) -> Any:
    """Damage values in a tree, so that the text stays JSON."""
    value = json.loads((DATA / "xgb_binary.json").read_text())
    trees = value["learner"]["gradient_booster"]["model"]["trees"]
    for _ in range(0 if rng is None else int(rng.integers(1, 4))):
        assert rng is not None
        tree = trees[rng.integers(0, len(trees))]
        key = str(rng.choice(sorted(tree)))
        odd = (-1, 0, 1, 5, 1 << 40, 0.5, float("nan"), 1e30, None, "x", [], True)
        bad = odd[rng.integers(0, len(odd))]
        if isinstance(tree[key], list) and tree[key] and rng.random() < 0.8:
            tree[key][rng.integers(0, len(tree[key]))] = bad
        else:
            tree[key] = bad
    path.write_text(json.dumps(value))
    return value


def write_ubjson(path: Path, rng: np.random.Generator | None) -> bytes:
    """Damage bytes; in half of the files only of numbers in arrays, of which most of it is."""
    data = bytearray((DATA / "xgb_multi.ubj").read_bytes())
    if rng is not None:
        mild = rng.random() < 0.5
        for _ in range(int(rng.integers(1, 4))):
            starts = [m.start() for m in re.finditer(b"split_conditions|split_indices", data)]
            low, high = 0, len(data)
            if mild:
                # Behind the name, the type and the count.
                low = int(rng.choice(starts)) + 26
                high = low + 15
            data[int(rng.integers(low, high))] = int(rng.integers(0, 256))
        if not mild and rng.random() < 0.2:
            del data[rng.integers(0, len(data)) :]
    path.write_bytes(bytes(data))
    return bytes(data)

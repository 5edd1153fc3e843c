"""Cascades: a small net that answers where it is sure, and a large one elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import random_layers_model
from helpers_binary import cascaded, random_pynq, write_cascade

from gatec.errors import ModelError, UsageError
from gatec.frontends import inspect_model, neutral_bytes, read_model, write_neutral
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.proof.arithmetic import check_lowering

BITS = np.random.default_rng(1).integers(0, 2, size=(400, 11), dtype=np.uint8)


def nets(classes: int = 4) -> tuple[ModelGraph, ModelGraph]:
    rng = np.random.default_rng(classes)
    return tuple(  # type: ignore[return-value]
        random_layers_model(rng, 11, [width, width], classes) for width in (6 * classes, 60)
    )


@pytest.mark.parametrize("margin", [1, 2, 100])
@pytest.mark.parametrize("classes", [2, 4, 10])
def test_the_margin_decides_who_answers(tmp_path: Path, classes: int, margin: int) -> None:
    small, large = nets(classes)
    model = read_model(write_cascade(tmp_path, small, large, margin))
    expected, sure = cascaded(small, large, BITS, margin)
    assert np.array_equal(model.predict(BITS), expected)
    assert sure.any() == (margin < 100)
    assert not sure.all()
    whole = model.with_output("argmax")
    assert len(check_lowering(whole, lower(whole))) == len(whole.blocks) - 1


def test_nets_of_different_trainers(tmp_path: Path) -> None:
    small, large = random_pynq((11, 9, 4), 5), nets()[1]
    np.savez(tmp_path / "p.npz", **small)
    write_neutral(large, tmp_path / "l.npz")
    described = {"small": {"file": "p.npz", "format": "bnn-pynq"}, "large": {"file": "l.npz"}}
    (tmp_path / "c.json").write_text(json.dumps({"cascade": {**described, "margin": 1}}))
    expected, sure = cascaded(read_model(tmp_path / "p.npz"), large, BITS, 1)
    assert np.array_equal(read_model(tmp_path / "c.json").predict(BITS), expected)
    assert 0 < sure.sum() < len(sure)


def test_neutral_form_keeps_the_cascade(tmp_path: Path) -> None:
    model = read_model(write_cascade(tmp_path, *nets(), 2))
    (tmp_path / "n.npz").write_bytes(neutral_bytes(model))
    again = read_model(tmp_path / "n.npz")
    assert neutral_bytes(again) == neutral_bytes(model)
    assert np.array_equal(again.predict(BITS), model.predict(BITS))


def test_a_class_alone_is_always_sure(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small, large = (random_layers_model(rng, 11, [width], 1) for width in (3, 5))
    assert not read_model(write_cascade(tmp_path, small, large, 1)).predict(BITS).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margin": 0}, "margin is 0; expected 1 and more"),
        ({"margin": "2"}, "margin is '2'"),
        ({"more": 1}, 'expected "small", "large" and "margin"'),
        ({"small": {"file": "../small.npz"}}, "small: file '../small.npz'; expected one right"),
        ({"small": {"file": "link.npz"}}, "small: file 'link.npz'"),
        ({"small": {"file": "gone.npz"}}, "gone.npz: no such file"),
        ({"small": {"file": "net.json"}}, "small: is a cascade itself"),
        ({"small": {}}, "small: names no file"),
        (
            {"small": {"file": "small.npz", "encoder": "own"}},
            "small: encoder is 'own'; expected num",
        ),
        ({"small": {"file": "small.npz", "classes": 3}}, "--classes 3 was given, but the file say"),
        ({"small": {"file": "other.npz"}}, "small: 3 classes; large: 4 classes; expected the same"),
        (
            {"small": {"file": "plain.npz"}},
            'small: plain.npz: has no classes; expected "classes": N',
        ),
    ],
)
def test_what_is_no_cascade_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    rng = np.random.default_rng(0)
    path = write_cascade(tmp_path, *nets(), 2)
    write_neutral(random_layers_model(rng, 11, [6], 3), tmp_path / "other.npz")
    write_neutral(random_layers_model(rng, 11, [6], None), tmp_path / "plain.npz")
    (tmp_path / "link.npz").symlink_to(tmp_path / "small.npz")
    value = json.loads(path.read_text())
    value["cascade"] |= change
    path.write_text(json.dumps(value))
    with pytest.raises((ModelError, UsageError)) as caught:
        read_model(path)
    assert message in str(caught.value)


def test_inspect_explains(tmp_path: Path) -> None:
    text = str(inspect_model(write_cascade(tmp_path, *nets(), 3)))
    assert "cascade (json)" in text
    assert "small: ahead by 3" in text
    assert "note: cascade: the small net answers where its best score is at least 3 above" in text


def test_inspect_lists_what_is_missing_in_both_nets(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write_cascade(tmp_path, *nets(), 3)
    write_neutral(random_layers_model(rng, 11, [8], None), tmp_path / "small.npz")
    lists = {"gate_types": [[1, 2]], "connections.A": [[0, 1]], "connections.B": [[1, 2]]}
    np.savez(tmp_path / "large.npz", **{key: np.array(value) for key, value in lists.items()})
    found = inspect_model(path).missing
    assert found[0] == 'small: small.npz: has no classes; expected "classes": N'
    assert found[1].startswith("large: large.npz: input width is not in the file and the wiring")
    assert found[1].endswith(', as a key beside "file" without the dashes')
    assert found[2:] == ['large: large.npz: has no classes; expected "classes": N']
    with pytest.raises(ModelError, match="small: small.npz: has no classes"):
        read_model(path)

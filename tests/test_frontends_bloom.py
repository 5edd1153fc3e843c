"""Bloom-filter discriminators: files laid out as BTHOWeN and ULEEN write them, and refusals."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_bloom import BloomFilter, WiSARD, ensemble, save_packed, wisard

from gatec.bits import pack
from gatec.errors import GatecError, LimitError, ModelError
from gatec.frontends import ReadOptions, inspect_model, read_model
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering


def check(path: Path, model: Any, inputs: int) -> None:
    net = read_model(path)
    bits = np.random.default_rng(1).integers(0, 2, size=(300, inputs))
    found = net.evaluate(pack(bits), 300).scores
    assert found is not None
    np.testing.assert_array_equal(found.T, model.responses(bits))
    check_lowering(net, lower(net))


@pytest.mark.parametrize(
    "sizes",
    [{}, {"hashes": 1}, {"inputs": 25, "hashes": 4}, {"reads": 9, "entries": 256, "inputs": 30},
     {"reads": 2, "entries": 128, "hashes": 1}],
)  # fmt: skip
def test_bthowen(tmp_path: Path, sizes: dict[str, int]) -> None:
    model = wisard(np.random.default_rng(0), **sizes)
    path = save_packed(model, tmp_path / "net.pickle.lzma")
    check(path, model, sizes.get("inputs", 22))
    assert "bloom (pickle.lzma)" in str(inspect_model(path))


def test_uleen(tmp_path: Path) -> None:
    model = ensemble(np.random.default_rng(3))
    check(save_packed(model, tmp_path / "net.pickle.lzma"), model, 24)


@pytest.mark.parametrize(("what", "number"), [("encoding_bits", 5), ("num_inputs", 64)])
def test_uleen_of_other_inputs_than_its_models(tmp_path: Path, what: str, number: int) -> None:
    model = ensemble(np.random.default_rng(3))
    setattr(model, what, number)
    with pytest.raises(
        ModelError, match=r"model 0.input_order: 24 inputs without .* expected \d+:"
    ):
        read_model(save_packed(model, tmp_path / "net.pickle.lzma"))


def test_zeros_that_older_files_do_not_tell(tmp_path: Path) -> None:
    model = wisard(np.random.default_rng(0), inputs=20)
    del model.pad_zeros
    check(save_packed(model, tmp_path / "net.pickle.lzma"), model, 20)


def first(model: WiSARD) -> BloomFilter:
    return model.discriminators[0].filters[0]


def broken(change: str) -> Any:
    model = wisard(np.random.default_rng(0))
    if change == "order":
        model.input_order = model.input_order + 1
    elif change == "entries":
        first(model).data = np.zeros(33, dtype=int)
    elif change == "hashes":
        first(model).hash_values = np.full((2, 5), 32)
    elif change == "sizes":
        first(model).data = np.zeros(64, dtype=int)
    elif change == "bleach":
        first(model).bleach = "high"
    elif change == "filters":
        model.discriminators[1].num_filters = 7
    elif change == "classes":
        model.discriminators = []
    elif change == "floats":
        first(model).data = np.zeros(32)
    elif change == "model":
        return {"a": 1}
    return model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("order", r"model 0.input_order: is no order; expected 0..24"),
        ("entries", "class 0, filter 0: 33 entries; expected a power of two"),
        ("hashes", r"class 0, filter 0: hash_values \[2, 5\] up to 32; .* below 32"),
        ("sizes", "model 0: filters of unlike sizes"),
        ("bleach", "class 0, filter 0.bleach: no number"),
        ("filters", "model 0, class 1: no number of filters that divides the input"),
        ("classes", "discriminators: is no list"),
        ("floats", "class 0, filter 0.data: no integers"),
        ("model", "no model that gatec knows"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, change: str, message: str) -> None:
    path = save_packed(broken(change), tmp_path / "net.pickle.lzma")
    with pytest.raises(ModelError, match=f"net.pickle.lzma: .*{message}"):
        read_model(path)


def test_packed_files_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_packed(wisard(np.random.default_rng(0)), tmp_path / "net.pickle.lzma")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(GatecError, match="no whole pickle"):
        read_model(path)
    path.write_bytes(whole[:40] + b"\0" * 9 + whole[49:])
    with pytest.raises(GatecError, match="broken xz file"):
        read_model(path)
    path.write_bytes(lzma.compress(b"text"))
    with pytest.raises(GatecError, match="no whole pickle"):
        read_model(path)
    monkeypatch.setattr("gatec.frontends.files.packed.MAX_PICKLE_BYTES", 1000)
    path.write_bytes(whole)
    with pytest.raises(LimitError, match="unpacked pickle; expected at most 1000 bytes"):
        read_model(path)


def test_wiring_is_refused(tmp_path: Path) -> None:
    path = save_packed(wisard(np.random.default_rng(0)), tmp_path / "net.pickle.lzma")
    with pytest.raises(GatecError, match="--wiring was given, but the model holds its wiring"):
        read_model(path, ReadOptions(wiring=path))

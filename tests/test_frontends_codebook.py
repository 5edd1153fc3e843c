"""Output codes: the nearest codeword, for codes with names and for codebooks in files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from helpers import random_layers_model
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec import compile as compile_net
from gatec.errors import ModelError
from gatec.frontends import ReadOptions, inspect_model, neutral_bytes, read_model
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering


def net_file(folder: Path, width: int, **extra: Any) -> Path:
    """Write a net of random gates whose last layer has `width` outputs."""
    model = random_layers_model(np.random.default_rng(width), 8, [20, width], None)
    path = folder / "net.npz"
    path.write_bytes(neutral_bytes(model))
    if extra:
        np.savez(path, **np.load(path), **extra)
    return path


def nearest(bits: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """Return the class of each row of output bits, by the definition of the decision."""
    votes = bits.shape[1] // codebook.shape[1]
    words = np.repeat(codebook, votes, axis=1)
    return (bits[:, None, :] != words[None]).sum(axis=2).argmin(axis=1)


def check(path: Path, codebook: np.ndarray, options: ReadOptions) -> None:
    model = read_model(path, options)
    samples = np.random.default_rng(0).integers(0, 2, size=(300, 8))
    bits = read_model(path, ReadOptions()).with_output("bits").output_bits(samples)
    bits = bits[:, : model.layers[-1].in_width]
    np.testing.assert_array_equal(model.predict(samples), nearest(bits, codebook))
    check_lowering(model, lower(model))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 7), st.integers(1, 3))
def test_any_codebook(seed: int, classes: int, bits: int, votes: int) -> None:
    rng = np.random.default_rng(seed)
    codebook = rng.integers(0, 2, size=(classes, bits))
    with TemporaryDirectory() as folder:
        path = net_file(Path(folder), bits * votes)
        np.savez(Path(folder) / "code.npz", codebook=codebook)
        check(path, codebook, ReadOptions(codebook=f"{folder}/code.npz"))


@pytest.mark.parametrize(
    ("code", "classes", "words"),
    [
        ("one-hot", 3, ["100", "010", "001"]),
        ("binary", 5, ["000", "001", "010", "011", "100"]),
        ("binary-lsb", 5, ["000", "100", "010", "110", "001"]),
        ("binary", 1, ["0"]),
    ],
)
def test_codes_with_names(tmp_path: Path, code: str, classes: int, words: list[str]) -> None:
    codebook = np.array([[int(bit) for bit in word] for word in words])
    path = net_file(tmp_path, 2 * codebook.shape[1])
    check(path, codebook, ReadOptions(codebook=code, classes=classes))


def test_codebook_in_the_file_to_a_proved_netlist(tmp_path: Path) -> None:
    """A Hamming (7, 4) code: any one wrong output bit is put right."""
    rows = np.array([[1, 0, 0, 0, 1, 1, 0], [0, 1, 0, 0, 1, 0, 1], [0, 0, 1, 0, 0, 1, 1],
                     [0, 0, 0, 1, 1, 1, 1]])  # fmt: skip
    words = (np.arange(16)[:, None] >> np.arange(4)) & 1
    codebook = words @ rows % 2
    path = net_file(tmp_path, 7, codebook=codebook)
    result = compile_net(path, place_and_route=False)
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    (tmp_path / "copy.npz").write_bytes(result.files["model.npz"])
    samples = np.random.default_rng(0).integers(0, 2, size=(99, 8))
    copy, model = read_model(tmp_path / "copy.npz"), read_model(path)
    np.testing.assert_array_equal(copy.predict(samples), model.predict(samples))


def test_two_thousand_classes() -> None:
    model = random_layers_model(np.random.default_rng(0), 40, [4000], 2000)
    facts = check_lowering(model, lower(model))
    assert facts[-1] == "argmax: 1999 comparators tried on all inputs"


@pytest.mark.parametrize(
    ("codebook", "options", "message"),
    [
        (np.ones((3, 4)), {}, "codebook float64"),
        (np.full((3, 4), 2), {}, "other numbers than 0 and 1"),
        (np.ones((3, 5), dtype=int), {}, "12 outputs do not divide into codewords of 5 bits"),
        (np.ones((3, 4), dtype=int), {"classes": 4}, "codebook of 3 codewords; expected 4 classes"),
        (np.ones((3, 4), dtype=int), {"codebook": "binary"}, "but the file has one"),
        (None, {"codebook": "binary"}, "expected --classes N"),
        (None, {"codebook": "absent.npz"}, "absent.npz: no such file"),
    ],
)
def test_codebooks_that_are_refused(
    tmp_path: Path, codebook: Any, options: dict[str, Any], message: str
) -> None:
    path = net_file(tmp_path, 12, **({} if codebook is None else {"codebook": codebook}))
    with pytest.raises(ModelError, match=message):
        read_model(path, ReadOptions(**options))


def test_inspect_names_the_code(tmp_path: Path) -> None:
    path = tmp_path / "n.npz"
    layers = random_layers_model(np.random.default_rng(0), 4, [6], None)
    path.write_bytes(neutral_bytes(layers))
    text = str(inspect_model(path, ReadOptions(codebook="binary", classes=5)))
    assert "note: codebook: nearest of 5 codewords of 3 bits" in text

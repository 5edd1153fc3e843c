"""safetensors and npz: arrays as their own libraries write them, and headers that lie."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_hostile import GOOD, header, npy
from safetensors.torch import save as save_safetensors

from gatec.errors import LimitError, ModelError
from gatec.frontends import read_model
from gatec.frontends.files.content import open_model
from gatec.frontends.files.npz import parse_npy, read_npy, read_npz
from gatec.frontends.files.safetensors import read_safetensors
from gatec.frontends.files.zipped import ZipMembers

DTYPES = [
    torch.float16,
    torch.float32,
    torch.float64,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint8,
    torch.bool,
]


def test_safetensors_come_back() -> None:
    values = {str(d).replace("torch.", ""): (torch.rand(3, 5) * 9).to(d) for d in DTYPES}
    values |= {
        "scalar": torch.tensor(4),
        "empty": torch.zeros(0, 3),
        "half": torch.rand(5).bfloat16(),
    }
    found = read_safetensors(save_safetensors(values, {"format": "pt"}), "x")
    assert sorted(found) == sorted(values)
    for key, tensor in values.items():
        expected = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        np.testing.assert_array_equal(found[key], expected.numpy())


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0" * 7, struct.pack("<Q", 9) + b"{}", struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{x", struct.pack("<Q", 4) + b'"\xff"}',
        struct.pack("<Q", 20_000) + b'{"a":' + b"[" * 19_990 + b"     ",
        header({"a": GOOD}, bytes(7)), header({"a": GOOD}, bytes(9)), header({}, b"x"),
        header({"a": GOOD | {"dtype": "F8_E4M3"}}, bytes(8)), header({"a": []}, b""),
        header({"a": GOOD | {"dtype": ["I32"]}}, bytes(8)),
        header({"a": GOOD | {"shape": [3]}}, bytes(8)),
        header({"a": GOOD | {"shape": 2}}, bytes(8)),
        header({"a": GOOD | {"shape": [-2]}}, bytes(8)),
        header({"a": GOOD | {"shape": [2.0]}}, bytes(8)),
        header({"a": GOOD | {"shape": [True, 2]}}, bytes(8)),
        header({"a": GOOD | {"data_offsets": [0, 8, 9]}}, bytes(8)),
        header({"a": GOOD | {"data_offsets": [-8, 0]}}, bytes(8)),
        header({"a": GOOD | {"data_offsets": [8, 0]}}, bytes(8)),
        header({"a": GOOD | {"data_offsets": [0.0, 8.0]}}, bytes(8)),
        header({"a": GOOD | {"data_offsets": [4, 12]}}, bytes(12)),
        header({"a": GOOD, "b": GOOD}, bytes(8)), header({"a": {"dtype": "I32"}}, b""),
        header({"a": GOOD, "b": GOOD | {"data_offsets": [4, 12]}}, bytes(12)),
        header({"a": GOOD | {"shape": [10**12, 0], "data_offsets": [0, 0]}}, b""),
        header({"a": {"dtype": "I32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}, b""),
        struct.pack("<Q", 2**40) + b"{}", struct.pack("<Q", 99 << 20) + b"{}",
    ],
)  # fmt: skip
def test_broken_safetensors(data: bytes) -> None:
    with pytest.raises((ModelError, LimitError), match="^x: "):
        read_safetensors(data, "x")


def test_safetensors_name_twice() -> None:
    entry = json.dumps(GOOD)
    text = f'{{"a": {entry}, "a": {entry}}}'.encode()
    with pytest.raises(ModelError, match="a name is there twice"):
        read_safetensors(struct.pack("<Q", len(text)) + text + bytes(8), "x")


NPY_ARRAYS = {
    "f4": np.arange(6, dtype="<f4").reshape(2, 3), "big": np.arange(6, dtype=">i4"),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)), "scalar": np.float64(2.5),
    "empty": np.zeros((0, 4)), "bool": np.array([True, False]), "u1": np.arange(3, dtype="u1"),
    "f2": np.arange(3, dtype="f2"), "cube": np.arange(24).reshape(2, 3, 4).T,
}  # fmt: skip


@pytest.mark.parametrize("compressed", [False, True])
def test_npz_comes_back(compressed: bool) -> None:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(
        stream, **NPY_ARRAYS, text=np.array(["a", "b"]), pair=np.zeros(2, dtype="i4,f4")
    )
    found = read_npz(ZipMembers(stream.getvalue(), "x.npz"))
    assert sorted(found) == sorted(NPY_ARRAYS)
    for key, array in NPY_ARRAYS.items():
        np.testing.assert_array_equal(found[key], array)
        assert found[key].dtype.isnative


def test_npy_versions(tmp_path: Path) -> None:
    for version in [(1, 0), (2, 0), (3, 0)]:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, np.arange(5), version)
        (tmp_path / "a.npy").write_bytes(stream.getvalue())
        assert read_npy(tmp_path / "a.npy").tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff", npy("{}"), npy("__import__('os')"),
        npy("{'descr': '<i8', 'fortran_order': False, 'shape': (10000000000000,), }"),
        npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", bytes(15)),
        npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", bytes(17)),
        npy("{'descr': '<i8', 'fortran_order': False, 'shape': (-2,), }", bytes(16)),
        npy("{'descr': '<i3', 'fortran_order': False, 'shape': (2,), }", bytes(6)),
        npy("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", bytes(16)),
        npy("{'descr': '<i8', 'fortran_order': 0, 'shape': (2,), }", bytes(16)),
        npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), 'x': 1}", bytes(16)),
        npy("{'descr': '<i8', 'fortran_order': False, 'shape': (0, 99999999999999999999), }"),
        npy("{'descr': '<i8', 'fortran_order': False, 'shape': (" + "1, " * 30 + "), }", bytes(8)),
        npy("", magic=b"\x93NUMPY\x09\x00"), b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{",
    ],
)  # fmt: skip
def test_broken_npy(data: bytes) -> None:
    with pytest.raises((ModelError, LimitError), match=r"^x\.npz: a: "):
        parse_npy(memoryview(data), file="x.npz", place="a")


def test_object_arrays_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", gate_types=np.array([{"a": 1}], dtype=object))
    assert open_model(tmp_path / "o.npz").tensors == {}
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object))
    with pytest.raises(ModelError, match="not numbers"):
        read_npy(tmp_path / "o.npy")


def test_npz_with_a_foreign_member(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "n.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ModelError, match=r"readme\.txt: not an array"):
        read_model(tmp_path / "n.npz")

"""torch's two layouts: tensors as torch reads them, and numbers that lie."""

from __future__ import annotations

import io
import pickle
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_hostile import as_torch_legacy, as_torch_zip, storage_pickle

from gatec.errors import LimitError, ModelError
from gatec.frontends import read_model
from gatec.frontends.files.archive import read_torch_legacy, read_torch_zip
from gatec.frontends.files.zipped import ZipMembers

DTYPES = [torch.float16, torch.float32, torch.float64, torch.int8, torch.int16, torch.int32,
          torch.int64, torch.uint8, torch.bool]  # fmt: skip


def saved(value: Any, *, legacy: bool = False) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def loaded(data: bytes) -> Any:
    if data[:2] == b"PK":
        return read_torch_zip(ZipMembers(data, "x.pt"))
    return read_torch_legacy(data, "x.pt")


def views() -> dict[str, torch.Tensor]:
    base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    return {
        "plain": base, "turned": base.permute(2, 0, 1), "part": base[1:, ::2, 3:],
        "shared": base[0], "scalar": torch.tensor(3.5), "empty": torch.zeros(0, 4),
        "spread": torch.arange(4).view(4, 1).expand(4, 6), "tail": base.reshape(-1)[55:],
    }  # fmt: skip


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_tensors_come_back(legacy: bool) -> None:
    values = views() | {str(dtype): (torch.rand(3, 5) * 9).to(dtype) for dtype in DTYPES}
    values["parameter"] = torch.nn.Parameter(torch.rand(4))
    found = loaded(saved(values, legacy=legacy))
    assert list(found) == list(values)
    for key, tensor in values.items():
        np.testing.assert_array_equal(found[key], tensor.detach().numpy(), err_msg=key)
        assert not found[key].flags.writeable
    half = torch.rand(7).bfloat16()
    found = loaded(saved([half], legacy=legacy))[0]
    np.testing.assert_array_equal(found, half.float().numpy())


def test_views_of_a_zip_file_are_not_copies() -> None:
    data = saved({"w": torch.arange(1000)})
    found = loaded(data)["w"]
    assert np.shares_memory(found, np.frombuffer(data, dtype=np.uint8))


def test_big_endian_files() -> None:
    data = saved({"w": torch.arange(5)})
    source = zipfile.ZipFile(io.BytesIO(data))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for info in source.infolist():
            content = source.read(info)
            if info.filename.endswith("byteorder"):
                content = b"big"
            elif "/data/" in info.filename:
                content = np.frombuffer(content, "<i8").astype(">i8").tobytes()
            target.writestr(info.filename, content)
    assert loaded(stream.getvalue())["w"].tolist() == [0, 1, 2, 3, 4]


def test_compressed_torch_archive_is_read() -> None:
    data = saved({"w": torch.zeros(1000)})
    source = zipfile.ZipFile(io.BytesIO(data))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert loaded(stream.getvalue())["w"].shape == (1000,)


def test_the_tensor_pickle_of_the_next_test_is_good() -> None:
    data = as_torch_zip(storage_pickle(), {"0": np.arange(4, dtype="<f4").tobytes()})
    assert loaded(data).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 5}, {"count": -1}, {"count": 2**70}, {"offset": 1}, {"offset": -1},
        {"offset": 2**63}, {"offset": 0.0}, {"offset": True, "shape": (4,)}, {"shape": (5,)},
        {"shape": (-1,)}, {"shape": (2, 2)}, {"shape": (4.0,)}, {"shape": 4}, {"shape": [4]},
        {"shape": (2**40,)}, {"shape": (2**62, 4), "strides": (0, 0)}, {"strides": (2,)},
        {"strides": (-1,)}, {"strides": (2**62,)}, {"strides": ()}, {"strides": (None,)},
        {"shape": (1,) * 40, "strides": (1,) * 40}, {"shape": (10**12,), "strides": (0,)},
        {"shape": (0, 2**62), "strides": (1, 1)}, {"kind": "ComplexFloat"}, {"kind": "Quint8"},
        {"shape": (2**20, 2**20), "strides": (0, 0)}, {"kind": ""},
        {"shape": (2**25,), "strides": (0,)}, {"shape": ((1,),)}, {"offset": (1,)},
    ],
)  # fmt: skip
def test_tensors_out_of_bounds(fields: dict[str, Any]) -> None:
    data = as_torch_zip(storage_pickle(**fields), {"0": np.arange(4, dtype="<f4").tobytes()})
    start = time.process_time()
    with pytest.raises((ModelError, LimitError), match=r"x\.pt"):
        loaded(data)
    assert time.process_time() - start < 1


LEGACY_HEADS = {
    "magic": ([1, 1001, {}], "a pickle that torch did not write"),
    "protocol": ([0x1950A86A20F9469CFC6C, 7, {}], "a pickle that torch did not write"),
    "system": ([0x1950A86A20F9469CFC6C, 1001, []], "a pickle that torch did not write"),
}


@pytest.mark.parametrize("name", LEGACY_HEADS)
def test_old_layout_with_a_wrong_head(tmp_path: Path, name: str) -> None:
    parts, message = LEGACY_HEADS[name]
    content = b"".join(pickle.dumps(part, 2) for part in [*parts, {}, []])
    (tmp_path / "n.pt").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_model(tmp_path / "n.pt")


def test_old_layout_with_wrong_storages(tmp_path: Path) -> None:
    head = as_torch_legacy(b"")[: -len(pickle.dumps([], 2))] + storage_pickle()
    elements = np.arange(4, dtype="<f4").tobytes()
    for keys, body, message in [
        (["0"], struct.pack("<q", 4) + elements, ""),
        ([], b"", "storage '0' is missing"),
        (["1"], b"", "storage '1' has no tensor"),
        ([7], b"", "storage 7 has no tensor"),
        ({}, b"", "no list of storages"),
        (["0"], struct.pack("<q", 4), "storage 0: 4 elements"),
        (["0"], struct.pack("<q", -4) + elements, "storage 0: -4 elements"),
        (["0"], struct.pack("<q", 2**62), "elements"),
        (["0"], b"\0\0", "storage 0: cut off"),
        (["0"], struct.pack("<q", 3) + elements, "3 elements; expected 4"),
    ]:
        content = head + pickle.dumps(keys, 2) + body
        if not message:
            assert loaded(content).tolist() == [0, 1, 2, 3]
            continue
        with pytest.raises(ModelError, match=message):
            loaded(content)


def test_tar_layout_is_refused_with_the_conversion(tmp_path: Path) -> None:
    (tmp_path / "n.pt").write_bytes(b"sys_info".ljust(257, b"\0") + b"ustar" + bytes(300))
    with pytest.raises(ModelError, match="tar layout.*torch.save"):
        read_model(tmp_path / "n.pt")

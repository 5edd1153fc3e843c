"""The containers: torch's zip and old layout, safetensors, npz; good ones and broken ones."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_frontends import difflogic_net, save
from helpers_hostile import as_torch_legacy, as_torch_zip
from safetensors.torch import save as save_safetensors

from gatec import limits
from gatec.errors import GatecError, LimitError, ModelError
from gatec.frontends import read_model
from gatec.frontends.archive import read_torch_legacy, read_torch_zip
from gatec.frontends.content import open_model
from gatec.frontends.npz import parse_npy, read_npy, read_npz
from gatec.frontends.safetensors import read_safetensors
from gatec.frontends.zipped import ZipMembers

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


def storage_pickle(
    count: int = 4, offset: Any = 0, shape: Any = (4,), strides: Any = (1,), kind: str = "Float"
) -> bytes:
    """Return torch's pickle of one tensor, with any numbers in it."""
    head = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + b"(X\x07\x00\x00\x00storagectorch\n"
    head += kind.encode() + b"Storage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    number = pickle.dumps(count, 2)[2:-1]
    parts = b"".join(pickle.dumps(part, 2)[2:-1] for part in (offset, shape, strides))
    return head + number + b"tQ" + parts + b"\x89NtR."


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
    start = time.monotonic()
    with pytest.raises((ModelError, LimitError), match=r"x\.pt"):
        loaded(data)
    assert time.monotonic() - start < 1


def rezipped(change: Callable[[zipfile.ZipFile, str, bytes], None]) -> bytes:
    """Return a model's zip file with members rewritten by `change`."""
    source = zipfile.ZipFile(io.BytesIO(saved(difflogic_net().state_dict())))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            change(target, name, source.read(name))
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_files_that_are_odd(tmp_path: Path) -> None:
    def twice(target: zipfile.ZipFile, name: str, data: bytes) -> None:
        target.writestr(name, data)
        if name.endswith("data.pkl"):
            target.writestr(name, data)

    def leaves(target: zipfile.ZipFile, name: str, data: bytes) -> None:
        target.writestr(name, data)
        target.writestr("../" + name, data)

    def absolute(target: zipfile.ZipFile, name: str, data: bytes) -> None:
        target.writestr("/" + name, data)

    def second(target: zipfile.ZipFile, name: str, data: bytes) -> None:
        target.writestr(name, data)
        target.writestr("other/" + Path(name).name, data)

    def order(target: zipfile.ZipFile, name: str, data: bytes) -> None:
        target.writestr(name, b"middle" if name.endswith("byteorder") else data)

    def short(target: zipfile.ZipFile, name: str, data: bytes) -> None:
        if not name.endswith("data/0"):
            target.writestr(name, data)

    for change, message in [
        (twice, "data.pkl: member is there twice"), (leaves, "leaves the archive"),
        (absolute, "leaves the archive"), (second, "2 members data.pkl; expected one"),
        (order, "byteorder: unknown byte order"), (short, "data/0: missing in the file"),
    ]:  # fmt: skip
        (tmp_path / "n.pt").write_bytes(rezipped(change))
        with pytest.raises(ModelError, match=message):
            read_model(tmp_path / "n.pt")


def test_encrypted_zip(tmp_path: Path) -> None:
    data = bytearray(saved(difflogic_net().state_dict()))
    directory = data.find(b"PK\x01\x02")
    data[directory + 8] |= 1
    (tmp_path / "n.pt").write_bytes(data)
    with pytest.raises(ModelError, match="encrypted; expected no password"):
        read_model(tmp_path / "n.pt")


def test_checksum_is_checked(tmp_path: Path) -> None:
    data = bytearray(saved({"1.weights": torch.ones(100, 16)}))
    data[data.find(np.ones(8, np.float32).tobytes()) + 3] ^= 1
    (tmp_path / "n.pt").write_bytes(data)
    with pytest.raises(ModelError, match="data/0: broken member: checksum differs"):
        read_model(tmp_path / "n.pt")


@pytest.mark.parametrize(("members", "mebibytes"), [(1, 256), (200, 1)])
def test_zip_bomb(tmp_path: Path, members: int, mebibytes: int) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(members):
            archive.writestr(f"{i}.npy", bytes(mebibytes << 20))
    start = time.monotonic()
    with pytest.raises(LimitError, match="compression ratio") as caught:
        read_model(path)
    assert time.monotonic() - start < 2
    assert caught.value.exit_code == 7


CHILD = """
import resource, sys
from gatec.errors import GatecError
from gatec.frontends import inspect_model
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
for path in sys.argv[1:]:
    try:
        inspect_model(path)
    except GatecError as error:
        print(error.exit_code, end=" ")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 300 << 10)
"""


def test_small_files_do_not_take_much_memory(tmp_path: Path) -> None:
    storage = {"0": bytes(16)}
    files = {
        "bomb.npz": zip_of({"a.npy": bytes(256 << 20)}),
        "shape.npz": zip_of({"a.npy": npy(SHAPE)}),
        "shape.safetensors": header({"a": GOOD | {"shape": [10**12]}}, bytes(8)),
        "repeat.pt": as_torch_zip(storage_pickle(shape=(10**8, 10), strides=(0, 0)), storage),
        "text.pt": as_torch_zip(b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"x."),
        "count.pt": as_torch_zip(storage_pickle(count=10**12), storage),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = [str(tmp_path / name) for name in files]
    command = [sys.executable, "-c", CHILD, *paths]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.stdout == "7 7 7 7 3 3 True\n", found.stderr


SHAPE = "{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }"


def zip_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def test_zip_that_lies_about_its_sizes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(1 << 20))
    good = stream.getvalue()
    directory = good.find(b"PK\x01\x02")
    for size, message in [(100, "a.npy"), (2**31, "ratio|a.npy"), (2**32 - 2, "ratio|unpacked")]:
        data = bytearray(good)
        data[directory + 24 : directory + 28] = struct.pack("<I", size)
        (tmp_path / "n.npz").write_bytes(data)
        with pytest.raises(GatecError, match=message):
            read_model(tmp_path / "n.npz")


def test_overlapping_and_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for i in range(3):
            archive.writestr(f"{i}.npy", bytes(3000))
    data = bytearray(stream.getvalue())
    with monkeypatch.context() as patch:
        patch.setattr(limits, "MAX_ARCHIVE_MEMBERS", 2)
        with pytest.raises(LimitError, match="zip members: 3"):
            ZipMembers(bytes(data), "x.npz")
        patch.setattr(limits, "MAX_ARCHIVE_MEMBERS", 3)
        patch.setattr(limits, "MAX_FILE_BYTES", 5000)
        with pytest.raises(LimitError, match="unpacked bytes: 9000"):
            ZipMembers(bytes(data), "x.npz")
    for found in [i for i in range(len(data)) if data[i : i + 4] == b"PK\x01\x02"]:
        data[found + 20 : found + 28] = struct.pack("<II", 6000, 6000)
    with pytest.raises(ModelError, match="members overlap"):
        ZipMembers(bytes(data), "x.npz")


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


@pytest.mark.parametrize(
    "content", [b"", b"P", b"PK", b"hello", b"\x80", b"\x93NUMPY\x01", bytes(99)]
)
def test_files_of_no_kind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "n.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"n\.pt"):
        read_model(tmp_path / "n.pt")


def test_paths_that_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="no such file"):
        read_model(tmp_path / "absent.pt")
    with pytest.raises(ModelError, match="is not a file"):
        read_model(tmp_path)
    with pytest.raises(ModelError):
        read_model(tmp_path / ("x" * 5000))
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 10)
    (tmp_path / "n.pt").write_bytes(bytes(11))
    with pytest.raises(LimitError, match="file bytes: 11; expected at most 10"):
        read_model(tmp_path / "n.pt")


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


def header(entries: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + body


GOOD = {"dtype": "I32", "shape": [2], "data_offsets": [0, 8]}


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


def npy(text: str, body: bytes = b"", magic: bytes = b"\x93NUMPY\x01\x00") -> bytes:
    return magic + struct.pack("<H", len(text)) + text.encode() + body


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


def test_hash_is_the_files(tmp_path: Path) -> None:
    path = save(difflogic_net(), tmp_path / "n.pt")
    assert open_model(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

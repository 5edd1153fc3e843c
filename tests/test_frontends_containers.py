"""Files as containers: zip members, sizes, memory, and files of no kind."""

from __future__ import annotations

import hashlib
import io
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
from helpers_hostile import GOOD, as_torch_zip, header, npy, storage_pickle, zip_of

from gatec import limits
from gatec.errors import GatecError, LimitError, ModelError
from gatec.frontends import read_model
from gatec.frontends.files.content import open_model
from gatec.frontends.files.zipped import ZipMembers


def saved(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


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
    start = time.process_time()
    with pytest.raises(LimitError, match="compression ratio") as caught:
        read_model(path)
    assert time.process_time() - start < 2
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


def test_hash_is_the_files(tmp_path: Path) -> None:
    path = save(difflogic_net(), tmp_path / "n.pt")
    assert open_model(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

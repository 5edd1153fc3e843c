"""A guard that fails a test when reading a file does more than reading, and files that try."""

from __future__ import annotations

import codecs
import io
import json
import os
import pickle
import struct
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# What running a pickle's code would show as; opening for reading is what a reader does.
_FORBIDDEN = (
    "import", "exec", "compile", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
    "os.forkpty", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.putenv", "os.chmod",
    "subprocess.Popen", "socket.connect", "socket.bind", "shutil.rmtree", "ctypes.dlopen",
    "pickle.find_class", "builtins.input", "webbrowser.open", "marshal.loads", "code.__new__",
    "function.__new__",
)  # fmt: skip
_active: list[list[str]] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _active:
        return
    if event == "open":
        _, mode, flags = args
        writes = isinstance(mode, str) and any(letter in mode for letter in "wax+")
        creates = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or creates:
            _active[-1].append(f"open {args[0]} {mode}")
    elif event in _FORBIDDEN:
        _active[-1].append(f"{event} {args[:1]!r:.80}")


# Codecs are modules that the standard library imports when first used.
for _codec in ("cp437", "raw-unicode-escape", "unicode-escape", "latin-1", "ascii"):
    codecs.lookup(_codec)
# A hook cannot be taken out again; outside of the guard it does nothing.
sys.addaudithook(_audit)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Fail when the block imports, executes, starts or writes anything."""
    events: list[str] = []
    _active.append(events)
    try:
        yield
    finally:
        _active.pop()
    assert events == [], events


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.parts = (function, args)

    def __reduce__(self) -> Any:
        return self.parts


class WithState:
    """Pickles as an object whose `__setstate__` gets a state."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def __reduce__(self) -> Any:
        return (WithState, (None,), self.state)

    def __setstate__(self, state: Any) -> None:
        Path(state).write_text("ran")


def hostile_pickles(canary: Path) -> dict[str, bytes]:
    """Return pickles that would write `canary` if anything in them ran."""
    shell = f"touch {canary}"
    code = f"__import__('pathlib').Path({str(canary)!r}).write_text('ran')"
    line = code.encode()
    inner = pickle.dumps(Call(eval, code))
    found = {
        f"{name} {protocol}": pickle.dumps(value, protocol=protocol)
        for protocol in range(6)
        for name, value in {
            "system": Call(os.system, shell),
            "eval": Call(eval, code),
            "exec": Call(exec, code),
            "popen": Call(os.popen, shell),
            "import": Call(__import__, "antigravity"),
            "getattr": Call(getattr, os, "system") if protocol > 99 else Call(getattr, 1, "real"),
            "setstate": WithState(str(canary)),
            "nested": Call(pickle.loads, inner),
            "in a list": [1, {"a": Call(eval, code)}],
            "write": Call(open, str(canary), "w"),
        }.items()
    }
    found |= {
        "INST": b"(S'" + line.replace(b"'", b"\\'") + b"'\ni__builtin__\neval\n.",
        "OBJ": b"(c__builtin__\neval\nS'" + line.replace(b"'", b"\\'") + b"'\no.",
        "GLOBAL": b"cantigravity\nfly\n.",
        "BUILD": b"cos\nsystem\n}S'__setstate__'\ncos\nsystem\nsbS'" + shell.encode() + b"'\nb.",
        "NEWOBJ_EX": b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c" + bytes([len(line)]) + line
                     + b"\x85}\x92.",
        "NEWOBJ": b"\x80\x02c__builtin__\neval\nU" + bytes([len(line)]) + line + b"\x85\x81.",
        "torch gadget": b"\x80\x02ctorch.hub\nload\nU\x01x\x85R.",
        "rebuild of a call": b"\x80\x02ctorch._utils\n_rebuild_parameter\n(cbuiltins\neval\nU"
                             + bytes([len(line)]) + line + b"\x85R\x88NtR.",
        "persistent": b"\x80\x02(U\x07storagecos\nsystem\nU\x010U\x03cpuK\x01tQ.",
    }  # fmt: skip
    return found


def as_torch_zip(content: bytes, storages: dict[str, bytes] | None = None) -> bytes:
    """Return a `torch.save` file around a pickle."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/byteorder", "little")
        for key, data in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", data)
    return stream.getvalue()


def as_torch_legacy(content: bytes) -> bytes:
    """Return an old `torch.save` file around a pickle."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    return b"".join(pickle.dumps(part, 2) for part in head) + content + pickle.dumps([], 2)


def storage_pickle(
    count: int = 4, offset: Any = 0, shape: Any = (4,), strides: Any = (1,), kind: str = "Float"
) -> bytes:
    """Return torch's pickle of one tensor, with any numbers in it."""
    head = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + b"(X\x07\x00\x00\x00storagectorch\n"
    head += kind.encode() + b"Storage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    number = pickle.dumps(count, 2)[2:-1]
    parts = b"".join(pickle.dumps(part, 2)[2:-1] for part in (offset, shape, strides))
    return head + number + b"tQ" + parts + b"\x89NtR."


def header(entries: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + body


GOOD = {"dtype": "I32", "shape": [2], "data_offsets": [0, 8]}


def npy(text: str, body: bytes = b"", magic: bytes = b"\x93NUMPY\x01\x00") -> bytes:
    return magic + struct.pack("<H", len(text)) + text.encode() + body


def zip_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()

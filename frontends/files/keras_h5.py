"""Keras' HDF5 files (`.h5`), read as arrays by h5py (extra `h5`): weights, and whole models.

On damaged files the library of HDF5 crashes, or never ends. So it runs in a process of its own,
`gatec.frontends.files.h5_reader`, which is started for the first file, kept for the next ones, and
ends with this one. A request is the number of bytes (8, highest first) and the file. The reply is
JSON, with its number of bytes before it, and the bytes of the arrays that it lists, in C order.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from gatec.errors import ModelError, ToolError, UsageError
from gatec.frontends.files.tensors import Array

H5_MAGIC = b"\x89HDF\r\n\x1a\n"
CONFIG = "config"
MAX_CONFIG = 1 << 24
# What the process says when it has loaded h5py.
STARTED = b"h5"
# A file of the largest size takes less than a minute.
_SECONDS = 60.0
_CHUNK = 1 << 20


class _LostError(Exception):
    """The process is gone, or does not answer."""


class _Process:
    """The process, and the pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "gatec.frontends.files.h5_reader"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        try:
            self._receive(len(STARTED), time.monotonic() + _SECONDS)
        except _LostError:
            self.stop()
            raise ToolError("h5py cannot be loaded", expected="a sound installation") from None

    def ask(self, data: bytes) -> tuple[dict[str, Any], list[bytes]]:
        """Return the reply to a file, and the bytes of its arrays."""
        deadline = time.monotonic() + _SECONDS
        try:
            self._send(len(data).to_bytes(8))
            self._send(data)
        except BrokenPipeError:
            raise _LostError("crashes") from None
        reply = json.loads(self._receive(int.from_bytes(self._receive(8, deadline)), deadline))
        return reply, [self._receive(size, deadline) for *_, size in reply.get("arrays", ())]

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        left = memoryview(data)
        while left:
            left = left[self._process.stdin.write(left) :]

    def _receive(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        parts: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while size:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise _LostError(f"does not end within {_SECONDS:.0f} s")
                part = os.read(self._process.stdout.fileno(), min(size, _CHUNK))
                if not part:
                    raise _LostError("crashes")
                parts.append(part)
                size -= len(part)
        return b"".join(parts)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


_LOCK = threading.Lock()
# By the process that started it: one that was forked has no share in its parent's.
_running: dict[int, _Process] = {}


@atexit.register
def _stop() -> None:
    process = _running.pop(os.getpid(), None)
    if process is not None:
        process.stop()


def read_h5(data: bytes, label: str) -> dict[str, Array]:
    """Return `LAYER.WEIGHT` by name, and a whole model's JSON as bytes `config`.

    Raises `ModelError` at other files of HDF5 and where its library fails, `ToolError` where h5py
    is not installed.
    """
    if find_spec("h5py") is None:
        raise ToolError("h5py not found", file=label, expected="pip install 'gatec[h5]'")
    with _LOCK:
        process = _running.get(os.getpid()) or _Process()
        _running[os.getpid()] = process
        try:
            reply, parts = process.ask(data)
        except BaseException as error:
            # What it might still say would be taken for the answer to the next file.
            _stop()
            if not isinstance(error, _LostError):
                raise
            raise ModelError(f"broken HDF5: its library {error}", file=label) from None
    if "error" in reply:
        what, place, expected = reply["error"]
        raise ModelError(what, file=label, place=place, expected=expected)
    return {
        name: np.ndarray(shape, kind, part)
        for (name, kind, shape, _), part in zip(reply["arrays"], parts, strict=True)
    }


def with_config(tensors: dict[str, Array], path: Path, *, file: str) -> dict[str, Array]:
    """Return the arrays of a file of weights with the `model.to_json()` that another file holds."""
    if CONFIG in tensors:
        raise UsageError("--architecture was given, but the file holds the layers", file=file)
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_CONFIG + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", file=path) from None
    return {**tensors, CONFIG: np.frombuffer(text, np.uint8)}
